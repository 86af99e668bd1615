// SPDX-License-Identifier: Apache-2.0
#pragma once

// The inputs of an experiment, from the model's declaration alone. They do not depend on the
// runtime, so that two runtimes asked for the same experiment get the same bytes.

#include <string>
#include <vector>

#include "base/result.h"
#include "facts/declaration.h"
#include "facts/experiment.h"

namespace runup {

// All inputs of one call together; more is refused, because a typing error in a shape should not eat
// the host's memory.
inline constexpr std::uint64_t kMaxInputElements = 1'000'000'000;
inline constexpr std::uint64_t kMaxInputBytes = std::uint64_t{4} << 30;

// One input in row-major order.
struct InputValues {
  std::string name;
  DType dtype = DType::float32;
  std::vector<std::int64_t> shape;
  std::vector<std::byte> bytes;
};

// One value for each declared input, in order. Axes have their example sizes, and fixed dimensions their
// declared ones, unless the experiment says otherwise.
// - random: standard normal for floats; for integers uniform over the declared range, else over
//   {0, 1}, which every vocabulary and every mask has; {0, 1} for booleans. The same seed gives the
//   same values.
// - zeros, ones: for an integer with a range, the nearest value that the range has
// - sample: the files of that sample. Their shapes must fit the declared ones, where an axis may have
//   any size of its range (its example, without one); their values must be exact in the declared type
// Errors: a sample, axis, dimension or range that does not exist or fit; other sizes with a sample; files
// that cannot be read; ErrorCode::limit when they are too large.
Result<std::vector<InputValues>> make_inputs(const ModelDeclaration& model, const Experiment& experiment);

// How many bytes make_inputs() would return, of a fill that is no sample, without making them; as many as
// std::uint64_t can say when there are more. Errors as there, but never for their size.
Result<std::uint64_t> input_bytes(const ModelDeclaration& model, const Experiment& experiment);

}  // namespace runup
