// SPDX-License-Identifier: Apache-2.0
#pragma once

// What the server is asked over HTTP, and what its answers are as facts.

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "facts/service.h"

namespace runup {

// `/health`, or `:9090/health` where it is on another port.
struct UrlPath {
  // 0: the server's own
  std::uint16_t port = 0;
  std::string path;
};
UrlPath read_url_path(std::string_view text);

struct Question {
  AskedFor asked_for = AskedFor::readiness;
  // as read_url_path() reads it
  std::string path;
  // posted; GET where `post` is not set
  bool post = false;
  std::string body;
  Duration patience;
};

// The answer's facts; redirects to the same server are followed, at most five. `port` is the server's.
AnswerFacts ask(const Question& question, std::uint16_t port, Duration started);

// GET routes of an OpenAPI document that need no parameter, at most `most`, in its order; empty for anything else.
std::vector<std::string> routes_of_openapi(std::string_view document, std::size_t most);

// Usual paths of readiness, the most telling first.
inline constexpr std::array<std::string_view, 5> kUsualReadiness{"/ready", "/readyz", "/health/ready",
                                                                 "/health", "/healthz"};

}  // namespace runup
