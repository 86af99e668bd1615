// SPDX-License-Identifier: Apache-2.0
#pragma once

// What the files of a Python project ask for, beside its requirements files.

#include <string_view>

#include "base/result.h"
#include "facts/package_files.h"

namespace runup {

// `pyproject.toml`: PEP 621 with its optional dependencies, PEP 735 groups, Poetry's tables, the indexes
// and sources of uv, Poetry and pdm, requirements files that setuptools reads (as includes). A file that is
// not TOML is one problem. Optional dependencies have their `group`.
RequirementsFacts read_pyproject(std::string_view bytes, std::string_view file);

// `install_requires`, `extras_require` and `python_requires` of `setup.cfg`.
RequirementsFacts read_setup_cfg(std::string_view bytes, std::string_view file);

// A conda `environment.yml`, with its `pip:` list.
RequirementsFacts read_conda_environment(std::string_view bytes, std::string_view file);

// Poetry's version ranges as PEP 440: `^1.2` is `>=1.2,<2`, `~1.2` is `>=1.2,<1.3`, `1.2` is `==1.2`, `*` is
// empty. An error for `||`, which PEP 440 cannot say, and for what is no range.
Result<std::string> poetry_specifiers(std::string_view text);

}  // namespace runup
