// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "facts/observed.h"
#include "facts/package_files.h"

namespace runup {

enum class FileKind { missing, regular, directory, other, unreadable };
constexpr auto enum_names(FileKind) {
  using enum FileKind;
  return std::array<std::pair<FileKind, std::string_view>, 5>{{{missing, "missing"},
                                                               {regular, "regular"},
                                                               {directory, "directory"},
                                                               {other, "other"},
                                                               {unreadable, "unreadable"}}};
}

// What stands at one path that the config names.
struct PathFacts {
  // the config key that names it, such as `models.sign.path`
  std::string asked_by;
  // as written in the config
  std::string written;
  // absolute, before symbolic links are followed
  std::string path;
  // absolute, with links followed; empty when there is nothing
  std::string real_path;
  FileKind kind = FileKind::missing;
  std::uint64_t bytes = 0;
  std::int64_t modified_ns = 0;
  // permission bits, such as 0644
  std::uint32_t mode = 0;
  // false when links or `..` lead out of the package folder
  bool inside_package = true;
  // the system's own words when it could not be opened or looked at
  std::string error;
  // of a missing path: the symbolic link on its way that leads to nothing (absolute; often the path
  // itself), and where it points, as it is written in it
  std::string broken_link;
  std::string link_target;
  // for a missing path: the nearest folder above it that exists, and names in the package that
  // resemble the wanted one (relative to the package, at most five)
  std::string existing_parent;
  std::vector<std::string> similar;
  // the rules that leave it out of an image (`.dockerignore`) and of a commit (`.gitignore`), and the one that puts
  // it into Git LFS (`.gitattributes`); only of what lies in the package
  std::optional<IgnoreMatch> docker_ignored;
  std::optional<IgnoreMatch> git_ignored;
  std::optional<IgnoreMatch> in_git_lfs;
  bool operator==(const PathFacts&) const = default;
  static constexpr auto fields() {
    return std::tuple{Field{"asked_by", &PathFacts::asked_by},
                      Field{"written", &PathFacts::written},
                      Field{"path", &PathFacts::path},
                      Field{"real_path", &PathFacts::real_path},
                      Field{"kind", &PathFacts::kind},
                      Field{"bytes", &PathFacts::bytes},
                      Field{"modified_ns", &PathFacts::modified_ns},
                      Field{"mode", &PathFacts::mode},
                      Field{"inside_package", &PathFacts::inside_package},
                      Field{"error", &PathFacts::error},
                      Field{"broken_link", &PathFacts::broken_link},
                      Field{"link_target", &PathFacts::link_target},
                      Field{"existing_parent", &PathFacts::existing_parent},
                      Field{"similar", &PathFacts::similar},
                      Field{"docker_ignored", &PathFacts::docker_ignored},
                      Field{"git_ignored", &PathFacts::git_ignored},
                      Field{"in_git_lfs", &PathFacts::in_git_lfs}};
  }
};

enum class ArchiveDefectKind {
  // it cannot be read to its end: cut off, damaged, encrypted, no archive at all
  unreadable,
  // an entry would be written outside: an absolute name, `..`, below a link that leads out
  escape,
  // a symbolic or hard link leads out of the archive
  link_outside,
  // a device, a pipe, a socket
  special_file,
  // more entries, bytes, or folders inside each other than are unpacked
  too_large,
  // two entries have the same name; the later one counts
  duplicate,
  // the name is no UTF-8, and the archive does not say what it is
  undecodable_name,
};
constexpr auto enum_names(ArchiveDefectKind) {
  using enum ArchiveDefectKind;
  return std::array<std::pair<ArchiveDefectKind, std::string_view>, 7>{
      {{unreadable, "unreadable"},
       {escape, "escape"},
       {link_outside, "link-outside"},
       {special_file, "special-file"},
       {too_large, "too-large"},
       {duplicate, "duplicate"},
       {undecodable_name, "undecodable-name"}}};
}

struct ArchiveDefectFacts {
  ArchiveDefectKind kind = ArchiveDefectKind::unreadable;
  // as the archive has it; empty when it is about the whole
  std::string entry;
  // what was seen, and the limit where there is one: "leads to `/etc/passwd`"
  std::string detail;
  bool operator==(const ArchiveDefectFacts&) const = default;
  static constexpr auto fields() {
    return std::tuple{Field{"kind", &ArchiveDefectFacts::kind}, Field{"entry", &ArchiveDefectFacts::entry},
                      Field{"detail", &ArchiveDefectFacts::detail}};
  }
};

// A package that is one file, and what came out of it.
struct ArchiveFacts {
  // absolute, of the archive
  std::string path;
  std::uint64_t bytes = 0;
  // "tar", "tar (zstd)", "zip", "wheel"; empty when it is none
  std::string format;
  std::uint64_t entries = 0;
  std::uint64_t unpacked_bytes = 0;
  // folder that all entries lie in, as `service-1.2/`, and that stands for the package's root; empty when there is none
  std::string top_folder;
  // everything was unpacked; if not, nothing is judged
  bool whole = false;
  // at most 100, and how many there are
  std::vector<ArchiveDefectFacts> defects;
  std::uint64_t defect_count = 0;
  bool operator==(const ArchiveFacts&) const = default;
  static constexpr auto fields() {
    return std::tuple{Field{"path", &ArchiveFacts::path},
                      Field{"bytes", &ArchiveFacts::bytes},
                      Field{"format", &ArchiveFacts::format},
                      Field{"entries", &ArchiveFacts::entries},
                      Field{"unpacked_bytes", &ArchiveFacts::unpacked_bytes},
                      Field{"top_folder", &ArchiveFacts::top_folder},
                      Field{"whole", &ArchiveFacts::whole},
                      Field{"defects", &ArchiveFacts::defects},
                      Field{"defect_count", &ArchiveFacts::defect_count}};
  }
};

struct PackageFacts {
  // absolute
  std::string root;
  FileKind root_kind = FileKind::missing;
  // regular files below the root; counting stops at `kMaxCountedFiles`
  std::uint64_t file_count = 0;
  std::uint64_t total_bytes = 0;
  bool counting_stopped = false;
  std::vector<PathFacts> paths;
  // what the package's requirements files, project files and lock files ask for, together; `requirement_files` names those that
  // were read, relative to the root
  RequirementsFacts requirements;
  std::vector<LockedFacts> locked;
  std::vector<std::string> requirement_files;
  std::optional<DockerfileFacts> dockerfile;
  // of the Dockerfile's HEALTHCHECK, Compose files, Kubernetes manifests and gunicorn's options; at most 200
  std::vector<PatienceFacts> patience;
  static constexpr std::uint64_t kMaxCountedFiles = 200'000;
  bool operator==(const PackageFacts&) const = default;
  static constexpr auto fields() {
    return std::tuple{Field{"root", &PackageFacts::root},
                      Field{"root_kind", &PackageFacts::root_kind},
                      Field{"file_count", &PackageFacts::file_count},
                      Field{"total_bytes", &PackageFacts::total_bytes},
                      Field{"counting_stopped", &PackageFacts::counting_stopped},
                      Field{"paths", &PackageFacts::paths},
                      Field{"requirements", &PackageFacts::requirements},
                      Field{"locked", &PackageFacts::locked},
                      Field{"requirement_files", &PackageFacts::requirement_files},
                      Field{"dockerfile", &PackageFacts::dockerfile},
                      Field{"patience", &PackageFacts::patience}};
  }
  // the facts of the path that `key` names, or null
  const PathFacts* find(std::string_view key) const {
    for (const PathFacts& candidate : paths) {
      if (candidate.asked_by == key) {
        return &candidate;
      }
    }
    return nullptr;
  }
};

extern template struct Observed<ArchiveFacts>;
extern template struct Observed<PackageFacts>;
extern template struct StructCodec<ArchiveFacts>;
extern template struct StructCodec<PackageFacts>;

}  // namespace runup
