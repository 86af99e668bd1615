// SPDX-License-Identifier: Apache-2.0
#include "base/codec.h"

#include <limits>
#include <string>

#include "base/text.h"

template class nlohmann::basic_json<nlohmann::ordered_map>;

namespace runup {

namespace {

constexpr std::string_view kBytesPrefix = "bytes:";
constexpr std::size_t kMaxDepth = 100;

int hex_value(char digit) {
  if (digit >= '0' && digit <= '9') {
    return digit - '0';
  }
  if (digit >= 'A' && digit <= 'F') {
    return digit - 'A' + 10;
  }
  return -1;
}

// nlohmann's parser recurses in its destructor-free SAX form only through our counter, so a deeply
// nested document is refused before it can exhaust the stack.
bool too_deep(std::string_view text) {
  std::size_t depth = 0;
  bool in_string = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (in_string) {
      if (c == '\\') {
        ++i;
      } else if (c == '"') {
        in_string = false;
      }
    } else if (c == '"') {
      in_string = true;
    } else if (c == '[' || c == '{') {
      if (++depth > kMaxDepth) {
        return true;
      }
    } else if ((c == ']' || c == '}') && depth > 0) {
      --depth;
    }
  }
  return false;
}

}  // namespace

std::string encode_text(std::string_view raw) {
  if (is_valid_utf8(raw) && !raw.starts_with(kBytesPrefix)) {
    return std::string(raw);
  }
  constexpr std::string_view kDigits = "0123456789ABCDEF";
  std::string encoded(kBytesPrefix);
  for (std::size_t i = 0; i < raw.size();) {
    const std::size_t length = utf8_sequence_length(raw.substr(i));
    if (length == 0 || raw[i] == '%') {
      const auto byte = static_cast<unsigned char>(raw[i]);
      encoded += '%';
      encoded += kDigits[byte >> 4U];
      encoded += kDigits[byte & 15U];
      ++i;
    } else {
      encoded += raw.substr(i, length);
      i += length;
    }
  }
  return encoded;
}

Result<std::string> decode_text(std::string_view encoded) {
  if (!encoded.starts_with(kBytesPrefix)) {
    return std::string(encoded);
  }
  std::string raw;
  for (std::size_t i = kBytesPrefix.size(); i < encoded.size(); ++i) {
    if (encoded[i] != '%') {
      raw += encoded[i];
      continue;
    }
    const int high = i + 2 < encoded.size() ? hex_value(encoded[i + 1]) : -1;
    const int low = i + 2 < encoded.size() ? hex_value(encoded[i + 2]) : -1;
    if (high < 0 || low < 0) {
      return fail(ErrorCode::bad_input, "`%` in a `bytes:` text is not followed by two hex digits");
    }
    raw += static_cast<char>(high * 16 + low);
    i += 2;
  }
  return raw;
}

Json encode_number(double value) {
  if (std::isnan(value)) {
    return "NaN";
  }
  if (std::isinf(value)) {
    return value > 0 ? "Infinity" : "-Infinity";
  }
  return value;
}

Result<double> decode_number(const Json& json) {
  if (json.is_number()) {
    return json.get<double>();
  }
  if (json.is_string()) {
    const auto& text = json.get_ref<const std::string&>();
    if (text == "NaN") {
      return std::numeric_limits<double>::quiet_NaN();
    }
    if (text == "Infinity") {
      return std::numeric_limits<double>::infinity();
    }
    if (text == "-Infinity") {
      return -std::numeric_limits<double>::infinity();
    }
  }
  return codec_detail::wrong_type(json, "a number");
}

Result<Json> parse_json(std::string_view text, std::size_t max_bytes) {
  if (text.size() > max_bytes) {
    return fail(ErrorCode::limit,
                "json is " + format_bytes(text.size()) + "; at most " + format_bytes(max_bytes) + " is read");
  }
  if (too_deep(text)) {
    return fail(ErrorCode::limit, "json is nested deeper than " + std::to_string(kMaxDepth) + " levels");
  }
  try {
    return Json::parse(text);
  } catch (const nlohmann::json::exception& error) {
    return fail(ErrorCode::bad_input, std::string("not valid json: ") + error.what());
  }
}

std::string dump_json(const Json& json, int indent) {
  return json.dump(indent, ' ', false, nlohmann::json::error_handler_t::replace);
}

std::unexpected<Error> codec_detail::wrong_type(const Json& json, std::string_view expected) {
  return fail(ErrorCode::bad_input, std::string("saw ") + json.type_name() + " `" +
                                        dump_json(json).substr(0, 60) + "`; expected " +
                                        std::string(expected));
}

}  // namespace runup
