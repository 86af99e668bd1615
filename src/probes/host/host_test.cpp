// SPDX-License-Identifier: Apache-2.0
// Machines as folders: what their files say is written here by hand, after the kernel's documentation
// (proc(5), Documentation/admin-guide/cgroup-v2.rst, cgroup-v1/memory.rst) and real hosts.

#include <sys/sysinfo.h>
#include <sys/utsname.h>

#include <filesystem>
#include <fstream>
#include <thread>

#include <catch2/catch_approx.hpp>
#include <catch2/catch_test_macros.hpp>

#include "probes/host/host_probe.h"

namespace runup {
namespace {

namespace fs = std::filesystem;

class Machine {
 public:
  Machine() {
    std::string pattern = (fs::temp_directory_path() / "runup-host.XXXXXX").string();
    root_ = ::mkdtemp(pattern.data());
  }
  ~Machine() { fs::remove_all(root_); }
  Machine(const Machine&) = delete;
  Machine& operator=(const Machine&) = delete;

  Machine& file(const std::string& name, const std::string& content) {
    fs::create_directories(fs::path(root_ + name).parent_path());
    std::ofstream(root_ + name) << content;
    return *this;
  }
  HostFacts look() const { return look_at_host(root_); }

 private:
  std::string root_;
};

constexpr const char* kMemory = "MemTotal:       16318480 kB\nMemFree:  1 kB\nMemAvailable:   12000000 kB\n";

TEST_CASE("system, processors and memory") {
  Machine machine;
  machine.file("/etc/os-release", "NAME=\"Debian GNU/Linux\"\nPRETTY_NAME=\"Debian GNU/Linux 13 (trixie)\"\n")
      .file("/proc/cpuinfo",
            "processor\t: 0\nmodel name\t: AMD EPYC 9B14\nflags\t\t: fpu avx2 avx512f\n\n"
            "processor\t: 1\nmodel name\t: AMD EPYC 9B14\nflags\t\t: fpu avx2 avx512f\n")
      .file("/proc/meminfo", kMemory);
  const HostFacts facts = machine.look();
  CHECK(facts.os == "Debian GNU/Linux 13 (trixie)");
  CHECK(facts.cpu_model == "AMD EPYC 9B14");
  CHECK(facts.cpu_flags == std::vector<std::string>{"fpu", "avx2", "avx512f"});
  CHECK(facts.cpus_online == 2);
  CHECK(facts.memory_bytes == 16318480ULL * 1024);
  CHECK(facts.memory_available_bytes == 12000000ULL * 1024);
  CHECK_FALSE(facts.memory_limit_bytes);
  CHECK_FALSE(facts.cpu_quota);
  CHECK(facts.gpus.empty());
}

TEST_CASE("an arm host, with the release file of /usr/lib") {
  Machine machine;
  machine.file("/usr/lib/os-release", "PRETTY_NAME='Ubuntu 24.04'\n")
      .file("/proc/cpuinfo", "processor\t: 0\nFeatures\t: fp asimd sve\nCPU implementer\t: 0x41\n");
  const HostFacts facts = machine.look();
  CHECK(facts.os == "Ubuntu 24.04");
  CHECK(facts.cpu_flags == std::vector<std::string>{"fp", "asimd", "sve"});
  CHECK(facts.cpu_model.empty());
}

TEST_CASE("cgroup v2: the tightest limit on the way to the root") {
  Machine machine;
  machine.file("/proc/meminfo", kMemory)
      .file("/proc/self/cgroup", "0::/system.slice/runup.service\n")
      .file("/sys/fs/cgroup/system.slice/runup.service/memory.max", "max\n")
      .file("/sys/fs/cgroup/system.slice/runup.service/cpu.max", "150000 100000\n")
      .file("/sys/fs/cgroup/system.slice/memory.max", "2147483648\n")
      .file("/sys/fs/cgroup/system.slice/cpu.max", "max 100000\n");
  const HostFacts facts = machine.look();
  CHECK(facts.memory_limit_bytes == 2147483648ULL);
  REQUIRE(facts.cpu_quota);
  CHECK(*facts.cpu_quota == Catch::Approx(1.5));
}

TEST_CASE("cgroup v2 in a container, and limits that are none") {
  Machine container;
  container.file("/proc/meminfo", kMemory)
      .file("/proc/self/cgroup", "0::/\n")
      .file("/sys/fs/cgroup/memory.max", "536870912\n")
      .file("/sys/fs/cgroup/cpu.max", "50000 100000\n");
  CHECK(container.look().memory_limit_bytes == 536870912ULL);
  CHECK(container.look().cpu_quota == 0.5);

  Machine above;
  // a process that was moved out of its namespace's root, and a limit above what the machine has
  above.file("/proc/meminfo", kMemory)
      .file("/proc/self/cgroup", "0::/../other\n")
      .file("/sys/fs/cgroup/memory.max", "99999999999999\n")
      .file("/sys/fs/cgroup/cpu.max", "max\n");
  CHECK_FALSE(above.look().memory_limit_bytes);
  CHECK_FALSE(above.look().cpu_quota);
}

TEST_CASE("cgroup v1, with joined controllers and a container's inner part") {
  Machine machine;
  machine.file("/proc/meminfo", kMemory)
      .file("/proc/self/cgroup",
            "5:memory:/docker/abc\n4:cpu,cpuacct:/docker/abc\n1:name=systemd:/docker/abc\n0::/\n")
      .file("/sys/fs/cgroup/memory/memory.limit_in_bytes", "1073741824\n")
      .file("/sys/fs/cgroup/cpu,cpuacct/docker/abc/cpu.cfs_quota_us", "250000\n")
      .file("/sys/fs/cgroup/cpu,cpuacct/docker/abc/cpu.cfs_period_us", "100000\n");
  CHECK(machine.look().memory_limit_bytes == 1073741824ULL);
  CHECK(machine.look().cpu_quota == 2.5);

  Machine unlimited;
  unlimited.file("/proc/self/cgroup", "5:memory:/\n4:cpu:/\n")
      .file("/sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n")
      .file("/sys/fs/cgroup/cpu/cpu.cfs_quota_us", "-1\n")
      .file("/sys/fs/cgroup/cpu/cpu.cfs_period_us", "100000\n");
  CHECK_FALSE(unlimited.look().memory_limit_bytes);
  CHECK_FALSE(unlimited.look().cpu_quota);
}

TEST_CASE("GPUs: those whose device nodes are here, in bus order") {
  Machine machine;
  const auto information = [](int minor, const char* model) {
    return std::string("Model: \t\t ") + model + "\nIRQ:   \t\t 55\nDevice Minor: \t " +
           std::to_string(minor) + "\n";
  };
  machine
      .file("/proc/driver/nvidia/version",
            "NVRM version: NVIDIA UNIX x86_64 Kernel Module  550.54.14\nGCC version: x\n")
      .file("/proc/driver/nvidia/gpus/0000:17:00.0/information", information(1, "NVIDIA H100"))
      .file("/proc/driver/nvidia/gpus/0000:2a:00.0/information", information(0, "NVIDIA L4"))
      .file("/proc/driver/nvidia/gpus/0000:3d:00.0/information", information(2, "not in this container"))
      .file("/dev/nvidia0", "")
      .file("/dev/nvidia1", "")
      .file("/dev/nvidia10", "")
      .file("/dev/nvidiactl", "")
      .file("/dev/nvidia-uvm", "");
  const HostFacts facts = machine.look();
  CHECK(facts.nvidia_driver == "NVIDIA UNIX x86_64 Kernel Module  550.54.14");
  REQUIRE(facts.gpus.size() == 3);
  CHECK(facts.gpus[0] == GpuFacts{"cuda:0", "/dev/nvidia1", "NVIDIA H100"});
  CHECK(facts.gpus[1] == GpuFacts{"cuda:1", "/dev/nvidia0", "NVIDIA L4"});
  CHECK(facts.gpus[2] == GpuFacts{"cuda:2", "/dev/nvidia10", ""});
}

TEST_CASE("an empty machine, and files full of nonsense, give nothing and no crash") {
  CHECK(Machine().look().memory_bytes == 0);
  Machine odd;
  odd.file("/proc/meminfo", "MemTotal: lots\nMemTotal\n:\n")
      .file("/proc/self/cgroup", "::\n0:\n\n7:memory\n0::" + std::string(5000, '/') + "\n")
      .file("/sys/fs/cgroup/cpu.max", "1 0\n")
      .file("/sys/fs/cgroup/memory.max", "99999999999999999999999999\n")
      .file("/etc/os-release", "PRETTY_NAME=\"\n")
      .file("/dev/nvidia99999999999999999999", "");
  const HostFacts facts = odd.look();
  CHECK(facts.memory_bytes == 0);
  CHECK_FALSE(facts.cpu_quota);
  CHECK_FALSE(facts.memory_limit_bytes);
  CHECK(facts.gpus.empty());
}

TEST_CASE("this machine, against what the C library says") {
  const HostFacts facts = look_at_host();
  struct sysinfo info{};
  REQUIRE(::sysinfo(&info) == 0);
  utsname name{};
  REQUIRE(::uname(&name) == 0);
  CHECK(facts.kernel == name.release);
  CHECK(facts.architecture == name.machine);
  CHECK(facts.name == name.nodename);
  CHECK(facts.memory_bytes / 1024 == info.totalram * info.mem_unit / 1024);
  CHECK(facts.memory_available_bytes <= facts.memory_bytes);
  CHECK(facts.cpus_allowed == std::thread::hardware_concurrency());
  CHECK(facts.cpus_online >= facts.cpus_allowed);
}

}  // namespace
}  // namespace runup
