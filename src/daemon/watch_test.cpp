// SPDX-License-Identifier: Apache-2.0
#include "daemon/watch.h"

#include <poll.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include <catch2/catch_test_macros.hpp>

namespace runup {
namespace {

namespace fs = std::filesystem;

class Folder {
 public:
  Folder() {
    std::string name = (fs::temp_directory_path() / "runup-watch-XXXXXX").string();
    path_ = ::mkdtemp(name.data()) == nullptr ? "" : name;
  }
  ~Folder() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  Folder(Folder&&) = delete;
  Folder& operator=(Folder&&) = delete;

  std::string write(const std::string& name, std::string_view text = "x") const {
    const fs::path path = path_ / name;
    fs::create_directories(path.parent_path());
    std::ofstream(path) << text;
    return path.string();
  }
  fs::path operator/(const std::string& name) const { return path_ / name; }

 private:
  fs::path path_;
};

std::set<std::string> changes(FileWatcher& watcher) {
  pollfd waiting{.fd = watcher.fd(), .events = POLLIN, .revents = 0};
  ::poll(&waiting, 1, 200);
  return watcher.take_changes();
}

const std::set<std::string> kSign{"sign"};
const std::set<std::string> kNobody;

TEST_CASE("watch: written, replaced by a rename, removed, made again") {
  const Folder folder;
  const std::string model = folder.write("models/sign.pth");
  FileWatcher watcher;
  watcher.watch({{model, kSign}});
  CHECK(watcher.problem().empty());
  CHECK(changes(watcher) == kNobody);
  folder.write("models/sign.pth", "other");
  CHECK(changes(watcher) == kSign);
  folder.write("models/new.tmp", "third");
  CHECK(changes(watcher) == kNobody);
  fs::rename(folder / "models/new.tmp", model);
  CHECK(changes(watcher) == kSign);
  fs::remove(model);
  CHECK(changes(watcher) == kSign);
  folder.write("models/sign.pth");
  CHECK(changes(watcher) == kSign);
}

TEST_CASE("watch: the whole folder is exchanged") {
  const Folder folder;
  const std::string model = folder.write("models/sign.pth");
  FileWatcher watcher;
  watcher.watch({{model, kSign}});
  folder.write("next/sign.pth");
  fs::rename(folder / "models", folder / "old");
  CHECK(changes(watcher) == kSign);
  fs::rename(folder / "next", folder / "models");
  CHECK(changes(watcher) == kSign);
  folder.write("models/sign.pth", "changed");
  CHECK(changes(watcher) == kSign);
  folder.write("old/sign.pth", "nobody reads this now");
  CHECK(changes(watcher) == kNobody);
}

TEST_CASE("watch: a link on the way leads elsewhere, as a config map of Kubernetes does") {
  const Folder folder;
  folder.write("v1/sign.pth");
  folder.write("v2/sign.pth");
  fs::create_directory_symlink("v1", folder / "..data");
  fs::create_symlink("..data/sign.pth", folder / "sign.pth");
  FileWatcher watcher;
  watcher.watch({{(folder / "sign.pth").string(), kSign}});
  fs::create_directory_symlink("v2", folder / "..data_tmp");
  CHECK(changes(watcher) == kNobody);
  fs::rename(folder / "..data_tmp", folder / "..data");
  CHECK(changes(watcher) == kSign);
  folder.write("v2/sign.pth", "changed");
  CHECK(changes(watcher) == kSign);
  folder.write("v1/sign.pth", "old");
  CHECK(changes(watcher) == kNobody);
}

TEST_CASE("watch: what is missing is seen when it comes, with its folders") {
  const Folder folder;
  FileWatcher watcher;
  watcher.watch({{(folder / "a/b/sign.pth").string(), kSign}});
  CHECK(watcher.problem().empty());
  fs::create_directories(folder / "a");
  CHECK(changes(watcher) == kSign);
  folder.write("a/b/sign.pth");
  CHECK(changes(watcher) == kSign);
}

TEST_CASE("watch: several for one file, links in a circle") {
  const Folder folder;
  const std::string model = folder.write("sign.pth");
  fs::create_symlink("round", folder / "circle");
  fs::create_symlink("circle", folder / "round");
  FileWatcher watcher;
  watcher.watch({{model, {"one", "two"}}, {(folder / "circle").string(), kSign}});
  folder.write("sign.pth", "changed");
  CHECK(changes(watcher) == std::set<std::string>{"one", "two"});
  watcher.watch({{model, {"one"}}});
  folder.write("sign.pth", "again");
  CHECK(changes(watcher) == std::set<std::string>{"one"});
}

TEST_CASE("watch: a change settles before it counts") {
  constexpr std::int64_t kSecond = 1'000'000'000;
  Debounce change(Duration::from_seconds(2), Duration::from_seconds(30));
  CHECK_FALSE(change.is_waiting());
  change.happened(10 * kSecond);
  CHECK(change.due() == 12 * kSecond);
  change.happened(11 * kSecond);
  CHECK(change.due() == 13 * kSecond);
  // a file that is written for ever
  change.happened(39 * kSecond);
  CHECK(change.due() == 40 * kSecond);
  change.clear();
  CHECK_FALSE(change.is_waiting());
}

}  // namespace
}  // namespace runup
