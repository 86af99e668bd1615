// SPDX-License-Identifier: Apache-2.0
#include "probes/sandbox/sandbox.h"
#include "probes/sandbox/view.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch_test_macros.hpp>
#include <cerrno>
#include <cstdio>
#include <fstream>
#include <functional>
#include <string>

#include "base/scratch_folder.h"

using namespace runup;

namespace {

// The errno of a call that fails; 0 when it does not.
int error_of(const std::function<long()>& call) { return call() < 0 ? errno : 0; }

int open_to_write(const std::string& path) {
  const int file = ::open(path.c_str(), O_WRONLY | O_CREAT, 0600);
  if (file >= 0) {
    ::close(file);
  }
  return file;
}

// Runs `work` in a child that entered the sandbox; its exit status. Skips the test where a protection is off.
int in_sandbox(const SandboxRules& rules, const std::function<int()>& work) {
  const pid_t child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    const bool whole = enter_sandbox(rules).empty();
    ::_exit(whole ? work() : 99);
  }
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  if (WIFEXITED(status) && WEXITSTATUS(status) == 99) {
    SKIP("this system lacks Landlock or seccomp");
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

}  // namespace

TEST_CASE("for a GPU a process may write what is its own in /proc, and no setting of the kernel") {
  const auto write_to = [](const char* path) { return error_of([&] { return ::open(path, O_WRONLY); }); };
  CHECK(in_sandbox({}, [&] { return write_to("/proc/self/comm"); }) == EACCES);
  CHECK(in_sandbox({.gpu = true}, [&] { return write_to("/proc/self/comm"); }) == 0);
  for (const char* path :
       {"/proc/sys/kernel/core_pattern", "/proc/sys/vm/overcommit_memory", "/proc/sysrq-trigger"}) {
    CHECK(in_sandbox({.gpu = true}, [&] { return write_to(path); }) != 0);
  }
  // of a process that is none of its own
  CHECK(in_sandbox({.gpu = true}, [&] { return write_to("/proc/1/mem"); }) != 0);
  // Here it is as it was.
  CHECK(write_to("/proc/self/comm") == 0);
}

TEST_CASE("files are written below the given folders only, by every way") {
  const ScratchFolder scratch = *ScratchFolder::make("runup-sandbox");
  const std::string inside = scratch.path() + "/inside";
  const std::string outside = scratch.path() + "/outside";
  REQUIRE(::mkdir(inside.c_str(), 0700) == 0);
  REQUIRE(::mkdir(outside.c_str(), 0700) == 0);
  REQUIRE(::close(::open((outside + "/kept").c_str(), O_CREAT | O_WRONLY, 0600)) == 0);
  const SandboxRules rules{.writable = {inside, scratch.path() + "/absent"}};
  const int status = in_sandbox(rules, [&] {
    int step = 0;
    const auto refused = [&](const std::function<long()>& call) {
      ++step;
      const int error = error_of(call);
      return error == EACCES || error == EXDEV;
    };
    const bool whole =
        refused([&] { return open_to_write(outside + "/new"); }) &&
        refused([&] { return open_to_write(outside + "/kept"); }) &&
        refused([&] { return ::truncate((outside + "/kept").c_str(), 0); }) &&
        refused([&] { return ::unlink((outside + "/kept").c_str()); }) &&
        refused([&] { return ::mkdir((outside + "/folder").c_str(), 0700); }) &&
        refused([&] { return ::symlink("x", (outside + "/link").c_str()); }) &&
        refused([&] { return ::rename((outside + "/kept").c_str(), (inside + "/kept").c_str()); }) &&
        error_of([&] { return open_to_write(inside + "/new"); }) == 0 &&
        error_of([&] { return ::mkdir((inside + "/folder").c_str(), 0700); }) == 0 &&
        error_of([&] { return open_to_write("/dev/null"); }) == 0 &&
        error_of([&] { return ::open((outside + "/kept").c_str(), O_RDONLY); }) == 0;
    return whole ? 0 : 10 + step;
  });
  CHECK(status == 0);
}

TEST_CASE("no network, no signals to others, nothing of an administrator's") {
  const ScratchFolder scratch = *ScratchFolder::make("runup-sandbox");
  const pid_t other = ::getpid();
  const auto work = [&](bool network) {
    return [other, network] {
      const auto make = [](int family, int type) {
        return error_of([&] { return ::socket(family, type, 0); });
      };
      int ends[2];
      const int expected = network ? 0 : ENETUNREACH;
      const bool whole = make(AF_INET, SOCK_STREAM) == expected && make(AF_INET6, SOCK_DGRAM) == expected &&
                         make(AF_UNIX, SOCK_STREAM) == 0 &&
                         error_of([&] { return ::socketpair(AF_UNIX, SOCK_STREAM, 0, ends); }) == 0 &&
                         error_of([&] { return ::kill(other, 0); }) == EPERM &&
                         error_of([&] { return ::kill(-1, 0); }) == EPERM &&
                         error_of([&] { return ::kill(::getpid(), 0); }) == 0 &&
                         error_of([&] { return ::mount("none", "/mnt", "tmpfs", 0, nullptr); }) == EPERM;
      return whole ? 0 : 1;
    };
  };
  CHECK(in_sandbox({.writable = {scratch.path()}}, work(false)) == 0);
  CHECK(in_sandbox({.writable = {scratch.path()}, .network = true}, work(true)) == 0);
}

TEST_CASE("folders are seen where they will stand, and nothing real is changed") {
  const ScratchFolder scratch = *ScratchFolder::make("runup-view");
  const std::string package = scratch.path() + "/package";
  const std::string store = scratch.path() + "/store";
  const std::string root = scratch.path() + "/root";
  for (const std::string& folder : {package, store, root, package + "/code"}) {
    REQUIRE(::mkdir(folder.c_str(), 0700) == 0);
  }
  std::ofstream(package + "/code/main.py") << "package";
  std::ofstream(store + "/m.pth") << "store";
  // At the root, below a real folder that lacks it, and inside another placed one that lacks it.
  const std::vector<MountDeclaration> folders{{.at = "/runup-app", .from = package},
                                              {.at = "/usr/runup/app", .from = package},
                                              {.at = "/runup-app/models", .from = store}};
  const pid_t child = ::fork();
  if (child == 0) {
    if (const auto entered = enter_view(folders, root); !entered) {
      std::fputs((entered.error().describe() + "\n").c_str(), stderr);
      ::_exit(77);
    }
    const auto text = [](const std::string& path) {
      std::string all;
      std::getline(std::ifstream(path), all);
      return all;
    };
    const bool whole = text("/runup-app/code/main.py") == "package" &&
                       text("/usr/runup/app/code/main.py") == "package" &&
                       text("/runup-app/models/m.pth") == "store" &&
                       text(package + "/code/main.py") == "package" && ::access("/usr/bin/env", X_OK) == 0 &&
                       ::access("/proc/self/exe", R_OK) == 0 && ::access("/dev/null", W_OK) == 0;
    ::_exit(whole ? 0 : 1);
  }
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  REQUIRE(WIFEXITED(status));
  for (const char* made : {"/runup-app", "/usr/runup"}) {
    CHECK(::access(made, F_OK) != 0);
  }
  CHECK(::access((package + "/models").c_str(), F_OK) != 0);
  if (WEXITSTATUS(status) == 77) {
    SKIP("this system gives no mount namespace");
  }
  CHECK(WEXITSTATUS(status) == 0);
}

TEST_CASE("a child of the process is bound too") {
  const ScratchFolder scratch = *ScratchFolder::make("runup-sandbox");
  const std::string target = scratch.path() + "/file";
  const int status = in_sandbox({}, [&] {
    const pid_t child = ::fork();
    if (child == 0) {
      ::setsid();
      ::_exit(error_of([&] { return open_to_write(target); }) == EACCES ? 0 : 1);
    }
    int ended = 1;
    ::waitpid(child, &ended, 0);
    return ended;
  });
  CHECK(status == 0);
}

TEST_CASE("in a view one file can be another one or none, and folders can be sealed") {
  const ScratchFolder scratch = *ScratchFolder::make("runup-view");
  const std::string package = scratch.path() + "/package";
  for (const std::string& folder : {package, package + "/models", package + "/cache"}) {
    REQUIRE(::mkdir(folder.c_str(), 0700) == 0);
  }
  const std::string gone = package + "/models/gone.pth";
  const std::string other = package + "/models/other.pth";
  const std::string link = package + "/link.pth";
  const std::string replacement = scratch.path() + "/replacement";
  for (const std::string& file : {gone, other, package + "/models/kept.pth"}) {
    std::ofstream(file) << "real";
  }
  std::ofstream(replacement) << "damaged";
  REQUIRE(::symlink("models/other.pth", link.c_str()) == 0);
  const pid_t child = ::fork();
  if (child == 0) {
    const auto entered =
        enter_view({}, scratch.path(), {{.path = gone}, {.path = link, .replacement = replacement}},
                   {.folders = {package}, .writable = {package + "/cache"}});
    if (!entered) {
      std::fputs((entered.error().describe() + "\n").c_str(), stderr);
      ::_exit(77);
    }
    const auto text = [](const std::string& path) {
      std::string all;
      std::getline(std::ifstream(path), all);
      return all;
    };
    const bool damaged = ::access(gone.c_str(), F_OK) != 0 && text(other) == "damaged" &&
                         text(link) == "damaged" && text(package + "/models/kept.pth") == "real";
    const bool sealed = ::chmod(package.c_str(), 0755) != 0 && errno == EROFS &&
                        ::chmod((package + "/models/kept.pth").c_str(), 0755) != 0 && errno == EROFS &&
                        ::chmod((package + "/cache").c_str(), 0755) == 0;
    ::_exit(damaged && sealed ? 0 : damaged ? 2 : 1);
  }
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  REQUIRE(WIFEXITED(status));
  CHECK(::access(gone.c_str(), F_OK) == 0);
  if (WEXITSTATUS(status) == 77) {
    SKIP("this system gives no mount namespace");
  }
  CHECK(WEXITSTATUS(status) == 0);
}
