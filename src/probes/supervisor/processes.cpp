// SPDX-License-Identifier: Apache-2.0
#include "probes/supervisor/processes.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/kcmp.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.h"

namespace runup {

namespace {

// A fork bomb must not make the supervisor itself grow without end.
constexpr std::size_t kMaxProcesses = 100'000;

struct CloseFolder {
  void operator()(DIR* folder) const { ::closedir(folder); }
};
using Folder = std::unique_ptr<DIR, CloseFolder>;

// Small files of /proc; nothing when the process is gone.
std::optional<std::string> read_proc(const std::string& path) {
  const FileDescriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file) {
    return std::nullopt;
  }
  std::string content;
  std::array<char, 4096> part{};
  while (true) {
    const ssize_t count = ::read(file.get(), part.data(), part.size());
    if (count < 0) {
      return std::nullopt;
    }
    if (count == 0) {
      return content;
    }
    content.append(part.data(), static_cast<std::size_t>(count));
  }
}

std::optional<pid_t> as_pid(std::string_view text) {
  pid_t pid = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), pid);
  return error == std::errc{} && end == text.data() + text.size() && pid > 0 ? std::optional(pid)
                                                                             : std::nullopt;
}

template <class Use>
void for_each_number(const std::string& folder_name, Use use) {
  const Folder folder(::opendir(folder_name.c_str()));
  if (!folder) {
    return;
  }
  while (const dirent* entry = ::readdir(folder.get())) {
    if (const auto number = as_pid(entry->d_name)) {
      use(*number);
    }
  }
}

void append_numbers(std::string_view text, std::vector<pid_t>& out) {
  while (!text.empty() && out.size() < kMaxProcesses) {
    const std::size_t space = text.find(' ');
    if (const auto pid = as_pid(text.substr(0, space))) {
      out.push_back(*pid);
    }
    text = space == std::string_view::npos ? std::string_view{} : text.substr(space + 1);
  }
}

// For kernels without CONFIG_PROC_CHILDREN.
std::vector<pid_t> children_by_walk(pid_t parent) {
  std::vector<pid_t> children;
  for_each_number("/proc", [&](pid_t pid) {
    if (children.size() < kMaxProcesses && parent_of(pid) == parent) {
      children.push_back(pid);
    }
  });
  return children;
}

// "RssAnon:	    1234 kB"
std::optional<std::uint64_t> status_bytes(std::string_view status, std::string_view name) {
  const std::size_t found = status.find(name);
  if (found == std::string_view::npos) {
    return std::nullopt;
  }
  std::string_view rest = status.substr(found + name.size());
  rest.remove_prefix(std::min(rest.find_first_not_of(" \t"), rest.size()));
  std::uint64_t kib = 0;
  return std::from_chars(rest.data(), rest.data() + rest.size(), kib).ec == std::errc{}
             ? std::optional(kib * 1024)
             : std::nullopt;
}

std::uint64_t process_memory(pid_t pid) {
  const auto status = read_proc("/proc/" + std::to_string(pid) + "/status");
  if (!status) {
    return 0;
  }
  const auto anonymous = status_bytes(*status, "\nRssAnon:");
  const auto shared = status_bytes(*status, "\nRssShmem:");
  if (anonymous && shared) {
    return *anonymous + *shared;
  }
  return status_bytes(*status, "\nVmRSS:").value_or(0);
}

// Of a page that several processes have, the part that falls to this one.
std::uint64_t proportional_memory(pid_t pid) {
  const auto rollup = read_proc("/proc/" + std::to_string(pid) + "/smaps_rollup");
  const auto anonymous = rollup ? status_bytes(*rollup, "\nPss_Anon:") : std::nullopt;
  const auto shared = rollup ? status_bytes(*rollup, "\nPss_Shmem:") : std::nullopt;
  return anonymous && shared ? *anonymous + *shared : process_memory(pid);
}

// False where the kernel does not tell.
bool are_in_one_memory(pid_t one, pid_t other) { return ::syscall(SYS_kcmp, one, other, KCMP_VM, 0, 0) == 0; }

struct Member {
  pid_t process = 0;
  // 0 of the root
  pid_t parent = 0;
};

std::vector<Member> tree_of(pid_t root) {
  std::vector<Member> tree{{.process = root}};
  for (std::size_t i = 0; i < tree.size() && tree.size() < kMaxProcesses; ++i) {
    const pid_t parent = tree[i].process;
    for (const pid_t child : children_of(parent)) {
      tree.push_back({.process = child, .parent = parent});
    }
  }
  return tree;
}

}  // namespace

// The fourth field of /proc/PID/stat; the second is a name in parentheses that may hold anything.
std::optional<pid_t> parent_of(pid_t process) {
  const auto stat = read_proc("/proc/" + std::to_string(process) + "/stat");
  const std::size_t name_end = stat ? stat->rfind(')') : std::string::npos;
  if (name_end == std::string::npos || stat->size() < name_end + 5) {
    return std::nullopt;
  }
  const std::string_view rest = std::string_view(*stat).substr(name_end + 4);
  return as_pid(rest.substr(0, rest.find(' ')));
}

std::vector<pid_t> children_of(pid_t parent) {
  const std::string tasks = "/proc/" + std::to_string(parent) + "/task";
  std::vector<pid_t> children;
  bool told = false;
  bool alive = false;
  // A child is listed under the thread that forked it.
  for_each_number(tasks, [&](pid_t thread) {
    alive = true;
    if (const auto list = read_proc(tasks + "/" + std::to_string(thread) + "/children")) {
      told = true;
      append_numbers(*list, children);
    }
  });
  return alive && !told ? children_by_walk(parent) : children;
}

void kill_tree(pid_t root) {
  std::vector<pid_t> doomed{root};
  for (std::size_t i = 0; i < doomed.size() && doomed.size() < kMaxProcesses; ++i) {
    ::kill(doomed[i], SIGKILL);
    const std::vector<pid_t> children = children_of(doomed[i]);
    doomed.insert(doomed.end(), children.begin(), children.end());
  }
}

std::uint64_t tree_memory(pid_t root) {
  std::uint64_t total = 0;
  for (const Member& member : tree_of(root)) {
    total += process_memory(member.process);
  }
  return total;
}

std::uint64_t shared_tree_memory(pid_t root) {
  std::uint64_t total = 0;
  for (const Member& member : tree_of(root)) {
    // A memory is shared with the process that made this one.
    if (member.parent == 0 || !are_in_one_memory(member.process, member.parent)) {
      total += proportional_memory(member.process);
    }
  }
  return total;
}

}  // namespace runup
