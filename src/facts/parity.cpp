// SPDX-License-Identifier: Apache-2.0
#include "facts/parity.h"

#include <algorithm>

namespace runup {

bool agree(const AnswerPairFacts& pair) {
  return pair.not_compared.empty() && pair.only_in_reference.empty() && pair.only_in_candidate.empty() &&
         std::ranges::all_of(pair.outputs, [](const OutputPairFacts& output) {
           return output.comparison.same_shape && output.comparison.beyond_tolerance == 0 &&
                  output.nan_on_one_side == 0;
         });
}

double apart(const AnswerPairFacts& pair) {
  double largest = 0;
  for (const OutputPairFacts& output : pair.outputs) {
    largest = std::max(largest, output.comparison.max_abs);
  }
  return largest;
}

}  // namespace runup
