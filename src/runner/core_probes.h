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

// A file that an ONNX model keeps tensors in: where the model says that it is, and the file opened.
struct ExternalFile {
  std::string location;
  OpenedFile opened;
};
// The numbers of a conversion against those of the model's own file. External files that could not be opened
// are left out: what they hold is then not comparable.
Observed<WeightParityFacts> observe_weights(RunContext& context, const ModelDeclaration& model,
                                            const OpenedFile& original, const OpenedFile& conversion,
                                            const std::vector<ExternalFile>& external);

// How long reading a file of this size may take, at 50 MB/s from a slow disk.
Duration reading_time(std::uint64_t bytes);

}  // namespace runup
