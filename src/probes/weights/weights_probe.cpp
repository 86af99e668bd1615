// SPDX-License-Identifier: Apache-2.0
#include "probes/weights/weights_probe.h"

#include <vector>

#include "artifact/reader.h"
#include "artifact/weight_parity.h"
#include "base/bytes.h"
#include "probes/protocol/channel.h"

namespace runup {

namespace {

Result<void> answer(Channel& channel, const WeightsRequest& request) {
  const auto original = MappedFile::from_descriptor(kFirstPassedFd);
  if (!original) {
    return wrap(original.error(), "cannot map the model file");
  }
  const auto conversion = MappedFile::from_descriptor(kFirstPassedFd + 1);
  if (!conversion) {
    return wrap(conversion.error(), "cannot map the conversion");
  }
  constexpr ReadOptions kRead{.hash = false, .release_pages = true};
  const ArtifactFacts original_facts = read_artifact(original->bytes(), kRead);
  const ArtifactFacts conversion_facts = read_artifact(conversion->bytes(), kRead);
  WeightSource candidate{.file = conversion->bytes(), .facts = &conversion_facts, .release_pages = true};
  std::vector<MappedFile> external;
  for (std::size_t i = 0; i < request.external.size(); ++i) {
    auto file = MappedFile::from_descriptor(kFirstPassedFd + 2 + static_cast<int>(i));
    if (!file) {
      return wrap(file.error(), "cannot map the external data `" + request.external[i] + "`");
    }
    external.push_back(std::move(*file));
    candidate.external.insert_or_assign(request.external[i], external.back().bytes());
  }
  const WeightParityFacts facts = compare_weights({.file = original->bytes(),
                                                   .facts = &original_facts,
                                                   .external = {},
                                                   .state_dict = request.state_dict,
                                                   .release_pages = true},
                                                  candidate);
  return channel.send(encode(ProbeMessage{.type = MessageType::weights, .facts = encode(facts)}));
}

}  // namespace

int weights_probe_main() { return serve_probe<WeightsRequest>(answer); }

}  // namespace runup
