// SPDX-License-Identifier: Apache-2.0
#include "probes/archive/archive_probe.h"

#include "probes/archive/unpack.h"
#include "probes/protocol/channel.h"
#include "probes/sandbox/sandbox.h"

namespace runup {

namespace {

Result<void> answer(Channel& channel, const ArchiveRequest& request) {
  // What is off here, FolderWriter does without: it follows no link and leaves its folder by none.
  static_cast<void>(enter_sandbox({.writable = {request.folder}}));
  const auto facts = unpack_archive(kFirstPassedFd, request);
  if (!facts) {
    return std::unexpected(facts.error());
  }
  return channel.send(encode(ProbeMessage{.type = MessageType::archive, .facts = encode(*facts)}));
}

}  // namespace

int archive_probe_main() { return serve_probe<ArchiveRequest>(answer); }

}  // namespace runup
