// SPDX-License-Identifier: Apache-2.0
#include "artifact/onnx_tensor_facts.h"

#include <algorithm>
#include <charconv>
#include <limits>

#include "artifact/tensor_layout.h"
#include "base/text.h"

namespace runup::artifact {

namespace {

constexpr std::size_t kMostExternal = 200'000;

std::uint64_t divide_up(std::uint64_t value, std::uint64_t by) {
  return value / by + (value % by == 0 ? 0 : 1);
}

// What is in the tensor's typed field.
struct Content {
  // entries, or nothing when they were not counted
  std::optional<std::uint64_t> entries = 0;
  // set when the bytes lie there in one piece as they are in memory
  std::optional<std::string_view> plain;
};

std::uint32_t entry_bytes(OnnxDataField field) {
  return field == OnnxDataField::float_data ? 4 : field == OnnxDataField::double_data ? 8 : 0;
}

// Varints of a packed field: each ends with a byte below 0x80.
std::uint64_t count_varints(std::string_view chunk) {
  return static_cast<std::uint64_t>(
      std::ranges::count_if(chunk, [](char c) { return static_cast<unsigned char>(c) < 0x80; }));
}

Content content_of(OnnxReading& reading, const OnnxTensor& tensor, OnnxDataField field) {
  const OnnxEntries& entries = tensor.entries_of(field);
  Content content{.entries = entries.alone};
  for (const std::string_view chunk : entries.chunks) {
    if (entry_bytes(field) > 0) {
      *content.entries += chunk.size() / entry_bytes(field);
    } else if (reading.may_count(chunk.size())) {
      *content.entries += count_varints(chunk);
    } else {
      return {.entries = std::nullopt};
    }
  }
  if (entry_bytes(field) > 0 && entries.alone == 0 && entries.chunks.size() == 1) {
    content.plain = entries.chunks.front();
  }
  return content;
}

class TensorFactsMaker {
 public:
  TensorFactsMaker(OnnxReading& reading, const OnnxTensor& tensor, const std::string& path)
      : reading_(reading), tensor_(tensor), path_(path) {}

  void add() {
    const OnnxType* type = onnx_type(tensor_.type);
    if (type == nullptr) {
      defect(DefectKind::malformed, std::format("data_type {} is not known", tensor_.type));
      return;
    }
    TensorFacts facts{.path = OnnxReading::name(path_), .dtype = std::string(type->name)};
    if (!set_size(facts, *type)) {
      return;
    }
    set_row_major(facts);
    facts.layout = type->bits > 0 && type->bits < 8 ? "packed" : "strided";
    StorageFacts storage{.key = facts.path, .dtype = facts.dtype, .device = "cpu", .bytes = facts.bytes};
    if (tensor_.external) {
      add_external(facts);
    } else if (tensor_.whole) {
      storage.offset = find_bytes(facts, *type);
    }
    const std::size_t before = reading_.facts.tensors.size();
    if (type->bits > 0) {
      facts.storage = static_cast<std::int64_t>(reading_.facts.storages.size());
    }
    const std::string name = facts.path;
    reading_.lists.add_tensor(name, std::move(facts));
    if (reading_.facts.tensors.size() > before && type->bits > 0) {
      reading_.facts.storages.push_back(std::move(storage));
    }
  }

 private:
  void defect(DefectKind kind, std::string message) {
    reading_.defects.add(kind, std::move(message), printable(OnnxReading::name(path_)), tensor_.offset);
  }

  bool set_size(TensorFacts& facts, const OnnxType& type) {
    if (tensor_.too_many_dims) {
      defect(DefectKind::over_limit, "it has more than 64 dimensions");
      return false;
    }
    facts.shape = tensor_.dims;
    if (std::ranges::any_of(facts.shape, [](std::int64_t size) { return size < 0; })) {
      defect(DefectKind::malformed, std::format("shape {} has a negative size", shape_text(facts.shape)));
      return false;
    }
    const auto elements = onnx_elements(tensor_);
    constexpr auto kMost = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
    if (!elements || *elements > kMost / std::max<std::uint64_t>(type.bits, 8)) {
      defect(DefectKind::malformed,
             std::format("shape {} has more elements than memory can have", shape_text(facts.shape)));
      return false;
    }
    facts.elements = *elements;
    facts.bytes = type.bits == 0 ? bytes_of_texts() : divide_up(*elements * type.bits, 8);
    return true;
  }

  std::uint64_t bytes_of_texts() const {
    const OnnxEntries& texts = tensor_.entries_of(OnnxDataField::string_data);
    return texts.first_alone.empty() ? 0 : texts.first_alone.front();
  }

  // Where the tensor's bytes start in the file; says what does not fit shape and type.
  std::optional<std::uint64_t> find_bytes(const TensorFacts& facts, const OnnxType& type) {
    const auto takes = [&] {
      return std::format("shape {} of {} takes", shape_text(facts.shape), facts.dtype);
    };
    if (tensor_.raw) {
      if (tensor_.raw->size() != facts.bytes || type.bits == 0) {
        defect(DefectKind::contradiction,
               type.bits == 0
                   ? "texts stand in raw_data; expected them in string_data"
                   : std::format("raw_data has {} bytes; {} {}", tensor_.raw->size(), takes(), facts.bytes));
        return std::nullopt;
      }
      return reading_.offset_of(*tensor_.raw);
    }
    const Content content = content_of(reading_, tensor_, type.field);
    const std::uint64_t wanted = type.bits > 0 && type.bits < 8 ? facts.bytes : facts.elements * type.entries;
    if (content.entries == 0 && wanted > 0) {
      defect(DefectKind::missing_part, std::format("it has no data; {} {} bytes", takes(), facts.bytes));
      return std::nullopt;
    }
    if (content.entries && *content.entries != wanted) {
      defect(DefectKind::contradiction,
             std::format("its data has {} entries; {} {}", *content.entries, takes(), wanted));
      return std::nullopt;
    }
    if (facts.elements == 0) {
      return tensor_.offset;
    }
    if (content.plain && content.plain->size() == facts.bytes) {
      return reading_.offset_of(*content.plain);
    }
    return std::nullopt;
  }

  std::optional<std::uint64_t> number(std::string_view key, std::string_view text) {
    std::uint64_t value = 0;
    const auto read = std::from_chars(text.data(), text.data() + text.size(), value);
    if (read.ec == std::errc() && read.ptr == text.data() + text.size()) {
      return value;
    }
    defect(DefectKind::malformed, std::format("external data with the {} `{}`; expected a number of bytes",
                                              key, printable(OnnxReading::name(text))));
    return std::nullopt;
  }

  void add_external(const TensorFacts& facts) {
    OnnxExternalFacts external{.tensor = facts.path, .bytes = facts.bytes};
    for (const auto& [key, value] : tensor_.external_data) {
      if (key == "location") {
        external.location = OnnxReading::name(value);
      } else if (key == "offset") {
        external.offset = number(key, value).value_or(0);
      } else if (key == "length") {
        external.length = number(key, value);
      }
    }
    if (external.location.empty() && tensor_.whole) {
      defect(DefectKind::malformed, "its data is in another file, of which no location is given");
    } else if (reading_.onnx.external.size() >= kMostExternal) {
      note_cut(reading_.facts, std::format("external tensors beyond {}", kMostExternal));
    } else if (reading_.may_add(external.tensor.size() + external.location.size())) {
      reading_.onnx.external.push_back(std::move(external));
    }
  }

  static void set_row_major(TensorFacts& facts) {
    facts.stride.assign(facts.shape.size(), 1);
    for (std::size_t i = facts.shape.size(); i >= 2; --i) {
      // Sizes of 0 make no product that overflows: the others may be any.
      if (__builtin_mul_overflow(facts.stride[i - 1], std::max<std::int64_t>(facts.shape[i - 1], 1),
                                 &facts.stride[i - 2])) {
        facts.stride[i - 2] = std::numeric_limits<std::int64_t>::max();
      }
    }
  }

  OnnxReading& reading_;
  const OnnxTensor& tensor_;
  const std::string& path_;
};

}  // namespace

void add_onnx_tensor(OnnxReading& reading, const OnnxTensor& tensor, const std::string& path) {
  TensorFactsMaker(reading, tensor, path).add();
}

OnnxSparseTensor read_onnx_sparse_tensor(OnnxReading& reading, std::string_view message,
                                         const std::string& where) {
  OnnxSparseTensor tensor;
  OnnxTensor shape;
  reading.each_field(message, where, [&](const ProtobufField& field) {
    if (field.is(1, Wire::counted)) {
      tensor.values = read_onnx_tensor(reading, field.content, where);
    } else if (field.is(2, Wire::counted)) {
      tensor.indices = read_onnx_tensor(reading, field.content, where);
    } else if (field.number == 3) {
      add_onnx_dims(shape, field);
    }
  });
  tensor.dims = std::move(shape.dims);
  return tensor;
}

void add_onnx_sparse_tensor(OnnxReading& reading, const OnnxSparseTensor& tensor, const std::string& path) {
  const OnnxType* type = onnx_type(tensor.values.type);
  const std::string member = printable(OnnxReading::name(path));
  if (type == nullptr) {
    reading.defects.add(DefectKind::malformed, std::format("data_type {} is not known", tensor.values.type),
                        member, tensor.values.offset);
    return;
  }
  TensorFacts facts{.path = OnnxReading::name(path), .dtype = std::string(type->name), .shape = tensor.dims};
  facts.layout = "sparse_coo";
  const auto stored = onnx_elements(tensor.values);
  const auto indices = onnx_elements(tensor.indices);
  if (auto size = set_tensor_size(facts); !size || !stored || !indices ||
                                          *stored > std::numeric_limits<std::int32_t>::max() ||
                                          *indices > std::numeric_limits<std::int32_t>::max()) {
    reading.defects.add(DefectKind::malformed,
                        std::format("a sparse tensor of shape {} without sensible values and indices",
                                    shape_text(tensor.dims)),
                        member, tensor.values.offset);
    return;
  }
  facts.bytes = divide_up(*stored * type->bits, 8) + *indices * sizeof(std::int64_t);
  const std::string name = facts.path;
  reading.lists.add_tensor(name, std::move(facts));
}

}  // namespace runup::artifact
