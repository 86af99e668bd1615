// SPDX-License-Identifier: Apache-2.0
#include "program/roles.h"

#include <sys/prctl.h>

#include <array>
#include <string_view>

#include "probes/archive/archive_probe.h"
#include "probes/artifact/artifact_probe.h"
#include "probes/host/host_probe.h"
#include "probes/package/package_probe.h"
#include "probes/python/python_probe.h"
#include "probes/python/source.h"
#include "probes/service/running_probe.h"
#include "probes/service/service_probe.h"
#include "probes/supervisor/supervisor.h"
#include "probes/weights/weights_probe.h"

namespace runup {

namespace {

struct ProbeRole {
  std::string_view name;
  // what `ps` shows; at most 15 characters
  const char* process_name;
  int (*run)();
};

constexpr std::array kProbes{ProbeRole{"archive", "runup-archive", archive_probe_main},
                             ProbeRole{"artifact", "runup-artifact", artifact_probe_main},
                             ProbeRole{"weights", "runup-weights", weights_probe_main},
                             ProbeRole{"package", "runup-package", package_probe_main},
                             ProbeRole{"python", "runup-python", python_probe_main},
                             ProbeRole{"source", "runup-source", source_probe_main},
                             ProbeRole{"running", "runup-running", running_probe_main},
                             ProbeRole{"service", "runup-service", service_probe_main},
                             ProbeRole{"host", "runup-host", host_probe_main}};

// EX_USAGE
constexpr int kUnknownRole = 64;

void name_process(const char* name) { ::prctl(PR_SET_NAME, name); }

}  // namespace

std::optional<int> run_role(int argc, char** argv) {
  if (argc < 2) {
    return std::nullopt;
  }
  const std::string_view role = argv[1];
  if (role == kSupervisorRole) {
    name_process("runup-supervise");
    return supervisor_main();
  }
  if (role != kProbeRole) {
    return std::nullopt;
  }
  for (const ProbeRole& probe : kProbes) {
    if (argc == 3 && probe.name == argv[2]) {
      name_process(probe.process_name);
      return probe.run();
    }
  }
  return kUnknownRole;
}

}  // namespace runup
