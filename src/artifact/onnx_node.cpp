// SPDX-License-Identifier: Apache-2.0
#include "artifact/onnx_node.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "artifact/onnx_types.h"

namespace runup::artifact {

namespace {

constexpr std::size_t kMostIntegers = 64;
// What a sequence of optionals of ... may have; ONNX itself needs three.
constexpr std::size_t kMostTypes = 8;

void add_integers(std::vector<std::int64_t>& integers, const ProtobufField& field) {
  const auto add = [&](std::uint64_t value) {
    if (integers.size() < kMostIntegers) {
      integers.push_back(static_cast<std::int64_t>(value));
    }
  };
  if (field.wire == Wire::varint) {
    add(field.value);
    return;
  }
  std::string_view rest = field.wire == Wire::counted ? field.content : std::string_view();
  while (!rest.empty() && integers.size() < kMostIntegers) {
    const auto value = take_varint(rest);
    if (!value) {
      return;
    }
    add(*value);
  }
}

OnnxAttribute read_attribute(OnnxReading& reading, std::string_view message, const std::string& where) {
  OnnxAttribute attribute;
  reading.each_field(message, where, [&](const ProtobufField& field) {
    if (field.is(1, Wire::counted)) {
      attribute.name = field.content;
    } else if (field.is(2, Wire::four_bytes) && field.missing == 0) {
      std::uint32_t bits = 0;
      std::memcpy(&bits, field.content.data(), sizeof(bits));
      attribute.number = std::bit_cast<float>(bits);
    } else if (field.is(3, Wire::varint)) {
      attribute.integer = static_cast<std::int64_t>(field.value);
    } else if (field.is(5, Wire::counted)) {
      attribute.tensor = field.content;
    } else if (field.is(6, Wire::counted)) {
      attribute.graphs.push_back(field.content);
      attribute.one_graph = true;
    } else if (field.is(11, Wire::counted)) {
      attribute.graphs.push_back(field.content);
    } else if (field.number == 8) {
      add_integers(attribute.integers, field);
    } else if (field.is(22, Wire::counted)) {
      attribute.sparse_tensor = field.content;
    }
  });
  return attribute;
}

class ValueReader {
 public:
  ValueReader(OnnxReading& reading, const std::string& where) : reading_(reading), where_(where) {}

  OnnxValueFacts read(std::string_view message) {
    reading_.each_field(message, where_, [&](const ProtobufField& field) {
      if (field.is(1, Wire::counted)) {
        value_.name = OnnxReading::name(field.content);
      } else if (field.is(2, Wire::counted)) {
        type(field.content, 0);
      }
    });
    return std::move(value_);
  }

 private:
  // TypeProto
  void type(std::string_view message, std::size_t depth) {
    if (depth >= kMostTypes) {
      return;
    }
    reading_.each_field(message, where_, [&](const ProtobufField& field) {
      if (field.wire != Wire::counted) {
        return;
      }
      switch (field.number) {
        case 1:
          return tensor(field.content, "tensor", depth);
        case 4:
          return container(field.content, "sequence", 1, depth);
        case 5:
          return container(field.content, "map", 2, depth);
        case 7:
          return set_kind("opaque", depth);
        case 8:
          return tensor(field.content, "sparse_tensor", depth);
        case 9:
          return container(field.content, "optional", 1, depth);
        default:
          return;
      }
    });
  }

  void set_kind(std::string_view kind, std::size_t depth) {
    if (depth == 0) {
      value_.kind = kind;
    }
  }

  void tensor(std::string_view message, std::string_view kind, std::size_t depth) {
    set_kind(kind, depth);
    reading_.each_field(message, where_, [&](const ProtobufField& field) {
      if (field.is(1, Wire::varint)) {
        const OnnxType* type = onnx_type(static_cast<std::int32_t>(field.value));
        value_.dtype = type == nullptr ? "" : type->name;
      } else if (field.is(2, Wire::counted) && depth == 0) {
        shape(field.content);
      }
    });
  }

  void container(std::string_view message, std::string_view kind, std::uint32_t element, std::size_t depth) {
    set_kind(kind, depth);
    reading_.each_field(message, where_, [&](const ProtobufField& field) {
      if (field.is(element, Wire::counted)) {
        type(field.content, depth + 1);
      }
    });
  }

  void shape(std::string_view message) {
    value_.shape.emplace();
    reading_.each_field(message, where_, [&](const ProtobufField& field) {
      if (!field.is(1, Wire::counted)) {
        return;
      }
      if (value_.shape->size() < kMostDims) {
        value_.shape->push_back(dimension(field.content));
      } else {
        note_cut(reading_.facts, "sizes of inputs and outputs beyond 64 dimensions");
      }
    });
  }

  OnnxDimensionFacts dimension(std::string_view message) {
    OnnxDimensionFacts dimension;
    reading_.each_field(message, where_, [&](const ProtobufField& field) {
      if (field.is(1, Wire::varint)) {
        // A negative size is how some exporters write that it is not known.
        const auto size = static_cast<std::int64_t>(field.value);
        dimension = {.size = size >= 0 ? std::optional(size) : std::nullopt};
      } else if (field.is(2, Wire::counted)) {
        dimension = {.name = OnnxReading::name(field.content)};
      }
    });
    return dimension;
  }

  OnnxReading& reading_;
  const std::string& where_;
  OnnxValueFacts value_;
};

}  // namespace

const OnnxAttribute* OnnxNode::attribute(std::string_view wanted) const {
  const auto found = std::ranges::find(attributes, wanted, &OnnxAttribute::name);
  return found == attributes.end() ? nullptr : &*found;
}

std::int64_t OnnxNode::integer(std::string_view wanted, std::int64_t otherwise) const {
  const OnnxAttribute* found = attribute(wanted);
  return found != nullptr && found->integer ? *found->integer : otherwise;
}

OnnxNode read_onnx_node(OnnxReading& reading, std::string_view message, const std::string& where) {
  OnnxNode node;
  reading.each_field(message, where, [&](const ProtobufField& field) {
    if (field.wire != Wire::counted) {
      return;
    }
    switch (field.number) {
      case 1:
        node.inputs.push_back(field.content);
        return;
      case 2:
        node.outputs.push_back(field.content);
        return;
      case 3:
        node.name = field.content;
        return;
      case 4:
        node.op = field.content;
        return;
      case 5:
        node.attributes.push_back(read_attribute(reading, field.content, where));
        return;
      case 7:
        node.domain = onnx_domain(field.content);
        return;
      case 8:
        node.overload = field.content;
        return;
      default:
        return;
    }
  });
  return node;
}

OnnxValueFacts read_onnx_value(OnnxReading& reading, std::string_view message, const std::string& where) {
  return ValueReader(reading, where).read(message);
}

}  // namespace runup::artifact
