// SPDX-License-Identifier: Apache-2.0
#pragma once

// How a Dockerfile builds the image, as far as it tells without running anything.

#include <map>
#include <string>
#include <string_view>

#include "facts/package_files.h"

namespace runup {

struct DockerfileOptions {
  // the stage to build, by its name or number; empty for the last one
  std::string target;
  // `--build-arg`: these win over the defaults of ARG
  std::map<std::string, std::string> arguments;
};

// Never fails: what Docker would refuse is a problem, and the rest is read. Variables that the base image
// sets are not known and stay as written; a relative WORKDIR or destination without a WORKDIR before it
// is taken from `/`.
DockerfileFacts read_dockerfile(std::string_view bytes, std::string_view file,
                                const DockerfileOptions& options = {});

}  // namespace runup
