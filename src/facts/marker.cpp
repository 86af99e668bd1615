// SPDX-License-Identifier: Apache-2.0
#include "facts/marker.h"

#include <algorithm>
#include <array>
#include <utility>

#include "base/text.h"
#include "facts/lines.h"
#include "facts/version.h"

namespace runup {

namespace {

constexpr std::size_t kMaxDepth = 32;
constexpr std::size_t kMaxMarkerBytes = 8192;

std::string python_version(const MarkerEnvironment& environment) {
  const auto version = Version::parse(environment.python_full_version);
  return version ? std::to_string(version->part(0)) + "." + std::to_string(version->part(1)) : "";
}

// A variable's value; nothing for a name that is none. Empty values are not known, but for `extra`.
std::optional<std::string> value_of(std::string_view name, const MarkerEnvironment& environment) {
  const std::array<std::pair<std::string_view, const std::string*>, 15> variables{
      {{"python_full_version", &environment.python_full_version},
       {"implementation_version", &environment.python_full_version},
       {"platform_machine", &environment.platform_machine},
       {"platform.machine", &environment.platform_machine},
       {"sys_platform", &environment.sys_platform},
       {"sys.platform", &environment.sys_platform},
       {"os_name", &environment.os_name},
       {"os.name", &environment.os_name},
       {"platform_system", &environment.platform_system},
       {"platform_python_implementation", &environment.platform_python_implementation},
       {"platform.python_implementation", &environment.platform_python_implementation},
       {"python_implementation", &environment.platform_python_implementation},
       {"implementation_name", &environment.implementation_name},
       {"platform_release", &environment.platform_release},
       {"platform_version", &environment.platform_version}}};
  if (name == "extra") {
    return environment.extra;
  }
  if (name == "python_version") {
    return python_version(environment);
  }
  if (name == "platform.version") {
    return environment.platform_version;
  }
  const auto found =
      std::ranges::find(variables, name, &std::pair<std::string_view, const std::string*>::first);
  return found == variables.end() ? std::nullopt : std::optional(*found->second);
}

struct Operand {
  std::string text;
  bool is_variable = false;
  bool is_extra = false;
  bool is_known = true;
};

std::optional<bool> compare_text(const std::string& left, std::string_view comparison,
                                 const std::string& right) {
  const auto order = left <=> right;
  if (comparison == "==" || comparison == "===") {
    return order == 0;
  }
  if (comparison == "!=") {
    return order != 0;
  }
  if (comparison == "<") {
    return order < 0;
  }
  if (comparison == "<=") {
    return order <= 0;
  }
  if (comparison == ">") {
    return order > 0;
  }
  if (comparison == ">=") {
    return order >= 0;
  }
  return std::nullopt;
}

std::optional<bool> compare(Operand left, std::string_view comparison, Operand right) {
  if (!left.is_known || !right.is_known) {
    return std::nullopt;
  }
  if (left.is_extra || right.is_extra) {
    left.text = normalised_name(left.text);
    right.text = normalised_name(right.text);
  }
  if (comparison == "in" || comparison == "not in") {
    return right.text.contains(left.text) == (comparison == "in");
  }
  // As versions where the right side is one, else letter by letter.
  if (const auto bound = Specifiers::parse(std::string(comparison) + right.text); bound && !bound->empty()) {
    const auto version = Version::parse(left.text);
    return version ? std::optional(bound->hold_for(*version))
                   : compare_text(left.text, comparison, right.text);
  }
  return compare_text(left.text, comparison, right.text);
}

// By recursive descent; keeps reading when a value is not known, so that the grammar is always held.
class Reader {
 public:
  Reader(std::string_view text, const MarkerEnvironment& environment)
      : rest_(text), environment_(environment) {}

  // Whether it is a marker at all.
  bool read(std::optional<bool>& value) { return read_or(value, 0) && trim(rest_).empty(); }

 private:
  void skip_blanks() { rest_.remove_prefix(std::min(rest_.size(), rest_.find_first_not_of(" \t\r\n"))); }

  static bool is_name(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '.';
  }

  std::string_view peek_word() {
    skip_blanks();
    return rest_.substr(0, length_of_start(rest_, is_name));
  }

  bool take_word(std::string_view word) {
    if (peek_word() != word) {
      return false;
    }
    rest_.remove_prefix(word.size());
    return true;
  }

  bool take(std::string_view text) {
    skip_blanks();
    if (!rest_.starts_with(text)) {
      return false;
    }
    rest_.remove_prefix(text.size());
    return true;
  }

  bool read_or(std::optional<bool>& value, std::size_t depth) {
    if (!read_and(value, depth)) {
      return false;
    }
    while (take_word("or")) {
      std::optional<bool> next;
      if (!read_and(next, depth)) {
        return false;
      }
      const bool is_true = value.value_or(false) || next.value_or(false);
      value = is_true ? std::optional(true) : value && next ? std::optional(false) : std::nullopt;
    }
    return true;
  }

  bool read_and(std::optional<bool>& value, std::size_t depth) {
    if (!read_one(value, depth)) {
      return false;
    }
    while (take_word("and")) {
      std::optional<bool> next;
      if (!read_one(next, depth)) {
        return false;
      }
      const bool is_false = !value.value_or(true) || !next.value_or(true);
      value = is_false ? std::optional(false) : value && next ? std::optional(true) : std::nullopt;
    }
    return true;
  }

  bool read_one(std::optional<bool>& value, std::size_t depth) {
    if (take("(")) {
      return depth < kMaxDepth && read_or(value, depth + 1) && take(")");
    }
    const auto left = read_operand();
    const std::string comparison = left ? read_comparison() : "";
    const auto right = comparison.empty() ? std::nullopt : read_operand();
    if (!right) {
      return false;
    }
    value = compare(*left, comparison, *right);
    return true;
  }

  std::string read_comparison() {
    for (const std::string_view symbol : {"===", "==", "!=", "~=", "<=", ">=", "<", ">"}) {
      if (take(symbol)) {
        return std::string(symbol);
      }
    }
    if (take_word("in")) {
      return "in";
    }
    return take_word("not") && take_word("in") ? "not in" : "";
  }

  std::optional<Operand> read_operand() {
    skip_blanks();
    if (rest_.starts_with('"') || rest_.starts_with('\'')) {
      const std::size_t end = rest_.find(rest_[0], 1);
      if (end == std::string_view::npos) {
        return std::nullopt;
      }
      Operand operand{.text = std::string(rest_.substr(1, end - 1))};
      rest_.remove_prefix(end + 1);
      return operand;
    }
    const std::string_view name = peek_word();
    const auto value = value_of(name, environment_);
    if (!value) {
      return std::nullopt;
    }
    rest_.remove_prefix(name.size());
    const bool is_extra = name == "extra";
    return Operand{
        .text = *value, .is_variable = true, .is_extra = is_extra, .is_known = is_extra || !value->empty()};
  }

  std::string_view rest_;
  const MarkerEnvironment& environment_;
};

}  // namespace

bool is_marker(std::string_view marker) {
  std::optional<bool> value;
  return marker.size() <= kMaxMarkerBytes && Reader(marker, {}).read(value);
}

std::optional<bool> marker_holds(std::string_view marker, const MarkerEnvironment& environment) {
  if (trim(marker).empty()) {
    return true;
  }
  std::optional<bool> value;
  return marker.size() <= kMaxMarkerBytes && Reader(marker, environment).read(value) ? value : std::nullopt;
}

}  // namespace runup
