// SPDX-License-Identifier: Apache-2.0
#pragma once

// What the config says of a target and its models: the declared half of the facts. The tables below
// are the config's keys: YAML binding, `--set`, the JSON schema and `runup config` read them.

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/codec.h"
#include "base/schema.h"

namespace runup {

// Element types that a model input can have, by PyTorch's names.
enum class DType {
  float32,
  float64,
  float16,
  bfloat16,
  int64,
  int32,
  int16,
  int8,
  uint64,
  uint32,
  uint16,
  uint8,
  boolean,
};

constexpr auto enum_names(DType) {
  using enum DType;
  return std::array<std::pair<DType, std::string_view>, 13>{{{float32, "float32"},
                                                             {float64, "float64"},
                                                             {float16, "float16"},
                                                             {bfloat16, "bfloat16"},
                                                             {int64, "int64"},
                                                             {int32, "int32"},
                                                             {int16, "int16"},
                                                             {int8, "int8"},
                                                             {uint64, "uint64"},
                                                             {uint32, "uint32"},
                                                             {uint16, "uint16"},
                                                             {uint8, "uint8"},
                                                             {boolean, "bool"}}};
}

// One dimension of an input's shape: a fixed size, or the name of an axis of `axes:`.
struct Dimension {
  // empty when the size is fixed
  std::string axis;
  std::int64_t size = 0;
  bool operator==(const Dimension&) const = default;
};
Json encode_custom(const Dimension& dimension);
Result<void> decode_custom(const Json& json, Dimension& out);
template <>
struct CustomType<Dimension> {
  static TypeInfo make();
};

// Values of an integer input are drawn from [low, high).
struct ValueRange {
  std::int64_t low = 0;
  std::int64_t high = 0;
  bool operator==(const ValueRange&) const = default;
  static constexpr auto fields() {
    return std::tuple{
        Field{"low", &ValueRange::low, "smallest value that the model may see"},
        Field{"high", &ValueRange::high, "first value that is too large (a vocabulary's size)", kRequired}};
  }
};

struct InputDeclaration {
  std::string name;
  DType dtype = DType::float32;
  std::vector<Dimension> shape;
  std::optional<ValueRange> range;
  bool operator==(const InputDeclaration&) const = default;
  static constexpr auto fields() {
    return std::tuple{
        Field{"name", &InputDeclaration::name, "the input's name in the model",
              Rule{.required = true, .min = 1}},
        Field{"dtype", &InputDeclaration::dtype, "element type, by PyTorch's name"},
        Field{"shape", &InputDeclaration::shape, "sizes, and names of axes from `axes:`", kRequired},
        Field{"range", &InputDeclaration::range,
              "values of an integer input: from `low` up to, not including, `high`"}};
  }
};

// An axis with a range is dynamic (both ends inclusive); one without is fixed to its example.
struct AxisDeclaration {
  std::int64_t example = 1;
  std::vector<std::int64_t> range;
  bool operator==(const AxisDeclaration&) const = default;
  static constexpr auto fields() {
    return std::tuple{
        Field{"example", &AxisDeclaration::example, "a usual size; inference and timing use it",
              Rule{.required = true, .min = 1, .max = 1e9}},
        Field{"range", &AxisDeclaration::range,
              "[smallest, largest] size that must work; makes the axis dynamic", Rule{.max = 2}}};
  }
};

// A recorded input with what is known of its answer. Files are .npy, or .npz with an array for each input
// or output of its name; `inputs` names one .npy file for each input instead.
struct SampleDeclaration {
  std::string input;
  std::map<std::string, std::string> inputs;
  std::string output;
  std::string label;
  double rtol = 1e-3;
  double atol = 1e-5;
  bool operator==(const SampleDeclaration&) const = default;
  static constexpr auto fields() {
    return std::tuple{
        Field{"input", &SampleDeclaration::input,
              ".npy file with the model's only input, or .npz file with an array for each input"},
        Field{"inputs", &SampleDeclaration::inputs, "one .npy file for each named input"},
        Field{"output", &SampleDeclaration::output,
              ".npy file with the expected first output, or .npz file with an array for each output to "
              "compare"},
        Field{"label", &SampleDeclaration::label, "the expected label, by name"},
        Field{"rtol", &SampleDeclaration::rtol, "relative tolerance against `output`", Rule{.min = 0}},
        Field{"atol", &SampleDeclaration::atol, "absolute tolerance against `output`", Rule{.min = 0}}};
  }
};

enum class LabelSource { none, checkpoint, file };
constexpr auto enum_names(LabelSource) {
  using enum LabelSource;
  return std::array<std::pair<LabelSource, std::string_view>, 3>{
      {{none, "none"}, {checkpoint, "checkpoint"}, {file, "file"}}};
}

struct LabelsDeclaration {
  LabelSource from = LabelSource::none;
  std::string key;
  std::string path;
  std::int64_t count = 0;
  bool operator==(const LabelsDeclaration&) const = default;
  static constexpr auto fields() {
    return std::tuple{
        Field{"from", &LabelsDeclaration::from, "where the class names are", kRequired},
        Field{"key", &LabelsDeclaration::key, "key path inside the checkpoint, such as `label_encoder`"},
        Field{"path", &LabelsDeclaration::path, "the file with the class names, for `from: file`"},
        Field{"count", &LabelsDeclaration::count,
              "how many classes there must be (0: as many as the model has outputs)", Rule{.min = 0}}};
  }
};

// One output of a conversion, where it differs from the conversion's own rules.
struct OutputDeclaration {
  std::string name;
  std::optional<double> rtol;
  std::optional<double> atol;
  bool operator==(const OutputDeclaration&) const = default;
  static constexpr auto fields() {
    return std::tuple{
        Field{"name", &OutputDeclaration::name, "its name in the conversion, when that is another one"},
        Field{"rtol", &OutputDeclaration::rtol, "relative tolerance of this output", Rule{.min = 0}},
        Field{"atol", &OutputDeclaration::atol, "absolute tolerance of this output", Rule{.min = 0}}};
  }
};

enum class NanRule { equal, differs };
constexpr auto enum_names(NanRule) {
  using enum NanRule;
  return std::array<std::pair<NanRule, std::string_view>, 2>{{{equal, "equal"}, {differs, "differs"}}};
}

struct ConversionDeclaration {
  std::string path;
  double rtol = 1e-3;
  double atol = 1e-5;
  std::map<std::string, std::string> inputs;
  std::map<std::string, OutputDeclaration> outputs;
  NanRule nan = NanRule::equal;
  bool operator==(const ConversionDeclaration&) const = default;
  static constexpr auto fields() {
    return std::tuple{
        Field{"path", &ConversionDeclaration::path, "the converted model", kRequired},
        Field{"rtol", &ConversionDeclaration::rtol, "relative tolerance against the original",
              Rule{.min = 0}},
        Field{"atol", &ConversionDeclaration::atol, "absolute tolerance against the original",
              Rule{.min = 0}},
        Field{"inputs", &ConversionDeclaration::inputs,
              "names of inputs that are other ones here: the model's name, and this file's"},
        Field{"outputs", &ConversionDeclaration::outputs,
              "rules of single outputs, by the original's name (`output[0]` where it has none)"},
        Field{"nan", &ConversionDeclaration::nan,
              "whether NaN at the same place in both is `equal`, or `differs`"}};
  }
};

struct ModelDeclaration {
  std::string path;
  std::string factory;
  // where the network is in what the factory returns: `.model`, `.pipeline.encoder`; found when empty
  std::string network;
  std::string state_dict;
  std::string architecture;
  std::string device = "cpu";
  std::optional<LabelsDeclaration> labels;
  std::vector<InputDeclaration> inputs;
  std::map<std::string, AxisDeclaration> axes;
  std::vector<SampleDeclaration> samples;
  std::vector<ConversionDeclaration> conversions;
  bool operator==(const ModelDeclaration&) const = default;
  static constexpr auto fields() {
    return std::tuple{
        Field{"path", &ModelDeclaration::path, "the model file, relative to the entry point's folder",
              Rule{.required = true, .min = 1}},
        Field{"factory", &ModelDeclaration::factory, "`module:function` that returns the loaded predictor"},
        Field{"network", &ModelDeclaration::network,
              "where the network is in what the factory returns, such as `.model`; found by its type "
              "otherwise"},
        Field{
            "state_dict", &ModelDeclaration::state_dict,
            "key path of the state_dict inside the checkpoint; found by itself when there is one candidate"},
        Field{"architecture", &ModelDeclaration::architecture,
              "TorchScript source or archive that the state_dict fills, relative to this config"},
        Field{"device", &ModelDeclaration::device,
              "where the service puts the model: `cpu`, `cuda`, `cuda:1`, `mps`"},
        Field{"labels", &ModelDeclaration::labels, "where the class names are"},
        Field{"inputs", &ModelDeclaration::inputs, "what the model is called with, in order"},
        Field{"axes", &ModelDeclaration::axes, "the named sizes that `inputs` use"},
        Field{"samples", &ModelDeclaration::samples, "recorded inputs with their expected answers"},
        Field{"conversions", &ModelDeclaration::conversions, "the same model in other formats"}};
  }
};

struct MountDeclaration {
  std::string at;
  std::string from;
  bool operator==(const MountDeclaration&) const = default;
  static constexpr auto fields() {
    return std::tuple{
        Field{"at", &MountDeclaration::at, "where the deployment mounts it", kRequired},
        Field{"from", &MountDeclaration::from, "the folder mounted, relative to this config", kRequired}};
  }
};

// `path` with the first of these folders that it lies in put in the other's place: on the server, or here.
std::string path_on_server(const std::vector<MountDeclaration>& folders, const std::string& path);
std::string path_here(const std::vector<MountDeclaration>& folders, const std::string& path);

// Everything above `models:` that describes the target. After planning, all paths of it and of the
// models are absolute.
struct TargetDeclaration {
  std::string target;
  std::string package = ".";
  std::string installed_at;
  std::vector<MountDeclaration> mounts;
  std::string entrypoint;
  std::string python;
  std::vector<std::string> writable;
  std::string onnxruntime;
  bool operator==(const TargetDeclaration&) const = default;
  static constexpr auto fields() {
    return std::tuple{
        Field{"target", &TargetDeclaration::target, "the name of what is deployed; reports use it",
              Rule{.required = true, .min = 1, .max = 100}},
        Field{"package", &TargetDeclaration::package,
              "the folder, archive (tar, zip) or wheel with the server in it, relative to this config"},
        Field{"installed_at", &TargetDeclaration::installed_at, "where the package will stand on the server"},
        Field{"mounts", &TargetDeclaration::mounts, "what the deployment mounts beside the package"},
        Field{"entrypoint", &TargetDeclaration::entrypoint,
              "the server's main file, relative to the package"},
        Field{"python", &TargetDeclaration::python, "the service's interpreter, relative to the package"},
        Field{"writable", &TargetDeclaration::writable,
              "folders that the service writes to while it loads its model; all others are read-only"},
        Field{"onnxruntime", &TargetDeclaration::onnxruntime,
              "the service's own libonnxruntime, relative to the package; without it the system's is used"}};
  }
};

// What stands elsewhere on the server than here: the mounts, and the package where it is `installed_at`.
std::vector<MountDeclaration> placed_folders(const TargetDeclaration& target);

extern template struct StructCodec<ModelDeclaration>;
extern template struct StructCodec<TargetDeclaration>;

}  // namespace runup
