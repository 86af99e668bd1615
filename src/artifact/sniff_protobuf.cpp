// SPDX-License-Identifier: Apache-2.0
#include <array>
#include <format>

#include "artifact/protobuf.h"
#include "artifact/sniff.h"
#include "base/text.h"

namespace runup::artifact {

namespace {

constexpr std::size_t kMostFields = 100'000;
constexpr std::size_t kMostName = 256;

// Wire type of each field of onnx.ModelProto (onnx.proto3).
constexpr std::array<std::pair<std::uint32_t, Wire>, 12> kModelFields{{{1, Wire::varint},
                                                                       {2, Wire::counted},
                                                                       {3, Wire::counted},
                                                                       {4, Wire::counted},
                                                                       {5, Wire::varint},
                                                                       {6, Wire::counted},
                                                                       {7, Wire::counted},
                                                                       {8, Wire::counted},
                                                                       {14, Wire::counted},
                                                                       {20, Wire::counted},
                                                                       {25, Wire::counted},
                                                                       {26, Wire::counted}}};

bool is_model_field(const ProtobufField& field) {
  for (const auto& [number, wire] : kModelFields) {
    if (number == field.number) {
      return wire == field.wire;
    }
  }
  return false;
}

std::string short_text(std::string_view text) { return printable(text.substr(0, kMostName)); }

struct Model {
  std::uint64_t ir_version = 0;
  std::string producer;
  std::string producer_version;
  bool graph = false;
  // how many bytes of its last part are not there; nothing when that cannot be told
  std::optional<std::uint64_t> missing = 0;
};

// Nothing unless every field is one of ModelProto and there is a graph.
std::optional<Model> read_model(std::string_view text) {
  Model model;
  ProtobufFields fields(text);
  for (std::size_t i = 0; i < kMostFields && !fields.at_end(); ++i) {
    const auto field = fields.next();
    if (!field && fields.cut_off() && model.graph) {
      model.missing.reset();
      break;
    }
    if (!field || !is_model_field(*field)) {
      return std::nullopt;
    }
    model.ir_version = field->number == 1 ? field->value : model.ir_version;
    model.producer = field->number == 2 ? short_text(field->content) : model.producer;
    model.producer_version = field->number == 3 ? short_text(field->content) : model.producer_version;
    // A graph starts with a node, its name, an initialiser or a value, all counted bytes.
    const bool starts_well =
        field->content.empty() || (static_cast<unsigned char>(field->content[0]) & 7U) == 2;
    model.graph = model.graph || (field->number == 7 && starts_well);
    model.missing = field->missing;
  }
  const bool plausible = model.graph && model.ir_version >= 1 && model.ir_version < 100;
  return plausible ? std::optional(model) : std::nullopt;
}

// tensorflow.SavedModel: schema version 1, then graphs that start with their MetaInfoDef.
bool is_saved_model(std::string_view text) {
  ProtobufFields fields(text);
  bool version = false;
  bool graph = false;
  while (!fields.at_end()) {
    const auto field = fields.next();
    if (!field || field->number > 2 || field->wire != (field->number == 1 ? Wire::varint : Wire::counted)) {
      return false;
    }
    version = version || (field->number == 1 && field->value == 1);
    graph = graph || (field->number == 2 && field->content.starts_with('\x0a'));
    if (field->number == 2 && !field->content.starts_with('\x0a')) {
      return false;
    }
  }
  return version && graph;
}

}  // namespace

ArtifactKind sniff_protobuf(Bytes file, ArtifactFacts& facts, Defects& defects) {
  const std::string_view text = as_text(file);
  if (const auto model = read_model(text)) {
    facts.format_version = std::to_string(model->ir_version);
    facts.producer =
        model->producer_version.empty() ? model->producer : model->producer + " " + model->producer_version;
    if (model->missing != 0) {
      defects.add(Problem{
          .kind = DefectKind::truncated,
          .message = model->missing ? std::format("the model ends {} bytes before the end of its last part",
                                                  *model->missing)
                                    : "the model ends in the middle of a part",
          .offset = file.size(),
          .missing_bytes = model->missing});
    }
    return ArtifactKind::onnx;
  }
  return is_saved_model(text) ? ArtifactKind::tensorflow_saved_model : ArtifactKind::unknown;
}

}  // namespace runup::artifact
