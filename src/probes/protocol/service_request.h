// SPDX-License-Identifier: Apache-2.0
#pragma once

// What the service probe is asked for, and what it answers (see channel.h): one start of the server, from exec to its end.

#include <string>
#include <vector>

#include "facts/service.h"
#include "probes/protocol/channel.h"

namespace runup {

struct ServiceRequest {
  std::uint32_t protocol = kProtocolVersion;
  // the config's, with `{host}` and `{port}`
  std::string command;
  // of the service, absolute
  std::string interpreter;
  // of the package, and the folder the server is started in; absolute
  std::string root;
  std::string folder;
  // what stands elsewhere on the server
  std::vector<MountDeclaration> placed;
  // Instead of a start: a server that forks for starts is made ready, and kept until this process is ended. It listens
  // in its scratch folder, below which the starts' own scratch folders lie
  bool fork_server = false;
  // the scratch folder of the fork server that makes this start; empty: it is executed
  std::string forked_from;
  // a folder of its own: HOME, TMPDIR, the caches and damaged files lie there; and what else it may write below
  std::string scratch;
  std::vector<std::string> writable;
  // HOST:PORT that it may reach, and `tcp:PORT` that shall accept and stay silent
  std::vector<std::string> allow;
  std::vector<std::string> stubs;
  // paths, or `:PORT/PATH`; an empty readiness is looked for
  std::string readiness;
  std::string liveness;
  // the path of a prediction, empty for none, and what is posted
  std::string predict;
  std::string predict_body;
  Damage damage = Damage::none;
  // the file that is damaged, absolute
  std::string file;
  bool labels = false;
  // files whose opening is counted, absolute
  std::vector<std::string> watched;
  // SIGTERM comes while it loads, and nothing else is asked
  bool stop_while_loading = false;
  // how long it may take to be ready, one answer, and to stop
  Duration ready_patience = Duration::from_seconds(60);
  Duration answer_patience = Duration::from_seconds(10);
  Duration stop_patience = Duration::from_seconds(12);
  // of a start that is not healthy: how long the healthy one took to be ready
  Duration usual_start;
  // and that it opens its model before it listens, so that its first answer is its last word
  bool loads_first = false;
  static constexpr auto fields() {
    return std::tuple{Field{"protocol", &ServiceRequest::protocol},
                      Field{"command", &ServiceRequest::command},
                      Field{"interpreter", &ServiceRequest::interpreter},
                      Field{"root", &ServiceRequest::root},
                      Field{"folder", &ServiceRequest::folder},
                      Field{"placed", &ServiceRequest::placed},
                      Field{"fork_server", &ServiceRequest::fork_server},
                      Field{"forked_from", &ServiceRequest::forked_from},
                      Field{"scratch", &ServiceRequest::scratch},
                      Field{"writable", &ServiceRequest::writable},
                      Field{"allow", &ServiceRequest::allow},
                      Field{"stubs", &ServiceRequest::stubs},
                      Field{"readiness", &ServiceRequest::readiness},
                      Field{"liveness", &ServiceRequest::liveness},
                      Field{"predict", &ServiceRequest::predict},
                      Field{"predict_body", &ServiceRequest::predict_body},
                      Field{"damage", &ServiceRequest::damage},
                      Field{"file", &ServiceRequest::file},
                      Field{"labels", &ServiceRequest::labels},
                      Field{"watched", &ServiceRequest::watched},
                      Field{"stop_while_loading", &ServiceRequest::stop_while_loading},
                      Field{"ready_patience", &ServiceRequest::ready_patience},
                      Field{"answer_patience", &ServiceRequest::answer_patience},
                      Field{"stop_patience", &ServiceRequest::stop_patience},
                      Field{"usual_start", &ServiceRequest::usual_start},
                      Field{"loads_first", &ServiceRequest::loads_first}};
  }
};

// A server that runs already is asked, and nothing of it is touched.
struct RunningRequest {
  std::uint32_t protocol = kProtocolVersion;
  // `http://127.0.0.1:8000`, and its port
  std::string url;
  std::uint16_t port = 0;
  // as in ServiceRequest
  std::string readiness;
  std::string liveness;
  std::string predict;
  std::string predict_body;
  Duration answer_patience = Duration::from_seconds(10);
  static constexpr auto fields() {
    return std::tuple{Field{"protocol", &RunningRequest::protocol},
                      Field{"url", &RunningRequest::url},
                      Field{"port", &RunningRequest::port},
                      Field{"readiness", &RunningRequest::readiness},
                      Field{"liveness", &RunningRequest::liveness},
                      Field{"predict", &RunningRequest::predict},
                      Field{"predict_body", &RunningRequest::predict_body},
                      Field{"answer_patience", &RunningRequest::answer_patience}};
  }
};

// The facts of a `service` message.
struct ServiceAnswer {
  StartFacts start;
  // as in ServiceFacts
  std::string command;
  std::string readiness;
  bool readiness_found = false;
  std::vector<std::string> unprotected;
  bool in_copy = false;
  static constexpr auto fields() {
    return std::tuple{Field{"start", &ServiceAnswer::start},
                      Field{"command", &ServiceAnswer::command},
                      Field{"readiness", &ServiceAnswer::readiness},
                      Field{"readiness_found", &ServiceAnswer::readiness_found},
                      Field{"unprotected", &ServiceAnswer::unprotected},
                      Field{"in_copy", &ServiceAnswer::in_copy}};
  }
};

}  // namespace runup
