// SPDX-License-Identifier: Apache-2.0
#include "probes/service/damage.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <filesystem>
#include <format>
#include <string_view>
#include <system_error>

#include "base/bytes.h"
#include "base/text.h"

namespace runup {

namespace {

namespace fs = std::filesystem;

// Of a copy: larger files are linked, and more entries are not copied.
constexpr std::uint64_t kCopiedBytes = std::uint64_t{1} << 20U;
constexpr std::size_t kMostCopied = 20'000;
// What a copy of a model's first half may take.
constexpr std::uint64_t kMostHalf = std::uint64_t{64} << 30U;
constexpr const char* kHosts = "/etc/hosts";
constexpr std::size_t kMostHosts = std::size_t{16} << 20U;

Result<void> failed_to(const std::string& doing) { return std::unexpected(system_error(doing, errno)); }

// The first `bytes` of a file.
Result<void> copy_start(const std::string& from, int to, std::uint64_t bytes) {
  const FileDescriptor source(::open(from.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!source) {
    return failed_to(std::format("cannot open `{}`", printable(from)));
  }
  std::vector<char> buffer(std::size_t{1} << 20U);
  while (bytes > 0) {
    const ssize_t count = ::read(source.get(), buffer.data(), std::min<std::uint64_t>(buffer.size(), bytes));
    if (count < 0 && errno == EINTR) {
      continue;
    }
    if (count <= 0 || ::write(to, buffer.data(), static_cast<std::size_t>(count)) != count) {
      return failed_to(std::format("cannot copy `{}`", printable(from)));
    }
    bytes -= static_cast<std::uint64_t>(count);
  }
  return {};
}

std::string pointer_text(std::uint64_t bytes) {
  return std::format("version https://git-lfs.github.com/spec/v1\noid sha256:{}\nsize {}\n",
                     std::string(64, '0'), bytes);
}

// A copy of the package in which small files are files and large ones links, without the damaged file.
class PackageCopy {
 public:
  PackageCopy(fs::path root, fs::path copy, fs::path without)
      : root_(std::move(root)), copy_(std::move(copy)), without_(std::move(without)) {}

  Result<void> make() { return copy_folder(root_); }

 private:
  Result<void> copy_folder(const fs::path& folder) {
    std::error_code error;
    const fs::path target = (copy_ / fs::relative(folder, root_, error)).lexically_normal();
    fs::create_directories(target, error);
    for (fs::directory_iterator entry(folder, error), end; !error && entry != end; entry.increment(error)) {
      if (++count_ > kMostCopied) {
        return fail(ErrorCode::limit, std::format("the package has more than {} files", kMostCopied));
      }
      if (auto copied = copy_entry(*entry, target / entry->path().filename()); !copied) {
        return copied;
      }
    }
    return error ? std::unexpected(system_error("cannot copy the package", error.value())) : Result<void>{};
  }

  Result<void> copy_entry(const fs::directory_entry& entry, const fs::path& target) {
    std::error_code error;
    const fs::path& path = entry.path();
    if (path == without_) {
      return {};
    }
    if (entry.is_symlink(error)) {
      fs::copy_symlink(path, target, error);
    } else if (entry.is_directory(error)) {
      const bool foreign = fs::exists(path / "pyvenv.cfg", error) || path.filename() == ".git";
      if (!foreign) {
        return copy_folder(path);
      }
      fs::create_directory_symlink(path, target, error);
    } else if (entry.is_regular_file(error) && entry.file_size(error) <= kCopiedBytes) {
      fs::copy_file(path, target, error);
    } else {
      fs::create_symlink(path, target, error);
    }
    return error
               ? std::unexpected(system_error(std::format("cannot copy `{}`", path.string()), error.value()))
               : Result<void>{};
  }

  fs::path root_;
  fs::path copy_;
  fs::path without_;
  std::size_t count_ = 0;
};

// `path` in the copy where it lies in the package.
void move_to_copy(std::string& path, const std::string& root, const std::string& copy) {
  if (path == root || path.starts_with(root + "/")) {
    path = copy + path.substr(root.size());
  }
}

Result<void> use_copy(ServiceRequest& request, const std::string& replacement) {
  const std::string copy = request.scratch + "/package";
  std::error_code error;
  const fs::path file = fs::canonical(request.file, error);
  const fs::path root = fs::canonical(request.root, error);
  if (!file.string().starts_with(root.string() + "/")) {
    return fail(ErrorCode::unsupported,
                std::format("`{}` is not in the package, and nothing can be mounted over it here",
                            printable(request.file)));
  }
  if (auto made = PackageCopy(root, copy, file).make(); !made) {
    return made;
  }
  if (!replacement.empty()) {
    fs::rename(replacement, copy / fs::relative(file, root, error), error);
    if (error) {
      return std::unexpected(system_error("cannot damage the copy of the package", error.value()));
    }
  }
  const std::string from = request.root;
  for (std::string* path : {&request.folder, &request.file}) {
    move_to_copy(*path, from, copy);
  }
  for (std::string& path : request.watched) {
    move_to_copy(path, from, copy);
  }
  request.root = copy;
  return {};
}

void move_paths_to_server(ServiceRequest& request) {
  for (std::string* path : {&request.root, &request.folder, &request.interpreter, &request.file}) {
    *path = path_on_server(request.placed, *path);
  }
  for (std::vector<std::string>* paths : {&request.writable, &request.watched}) {
    for (std::string& path : *paths) {
      path = path_on_server(request.placed, path);
    }
  }
}

Result<std::vector<ViewChange>> changes_of(const ServiceRequest& request, const std::string& host_lines,
                                           const std::string& replacement) {
  std::vector<ViewChange> changes;
  if (request.damage != Damage::none) {
    changes.push_back({.path = request.file, .replacement = replacement});
    const std::string there = path_on_server(request.placed, request.file);
    if (there != request.file) {
      changes.push_back({.path = there, .replacement = replacement});
    }
  }
  if (!host_lines.empty()) {
    const std::string hosts = request.scratch + "/hosts";
    auto usual = read_file(kHosts, kMostHosts);
    if (!usual) {
      return std::unexpected(usual.error());
    }
    if (auto written = write_file_atomically(hosts, host_lines + *usual); !written) {
      return std::unexpected(written.error());
    }
    changes.push_back({.path = kHosts, .replacement = hosts});
  }
  return changes;
}

}  // namespace

Result<std::string> write_damaged(const ServiceRequest& request) {
  if (request.damage == Damage::none || request.damage == Damage::missing) {
    return "";
  }
  struct stat status{};
  if (::stat(request.file.c_str(), &status) != 0 || !S_ISREG(status.st_mode)) {
    return std::unexpected(system_error(std::format("cannot look at `{}`", printable(request.file)), errno));
  }
  const auto bytes = static_cast<std::uint64_t>(status.st_size);
  const std::string path = request.scratch + "/damaged";
  const FileDescriptor file(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644));
  Result<void> written;
  switch (request.damage) {
    case Damage::truncated:
      written = bytes / 2 > kMostHalf ? fail(ErrorCode::limit, "the file is too large to be copied")
                                      : copy_start(request.file, file.get(), bytes / 2);
      break;
    case Damage::lfs_pointer: {
      const std::string text = pointer_text(bytes);
      if (::write(file.get(), text.data(), text.size()) != static_cast<ssize_t>(text.size())) {
        written = failed_to("cannot write a damaged file");
      }
      break;
    }
    case Damage::zeros:
      // a hole: no zero is on the disk
      if (::ftruncate(file.get(), status.st_size) != 0) {
        written = failed_to("cannot write a damaged file");
      }
      break;
    case Damage::unreadable:
      if (::fchmod(file.get(), 0) != 0) {
        written = failed_to("cannot make a file unreadable");
      }
      break;
    case Damage::none:
    case Damage::missing:
      break;
  }
  if (!written) {
    return std::unexpected(written.error());
  }
  return path;
}

Result<void> place_package(ServiceRequest& request, const std::string& host_lines,
                           std::vector<std::string>& unprotected, bool& in_copy) {
  auto replacement = write_damaged(request);
  if (!replacement) {
    return std::unexpected(replacement.error());
  }
  const auto changes = changes_of(request, host_lines, *replacement);
  if (!changes) {
    return std::unexpected(changes.error());
  }
  const std::string root = request.scratch + "/root";
  ::mkdir(root.c_str(), 0700);
  SealedFolders sealed{.folders = {request.root}, .writable = request.writable};
  for (const MountDeclaration& folder : request.placed) {
    sealed.folders.push_back(folder.from);
    sealed.folders.push_back(folder.at);
  }
  for (const std::string& open : request.writable) {
    sealed.writable.push_back(path_on_server(request.placed, open));
  }
  const auto entered = enter_view(request.placed, root, *changes, sealed);
  if (entered) {
    if (!request.placed.empty()) {
      move_paths_to_server(request);
    }
    return {};
  }
  if (!request.placed.empty()) {
    unprotected.push_back(std::format("it ran with the package in `{}`, since `{}` cannot be shown here ({})",
                                      request.root, request.placed.back().at, entered.error().describe()));
  } else if (request.damage == Damage::none) {
    unprotected.push_back(std::format("it can change rights and times of the package's files ({})",
                                      entered.error().describe()));
  }
  if (!host_lines.empty()) {
    unprotected.push_back(
        std::format("it cannot find the names of `network:` and `stubs:` ({})", entered.error().describe()));
  }
  if (request.damage == Damage::none) {
    return {};
  }
  in_copy = true;
  return use_copy(request, *replacement);
}

Result<void> change_joined_view(ServiceRequest& request, const std::string& host_lines,
                                const std::string& replacement) {
  const auto changes = changes_of(request, host_lines, replacement);
  if (!changes) {
    return std::unexpected(changes.error());
  }
  if (auto changed = change_view(*changes); !changed) {
    return changed;
  }
  if (!request.placed.empty()) {
    move_paths_to_server(request);
  }
  return {};
}

}  // namespace runup
