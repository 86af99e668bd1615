// SPDX-License-Identifier: Apache-2.0
#pragma once

// A package that is an archive: unpacked once into a scratch folder, where all probes then look. The report tells
// of it as if it lay where the archive is.

#include <optional>
#include <string>

#include "base/scratch_folder.h"
#include "facts/facts.h"
#include "report/report.h"
#include "runner/context.h"

namespace runup {

struct PackedPackage {
  // removed with this object
  std::optional<ScratchFolder> folder;
  // not requested: the package is no regular file
  Observed<ArchiveFacts> archive;

  // The folder that stands for the package; empty when there is none.
  std::string root() const;
};

PackedPackage unpack_package(RunContext& context);

// The package is an archive of which nothing can be judged.
bool is_locked_away(const Observed<ArchiveFacts>& archive);
// What checks are told of a package that is.
Absence locked_away(const Observed<ArchiveFacts>& archive);

// Moves every path of the plan that lies in `from` to `to`.
void move_paths(Plan& plan, const std::string& from, const std::string& to);
// Names the archive, or what is in it, wherever the report's texts have the scratch folder.
void name_archive(Report& report, const PackedPackage& package);

}  // namespace runup
