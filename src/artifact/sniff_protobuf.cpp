// SPDX-License-Identifier: Apache-2.0
#include <array>
#include <format>

#include "artifact/sniff.h"
#include "base/text.h"

namespace runup::artifact {

namespace {

constexpr std::size_t kMostFields = 100'000;
constexpr std::size_t kMostName = 256;

struct Field {
  std::uint32_t number = 0;
  // 0 varint, 1 eight bytes, 2 counted bytes, 5 four bytes
  std::uint32_t wire = 0;
  std::uint64_t value = 0;
  // of counted bytes: as many as are there
  std::string_view content;
  std::uint64_t missing = 0;
};

// https://protobuf.dev/programming-guides/encoding
class Fields {
 public:
  explicit Fields(std::string_view text) : rest_(text) {}

  bool at_end() const { return rest_.empty(); }

  std::optional<Field> next() {
    const auto tag = varint();
    if (!tag || *tag >> 3U == 0 || *tag >> 3U > 0x1FFFFFFF) {
      return std::nullopt;
    }
    Field field{.number = static_cast<std::uint32_t>(*tag >> 3U),
                .wire = static_cast<std::uint32_t>(*tag & 7U)};
    if (field.wire == 0 || field.wire == 2) {
      const auto value = varint();
      if (!value) {
        return std::nullopt;
      }
      field.value = *value;
    }
    const std::uint64_t size = field.wire == 2 ? field.value : field.wire == 1 ? 8 : field.wire == 5 ? 4 : 0;
    if (field.wire > 2 && field.wire != 5) {
      return std::nullopt;
    }
    field.missing = size > rest_.size() ? size - rest_.size() : 0;
    field.content = rest_.substr(0, size);
    rest_.remove_prefix(field.content.size());
    return field;
  }

 private:
  std::optional<std::uint64_t> varint() {
    std::uint64_t value = 0;
    for (unsigned shift = 0; shift < 64 && !rest_.empty(); shift += 7) {
      const auto byte = static_cast<unsigned char>(rest_.front());
      rest_.remove_prefix(1);
      value |= std::uint64_t{byte & 0x7FU} << shift;
      if ((byte & 0x80U) == 0) {
        return value;
      }
    }
    return std::nullopt;
  }

  std::string_view rest_;
};

// Wire type of each field of onnx.ModelProto (onnx.proto3).
constexpr std::array<std::pair<std::uint32_t, std::uint32_t>, 12> kModelFields{
    {{1, 0}, {2, 2}, {3, 2}, {4, 2}, {5, 0}, {6, 2}, {7, 2}, {8, 2}, {14, 2}, {20, 2}, {25, 2}, {26, 2}}};

bool is_model_field(const Field& field) {
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
  std::uint64_t missing = 0;
};

// Nothing unless every field is one of ModelProto and there is a graph.
std::optional<Model> read_model(std::string_view text) {
  Model model;
  Fields fields(text);
  for (std::size_t i = 0; i < kMostFields && !fields.at_end(); ++i) {
    const auto field = fields.next();
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
  Fields fields(text);
  bool version = false;
  bool graph = false;
  while (!fields.at_end()) {
    const auto field = fields.next();
    if (!field || field->number > 2 || field->wire != (field->number == 1 ? 0U : 2U)) {
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
    if (model->missing > 0) {
      defects.add(Problem{
          .kind = DefectKind::truncated,
          .message = std::format("the model ends {} bytes before the end of its last part", model->missing),
          .offset = file.size(),
          .missing_bytes = model->missing});
    }
    return ArtifactKind::onnx;
  }
  return is_saved_model(text) ? ArtifactKind::tensorflow_saved_model : ArtifactKind::unknown;
}

}  // namespace runup::artifact
