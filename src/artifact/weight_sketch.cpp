// SPDX-License-Identifier: Apache-2.0
#include "artifact/weight_sketch.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

namespace runup::artifact {

namespace {

constexpr std::uint64_t kNumbers = 256;
constexpr double kSame = 1e-5;

// One place in each of kNumbers equal stretches, not always the same one, so that no row or column of a
// matrix is all that is looked at.
std::uint64_t place_of(std::uint64_t index, std::uint64_t elements) {
  if (elements <= kNumbers) {
    return index;
  }
  const std::uint64_t begin = elements / kNumbers * index + elements % kNumbers * index / kNumbers;
  const std::uint64_t jump = (index * 0x9E3779B97F4A7C15U) >> 20U;
  return begin + jump % (elements / kNumbers);
}

}  // namespace

Sketch::Sketch(std::uint64_t elements, const std::function<double(std::uint64_t)>& at) {
  const std::uint64_t count = std::min(elements, kNumbers);
  hash_ = 0xCBF29CE484222325U ^ elements;
  for (std::uint64_t i = 0; i < count; ++i) {
    double number = at(place_of(i, elements));
    number = number == 0 ? 0 : std::isnan(number) ? std::numeric_limits<double>::quiet_NaN() : number;
    numbers_.push_back(number);
    hash_ = (hash_ ^ std::bit_cast<std::uint64_t>(number)) * 0x9E3779B97F4A7C15U;
    hash_ ^= hash_ >> 29U;
    constant_ = constant_ && number == numbers_.front();
  }
}

Likeness likeness(const Sketch& left, const Sketch& right) {
  const std::vector<double>& a = left.numbers();
  const std::vector<double>& b = right.numbers();
  if (a.size() != b.size() || left.constant() || right.constant()) {
    return {};
  }
  double sum_a = 0;
  double sum_b = 0;
  std::size_t nonzero = 0;
  std::size_t same = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (!std::isfinite(a[i]) || !std::isfinite(b[i])) {
      return {};
    }
    sum_a += a[i];
    sum_b += b[i];
    nonzero += a[i] != 0 || b[i] != 0 ? 1 : 0;
    same += a[i] != 0 && std::abs(a[i] - b[i]) <= kSame * std::abs(a[i]) ? 1 : 0;
  }
  const auto count = static_cast<double>(a.size());
  double aa = 0;
  double bb = 0;
  double ab = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    const double x = a[i] - sum_a / count;
    const double y = b[i] - sum_b / count;
    aa += x * x;
    bb += y * y;
    ab += x * y;
  }
  const double scale = std::sqrt(aa) * std::sqrt(bb);
  return {.same = static_cast<double>(same) / static_cast<double>(std::max<std::size_t>(nonzero, 1)),
          .correlation = scale > 0 ? ab / scale : 0};
}

}  // namespace runup::artifact
