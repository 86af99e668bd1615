// SPDX-License-Identifier: Apache-2.0
#pragma once

// What `torch.load(..., weights_only=True)` accepts, the default since PyTorch 2.6. Tables of the
// restricted unpickler in torch/_weights_only_unpickler.py, as of PyTorch 2.6.0.

#include <string>
#include <string_view>
#include <vector>

#include "facts/artifact.h"

namespace runup {

// How a restricted load treats one global.
enum class GlobalStanding {
  // in the default table
  allowed,
  // plain data of a well-known library: fit for `add_safe_globals`
  known_data,
  // code of the service's own or of another package: it must be importable where the model is loaded
  foreign,
  // defined in the script that saved the file; no server has it under this name
  main_module,
  // refused even when allow-listed: the modules `sys`, `os`, `posix` and `nt`
  blocked,
};

GlobalStanding standing_of(std::string_view module, std::string_view name);

// `module.name` in Python 3's spelling: pickles of protocol 2 and less say `__builtin__.set`.
std::string global_name(std::string_view module, std::string_view name);

// Opcodes of the list that the restricted unpickler does not know, in the order given.
std::vector<std::string> refused_opcodes(const std::vector<std::string>& opcodes);

// The line of Python that allows `globals` (their known data only), with the imports that it needs:
// "import numpy, sklearn.preprocessing; torch.serialization.add_safe_globals([...])". Empty when
// there is nothing to allow. `dtypes` are NumPy names of the arrays' element types ("str", "int64"):
// the classes behind them are checked too, although no pickle names them.
std::string allow_line(const std::vector<GlobalFacts>& globals, const std::vector<std::string>& dtypes);

}  // namespace runup
