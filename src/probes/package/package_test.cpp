// SPDX-License-Identifier: Apache-2.0
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <chrono>
#include <cstring>
#include <filesystem>
#include <fstream>

#include <catch2/catch_test_macros.hpp>

#include "probes/package/package_probe.h"
#include "probes/package/similar_names.h"

namespace runup {
namespace {

namespace fs = std::filesystem;

class Folder {
 public:
  Folder() {
    std::string pattern = (fs::temp_directory_path() / "runup-package.XXXXXX").string();
    path_ = fs::canonical(::mkdtemp(pattern.data())).string();
    // other users look too in one of the tests
    fs::permissions(path_, fs::perms(0755));
  }
  ~Folder() { fs::remove_all(path_); }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;

  std::string operator/(const std::string& name) const { return path_ + "/" + name; }
  const std::string& path() const { return path_; }
  void write(const std::string& name, const std::string& content = "x") const {
    fs::create_directories(fs::path(*this / name).parent_path());
    std::ofstream(*this / name, std::ios::binary) << content;
  }

 private:
  std::string path_;
};

PackageFacts look(const std::string& root, const std::vector<std::string>& paths,
                  const WalkBounds& bounds = {}) {
  PackageRequest request{.root = root};
  for (const std::string& path : paths) {
    request.paths.push_back({.asked_by = "models.m.path", .written = "as written", .path = path});
  }
  return look_at_package(request, bounds);
}

PathFacts look_at(const Folder& folder, const std::string& name) {
  return look(folder.path(), {folder / name}).paths.at(0);
}

TEST_CASE("a regular file, and the package's size") {
  const Folder folder;
  folder.write("models/a.pth", "12345");
  folder.write("main.py", "123");
  fs::permissions(folder / "models/a.pth", fs::perms(0640));
  fs::create_symlink("models/a.pth", folder / "link.pth");
  const PackageFacts facts = look(folder.path(), {folder / "models/a.pth"});
  CHECK(facts.root_kind == FileKind::directory);
  CHECK(facts.file_count == 2);
  CHECK(facts.total_bytes == 8);
  CHECK_FALSE(facts.counting_stopped);
  const PathFacts& path = facts.paths.at(0);
  CHECK(path.asked_by == "models.m.path");
  CHECK(path.written == "as written");
  CHECK(path.kind == FileKind::regular);
  CHECK(path.bytes == 5);
  CHECK(path.mode == 0640);
  CHECK(path.inside_package);
  CHECK(path.real_path == folder / "models/a.pth");
  CHECK(path.error.empty());
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  CHECK(std::abs(std::chrono::nanoseconds(now).count() - path.modified_ns) < 60'000'000'000);
}

TEST_CASE("links are followed, and judged by where they lead") {
  const Folder outside;
  outside.write("store/real.pth");
  const Folder folder;
  folder.write("models/a.pth");
  fs::create_symlink("models/a.pth", folder / "inside.pth");
  fs::create_symlink(outside / "store/real.pth", folder / "outside.pth");
  fs::create_directory_symlink(outside / "store", folder / "store");
  fs::create_symlink("nowhere.pth", folder / "broken.pth");
  fs::create_symlink("loop.pth", folder / "loop.pth");

  CHECK(look_at(folder, "inside.pth").inside_package);
  CHECK(look_at(folder, "inside.pth").real_path == folder / "models/a.pth");
  CHECK_FALSE(look_at(folder, "outside.pth").inside_package);
  CHECK(look_at(folder, "outside.pth").real_path == outside / "store/real.pth");
  CHECK_FALSE(look_at(folder, "store/real.pth").inside_package);
  CHECK_FALSE(look_at(folder, "store/missing.pth").inside_package);
  CHECK_FALSE(look(folder.path(), {outside / "store/real.pth"}).paths.at(0).inside_package);

  const PathFacts broken = look_at(folder, "broken.pth");
  CHECK(broken.kind == FileKind::missing);
  CHECK(broken.broken_link == folder / "broken.pth");
  CHECK(broken.link_target == "nowhere.pth");
  CHECK(broken.inside_package);
  fs::create_directory_symlink("/mnt/no/models", folder / "mounted");
  const PathFacts below = look_at(folder, "mounted/v2/x.pth");
  CHECK(below.kind == FileKind::missing);
  CHECK(below.broken_link == folder / "mounted");
  CHECK(below.link_target == "/mnt/no/models");
  CHECK(look_at(folder, "no.pth").broken_link.empty());
  const PathFacts loop = look_at(folder, "loop.pth");
  CHECK(loop.kind == FileKind::unreadable);
  CHECK(loop.error == std::strerror(ELOOP));

  // a package that is itself reached by a link
  fs::create_directory_symlink(folder.path(), outside / "package");
  CHECK(look(outside / "package", {outside / "package/models/a.pth"}).paths.at(0).inside_package);
}

TEST_CASE("what is no file is named, and never opened") {
  const Folder folder;
  fs::create_directory(folder / "folder.pth");
  REQUIRE(::mkfifo((folder / "pipe.pth").c_str(), 0644) == 0);
  const int socket = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_un address{.sun_family = AF_UNIX, .sun_path = {}};
  std::strncpy(address.sun_path, (folder / "socket.pth").c_str(), sizeof(address.sun_path) - 1);
  REQUIRE(::bind(socket, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0);
  ::close(socket);
  CHECK(look_at(folder, "folder.pth").kind == FileKind::directory);
  CHECK(look_at(folder, "pipe.pth").kind == FileKind::other);
  CHECK(look_at(folder, "pipe.pth").error == "a named pipe");
  CHECK(look_at(folder, "socket.pth").error == "a socket");
  CHECK(look(folder.path(), {"/dev/null"}).paths.at(0).error == "a character device");
  folder.write("file");
  CHECK(look_at(folder, "file/below.pth").kind == FileKind::missing);
  CHECK(look_at(folder, std::string(300, 'n')).kind == FileKind::unreadable);
  CHECK(look_at(folder, std::string(300, 'n')).error == std::strerror(ENAMETOOLONG));
}

TEST_CASE("what the system refuses") {
  const Folder folder;
  folder.write("closed.pth");
  folder.write("closed/a.pth");
  fs::permissions(folder / "closed.pth", fs::perms::none);
  fs::permissions(folder / "closed", fs::perms::none);
  // The rules do not hold for root, who runs tests in containers.
  const bool root = ::geteuid() == 0;
  if (root) {
    REQUIRE(::seteuid(65534) == 0);
  }
  const PathFacts file = look_at(folder, "closed.pth");
  const PathFacts below = look_at(folder, "closed/a.pth");
  const PackageFacts package = look(folder / "closed", {});
  if (root) {
    REQUIRE(::seteuid(0) == 0);
  }
  fs::permissions(folder / "closed", fs::perms::owner_all);
  CHECK(file.kind == FileKind::unreadable);
  CHECK(file.error == std::strerror(EACCES));
  CHECK(file.mode == 0);
  CHECK(file.bytes == 1);
  CHECK(below.kind == FileKind::unreadable);
  CHECK(package.root_kind == FileKind::unreadable);
}

TEST_CASE("a package that is not there, or no folder") {
  const Folder folder;
  folder.write("file");
  const PackageFacts missing = look(folder / "no", {folder / "no/models/a.pth"});
  CHECK(missing.root_kind == FileKind::missing);
  CHECK(missing.paths.at(0).kind == FileKind::missing);
  CHECK(missing.paths.at(0).existing_parent == folder.path());
  CHECK(look(folder / "file", {}).root_kind == FileKind::regular);
}

TEST_CASE("a missing file: the nearest folder, and names that resemble it") {
  const Folder folder;
  for (const char* name :
       {"models/sign.pth", "models/sign_v1.pth", "models/Sign_v2.PTH", "models/unrelated.pth",
        "model/sign_v2.pth", "models/sign_v2.onnx", "models/sign_v2.py", ".git/sign_v2.pth",
        "models/sgin_v2.pth", "models/x/sign_v3.pth"}) {
    folder.write(name);
  }
  const PathFacts facts = look_at(folder, "models/sign_v2.pth");
  CHECK(facts.kind == FileKind::missing);
  CHECK(facts.existing_parent == folder / "models");
  // same name elsewhere, other case, other ending, then one edit: the same folder first
  CHECK(facts.similar == std::vector<std::string>{"model/sign_v2.pth", "models/Sign_v2.PTH",
                                                  "models/sign_v2.onnx", "models/sgin_v2.pth",
                                                  "models/sign_v1.pth"});
  const PathFacts deep = look_at(folder, "models/none/of/this.bin");
  CHECK(deep.existing_parent == folder / "models");
  CHECK(deep.similar.empty());
}

TEST_CASE("a missing file: the same name in the other form of Unicode") {
  const Folder folder;
  // 수어.pth as macOS writes it, and é as e with an accent
  folder.write("models/\u1109\u116e\u110b\u1165.pth");
  folder.write("models/mode\u0301le.pth");
  CHECK(look_at(folder, "models/\uc218\uc5b4.pth").similar.front() == "models/\u1109\u116e\u110b\u1165.pth");
  CHECK(look_at(folder, "models/mod\u00c9le.pth").similar.front() == "models/mode\u0301le.pth");
  CHECK(look_at(folder, "models/\uc218\uc5b4\uc5b4\uc5b4\uc5b4\uc5b4\uc5b4.pth").similar.empty());
}

TEST_CASE("names that are no text stay the bytes that they are") {
  const Folder folder;
  const std::string name = "mod\xFFl\n.pth";
  folder.write(name);
  CHECK(look_at(folder, name).real_path == folder / name);
  CHECK(look_at(folder, "modl\n.pth").similar == std::vector<std::string>{name});
}

TEST_CASE("the walk is bounded") {
  const Folder folder;
  for (int i = 0; i < 50; ++i) {
    folder.write("f" + std::to_string(i));
  }
  const PackageFacts few = look(folder.path(), {}, {.files = 20});
  CHECK(few.counting_stopped);
  CHECK(few.file_count == 20);
  fs::create_directories(folder / "1/2/3/4/5");
  CHECK(look(folder.path(), {}, {.depth = 3}).counting_stopped);
  CHECK_FALSE(look(folder.path(), {}, {.depth = 5}).counting_stopped);
  // a link to a folder above is not walked into
  fs::create_directory_symlink("..", folder / "1/up");
  CHECK(look(folder.path(), {}).file_count == 50);
}

TEST_CASE("edit distance") {
  CHECK(edit_distance("abc", "abc", 3) == 0);
  CHECK(edit_distance("abc", "acb", 3) == 1);
  CHECK(edit_distance("kitten", "sitting", 3) == 3);
  CHECK(edit_distance("kitten", "sitting", 2) == 3);
  CHECK(edit_distance("", "abcdef", 3) == 4);
}

}  // namespace
}  // namespace runup
