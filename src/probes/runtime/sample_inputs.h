// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "base/result.h"
#include "facts/declaration.h"
#include "probes/runtime/inputs.h"

namespace runup {

// The files of `model.samples[sample]`, by the rules of make_inputs().
Result<std::vector<InputValues>> read_sample_inputs(const ModelDeclaration& model, std::uint64_t sample);

// `bytes` as elements of another type, when that changes no value; NaN stays NaN.
Result<std::vector<std::byte>> convert_exactly(std::vector<std::byte> bytes, std::string_view from,
                                               std::string_view to);

}  // namespace runup
