// SPDX-License-Identifier: Apache-2.0
#include "package_files/path_pattern.h"

#include <algorithm>
#include <array>
#include <format>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "base/text.h"

namespace runup {

namespace {

// Stands for a byte that is not UTF-8, as in Go.
constexpr char32_t kReplacement = 0xFFFD;
constexpr char32_t kLast = 0x10FFFF;

using Ranges = std::vector<std::pair<char32_t, char32_t>>;

struct NamedClass {
  std::string_view name;
  std::array<std::pair<char32_t, char32_t>, 4> ranges;
  std::size_t count;
};

// POSIX classes in ASCII, for git and for Go's regular expressions alike.
constexpr std::array<NamedClass, 12> kClasses{{{"alnum", {{{'0', '9'}, {'A', 'Z'}, {'a', 'z'}}}, 3},
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

char32_t decode(std::string_view sequence) {
  const auto byte = [&](std::size_t i) { return static_cast<char32_t>(static_cast<unsigned char>(sequence[i])); };
  switch (sequence.size()) {
    case 1:
      return byte(0);
    case 2:
      return (byte(0) & 0x1FU) << 6U | (byte(1) & 0x3FU);
    case 3:
      return (byte(0) & 0x0FU) << 12U | (byte(1) & 0x3FU) << 6U | (byte(2) & 0x3FU);
    default:
      return (byte(0) & 0x07U) << 18U | (byte(1) & 0x3FU) << 12U | (byte(2) & 0x3FU) << 6U | (byte(3) & 0x3FU);
  }
}

bool is_special(char character) { return character == '*' || character == '?' || character == '[' || character == '\\'; }

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

bool PathPattern::CharacterSet::holds(char32_t character) const {
  if (character == '/' && !has_slash) {
    return false;
  }
  const bool found = std::ranges::any_of(
      ranges, [&](const auto& range) { return character >= range.first && character <= range.second; });
  return found != negated;
}

std::vector<char32_t> PathPattern::characters(std::string_view text) const {
  std::vector<char32_t> out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size();) {
    const std::size_t length = by_bytes_ ? 1 : utf8_sequence_length(text.substr(i));
    out.push_back(by_bytes_     ? static_cast<unsigned char>(text[i])
                  : length == 0 ? kReplacement
                                : decode(text.substr(i, length)));
    i += std::max<std::size_t>(length, 1);
  }
  return out;
}

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
    const bool can_be_range = character == '-' && previous_ && at_ + 1 < pattern_.size() && pattern_[at_ + 1] != ']';
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
  std::size_t at = std::ranges::find_if(pattern, is_special) - pattern.begin();
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
    const bool by_end = starts_with_stars() && std::ranges::none_of(pattern_.begin() + 2, pattern_.end(), [](char32_t c) {
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
  char32_t peek(std::size_t ahead = 0) const { return at_ + ahead < pattern_.size() ? pattern_[at_ + ahead] : U'\0'; }
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
    return fail(ErrorCode::bad_input, "a `\\` before a letter or digit in a pattern; expected `/` between folders");
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
    return fail(ErrorCode::bad_input, std::format("a `[` in a pattern whose set {}; expected such as `[a-z]`", what));
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
    return fail(ErrorCode::limit, std::format("a pattern of {} bytes; expected at most {}", pattern.size(), kMaxPatternBytes));
  }
  return DockerReader(pattern).read();
}

bool PathPattern::accepts(const Step& step, char32_t character) const {
  switch (step.kind) {
    case StepKind::one:
      return character == step.value;
    case StepKind::any:
    case StepKind::stars:
      return character != '/';
    case StepKind::set:
      return sets_[step.value].holds(character);
    case StepKind::all:
      return true;
    case StepKind::optional:
      return false;
  }
  return false;
}

// Which steps can come next, one bit each; the bit behind the last step is the end of the pattern.
class PathPattern::Run {
 public:
  explicit Run(const PathPattern& pattern) : pattern_(pattern), words_(pattern.steps_.size() / kBits + 1) {
    now_ = next_ = loops_ = optional_ = passed_ = Bits(words_, 0);
    for (std::size_t i = 0; i < pattern.steps_.size(); ++i) {
      if (pattern.is(i, StepKind::stars) || pattern.is(i, StepKind::all)) {
        set(loops_, i);
        set(passed_, i);
      } else if (pattern.is(i, StepKind::optional)) {
        set(optional_, i);
        set(passed_, i);
      }
    }
    set(now_, 0);
    pass(now_);
  }

  // False when nothing can follow any more.
  bool take(char32_t character) {
    const Bits& accepted = accepted_by(character);
    bool is_alive = false;
    for (std::size_t i = 0; i < words_; ++i) {
      const Word carried = i == 0 ? 0 : (now_[i - 1] & accepted[i - 1] & ~loops_[i - 1]) >> (kBits - 1);
      const Word taken = now_[i] & accepted[i];
      next_[i] = (taken & loops_[i]) | (taken & ~loops_[i]) << 1U | carried;
      is_alive = is_alive || next_[i] != 0;
    }
    std::swap(now_, next_);
    pass(now_);
    return is_alive;
  }

  bool is_at_end() const {
    const std::size_t end = pattern_.steps_.size();
    return (now_[end / kBits] >> (end % kBits) & 1U) != 0;
  }

 private:
  using Word = std::uint64_t;
  using Bits = std::vector<Word>;
  static constexpr std::size_t kBits = 64;

  static void set(Bits& bits, std::size_t i) { bits[i / kBits] |= Word{1} << (i % kBits); }

  // The steps that hold for a character; made when it comes first.
  const Bits& accepted_by(char32_t character) {
    const auto [place, is_new] = accepted_.try_emplace(character);
    if (is_new) {
      place->second = Bits(words_, 0);
      for (std::size_t i = 0; i < pattern_.steps_.size(); ++i) {
        if (pattern_.accepts(pattern_.steps_[i], character)) {
          set(place->second, i);
        }
      }
    }
    return place->second;
  }

  // Adds what comes behind steps that may be passed without a character. At most three of them stand
  // beside each other: folders that may be left out, their `all`, and stars.
  void pass(Bits& bits) const {
    for (int round = 0; round < 3; ++round) {
      Word carried_one = 0;
      Word carried_three = 0;
      for (std::size_t i = 0; i < words_; ++i) {
        const Word one = bits[i] & passed_[i];
        const Word three = bits[i] & optional_[i];
        bits[i] |= one << 1U | carried_one | three << 3U | carried_three;
        carried_one = one >> (kBits - 1);
        carried_three = three >> (kBits - 3);
      }
    }
  }

  const PathPattern& pattern_;
  std::size_t words_;
  Bits now_;
  Bits next_;
  // steps that stay where they are, and those that need no character
  Bits loops_;
  Bits optional_;
  Bits passed_;
  std::map<char32_t, Bits> accepted_;
};

bool PathPattern::matches(std::string_view text) const {
  const std::size_t end = text.size();
  return matches_up_to(text, {&end, 1}).front();
}

std::vector<bool> PathPattern::matches_up_to(std::string_view text, std::span<const std::size_t> ends) const {
  std::vector<bool> matched(ends.size(), false);
  if (never_ || text.size() > kMaxPathBytes) {
    return matched;
  }
  Run run(*this);
  std::size_t at = 0;
  for (std::size_t i = 0; i < ends.size(); ++i) {
    for (const char32_t character : characters(text.substr(at, ends[i] - at))) {
      if (!run.take(character)) {
        return matched;
      }
    }
    at = ends[i];
    matched[i] = run.is_at_end();
  }
  return matched;
}

}  // namespace runup
