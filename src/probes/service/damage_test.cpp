// SPDX-License-Identifier: Apache-2.0
#include "probes/service/damage.h"

#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <fstream>
#include <functional>
#include <string>

#include <catch2/catch_test_macros.hpp>

#include "base/bytes.h"
#include "base/scratch_folder.h"

using namespace runup;

namespace {

constexpr std::string_view kContent = "0123456789abcdef";

// A package with one model, and a request to damage it.
struct Package {
  ScratchFolder folder = *ScratchFolder::make("runup-damage-test");
  ServiceRequest request;

  explicit Package(Damage damage) {
    std::filesystem::create_directories(folder.path() + "/package/models");
    std::filesystem::create_directories(folder.path() + "/scratch");
    std::ofstream(model()) << kContent;
    std::ofstream(folder.path() + "/package/main.py") << "pass\n";
    request.root = folder.path() + "/package";
    request.folder = request.root;
    request.scratch = folder.path() + "/scratch";
    request.damage = damage;
    request.file = model();
    request.watched = {model()};
  }
  std::string model() const { return folder.path() + "/package/models/model.pth"; }
  std::string content() const { return read_file(model(), 1000).value_or("none"); }
};

// The exit status of `work` in a child, which may bind itself.
int in_child(const std::function<int()>& work) {
  const pid_t child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    ::_exit(work());
  }
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

}  // namespace

TEST_CASE("damage: what is seen instead of the file") {
  const auto damaged = [](Damage damage) {
    const Package package(damage);
    const auto path = write_damaged(package.request);
    REQUIRE(path);
    struct stat status{};
    if (!path->empty()) {
      REQUIRE(::stat(path->c_str(), &status) == 0);
    }
    return std::pair(path->empty() || damage == Damage::unreadable ? "" : *read_file(*path, 1000),
                     status.st_mode & 0777U);
  };
  CHECK(damaged(Damage::missing).first.empty());
  CHECK(damaged(Damage::truncated).first == "01234567");
  CHECK(damaged(Damage::zeros).first == std::string(kContent.size(), '\0'));
  CHECK(damaged(Damage::lfs_pointer)
            .first.starts_with("version https://git-lfs.github.com/spec/v1\noid sha256:0"));
  CHECK(damaged(Damage::lfs_pointer).first.ends_with("\nsize 16\n"));
  CHECK(damaged(Damage::unreadable).second == 0);
}

TEST_CASE("damage: it is seen by one process, and the package stays as it is") {
  for (const Damage damage : {Damage::missing, Damage::truncated, Damage::zeros}) {
    Package package(damage);
    const int seen = in_child([&] {
      std::vector<std::string> unprotected;
      bool in_copy = false;
      ServiceRequest request = package.request;
      if (!place_package(request, "", unprotected, in_copy)) {
        return 90;
      }
      const auto there = read_file(request.file, 1000);
      const bool listed = std::filesystem::exists(request.folder + "/main.py");
      switch (damage) {
        case Damage::missing:
          return !there && !std::filesystem::exists(request.file) && listed ? 0 : 1;
        case Damage::truncated:
          return there == "01234567" && listed ? 0 : 2;
        default:
          return there && there->size() == kContent.size() && *there != kContent && listed ? 0 : 3;
      }
    });
    CHECK(seen == 0);
    CHECK(package.content() == kContent);
  }
}

TEST_CASE("damage: a file that is not there cannot be damaged") {
  Package package(Damage::truncated);
  package.request.file += ".gone";
  CHECK_FALSE(write_damaged(package.request));
}
