// SPDX-License-Identifier: Apache-2.0
#pragma once

// One pattern of an ignore file, compiled to steps that are followed all at once, 64 in each operation:
// matching takes time proportional to the pattern times the path, whatever the pattern is.

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"

namespace runup {

// Longer patterns and paths match nothing.
inline constexpr std::size_t kMaxPatternBytes = 1024;
inline constexpr std::size_t kMaxPathBytes = 4096;

class PathPattern {
 public:
  // Git's wildmatch without FNM_PATHNAME, for a pattern without `/`: to be matched with the last part
  // of a path. Works on bytes, as git does.
  static PathPattern git_name(std::string_view pattern);
  // Git's wildmatch with FNM_PATHNAME, for a pattern with `/`, a leading one or not: to be matched
  // with the path below the folder of the ignore file.
  static PathPattern git_path(std::string_view pattern);
  // A cleaned pattern of `.dockerignore` as moby/patternmatcher reads it: `*` and `?` stop at `/`,
  // `**` does not, sets do not stop at it either. Works on characters. An error for what Docker
  // refuses, which ends its build.
  static Result<PathPattern> docker(std::string_view pattern);

  bool matches(std::string_view text) const;
  // For each of `ends`, which ascend, whether the text up to there matches; the text is read once.
  std::vector<bool> matches_up_to(std::string_view text, std::span<const std::size_t> ends) const;

 private:
  enum class StepKind {
    // this character
    one,
    // any character but `/`
    any,
    // one of `sets_`
    set,
    // any number of characters but `/`
    stars,
    // any number of characters
    all,
    // the next two steps (`all` and a `/`), or neither
    optional,
  };
  struct Step {
    StepKind kind = StepKind::one;
    // the character, or the index of the set
    char32_t value = 0;
  };
  struct CharacterSet {
    bool negated = false;
    bool has_slash = false;
    // inclusive
    std::vector<std::pair<char32_t, char32_t>> ranges;

    bool holds(char32_t character) const;
  };
  class GitSetReader;
  class DockerReader;
  class Run;

  static PathPattern git(std::string_view pattern, bool is_path);
  std::vector<char32_t> characters(std::string_view text) const;
  void add(StepKind kind, char32_t value = 0) { steps_.push_back({kind, value}); }
  void add_text(std::string_view text);
  void add_folders();
  void add_set(CharacterSet set);
  bool is(std::size_t step, StepKind kind) const { return steps_[step].kind == kind; }
  bool accepts(const Step& step, char32_t character) const;

  std::vector<Step> steps_;
  std::vector<CharacterSet> sets_;
  bool by_bytes_ = true;
  // Such as one with a set that is never closed.
  bool never_ = false;
};

}  // namespace runup
