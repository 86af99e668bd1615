// SPDX-License-Identifier: Apache-2.0
#include "probes/host/cgroup.h"

#include <algorithm>
#include <string_view>
#include <vector>

#include "base/text.h"
#include "probes/host/system_files.h"

namespace runup {

namespace {

// v1 writes "no limit" as the largest multiple of the page size that a signed number holds.
constexpr std::uint64_t kNoLimitV1 = std::uint64_t{1} << 60U;
constexpr std::size_t kMaxLevels = 64;

struct Membership {
  // empty for v2
  std::vector<std::string> controllers;
  std::string path;
};

// Lines "4:cpu,cpuacct:/user.slice" (v1) and "0::/user.slice" (v2).
std::vector<Membership> read_memberships(const std::string& text) {
  std::vector<Membership> memberships;
  for (const std::string& line : split(text, '\n')) {
    const std::size_t first = line.find(':');
    const std::size_t second = first == std::string::npos ? first : line.find(':', first + 1);
    if (second == std::string::npos) {
      continue;
    }
    const std::string controllers = line.substr(first + 1, second - first - 1);
    memberships.push_back(
        {.controllers = controllers.empty() ? std::vector<std::string>{} : split(controllers, ','),
         .path = line.substr(second + 1)});
  }
  return memberships;
}

// The folders of a group and of all groups above it, below `mount`.
std::vector<std::string> levels(const std::string& mount, const std::string& path) {
  std::vector<std::string> folders;
  std::string_view rest = path;
  while (!rest.empty() && rest != "/" && !rest.contains("..") && folders.size() < kMaxLevels) {
    folders.push_back(mount + std::string(rest));
    rest = rest.substr(0, rest.rfind('/'));
  }
  folders.push_back(mount);
  return folders;
}

template <class T>
void tighten(std::optional<T>& limit, T value) {
  limit = limit ? std::min(*limit, value) : value;
}

void read_v2(const std::string& folder, CgroupLimits& limits) {
  if (const auto memory = leading_number(read_system_file(folder + "/memory.max"))) {
    tighten(limits.memory_bytes, *memory);
  }
  // "150000 100000", or "max 100000"
  const std::vector<std::string> words{split(std::string(trim(read_system_file(folder + "/cpu.max"))), ' ')};
  if (words.size() == 2) {
    const auto quota = leading_number(words[0]);
    const auto period = leading_number(words[1]);
    if (quota && period && *period > 0) {
      tighten(limits.cpus, static_cast<double>(*quota) / static_cast<double>(*period));
    }
  }
}

void read_v1_memory(const std::string& folder, CgroupLimits& limits) {
  const auto memory = leading_number(read_system_file(folder + "/memory.limit_in_bytes"));
  if (memory && *memory < kNoLimitV1) {
    tighten(limits.memory_bytes, *memory);
  }
}

void read_v1_cpu(const std::string& folder, CgroupLimits& limits) {
  // -1 is "no quota", which is no unsigned number
  const auto quota = leading_number(read_system_file(folder + "/cpu.cfs_quota_us"));
  const auto period = leading_number(read_system_file(folder + "/cpu.cfs_period_us"));
  if (quota && period && *period > 0) {
    tighten(limits.cpus, static_cast<double>(*quota) / static_cast<double>(*period));
  }
}

}  // namespace

CgroupLimits read_cgroup_limits(const std::string& root) {
  const std::string mount = root + "/sys/fs/cgroup";
  CgroupLimits limits;
  for (const Membership& membership : read_memberships(read_system_file(root + "/proc/self/cgroup"))) {
    if (membership.controllers.empty()) {
      // Beside v1 hierarchies the v2 one stands in a folder of its own.
      for (const std::string& place : {mount, mount + "/unified"}) {
        for (const std::string& folder : levels(place, membership.path)) {
          read_v2(folder, limits);
        }
      }
      continue;
    }
    for (const std::string& controller : membership.controllers) {
      if (controller != "memory" && controller != "cpu") {
        continue;
      }
      const std::string joined = join(membership.controllers, ",");
      for (const std::string& name : {controller, joined}) {
        for (const std::string& folder : levels(mount + "/" + name, membership.path)) {
          controller == "memory" ? read_v1_memory(folder, limits) : read_v1_cpu(folder, limits);
        }
      }
    }
  }
  return limits;
}

}  // namespace runup
