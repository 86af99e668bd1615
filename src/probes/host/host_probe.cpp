// SPDX-License-Identifier: Apache-2.0
#include "probes/host/host_probe.h"

#include "probes/protocol/channel.h"

namespace runup {

int host_probe_main() {
  return serve_probe<HostRequest>([](Channel& channel, const HostRequest&) {
    return channel.send(encode(ProbeMessage{.type = MessageType::host, .facts = encode(look_at_host())}));
  });
}

}  // namespace runup
