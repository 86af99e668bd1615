// SPDX-License-Identifier: Apache-2.0
#pragma once

// How far two outputs are apart. Every comparison of runup's is made here.

#include "facts/parity.h"
#include "probes/runtime/outputs.h"

namespace runup {

struct Tolerance {
  double rtol = 1e-3;
  double atol = 1e-5;
  // whether NaN at the same place on both sides is no difference
  bool nan_is_equal = true;
};

// By the rule of ComparisonFacts, with the candidate as `actual` and the reference as `expected`. A number
// against NaN, or against the other infinity, is infinitely far away. Elements are compared as doubles:
// exact but for integers beyond 2^53.
//
// Errors: a type without an order (complex, texts); bytes that are not those of shape and type.
Result<OutputPairFacts> compare_pair(const OutputValues& reference, const OutputValues& candidate,
                                     const Tolerance& tolerance);

}  // namespace runup
