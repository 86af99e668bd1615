// SPDX-License-Identifier: Apache-2.0
#include "probes/service/service_probe.h"

#include <utility>

#include "base/text.h"
#include "probes/protocol/channel.h"
#include "probes/service/damage.h"
#include "probes/service/drive.h"
#include "probes/service/fork_server.h"
#include "probes/service/launch.h"
#include "probes/service/listeners.h"

namespace runup {

namespace {

// Drives the start, and makes the paths of its answer those of the request.
ServiceAnswer drive_as_asked(const ServiceRequest& asked, const ServiceRequest& placed,
                             LaunchedService service, FileWatch files, Surroundings& surroundings,
                             std::uint16_t port, Duration started) {
  surroundings.serve();
  ServiceAnswer answer = drive(placed, std::move(service), std::move(files), surroundings, port, started);
  answer.start.file = asked.file;
  for (OpenedByServiceFacts& file : answer.start.opened) {
    for (std::size_t i = 0; i < asked.watched.size(); ++i) {
      if (file.path == placed.watched[i]) {
        file.path = asked.watched[i];
        break;
      }
    }
  }
  return answer;
}

Result<ServiceAnswer> start_and_ask(const ServiceRequest& asked) {
  ServiceRequest request = asked;
  std::vector<std::string> unprotected;
  auto surroundings = Surroundings::enter(request.allow, request.stubs, unprotected);
  if (!surroundings) {
    return std::unexpected(surroundings.error());
  }
  bool in_copy = false;
  if (auto placed = place_package(request, surroundings->host_lines(), unprotected, in_copy); !placed) {
    return std::unexpected(placed.error());
  }
  const std::uint16_t port = free_port(*surroundings);
  FileWatch files(request.watched);
  const Duration started = steady_now();
  auto service = launch(request, port, unprotected);
  if (!service) {
    return std::unexpected(service.error());
  }
  ServiceAnswer answer =
      drive_as_asked(asked, request, std::move(*service), std::move(files), *surroundings, port, started);
  answer.unprotected = std::move(unprotected);
  answer.in_copy = in_copy;
  return answer;
}

Result<ServiceAnswer> fork_and_ask(const ServiceRequest& asked) {
  ServiceRequest request = asked;
  auto start = ForkedStart::ask(request);
  if (!start) {
    return std::unexpected(start.error());
  }
  auto replacement = write_damaged(request);
  if (!replacement) {
    return std::unexpected(replacement.error());
  }
  std::vector<std::string> unprotected;
  auto surroundings =
      Surroundings::enter(request.allow, request.stubs, unprotected, [&] { return start->join(); });
  if (!surroundings) {
    return std::unexpected(surroundings.error());
  }
  if (!surroundings->own_network()) {
    return fail(ErrorCode::unsupported, join(unprotected, "; "));
  }
  if (auto damaged = change_joined_view(request, surroundings->host_lines(), *replacement); !damaged) {
    return std::unexpected(damaged.error());
  }
  const std::uint16_t port = free_port(*surroundings);
  FileWatch files(request.watched);
  const Duration started = steady_now();
  auto service = std::move(*start).begin(request, port);
  if (!service) {
    return std::unexpected(service.error());
  }
  ServiceAnswer answer =
      drive_as_asked(asked, request, std::move(*service), std::move(files), *surroundings, port, started);
  answer.start.forked = true;
  return answer;
}

}  // namespace

int service_probe_main() {
  return serve_probe<ServiceRequest>([](Channel& channel, const ServiceRequest& request) -> Result<void> {
    const auto say = [&](const ServiceAnswer& answer) {
      return channel.send(encode(ProbeMessage{.type = MessageType::service, .facts = encode(answer)}));
    };
    if (request.fork_server) {
      return keep_fork_server(request, [&] { return say({}); });
    }
    auto answer = request.forked_from.empty() ? start_and_ask(request) : fork_and_ask(request);
    return answer ? say(*answer) : std::unexpected(answer.error());
  });
}

}  // namespace runup
