// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "artifact/weight_form.h"

namespace runup::artifact {

// Words for what was done to one tensor, or empty: "rows 2 and 5 are exchanged". `result` is what
// `pairing` measured of it and `shape` its own; nothing is said unless it explains every difference.
std::string explain_difference(const Pairing& pairing, const ReferenceResult& result,
                               const std::vector<std::int64_t>& shape);

// Whether every number of the candidate is the original's times one factor, and which.
std::optional<double> uniform_factor(const Pairing& pairing, const ReferenceResult& result);
// Close to 1, but for a sign; one beyond is more likely arithmetic that the converter did beforehand.
bool is_small_factor(double factor);

}  // namespace runup::artifact
