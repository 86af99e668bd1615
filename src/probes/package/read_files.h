// SPDX-License-Identifier: Apache-2.0
#pragma once

// The text files of a package that say what it wants and what is left out of it.

#include <string>

#include "facts/package.h"

namespace runup {

// Reads requirements files, project files, lock files and the Dockerfile in the package's root into `facts`, and asks
// the ignore files about each of `facts.paths`. What the Dockerfile, the Procfile, Compose files, and Kubernetes manifests
// and gunicorn's config files at most four folders deep say of the time that platforms wait goes into `facts.patience`.
// `real_root` is the root with links followed. Never fails: a file that cannot be read is a problem among
// `facts.requirements.problems`.
void read_package_files(const std::string& real_root, PackageFacts& facts);

}  // namespace runup
