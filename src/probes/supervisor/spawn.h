// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <expected>
#include <vector>

#include "base/bytes.h"
#include "probes/supervisor/wire.h"

namespace runup {

// A process that was forked and is on its way to exec.
struct Spawned {
  pid_t pid = -1;
  // non-blocking read ends; standard_output only when the job has a bound for it
  FileDescriptor standard_output;
  FileDescriptor standard_error;
  // holds errno as an int when exec failed, nothing when it did not; non-blocking
  FileDescriptor exec_status;
};

// Starts the job in a session of its own, as a child subreaper that dies with this process, without
// new privileges, with its limits, an empty signal mask, and no descriptor but 0, 1, 2 and those of
// `descriptors` from 3 on. `input` is its stdin (-1: /dev/null). To be called from a process with a
// single thread. The error is an errno.
std::expected<Spawned, int> spawn_job(const JobRequest& job, int input, const std::vector<int>& descriptors);

// The errno of a failed exec, or 0.
int exec_error(const Spawned& job);

}  // namespace runup
