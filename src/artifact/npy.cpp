// SPDX-License-Identifier: Apache-2.0
#include "artifact/npy.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>

#include "base/text.h"

namespace runup {

namespace {

constexpr std::string_view kMagic = "\x93NUMPY";
// NumPy pads headers to 64 bytes; a real one is below 200. Its own reader stops at 10,000.
constexpr std::size_t kMaxHeaderBytes = 10'000;
constexpr std::size_t kMaxAxes = 32;

struct ElementType {
  std::string_view code;
  std::string_view dtype;
  std::size_t bytes;
};
constexpr std::array kElementTypes{
    ElementType{"b1", "bool", 1},    ElementType{"i1", "int8", 1},    ElementType{"u1", "uint8", 1},
    ElementType{"i2", "int16", 2},   ElementType{"u2", "uint16", 2},  ElementType{"i4", "int32", 4},
    ElementType{"u4", "uint32", 4},  ElementType{"i8", "int64", 8},   ElementType{"u8", "uint64", 8},
    ElementType{"f2", "float16", 2}, ElementType{"f4", "float32", 4}, ElementType{"f8", "float64", 8}};

std::unexpected<Error> broken(std::string what) {
  return fail(ErrorCode::bad_input, "npy header: " + std::move(what));
}

// The part of Python's literal syntax that NumPy writes in headers.
class HeaderReader {
 public:
  explicit HeaderReader(std::string_view text) : rest_(text) {}

  bool take(char expected) {
    skip_space();
    if (!rest_.starts_with(expected)) {
      return false;
    }
    rest_.remove_prefix(1);
    return true;
  }
  bool take_word(std::string_view word) {
    skip_space();
    if (!rest_.starts_with(word)) {
      return false;
    }
    rest_.remove_prefix(word.size());
    return true;
  }
  std::optional<std::string> take_text() {
    skip_space();
    if (rest_.empty() || (rest_[0] != '\'' && rest_[0] != '"')) {
      return std::nullopt;
    }
    const std::size_t end = rest_.find(rest_[0], 1);
    // NumPy never writes an escape here.
    if (end == std::string_view::npos || rest_.substr(0, end).contains('\\')) {
      return std::nullopt;
    }
    std::string text(rest_.substr(1, end - 1));
    rest_.remove_prefix(end + 1);
    return text;
  }
  std::optional<std::int64_t> take_size() {
    skip_space();
    std::int64_t value = 0;
    const auto [end, error] = std::from_chars(rest_.data(), rest_.data() + rest_.size(), value);
    if (error != std::errc() || value < 0) {
      return std::nullopt;
    }
    rest_.remove_prefix(static_cast<std::size_t>(end - rest_.data()));
    // Python 2 wrote long integers with this mark.
    take('L');
    return value;
  }
  bool at_end() {
    skip_space();
    return rest_.empty();
  }

 private:
  void skip_space() {
    while (!rest_.empty() && (rest_[0] == ' ' || rest_[0] == '\n' || rest_[0] == '\t')) {
      rest_.remove_prefix(1);
    }
  }
  std::string_view rest_;
};

Result<void> read_descr(HeaderReader& reader, NpyArray& array) {
  const auto descr = reader.take_text();
  if (!descr) {
    return fail(ErrorCode::unsupported, "npy array is structured; expected plain numbers");
  }
  const char order = descr->empty() ? '?' : descr->front();
  const std::string_view code = std::string_view(*descr).substr(std::min<std::size_t>(1, descr->size()));
  if (order == '>') {
    return fail(ErrorCode::unsupported, "npy array is big-endian (`" + *descr + "`); expected little-endian");
  }
  const auto* type = std::ranges::find(kElementTypes, code, &ElementType::code);
  if (type == kElementTypes.end() || (order != '<' && order != '|')) {
    return fail(ErrorCode::unsupported, "npy array has elements of type `" + printable(*descr) +
                                            "`; expected booleans, integers or real numbers");
  }
  array.dtype = type->dtype;
  array.item_bytes = type->bytes;
  return {};
}

Result<void> read_shape(HeaderReader& reader, NpyArray& array) {
  if (!reader.take('(')) {
    return broken("`shape` is not a tuple");
  }
  while (!reader.take(')')) {
    const auto size = reader.take_size();
    if (!size || array.shape.size() == kMaxAxes) {
      return broken("`shape` is not a tuple of at most 32 sizes");
    }
    array.shape.push_back(*size);
    if (!reader.take(',')) {
      if (!reader.take(')')) {
        return broken("`shape` has no end");
      }
      break;
    }
  }
  return {};
}

Result<void> read_header(std::string_view text, NpyArray& array) {
  HeaderReader reader(text);
  bool has_descr = false;
  bool has_order = false;
  bool has_shape = false;
  if (!reader.take('{')) {
    return broken("not a dict");
  }
  while (!reader.take('}')) {
    const auto key = reader.take_text();
    if (!key || !reader.take(':')) {
      return broken("not a dict of named values");
    }
    Result<void> outcome;
    if (*key == "descr" && !std::exchange(has_descr, true)) {
      outcome = read_descr(reader, array);
    } else if (*key == "fortran_order" && !std::exchange(has_order, true)) {
      array.fortran_order = reader.take_word("True");
      outcome = array.fortran_order || reader.take_word("False")
                    ? Result<void>{}
                    : broken("`fortran_order` is neither True nor False");
    } else if (*key == "shape" && !std::exchange(has_shape, true)) {
      outcome = read_shape(reader, array);
    } else {
      outcome = broken("unknown or second key `" + printable(*key) + "`");
    }
    if (!outcome) {
      return outcome;
    }
    if (!reader.take(',')) {
      if (!reader.take('}')) {
        return broken("the dict has no end");
      }
      break;
    }
  }
  if (!has_descr || !has_order || !has_shape || !reader.at_end()) {
    return broken("expected exactly `descr`, `fortran_order` and `shape`");
  }
  return {};
}

}  // namespace

Result<NpyArray> read_npy(Bytes file) {
  const std::string_view text = as_text(file);
  if (!text.starts_with(kMagic) || text.size() < 10) {
    return fail(ErrorCode::bad_input,
                "not a .npy file: it starts with `" + printable(text.substr(0, 6)) + "`");
  }
  const auto version = static_cast<unsigned char>(text[6]);
  if (version < 1 || version > 3) {
    return fail(ErrorCode::unsupported,
                "npy format version " + std::to_string(version) + "; expected 1 to 3");
  }
  const std::size_t length_bytes = version == 1 ? 2 : 4;
  const std::size_t header_at = 8 + length_bytes;
  // Version 1 has two bytes here; the next two, part of the header, are cut off again.
  std::optional<std::uint32_t> length = read_little_endian<std::uint32_t>(file, 8);
  if (length && version == 1) {
    *length &= 0xFFFF;
  }
  if (!length || *length > kMaxHeaderBytes || text.size() - header_at < *length) {
    return broken("its length reaches past the end of the file, or over " + std::to_string(kMaxHeaderBytes) +
                  " bytes");
  }
  NpyArray array;
  if (auto outcome = read_header(text.substr(header_at, *length), array); !outcome) {
    return std::unexpected(outcome.error());
  }
  array.data = file.subspan(header_at + *length);
  array.elements = 1;
  for (const std::int64_t size : array.shape) {
    if (__builtin_mul_overflow(array.elements, static_cast<std::uint64_t>(size), &array.elements)) {
      return broken("the shape " + shape_text(array.shape) + " has more elements than can be counted");
    }
  }
  std::uint64_t expected = 0;
  if (__builtin_mul_overflow(array.elements, array.item_bytes, &expected) || expected != array.data.size()) {
    return fail(ErrorCode::bad_input, "npy file has " + std::to_string(array.data.size()) +
                                          " bytes of elements; its shape " + shape_text(array.shape) +
                                          " of " + array.dtype + " takes " + std::to_string(expected));
  }
  return array;
}

std::vector<std::byte> row_major(const NpyArray& array) {
  std::vector<std::byte> out(array.data.begin(), array.data.end());
  if (!array.fortran_order || array.shape.size() < 2) {
    return out;
  }
  std::vector<std::uint64_t> stride(array.shape.size(), 1);
  for (std::size_t axis = 1; axis < stride.size(); ++axis) {
    stride[axis] = stride[axis - 1] * static_cast<std::uint64_t>(array.shape[axis - 1]);
  }
  std::vector<std::int64_t> index(array.shape.size(), 0);
  std::uint64_t from = 0;
  for (std::uint64_t to = 0; to < array.elements; ++to) {
    std::memcpy(out.data() + to * array.item_bytes, array.data.data() + from * array.item_bytes,
                array.item_bytes);
    for (std::size_t axis = index.size(); axis-- > 0;) {
      from += stride[axis];
      if (++index[axis] < array.shape[axis]) {
        break;
      }
      from -= stride[axis] * static_cast<std::uint64_t>(array.shape[axis]);
      index[axis] = 0;
    }
  }
  return out;
}

}  // namespace runup
