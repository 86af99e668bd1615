// SPDX-License-Identifier: Apache-2.0
#pragma once

// Most of a start is importing what the server imports. An interpreter that has done that once, as the server's own and
// shut in like it, forks for each start that follows (fork_server.py): it differs from a start of its own in nothing that
// a damaged file could show, and takes a tenth of the time.

#include <sys/types.h>

#include <functional>
#include <string_view>

#include "probes/protocol/service_request.h"
#include "probes/service/launch.h"

namespace runup {

// The text of fork_server.py.
std::string_view fork_server_script();

// Starts the interpreter of the request's command, calls `ready` when it takes starts, and stays while it runs. An error
// where it cannot be: the command is not Python's, nothing can be isolated here, its imports leave something behind that
// no two processes can share, or they open a watched file.
Result<void> keep_fork_server(const ServiceRequest& request, const std::function<Result<void>()>& ready);

// One start of it, in namespaces of its own, that waits for what it shall be.
class ForkedStart {
 public:
  // Asks the fork server of the request for it. This process must have one thread.
  static Result<ForkedStart> ask(const ServiceRequest& request);
  // Puts this process, which must have one thread, into the start's namespaces and root.
  Result<void> join() const;
  // Makes it the request's command with this port.
  Result<LaunchedService> begin(const ServiceRequest& request, std::uint16_t port) &&;

 private:
  ForkedStart() = default;

  FileDescriptor connection_;
  pid_t process_ = 0;
  pid_t keeper_ = 0;
  // /proc/PID of it
  FileDescriptor folder_;
};

}  // namespace runup
