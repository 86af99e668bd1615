// SPDX-License-Identifier: Apache-2.0
#pragma once

// What runupd answers over HTTP:
//   GET  /healthz        the daemon lives
//   GET  /gate/TARGET    200 or 503, see target.h
//   GET  /gate           all of them: 200 when each is open
//   GET  /metrics        for Prometheus
//   POST /audit/TARGET   202: an audit begins, or one that runs already goes on

#include <functional>

#include "daemon/http_server.h"
#include "daemon/targets.h"

namespace runup {

// `request` is called for a target that somebody wants audited.
HttpReply answer_api(const HttpQuestion& question, Targets& targets, const Moment& now, bool history_works,
                     const std::function<void(Target&)>& request);

}  // namespace runup
