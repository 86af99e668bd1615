// SPDX-License-Identifier: Apache-2.0
#pragma once

// A process's own view of the file system, in which folders stand where they will stand on the server.

#include <string>
#include <vector>

#include "base/result.h"
#include "facts/declaration.h"

namespace runup {

// One file that is another one there, or is not there at all.
struct ViewChange {
  // absolute, as the new view has it; links are followed
  std::string path;
  // absolute, the file that is seen in its place; empty: there is none
  std::string replacement;
};

// Folders in which nothing can be changed, not even rights and times, but below `writable`; those that do not exist are
// left out.
struct SealedFolders {
  std::vector<std::string> folders;
  std::vector<std::string> writable;
};

// Gives this process, which must have one thread, and its future children a root in which each folder `from` is also seen
// at `at`, which need not exist and is covered where it does; nothing of the real one changes. Then come `sealed` and `changes`, whose paths are those of the new view. `scratch` is an empty folder for the new root. Needs the
// privilege to mount, or user namespaces; without them an error says so, and the process sees what it saw before.
Result<void> enter_view(const std::vector<MountDeclaration>& folders, const std::string& scratch,
                        const std::vector<ViewChange>& changes = {}, const SealedFolders& sealed = {});

// Changes the view that this process is in, for all that are in it.
Result<void> change_view(const std::vector<ViewChange>& changes);

}  // namespace runup
