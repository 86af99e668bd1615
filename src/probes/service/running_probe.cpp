// SPDX-License-Identifier: Apache-2.0
#include "probes/service/running_probe.h"

#include <utility>

#include "probes/protocol/channel.h"
#include "probes/protocol/service_request.h"
#include "probes/service/questions.h"

namespace runup {

namespace {

constexpr std::uint32_t kNotFound = 404;

RunningFacts ask_all(const RunningRequest& request) {
  RunningFacts facts{.url = request.url};
  const Duration started = steady_now();
  const auto put = [&](AskedFor what, const std::string& path) {
    return ask({.asked_for = what, .path = path, .patience = request.answer_patience}, request.port, started);
  };
  if (!request.readiness.empty()) {
    facts.answers.push_back(put(AskedFor::readiness, request.readiness));
  } else {
    // The first usual path that the server has.
    for (const std::string_view path : kUsualReadiness) {
      AnswerFacts answer = put(AskedFor::readiness, std::string(path));
      if (answer.status != kNotFound) {
        facts.answers.push_back(std::move(answer));
        break;
      }
    }
  }
  if (!request.liveness.empty() && request.liveness != request.readiness) {
    facts.answers.push_back(put(AskedFor::liveness, request.liveness));
  }
  if (!request.predict.empty()) {
    facts.answers.push_back(ask({.asked_for = AskedFor::predict,
                                 .path = request.predict,
                                 .post = true,
                                 .body = request.predict_body,
                                 .patience = request.answer_patience},
                                request.port, started));
  }
  return facts;
}

}  // namespace

int running_probe_main() {
  return serve_probe<RunningRequest>([](Channel& channel, const RunningRequest& request) {
    return channel.send(
        encode(ProbeMessage{.type = MessageType::running, .facts = encode(ask_all(request))}));
  });
}

}  // namespace runup
