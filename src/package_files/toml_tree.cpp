// SPDX-License-Identifier: Apache-2.0
#include "package_files/toml_tree.h"

#include <algorithm>
#include <exception>
#include <format>
#include <tuple>
#include <utility>

#include "base/duration.h"
#include "base/text.h"

namespace runup {

namespace {

// toml++ 3.4 asserts what files can break: `[!` does. Its assertions are thrown, in every kind of build,
// and caught below; without them it would go on with what it takes for impossible.
struct BrokenAssertion {};

inline void hold(bool expected) {
  if (!expected) {
    throw BrokenAssertion{};
  }
}

}  // namespace

}  // namespace runup

#undef NDEBUG
#define TOML_ASSERT(expression) ::runup::hold(static_cast<bool>(expression))
// Debian's package has a shared library too; the header alone links statically.
#define TOML_HEADER_ONLY 1
#define TOML_EXCEPTIONS 0
#define TOML_ENABLE_FORMATTERS 0
#define TOML_MAX_NESTED_VALUES 64
#include <toml++/toml.hpp>

namespace runup {

namespace {

static_assert(TOML_MAX_NESTED_VALUES == kMaxTomlDepth);

// Finds a dotted key that is too long before toml++ makes a table of each part, one in the other, and
// runs out of stack when it destroys them.
class KeyGuard {
 public:
  explicit KeyGuard(std::string_view text) : text_(text) {}

  // The line of such a key; 0 when there is none.
  std::uint64_t find() {
    while (at_ < text_.size()) {
      const char character = text_[at_];
      if (character == '"' || character == '\'') {
        skip_quoted(character);
        continue;
      }
      if (character == '#') {
        at_ = std::min(text_.size(), text_.find('\n', at_));
        continue;
      }
      if (character == '\n') {
        ++line_;
      }
      if (character == '.') {
        ++dots_;
      } else if (std::string_view("\n=,[]{}").contains(character)) {
        dots_ = 0;
      }
      if (dots_ >= kMaxTomlKeyParts) {
        return line_;
      }
      ++at_;
    }
    return 0;
  }

 private:
  void skip_quoted(char quote) {
    const std::string three(3, quote);
    const bool is_long = text_.substr(at_).starts_with(three);
    at_ += is_long ? 3 : 1;
    while (at_ < text_.size()) {
      if (is_long ? text_.substr(at_).starts_with(three) : text_[at_] == quote || text_[at_] == '\n') {
        at_ += is_long ? 3 : text_[at_] == quote ? 1 : 0;
        return;
      }
      line_ += text_[at_] == '\n' ? 1U : 0U;
      at_ += text_[at_] == '\\' && quote == '"' && at_ + 1 < text_.size() && text_[at_ + 1] != '\n' ? 2U : 1U;
    }
  }

  std::string_view text_;
  std::size_t at_ = 0;
  std::size_t dots_ = 0;
  std::uint64_t line_ = 1;
};

TomlNode convert(const toml::node& node) {
  TomlNode out{.line = node.source().begin.line};
  if (const toml::table* table = node.as_table()) {
    std::vector<std::pair<toml::source_position, TomlEntry>> entries;
    for (const auto& [key, value] : *table) {
      entries.emplace_back(key.source().begin,
                           TomlEntry{.key = std::string(key.str()), .value = convert(value)});
    }
    // toml++ keeps them by name.
    std::ranges::stable_sort(
        entries, {}, [](const auto& entry) { return std::tuple(entry.first.line, entry.first.column); });
    for (auto& [place, entry] : entries) {
      entry.value.line = place.line;
      out.entries.push_back(std::move(entry));
    }
  } else if (const toml::array* array = node.as_array()) {
    out.kind = TomlKind::list;
    for (const toml::node& item : *array) {
      out.items.push_back(convert(item));
    }
  } else if (const toml::value<std::string>* text = node.as_string()) {
    out.kind = TomlKind::text;
    out.text = text->get();
  } else if (const toml::value<bool>* boolean = node.as_boolean()) {
    out.kind = TomlKind::boolean;
    out.text = boolean->get() ? "true" : "false";
  } else {
    out.kind = TomlKind::other;
  }
  return out;
}

}  // namespace

const TomlNode* TomlNode::find(std::string_view key) const {
  const auto found = std::ranges::find(entries, key, &TomlEntry::key);
  return found == entries.end() ? nullptr : &found->value;
}

std::string TomlNode::text_at(std::string_view key) const {
  const TomlNode* node = find(key);
  return node != nullptr && node->kind == TomlKind::text ? node->text : "";
}

std::vector<std::string> TomlNode::texts_at(std::string_view key) const {
  std::vector<std::string> texts;
  if (const TomlNode* node = find(key)) {
    for (const TomlNode& item : node->items) {
      if (item.kind == TomlKind::text) {
        texts.push_back(item.text);
      }
    }
  }
  return texts;
}

Result<TomlNode> parse_toml(std::string_view text) {
  if (text.size() > kMaxTomlBytes) {
    return fail(ErrorCode::limit, std::format("{} long; expected at most {}", format_bytes(text.size()),
                                              format_bytes(kMaxTomlBytes)));
  }
  if (const std::uint64_t line = KeyGuard(text).find(); line != 0) {
    return fail(ErrorCode::limit,
                std::format("line {}: a key of more than {} parts", line, kMaxTomlKeyParts));
  }
  try {
    const toml::parse_result result = toml::parse(text);
    if (result) {
      return convert(result.table());
    }
    const toml::parse_error& error = result.error();
    return fail(ErrorCode::bad_input, std::format("line {}: not valid TOML: {}", error.source().begin.line,
                                                  printable(error.description())));
  } catch (const BrokenAssertion&) {
    return fail(ErrorCode::bad_input, "not valid TOML");
  } catch (const std::exception& error) {
    return fail(ErrorCode::bad_input, std::string("cannot be read as TOML: ") + error.what());
  }
}

}  // namespace runup
