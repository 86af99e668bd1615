// SPDX-License-Identifier: Apache-2.0
#pragma once

// One process of the service's interpreter, shut in as the service will be on its server.

#include <memory>
#include <string>
#include <vector>

#include "facts/python.h"
#include "probes/protocol/channel.h"
#include "probes/python/child.h"

namespace runup {

struct PythonSession {
  // with the paths that the server has
  PythonRequest request;
  // what it is not kept from, as PythonFacts has it
  std::vector<std::string> unprotected;
  std::shared_ptr<PythonChild> child;
};

// Shuts this process in for good, and starts the interpreter in it. `numbers` as PythonChild::start() takes it.
Result<PythonSession> start_session(PythonRequest request, int numbers);

// What the interpreter was asked for meanwhile, and what else the request wants to be looked at, into `facts`.
Result<void> look(const PythonSession& session, PythonFacts& facts);

}  // namespace runup
