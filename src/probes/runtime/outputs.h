// SPDX-License-Identifier: Apache-2.0
#pragma once

// What an output tensor says, from its bytes alone. Every runtime probe describes its outputs here,
// so that their facts mean the same.

#include <limits>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "facts/runtime.h"

namespace runup {

inline constexpr double kInfinity = std::numeric_limits<double>::infinity();

// One output in row-major order, in host memory that the caller keeps.
struct OutputValues {
  std::string name;
  // PyTorch's name
  std::string dtype;
  std::vector<std::int64_t> shape;
  Bytes bytes;
};

// All of OutputFacts but `comparison`. Rows of `top1` lie along the last axis; of equal elements the
// first counts, NaN is never the largest, and a row of nothing but NaN has -1. A type without an
// order (complex) has its shape, element count and checksum only.
OutputFacts describe_output(const OutputValues& output);

// Compares each output with its array in `expected`, a sample's .npy or .npz file: see assign_arrays(). Nothing
// for outputs that the file does not have. An array that is no output (nor one of `inputs`, whose arrays may
// be in the same file) is an error.
Result<std::vector<std::optional<ComparisonFacts>>> compare_outputs(std::span<const OutputValues> outputs,
                                                                    Bytes expected, double rtol, double atol,
                                                                    std::span<const std::string> inputs = {});

// Compares with the .npy file `expected`, by the rule of ComparisonFacts. A number against NaN, or
// against the other infinity, is infinitely far away.
Result<ComparisonFacts> compare_output(const OutputValues& output, Bytes expected, double rtol, double atol);

}  // namespace runup
