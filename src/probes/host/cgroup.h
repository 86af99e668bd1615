// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace runup {

// What the control groups of this process allow, the tightest on the way to the root.
struct CgroupLimits {
  // processors; from `cpu.max` (v2), or `cpu.cfs_quota_us` and `cpu.cfs_period_us` (v1)
  std::optional<double> cpus;
  // from `memory.max` (v2) or `memory.limit_in_bytes` (v1)
  std::optional<std::uint64_t> memory_bytes;
};

// Reads /proc/self/cgroup and /sys/fs/cgroup below `root`. A hierarchy of which a container shows only
// the inner part is read from where that part begins.
CgroupLimits read_cgroup_limits(const std::string& root);

}  // namespace runup
