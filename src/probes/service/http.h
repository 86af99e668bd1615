// SPDX-License-Identifier: Apache-2.0
#pragma once

// One HTTP/1.1 request to a server that may do anything: no redirect is followed here, nothing is trusted, and time and
// size are bounded.

#include <cstdint>
#include <string>

#include "base/duration.h"

namespace runup {

struct HttpRequest {
  // on 127.0.0.1
  std::uint16_t port = 0;
  std::string method = "GET";
  // with the query
  std::string path;
  std::string body;
  std::string content_type;
  // for the whole exchange
  Duration patience = Duration::from_seconds(10);
};

struct HttpAnswer {
  // 0: no whole answer, and `error` says why: "the connection was refused", "no whole answer within 10.0 s"
  std::uint32_t status = 0;
  std::string error;
  std::string content_type;
  // of a redirect
  std::string location;
  std::string body;
  // nobody listened: the port refused the connection
  bool refused = false;
};

inline constexpr std::uint64_t kMostAnswerBytes = std::uint64_t{16} << 20U;

// Blocks, at most for its patience. May be called from several threads.
HttpAnswer ask_http(const HttpRequest& request);

}  // namespace runup
