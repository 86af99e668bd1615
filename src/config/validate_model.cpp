// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <format>
#include <iterator>
#include <limits>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/text.h"
#include "config/scalar.h"
#include "config/validation.h"
#include "facts/declaration.h"

namespace runup {

namespace {

using Inputs = std::vector<std::optional<InputDeclaration>>;

// Device types of PyTorch that a service can be deployed on; those with `true` take an index.
constexpr std::array<std::pair<std::string_view, bool>, 5> kDevices{
    {{"cpu", false}, {"cuda", true}, {"mps", false}, {"xpu", true}, {"hpu", true}}};

bool is_device(std::string_view text) {
  const std::size_t colon = text.find(':');
  const std::string_view type = text.substr(0, colon);
  for (const auto& [name, indexed] : kDevices) {
    if (type == name) {
      if (colon == std::string_view::npos) {
        return true;
      }
      const std::string_view digits = text.substr(colon + 1);
      unsigned index = 0;
      const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), index);
      return indexed && error == std::errc{} && end == digits.data() + digits.size() && index < 256;
    }
  }
  return false;
}

void validate_device(const Scope& model) {
  const auto device = model.get<std::string>("device");
  if (!device || is_device(*device)) {
    return;
  }
  std::vector<std::string> names;
  for (const auto& [name, indexed] : kDevices) {
    names.emplace_back(name);
  }
  // `gpu` and `cuda0` are how people and some libraries call it.
  std::string lower = *device;
  std::ranges::transform(lower, lower.begin(),
                         [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  std::optional<std::string> guess;
  if (lower.starts_with("gpu") || lower.starts_with("cuda")) {
    const std::size_t digit = lower.find_first_of("0123456789");
    guess = digit == std::string::npos ? "cuda" : "cuda:" + lower.substr(digit);
  } else {
    guess = did_you_mean(lower, names);
  }
  const std::string cure = guess && is_device(*guess)
                               ? std::format("did you mean `{}`?", *guess)
                               : "expected `cpu`, `cuda`, `cuda:1`, `mps`, `xpu` or `hpu`";
  model.complain(model.path_of("device"), std::format("`device` is `{}`; {}", shown(*device), cure));
}

bool is_dotted_name(std::string_view text) {
  return std::ranges::all_of(split(text, '.'), [](const std::string& part) {
    return !part.empty() && !(part.front() >= '0' && part.front() <= '9') &&
           part.find_first_of(" \t/\\:;()[]{}'\"-") == std::string::npos;
  });
}

void validate_factory(const Scope& model) {
  const auto factory = model.get<std::string>("factory");
  if (!factory || factory->empty()) {
    return;
  }
  const std::size_t colon = factory->find(':');
  if (colon == std::string::npos || !is_dotted_name(factory->substr(0, colon)) ||
      !is_dotted_name(factory->substr(colon + 1))) {
    model.complain(
        model.path_of("factory"),
        std::format(
            "`factory` is `{}`; expected `module:function` such as `processing.predictor:get_predictor`",
            shown(*factory)));
  }
}

void validate_axis(const Scope& axis) {
  const auto range = axis.get<std::vector<std::int64_t>>("range").value_or(std::vector<std::int64_t>{});
  const auto example = axis.get<std::int64_t>("example");
  const std::string range_path = axis.path_of("range");
  if (range.empty()) {
    return;
  }
  if (range.size() != 2) {
    axis.complain(range_path,
                  std::format("`range` has 1 item; expected [smallest, largest] such as `[1, {}]`",
                              std::max<std::int64_t>(example.value_or(1), range[0])));
  } else if (range[0] < 1) {
    axis.complain(item_path(range_path, 0),
                  std::format("`range` starts at {}; expected at least 1", range[0]));
  } else if (range[0] > range[1]) {
    axis.complain(range_path,
                  std::format("`range` is [{0}, {1}]; expected the smaller size first: `[{1}, {0}]`",
                              range[0], range[1]));
  } else if (example && (*example < range[0] || *example > range[1])) {
    axis.complain(axis.path_of("example"),
                  std::format("`example` is {}; expected a size within `range`, {} to {}", *example, range[0],
                              range[1]));
  }
}

// The names of the axes; one with a mistake of its own is still a name.
std::optional<std::set<std::string>> validate_axes(const Scope& model) {
  if (const auto axes = model.get<Json>("axes"); !axes || !axes->is_object()) {
    return std::nullopt;
  }
  std::set<std::string> names;
  for (const auto& [name, axis] : model.entries("axes")) {
    names.insert(name);
    validate_axis(axis);
  }
  return names;
}

void validate_shape(const Scope& input, const std::set<std::string>& axes) {
  const std::vector<std::string> known(axes.begin(), axes.end());
  const auto shape = input.get<std::vector<Dimension>>("shape").value_or(std::vector<Dimension>{});
  for (std::size_t i = 0; i < shape.size(); ++i) {
    const std::string& axis = shape[i].axis;
    if (axis.empty() || axes.contains(axis)) {
      continue;
    }
    const auto guess = did_you_mean(axis, known);
    const std::string cure =
        guess ? std::format("did you mean `{}`?", *guess)
        : known.empty()
            ? std::format("expected `axes: {{{}: {{example: 1}}}}` beside `inputs`", shown(axis))
            : std::format("expected one of {}, or an entry for it in `axes`", join_quoted(known, 12));
    input.complain(item_path(input.path_of("shape"), i),
                   std::format("the axis `{}` is not in `axes`; {}", shown(axis), cure));
  }
}

// Smallest and largest value of an integer element type; nothing for others.
std::optional<std::pair<std::int64_t, std::int64_t>> integer_limits(DType dtype) {
  const auto limits = []<class T>(T) {
    constexpr T kLargest = std::numeric_limits<T>::max();
    constexpr auto kMost = std::numeric_limits<std::int64_t>::max();
    return std::pair<std::int64_t, std::int64_t>{
        std::numeric_limits<T>::min(),
        std::cmp_less(kLargest, kMost) ? static_cast<std::int64_t>(kLargest) : kMost};
  };
  switch (dtype) {
    case DType::int64:
      return limits(std::int64_t{});
    case DType::int32:
      return limits(std::int32_t{});
    case DType::int16:
      return limits(std::int16_t{});
    case DType::int8:
      return limits(std::int8_t{});
    case DType::uint64:
      return limits(std::uint64_t{});
    case DType::uint32:
      return limits(std::uint32_t{});
    case DType::uint16:
      return limits(std::uint16_t{});
    case DType::uint8:
      return limits(std::uint8_t{});
    default:
      return std::nullopt;
  }
}

void validate_values(const Scope& input, DType dtype, const std::string& name) {
  const auto limits = integer_limits(dtype);
  const auto values = input.get<ValueRange>("range");
  const std::string path = input.path_of("range");
  if (!limits) {
    if (values) {
      input.complain(path, std::format("`range` is for integer inputs; `{}` is {}, expected no `range`",
                                       shown(name), enum_name(dtype)));
    }
    return;
  }
  if (!values) {
    if (!input.is_written("range")) {
      input.complain(input.path(),
                     std::format("the integer input `{}` has no `range`; expected the values it may "
                                 "take, such as `range: {{low: 0, high: 30522}}`",
                                 shown(name)));
    }
    return;
  }
  const auto [low, high] = *values;
  const auto [smallest, largest] = *limits;
  if (low >= high) {
    input.complain(
        path,
        std::format("`range` runs from {} up to, not including, {}; expected `low` below `high`", low, high));
  } else if (low < smallest || high - 1 > largest) {
    input.complain(path, std::format("`range` holds {} to {}; {} holds {} to {}", low, high - 1,
                                     enum_name(dtype), smallest, largest));
  }
}

void validate_inputs(const Scope& model, const std::optional<std::set<std::string>>& axes) {
  std::map<std::string, std::string> seen;
  for (const Scope& input : model.objects("inputs")) {
    const auto name = input.get<std::string>("name");
    if (name) {
      const auto [first, is_new] = seen.emplace(*name, input.path());
      if (!is_new) {
        input.complain(input.path_of("name"),
                       std::format("the name `{}` is already that of `{}`; expected a name of its own",
                                   shown(*name), last_part(first->second)));
      }
    }
    if (axes) {
      validate_shape(input, *axes);
    }
    if (const auto dtype = input.get<DType>("dtype")) {
      validate_values(input, *dtype, name.value_or("?"));
    }
  }
}

// A file for each input, and none for what is no input.
void validate_sample_files(const Scope& model, const SampleDeclaration& sample, const std::string& path,
                           const std::vector<std::string>& names) {
  std::set<std::string> misspelt;
  for (const auto& [name, file] : sample.inputs) {
    if (std::ranges::find(names, name) == names.end()) {
      const auto guess = did_you_mean(name, names);
      misspelt.insert(guess.value_or(""));
      model.complain_about_key(
          child_path(path, name),
          std::format("the model has no input `{}`; {}", shown(name),
                      guess ? std::format("did you mean `{}`?", *guess) : "expected " + join_quoted(names)));
    }
  }
  for (const std::string& name : names) {
    if (!sample.inputs.contains(name) && !misspelt.contains(name)) {
      model.complain(
          path,
          std::format("the sample has no file for the input `{}`; expected one for each input", shown(name)));
    }
  }
}

// `names`: the model's inputs; nothing when they are not known.
void validate_sample(const Scope& model, const SampleDeclaration& sample, const std::string& path,
                     const std::optional<std::vector<std::string>>& names) {
  if (!sample.label.empty() && !model.has("labels")) {
    model.complain(child_path(path, "label"),
                   "the sample names a label, but the model has no `labels`; expected them to say where "
                   "its class names are");
  }
  if (sample.input.empty() && sample.inputs.empty()) {
    model.complain(
        path, "the sample has no input; expected `input: FILE.npy` (or .npz), or `inputs: {NAME: FILE.npy}`");
  } else if (!sample.input.empty() && !sample.inputs.empty()) {
    model.complain(path, "the sample has both `input` and `inputs`; expected one of them");
  } else if (names && !sample.input.empty() && names->size() > 1 && !sample.input.ends_with(".npz")) {
    model.complain(
        child_path(path, "input"),
        std::format("the model has {} inputs; expected `inputs` with a file for each of {}, or an .npz file "
                    "with an array for each",
                    names->size(), join_quoted(*names)));
  } else if (names && sample.input.empty() && !names->empty()) {
    validate_sample_files(model, sample, child_path(path, "inputs"), *names);
  }
}

void validate_samples(const Scope& model, const std::optional<Inputs>& inputs) {
  std::optional<std::vector<std::string>> names;
  if (inputs && std::ranges::all_of(*inputs, [](const auto& input) { return input.has_value(); })) {
    names.emplace();
    std::ranges::transform(*inputs, std::back_inserter(*names),
                           [](const auto& input) { return input->name; });
  }
  const auto samples = model.items<SampleDeclaration>("samples");
  for (std::size_t i = 0; samples && i < samples->size(); ++i) {
    if (const auto& sample = (*samples)[i]) {
      validate_sample(model, *sample, item_path(model.path_of("samples"), i), names);
    }
  }
}

void validate_labels(const Scope& model) {
  const auto labels = model.get<LabelsDeclaration>("labels");
  if (!labels) {
    return;
  }
  const std::string path = model.path_of("labels");
  const auto unused = [&](std::string_view key, const std::string& value) {
    if (!value.empty()) {
      model.complain(child_path(path, key), std::format("`{}` means nothing with `from: {}`; leave it out",
                                                        key, enum_name(labels->from)));
    }
  };
  switch (labels->from) {
    case LabelSource::none:
      unused("key", labels->key);
      unused("path", labels->path);
      break;
    case LabelSource::checkpoint:
      unused("path", labels->path);
      break;
    case LabelSource::file:
      unused("key", labels->key);
      if (labels->path.empty()) {
        model.complain(path, "`from: file` has no `path`; expected the file with the class names");
      }
      break;
  }
}

}  // namespace

void validate_model(const Scope& model) {
  validate_device(model);
  validate_factory(model);
  validate_labels(model);
  const auto axes = validate_axes(model);
  validate_inputs(model, axes);
  validate_samples(model, model.items<InputDeclaration>("inputs"));
}

}  // namespace runup
