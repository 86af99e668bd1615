// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <optional>

#include "base/bytes.h"
#include "base/text.h"
#include "probes/package/package_probe.h"
#include "probes/package/read_files.h"
#include "probes/package/similar_names.h"

namespace runup {

namespace {

namespace fs = std::filesystem;

// Links followed; empty when nothing is there.
std::string real_path(const std::string& path) {
  struct Free {
    void operator()(char* text) const { std::free(text); }
  };
  const std::unique_ptr<char, Free> real(::realpath(path.c_str(), nullptr));
  return real ? std::string(real.get()) : std::string();
}

std::string parent_of(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  return slash == std::string::npos || slash == 0 ? "/" : path.substr(0, slash);
}

// `path` itself when it is `folder`, else the part below it.
std::optional<std::string> below(const std::string& path, const std::string& folder) {
  if (path == folder) {
    return "";
  }
  const std::string prefix = folder == "/" ? folder : folder + "/";
  return path.starts_with(prefix) ? std::optional(path.substr(prefix.size())) : std::nullopt;
}

std::string words_of(int error) { return std::generic_category().message(error); }

std::string nearest_folder(const std::string& path) {
  std::string folder = parent_of(path);
  struct stat status{};
  while (folder != "/" && ::stat(folder.c_str(), &status) != 0) {
    folder = parent_of(folder);
  }
  return folder;
}

std::string special_words(mode_t mode) {
  if (S_ISFIFO(mode)) {
    return "a named pipe";
  }
  if (S_ISSOCK(mode)) {
    return "a socket";
  }
  return S_ISBLK(mode) ? "a block device" : "a character device";
}

// Whether this user can read it, by asking for it: modes, access lists, security modules and network
// disks all have a say. Only for what is a regular file; opening anything else can block or act.
void try_opening(PathFacts& facts) {
  const FileDescriptor file(::open(facts.path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  if (!file) {
    facts.kind = FileKind::unreadable;
    facts.error = words_of(errno);
  }
}

void describe_missing(PathFacts& facts) {
  facts.kind = FileKind::missing;
  facts.existing_parent = nearest_folder(facts.path);
  for (std::string part = facts.path; part.size() > facts.existing_parent.size(); part = parent_of(part)) {
    std::error_code error;
    const fs::path target = fs::read_symlink(part, error);
    if (!error) {
      facts.broken_link = part;
      facts.link_target = target.string();
      return;
    }
  }
}

PathFacts look_at_path(const PathQuestion& question, const std::string& real_root) {
  PathFacts facts{.asked_by = question.asked_by, .written = question.written, .path = question.path};
  facts.real_path = real_path(facts.path);
  struct stat status{};
  if (::stat(facts.path.c_str(), &status) == 0) {
    facts.bytes = S_ISREG(status.st_mode) ? static_cast<std::uint64_t>(status.st_size) : 0;
    facts.mode = status.st_mode & 07777U;
    facts.modified_ns = status.st_mtim.tv_sec * 1'000'000'000 + status.st_mtim.tv_nsec;
    if (S_ISREG(status.st_mode)) {
      facts.kind = FileKind::regular;
      try_opening(facts);
    } else if (S_ISDIR(status.st_mode)) {
      facts.kind = FileKind::directory;
    } else {
      facts.kind = FileKind::other;
      facts.error = special_words(status.st_mode);
    }
  } else if (errno == ENOENT || errno == ENOTDIR) {
    describe_missing(facts);
  } else {
    facts.kind = FileKind::unreadable;
    facts.error = words_of(errno);
  }
  const std::string place = facts.real_path.empty() ? real_path(nearest_folder(facts.path)) : facts.real_path;
  facts.inside_package = below(place.empty() ? facts.path : place, real_root).has_value();
  return facts;
}

// Folders whose names are never what a config means.
bool is_noise(const std::string& name) {
  return name == ".git" || name == "__pycache__" || name == "node_modules" || name == ".venv" ||
         name == "venv";
}

// A missing path of the config, and what was found that resembles it.
struct Search {
  PathFacts* facts;
  SimilarNames names;
};

class Walk {
 public:
  Walk(PackageFacts& facts, const WalkBounds& bounds, std::vector<Search>& searches)
      : facts_(facts), bounds_(bounds), searches_(searches), end_(steady_now() + bounds.time) {}

  void visit(const fs::path& folder, const std::string& name, std::size_t depth, bool noise) {
    std::error_code error;
    for (fs::directory_iterator entry(folder, error), end; !error && entry != end; entry.increment(error)) {
      if (++seen_ % 256 == 0 && steady_now() > end_) {
        facts_.counting_stopped = true;
      }
      if (facts_.counting_stopped) {
        return;
      }
      const std::string own = entry->path().filename().string();
      const std::string path = name.empty() ? own : name + "/" + own;
      std::error_code ignored;
      const fs::file_type type = entry->symlink_status(ignored).type();
      if (type == fs::file_type::directory) {
        if (depth >= bounds_.depth) {
          facts_.counting_stopped = true;
          return;
        }
        visit(entry->path(), path, depth + 1, noise || is_noise(own));
      } else if (type == fs::file_type::regular || type == fs::file_type::symlink) {
        count(*entry, type);
        if (!noise) {
          resembles(path);
        }
      }
    }
  }

 private:
  void count(const fs::directory_entry& entry, fs::file_type type) {
    if (type != fs::file_type::regular) {
      return;
    }
    if (facts_.file_count >= bounds_.files) {
      facts_.counting_stopped = true;
      return;
    }
    ++facts_.file_count;
    std::error_code error;
    const std::uintmax_t bytes = entry.file_size(error);
    facts_.total_bytes += error ? 0 : bytes;
  }

  void resembles(const std::string& path) {
    for (Search& search : searches_) {
      search.names.consider(path);
    }
  }

  PackageFacts& facts_;
  const WalkBounds& bounds_;
  std::vector<Search>& searches_;
  Duration end_;
  std::uint64_t seen_ = 0;
};

FileKind root_kind(const std::string& root) {
  struct stat status{};
  if (::stat(root.c_str(), &status) != 0) {
    return errno == ENOENT || errno == ENOTDIR ? FileKind::missing : FileKind::unreadable;
  }
  if (S_ISREG(status.st_mode)) {
    return FileKind::regular;
  }
  if (!S_ISDIR(status.st_mode)) {
    return FileKind::other;
  }
  const FileDescriptor folder(::open(root.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  return folder ? FileKind::directory : FileKind::unreadable;
}

}  // namespace

PackageFacts look_at_package(const PackageRequest& request, const WalkBounds& bounds) {
  PackageFacts facts{.root = request.root, .root_kind = root_kind(request.root)};
  const std::string real_root = real_path(request.root);
  for (const PathQuestion& question : request.paths) {
    facts.paths.push_back(look_at_path(question, real_root.empty() ? request.root : real_root));
  }
  std::vector<Search> searches;
  for (PathFacts& path : facts.paths) {
    if (path.kind == FileKind::missing) {
      searches.push_back({&path, SimilarNames(below(path.path, request.root).value_or(path.path))});
    }
  }
  if (facts.root_kind == FileKind::directory) {
    Walk(facts, bounds, searches).visit(request.root, "", 0, false);
    read_package_files(real_root, facts);
  }
  for (Search& search : searches) {
    search.facts->similar = search.names.best();
  }
  return facts;
}

}  // namespace runup
