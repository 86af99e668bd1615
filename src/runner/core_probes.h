// SPDX-License-Identifier: Apache-2.0
#pragma once

// The probes that are roles of this executable.

#include "facts/facts.h"
#include "probes/protocol/channel.h"
#include "runner/context.h"

namespace runup {

Observed<PackageFacts> observe_package(RunContext& context);
// Only what stands at these paths; the answer counts the package's files too, which says nothing new.
Observed<PackageFacts> observe_paths(RunContext& context, std::vector<PathQuestion> questions);
Observed<HostFacts> observe_host(RunContext& context);

// An opened regular file, or why there is none.
struct OpenedFile {
  FileDescriptor file;
  std::uint64_t bytes = 0;
  std::optional<Absence> absence;
};
// Opens the path that the config key names, when the package probe said that it is a regular file:
// opening anything else could block or act.
OpenedFile open_named_file(const Observed<PackageFacts>& package, const std::string& key);

Observed<ArtifactFacts> observe_artifact(RunContext& context, const OpenedFile& opened,
                                         const ArtifactRequest& request = {});

// How long reading a file of this size may take, at 50 MB/s from a slow disk.
Duration reading_time(std::uint64_t bytes);

}  // namespace runup
