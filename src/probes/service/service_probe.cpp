// SPDX-License-Identifier: Apache-2.0
#include "probes/service/service_probe.h"

#include <utility>

#include "probes/protocol/channel.h"
#include "probes/service/damage.h"
#include "probes/service/drive.h"
#include "probes/service/launch.h"
#include "probes/service/listeners.h"

namespace runup {

namespace {

Result<ServiceAnswer> start_and_ask(ServiceRequest request) {
  const std::string asked_file = request.file;
  const std::vector<std::string> asked_watched = request.watched;
  std::vector<std::string> unprotected;
  auto surroundings = Surroundings::enter(request.allow, request.stubs, unprotected);
  if (!surroundings) {
    return std::unexpected(surroundings.error());
  }
  bool in_copy = false;
  if (auto placed = place_package(request, unprotected, in_copy); !placed) {
    return std::unexpected(placed.error());
  }
  const std::uint16_t port = free_port(*surroundings);
  FileWatch files(request.watched);
  const Duration started = steady_now();
  auto service = launch(request, port, unprotected);
  if (!service) {
    return std::unexpected(service.error());
  }
  surroundings->serve();
  ServiceAnswer answer = drive(request, std::move(*service), std::move(files), *surroundings, port, started);
  answer.unprotected = std::move(unprotected);
  answer.in_copy = in_copy;
  answer.start.file = asked_file;
  for (OpenedByServiceFacts& file : answer.start.opened) {
    for (std::size_t i = 0; i < asked_watched.size(); ++i) {
      if (file.path == request.watched[i]) {
        file.path = asked_watched[i];
        break;
      }
    }
  }
  return answer;
}

}  // namespace

int service_probe_main() {
  return serve_probe<ServiceRequest>([](Channel& channel, const ServiceRequest& request) -> Result<void> {
    auto answer = start_and_ask(request);
    if (!answer) {
      return std::unexpected(answer.error());
    }
    return channel.send(encode(ProbeMessage{.type = MessageType::service, .facts = encode(*answer)}));
  });
}

}  // namespace runup
