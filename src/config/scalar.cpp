// SPDX-License-Identifier: Apache-2.0
#include "config/scalar.h"

#include <algorithm>
#include <charconv>
#include <format>
#include <limits>
#include <optional>
#include <string_view>

#include "base/text.h"

namespace runup {

namespace {

constexpr std::size_t kShownBytes = 60;

bool all_of(std::string_view text, std::string_view allowed) {
  return !text.empty() && text.find_first_not_of(allowed) == std::string_view::npos;
}

std::optional<IntegerValue> integer(std::string_view text) {
  constexpr std::string_view kDigits = "0123456789";
  int base = 10;
  bool negative = false;
  std::string_view digits = text;
  if (digits.starts_with("0x") && all_of(digits.substr(2), "0123456789abcdefABCDEF")) {
    base = 16;
    digits.remove_prefix(2);
  } else if (digits.starts_with("0o") && all_of(digits.substr(2), "01234567")) {
    base = 8;
    digits.remove_prefix(2);
  } else {
    if (digits.starts_with('-') || digits.starts_with('+')) {
      negative = digits.front() == '-';
      digits.remove_prefix(1);
    }
    if (!all_of(digits, kDigits)) {
      return std::nullopt;
    }
  }
  IntegerValue result;
  result.leading_zero = base == 10 && digits.size() > 1 && digits.front() == '0';
  const std::string with_sign = (negative ? "-" : "") + std::string(digits);
  const auto [end, error] =
      std::from_chars(with_sign.data(), with_sign.data() + with_sign.size(), result.value, base);
  result.fits = error == std::errc{};
  return result;
}

// [-+]? ( \. [0-9]+ | [0-9]+ ( \. [0-9]* )? ) ( [eE] [-+]? [0-9]+ )?
bool is_float(std::string_view text) {
  if (text.starts_with('-') || text.starts_with('+')) {
    text.remove_prefix(1);
  }
  const auto take_digits = [&] {
    std::size_t count = 0;
    while (!text.empty() && text.front() >= '0' && text.front() <= '9') {
      text.remove_prefix(1);
      ++count;
    }
    return count;
  };
  std::size_t digits = take_digits();
  if (text.starts_with('.')) {
    text.remove_prefix(1);
    digits += take_digits();
  }
  if (digits == 0) {
    return false;
  }
  if (text.starts_with('e') || text.starts_with('E')) {
    text.remove_prefix(1);
    if (text.starts_with('-') || text.starts_with('+')) {
      text.remove_prefix(1);
    }
    return take_digits() > 0 && text.empty();
  }
  return text.empty();
}

std::optional<NumberValue> number(std::string_view text) {
  const bool negative = text.starts_with('-');
  const std::string_view bare = negative || text.starts_with('+') ? text.substr(1) : text;
  if (bare == ".inf" || bare == ".Inf" || bare == ".INF") {
    const double infinity = std::numeric_limits<double>::infinity();
    return NumberValue{negative ? -infinity : infinity};
  }
  if (text == ".nan" || text == ".NaN" || text == ".NAN") {
    return NumberValue{std::numeric_limits<double>::quiet_NaN()};
  }
  if (!is_float(text)) {
    return std::nullopt;
  }
  NumberValue result;
  const auto [end, error] = std::from_chars(bare.data(), bare.data() + bare.size(), result.value);
  if (error == std::errc::result_out_of_range) {
    // Far too large or far too small; which of the two shows in the exponent's sign.
    result.value = bare.find("e-") == std::string_view::npos && bare.find("E-") == std::string_view::npos
                       ? std::numeric_limits<double>::infinity()
                       : 0.0;
  }
  result.value = negative ? -result.value : result.value;
  return result;
}

Seen resolve_plain(std::string_view text) {
  if (text.empty() || text == "~" || text == "null" || text == "Null" || text == "NULL") {
    return NullValue{};
  }
  if (text == "true" || text == "True" || text == "TRUE") {
    return true;
  }
  if (text == "false" || text == "False" || text == "FALSE") {
    return false;
  }
  if (auto found = integer(text)) {
    return *found;
  }
  if (auto found = number(text)) {
    return *found;
  }
  return TextValue{};
}

}  // namespace

Seen resolve(const YamlNode& node) {
  switch (node.kind) {
    case YamlKind::null:
      return NullValue{};
    case YamlKind::quoted:
      return TextValue{};
    case YamlKind::list:
      return ListValue{};
    case YamlKind::map:
      return MapValue{};
    case YamlKind::plain:
      break;
  }
  return resolve_plain(node.text);
}

std::string shown(std::string_view text) {
  if (text.size() > kShownBytes) {
    std::size_t end = 0;
    while (true) {
      const std::size_t step = std::max<std::size_t>(1, utf8_sequence_length(text.substr(end)));
      if (end + step > kShownBytes) {
        break;
      }
      end += step;
    }
    return shown(text.substr(0, end)) + "...";
  }
  std::string one_line = printable(text);
  std::ranges::replace(one_line, '\n', ' ');
  return one_line;
}

std::string describe_seen(const YamlNode& node) {
  struct Words {
    const YamlNode& node;
    std::string operator()(NullValue) const { return "empty"; }
    std::string operator()(bool) const { return std::format("the truth value `{}`", node.text); }
    std::string operator()(IntegerValue) const { return std::format("the integer `{}`", shown(node.text)); }
    std::string operator()(NumberValue) const { return std::format("the number `{}`", shown(node.text)); }
    std::string operator()(TextValue) const {
      return node.kind == YamlKind::quoted ? std::format("the text `\"{}\"`", shown(node.text))
                                           : std::format("the text `{}`", shown(node.text));
    }
    std::string operator()(ListValue) const { return "a list"; }
    std::string operator()(MapValue) const { return "a map"; }
  };
  return std::visit(Words{node}, resolve(node));
}

std::string yaml_text(std::string_view text) {
  constexpr std::string_view kUnsafeStart = "-?:,[]{}#&*!|>'\"%@` ";
  const bool plain = !text.empty() && std::holds_alternative<TextValue>(resolve_plain(text)) &&
                     kUnsafeStart.find(text.front()) == std::string_view::npos && text.back() != ' ' &&
                     text.back() != ':' && text.find(": ") == std::string_view::npos &&
                     text.find(" #") == std::string_view::npos &&
                     text.find_first_of(",[]{}\"\\\n\t\r") == std::string_view::npos && text != "<<" &&
                     printable(text) == text;
  if (plain) {
    return std::string(text);
  }
  std::string quoted = "\"";
  for (std::size_t i = 0; i < text.size();) {
    const char c = text[i];
    const std::size_t length = utf8_sequence_length(text.substr(i));
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      quoted += '\\';
      quoted += c;
    } else if (length == 0 || byte < 0x20 || byte == 0x7F) {
      quoted += std::format("\\x{:02x}", byte);
    } else {
      quoted += text.substr(i, length);
    }
    i += std::max<std::size_t>(1, length);
  }
  return quoted + "\"";
}

}  // namespace runup
