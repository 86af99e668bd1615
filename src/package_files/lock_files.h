// SPDX-License-Identifier: Apache-2.0
#pragma once

// Lock files: the exact versions that a deployment will get.

#include <optional>
#include <string_view>

#include "facts/package_files.h"

namespace runup {

enum class LockFileKind { poetry, uv, pdm, pipfile, pylock };

// By the file's name: `poetry.lock`, `uv.lock`, `pdm.lock`, `Pipfile.lock`, `pylock.toml` or
// `pylock.NAME.toml` (PEP 751); nothing for another.
std::optional<LockFileKind> lock_file_kind(std::string_view file_name);

// A file that cannot be parsed is one problem. Of Pipfile.lock, which is JSON, the lines are those where
// the package's name stands first.
LockFileFacts read_lock_file(LockFileKind kind, std::string_view bytes, std::string_view file);

}  // namespace runup
