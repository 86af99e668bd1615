// SPDX-License-Identifier: Apache-2.0
#include "probes/package/package_probe.h"

namespace runup {

int package_probe_main() {
  return serve_probe<PackageRequest>([](Channel& channel, const PackageRequest& request) {
    return channel.send(
        encode(ProbeMessage{.type = MessageType::package, .facts = encode(look_at_package(request))}));
  });
}

}  // namespace runup
