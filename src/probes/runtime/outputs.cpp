// SPDX-License-Identifier: Apache-2.0
#include "probes/runtime/outputs.h"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <limits>

#include "base/text.h"
#include "probes/runtime/compare.h"
#include "probes/runtime/inputs.h"
#include "probes/runtime/recording.h"
#include "probes/runtime/values.h"

namespace runup {

namespace {

constexpr std::size_t kMostFirst = 64;
constexpr std::uint64_t kMostRows = 64;

std::uint64_t element_count(const std::vector<std::int64_t>& shape) {
  std::uint64_t count = 1;
  for (const std::int64_t size : shape) {
    count *= static_cast<std::uint64_t>(size);
  }
  return count;
}

template <class T>
void describe_all(Bytes bytes, OutputFacts& facts) {
  double smallest = kInfinity;
  double largest = -kInfinity;
  long double sum = 0;
  for (std::uint64_t i = 0; i < facts.elements; ++i) {
    const double value = to_double(load_element<T>(bytes, i));
    if (i < kMostFirst) {
      facts.first.push_back(value);
    }
    if (std::isnan(value)) {
      ++facts.nan_count;
    } else if (std::isinf(value)) {
      ++facts.inf_count;
    } else {
      smallest = std::min(smallest, value);
      largest = std::max(largest, value);
      sum += static_cast<long double>(value);
    }
  }
  if (const std::uint64_t finite = facts.elements - facts.nan_count - facts.inf_count; finite > 0) {
    facts.min = smallest;
    facts.max = largest;
    facts.mean = static_cast<double>(sum / static_cast<long double>(finite));
  }
}

template <class T>
std::int64_t largest_of_row(Bytes bytes, std::uint64_t start, std::uint64_t width) {
  std::int64_t best = -1;
  double best_value = 0;
  for (std::uint64_t i = 0; i < width; ++i) {
    const double value = to_double(load_element<T>(bytes, start + i));
    if (!std::isnan(value) && (best < 0 || value > best_value)) {
      best = static_cast<std::int64_t>(i);
      best_value = value;
    }
  }
  return best;
}

// Of the largest element, if the row were logits. NaN when the row has one.
template <class T>
double softmax_of_largest(Bytes bytes, std::uint64_t width, std::int64_t best) {
  if (best < 0) {
    return std::numeric_limits<double>::quiet_NaN();
  }
  const double largest = to_double(load_element<T>(bytes, static_cast<std::uint64_t>(best)));
  double sum = 0;
  for (std::uint64_t i = 0; i < width; ++i) {
    sum += std::exp(to_double(load_element<T>(bytes, i)) - largest);
  }
  return 1.0 / sum;
}

template <class T>
void describe_rows(Bytes bytes, OutputFacts& facts) {
  if (facts.shape.empty() || facts.elements == 0) {
    return;
  }
  const auto width = static_cast<std::uint64_t>(facts.shape.back());
  const std::uint64_t rows = std::min(facts.elements / width, kMostRows);
  for (std::uint64_t row = 0; row < rows; ++row) {
    facts.top1.push_back(largest_of_row<T>(bytes, row * width, width));
  }
  facts.top1_probability = softmax_of_largest<T>(bytes, width, facts.top1.front());
}

Result<ComparisonFacts> compare_array(const OutputValues& output, const NpyArray& array, double rtol,
                                      double atol) {
  const std::vector<std::byte> elements = row_major(array);
  auto pair =
      compare_pair({.name = output.name, .dtype = array.dtype, .shape = array.shape, .bytes = elements},
                   output, {.rtol = rtol, .atol = atol});
  if (!pair) {
    return std::unexpected(pair.error());
  }
  return std::move(pair->comparison);
}

}  // namespace

OutputFacts describe_output(const OutputValues& output) {
  OutputFacts facts{.name = output.name, .dtype = output.dtype, .shape = output.shape};
  facts.elements = element_count(output.shape);
  facts.sha256 = sha256_hex(output.bytes);
  visit_element_type(output.dtype, [&]<class T>(Element<T>) {
    describe_all<T>(output.bytes, facts);
    describe_rows<T>(output.bytes, facts);
  });
  return facts;
}

Result<ComparisonFacts> compare_output(const OutputValues& output, Bytes expected, double rtol, double atol) {
  const auto array = read_npy(expected);
  if (!array) {
    return std::unexpected(array.error());
  }
  return compare_array(output, *array, rtol, atol);
}

Result<std::vector<std::optional<ComparisonFacts>>> compare_outputs(std::span<const OutputValues> outputs,
                                                                    Bytes expected, double rtol, double atol,
                                                                    std::span<const std::string> inputs) {
  const auto recording = read_recording(expected, kMaxInputBytes);
  if (!recording) {
    return std::unexpected(recording.error());
  }
  std::vector<std::string> names;
  std::ranges::transform(outputs, std::back_inserter(names), &OutputValues::name);
  const std::vector<const NpzArray*> arrays = assign_arrays(*recording, names);
  for (const NpzArray& array : recording->arrays) {
    const bool used = std::ranges::find(arrays, &array) != arrays.end();
    if (!used && std::ranges::find(inputs, array.name) == inputs.end()) {
      const auto guess = did_you_mean(array.name, names);
      return fail(ErrorCode::bad_input,
                  "it has an array `" + printable(array.name) + "`, and the model gives no such output; " +
                      (guess ? "did you mean `" + *guess + "`?" : "expected some of " + join_quoted(names)));
    }
  }
  std::vector<std::optional<ComparisonFacts>> comparisons(outputs.size());
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    if (arrays[i] == nullptr) {
      continue;
    }
    auto comparison = compare_array(outputs[i], arrays[i]->array, rtol, atol);
    if (!comparison) {
      return wrap(comparison.error(), "in `" + names[i] + "`");
    }
    comparisons[i] = std::move(*comparison);
  }
  return comparisons;
}

}  // namespace runup
