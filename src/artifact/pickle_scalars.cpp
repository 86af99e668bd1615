// SPDX-License-Identifier: Apache-2.0
#include "artifact/pickle_scalars.h"

#include <algorithm>
#include <bit>
#include <charconv>

#include "artifact/python_text.h"
#include "base/text.h"

namespace runup::artifact {

namespace {

// Python refuses to convert longer decimal numbers (sys.get_int_max_str_digits).
constexpr std::size_t kMaxDigits = 4300;

template <class T>
Read<ValueId> with_number(PickleStream& stream, auto&& use) {
  const auto value = stream.number<T>();
  if (!value) {
    return std::unexpected(value.error());
  }
  return use(*value);
}

template <class T>
Read<ValueId> integer(PickleStream& stream, PickleBuilder& build) {
  return with_number<T>(stream, [&](T value) -> Read<ValueId> { return build.integer(value); });
}

Read<ValueId> make_text(PickleBuilder& build, ValueKind kind, std::string_view view) {
  if (kind == ValueKind::text && !is_python_utf8(view)) {
    return problem(DefectKind::malformed, "the text is not valid UTF-8");
  }
  return build.text(kind, view);
}

// Text of Python 2: what is UTF-8 is taken as text, anything else as bytes.
ValueKind kind_of_old_string(std::string_view view) {
  return is_python_utf8(view) ? ValueKind::text : ValueKind::bytes;
}

// Bytes behind a length of type T.
template <class T>
Read<ValueId> counted(PickleStream& stream, PickleBuilder& build, ValueKind kind) {
  return with_number<T>(stream, [&](T length) -> Read<ValueId> {
    const auto view = stream.take(length);
    if (!view) {
      return std::unexpected(view.error());
    }
    return make_text(build, kind, *view);
  });
}

template <class T>
Read<ValueId> old_string(PickleStream& stream, PickleBuilder& build) {
  return with_number<T>(stream, [&](T length) -> Read<ValueId> {
    if (static_cast<std::int64_t>(length) < 0) {
      return problem(DefectKind::malformed, std::format("a length of {}", length));
    }
    const auto view = stream.take(static_cast<std::uint64_t>(length));
    if (!view) {
      return std::unexpected(view.error());
    }
    return build.text(kind_of_old_string(*view), *view);
  });
}

// A little-endian two's-complement integer.
Read<ValueId> long_of(Read<std::string_view> view, PickleBuilder& build) {
  if (!view) {
    return std::unexpected(view.error());
  }
  if (view->size() > 8) {
    return build.own_text(ValueKind::big_integer, decimal_of(as_bytes(*view)));
  }
  const bool negative = !view->empty() && (static_cast<unsigned char>(view->back()) & 0x80U) != 0;
  std::uint64_t bits = negative ? ~std::uint64_t{0} : 0;
  for (std::size_t i = view->size(); i-- > 0;) {
    bits = (bits << 8U) | static_cast<unsigned char>((*view)[i]);
  }
  return build.integer(static_cast<std::int64_t>(bits));
}

Read<ValueId> long4(PickleStream& stream, PickleBuilder& build) {
  return with_number<std::int32_t>(stream, [&](std::int32_t length) -> Read<ValueId> {
    if (length < 0) {
      return problem(DefectKind::malformed, std::format("a length of {}", length));
    }
    return long_of(stream.take(static_cast<std::uint64_t>(length)), build);
  });
}

Read<ValueId> decimal(std::string_view text, PickleBuilder& build) {
  text = trim(text);
  if (text.starts_with('+')) {
    text.remove_prefix(1);
  }
  if (text.size() > kMaxDigits) {
    return problem(DefectKind::over_limit,
                   std::format("a number of {} digits; at most {} are read", text.size(), kMaxDigits));
  }
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  const std::string_view digits = text.starts_with('-') ? text.substr(1) : text;
  if (digits.empty() || !std::ranges::all_of(digits, [](char c) { return c >= '0' && c <= '9'; })) {
    return problem(DefectKind::malformed, "no decimal number");
  }
  return error == std::errc() ? build.integer(value)
                              : build.own_text(ValueKind::big_integer, std::string(text));
}

Read<ValueId> int_line(PickleStream& stream, PickleBuilder& build) {
  const auto line = stream.line();
  if (!line) {
    return std::unexpected(line.error());
  }
  // Booleans of protocols before 2.
  if (*line == "00" || *line == "01") {
    return build.boolean(*line == "01");
  }
  return decimal(*line, build);
}

Read<ValueId> long_line(PickleStream& stream, PickleBuilder& build) {
  const auto line = stream.line();
  if (!line) {
    return std::unexpected(line.error());
  }
  return decimal(line->ends_with('L') ? line->substr(0, line->size() - 1) : *line, build);
}

Read<ValueId> float_line(PickleStream& stream, PickleBuilder& build) {
  const auto line = stream.line();
  if (!line) {
    return std::unexpected(line.error());
  }
  const std::string_view text = trim(*line);
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error == std::errc::invalid_argument || end != text.data() + text.size()) {
    return problem(DefectKind::malformed, "no number");
  }
  return build.real(value);
}

Read<ValueId> binfloat(PickleStream& stream, PickleBuilder& build) {
  // The one big-endian number of the format.
  return with_number<std::uint64_t>(stream, [&](std::uint64_t bits) -> Read<ValueId> {
    return build.real(std::bit_cast<double>(std::byteswap(bits)));
  });
}

Read<ValueId> text_line(PickleStream& stream, PickleBuilder& build, bool unicode) {
  const auto line = stream.line();
  if (!line) {
    return std::unexpected(line.error());
  }
  auto text = unicode ? decode_raw_unicode_escape(*line) : decode_string_literal(*line);
  if (!text) {
    return problem(DefectKind::malformed, unicode ? "an escape is cut short" : "no quoted text");
  }
  const ValueKind kind = unicode ? ValueKind::text : kind_of_old_string(*text);
  return build.own_text(kind, std::move(*text));
}

std::optional<Read<ValueId>> read_text(Op op, PickleStream& stream, PickleBuilder& build) {
  switch (op) {
    case Op::string_text:
      return text_line(stream, build, false);
    case Op::unicode_text:
      return text_line(stream, build, true);
    case Op::binstring:
      return old_string<std::int32_t>(stream, build);
    case Op::short_binstring:
      return old_string<std::uint8_t>(stream, build);
    case Op::short_binunicode:
      return counted<std::uint8_t>(stream, build, ValueKind::text);
    case Op::binunicode:
      return counted<std::uint32_t>(stream, build, ValueKind::text);
    case Op::binunicode8:
      return counted<std::uint64_t>(stream, build, ValueKind::text);
    case Op::short_binbytes:
      return counted<std::uint8_t>(stream, build, ValueKind::bytes);
    case Op::binbytes:
      return counted<std::uint32_t>(stream, build, ValueKind::bytes);
    case Op::binbytes8:
      return counted<std::uint64_t>(stream, build, ValueKind::bytes);
    case Op::bytearray8:
      return counted<std::uint64_t>(stream, build, ValueKind::bytearray);
    default:
      return std::nullopt;
  }
}

}  // namespace

std::optional<Read<ValueId>> read_scalar(Op op, PickleStream& stream, PickleBuilder& build) {
  switch (op) {
    case Op::none:
      return build.none();
    case Op::newtrue:
      return build.boolean(true);
    case Op::newfalse:
      return build.boolean(false);
    case Op::binint1:
      return integer<std::uint8_t>(stream, build);
    case Op::binint2:
      return integer<std::uint16_t>(stream, build);
    case Op::binint:
      return integer<std::int32_t>(stream, build);
    case Op::int_text:
      return int_line(stream, build);
    case Op::long_text:
      return long_line(stream, build);
    case Op::long1:
      return with_number<std::uint8_t>(
          stream, [&](std::uint8_t length) { return long_of(stream.take(length), build); });
    case Op::long4:
      return long4(stream, build);
    case Op::float_text:
      return float_line(stream, build);
    case Op::binfloat:
      return binfloat(stream, build);
    default:
      return read_text(op, stream, build);
  }
}

Read<std::uint32_t> read_index_line(PickleStream& stream) {
  const auto line = stream.line();
  if (!line) {
    return std::unexpected(line.error());
  }
  const std::string_view text = trim(*line);
  std::uint32_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) {
    return problem(DefectKind::malformed, "no memo index");
  }
  return value;
}

}  // namespace runup::artifact
