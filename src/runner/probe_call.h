// SPDX-License-Identifier: Apache-2.0
#pragma once

// One probe process from its start to its end: the request goes out, the messages come in, and
// whatever goes wrong is a value.

#include <functional>
#include <optional>
#include <string>

#include "probes/protocol/channel.h"
#include "runner/context.h"
#include "runner/death.h"

namespace runup {

struct ProbeCall {
  // "the torch probe"
  std::string who;
  // argv, environment, limits; `descriptors` are those from 4 on
  Job job;
  Json request;
  std::string remedy;
  // how long the next message may take, and what the probe is doing meanwhile ("while loading the
  // model"); asked before each message
  std::function<Duration()> patience;
  std::function<std::string()> doing;
  // takes one message; an error means that it is not what was expected
  std::function<Result<void>(const ProbeMessage&)> take;
};

// Nothing when the probe said that it is done; otherwise why it did not come so far. A probe that is
// done is ended at once: nothing that its end could tell is asked for.
std::optional<Absence> call_probe(RunContext& context, ProbeCall call);

// A message's facts as what they should be.
template <class T>
Result<T> read_facts(const ProbeMessage& message) {
  auto facts = decode<T>(message.facts);
  if (!facts) {
    return wrap(facts.error(), "in a `" + std::string(enum_name(message.type)) + "` message");
  }
  return facts;
}

}  // namespace runup
