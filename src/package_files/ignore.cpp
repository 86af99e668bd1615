// SPDX-License-Identifier: Apache-2.0
#include "package_files/ignore.h"

#include <algorithm>
#include <format>
#include <utility>

#include "base/duration.h"
#include "base/text.h"
#include "facts/lines.h"

namespace runup {

namespace {

std::string_view last_part(std::string_view path) { return path.substr(path.rfind('/') + 1); }

// Where each folder above `path` ends, and the path itself, from the top.
std::vector<std::size_t> ends_of_parts(std::string_view path) {
  std::vector<std::size_t> ends;
  for (std::size_t slash = path.find('/'); slash != std::string_view::npos;
       slash = path.find('/', slash + 1)) {
    ends.push_back(slash);
  }
  ends.push_back(path.size());
  return ends;
}

bool is_usable(std::string_view path) {
  return !path.empty() && path.size() <= kMaxPathBytes &&
         std::ranges::count(path, '/') < static_cast<std::ptrdiff_t>(kMaxPathParts);
}

std::string base_of(const IgnoreFile& file) { return file.folder.empty() ? "" : file.folder + "/"; }

// What git strips of the end of a line: blanks that no backslash protects.
std::string_view without_trailing_spaces(std::string_view line) {
  std::size_t end = 0;
  for (std::size_t i = 0; i < line.size(); ++i) {
    if (line[i] == '\\') {
      i = std::min(i + 1, line.size() - 1);
      end = i + 1;
    } else if (line[i] != ' ') {
      end = i + 1;
    }
  }
  return line.substr(0, end);
}

// Files from the root down; the order of those for one folder stays.
std::vector<const IgnoreFile*> by_depth(std::span<const IgnoreFile> files) {
  std::vector<const IgnoreFile*> sorted;
  for (const IgnoreFile& file : files) {
    sorted.push_back(&file);
  }
  std::ranges::stable_sort(sorted, {}, [](const IgnoreFile* file) {
    return file->folder.empty() ? 0 : std::ranges::count(file->folder, '/') + 1;
  });
  return sorted;
}

// For each folder above `path` and for itself (they end at `ends`) whether the pattern holds for it. `base` is
// the folder of the pattern's file: empty, or with a `/` at its end.
std::vector<bool> matches_git(const PathPattern& pattern, bool name_only, std::string_view base,
                              std::string_view path, std::span<const std::size_t> ends) {
  std::vector<bool> matched(ends.size(), false);
  if (!path.starts_with(base)) {
    return matched;
  }
  const auto first = static_cast<std::size_t>(std::ranges::upper_bound(ends, base.size()) - ends.begin());
  if (name_only) {
    for (std::size_t i = first; i < ends.size(); ++i) {
      matched[i] = pattern.matches(last_part(path.substr(0, ends[i])));
    }
    return matched;
  }
  std::vector<std::size_t> inside(ends.begin() + static_cast<std::ptrdiff_t>(first), ends.end());
  for (std::size_t& end : inside) {
    end -= base.size();
  }
  std::ranges::copy(pattern.matches_up_to(path.substr(base.size()), inside),
                    matched.begin() + static_cast<std::ptrdiff_t>(first));
  return matched;
}

}  // namespace

IgnoreRules IgnoreRules::docker(std::string_view text, std::string_view name) {
  IgnoreRules rules;
  rules.is_docker_ = true;
  if (text.starts_with("\xEF\xBB\xBF")) {
    text.remove_prefix(3);
  }
  if (text.size() > kMaxIgnoreBytes) {
    rules.problems_.push_back(too_long(name, text.size(), kMaxIgnoreBytes));
  }
  std::uint64_t number = 0;
  for (const std::string_view line : lines_of(text, kMaxIgnoreBytes)) {
    rules.add_docker(line, name, ++number);
  }
  return rules;
}

void IgnoreRules::add_docker(std::string_view line, std::string_view name, std::uint64_t number) {
  const std::string_view written = trim(line);
  if (line.starts_with('#') || written.empty()) {
    return;
  }
  const bool negated = written.starts_with('!');
  std::string pattern = clean_path(trim(written.substr(negated ? 1 : 0)));
  if (pattern.size() > 1 && pattern.starts_with('/')) {
    pattern.erase(0, 1);
  }
  if (negated && trim(written.substr(1)).empty()) {
    problems_.push_back(
        {.file = std::string(name), .line = number, .message = "a `!` alone; expected a pattern behind it"});
    return;
  }
  auto compiled = PathPattern::docker(pattern);
  if (!compiled) {
    problems_.push_back({.file = std::string(name), .line = number, .message = compiled.error().message});
    return;
  }
  rules_.push_back({.match = {.file = std::string(name),
                              .line = number,
                              .pattern = std::string(written),
                              .negated = negated},
                    .pattern = std::move(*compiled)});
}

IgnoreRules IgnoreRules::git(std::span<const IgnoreFile> files) {
  IgnoreRules rules;
  for (const IgnoreFile* file : by_depth(files)) {
    rules.add_git(*file);
  }
  return rules;
}

void IgnoreRules::add_git(const IgnoreFile& file) {
  std::string_view text = file.text;
  if (text.starts_with("\xEF\xBB\xBF")) {
    text.remove_prefix(3);
  }
  if (text.size() > kMaxIgnoreBytes) {
    problems_.push_back(too_long(file.name, text.size(), kMaxIgnoreBytes));
  }
  std::uint64_t number = 0;
  for (const std::string_view line : lines_of(text, kMaxIgnoreBytes)) {
    ++number;
    const std::string_view written = without_trailing_spaces(line);
    if (written.empty() || written.starts_with('#')) {
      continue;
    }
    Rule rule{.match = {.file = file.name, .line = number, .pattern = std::string(written)},
              .base = base_of(file)};
    std::string_view pattern = written;
    if (pattern.starts_with('!')) {
      rule.match.negated = true;
      pattern.remove_prefix(1);
    }
    if (pattern.ends_with('/')) {
      rule.only_directories = true;
      pattern.remove_suffix(1);
    }
    rule.name_only = !pattern.contains('/');
    rule.pattern = rule.name_only ? PathPattern::git_name(pattern) : PathPattern::git_path(pattern);
    rules_.push_back(std::move(rule));
  }
}

const IgnoreRules::Rule* IgnoreRules::git_rule(std::string_view path, bool is_directory) const {
  const std::vector<std::size_t> ends = ends_of_parts(path);
  // the last rule that holds for each part
  std::vector<const Rule*> last(ends.size(), nullptr);
  for (const Rule& rule : rules_) {
    const std::vector<bool> matched = matches_git(rule.pattern, rule.name_only, rule.base, path, ends);
    for (std::size_t i = 0; i < ends.size(); ++i) {
      const bool fits = !rule.only_directories || i + 1 < ends.size() || is_directory;
      last[i] = matched[i] && fits ? &rule : last[i];
    }
  }
  for (std::size_t i = 0; i + 1 < ends.size(); ++i) {
    if (last[i] != nullptr && !last[i]->match.negated) {
      return last[i];
    }
  }
  return last.back();
}

const IgnoreRules::Rule* IgnoreRules::docker_rule(std::string_view path) const {
  const std::vector<std::size_t> ends = ends_of_parts(path);
  std::vector<std::vector<bool>> matched;
  for (const Rule& rule : rules_) {
    matched.push_back(rule.pattern.matches_up_to(path, ends));
  }
  // for each rule, whether it held for the folder above
  std::vector<bool> held(rules_.size(), false);
  const Rule* decided = nullptr;
  for (std::size_t part = 0; part < ends.size(); ++part) {
    decided = nullptr;
    for (std::size_t i = 0; i < rules_.size(); ++i) {
      const bool is_out = decided != nullptr && !decided->match.negated;
      // A rule that would change nothing is passed over, also for what is below.
      held[i] = held[i] || (rules_[i].match.negated == is_out && matched[i][part]);
      decided = held[i] ? &rules_[i] : decided;
    }
  }
  return decided;
}

std::optional<IgnoreMatch> IgnoreRules::deciding_rule(std::string_view path, bool is_directory) const {
  if (!is_usable(path)) {
    return std::nullopt;
  }
  const Rule* rule = is_docker_ ? docker_rule(path) : git_rule(path, is_directory);
  return rule == nullptr ? std::nullopt : std::optional(rule->match);
}

std::optional<IgnoreMatch> IgnoreRules::excludes(std::string_view path, bool is_directory) const {
  auto rule = deciding_rule(path, is_directory);
  return rule && !rule->negated ? rule : std::nullopt;
}

namespace {

constexpr std::string_view kBlank = " \t\r\n";
// git passes longer lines over.
constexpr std::size_t kMaxAttributeLine = 2048;
constexpr std::string_view kMacro = "[attr]";

// What one line does to the attribute `filter`; nothing when it leaves it alone.
enum class FilterState { none, lfs, other };

// A macro: what its name does to `filter` where it is set.
struct Macro {
  std::string name;
  FilterState state = FilterState::none;
};

std::vector<std::string_view> words_of(std::string_view text) {
  std::vector<std::string_view> words;
  for (std::size_t at = text.find_first_not_of(kBlank); at != std::string_view::npos;
       at = text.find_first_not_of(kBlank, at)) {
    const std::size_t end = std::min(text.size(), text.find_first_of(kBlank, at));
    words.push_back(text.substr(at, end - at));
    at = end;
  }
  return words;
}

FilterState state_of(std::string_view word, std::span<const Macro> macros) {
  if (word.starts_with("filter=")) {
    return word == "filter=lfs" ? FilterState::lfs : FilterState::other;
  }
  if (word == "filter" || word == "-filter" || word == "!filter") {
    return FilterState::other;
  }
  const auto macro = std::ranges::find_if(macros.rbegin(), macros.rend(),
                                          [&](const Macro& candidate) { return candidate.name == word; });
  return macro == macros.rend() ? FilterState::none : macro->state;
}

// The last attribute of a line that speaks of `filter` wins.
FilterState state_of_line(std::span<const std::string_view> words, std::span<const Macro> macros) {
  FilterState state = FilterState::none;
  for (const std::string_view word : words) {
    const FilterState own = state_of(word, macros);
    state = own == FilterState::none ? state : own;
  }
  return state;
}

// A pattern in double quotes, as C writes text; nothing when it is not closed.
std::optional<std::string> unquoted(std::string_view line, std::size_t& after) {
  constexpr std::string_view kEscapes = "abfnrtv\\\"";
  constexpr std::string_view kMeanings = "\a\b\f\n\r\t\v\\\"";
  std::string out;
  for (std::size_t i = 1; i < line.size(); ++i) {
    if (line[i] == '"') {
      after = i + 1;
      return out;
    }
    if (line[i] != '\\') {
      out += line[i];
      continue;
    }
    const std::string_view rest = line.substr(i + 1);
    const std::size_t escape = rest.empty() ? std::string_view::npos : kEscapes.find(rest[0]);
    const bool octal = rest.size() >= 3 && rest[0] >= '0' && rest[0] <= '3' && rest[1] >= '0' &&
                       rest[1] <= '7' && rest[2] >= '0' && rest[2] <= '7';
    if (escape != std::string_view::npos) {
      out += kMeanings[escape];
      i += 1;
    } else if (octal) {
      out += static_cast<char>((rest[0] - '0') * 64 + (rest[1] - '0') * 8 + (rest[2] - '0'));
      i += 3;
    } else {
      return std::nullopt;
    }
  }
  return std::nullopt;
}

}  // namespace

LfsRules LfsRules::git_attributes(std::span<const IgnoreFile> files) {
  LfsRules rules;
  std::vector<Macro> macros;
  for (const IgnoreFile* file : by_depth(files)) {
    std::string_view text = file->text;
    if (text.starts_with("\xEF\xBB\xBF")) {
      text.remove_prefix(3);
    }
    std::uint64_t number = 0;
    for (const std::string_view raw : lines_of(text, kMaxIgnoreBytes)) {
      ++number;
      const std::string_view line = trim(raw);
      if (line.empty() || line.starts_with('#') || line.size() >= kMaxAttributeLine) {
        continue;
      }
      std::size_t after = std::min(line.size(), line.find_first_of(kBlank));
      std::string pattern(line.substr(0, after));
      if (line.starts_with('"')) {
        if (auto quoted = unquoted(line, after)) {
          pattern = std::move(*quoted);
        }
      }
      std::vector<std::string_view> words = words_of(line.substr(after));
      if (pattern.starts_with(kMacro)) {
        if (file->folder.empty()) {
          std::string name = pattern.substr(kMacro.size());
          if (name.empty() && !words.empty()) {
            name = words.front();
            words.erase(words.begin());
          }
          macros.push_back({.name = std::move(name), .state = state_of_line(words, macros)});
        }
        continue;
      }
      const FilterState state = state_of_line(words, macros);
      // A pattern for folders alone matches no file, and one with `!` is forbidden here.
      if (state == FilterState::none || pattern.starts_with('!') || pattern.ends_with('/')) {
        continue;
      }
      const bool name_only = !pattern.contains('/');
      rules.rules_.push_back(
          {.match = {.file = file->name, .line = number, .pattern = pattern},
           .pattern = name_only ? PathPattern::git_name(pattern) : PathPattern::git_path(pattern),
           .base = base_of(*file),
           .name_only = name_only,
           .lfs = state == FilterState::lfs});
    }
  }
  return rules;
}

std::optional<IgnoreMatch> LfsRules::stores(std::string_view path) const {
  if (!is_usable(path)) {
    return std::nullopt;
  }
  const std::size_t end = path.size();
  for (std::size_t i = rules_.size(); i-- > 0;) {
    const Rule& rule = rules_[i];
    if (matches_git(rule.pattern, rule.name_only, rule.base, path, {&end, 1}).front()) {
      return rule.lfs ? std::optional(rule.match) : std::nullopt;
    }
  }
  return std::nullopt;
}

}  // namespace runup
