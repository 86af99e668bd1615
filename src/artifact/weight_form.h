// SPDX-License-Identifier: Apache-2.0
#pragma once

// How a tensor of a conversion may hold numbers of the original's tensors, and the comparison of both.

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "artifact/weight_numbers.h"
#include "facts/parity.h"

namespace runup::artifact {

// Elements that are looked at together.
inline constexpr std::uint64_t kPiece = std::uint64_t{1} << 15U;

// Elements of one tensor of the original, in its row-major order.
struct Segment {
  std::size_t reference = 0;
  std::uint64_t begin = 0;
  std::uint64_t count = 0;
};

// What a conversion does to the numbers of each channel: number * factor + shift.
struct Scale {
  std::vector<double> factor;
  std::vector<double> shift;
  // elements of one channel that follow each other
  std::uint64_t inner = 1;
};

struct Form {
  // one behind the other, in the row-major order of the candidate
  std::vector<Segment> segments;
  // sizes of the candidate, those of 1 left out
  std::vector<std::int64_t> shape;
  // the candidate's two axes are exchanged before it is read
  bool transposed = false;
  WeightRelation relation = WeightRelation::same;
  std::shared_ptr<const Scale> scale;
  // The candidate need not hold the rest of the tensor.
  bool partial = false;

  std::uint64_t elements() const;
};

struct CompareRules {
  double rtol = 1e-5;
  double floor = 1e-7;
};

// One tensor of the original against what a candidate holds of it.
struct ReferenceResult {
  std::size_t reference = 0;
  std::uint64_t elements = 0;
  std::uint64_t differing = 0;
  double max_relative = 0;
  double max_abs = 0;
  // in the row-major order of the original's tensor
  std::uint64_t worst_index = 0;
  double worst_reference = 0;
  double worst_candidate = 0;
  // the largest magnitude of the finite numbers
  double largest = 0;
  double largest_candidate = 0;
  // sums over both: a*b, b*b, |a-b|, |b|, where b is the original's
  double product = 0;
  double square = 0;
  double distance = 0;
  double magnitude = 0;
  // numbers other than 0 that are the same on both sides; only counted where some differ
  std::uint64_t same_numbers = 0;

  void add(double actual, double expected, std::uint64_t index, bool near);
};

// What both sides look like through one form. References are found by their index in `references`; the
// candidate is the tensor as it is stored.
class Pairing {
 public:
  Pairing(std::span<const TensorView> references, const TensorView& candidate, const Form& form,
          const CompareRules& rules, const PageRelease& pages);

  // One result for each tensor of the original in the form, in order of their first segment.
  std::vector<ReferenceResult> compare() const;

  // Elements [begin, begin + out.size()) of a tensor of the original as the candidate should hold them, and
  // as it does; false when the form has not all of them.
  bool expected(std::size_t reference, std::uint64_t begin, std::span<double> out) const;
  bool actual(std::size_t reference, std::uint64_t begin, std::span<double> out) const;

  double expected_at(std::uint64_t index) const;
  double actual_at(std::uint64_t index) const { return candidate_.at(index); }
  // Whether `actual` may stand for `expected`, when the original's largest magnitude is `largest`.
  bool near(double actual, double expected, double largest) const;
  // The same for a multiple of `expected`, which was rounded before it was multiplied.
  bool near_multiple(double actual, double expected, double factor, double largest) const;

 private:
  void expect(const Segment& segment, std::uint64_t offset, std::span<double> out) const;
  template <class Take>
  void for_each_piece(const Segment& segment, std::uint64_t place, Take&& take) const;
  // Near without any floor: the common case, which needs no second look.
  bool same(const Segment& segment, std::uint64_t place) const;
  double largest(const Segment& segment) const;
  void measure(const Segment& segment, std::uint64_t place, ReferenceResult& result) const;
  bool same_bytes(const Segment& segment, std::uint64_t offset, std::uint64_t place,
                  std::uint64_t count) const;

  std::span<const TensorView> references_;
  TensorView candidate_;
  const Form& form_;
  CompareRules rules_;
  const PageRelease& pages_;
};

}  // namespace runup::artifact
