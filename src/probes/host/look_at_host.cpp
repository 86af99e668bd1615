// SPDX-License-Identifier: Apache-2.0
#include <sched.h>
#include <sys/stat.h>
#include <sys/utsname.h>

#include <algorithm>
#include <map>

#include "base/text.h"
#include "probes/host/cgroup.h"
#include "probes/host/host_probe.h"
#include "probes/host/system_files.h"

namespace runup {

namespace {

std::uint32_t count_lines(std::string_view text, std::string_view key) {
  std::uint32_t count = 0;
  for (const std::string& line : split(text, '\n')) {
    count += line.starts_with(key) ? 1U : 0U;
  }
  return count;
}

// "PRETTY_NAME="Debian GNU/Linux 13 (trixie)"", with or without quotes of either kind
std::string read_os(const std::string& root) {
  for (const char* place : {"/etc/os-release", "/usr/lib/os-release"}) {
    std::string name = value_of(read_system_file(root + place), "PRETTY_NAME", '=');
    if (name.size() >= 2 && (name.front() == '"' || name.front() == '\'') && name.back() == name.front()) {
      name = name.substr(1, name.size() - 2);
    }
    if (!name.empty()) {
      return name;
    }
  }
  return {};
}

void read_cpus(const std::string& root, HostFacts& facts) {
  const std::string info = read_system_file(root + "/proc/cpuinfo");
  facts.cpus_online = count_lines(info, "processor");
  // Other architectures than x86 have other names, or none.
  for (const char* key : {"model name", "Model", "cpu model", "Processor"}) {
    if (facts.cpu_model = value_of(info, key, ':'); !facts.cpu_model.empty()) {
      break;
    }
  }
  std::string flags = value_of(info, "flags", ':');
  if (flags.empty()) {
    flags = value_of(info, "Features", ':');
  }
  if (!flags.empty()) {
    facts.cpu_flags = split(flags, ' ');
  }
}

// "16318480 kB"
std::uint64_t kib_value(const std::string& text, std::string_view key) {
  return leading_number(value_of(text, key, ':')).value_or(0) * 1024;
}

// CUDA's own order is by speed unless CUDA_DEVICE_ORDER says otherwise; among equal GPUs it is the bus
// order, which is that of the folder names here.
void read_gpus(const std::string& root, HostFacts& facts) {
  const std::string driver = root + "/proc/driver/nvidia";
  facts.nvidia_driver = value_of(read_system_file(driver + "/version"), "NVRM version", ':');
  // device minor -> model name, in the order of the buses
  std::vector<std::pair<std::uint64_t, std::string>> known;
  for (const std::string& bus : names_in(driver + "/gpus")) {
    const std::string information = read_system_file(driver + "/gpus/" + bus + "/information");
    if (const auto minor = leading_number(value_of(information, "Device Minor", ':'))) {
      known.emplace_back(*minor, value_of(information, "Model", ':'));
    }
  }
  std::vector<std::uint64_t> nodes;
  for (const std::string& name : names_in(root + "/dev")) {
    if (name.starts_with("nvidia") && name.size() > 6) {
      if (const auto minor = leading_number(name.substr(6))) {
        nodes.push_back(*minor);
      }
    }
  }
  std::ranges::sort(nodes);
  // A container sees the driver's list of all GPUs, but only its own nodes.
  std::erase_if(known, [&](const auto& gpu) { return std::ranges::find(nodes, gpu.first) == nodes.end(); });
  for (const std::uint64_t minor : nodes) {
    if (std::ranges::find(known, minor, &std::pair<std::uint64_t, std::string>::first) == known.end()) {
      known.emplace_back(minor, "");
    }
  }
  for (const auto& [minor, name] : known) {
    facts.gpus.push_back({.device = "cuda:" + std::to_string(facts.gpus.size()),
                          .node = "/dev/nvidia" + std::to_string(minor),
                          .name = name});
  }
}

// More processors than a plain cpu_set_t holds need a larger one; those hosts have at least 1024.
std::uint32_t allowed_cpus() {
  cpu_set_t set;
  CPU_ZERO(&set);
  if (::sched_getaffinity(0, sizeof(set), &set) != 0) {
    return CPU_SETSIZE;
  }
  return static_cast<std::uint32_t>(CPU_COUNT(&set));
}

}  // namespace

HostFacts look_at_host(const std::string& root) {
  HostFacts facts;
  utsname name{};
  if (::uname(&name) == 0) {
    facts.name = name.nodename;
    facts.kernel = name.release;
    facts.architecture = name.machine;
  }
  facts.os = read_os(root);
  read_cpus(root, facts);
  facts.cpus_allowed = allowed_cpus();
  const std::string memory = read_system_file(root + "/proc/meminfo");
  facts.memory_bytes = kib_value(memory, "MemTotal");
  facts.memory_available_bytes = kib_value(memory, "MemAvailable");
  const CgroupLimits limits = read_cgroup_limits(root);
  facts.cpu_quota = limits.cpus;
  if (limits.memory_bytes && (facts.memory_bytes == 0 || *limits.memory_bytes < facts.memory_bytes)) {
    facts.memory_limit_bytes = limits.memory_bytes;
  }
  read_gpus(root, facts);
  return facts;
}

}  // namespace runup
