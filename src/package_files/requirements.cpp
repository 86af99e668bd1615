// SPDX-License-Identifier: Apache-2.0
#include "package_files/requirements.h"

#include <algorithm>
#include <array>
#include <format>
#include <optional>
#include <utility>

#include "base/text.h"
#include "facts/lines.h"
#include "facts/marker.h"
#include "facts/version.h"

namespace runup {

namespace {

constexpr std::string_view kPipBlanks = " \t\r\n";

bool is_letter_or_digit(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}
bool is_name_character(char c) { return is_letter_or_digit(c) || c == '-' || c == '_' || c == '.'; }

std::unexpected<Error> refuse(std::string_view text) {
  return fail(ErrorCode::bad_input, std::format("`{}` is not a requirement; expected such as `name==1.2.3`",
                                                printable(text.substr(0, 200))));
}

// The name at the start of `text`; empty when there is none.
std::string_view leading_name(std::string_view text) {
  std::size_t end = length_of_start(text, is_name_character);
  while (end > 0 && !is_letter_or_digit(text[end - 1])) {
    --end;
  }
  return end > 0 && is_letter_or_digit(text[0]) ? text.substr(0, end) : std::string_view();
}

std::string decode_percent(std::string_view text) {
  const auto digit = [](char c) { return std::string_view("0123456789abcdef").find(lower({&c, 1})); };
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool escaped = text[i] == '%' && i + 2 < text.size() &&
                         digit(text[i + 1]) != std::string_view::npos &&
                         digit(text[i + 2]) != std::string_view::npos;
    out += escaped ? static_cast<char>(digit(text[i + 1]) * 16 + digit(text[i + 2])) : text[i];
    i += escaped ? 2 : 0;
  }
  return out;
}

bool is_archive(std::string_view path) {
  constexpr std::array<std::string_view, 7> kEndings{".whl",     ".zip",    ".tar.gz", ".tgz",
                                                     ".tar.bz2", ".tar.xz", ".tar"};
  const std::string lowered = lower(path);
  return std::ranges::any_of(kEndings, [&](std::string_view ending) { return lowered.ends_with(ending); });
}

// A path, an address or an archive by its name; what starts otherwise is a project's name.
bool is_location(std::string_view text) {
  const std::string_view first = text.substr(0, std::min(text.size(), text.find_first_of(" \t;@[#")));
  return first.contains("://") || first.contains('/') || first.contains('\\') || first.starts_with('.') ||
         first.starts_with("file:") || is_archive(first);
}

std::vector<std::string> split_extras(std::string_view inside) {
  std::vector<std::string> extras;
  for (const std::string& part : split(inside, ',')) {
    const std::string_view extra = trim(part);
    if (!extra.empty()) {
      extras.push_back(normalised_name(extra));
    }
  }
  std::ranges::sort(extras);
  return extras;
}

// What an archive's file name tells: `name-1.2.3+cpu-cp311-cp311-linux_x86_64.whl`.
void read_wheel_name(RequirementFacts& facts, std::string_view url) {
  url = url.substr(0, url.find_first_of("#?"));
  const std::string file = decode_percent(url.substr(url.find_last_of("/\\") + 1));
  const std::vector<std::string> parts = split(file, '-');
  if (!lower(file).ends_with(".whl") || parts.size() < 5) {
    return;
  }
  if (facts.name.empty()) {
    facts.name = normalised_name(parts[0]);
  }
  if (const auto version = Version::parse(parts[1])) {
    facts.pinned = version->text();
  }
}

// `#egg=name[extra]&sha256=...` behind an address.
void read_fragment(RequirementFacts& facts, std::string_view url) {
  const std::size_t hash = url.find('#');
  if (hash == std::string_view::npos) {
    return;
  }
  for (const std::string& part : split(url.substr(hash + 1), '&')) {
    if (part.starts_with("egg=") && facts.name.empty()) {
      const std::string egg = decode_percent(std::string_view(part).substr(4));
      const std::string_view name = leading_name(egg);
      facts.name = normalised_name(name);
      if (egg.substr(name.size()).starts_with('[') && egg.ends_with(']')) {
        facts.extras =
            split_extras(std::string_view(egg).substr(name.size() + 1, egg.size() - name.size() - 2));
      }
    } else if (part.starts_with("sha256=") || part.starts_with("sha512=") || part.starts_with("md5=")) {
      facts.hashes.push_back(std::string(part).replace(part.find('='), 1, ":"));
    }
  }
}

void read_url(RequirementFacts& facts, std::string_view url) {
  facts.url = url;
  read_fragment(facts, url);
  read_wheel_name(facts, url);
  facts.torch_build = torch_build_of(facts.pinned.empty() ? url : facts.pinned);
  if (facts.torch_build.empty()) {
    facts.torch_build = torch_build_of(url);
  }
}

Result<void> set_marker(RequirementFacts& facts, std::string_view marker) {
  facts.marker = trim(marker);
  if (!facts.marker.empty() && !is_marker(facts.marker)) {
    return fail(ErrorCode::bad_input,
                std::format("`{}` is not an environment marker; expected such as `python_version < \"3.13\"`",
                            printable(facts.marker)));
  }
  return {};
}

// An address or path, perhaps with extras behind it, up to ` ;` and the marker.
Result<void> read_location(RequirementFacts& facts, std::string_view text) {
  std::size_t end = std::min(text.size(), text.find(" ;"));
  end = std::min(end, text.find("; "));
  const std::string_view marker =
      end == text.size() ? std::string_view() : text.substr(text.find(';', end) + 1);
  std::string_view url = trim(text.substr(0, end));
  if (url.ends_with(']') && !url.contains('#') && url.rfind('[') != std::string_view::npos) {
    const std::size_t open = url.rfind('[');
    facts.extras = split_extras(url.substr(open + 1, url.size() - open - 2));
    url = url.substr(0, open);
  }
  read_url(facts, url);
  return set_marker(facts, marker);
}

Result<void> set_specifiers(RequirementFacts& facts, std::string_view text) {
  text = trim(text);
  if (text.starts_with('(') && text.ends_with(')')) {
    text = text.substr(1, text.size() - 2);
  }
  auto specifiers = Specifiers::parse(text);
  if (!specifiers) {
    return std::unexpected(specifiers.error());
  }
  facts.specifiers = specifiers->text();
  facts.pinned = specifiers->pinned();
  facts.torch_build = torch_build_of(facts.pinned);
  return {};
}

}  // namespace

std::string torch_build_of(std::string_view text) {
  const auto is_build = [](std::string_view word) {
    const auto digits_after = [&](std::string_view start) {
      return word.starts_with(start) && word.size() > start.size() &&
             word.find_first_not_of("0123456789.", start.size()) == std::string_view::npos;
    };
    return word == "cpu" || word == "xpu" || digits_after("cu") || digits_after("rocm");
  };
  const std::string decoded = lower(decode_percent(text));
  // of a version `2.6.0+cu124`, also inside a wheel's name; the dots of `rocm6.2` belong to it
  if (const std::size_t plus = decoded.rfind('+'); plus != std::string::npos) {
    const std::size_t end = decoded.find_first_of("-/#", plus);
    const std::string local = decoded.substr(plus + 1, end == std::string::npos ? end : end - plus - 1);
    // `cpu.cxx11.abi`
    for (const std::string& word : {local, split(local, '.').front()}) {
      if (is_build(word)) {
        return word;
      }
    }
  }
  if (!decoded.contains('/')) {
    return {};
  }
  for (const std::string& part : split(decoded, '/')) {
    if (is_build(part)) {
      return part;
    }
  }
  return {};
}

Result<RequirementFacts> parse_requirement(std::string_view text) {
  text = trim(text);
  if (text.empty() || text.size() > kMaxRequirementBytes) {
    return refuse(text);
  }
  RequirementFacts facts{.written = std::string(text)};
  const std::string_view name = leading_name(text);
  if (is_location(text)) {
    if (auto ok = read_location(facts, text); !ok) {
      return std::unexpected(ok.error());
    }
    return facts;
  }
  if (name.empty()) {
    return refuse(text);
  }
  facts.name = normalised_name(name);
  std::string_view rest = trim(text.substr(name.size()));
  if (rest.starts_with('[')) {
    const std::size_t close = rest.find(']');
    if (close == std::string_view::npos) {
      return refuse(text);
    }
    facts.extras = split_extras(rest.substr(1, close - 1));
    rest = trim(rest.substr(close + 1));
  }
  if (rest.starts_with('@')) {
    if (auto ok = read_location(facts, trim(rest.substr(1))); !ok) {
      return std::unexpected(ok.error());
    }
    return facts.url.empty() ? Result<RequirementFacts>(refuse(text)) : facts;
  }
  const std::size_t semicolon = std::min(rest.size(), rest.find(';'));
  if (!rest.empty() && !std::string_view("<>=!~(;").contains(rest[0])) {
    return refuse(text);
  }
  if (auto ok = set_specifiers(facts, rest.substr(0, semicolon)); !ok) {
    return std::unexpected(ok.error());
  }
  if (auto ok = set_marker(facts, semicolon < rest.size() ? rest.substr(semicolon + 1) : ""); !ok) {
    return std::unexpected(ok.error());
  }
  return facts;
}

namespace {

// A line with those that continue it, without comment.
struct LogicalLine {
  std::string text;
  std::uint64_t line = 0;
};

std::string_view without_comment(std::string_view line) {
  for (std::size_t hash = line.find('#'); hash != std::string_view::npos; hash = line.find('#', hash + 1)) {
    if (hash == 0 || kPipBlanks.contains(line[hash - 1])) {
      return trim(line.substr(0, hash));
    }
  }
  return trim(line);
}

// As pip joins them: a comment ends what it continues.
std::vector<LogicalLine> logical_lines(std::string_view text) {
  std::vector<LogicalLine> joined;
  std::string open;
  std::uint64_t start = 0;
  std::uint64_t number = 0;
  const auto finish = [&] {
    const std::string_view content = without_comment(open);
    if (!content.empty()) {
      joined.push_back({.text = std::string(content), .line = start});
    }
    open.clear();
    start = 0;
  };
  for (const std::string_view line : lines_of(text, kMaxRequirementsBytes)) {
    ++number;
    start = start == 0 ? number : start;
    const bool is_comment = trim(line).starts_with('#');
    if (line.ends_with('\\') && !is_comment && open.size() < kMaxRequirementBytes) {
      open += line.substr(0, line.find_last_not_of('\\') + 1);
      continue;
    }
    // the blank makes a comment of what the line continues
    open += is_comment ? " " : "";
    open += line;
    finish();
  }
  finish();
  return joined;
}

// Splits as a shell does: blanks outside of quotes.
std::vector<std::string> shell_split(std::string_view text) {
  std::vector<std::string> words;
  std::optional<std::string> word;
  char quote = '\0';
  for (const char c : text) {
    if (quote != '\0') {
      if (c == quote) {
        quote = '\0';
      } else {
        *word += c;
      }
    } else if (c == '"' || c == '\'') {
      quote = c;
      word = word.value_or("");
    } else if (kPipBlanks.contains(c)) {
      if (word) {
        words.push_back(std::move(*word));
        word.reset();
      }
    } else {
      word = word.value_or("") + c;
    }
  }
  if (word) {
    words.push_back(std::move(*word));
  }
  return words;
}

// Where pip's options start behind a requirement.
std::size_t start_of_options(std::string_view text) {
  for (std::size_t at = text.find('-'); at != std::string_view::npos; at = text.find('-', at + 1)) {
    if (at > 0 && kPipBlanks.contains(text[at - 1])) {
      return at;
    }
  }
  return text.size();
}

class FileReader {
 public:
  FileReader(std::string_view file, bool is_constraints) : file_(file), is_constraints_(is_constraints) {}

  RequirementsFacts read(std::string_view bytes) {
    const std::string text = to_utf8(bytes);
    if (text.size() > kMaxRequirementsBytes) {
      facts_.problems.push_back(too_long(file_, text.size(), kMaxRequirementsBytes));
    }
    for (const LogicalLine& line : logical_lines(text)) {
      if (facts_.requirements.size() >= kMaxRequirements) {
        problem(std::format("more than {} requirements; the rest was not read", kMaxRequirements));
        break;
      }
      read_line(line.text, line.line);
    }
    return std::move(facts_);
  }

  // Without comment and continuation.
  void read_line(std::string_view text, std::uint64_t line) {
    line_ = line;
    if (text.starts_with('-')) {
      read_options(shell_split(text));
    } else {
      read_requirement(text, false);
    }
  }
  RequirementsFacts& facts() { return facts_; }

 private:
  // An option that we look at: its names, and what its value is for.
  struct Option {
    std::string_view letter;
    std::string_view name;
    void (FileReader::*take)(std::string value);
  };

  void problem(std::string message) {
    facts_.problems.push_back({.file = file_, .line = line_, .message = std::move(message)});
  }

  void read_requirement(std::string_view text, bool editable) {
    const std::size_t end = start_of_options(text);
    auto requirement = parse_requirement(text.substr(0, end));
    if (!requirement) {
      problem(requirement.error().message);
      return;
    }
    for (const std::string& option : shell_split(text.substr(end))) {
      if (option.starts_with("--hash=")) {
        requirement->hashes.push_back(option.substr(7));
      }
    }
    requirement->editable = editable;
    requirement->constraint = is_constraints_;
    requirement->file = file_;
    requirement->line = line_;
    facts_.requirements.push_back(std::move(*requirement));
  }

  void add_index(IndexKind kind, std::string url) {
    std::string build = torch_build_of(url);
    facts_.indexes.push_back(
        {.kind = kind, .url = std::move(url), .torch_build = std::move(build), .file = file_, .line = line_});
  }
  void take_include(std::string value) {
    facts_.includes.push_back(
        {.path = std::move(value), .constraint = is_constraints_, .file = file_, .line = line_});
  }
  void take_constraint(std::string value) {
    facts_.includes.push_back({.path = std::move(value), .constraint = true, .file = file_, .line = line_});
  }
  void take_editable(std::string value) { read_requirement(value, true); }
  void take_index(std::string value) { add_index(IndexKind::index, std::move(value)); }
  void take_extra_index(std::string value) { add_index(IndexKind::extra_index, std::move(value)); }
  void take_find_links(std::string value) { add_index(IndexKind::find_links, std::move(value)); }

  void read_options(const std::vector<std::string>& words) {
    static constexpr std::array<Option, 7> kOptions{{{"-r", "--requirement", &FileReader::take_include},
                                                     {"-c", "--constraint", &FileReader::take_constraint},
                                                     {"-e", "--editable", &FileReader::take_editable},
                                                     {"-i", "--index-url", &FileReader::take_index},
                                                     {"", "--pypi-url", &FileReader::take_index},
                                                     {"", "--extra-index-url", &FileReader::take_extra_index},
                                                     {"-f", "--find-links", &FileReader::take_find_links}}};
    for (std::size_t i = 0; i < words.size(); ++i) {
      const std::string& word = words[i];
      if (word == "--no-index") {
        add_index(IndexKind::no_index, "");
        continue;
      }
      const auto option = std::ranges::find_if(kOptions, [&](const Option& candidate) {
        return word == candidate.name || word.starts_with(std::string(candidate.name) + "=") ||
               (!candidate.letter.empty() && word.starts_with(candidate.letter) && !word.starts_with("--"));
      });
      // Other options and their values say nothing about what is wanted.
      if (option == kOptions.end()) {
        continue;
      }
      std::string value;
      if (const std::size_t equals = word.find('='); word.starts_with("--") && equals != std::string::npos) {
        value = word.substr(equals + 1);
      } else if (!word.starts_with("--") && word.size() > 2) {
        value = word.substr(word[2] == '=' ? 3 : 2);
      } else if (i + 1 < words.size()) {
        value = words[++i];
      }
      if (value.empty()) {
        problem(std::format("`{}` has no value", printable(word)));
        continue;
      }
      (this->*option->take)(std::move(value));
    }
  }

  std::string file_;
  bool is_constraints_;
  std::uint64_t line_ = 0;
  RequirementsFacts facts_;
};

}  // namespace

RequirementsFacts read_requirements(std::string_view bytes, std::string_view file, bool is_constraints) {
  return FileReader(file, is_constraints).read(bytes);
}

void read_requirement_line(std::string_view text, std::string_view file, std::uint64_t line,
                           RequirementsFacts& facts) {
  FileReader reader(file, false);
  std::swap(reader.facts(), facts);
  reader.read_line(without_comment(text), line);
  std::swap(reader.facts(), facts);
}

}  // namespace runup
