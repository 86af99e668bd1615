// SPDX-License-Identifier: Apache-2.0
#include "package_files/dockerfile_syntax.h"

#include <algorithm>
#include <array>
#include <format>
#include <utility>

#include "base/codec.h"
#include "base/text.h"
#include "facts/lines.h"

namespace runup {

namespace {

constexpr std::string_view kBlanks = " \t\r\n\v\f";
constexpr std::size_t kMaxDepth = 16;
// of a text with its variables filled in, which may hold each other several times over
constexpr std::size_t kMaxExpandedBytes = std::size_t{64} * 1024;

bool is_blank(char c) { return kBlanks.contains(c); }
bool is_name_start(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }
bool is_name(char c) { return is_name_start(c) || (c >= '0' && c <= '9'); }

std::string upper(std::string_view text) {
  std::string out(text);
  std::ranges::transform(out, out.begin(),
                         [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c; });
  return out;
}

bool is_comment(std::string_view line) { return trim(line).starts_with('#'); }

// Takes the escape character off the end of a line; false when the line does not go on.
bool take_continuation(std::string_view& line, char escape) {
  const std::size_t last = line.find_last_not_of(" \t");
  if (last == std::string_view::npos || line[last] != escape || (last > 0 && line[last - 1] == escape)) {
    return false;
  }
  line = line.substr(0, last);
  return true;
}

std::string without_quotes(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\' && i + 1 < text.size()) {
      out += text[++i];
    } else if (text[i] != '"' && text[i] != '\'') {
      out += text[i];
    }
  }
  return out;
}

// `<<EOF`, `3<<-"EOF"`: the name, and whether tabs before it count for nothing.
std::optional<std::pair<std::string, bool>> here_document(std::string_view word) {
  word.remove_prefix(std::min(word.size(), word.find_first_not_of("0123456789")));
  if (!word.starts_with("<<")) {
    return std::nullopt;
  }
  word.remove_prefix(2);
  const bool chomps = word.starts_with('-');
  word.remove_prefix(chomps ? 1 : 0);
  const std::string name = without_quotes(word);
  if (name.empty() || word.contains('<')) {
    return std::nullopt;
  }
  return std::pair(name, chomps);
}

class SyntaxReader {
 public:
  SyntaxReader(std::string_view text, std::string_view file)
      : lines_(lines_of(text, kMaxDockerfileBytes)), file_(file) {}

  DockerfileSyntax read() {
    read_directives();
    while (next_ < lines_.size() && out_.instructions.size() < kMaxInstructions) {
      read_instruction();
    }
    if (next_ < lines_.size()) {
      problem(next_ + 1, std::format("more than {} instructions; the rest was not read", kMaxInstructions));
    }
    return std::move(out_);
  }

 private:
  void problem(std::uint64_t line, std::string message) {
    out_.problems.push_back({.file = file_, .line = line, .message = std::move(message)});
  }

  // `# escape=...` in the comments at the top; the first line that is no directive ends them.
  void read_directives() {
    for (const std::string_view line : lines_) {
      std::string_view text = trim(line);
      const std::size_t equals = text.find('=');
      if (!text.starts_with('#') || equals == std::string_view::npos) {
        return;
      }
      const std::string key = lower(trim(text.substr(1, equals - 1)));
      const std::string_view value = trim(text.substr(equals + 1));
      if (key != "syntax" && key != "escape" && key != "check") {
        return;
      }
      if (key == "escape" && (value == "`" || value == "\\")) {
        out_.escape = value[0];
      }
    }
  }

  void read_instruction() {
    const std::uint64_t start = next_ + 1;
    std::string_view line = lines_[next_++];
    line = is_comment(line) ? std::string_view() : line;
    bool goes_on = take_continuation(line, out_.escape);
    std::string text(line);
    if (!goes_on && trim(text).empty()) {
      return;
    }
    while (goes_on && next_ < lines_.size()) {
      std::string_view more = lines_[next_++];
      if (is_comment(more) || trim(more).empty()) {
        continue;
      }
      goes_on = take_continuation(more, out_.escape);
      text += more;
    }
    finish(trim(text), start);
  }

  void finish(std::string_view text, std::uint64_t line) {
    if (text.empty()) {
      return;
    }
    const std::size_t end = std::min(text.size(), text.find_first_of(kBlanks));
    Instruction instruction{.name = upper(text.substr(0, end)), .line = line};
    std::string_view rest = trim(text.substr(end));
    while (rest.starts_with("--") && rest.size() > 2 && !is_blank(rest[2])) {
      const std::size_t flag_end = flag_length(rest);
      instruction.flags.push_back(without_quotes(rest.substr(2, flag_end - 2)));
      rest = trim(rest.substr(flag_end));
    }
    instruction.text = rest;
    const bool takes_documents =
        instruction.name == "RUN" || instruction.name == "COPY" || instruction.name == "ADD";
    if (takes_documents && text.contains("<<") && !exec_form(rest)) {
      read_documents(instruction);
    }
    out_.instructions.push_back(std::move(instruction));
  }

  static std::size_t flag_length(std::string_view text) {
    char quote = '\0';
    for (std::size_t i = 0; i < text.size(); ++i) {
      if (quote != '\0') {
        quote = text[i] == quote ? '\0' : quote;
      } else if (text[i] == '"' || text[i] == '\'') {
        quote = text[i];
      } else if (is_blank(text[i])) {
        return i;
      }
    }
    return text.size();
  }

  void read_documents(Instruction& instruction) {
    for (const std::string& word : split_words(instruction.text, out_.escape)) {
      const auto found = here_document(word);
      if (!found) {
        continue;
      }
      HereDocument document{.name = found->first};
      bool is_closed = false;
      while (next_ < lines_.size() && !is_closed) {
        const std::string_view line = lines_[next_++];
        const std::size_t tabs = found->second ? std::min(line.size(), line.find_first_not_of('\t')) : 0;
        is_closed = line.substr(tabs) == document.name;
        if (!is_closed) {
          document.content += line;
          document.content += '\n';
        }
      }
      if (!is_closed) {
        problem(instruction.line,
                std::format("the here-document `{}` is not closed", printable(document.name)));
      }
      instruction.documents.push_back(std::move(document));
    }
  }

  std::vector<std::string_view> lines_;
  std::string file_;
  std::size_t next_ = 0;
  DockerfileSyntax out_;
};

// Fills in variables; recursive only for the words inside `${X:-word}`.
class Expander {
 public:
  Expander(char escape, const VariableLookup& lookup) : escape_(escape), lookup_(lookup) {}

  // Up to the end, or to the `}` that closes the word of a variable, which stays in `rest`.
  std::string expand(std::string_view& rest, bool in_braces, std::size_t depth) {
    std::string out;
    bool is_quoted = false;
    while (!rest.empty() && out.size() < kMaxExpandedBytes) {
      const char c = rest[0];
      if (in_braces && c == '}' && !is_quoted) {
        break;
      }
      if (c == '\'' && !is_quoted) {
        const std::size_t end = std::min(rest.size(), rest.find('\'', 1));
        out += rest.substr(1, end - 1);
        rest.remove_prefix(std::min(rest.size(), end + 1));
      } else if (c == '"') {
        is_quoted = !is_quoted;
        rest.remove_prefix(1);
      } else if (c == escape_ && rest.size() > 1) {
        // in double quotes an escape that protects nothing is itself meant
        const bool protects = !is_quoted || rest[1] == '"' || rest[1] == '$' || rest[1] == escape_;
        out += protects ? rest.substr(1, 1) : rest.substr(0, 2);
        rest.remove_prefix(2);
      } else if (c == '$') {
        out += variable(rest, depth);
      } else {
        out += c;
        rest.remove_prefix(1);
      }
    }
    return out;
  }

 private:
  std::string variable(std::string_view& rest, std::size_t depth) {
    const std::string_view whole = rest;
    rest.remove_prefix(1);
    const bool braces = rest.starts_with('{');
    rest.remove_prefix(braces ? 1 : 0);
    const std::size_t length = length_of_start(rest, is_name);
    const std::string_view name = rest.substr(0, length);
    if (name.empty() || !is_name_start(name[0]) || depth >= kMaxDepth) {
      rest = whole.substr(1);
      return "$";
    }
    rest.remove_prefix(length);
    const auto as_written = [&] { return std::string(whole.substr(0, whole.size() - rest.size())); };
    if (!braces) {
      return lookup_(name).value_or(as_written());
    }
    return in_braces(name, rest, depth).value_or(as_written());
  }

  // From behind the name up to and with the `}`. Nothing when the variable is to stay as written.
  std::optional<std::string> in_braces(std::string_view name, std::string_view& rest, std::size_t depth) {
    const auto value = lookup_(name);
    if (rest.starts_with('}')) {
      rest.remove_prefix(1);
      return value;
    }
    const bool colon = rest.starts_with(':');
    const std::string_view after = rest.substr(colon ? 1 : 0);
    const char modifier = after.empty() ? '\0' : after[0];
    if (modifier != '-' && modifier != '+' && modifier != '?') {
      rest.remove_prefix(std::min(rest.size(), rest.find('}')));
      rest.remove_prefix(rest.empty() ? 0 : 1);
      return std::nullopt;
    }
    rest = after.substr(1);
    std::string word = expand(rest, true, depth + 1);
    rest.remove_prefix(rest.empty() ? 0 : 1);
    const bool is_set = value && (!colon || !value->empty());
    if (modifier == '+') {
      return is_set ? word : "";
    }
    return is_set || modifier == '?' ? value : std::optional(word);
  }

  char escape_;
  const VariableLookup& lookup_;
};

}  // namespace

DockerfileSyntax parse_dockerfile_syntax(std::string_view text, std::string_view file) {
  if (text.starts_with("\xEF\xBB\xBF")) {
    text.remove_prefix(3);
  }
  DockerfileSyntax syntax = SyntaxReader(text, file).read();
  if (text.size() > kMaxDockerfileBytes) {
    syntax.problems.push_back(too_long(file, text.size(), kMaxDockerfileBytes));
  }
  return syntax;
}

std::string expand_word(std::string_view word, char escape, const VariableLookup& lookup) {
  return Expander(escape, lookup).expand(word, false, 0);
}

std::vector<std::string> split_words(std::string_view text, char escape) {
  std::vector<std::string> words;
  std::string word;
  char quote = '\0';
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (quote == '\0' && is_blank(c)) {
      if (!word.empty()) {
        words.push_back(std::move(word));
        word.clear();
      }
      continue;
    }
    word += c;
    if (c == escape && quote != '\'' && i + 1 < text.size()) {
      word += text[++i];
    } else if (c == quote) {
      quote = '\0';
    } else if (quote == '\0' && (c == '"' || c == '\'')) {
      quote = c;
    }
  }
  if (!word.empty()) {
    words.push_back(std::move(word));
  }
  return words;
}

std::optional<std::vector<std::string>> exec_form(std::string_view text) {
  text = trim(text);
  if (!text.starts_with('[')) {
    return std::nullopt;
  }
  const auto json = parse_json(text, kMaxDockerfileBytes);
  if (!json || !json->is_array()) {
    return std::nullopt;
  }
  std::vector<std::string> words;
  for (const Json& item : *json) {
    if (!item.is_string()) {
      return std::nullopt;
    }
    words.push_back(item.get<std::string>());
  }
  return words;
}

}  // namespace runup
