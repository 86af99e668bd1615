// SPDX-License-Identifier: Apache-2.0
#include "probes/sandbox/sandbox.h"

#include <fcntl.h>
#include <linux/landlock.h>
#include <sched.h>
#include <seccomp.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <format>
#include <memory>

#include "base/bytes.h"

namespace runup {

namespace {

// Versions of Landlock's ABI (linux/landlock.h): files since 1, moves between folders since 2, truncation since 3,
// TCP since 4, signals and abstract sockets since 6.
constexpr std::uint64_t kWrites = LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_REMOVE_DIR |
                                  LANDLOCK_ACCESS_FS_REMOVE_FILE | LANDLOCK_ACCESS_FS_MAKE_CHAR |
                                  LANDLOCK_ACCESS_FS_MAKE_DIR | LANDLOCK_ACCESS_FS_MAKE_REG |
                                  LANDLOCK_ACCESS_FS_MAKE_SOCK | LANDLOCK_ACCESS_FS_MAKE_FIFO |
                                  LANDLOCK_ACCESS_FS_MAKE_BLOCK | LANDLOCK_ACCESS_FS_MAKE_SYM;
constexpr std::uint64_t kOfFiles = LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_TRUNCATE;

std::uint64_t writes_known_to(long abi) {
  return kWrites | (abi >= 2 ? LANDLOCK_ACCESS_FS_REFER : 0U) | (abi >= 3 ? LANDLOCK_ACCESS_FS_TRUNCATE : 0U);
}

bool allow(int ruleset, const char* path, std::uint64_t rights) {
  const FileDescriptor folder(::open(path, O_PATH | O_CLOEXEC));
  if (!folder) {
    return errno == ENOENT;
  }
  const landlock_path_beneath_attr rule{.allowed_access = rights, .parent_fd = folder.get()};
  return ::syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0) == 0;
}

// What containers show read-only of /proc: root may write all of it.
constexpr std::array kKernelSettings{"/proc/sys", "/proc/sysrq-trigger", "/proc/irq", "/proc/bus",
                                     "/proc/fs",  "/proc/acpi"};

bool is_read_only(const char* path) {
  struct statvfs status{};
  return ::statvfs(path, &status) != 0 || (status.f_flag & ST_RDONLY) != 0;
}

// Makes them read-only for this process and its children, in a mount namespace of their own; others than root have no
// right to write there anyway.
bool shut_kernel_settings() {
  if (::geteuid() != 0 || std::ranges::all_of(kKernelSettings, is_read_only)) {
    return true;
  }
  if (::unshare(CLONE_NEWNS) != 0 || ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) {
    return false;
  }
  for (const char* path : kKernelSettings) {
    if (!is_read_only(path) &&
        (::mount(path, path, nullptr, MS_BIND | MS_REC, nullptr) != 0 ||
         ::mount(nullptr, path, nullptr, MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC,
                 nullptr) != 0)) {
      return false;
    }
  }
  return true;
}

// Empty when it holds.
std::string restrict_files(const SandboxRules& rules) {
  const long abi = ::syscall(SYS_landlock_create_ruleset, nullptr, 0, LANDLOCK_CREATE_RULESET_VERSION);
  if (abi < 1) {
    return std::format("it can write everywhere (no Landlock: {})", std::strerror(errno));
  }
  const std::uint64_t writes = writes_known_to(abi);
  landlock_ruleset_attr attributes{};
  attributes.handled_access_fs = writes;
  if (abi >= 4 && !rules.network) {
    attributes.handled_access_net = LANDLOCK_ACCESS_NET_BIND_TCP | LANDLOCK_ACCESS_NET_CONNECT_TCP;
  }
  if (abi >= 6) {
    attributes.scoped = LANDLOCK_SCOPE_SIGNAL | LANDLOCK_SCOPE_ABSTRACT_UNIX_SOCKET;
  }
  const FileDescriptor ruleset(
      static_cast<int>(::syscall(SYS_landlock_create_ruleset, &attributes, sizeof(attributes), 0)));
  bool whole = static_cast<bool>(ruleset) && allow(ruleset.get(), "/dev", kOfFiles & writes) &&
               allow(ruleset.get(), "/dev/shm", writes);
  if (rules.gpu && shut_kernel_settings()) {
    whole = whole && allow(ruleset.get(), "/proc", kOfFiles & writes);
  }
  for (const std::string& folder : rules.writable) {
    whole = whole && allow(ruleset.get(), folder.c_str(), writes);
  }
  if (!whole || ::syscall(SYS_landlock_restrict_self, ruleset.get(), 0) != 0) {
    return std::format("it can write everywhere (Landlock: {})", std::strerror(errno));
  }
  return "";
}

// The administrator's: what a server never does, refused with EPERM.
constexpr std::array kForbidden{SCMP_SYS(mount),
                                SCMP_SYS(umount2),
                                SCMP_SYS(pivot_root),
                                SCMP_SYS(move_mount),
                                SCMP_SYS(fsmount),
                                SCMP_SYS(open_tree),
                                SCMP_SYS(setns),
                                SCMP_SYS(reboot),
                                SCMP_SYS(kexec_load),
                                SCMP_SYS(kexec_file_load),
                                SCMP_SYS(init_module),
                                SCMP_SYS(finit_module),
                                SCMP_SYS(delete_module),
                                SCMP_SYS(swapon),
                                SCMP_SYS(swapoff),
                                SCMP_SYS(bpf),
                                SCMP_SYS(perf_event_open),
                                SCMP_SYS(ptrace),
                                SCMP_SYS(process_vm_writev),
                                SCMP_SYS(clock_settime),
                                SCMP_SYS(settimeofday),
                                SCMP_SYS(sethostname),
                                SCMP_SYS(setdomainname),
                                SCMP_SYS(io_uring_setup),
                                SCMP_SYS(chroot)};

int add_rules(scmp_filter_ctx filter, const SandboxRules& rules) {
  for (const int call : kForbidden) {
    if (const int error = ::seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), call, 0); error != 0) {
      return error;
    }
  }
  // "all processes that I may signal"
  const scmp_arg_cmp everybody = SCMP_A0_32(SCMP_CMP_EQ, static_cast<std::uint32_t>(-1));
  int error = ::seccomp_rule_add_array(filter, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(kill), 1, &everybody);
  if (error == 0 && !rules.network) {
    // As on a host that is off the network.
    const scmp_arg_cmp other_than_unix = SCMP_A0_32(SCMP_CMP_NE, static_cast<std::uint32_t>(AF_UNIX));
    error =
        ::seccomp_rule_add_array(filter, SCMP_ACT_ERRNO(ENETUNREACH), SCMP_SYS(socket), 1, &other_than_unix);
  }
  return error;
}

std::string restrict_calls(const SandboxRules& rules) {
  const std::unique_ptr<void, void (*)(scmp_filter_ctx)> filter(::seccomp_init(SCMP_ACT_ALLOW),
                                                                ::seccomp_release);
  int error = filter == nullptr ? -ENOMEM : add_rules(filter.get(), rules);
  error = error == 0 ? ::seccomp_load(filter.get()) : error;
  return error == 0
             ? ""
             : std::format("it has the network and every system call (seccomp: {})", std::strerror(-error));
}

}  // namespace

std::vector<std::string> enter_sandbox(const SandboxRules& rules) {
  std::vector<std::string> off;
  for (std::string words : {restrict_files(rules), restrict_calls(rules)}) {
    if (!words.empty()) {
      off.push_back(std::move(words));
    }
  }
  return off;
}

}  // namespace runup
