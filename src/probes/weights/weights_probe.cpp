// SPDX-License-Identifier: Apache-2.0
#include "probes/weights/weights_probe.h"

#include "artifact/reader.h"
#include "artifact/weight_parity.h"
#include "base/bytes.h"
#include "probes/artifact/external_files.h"
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
  const ReadOptions how{.hash = false, .release_pages = true};
  const ArtifactFacts original_facts = read_artifact(original->bytes(), how);
  const ArtifactFacts conversion_facts = read_artifact(conversion->bytes(), how);
  const auto original_external = map_external(request.original_external, kFirstPassedFd + 2);
  if (!original_external) {
    return std::unexpected(original_external.error());
  }
  const auto external =
      map_external(request.external, kFirstPassedFd + 2 + static_cast<int>(request.original_external.size()));
  if (!external) {
    return std::unexpected(external.error());
  }
  const WeightParityFacts facts = compare_weights({.file = original->bytes(),
                                                   .facts = &original_facts,
                                                   .external = original_external->by_location,
                                                   .state_dict = request.state_dict,
                                                   .release_pages = true},
                                                  {.file = conversion->bytes(),
                                                   .facts = &conversion_facts,
                                                   .external = external->by_location,
                                                   .release_pages = true});
  return channel.send(encode(ProbeMessage{.type = MessageType::weights, .facts = encode(facts)}));
}

}  // namespace

int weights_probe_main() { return serve_probe<WeightsRequest>(answer); }

}  // namespace runup
