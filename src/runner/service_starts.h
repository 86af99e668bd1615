// SPDX-License-Identifier: Apache-2.0
#pragma once

// Starts of the server, each by a service probe of its own; the later ones by one interpreter that forks, where that can
// be had (probes/service/fork_server.h).

#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "base/scratch_folder.h"
#include "probes/protocol/service_request.h"
#include "runner/context.h"
#include "runner/questions.h"

namespace runup {

struct ServiceStart {
  std::optional<ServiceAnswer> answer;
  // why there is none
  std::optional<Absence> absence;
  Duration took;
};

// What each start may use.
struct StartLimits {
  std::vector<std::string> environment;
  // of all processes of a start; 0: no limit
  std::uint64_t memory = 0;
  // the longest file that it may write
  std::uint64_t file_bytes = 0;
};

class ServiceStarts {
 public:
  ServiceStarts(RunContext& context, StartLimits limits) : context_(context), limits_(std::move(limits)) {}
  ServiceStarts(const ServiceStarts&) = delete;
  ServiceStarts& operator=(const ServiceStarts&) = delete;
  ~ServiceStarts() { close_fork_server(); }

  // Alone: while no other probe runs, so that its times are worth something.
  ServiceStart start(ServiceRequest request, bool alone);
  // Waits until a fork server is ready for starts with what is common to all of them; false where there can be none.
  // While it is open, nothing can be started alone.
  // `memory`: of all starts that run side by side.
  bool open_fork_server(ServiceRequest common, std::uint64_t memory);
  void close_fork_server();
  // As start(), by the fork server. From any thread, once open_fork_server() was true.
  ServiceStart fork(ServiceRequest request);

 private:
  enum class ServerState { waiting, ready, ended, released };

  ServiceStart make(ServiceRequest request, Result<ScratchFolder> scratch);
  std::optional<Absence> ask(const ServiceRequest& request, std::uint64_t memory,
                             const std::function<Result<void>(ServiceAnswer)>& take,
                             const std::function<bool()>& over = {});
  void keep(const ServiceRequest& request, std::uint64_t memory);

  RunContext& context_;
  StartLimits limits_;
  std::optional<ScratchFolder> server_scratch_;
  std::mutex mutex_;
  std::condition_variable changed_;
  ServerState state_ = ServerState::waiting;
  std::jthread keeper_;
};

}  // namespace runup
