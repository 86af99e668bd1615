// SPDX-License-Identifier: Apache-2.0
#include "probes/runtime/inputs.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>

#include "base/text.h"
#include "probes/runtime/sample_inputs.h"
#include "probes/runtime/values.h"

namespace runup {

namespace {

// SplitMix64 (Steele, Lea, Flood 2014): small, and the same on every platform, which the standard
// library's distributions are not.
class Generator {
 public:
  explicit Generator(std::uint64_t seed) : state_(seed) {}

  std::uint64_t next() {
    state_ += 0x9E3779B97F4A7C15U;
    std::uint64_t value = state_;
    value = (value ^ (value >> 30)) * 0xBF58476D1CE4E5B9U;
    value = (value ^ (value >> 27)) * 0x94D049BB133111EBU;
    return value ^ (value >> 31);
  }
  // In (0, 1]: never 0, whose logarithm is infinite.
  double unit() { return (static_cast<double>(next() >> 11) + 1) * 0x1p-53; }
  // Box and Muller's transform; every second value is kept for the next call.
  double normal() {
    if (has_spare_) {
      has_spare_ = false;
      return spare_;
    }
    const double radius = std::sqrt(-2 * std::log(unit()));
    const double angle = 2 * std::numbers::pi * unit();
    spare_ = radius * std::sin(angle);
    has_spare_ = true;
    return radius * std::cos(angle);
  }
  // Uniform in [low, high). The remainder's bias is below 2^-32 for ranges that inputs have.
  std::int64_t between(std::int64_t low, std::int64_t high) {
    const std::uint64_t width = static_cast<std::uint64_t>(high) - static_cast<std::uint64_t>(low);
    return static_cast<std::int64_t>(static_cast<std::uint64_t>(low) + next() % width);
  }

 private:
  std::uint64_t state_;
  double spare_ = 0;
  bool has_spare_ = false;
};

// Inputs of one experiment must differ from one another, and from those of the next seed.
std::uint64_t seed_of_input(std::uint64_t seed, std::size_t input) {
  return Generator(seed + (static_cast<std::uint64_t>(input) << 48)).next();
}

template <class T>
constexpr bool kIsFloating =
    std::is_floating_point_v<T> || std::is_same_v<T, Half> || std::is_same_v<T, BFloat16>;

template <class T>
void store(std::vector<std::byte>& bytes, std::uint64_t index, T value) {
  std::memcpy(bytes.data() + index * sizeof(T), &value, sizeof(T));
}

// The values that an integer or boolean input may have, [low, high).
template <class T>
Result<ValueRange> range_of(const InputDeclaration& input) {
  const ValueRange range = std::is_same_v<T, bool> ? ValueRange{.low = 0, .high = 2}
                                                   : input.range.value_or(ValueRange{.low = 0, .high = 2});
  if (range.low >= range.high) {
    return fail(ErrorCode::bad_input, "input `" + input.name + "` has an empty range [" +
                                          std::to_string(range.low) + ", " + std::to_string(range.high) +
                                          ")");
  }
  if (range.low < static_cast<std::int64_t>(std::numeric_limits<T>::lowest()) ||
      range.high - 1 > static_cast<std::int64_t>(std::numeric_limits<T>::max())) {
    return fail(ErrorCode::bad_input, "input `" + input.name + "` has the range [" +
                                          std::to_string(range.low) + ", " + std::to_string(range.high) +
                                          "), which " + std::string(enum_name(input.dtype)) + " cannot hold");
  }
  return range;
}

template <class T>
Result<void> fill_integers(const InputDeclaration& input, Fill fill, Generator generator,
                           std::uint64_t elements, std::vector<std::byte>& bytes) {
  const auto range = range_of<T>(input);
  if (!range) {
    return std::unexpected(range.error());
  }
  const std::int64_t constant =
      std::clamp<std::int64_t>(fill == Fill::ones ? 1 : 0, range->low, range->high - 1);
  for (std::uint64_t i = 0; i < elements; ++i) {
    store(bytes, i,
          static_cast<T>(fill == Fill::random ? generator.between(range->low, range->high) : constant));
  }
  return {};
}

template <class T>
void fill_floats(Fill fill, Generator generator, std::uint64_t elements, std::vector<std::byte>& bytes) {
  for (std::uint64_t i = 0; i < elements; ++i) {
    store(bytes, i,
          static_cast<T>(fill == Fill::random ? generator.normal()
                         : fill == Fill::ones ? 1.0
                                              : 0.0));
  }
}

Result<std::int64_t> axis_size(const ModelDeclaration& model, const Experiment& experiment,
                               const std::string& axis) {
  if (const auto asked = experiment.axes.find(axis); asked != experiment.axes.end()) {
    return asked->second;
  }
  if (const auto declared = model.axes.find(axis); declared != model.axes.end()) {
    return declared->second.example;
  }
  return fail(ErrorCode::bad_input, "axis `" + axis + "` is not declared in `axes:`");
}

// `frames[2]`, as Experiment::sizes names a fixed dimension.
std::string dimension_name(const InputDeclaration& input, std::size_t index) {
  return input.name + "[" + std::to_string(index) + "]";
}

Result<std::int64_t> dimension_size(const ModelDeclaration& model, const Experiment& experiment,
                                    const InputDeclaration& input, std::size_t index) {
  const Dimension& declared = input.shape[index];
  if (!declared.axis.empty()) {
    return axis_size(model, experiment, declared.axis);
  }
  const auto asked = experiment.sizes.find(dimension_name(input, index));
  return asked == experiment.sizes.end() ? declared.size : asked->second;
}

Result<std::vector<std::int64_t>> shape_of(const ModelDeclaration& model, const Experiment& experiment,
                                           const InputDeclaration& input) {
  std::vector<std::int64_t> shape;
  for (std::size_t i = 0; i < input.shape.size(); ++i) {
    const auto size = dimension_size(model, experiment, input, i);
    if (!size) {
      return std::unexpected(size.error());
    }
    if (*size < 0) {
      return fail(ErrorCode::bad_input,
                  "input `" + input.name + "` has a negative size, " + std::to_string(*size));
    }
    shape.push_back(*size);
  }
  return shape;
}

constexpr std::uint64_t kCountless = std::numeric_limits<std::uint64_t>::max();

std::uint64_t elements_of(const std::vector<std::int64_t>& shape) {
  std::uint64_t elements = 1;
  for (const std::int64_t size : shape) {
    if (__builtin_mul_overflow(elements, static_cast<std::uint64_t>(size), &elements)) {
      // A size of 0 further on would make it none, but nobody asks for that in earnest.
      return kCountless;
    }
  }
  return elements;
}

// `elements` is the product of the sizes, which with all earlier inputs of the call is bounded.
Result<InputValues> shaped_input(const ModelDeclaration& model, const Experiment& experiment,
                                 const InputDeclaration& input, std::uint64_t& elements,
                                 std::uint64_t& bytes_left) {
  auto shape = shape_of(model, experiment, input);
  if (!shape) {
    return std::unexpected(shape.error());
  }
  InputValues values{.name = input.name, .dtype = input.dtype, .shape = std::move(*shape)};
  elements = elements_of(values.shape);
  const std::uint64_t each = element_bytes(enum_name(input.dtype));
  if (elements > kMaxInputElements || elements * each > bytes_left) {
    return fail(ErrorCode::limit, "input `" + input.name + "` of shape " + shape_text(values.shape) +
                                      " is larger than what is tried: at most " +
                                      std::to_string(kMaxInputElements) + " elements and " +
                                      format_bytes(kMaxInputBytes) + " for all inputs");
  }
  bytes_left -= elements * each;
  values.bytes.resize(elements * each);
  return values;
}

// Whether `name` is a fixed dimension of some input.
bool has_fixed_dimension(const ModelDeclaration& model, const std::string& name) {
  return std::ranges::any_of(model.inputs, [&](const InputDeclaration& input) {
    for (std::size_t i = 0; i < input.shape.size(); ++i) {
      if (input.shape[i].axis.empty() && dimension_name(input, i) == name) {
        return true;
      }
    }
    return false;
  });
}

// What the experiment names must be declared: a size that goes nowhere would be an answer to another question.
Result<void> check_names(const ModelDeclaration& model, const Experiment& experiment) {
  if (model.inputs.empty()) {
    return fail(ErrorCode::bad_input, "the config declares no `inputs:`");
  }
  for (const auto& [axis, size] : experiment.axes) {
    if (!model.axes.contains(axis)) {
      return fail(ErrorCode::bad_input, "axis `" + axis + "` is not declared in `axes:`");
    }
  }
  if (experiment.fill == Fill::sample && !experiment.sizes.empty()) {
    return fail(ErrorCode::bad_input, "a sample has its own sizes; another size of `" +
                                          experiment.sizes.begin()->first + "` is asked for");
  }
  for (const auto& [dimension, size] : experiment.sizes) {
    if (!has_fixed_dimension(model, dimension)) {
      return fail(ErrorCode::bad_input, "`" + dimension + "` is no fixed dimension of an input");
    }
  }
  return {};
}

}  // namespace

Result<std::uint64_t> input_bytes(const ModelDeclaration& model, const Experiment& experiment) {
  if (auto checked = check_names(model, experiment); !checked) {
    return std::unexpected(checked.error());
  }
  std::uint64_t all = 0;
  for (const InputDeclaration& input : model.inputs) {
    const auto shape = shape_of(model, experiment, input);
    if (!shape) {
      return std::unexpected(shape.error());
    }
    std::uint64_t bytes = elements_of(*shape);
    if (__builtin_mul_overflow(bytes, element_bytes(enum_name(input.dtype)), &bytes) ||
        __builtin_add_overflow(all, bytes, &all)) {
      return kCountless;
    }
  }
  return all;
}

Result<std::vector<InputValues>> make_inputs(const ModelDeclaration& model, const Experiment& experiment) {
  if (auto checked = check_names(model, experiment); !checked) {
    return std::unexpected(checked.error());
  }
  if (experiment.fill == Fill::sample) {
    return read_sample_inputs(model, experiment.sample);
  }
  std::vector<InputValues> all;
  std::uint64_t bytes_left = kMaxInputBytes;
  for (const InputDeclaration& input : model.inputs) {
    std::uint64_t elements = 0;
    auto values = shaped_input(model, experiment, input, elements, bytes_left);
    if (!values) {
      return std::unexpected(values.error());
    }
    const Generator generator(seed_of_input(experiment.seed, all.size()));
    Result<void> filled;
    visit_element_type(enum_name(input.dtype), [&]<class T>(Element<T>) {
      if constexpr (kIsFloating<T>) {
        fill_floats<T>(experiment.fill, generator, elements, values->bytes);
      } else {
        filled = fill_integers<T>(input, experiment.fill, generator, elements, values->bytes);
      }
    });
    if (!filled) {
      return std::unexpected(filled.error());
    }
    all.push_back(std::move(*values));
  }
  return all;
}

}  // namespace runup
