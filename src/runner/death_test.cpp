// SPDX-License-Identifier: Apache-2.0
#include "runner/death.h"

#include <cerrno>
#include <csignal>

#include <catch2/catch_test_macros.hpp>

#include "runner/runtime_programs.h"
#include "runner/tell.h"

namespace runup {
namespace {

const Death kDeath{
    .who = "the torch probe",
    .doing = "while loading the model",
    .program = "/lib/probe",
    .remedy = "install it",
    .limits = {.deadline = Duration::from_milliseconds(1500), .resident_bytes = std::uint64_t{1} << 30U}};

void check_death(const JobEnd& end, AbsenceKind kind, const std::string& detail) {
  const Absence absence = describe_death(kDeath, end);
  CHECK(absence.kind == kind);
  CHECK(absence.detail == detail);
  CHECK(absence.log == end.stderr_tail);
}

TEST_CASE("death: each end has its kind and its words") {
  check_death({.kind = EndKind::killed_by_signal, .code = SIGSEGV}, AbsenceKind::crashed,
              "the torch probe crashed (signal 11, SIGSEGV) while loading the model");
  check_death({.kind = EndKind::killed_by_signal,
               .code = SIGABRT,
               .stderr_tail = "warning: x\n\nassert failed: y\n\n"},
              AbsenceKind::crashed,
              "the torch probe crashed (signal 6, SIGABRT) while loading the model; its last words: \"assert "
              "failed: y\"");
  check_death({.kind = EndKind::killed_by_signal,
               .code = SIGABRT,
               .stderr_tail = "terminate called after throwing an instance of 'std::bad_alloc'\n"},
              AbsenceKind::out_of_memory,
              "the torch probe ran out of memory while loading the model (signal 6, SIGABRT)");
  check_death(
      {.kind = EndKind::killed_by_signal, .code = SIGKILL}, AbsenceKind::crashed,
      "the torch probe was killed (signal 9, SIGKILL) while loading the model, by somebody else or by the "
      "kernel for want of memory");
  check_death({.kind = EndKind::exited, .code = 3}, AbsenceKind::crashed,
              "the torch probe ended with status 3 while loading the model");
  check_death(
      {.kind = EndKind::exited,
       .code = 127,
       .stderr_tail = "probe: error while loading shared libraries: libtorch.so: cannot open\n"},
      AbsenceKind::missing,
      "the torch probe ended with status 127 while loading the model; its last words: \"probe: error while "
      "loading shared libraries: libtorch.so: cannot open\"");
  check_death({.kind = EndKind::timed_out}, AbsenceKind::timed_out,
              "the torch probe did not end within 1.50 s while loading the model");
  check_death({.kind = EndKind::out_of_memory, .peak_resident_bytes = std::uint64_t{3} << 29U},
              AbsenceKind::out_of_memory,
              "the torch probe used 1.50 GiB of memory while loading the model; at most 1.00 GiB is allowed");
  check_death({.kind = EndKind::not_started, .code = ENOENT}, AbsenceKind::missing,
              "the torch probe could not be started: `/lib/probe`: No such file or directory; install it");
  check_death({.kind = EndKind::not_started, .code = EMFILE}, AbsenceKind::crashed,
              "the torch probe could not be started: `/lib/probe`: Too many open files");
  check_death(
      {.kind = EndKind::supervisor_lost}, AbsenceKind::crashed,
      "the supervisor of runup's processes was killed, and the torch probe with it while loading the model");
  check_death({.kind = EndKind::interrupted}, AbsenceKind::blocked, "the run was interrupted");
}

TEST_CASE("death: last words are one bounded line of text") {
  CHECK(last_words("") == "");
  CHECK(last_words("a\nb\n \n") == "b");
  CHECK(last_words("\x1b[31mred\xFF") == "\\x1b[31mred\xEF\xBF\xBD");
  CHECK(last_words(std::string(100'000, 'x')).size() < 2000);
}

TEST_CASE("tell: the host in one line") {
  HostFacts host{.os = "Debian GNU/Linux 13 (trixie)",
                 .architecture = "x86_64",
                 .cpus_allowed = 8,
                 .memory_bytes = std::uint64_t{24} << 30U};
  CHECK(host_words(Observed<HostFacts>::seen(host, {})) ==
        "Debian GNU/Linux 13 (trixie), x86_64, 8 cpus, 24.0 GiB");
  host.cpu_quota = 1.5;
  host.memory_limit_bytes = std::uint64_t{2} << 30U;
  host.gpus = {{.device = "cuda:0", .name = "NVIDIA H100"}, {.device = "cuda:1"}};
  CHECK(host_words(Observed<HostFacts>::seen(host, {})) ==
        "Debian GNU/Linux 13 (trixie), x86_64, 8 cpus (quota 1.5), 24.0 GiB (limit 2.00 GiB), NVIDIA H100, "
        "cuda:1");
  CHECK(host_words({}).empty());
}

TEST_CASE("tell: a witness is a runtime that ran the model, not one that only loaded it") {
  Facts facts{.model_name = "m"};
  CHECK(witnesses_of(facts).empty());
  RuntimeFacts runtime{.witness = {.library = "libtorch", .version = "2.6.0", .device = "cpu", .form = "f"}};
  runtime.experiments = {{.error = "refused"}, {.absence = Absence{}}, {}};
  facts.runtimes = {Observed<RuntimeFacts>::none({}), Observed<RuntimeFacts>::seen(runtime, {})};
  CHECK(witnesses_of(facts).empty());
  facts.runtimes[1].value->experiments.push_back({.outputs = {{}}});
  CHECK(witnesses_of(facts) == std::vector<ReportWitness>{{"m", "libtorch", "2.6.0", "cpu", "f"}});
}

TEST_CASE("torch probe: its memory is what the host has, or what was set") {
  RunnerSettings settings;
  CHECK(runtime_memory(settings, {}) == 0);
  HostFacts host{.memory_bytes = 2000, .memory_available_bytes = 1000};
  CHECK(runtime_memory(settings, Observed<HostFacts>::seen(host, {})) == 900);
  host.memory_limit_bytes = 500;
  CHECK(runtime_memory(settings, Observed<HostFacts>::seen(host, {})) == 450);
  settings.runtime_memory_bytes = 7;
  CHECK(runtime_memory(settings, Observed<HostFacts>::seen(host, {})) == 7);
}

TEST_CASE("torch probe: the service's variables over the caller's, and no preloaded code") {
  ::setenv("RUNUP_TEST_A", "caller", 1);
  ::setenv("RUNUP_TEST_B", "caller=2", 1);
  ::setenv("LD_PRELOAD", "/nonexistent.so", 1);
  Plan plan;
  plan.service_environment = {{"RUNUP_TEST_A", "service"}, {"OMP_NUM_THREADS", "1"}};
  const std::vector<std::string> environment = runtime_environment(plan);
  ::unsetenv("LD_PRELOAD");
  const auto has = [&](const char* text) {
    return std::ranges::find(environment, text) != environment.end();
  };
  CHECK(has("RUNUP_TEST_A=service"));
  CHECK_FALSE(has("RUNUP_TEST_A=caller"));
  CHECK(has("RUNUP_TEST_B=caller=2"));
  CHECK(has("OMP_NUM_THREADS=1"));
  CHECK_FALSE(has("LD_PRELOAD=/nonexistent.so"));
}

TEST_CASE("limits from the environment") {
  RunnerSettings settings;
  ::setenv("RUNUP_PROBE_TIMEOUT", "90s", 1);
  ::setenv("RUNUP_PROBE_MEMORY", "4GiB", 1);
  REQUIRE(read_limits_from_environment(settings));
  CHECK(settings.step_timeout == Duration::from_seconds(90));
  CHECK(settings.runtime_memory_bytes == std::uint64_t{4} << 30U);
  for (const char* bad : {"90", "-1s", "0s", "soon", ""}) {
    ::setenv("RUNUP_PROBE_TIMEOUT", bad, 1);
    CHECK_FALSE(read_limits_from_environment(settings));
  }
  ::unsetenv("RUNUP_PROBE_TIMEOUT");
  ::setenv("RUNUP_PROBE_MEMORY", "4", 1);
  CHECK_FALSE(read_limits_from_environment(settings));
  ::unsetenv("RUNUP_PROBE_MEMORY");
}

}  // namespace
}  // namespace runup
