// SPDX-License-Identifier: Apache-2.0
#include "probes/runtime/compare.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <format>

#include "base/text.h"
#include "probes/runtime/values.h"

namespace runup {

namespace {

// Elements that are converted at a time.
constexpr std::size_t kChunk = 1024;
using Chunk = std::array<double, kChunk>;

// Elements of any type as doubles, from `first` on.
using Reader = void (*)(Bytes bytes, std::uint64_t first, std::size_t count, Chunk& out);

Reader reader_of(std::string_view dtype) {
  Reader reader = nullptr;
  visit_element_type(dtype, [&]<class T>(Element<T>) {
    reader = [](Bytes bytes, std::uint64_t first, std::size_t count, Chunk& out) {
      for (std::size_t i = 0; i < count; ++i) {
        out[i] = to_double(load_element<T>(bytes, first + i));
      }
    };
  });
  return reader;
}

// Of a shape whose bytes are there; nothing when sizes are negative or too many.
std::optional<std::uint64_t> count_elements(const OutputValues& output) {
  std::uint64_t count = 1;
  for (const std::int64_t size : output.shape) {
    if (size < 0 || __builtin_mul_overflow(count, static_cast<std::uint64_t>(size), &count)) {
      return std::nullopt;
    }
  }
  const std::size_t item = element_bytes(output.dtype);
  const bool fits = item > 0 && count == output.bytes.size() / item && output.bytes.size() % item == 0;
  return fits ? std::optional(count) : std::nullopt;
}

std::vector<std::int64_t> index_of(std::uint64_t flat, const std::vector<std::int64_t>& shape) {
  std::vector<std::int64_t> index(shape.size(), 0);
  for (std::size_t axis = shape.size(); axis-- > 0;) {
    const auto size = static_cast<std::uint64_t>(shape[axis]);
    index[axis] = static_cast<std::int64_t>(flat % size);
    flat /= size;
  }
  return index;
}

class Comparison {
 public:
  Comparison(const Tolerance& tolerance, std::uint64_t width, OutputPairFacts& facts)
      : tolerance_(tolerance), width_(width), facts_(facts) {}

  void add(double expected, double actual) {
    count_nan(expected, actual);
    const double apart = distance(actual, expected);
    sum_ += apart;
    if (apart > facts_.comparison.max_abs) {
      facts_.comparison.max_abs = apart;
      worst_ = at_;
      worst_expected_ = expected;
      worst_actual_ = actual;
    } else if (at_ == 0) {
      worst_expected_ = expected;
      worst_actual_ = actual;
    }
    judge(apart, std::abs(expected));
    if (width_ > 1) {
      follow_row(expected, actual);
    }
    ++at_;
  }

  void finish() {
    ComparisonFacts& comparison = facts_.comparison;
    if (at_ > 0) {
      comparison.mean_abs = sum_ / static_cast<double>(at_);
      comparison.worst_index = index_of(worst_, comparison.expected_shape);
      comparison.worst_actual = worst_actual_;
      comparison.worst_expected = worst_expected_;
    }
  }

 private:
  struct Best {
    std::int64_t index = -1;
    double value = 0;
    void consider(std::uint64_t at, double candidate) {
      if (!std::isnan(candidate) && (index < 0 || candidate > value)) {
        index = static_cast<std::int64_t>(at);
        value = candidate;
      }
    }
  };

  double distance(double actual, double expected) const {
    // Equal infinities, whose difference would be NaN, are no distance apart.
    if (actual == expected || (tolerance_.nan_is_equal && std::isnan(actual) && std::isnan(expected))) {
      return 0;
    }
    const double difference = std::abs(actual - expected);
    return std::isnan(difference) ? kInfinity : difference;
  }

  void count_nan(double expected, double actual) {
    facts_.nan_on_both += std::isnan(expected) && std::isnan(actual) ? 1U : 0U;
    facts_.nan_on_one_side += std::isnan(expected) != std::isnan(actual) ? 1U : 0U;
  }

  void judge(double apart, double size) {
    ComparisonFacts& comparison = facts_.comparison;
    // An infinite or NaN bound allows nothing: only an equal value is near such an element.
    const bool near =
        apart == 0 || (std::isfinite(size) && apart <= tolerance_.atol + tolerance_.rtol * size);
    comparison.beyond_tolerance += near ? 0U : 1U;
    if (apart > tolerance_.atol) {
      const double needed = size > 0 && std::isfinite(size) ? (apart - tolerance_.atol) / size : kInfinity;
      comparison.passing_rtol = std::max(comparison.passing_rtol, needed);
    }
  }

  void follow_row(double expected, double actual) {
    const std::uint64_t column = at_ % width_;
    if (column == 0) {
      expected_best_ = {};
      actual_best_ = {};
    }
    expected_best_.consider(column, expected);
    actual_best_.consider(column, actual);
    if (column + 1 == width_) {
      ++facts_.rows;
      facts_.rows_agreeing += expected_best_.index == actual_best_.index ? 1U : 0U;
    }
  }

  const Tolerance& tolerance_;
  std::uint64_t width_;
  OutputPairFacts& facts_;
  std::uint64_t at_ = 0;
  std::uint64_t worst_ = 0;
  double sum_ = 0;
  double worst_expected_ = 0;
  double worst_actual_ = 0;
  Best expected_best_;
  Best actual_best_;
};

}  // namespace

Result<OutputPairFacts> compare_pair(const OutputValues& reference, const OutputValues& candidate,
                                     const Tolerance& tolerance) {
  OutputPairFacts facts{.reference = reference.name,
                        .candidate = candidate.name,
                        .reference_dtype = reference.dtype,
                        .candidate_dtype = candidate.dtype,
                        .comparison = {.same_shape = reference.shape == candidate.shape,
                                       .expected_shape = reference.shape,
                                       .rtol = tolerance.rtol,
                                       .atol = tolerance.atol}};
  if (!facts.comparison.same_shape) {
    return facts;
  }
  const Reader read_reference = reader_of(reference.dtype);
  const Reader read_candidate = reader_of(candidate.dtype);
  if (read_reference == nullptr || read_candidate == nullptr) {
    return fail(ErrorCode::unsupported,
                std::format("outputs of type `{}` cannot be compared",
                            read_reference == nullptr ? reference.dtype : candidate.dtype));
  }
  const auto count = count_elements(reference);
  if (!count || count != count_elements(candidate)) {
    return fail(ErrorCode::bad_input, std::format("the bytes of output `{}` are not those of its shape",
                                                  printable(reference.name)));
  }
  const std::uint64_t width =
      reference.shape.empty() ? 0 : static_cast<std::uint64_t>(reference.shape.back());
  Comparison comparison(tolerance, width, facts);
  Chunk expected;
  Chunk actual;
  for (std::uint64_t first = 0; first < *count; first += kChunk) {
    const auto length = static_cast<std::size_t>(std::min<std::uint64_t>(kChunk, *count - first));
    read_reference(reference.bytes, first, length, expected);
    read_candidate(candidate.bytes, first, length, actual);
    for (std::size_t i = 0; i < length; ++i) {
      comparison.add(expected[i], actual[i]);
    }
  }
  comparison.finish();
  return facts;
}

}  // namespace runup
