// SPDX-License-Identifier: Apache-2.0
#include "runner/service_starts.h"

#include <format>
#include <shared_mutex>
#include <system_error>
#include <utility>

#include "runner/death.h"
#include "runner/probe_call.h"

namespace runup {

namespace {

// What is left of a start beside its waiting.
constexpr Duration kRoomForTheRest = Duration::from_milliseconds(90'000);
// Of a fork server, whatever its starts do.
constexpr Duration kLongestServer = Duration::from_milliseconds(24 * 3600 * 1000);

}  // namespace

void ServiceStarts::close_fork_server() {
  {
    const std::lock_guard lock(mutex_);
    state_ = ServerState::released;
    changed_.notify_all();
  }
  keeper_ = {};
}

std::optional<Absence> ServiceStarts::ask(const ServiceRequest& request, std::uint64_t memory,
                                          const std::function<Result<void>(ServiceAnswer)>& take,
                                          const std::function<bool()>& over) {
  const Duration patience = request.fork_server ? kLongestServer
                                                : request.ready_patience + request.ready_patience +
                                                      request.stop_patience + kRoomForTheRest;
  return call_probe(
      context_,
      {.who = "the service probe",
       .job = {.argv = {"/proc/self/exe", kProbeRole, "service"},
               .environment = limits_.environment,
               .limits = {.deadline = patience, .resident_bytes = memory, .file_bytes = limits_.file_bytes}},
       .request = encode(request),
       .patience = [&] { return over && over() ? Duration{} : patience; },
       .take = [&](const ProbeMessage& message) -> Result<void> {
         if (message.type != MessageType::service) {
           return fail(ErrorCode::bad_input,
                       std::format("a `{}` message came; expected `service`", enum_name(message.type)));
         }
         auto answer = read_facts<ServiceAnswer>(message);
         return answer ? take(std::move(*answer)) : std::unexpected(answer.error());
       }});
}

ServiceStart ServiceStarts::make(ServiceRequest request, Result<ScratchFolder> scratch) {
  if (!scratch) {
    return {.absence = Absence{.kind = AbsenceKind::refused, .detail = scratch.error().describe()}};
  }
  request.scratch = scratch->path();
  ServiceStart start;
  const Duration begin = steady_now();
  start.absence = ask(request, limits_.memory, [&](ServiceAnswer answer) -> Result<void> {
    start.answer = std::move(answer);
    return {};
  });
  start.took = steady_now() - begin;
  if (start.absence || !start.answer) {
    start.answer.reset();
    start.absence = start.absence.value_or(
        Absence{.kind = AbsenceKind::garbled, .detail = "the service probe ended without facts"});
  }
  return start;
}

ServiceStart ServiceStarts::start(ServiceRequest request, bool alone) {
  std::unique_lock quiet(context_.quiet, std::defer_lock);
  std::shared_lock beside(context_.quiet, std::defer_lock);
  alone ? quiet.lock() : beside.lock();
  return make(std::move(request), ScratchFolder::make("runup-service"));
}

ServiceStart ServiceStarts::fork(ServiceRequest request) {
  const std::shared_lock beside(context_.quiet);
  request.forked_from = server_scratch_->path();
  return make(std::move(request), ScratchFolder::make("start", server_scratch_->path()));
}

bool ServiceStarts::open_fork_server(ServiceRequest common, std::uint64_t memory) {
  auto scratch = ScratchFolder::make("runup-service");
  if (!scratch) {
    return false;
  }
  server_scratch_.emplace(std::move(*scratch));
  common.scratch = server_scratch_->path();
  common.fork_server = true;
  try {
    keeper_ = std::jthread([this, request = std::move(common), memory] { keep(request, memory); });
  } catch (const std::system_error&) {
    return false;
  }
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return state_ != ServerState::waiting; });
  return state_ == ServerState::ready;
}

void ServiceStarts::keep(const ServiceRequest& request, std::uint64_t memory) {
  const std::shared_lock beside(context_.quiet);
  const auto released = [this] {
    const std::lock_guard lock(mutex_);
    return state_ == ServerState::released;
  };
  // Its end is its owner's wish, or shows itself in the starts that it does not give.
  static_cast<void>(ask(
      request, memory,
      [this](const ServiceAnswer&) -> Result<void> {
        std::unique_lock lock(mutex_);
        state_ = state_ == ServerState::waiting ? ServerState::ready : state_;
        changed_.notify_all();
        changed_.wait(lock, [this] { return state_ == ServerState::released; });
        return {};
      },
      released));
  const std::lock_guard lock(mutex_);
  state_ = state_ == ServerState::waiting ? ServerState::ended : state_;
  changed_.notify_all();
}

}  // namespace runup
