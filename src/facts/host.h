// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "facts/observed.h"

namespace runup {

struct GpuFacts {
  // as PyTorch names it: `cuda:0`
  std::string device;
  // device node, such as `/dev/nvidia0`
  std::string node;
  std::string name;
  bool operator==(const GpuFacts&) const = default;
  static constexpr auto fields() {
    return std::tuple{Field{"device", &GpuFacts::device}, Field{"node", &GpuFacts::node},
                      Field{"name", &GpuFacts::name}};
  }
};

struct HostFacts {
  std::string name;
  // PRETTY_NAME of os-release
  std::string os;
  std::string kernel;
  // `uname -m`
  std::string architecture;
  std::string cpu_model;
  std::vector<std::string> cpu_flags;
  std::uint32_t cpus_online = 0;
  // what this process may run on
  std::uint32_t cpus_allowed = 0;
  // cgroup `cpu.max` as a number of CPUs
  std::optional<double> cpu_quota;
  std::uint64_t memory_bytes = 0;
  std::uint64_t memory_available_bytes = 0;
  // the tightest cgroup `memory.max` on the way to the root
  std::optional<std::uint64_t> memory_limit_bytes;
  std::string nvidia_driver;
  std::vector<GpuFacts> gpus;
  bool operator==(const HostFacts&) const = default;
  static constexpr auto fields() {
    return std::tuple{Field{"name", &HostFacts::name},
                      Field{"os", &HostFacts::os},
                      Field{"kernel", &HostFacts::kernel},
                      Field{"architecture", &HostFacts::architecture},
                      Field{"cpu_model", &HostFacts::cpu_model},
                      Field{"cpu_flags", &HostFacts::cpu_flags},
                      Field{"cpus_online", &HostFacts::cpus_online},
                      Field{"cpus_allowed", &HostFacts::cpus_allowed},
                      Field{"cpu_quota", &HostFacts::cpu_quota},
                      Field{"memory_bytes", &HostFacts::memory_bytes},
                      Field{"memory_available_bytes", &HostFacts::memory_available_bytes},
                      Field{"memory_limit_bytes", &HostFacts::memory_limit_bytes},
                      Field{"nvidia_driver", &HostFacts::nvidia_driver},
                      Field{"gpus", &HostFacts::gpus}};
  }
};

extern template struct Observed<HostFacts>;
extern template struct StructCodec<HostFacts>;

}  // namespace runup
