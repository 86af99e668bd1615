// SPDX-License-Identifier: Apache-2.0
#include "artifact/weight_form.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

namespace runup::artifact {

namespace {

// Two of the smallest steps of float16: converters raise tiny numbers to the smallest that is not 0.
constexpr double kHalfStep = 1.2e-7;

// How far rounding to a type moves a number, relative to it.
double rounding_of(NumberType type) {
  return type == NumberType::float16 ? 0x1p-10 : type == NumberType::bfloat16 ? 0x1p-7 : 0;
}

}  // namespace

std::uint64_t Form::elements() const {
  std::uint64_t sum = 0;
  for (const Segment& segment : segments) {
    sum += segment.count;
  }
  return sum;
}

Pairing::Pairing(std::span<const TensorView> references, const TensorView& candidate, const Form& form,
                 const CompareRules& rules, const PageRelease& pages)
    : references_(references),
      candidate_(form.transposed ? candidate.transposed() : candidate),
      form_(form),
      rules_(rules),
      pages_(pages) {
  if (form.scale) {
    rules_.rtol = std::max(rules_.rtol, rounding_of(candidate_.type()));
  }
}

bool Pairing::near(double actual, double expected, double largest) const {
  if (actual == expected || (std::isnan(actual) && std::isnan(expected))) {
    return true;
  }
  const double distance = std::abs(actual - expected);
  const double half = candidate_.type() == NumberType::float16 ? kHalfStep : 0;
  // NaN compares as not near.
  return distance <= std::max({rules_.rtol * std::abs(expected), rules_.floor * largest, half});
}

bool Pairing::near_multiple(double actual, double expected, double factor, double largest) const {
  const double step = candidate_.type() == NumberType::float16    ? 0x1p-10
                      : candidate_.type() == NumberType::bfloat16 ? 0x1p-7
                                                                  : 0;
  return near(actual, expected * factor, largest * std::abs(factor)) ||
         std::abs(actual - expected * factor) <= step * std::abs(expected * factor);
}

void Pairing::expect(const Segment& segment, std::uint64_t offset, std::span<double> out) const {
  const TensorView& reference = references_[segment.reference];
  reference.read(segment.begin + offset, out);
  if (form_.scale) {
    const Scale& scale = *form_.scale;
    for (std::size_t i = 0; i < out.size(); ++i) {
      const std::size_t channel = (segment.begin + offset + i) / scale.inner % scale.factor.size();
      out[i] = out[i] * scale.factor[channel] + scale.shift[channel];
    }
    return;
  }
  if (candidate_.type() != NumberType::float64 && candidate_.type() != reference.type()) {
    for (double& number : out) {
      number = stored_as(candidate_.type(), number);
    }
  }
}

double Pairing::expected_at(std::uint64_t index) const {
  double number = 0;
  for (const Segment& segment : form_.segments) {
    if (index < segment.count) {
      expect(segment, index, {&number, 1});
      break;
    }
    index -= segment.count;
  }
  return number;
}

bool Pairing::expected(std::size_t reference, std::uint64_t begin, std::span<double> out) const {
  for (const Segment& segment : form_.segments) {
    if (segment.reference == reference && begin >= segment.begin && begin - segment.begin < segment.count) {
      const std::uint64_t offset = begin - segment.begin;
      const std::size_t count = std::min<std::uint64_t>(segment.count - offset, out.size());
      expect(segment, offset, out.first(count));
      return count == out.size() || expected(reference, begin + count, out.subspan(count));
    }
  }
  return false;
}

bool Pairing::actual(std::size_t reference, std::uint64_t begin, std::span<double> out) const {
  std::uint64_t place = 0;
  for (const Segment& segment : form_.segments) {
    if (segment.reference == reference && begin >= segment.begin && begin - segment.begin < segment.count) {
      const std::uint64_t offset = begin - segment.begin;
      const std::size_t count = std::min<std::uint64_t>(segment.count - offset, out.size());
      candidate_.read(place + offset, out.first(count));
      return count == out.size() || actual(reference, begin + count, out.subspan(count));
    }
    place += segment.count;
  }
  return false;
}

bool Pairing::same_bytes(const Segment& segment, std::uint64_t offset, std::uint64_t place,
                         std::uint64_t count) const {
  const TensorView& reference = references_[segment.reference];
  if (form_.scale || reference.type() != candidate_.type()) {
    return false;
  }
  const Bytes left = reference.plain(segment.begin + offset, count);
  const Bytes right = candidate_.plain(place, count);
  return !left.empty() && left.size() == right.size() &&
         std::memcmp(left.data(), right.data(), left.size()) == 0;
}

template <class Take>
void Pairing::for_each_piece(const Segment& segment, std::uint64_t place, Take&& take) const {
  std::vector<double> left(std::min(kPiece, segment.count));
  std::vector<double> right(left.size());
  bool more = true;
  for (std::uint64_t offset = 0; more && offset < segment.count; offset += kPiece) {
    const std::uint64_t count = std::min(kPiece, segment.count - offset);
    more = take(offset, std::span(left).first(count), std::span(right).first(count));
    references_[segment.reference].release(segment.begin + offset, count, pages_);
    candidate_.release(place + offset, count, pages_);
  }
}

bool Pairing::same(const Segment& segment, std::uint64_t place) const {
  bool same = true;
  for_each_piece(segment, place, [&](std::uint64_t offset, std::span<double> left, std::span<double> right) {
    if (same_bytes(segment, offset, place + offset, left.size())) {
      return true;
    }
    expect(segment, offset, left);
    candidate_.read(place + offset, right);
    for (std::size_t i = 0; same && i < left.size(); ++i) {
      same = near(right[i], left[i], 0);
    }
    return same;
  });
  return same;
}

double Pairing::largest(const Segment& segment) const {
  double largest = 0;
  for_each_piece(segment, 0, [&](std::uint64_t offset, std::span<double> left, std::span<double>) {
    expect(segment, offset, left);
    for (const double number : left) {
      largest = std::isfinite(number) ? std::max(largest, std::abs(number)) : largest;
    }
    return true;
  });
  if (form_.scale) {
    // Sums of numbers far larger than their result are rounded as those are.
    for (const double shift : form_.scale->shift) {
      largest = std::isfinite(shift) ? std::max(largest, std::abs(shift)) : largest;
    }
  }
  return largest;
}

void Pairing::measure(const Segment& segment, std::uint64_t place, ReferenceResult& result) const {
  for_each_piece(segment, place, [&](std::uint64_t offset, std::span<double> left, std::span<double> right) {
    expect(segment, offset, left);
    candidate_.read(place + offset, right);
    for (std::size_t i = 0; i < left.size(); ++i) {
      result.add(right[i], left[i], segment.begin + offset + i, near(right[i], left[i], result.largest));
    }
    return true;
  });
}

void ReferenceResult::add(double actual, double expected, std::uint64_t index, bool near) {
  constexpr double kInfinite = std::numeric_limits<double>::infinity();
  if (std::isfinite(expected)) {
    magnitude += std::abs(expected);
    square += expected * expected;
  }
  if (std::isfinite(actual)) {
    largest_candidate = std::max(largest_candidate, std::abs(actual));
  }
  const double gap = std::abs(actual - expected);
  if (std::isfinite(gap)) {
    product += actual * expected;
    distance += gap;
  }
  if (near) {
    same_numbers += expected != 0 ? 1 : 0;
    return;
  }
  ++differing;
  const double relative = std::isfinite(gap) && expected != 0 ? gap / std::abs(expected) : kInfinite;
  max_abs = std::max(max_abs, std::isfinite(gap) ? gap : kInfinite);
  if (differing == 1 || relative > max_relative) {
    max_relative = relative;
    worst_index = index;
    worst_reference = expected;
    worst_candidate = actual;
  }
}

std::vector<ReferenceResult> Pairing::compare() const {
  std::vector<ReferenceResult> results;
  const auto result_of = [&results](std::size_t reference) {
    return std::ranges::find(results, reference, &ReferenceResult::reference);
  };
  bool equal = true;
  std::uint64_t place = 0;
  for (const Segment& segment : form_.segments) {
    if (result_of(segment.reference) == results.end()) {
      results.push_back({.reference = segment.reference});
    }
    result_of(segment.reference)->elements += segment.count;
    equal = equal && same(segment, place);
    place += segment.count;
  }
  if (equal) {
    return results;
  }
  for (const Segment& segment : form_.segments) {
    const auto result = result_of(segment.reference);
    result->largest = std::max(result->largest, largest(segment));
  }
  place = 0;
  for (const Segment& segment : form_.segments) {
    measure(segment, place, *result_of(segment.reference));
    place += segment.count;
  }
  return results;
}

}  // namespace runup::artifact
