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
// Unpacks the package into `folder`. `wanted` as in ArchiveRequest.
Observed<ArchiveFacts> observe_archive(RunContext& context, const std::string& folder,
                                       std::vector<std::string> wanted);
Observed<HostFacts> observe_host(RunContext& context);

// An opened regular file, or why there is none.
struct OpenedFile {
  FileDescriptor file;
  std::uint64_t bytes = 0;
  // of the moment it was opened; without `model` and `sha256`
  JudgedFile identity;
  std::optional<Absence> absence;
};
// Opens the path that the config key names, when the package probe said that it is a regular file:
// opening anything else could block or act.
OpenedFile open_named_file(const Observed<PackageFacts>& package, const std::string& key);

// What tells whether a file is still the same, but for its bytes; nothing when it is not there.
std::optional<JudgedFile> file_identity(const std::string& path);

// A file that an ONNX model keeps tensors in: where the model says that it is, and the file opened. One that
// could not be opened is left out of every question: the numbers in it are then not known.
struct ExternalFile {
  std::string location;
  OpenedFile opened;
};

// `request.external` is filled in.
Observed<ArtifactFacts> observe_artifact(RunContext& context, const OpenedFile& opened,
                                         ArtifactRequest request = {},
                                         const std::vector<ExternalFile>& external = {});

// A model file and what it keeps elsewhere.
struct WeightFile {
  const OpenedFile& opened;
  const std::vector<ExternalFile>& external;
};
// The numbers of a conversion against those of the model's own file.
Observed<WeightParityFacts> observe_weights(RunContext& context, const ModelDeclaration& model,
                                            const WeightFile& original, const WeightFile& conversion);

// The sources of the entry point and of the model's factory, and of the modules that the model file's pickles name. `content`
// may be null. Any Python reads them; without one the absence says so.
Observed<SourceFacts> observe_source(RunContext& context, const ModelDeclaration& model,
                                     const ArtifactFacts* content);

// The recorded request of a prediction, or why it cannot be read.
Result<std::string> read_predict_body(const PredictDeclaration& predict);

// Asks the service that runs at `url`.
Observed<RunningFacts> observe_running(RunContext& context, const ServiceDeclaration& service,
                                       const std::string& url);

// How long reading a file of this size may take, at 50 MB/s from a slow disk.
Duration reading_time(std::uint64_t bytes);

}  // namespace runup
