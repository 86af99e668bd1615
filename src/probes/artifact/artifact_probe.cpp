// SPDX-License-Identifier: Apache-2.0
#include "probes/artifact/artifact_probe.h"

#include "artifact/reader.h"
#include "base/bytes.h"
#include "probes/artifact/external_files.h"
#include "probes/protocol/channel.h"

namespace runup {

namespace {

Result<void> answer(Channel& channel, const ArtifactRequest& request) {
  const auto file = MappedFile::from_descriptor(kFirstPassedFd);
  if (!file) {
    return wrap(file.error(), "cannot map the model file");
  }
  const auto external = map_external(request.external, kFirstPassedFd + 1);
  if (!external) {
    return std::unexpected(external.error());
  }
  const ArtifactFacts facts = read_artifact(file->bytes(), {.hash = request.hash,
                                                            .values = request.values,
                                                            .external = external->by_location,
                                                            .release_pages = true});
  return channel.send(encode(ProbeMessage{.type = MessageType::artifact, .facts = encode(facts)}));
}

}  // namespace

int artifact_probe_main() { return serve_probe<ArtifactRequest>(answer); }

}  // namespace runup
