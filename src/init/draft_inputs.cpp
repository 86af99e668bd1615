// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <charconv>
#include <format>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include "base/text.h"
#include "facts/lines.h"
#include "init/parts.h"

namespace runup::init {

namespace {

constexpr std::int64_t kMostSize = 1'000'000'000;
constexpr std::int64_t kUsualBatch = 8;
constexpr std::size_t kMostInputs = 50;
constexpr std::size_t kMostSamples = 10;
constexpr std::string_view kBatch = "batch";

struct Array {
  DType dtype = DType::float32;
  std::vector<std::int64_t> shape;
};

struct Sample {
  std::string path;
  // by name; one without a name in a .npy file
  std::map<std::string, Array> arrays;
  // the file with its recorded answer; may be empty
  std::string output;
};

std::optional<DType> dtype_of(std::string_view name) {
  for (const auto& [dtype, candidate] : enum_names(DType{})) {
    if (candidate == name) {
      return dtype;
    }
  }
  return std::nullopt;
}

// "float32 [1, 300, 147]", as the artifact reader describes an array
std::optional<Array> array_of(std::string_view text) {
  const std::size_t blank = text.find(' ');
  const auto dtype = dtype_of(text.substr(0, blank));
  if (!dtype || blank == std::string_view::npos || !text.ends_with(']') || text.find('[') != blank + 1) {
    return std::nullopt;
  }
  Array array{.dtype = *dtype, .shape = {}};
  const std::string_view sizes = text.substr(blank + 2, text.size() - blank - 3);
  for (const std::string& part : sizes.empty() ? std::vector<std::string>{} : split(sizes, ',')) {
    const std::string_view digits = trim(part);
    std::int64_t size = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), size);
    if (error != std::errc{} || end != digits.data() + digits.size() || size < 1 || size > kMostSize) {
      return std::nullopt;
    }
    array.shape.push_back(size);
  }
  return array;
}

std::vector<Sample> samples_of(const View& view) {
  std::vector<Sample> samples;
  for (const SurveyedFile& file : view.survey.contents) {
    const bool one = file.path.ends_with(".npy");
    if (!is_array(file.path) || is_named_like_labels(file.path) || !answered_sample(file.path).empty() ||
        !file.content || !is_valid_utf8(file.path) || samples.size() >= kMostSamples) {
      continue;
    }
    Sample sample{.path = file.path, .arrays = {}, .output = {}};
    for (const MetadataFacts& item : file.content->metadata) {
      if (auto array = array_of(item.value)) {
        sample.arrays[one ? "" : item.path] = std::move(*array);
      }
    }
    if (sample.arrays.size() != std::max<std::size_t>(1, file.content->metadata.size())) {
      continue;
    }
    const std::string stem = file.path.substr(0, file.path.size() - 4);
    for (const std::string& other : view.survey.files) {
      if (sample.output.empty() && answered_sample(other) == stem && is_valid_utf8(other)) {
        sample.output = other;
      }
    }
    samples.push_back(std::move(sample));
  }
  return samples;
}

// The tensors of the model, then of its conversions.
std::vector<const ArtifactFacts*> contents_of(const ModelGroup& group) {
  std::vector<const ArtifactFacts*> contents{group.file.content};
  for (const ModelFile& file : group.conversions) {
    contents.push_back(file.content);
  }
  std::erase(contents, nullptr);
  return contents;
}

// Rows of the largest embedding whose name has one of `words`, or none of them when `none`; 0 without one.
std::int64_t embedding_rows(const ModelGroup& group, const std::vector<std::string_view>& words, bool none) {
  std::int64_t rows = 0;
  for (const ArtifactFacts* content : contents_of(group)) {
    std::set<std::string_view> gathered;
    for (const OnnxUseFacts& use : content->onnx ? content->onnx->uses : std::vector<OnnxUseFacts>{}) {
      if (use.op == "Gather" && use.input == 0) {
        gathered.insert(use.tensor);
      }
    }
    for (const TensorFacts& tensor : content->tensors) {
      const std::string name = lower(tensor.path);
      const bool says =
          std::ranges::any_of(words, [&](std::string_view word) { return name.contains(word); });
      const bool embeds =
          gathered.contains(tensor.path) || (name.contains("emb") && name.ends_with("weight"));
      if (tensor.shape.size() == 2 && embeds && says != none) {
        rows = std::max(rows, tensor.shape.front());
      }
    }
  }
  return rows;
}

bool is_integer(DType dtype) { return dtype != DType::boolean && !enum_name(dtype).contains("float"); }

class InputDrafter {
 public:
  InputDrafter(const View& view, const ModelGroup& group, bool alone, DraftModel& model, Draft& draft)
      : view_(view), group_(group), model_(model), draft_(draft) {
    // those of several models cannot be told apart
    if (alone) {
      samples_ = samples_of(view);
    }
  }

  void write() {
    if (!take_onnx() && !take_samples() && !take_trace()) {
      leave_out();
      return;
    }
    add_ranges();
    add_samples();
    if (!model_.comments.below.contains("inputs") && guessed_) {
      draft_.guessed.push_back(std::format("the sizes in `axes` of `{}`", model_.name));
    }
  }

 private:
  ModelDeclaration& declared() { return model_.declared; }

  void leave_out() {
    auto& below = model_.comments.below["inputs"];
    below.push_back({.text = "inputs:", .why = "what the network is called with; nothing here tells"});
    below.push_back({.text = "  - {name: x, dtype: float32, shape: [batch, 3, 224, 224]}", .why = {}});
    below.push_back({.text = "axes:", .why = {}});
    below.push_back({.text = "  batch: {example: 1, range: [1, 8]}", .why = {}});
    draft_.to_fill.push_back(std::format("`inputs` of `{}`", model_.name));
  }

  void add_batch(const std::string& axis, std::int64_t example) {
    declared().axes[axis] = {.example = example, .range = {1, std::max(kUsualBatch, example)}};
    model_.comments.why["axes." + axis] = "a guess: the sizes that must work";
    guessed_ = true;
  }

  void add_axis(const std::string& axis, std::int64_t example, std::string why) {
    declared().axes[axis] = {.example = example, .range = {}};
    model_.comments.why["axes." + axis] = std::move(why);
    guessed_ = true;
  }

  // ---- an ONNX graph says it all

  bool take_onnx() {
    for (const ModelFile* file : files()) {
      if (file->content != nullptr && file->content->onnx && take_onnx(*file->content->onnx)) {
        if (file->path != group_.file.path) {
          model_.comments.why["inputs"] =
              std::format("as {} declares them", view_.as_service_opens(file->path));
        }
        name_sizes();
        return true;
      }
    }
    return false;
  }

  std::vector<const ModelFile*> files() const {
    std::vector<const ModelFile*> files{&group_.file};
    for (const ModelFile& file : group_.conversions) {
      files.push_back(&file);
    }
    return files;
  }

  bool take_onnx(const OnnxFacts& onnx) {
    std::vector<InputDeclaration> inputs;
    std::set<std::string> names;
    for (const OnnxValueFacts& value : onnx.inputs) {
      const auto dtype = dtype_of(value.dtype);
      if (value.initialised) {
        continue;
      }
      if (!dtype || value.kind != "tensor" || !value.shape || value.name.empty() ||
          !is_valid_utf8(value.name) || !names.insert(value.name).second || inputs.size() >= kMostInputs) {
        return false;
      }
      inputs.push_back({.name = value.name, .dtype = *dtype, .shape = {}});
      for (std::size_t i = 0; i < value.shape->size(); ++i) {
        const OnnxDimensionFacts& size = (*value.shape)[i];
        const bool fixed = size.size && *size.size >= 1 && *size.size <= kMostSize;
        const std::string otherwise = i == 0 ? std::string(kBatch) : std::format("axis{}", i);
        const std::string axis = as_id(size.name, otherwise);
        inputs.back().shape.push_back(fixed ? Dimension{.size = *size.size} : Dimension{.axis = axis});
      }
    }
    declared().inputs = std::move(inputs);
    return !declared().inputs.empty();
  }

  // Sizes of the axes that an ONNX graph leaves open: those of the recorded samples, or a guess.
  void name_sizes() {
    for (const InputDeclaration& input : declared().inputs) {
      for (std::size_t i = 0; i < input.shape.size(); ++i) {
        const std::string& axis = input.shape[i].axis;
        if (axis.empty() || declared().axes.contains(axis)) {
          continue;
        }
        if (i == 0 || lower(axis).contains(kBatch)) {
          add_batch(axis, 1);
        } else if (const auto sizes = sampled(input, i); !sizes.empty()) {
          name_sampled(axis, sizes);
        } else {
          const std::string name = lower(axis);
          const bool image = name.contains("height") || name.contains("width");
          add_axis(axis, image ? 224 : 16, "a guess: give a usual size, and `range: [smallest, largest]`");
        }
      }
    }
  }

  std::vector<std::int64_t> sampled(const InputDeclaration& input, std::size_t axis) const {
    std::vector<std::int64_t> sizes;
    for (const Sample& sample : samples_) {
      const Array* array = array_for(sample, input.name);
      if (array != nullptr && fits(*array, input)) {
        sizes.push_back(array->shape[axis]);
      }
    }
    return sizes;
  }

  void name_sampled(const std::string& axis, const std::vector<std::int64_t>& sizes) {
    const auto [least, most] = std::ranges::minmax(sizes);
    add_axis(axis, sizes.front(),
             least == most ? "the samples' size; give `range: [smallest, largest]`"
                           : "the samples' sizes; widen `range` to what must work");
    if (least != most) {
      declared().axes[axis].range = {least, most};
    }
  }

  // ---- recorded samples

  const Array* array_for(const Sample& sample, const std::string& input) const {
    const auto found = sample.arrays.find(sample.arrays.contains("") && declared_inputs() < 2 ? "" : input);
    return found == sample.arrays.end() ? nullptr : &found->second;
  }
  std::size_t declared_inputs() const { return model_.declared.inputs.size(); }

  static bool fits(const Array& array, const InputDeclaration& input) {
    if (array.dtype != input.dtype || array.shape.size() != input.shape.size()) {
      return false;
    }
    for (std::size_t i = 0; i < array.shape.size(); ++i) {
      if (input.shape[i].axis.empty() && input.shape[i].size != array.shape[i]) {
        return false;
      }
    }
    return true;
  }

  // Names of the network's arguments, when something tells.
  std::vector<std::string> argument_names() const {
    for (const ModelFile* file : files()) {
      std::vector<std::string> names;
      for (const std::string& argument : file->content != nullptr && file->content->torchscript
                                             ? file->content->torchscript->arguments
                                             : std::vector<std::string>{}) {
        names.push_back(argument.substr(0, argument.find(':')));
      }
      if (!names.empty()) {
        return names;
      }
    }
    for (const SurveyedText& source : view_.survey.architectures) {
      if (view_.beside_config(source.path) == model_.declared.architecture) {
        return arguments_of(source.text);
      }
    }
    return {};
  }

  // "x" of "def forward(state_dict: Dict[str, Tensor], x: Tensor) -> Tensor"
  static std::vector<std::string> arguments_of(std::string_view text) {
    std::vector<std::string> names;
    const std::size_t at = text.find("def forward(");
    const std::string_view head =
        at == std::string_view::npos ? "" : text.substr(at, text.find(')', at) - at);
    for (const std::string& part : split(head, ',')) {
      const std::string_view name = trim(std::string_view(part).substr(0, part.find(':')));
      if (part.contains(':') && !name.starts_with("def ") && !name.empty()) {
        names.emplace_back(name);
      }
    }
    return names;
  }

  bool take_samples() {
    if (samples_.empty()) {
      return false;
    }
    const Sample& first = samples_.front();
    std::vector<std::string> names = argument_names();
    for (const auto& [key, array] : first.arrays) {
      const std::string name = !key.empty() ? key : names.size() == 1 ? names.front() : "input";
      if (!is_valid_utf8(name) || name.empty()) {
        declared().inputs.clear();
        return false;
      }
      InputDeclaration input{.name = name, .dtype = array.dtype, .shape = {}};
      for (std::size_t i = 0; i < array.shape.size(); ++i) {
        input.shape.push_back(dimension_of(key, array, i));
      }
      declared().inputs.push_back(std::move(input));
    }
    model_.comments.why["inputs"] = std::format("as in {}", view_.beside_config(first.path));
    draft_.guessed.push_back(std::format("`inputs` of `{}`", model_.name));
    return true;
  }

  // A leading size of 1 is taken for the batch, one that differs from sample to sample is no fixed one.
  Dimension dimension_of(const std::string& key, const Array& array, std::size_t axis) {
    if (axis == 0 && array.shape.size() > 1 && array.shape.front() == 1) {
      add_batch(std::string(kBatch), 1);
      return {.axis = std::string(kBatch)};
    }
    std::vector<std::int64_t> sizes;
    for (const Sample& sample : samples_) {
      const auto found = sample.arrays.find(key);
      if (found != sample.arrays.end() && found->second.shape.size() == array.shape.size()) {
        sizes.push_back(found->second.shape[axis]);
      }
    }
    if (std::ranges::all_of(sizes, [&](std::int64_t size) { return size == array.shape[axis]; })) {
      return {.size = array.shape[axis]};
    }
    const std::string name =
        as_id(key.empty() ? "" : std::format("{}_axis{}", key, axis), std::format("axis{}", axis));
    name_sampled(name, sizes);
    return {.axis = name};
  }

  // ---- the shapes that an archive was traced with

  bool take_trace() {
    for (const ModelFile* file : files()) {
      if (file->content == nullptr || !file->content->torchscript) {
        continue;
      }
      const TorchScriptFacts& script = *file->content->torchscript;
      const std::vector<std::string> names = argument_names();
      if (script.traced_shapes.empty() || script.traced_shapes.size() != names.size()) {
        continue;
      }
      for (std::size_t i = 0; i < names.size(); ++i) {
        declared().inputs.push_back(
            {.name = names[i], .dtype = DType::float32, .shape = traced(script.traced_shapes[i])});
      }
      model_.comments.why["inputs"] = "as it was traced; `float32` is a guess";
      draft_.guessed.push_back(std::format("`inputs` of `{}`", model_.name));
      return std::ranges::all_of(
          names, [](const std::string& name) { return !name.empty() && is_valid_utf8(name); });
    }
    return false;
  }

  std::vector<Dimension> traced(const std::vector<std::int64_t>& sizes) {
    std::vector<Dimension> shape;
    for (std::size_t i = 0; i < sizes.size(); ++i) {
      const std::int64_t size = std::clamp<std::int64_t>(sizes[i], 1, kMostSize);
      if (i == 0 && sizes.size() > 1) {
        add_batch(std::string(kBatch), size);
        shape.push_back({.axis = std::string(kBatch)});
      } else {
        shape.push_back({.size = size});
      }
    }
    return shape;
  }

  // ---- what integers may be

  void add_ranges() {
    for (std::size_t i = 0; i < declared().inputs.size(); ++i) {
      InputDeclaration& input = declared().inputs[i];
      if (!is_integer(input.dtype)) {
        continue;
      }
      const std::string name = lower(input.name);
      std::int64_t high = 0;
      std::string why;
      if (name.contains("mask")) {
        high = 2;
      } else if (name.contains("token_type") || name.contains("segment")) {
        high = std::max<std::int64_t>(2, embedding_rows(group_, {"token_type", "segment"}, false));
      } else if (name.contains("position")) {
        high = embedding_rows(group_, {"position"}, false);
      } else {
        high = embedding_rows(group_, {"position", "token_type", "segment"}, true);
        why = high > 0 ? "`high`: the rows of its largest embedding" : "";
      }
      if (high <= 0) {
        high = 2;
        why = "a guess: `high` is the first value that is too large, such as the vocabulary's size";
        draft_.to_fill.push_back(
            std::format("`range` of the input `{}` of `{}`", one_line(input.name), model_.name));
      }
      input.range = ValueRange{.low = 0, .high = std::min(high, most_of(input.dtype))};
      if (!why.empty()) {
        model_.comments.why[std::format("inputs[{}]", i)] = why;
      }
    }
  }

  static std::int64_t most_of(DType dtype) {
    return dtype == DType::int8     ? 128
           : dtype == DType::uint8  ? 256
           : dtype == DType::int16  ? 32'768
           : dtype == DType::uint16 ? 65'536
                                    : kMostSize;
  }

  void add_samples() {
    for (const Sample& sample : samples_) {
      const bool all = std::ranges::all_of(declared().inputs, [&](const InputDeclaration& input) {
        const Array* array = array_for(sample, input.name);
        return array != nullptr && fits(*array, input);
      });
      if (!all) {
        continue;
      }
      declared().samples.push_back(
          {.input = view_.beside_config(sample.path),
           .output = sample.output.empty() ? "" : view_.beside_config(sample.output)});
    }
    if (!declared().samples.empty() && declared().labels) {
      model_.comments.why["samples"] = "add `label: NAME` where the right answer is known";
    }
  }

  const View& view_;
  const ModelGroup& group_;
  DraftModel& model_;
  Draft& draft_;
  std::vector<Sample> samples_;
  bool guessed_ = false;
};

}  // namespace

void draft_inputs(const View& view, const ModelGroup& group, bool alone, DraftModel& model, Draft& draft) {
  InputDrafter(view, group, alone, model, draft).write();
}

}  // namespace runup::init
