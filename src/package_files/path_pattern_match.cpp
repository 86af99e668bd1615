// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cstdint>
#include <map>
#include <utility>

#include "base/text.h"
#include "package_files/path_pattern.h"

namespace runup {

namespace {

// Stands for a byte that is not UTF-8, as in Go.
constexpr char32_t kReplacement = 0xFFFD;

char32_t decode(std::string_view sequence) {
  const auto byte = [&](std::size_t i) {
    return static_cast<char32_t>(static_cast<unsigned char>(sequence[i]));
  };
  switch (sequence.size()) {
    case 1:
      return byte(0);
    case 2:
      return (byte(0) & 0x1FU) << 6U | (byte(1) & 0x3FU);
    case 3:
      return (byte(0) & 0x0FU) << 12U | (byte(1) & 0x3FU) << 6U | (byte(2) & 0x3FU);
    default:
      return (byte(0) & 0x07U) << 18U | (byte(1) & 0x3FU) << 12U | (byte(2) & 0x3FU) << 6U |
             (byte(3) & 0x3FU);
  }
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
