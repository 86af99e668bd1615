// SPDX-License-Identifier: Apache-2.0
#pragma once

// A cursor over the fields of one protobuf message. Nothing is copied, and the content of counted fields is
// not touched: https://protobuf.dev/programming-guides/encoding

#include <cstdint>
#include <optional>
#include <string_view>

namespace runup::artifact {

enum class Wire : std::uint8_t { varint = 0, eight_bytes = 1, counted = 2, four_bytes = 5 };

struct ProtobufField {
  std::uint32_t number = 0;
  Wire wire = Wire::varint;
  // of a varint; of counted bytes their number
  std::uint64_t value = 0;
  // of every other wire type: as many bytes as are there
  std::string_view content;
  // how many of them lie behind the message's end
  std::uint64_t missing = 0;

  bool is(std::uint32_t wanted, Wire type) const { return number == wanted && wire == type; }
};

// One base-128 number, taken off `text`; nothing when it does not end, or has more than 64 bits.
inline std::optional<std::uint64_t> take_varint(std::string_view& text) {
  std::uint64_t value = 0;
  for (unsigned shift = 0; shift < 64 && !text.empty(); shift += 7) {
    const auto byte = static_cast<unsigned char>(text.front());
    text.remove_prefix(1);
    value |= std::uint64_t{byte & 0x7FU} << shift;
    if ((byte & 0x80U) == 0) {
      return value;
    }
  }
  return std::nullopt;
}

class ProtobufFields {
 public:
  explicit ProtobufFields(std::string_view message) : rest_(message) {}

  bool at_end() const { return rest_.empty(); }
  // Where the field that next() gives, or could not read, starts.
  const char* position() const { return position_; }
  // The message's end came in the middle of a tag, a number or a length.
  bool cut_off() const { return cut_off_; }

  // Nothing when no field starts here: a tag or number that does not end, field 0, or a group.
  std::optional<ProtobufField> next() {
    position_ = rest_.data();
    const auto tag = number();
    if (!tag || *tag >> 3U == 0 || *tag >> 3U > 0x1FFFFFFF) {
      return std::nullopt;
    }
    const auto wire = static_cast<std::uint32_t>(*tag & 7U);
    if (wire > 2 && wire != 5) {
      return std::nullopt;
    }
    ProtobufField field{.number = static_cast<std::uint32_t>(*tag >> 3U), .wire = static_cast<Wire>(wire)};
    if (wire == 0 || wire == 2) {
      const auto value = number();
      if (!value) {
        return std::nullopt;
      }
      field.value = *value;
    }
    const std::uint64_t size = wire == 2 ? field.value : wire == 1 ? 8 : wire == 5 ? 4 : 0;
    field.missing = size > rest_.size() ? size - rest_.size() : 0;
    field.content = rest_.substr(0, size);
    rest_.remove_prefix(field.content.size());
    return field;
  }

 private:
  std::optional<std::uint64_t> number() {
    const auto value = take_varint(rest_);
    cut_off_ = !value && rest_.empty();
    return value;
  }

  std::string_view rest_;
  const char* position_ = nullptr;
  bool cut_off_ = false;
};

}  // namespace runup::artifact
