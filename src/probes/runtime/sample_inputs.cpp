// SPDX-License-Identifier: Apache-2.0
#include "probes/runtime/sample_inputs.h"

#include <algorithm>
#include <cmath>
#include <concepts>
#include <iterator>
#include <limits>
#include <map>
#include <optional>
#include <utility>

#include "base/text.h"
#include "probes/runtime/recording.h"
#include "probes/runtime/values.h"

namespace runup {

namespace {

using AxisSizes = std::map<std::string, std::int64_t>;

// The value as a `To`, when that is the same number.
template <class To, class From>
std::optional<To> exactly(From value) {
  if constexpr (std::same_as<To, From>) {
    return value;
  } else if constexpr (std::integral<To> && std::integral<From>) {
    if constexpr (std::same_as<From, bool>) {
      return static_cast<To>(value);
    } else if constexpr (std::same_as<To, bool>) {
      return value == 0 || value == 1 ? std::optional(value == 1) : std::nullopt;
    } else {
      // An int8 is a number here, never a character.
      // NOLINTNEXTLINE(bugprone-signed-char-misuse)
      const auto narrow = static_cast<To>(value);
      return std::in_range<To>(value) ? std::optional(narrow) : std::nullopt;
    }
  } else if constexpr (std::integral<To>) {
    const double wide = to_double(value);
    // Both ends are powers of two, so they are exact; the upper one is the first that is too large.
    const double low = to_double(std::numeric_limits<To>::lowest());
    const double beyond = std::ldexp(1.0, std::numeric_limits<To>::digits);
    if (!(wide >= low && wide < beyond) || std::trunc(wide) != wide) {
      return std::nullopt;
    }
    return static_cast<To>(wide);
  } else {
    const double wide = to_double(value);
    if constexpr (std::integral<From>) {
      // As a double, the first integer that is not exact would look like this one.
      constexpr double kLastExact = 0x1p53;
      if (std::abs(wide) >= kLastExact) {
        return std::nullopt;
      }
    }
    const To narrow(static_cast<To>(wide));
    const double back = to_double(narrow);
    return back == wide || (std::isnan(back) && std::isnan(wide)) ? std::optional(narrow) : std::nullopt;
  }
}

Result<void> check_axis(const ModelDeclaration& model, const std::string& axis, std::int64_t size,
                        AxisSizes& sizes) {
  if (const auto [seen, fresh] = sizes.emplace(axis, size); !fresh && seen->second != size) {
    return fail(ErrorCode::bad_input, "axis `" + axis + "` has the size " + std::to_string(size) +
                                          " here and " + std::to_string(seen->second) + " in another input");
  }
  const auto declared = model.axes.find(axis);
  if (declared == model.axes.end()) {
    return fail(ErrorCode::bad_input, "axis `" + axis + "` is not declared in `axes:`");
  }
  const AxisDeclaration& allowed = declared->second;
  const bool dynamic = allowed.range.size() == 2;
  const std::int64_t low = dynamic ? allowed.range[0] : allowed.example;
  const std::int64_t high = dynamic ? allowed.range[1] : allowed.example;
  if (size < low || size > high) {
    return fail(
        ErrorCode::bad_input,
        "axis `" + axis + "` has the size " + std::to_string(size) + "; the config allows " +
            (dynamic ? std::to_string(low) + " to " + std::to_string(high) : std::to_string(low) + " only"));
  }
  return {};
}

Result<void> check_shape(const ModelDeclaration& model, const InputDeclaration& input,
                         const std::vector<std::int64_t>& shape, AxisSizes& sizes) {
  if (shape.size() != input.shape.size()) {
    return fail(ErrorCode::bad_input, "shape " + shape_text(shape) + " has " +
                                          count_of(shape.size(), "dimension", "dimensions") +
                                          "; the config declares " + std::to_string(input.shape.size()));
  }
  for (std::size_t i = 0; i < shape.size(); ++i) {
    const Dimension& declared = input.shape[i];
    if (!declared.axis.empty()) {
      if (auto outcome = check_axis(model, declared.axis, shape[i], sizes); !outcome) {
        return outcome;
      }
    } else if (declared.size != shape[i]) {
      return fail(ErrorCode::bad_input, "shape " + shape_text(shape) + " has the size " +
                                            std::to_string(shape[i]) + " in dimension " + std::to_string(i) +
                                            "; the config declares " + std::to_string(declared.size));
    }
  }
  return {};
}

Result<InputValues> take_array(const ModelDeclaration& model, const InputDeclaration& input,
                               const NpyArray& array, AxisSizes& sizes) {
  if (auto outcome = check_shape(model, input, array.shape, sizes); !outcome) {
    return std::unexpected(outcome.error());
  }
  auto bytes = convert_exactly(row_major(array), array.dtype, enum_name(input.dtype));
  if (!bytes) {
    return std::unexpected(bytes.error());
  }
  return InputValues{
      .name = input.name, .dtype = input.dtype, .shape = array.shape, .bytes = std::move(*bytes)};
}

// The inputs with these names, from one file.
Result<std::vector<InputValues>> read_inputs(const ModelDeclaration& model,
                                             const std::vector<const InputDeclaration*>& wanted,
                                             const std::string& path, AxisSizes& sizes) {
  const auto content = read_file(path, kMaxInputBytes);
  if (!content) {
    return std::unexpected(content.error());
  }
  const auto recording = read_recording(as_bytes(*content), kMaxInputBytes);
  if (!recording) {
    return wrap(recording.error(), "cannot use `" + path + "`");
  }
  std::vector<std::string> names;
  std::ranges::transform(wanted, std::back_inserter(names), &InputDeclaration::name);
  const std::vector<const NpzArray*> arrays = assign_arrays(*recording, names);
  std::vector<InputValues> all;
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    if (arrays[i] == nullptr) {
      std::vector<std::string> there;
      std::ranges::transform(recording->arrays, std::back_inserter(there), &NpzArray::name);
      const auto guess = did_you_mean(names[i], there);
      return fail(ErrorCode::bad_input, "`" + path + "` has no array for input `" + names[i] + "`" +
                                            (there.size() == 1 && there.front().empty()
                                                 ? "; expected an .npz file with one for each"
                                                 : ", it has " + array_names(*recording)) +
                                            (guess ? "; is `" + printable(*guess) + "` meant?" : ""));
    }
    auto values = take_array(model, *wanted[i], arrays[i]->array, sizes);
    if (!values) {
      return wrap(values.error(), "`" + path + "` does not fit input `" + names[i] + "`");
    }
    all.push_back(std::move(*values));
  }
  return all;
}

}  // namespace

Result<std::vector<std::byte>> convert_exactly(std::vector<std::byte> bytes, std::string_view from,
                                               std::string_view to) {
  if (from == to) {
    return bytes;
  }
  std::vector<std::byte> out;
  bool exact = false;
  visit_element_type(from, [&]<class From>(Element<From>) {
    visit_element_type(to, [&]<class To>(Element<To>) {
      const std::size_t elements = bytes.size() / sizeof(From);
      out.resize(elements * sizeof(To));
      exact = true;
      for (std::size_t i = 0; i < elements && exact; ++i) {
        const std::optional<To> value = exactly<To>(load_element<From>(bytes, i));
        exact = value.has_value();
        if (exact) {
          std::memcpy(out.data() + i * sizeof(To), &*value, sizeof(To));
        }
      }
    });
  });
  if (!exact) {
    return fail(ErrorCode::bad_input, "it holds " + std::string(from) + " values that " + std::string(to) +
                                          " cannot hold exactly; expected a file of " + std::string(to));
  }
  return out;
}

Result<std::vector<InputValues>> read_sample_inputs(const ModelDeclaration& model, std::uint64_t sample) {
  if (sample >= model.samples.size()) {
    return fail(ErrorCode::bad_input, "sample " + std::to_string(sample) + " is asked for; the config has " +
                                          std::to_string(model.samples.size()));
  }
  const SampleDeclaration& declared = model.samples[sample];
  std::vector<InputValues> all;
  AxisSizes sizes;
  if (declared.inputs.empty() && !declared.input.empty()) {
    std::vector<const InputDeclaration*> wanted;
    std::ranges::transform(model.inputs, std::back_inserter(wanted),
                           [](const InputDeclaration& input) { return &input; });
    return read_inputs(model, wanted, declared.input, sizes);
  }
  std::uint64_t bytes = 0;
  for (const InputDeclaration& input : model.inputs) {
    const auto path = declared.inputs.find(input.name);
    if (path == declared.inputs.end()) {
      return fail(ErrorCode::bad_input,
                  "sample " + std::to_string(sample) + " names no file for input `" + input.name + "`");
    }
    auto values = read_inputs(model, {&input}, path->second, sizes);
    if (!values) {
      return std::unexpected(values.error());
    }
    bytes += values->front().bytes.size();
    if (bytes > kMaxInputBytes) {
      return fail(ErrorCode::limit,
                  "sample " + std::to_string(sample) + " is larger than " + format_bytes(kMaxInputBytes));
    }
    all.push_back(std::move(values->front()));
  }
  return all;
}

}  // namespace runup
