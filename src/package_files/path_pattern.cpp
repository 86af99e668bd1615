// SPDX-License-Identifier: Apache-2.0
#include "package_files/path_pattern.h"

#include <algorithm>
#include <array>
#include <format>
#include <optional>
#include <string>
#include <string_view>

#include "base/text.h"
#include "facts/lines.h"

namespace runup {

namespace {

constexpr char32_t kLast = 0x10FFFF;

using Ranges = std::vector<std::pair<char32_t, char32_t>>;

struct NamedClass {
  std::string_view name;
  std::array<std::pair<char32_t, char32_t>, 4> ranges;
  std::size_t count;
};

// POSIX classes in ASCII, for git and for Go's regular expressions alike.
constexpr std::array<NamedClass, 12> kClasses{
    {{"alnum", {{{'0', '9'}, {'A', 'Z'}, {'a', 'z'}}}, 3},
     {"alpha", {{{'A', 'Z'}, {'a', 'z'}}}, 2},
     {"blank", {{{'\t', '\t'}, {' ', ' '}}}, 2},
     {"cntrl", {{{0, 0x1F}, {0x7F, 0x7F}}}, 2},
     {"digit", {{{'0', '9'}}}, 1},
     {"graph", {{{'!', '~'}}}, 1},
     {"lower", {{{'a', 'z'}}}, 1},
     {"print", {{{' ', '~'}}}, 1},
     {"punct", {{{'!', '/'}, {':', '@'}, {'[', '`'}, {'{', '~'}}}, 4},
     {"space", {{{'\t', '\r'}, {' ', ' '}}}, 2},
     {"upper", {{{'A', 'Z'}}}, 1},
     {"xdigit", {{{'0', '9'}, {'A', 'F'}, {'a', 'f'}}}, 3}}};

bool add_class(std::string_view name, Ranges& ranges) {
  const auto found = std::ranges::find(kClasses, name, &NamedClass::name);
  if (found == kClasses.end()) {
    return false;
  }
  ranges.insert(ranges.end(), found->ranges.begin(),
                found->ranges.begin() + static_cast<std::ptrdiff_t>(found->count));
  return true;
}

bool is_special(char character) {
  return character == '*' || character == '?' || character == '[' || character == '\\';
}

// What a backslash makes no literal of in Go's regular expressions.
bool is_word(char32_t c) {
  return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c >= 0x80;
}

Ranges complement(Ranges ranges) {
  std::ranges::sort(ranges);
  Ranges rest;
  char32_t next = 0;
  for (const auto& [low, high] : ranges) {
    if (low > next) {
      rest.emplace_back(next, low - 1);
    }
    next = std::max(next, static_cast<char32_t>(high + 1));
  }
  rest.emplace_back(next, kLast);
  return rest;
}

// What `\d`, `\w` and `\s` are in a regular expression, or nothing for another letter. moby hands escapes
// to its regular expressions as they are.
std::optional<Ranges> escaped_class(char32_t letter) {
  Ranges ranges;
  switch (letter | 0x20U) {
    case 'd':
      ranges = {{'0', '9'}};
      break;
    case 'w':
      ranges = {{'0', '9'}, {'A', 'Z'}, {'_', '_'}, {'a', 'z'}};
      break;
    case 's':
      ranges = {{'\t', '\n'}, {'\f', '\r'}, {' ', ' '}};
      break;
    default:
      return std::nullopt;
  }
  return letter >= 'a' ? ranges : complement(std::move(ranges));
}

}  // namespace

void PathPattern::add_text(std::string_view text) {
  for (const char32_t character : characters(text)) {
    add(StepKind::one, character);
  }
}

void PathPattern::add_folders() {
  // Twice is the same as once, and keeps short what can be passed without a character.
  if (steps_.size() >= 3 && is(steps_.size() - 3, StepKind::optional)) {
    return;
  }
  add(StepKind::optional);
  add(StepKind::all);
  add(StepKind::one, '/');
}

void PathPattern::add_set(CharacterSet set) {
  add(StepKind::set, static_cast<char32_t>(sets_.size()));
  sets_.push_back(std::move(set));
}

// A bracket expression by the rules of git's wildmatch.
class PathPattern::GitSetReader {
 public:
  GitSetReader(std::string_view pattern, std::size_t at) : pattern_(pattern), at_(at) {}

  // The set that starts after the `[` at `at`; nothing when it is broken, and then the pattern matches
  // nothing. A first `]` is a member.
  std::optional<CharacterSet> read() {
    ++at_;
    if (at_ < pattern_.size() && (pattern_[at_] == '!' || pattern_[at_] == '^')) {
      set_.negated = true;
      ++at_;
    }
    do {
      if (at_ >= pattern_.size() || !read_member()) {
        return std::nullopt;
      }
    } while (at_ >= pattern_.size() || pattern_[at_] != ']');
    return set_;
  }
  // Of the closing `]`.
  std::size_t position() const { return at_; }

 private:
  static char32_t byte(char character) { return static_cast<unsigned char>(character); }

  void add(char32_t low, char32_t high) { set_.ranges.emplace_back(low, high); }

  bool read_member() {
    const char character = pattern_[at_];
    if (character == '\\') {
      if (++at_ >= pattern_.size()) {
        return false;
      }
      add_single();
      return true;
    }
    const bool can_be_range =
        character == '-' && previous_ && at_ + 1 < pattern_.size() && pattern_[at_ + 1] != ']';
    if (can_be_range) {
      return read_range_end();
    }
    if (character == '[' && at_ + 1 < pattern_.size() && pattern_[at_ + 1] == ':') {
      return read_class();
    }
    add_single();
    return true;
  }

  void add_single() {
    previous_ = byte(pattern_[at_]);
    add(*previous_, *previous_);
    ++at_;
  }

  bool read_range_end() {
    ++at_;
    if (pattern_[at_] == '\\' && ++at_ >= pattern_.size()) {
      return false;
    }
    add(*previous_, byte(pattern_[at_]));
    previous_.reset();
    ++at_;
    return true;
  }

  // `[:alpha:]`; without a `:` before the next `]` the `[` is a member like any other.
  bool read_class() {
    const std::size_t start = at_ + 2;
    const std::size_t end = pattern_.find(']', start);
    if (end == std::string_view::npos) {
      return false;
    }
    if (end == start || pattern_[end - 1] != ':') {
      add_single();
      return true;
    }
    at_ = end + 1;
    previous_.reset();
    return add_class(pattern_.substr(start, end - 1 - start), set_.ranges);
  }

  std::string_view pattern_;
  std::size_t at_;
  CharacterSet set_;
  std::optional<char32_t> previous_;
};

PathPattern PathPattern::git(std::string_view pattern, bool is_path) {
  PathPattern compiled;
  compiled.never_ = pattern.size() > kMaxPatternBytes;
  // git compares the text before the first wildcard by itself, and `**` right behind it counts as one at
  // the start of a pattern.
  std::size_t at = length_of_start(pattern, [](char c) { return !is_special(c); });
  compiled.add_text(pattern.substr(0, at));
  const std::size_t start = at;
  for (; at < pattern.size() && !compiled.never_; ++at) {
    const char character = pattern[at];
    if (character == '\\') {
      compiled.never_ = ++at >= pattern.size();
      compiled.add_text(pattern.substr(std::min(at, pattern.size()), 1));
    } else if (character == '?') {
      compiled.add(StepKind::any);
    } else if (character == '[') {
      GitSetReader reader(pattern, at);
      if (auto set = reader.read()) {
        compiled.add_set(std::move(*set));
        at = reader.position();
      } else {
        compiled.never_ = true;
      }
    } else if (character == '*') {
      const std::size_t after = std::min(pattern.size(), pattern.find_first_not_of('*', at));
      const std::string_view rest = pattern.substr(after);
      const bool alone = (at == start || pattern[at - 1] == '/') &&
                         (rest.empty() || rest.starts_with('/') || rest.starts_with("\\/"));
      if (!is_path || after - at == 1 || !alone) {
        compiled.add(StepKind::stars);
      } else if (rest.starts_with('/')) {
        compiled.add_folders();
        at = after;
        continue;
      } else {
        compiled.add(StepKind::all);
      }
      at = after - 1;
    } else {
      compiled.add_text(pattern.substr(at, 1));
    }
  }
  return compiled;
}

PathPattern PathPattern::git_name(std::string_view pattern) { return git(pattern, false); }

PathPattern PathPattern::git_path(std::string_view pattern) {
  return git(pattern.starts_with('/') ? pattern.substr(1) : pattern, true);
}

// What Go's filepath.Match accepts, compiled as moby/patternmatcher does.
class PathPattern::DockerReader {
 public:
  explicit DockerReader(std::string_view pattern) {
    compiled_.by_bytes_ = false;
    pattern_ = compiled_.characters(pattern);
  }

  Result<PathPattern> read() {
    // `**name` matches by its end alone, also inside a name.
    const bool by_end =
        starts_with_stars() && std::ranges::none_of(pattern_.begin() + 2, pattern_.end(), [](char32_t c) {
          return c == '*' || c == '?' || c == '[' || c == ']' || c == '\\';
        });
    if (by_end && pattern_.size() > 2 && pattern_[2] != '/') {
      compiled_.add(StepKind::all);
      at_ = 2;
    }
    while (at_ < pattern_.size()) {
      if (auto ok = read_one(); !ok) {
        return std::unexpected(ok.error());
      }
    }
    return std::move(compiled_);
  }

 private:
  bool starts_with_stars() const { return pattern_.size() >= 2 && pattern_[0] == '*' && pattern_[1] == '*'; }
  char32_t peek(std::size_t ahead = 0) const {
    return at_ + ahead < pattern_.size() ? pattern_[at_ + ahead] : U'\0';
  }
  bool done() const { return at_ >= pattern_.size(); }

  Result<void> read_one() {
    const char32_t character = pattern_[at_++];
    if (character == '*') {
      read_stars();
    } else if (character == '?') {
      compiled_.add(StepKind::any);
    } else if (character == '\\') {
      return read_escape();
    } else if (character == '[') {
      return read_set();
    } else {
      compiled_.add(StepKind::one, character);
    }
    return {};
  }

  void read_stars() {
    if (peek() != '*') {
      compiled_.add(StepKind::stars);
      return;
    }
    ++at_;
    at_ += peek() == '/' ? 1U : 0U;
    if (done()) {
      compiled_.add(StepKind::all);
    } else {
      compiled_.add_folders();
    }
  }

  static std::unexpected<Error> bad_escape() {
    return fail(ErrorCode::bad_input,
                "a `\\` before a letter or digit in a pattern; expected `/` between folders");
  }

  Result<void> read_escape() {
    if (done()) {
      return fail(ErrorCode::bad_input, "a pattern ends with `\\`; expected a character behind it");
    }
    const char32_t character = pattern_[at_++];
    if (!is_word(character)) {
      compiled_.add(StepKind::one, character);
      return {};
    }
    if (auto ranges = escaped_class(character)) {
      compiled_.add_set({.has_slash = true, .ranges = std::move(*ranges)});
      return {};
    }
    // The regular expression takes these for control characters and for places between characters, which
    // no file name has where people write them: `models\best`.
    if (!std::u32string_view(U"AbBafnrtvz").contains(character)) {
      return bad_escape();
    }
    compiled_.never_ = true;
    return {};
  }

  static std::unexpected<Error> bad_set(std::string_view what) {
    return fail(ErrorCode::bad_input,
                std::format("a `[` in a pattern whose set {}; expected such as `[a-z]`", what));
  }

  Result<void> read_set() {
    CharacterSet set{.has_slash = true};
    if (peek() == '^') {
      set.negated = true;
      ++at_;
    }
    for (bool first = true; first || peek() != ']'; first = false) {
      if (done()) {
        return bad_set("is never closed");
      }
      if (auto ok = read_range(set); !ok) {
        return ok;
      }
    }
    ++at_;
    compiled_.add_set(std::move(set));
    return {};
  }

  // `[:alpha:]`, which moby's regular expressions know.
  Result<void> read_class(CharacterSet& set) {
    const std::size_t start = at_ + 2;
    std::string name;
    for (at_ = start; !done() && peek() != ':'; ++at_) {
      name += static_cast<char>(peek() < 0x80 ? peek() : '?');
    }
    if (peek() != ':' || peek(1) != ']' || !add_class(name, set.ranges)) {
      return bad_set("holds an unknown class");
    }
    at_ += 2;
    return {};
  }

  Result<void> read_range(CharacterSet& set) {
    if (peek() == '[' && peek(1) == ':') {
      return read_class(set);
    }
    const bool escaped_letter = peek() == '\\' && is_word(peek(1));
    if (escaped_letter) {
      auto ranges = escaped_class(peek(1));
      if (!ranges) {
        return bad_escape();
      }
      set.ranges.insert(set.ranges.end(), ranges->begin(), ranges->end());
      at_ += 2;
      return {};
    }
    const auto low = read_member();
    if (!low) {
      return bad_set("has a stray `-` or `]`");
    }
    char32_t high = *low;
    if (peek() == '-') {
      ++at_;
      const auto end = read_member();
      if (!end) {
        return bad_set("has a stray `-` or `]`");
      }
      high = *end;
    }
    if (high < *low) {
      return bad_set("has a range that runs backwards");
    }
    set.ranges.emplace_back(*low, high);
    return {};
  }

  std::optional<char32_t> read_member() {
    if (done() || peek() == '-' || peek() == ']') {
      return std::nullopt;
    }
    at_ += peek() == '\\' ? 1U : 0U;
    return done() ? std::nullopt : std::optional(pattern_[at_++]);
  }

  PathPattern compiled_;
  std::vector<char32_t> pattern_;
  std::size_t at_ = 0;
};

Result<PathPattern> PathPattern::docker(std::string_view pattern) {
  if (pattern.size() > kMaxPatternBytes) {
    return fail(ErrorCode::limit,
                std::format("a pattern of {} bytes; expected at most {}", pattern.size(), kMaxPatternBytes));
  }
  return DockerReader(pattern).read();
}

}  // namespace runup
