// SPDX-License-Identifier: Apache-2.0
#include "artifact/weight_explain.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <format>
#include <map>
#include <optional>

#include "base/text.h"

namespace runup::artifact {

namespace {

// Tensors beyond this are not looked at row by row: an explanation is a courtesy.
constexpr std::uint64_t kMostElements = std::uint64_t{1} << 26U;
constexpr std::uint64_t kMostRows = std::uint64_t{1} << 20U;
constexpr std::size_t kMostNamedRows = 64;

std::string factor_text(double factor) { return std::format("{:.6g}", factor); }

// Whether a/b is `factor` for all elements [begin, begin + count).
bool has_factor(const Pairing& pairing, const ReferenceResult& result, std::uint64_t begin,
                std::uint64_t count, double factor) {
  std::vector<double> expected(std::min(kPiece, count));
  std::vector<double> actual(expected.size());
  for (std::uint64_t at = 0; at < count; at += kPiece) {
    const std::size_t size = std::min(kPiece, count - at);
    const std::span<double> left(expected.data(), size);
    const std::span<double> right(actual.data(), size);
    if (!pairing.expected(result.reference, begin + at, left) ||
        !pairing.actual(result.reference, begin + at, right)) {
      return false;
    }
    for (std::size_t i = 0; i < size; ++i) {
      if (!pairing.near_multiple(right[i], left[i], factor, result.largest)) {
        return false;
      }
    }
  }
  return true;
}

bool is_transposed(const Pairing& pairing, const ReferenceResult& result,
                   const std::vector<std::int64_t>& shape) {
  const std::vector<std::int64_t> sizes = squeezed(shape);
  if (sizes.size() != 2 || sizes[0] != sizes[1] || result.elements > kMostElements) {
    return false;
  }
  const auto side = static_cast<std::uint64_t>(sizes[0]);
  std::vector<double> numbers(result.elements);
  std::vector<double> row(side);
  if (!pairing.expected(result.reference, 0, numbers)) {
    return false;
  }
  for (std::uint64_t i = 0; i < side; ++i) {
    if (!pairing.actual(result.reference, i * side, row)) {
      return false;
    }
    for (std::uint64_t j = 0; j < side; ++j) {
      if (!pairing.near(row[j], numbers[j * side + i], result.largest)) {
        return false;
      }
    }
  }
  return true;
}

// The rows along the first axis, by a hash of their numbers.
class Rows {
 public:
  Rows(const Pairing& pairing, const ReferenceResult& result, const std::vector<std::int64_t>& shape)
      : pairing_(pairing), result_(result) {
    const std::vector<std::int64_t> sizes = squeezed(shape);
    rows_ = sizes.empty() ? 1 : static_cast<std::uint64_t>(sizes[0]);
    length_ = result.elements / rows_;
    flat_ = sizes.size() < 2;
  }

  std::string explain() {
    if (result_.elements > kMostElements || rows_ > kMostRows || rows_ < 2 || !hash()) {
      return "";
    }
    if (differing_.size() > 1 && !flat_ && differing_.size() <= kMostNamedRows) {
      if (std::string words = explain_rows(); !words.empty()) {
        return words;
      }
    }
    std::vector<std::uint64_t> left(expected_);
    std::vector<std::uint64_t> right(actual_);
    std::ranges::sort(left);
    std::ranges::sort(right);
    const std::string_view what = flat_ ? "elements" : "rows";
    if (left == right && differing_.size() > 1) {
      return differing_.size() == 2
                 ? std::format("{} {} and {} are exchanged", what, differing_[0], differing_[1])
                 : std::format("{} {} are in another order", differing_.size(), what);
    }
    return differing_.size() == 1 ? explain_row(differing_[0]) : "";
  }

 private:
  bool hash() {
    std::vector<double> left(length_);
    std::vector<double> right(length_);
    for (std::uint64_t row = 0; row < rows_; ++row) {
      if (!pairing_.expected(result_.reference, row * length_, left) ||
          !pairing_.actual(result_.reference, row * length_, right)) {
        return false;
      }
      bool same = true;
      for (std::size_t i = 0; same && i < left.size(); ++i) {
        same = pairing_.near(right[i], left[i], result_.largest);
      }
      expected_.push_back(hash_of(left));
      // What is near is the same.
      actual_.push_back(same ? expected_.back() : hash_of(right));
      if (!same) {
        differing_.push_back(row);
      }
    }
    return true;
  }

  static std::uint64_t hash_of(const std::vector<double>& row) {
    std::uint64_t hash = 0xCBF29CE484222325U;
    for (const double number : row) {
      hash = (hash ^ std::bit_cast<std::uint64_t>(number == 0 ? 0.0 : number)) * 0x9E3779B97F4A7C15U;
      hash ^= hash >> 29U;
    }
    return hash;
  }

  // The same of each of several rows.
  std::string explain_rows() {
    if (differing_.size() > 8) {
      return "";
    }
    std::string kind;
    std::string list;
    for (const std::uint64_t row : differing_) {
      const std::string one = row_kind(row);
      if (one.empty() || (!kind.empty() && one != kind)) {
        return "";
      }
      kind = one;
      list += (list.empty() ? "" : ", ") + std::to_string(row);
    }
    return std::format("rows {} are {}", list, kind);
  }

  std::string row_kind(std::uint64_t row) const {
    std::vector<double> left(length_);
    std::vector<double> right(length_);
    if (!pairing_.expected(result_.reference, row * length_, left) ||
        !pairing_.actual(result_.reference, row * length_, right)) {
      return "";
    }
    if (std::ranges::all_of(right, [](double number) { return number == 0; })) {
      return "0 in the conversion";
    }
    const auto top = std::ranges::max_element(left, {}, [](double number) { return std::abs(number); });
    const double factor = right[static_cast<std::size_t>(top - left.begin())] / *top;
    if (flat_ || !std::isfinite(factor) || !has_factor(pairing_, result_, row * length_, length_, factor)) {
      return "";
    }
    return std::abs(factor + 1) < 1e-4 ? "negated" : std::format("multiplied by {}", factor_text(factor));
  }

  std::string explain_row(std::uint64_t row) const {
    if (flat_) {
      return std::format("only element {} differs", row);
    }
    const auto source = std::ranges::find(expected_, actual_[row]);
    if (source != expected_.end()) {
      return std::format("row {} holds the numbers of row {}", row, source - expected_.begin());
    }
    const std::string kind = row_kind(row);
    return !kind.empty()            ? std::format("row {} is {}", row, kind)
           : result_.differing == 1 ? "only one number differs"
                                    : std::format("only row {} differs", row);
  }

  const Pairing& pairing_;
  const ReferenceResult& result_;
  std::uint64_t rows_ = 1;
  std::uint64_t length_ = 1;
  bool flat_ = false;
  std::vector<std::uint64_t> expected_;
  std::vector<std::uint64_t> actual_;
  std::vector<std::uint64_t> differing_;
};

}  // namespace

bool is_small_factor(double factor) {
  constexpr double kMost = 1.1;
  const double size = std::abs(factor);
  return size < kMost && size > 1 / kMost;
}

std::optional<double> uniform_factor(const Pairing& pairing, const ReferenceResult& result) {
  if (result.square <= 0 || result.differing == 0) {
    return std::nullopt;
  }
  const double factor = result.product / result.square;
  if (!std::isfinite(factor) || factor == 0 || !has_factor(pairing, result, 0, result.elements, factor)) {
    return std::nullopt;
  }
  return factor;
}

std::string explain_difference(const Pairing& pairing, const ReferenceResult& result,
                               const std::vector<std::int64_t>& shape) {
  if (result.largest > 0 && result.largest_candidate == 0) {
    return result.elements == 1 ? "it is 0 in the conversion" : "every number is 0 in the conversion";
  }
  if (result.elements == 1) {
    return "";
  }
  if (result.differing > 1) {
    if (const auto factor = uniform_factor(pairing, result)) {
      return std::abs(*factor + 1) < 1e-4
                 ? "every number is negated"
                 : std::format("every number is multiplied by {}", factor_text(*factor));
    }
    if (is_transposed(pairing, result, shape)) {
      return "the matrix is transposed";
    }
  }
  if (std::string words = Rows(pairing, result, shape).explain(); !words.empty()) {
    return words;
  }
  if (result.differing == 1) {
    return "only one number differs";
  }
  if (static_cast<double>(result.differing) > 0.9 * static_cast<double>(result.elements) &&
      result.magnitude > 0) {
    return std::format("nearly all numbers differ, by {:.2g} % of their size on average",
                       100 * result.distance / result.magnitude);
  }
  return "";
}

}  // namespace runup::artifact
