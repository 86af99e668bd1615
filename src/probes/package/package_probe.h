// SPDX-License-Identifier: Apache-2.0
#pragma once

// What stands in a package folder, and at the paths that the config names. Nothing is opened but to
// see whether it can be, and never anything that could block or act on opening (pipes, devices).

#include "facts/package.h"
#include "probes/protocol/channel.h"

namespace runup {

// How long and how far the walk through the package goes; what it did not reach is not counted.
struct WalkBounds {
  std::uint64_t files = PackageFacts::kMaxCountedFiles;
  Duration time = Duration::from_seconds(2);
  // folders inside each other
  std::size_t depth = 100;
};

// Never fails: what cannot be looked at is in the facts. Symbolic links are followed for the paths
// that were asked for, and not followed by the walk. File names stay the bytes that they are.
PackageFacts look_at_package(const PackageRequest& request, const WalkBounds& bounds = {});

// main() of the package probe's role.
int package_probe_main();

}  // namespace runup
