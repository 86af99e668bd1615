// SPDX-License-Identifier: Apache-2.0
#pragma once

// How the readers of this folder say what is wrong: a Problem is one failure on its way up, a
// DefectFacts is what becomes of it in the facts.

#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "facts/artifact.h"

namespace runup::artifact {

struct Problem {
  DefectKind kind = DefectKind::malformed;
  // observed, then expected
  std::string message;
  // byte offset in the file (or in the unpacked member), when it is known
  std::optional<std::uint64_t> offset = std::nullopt;
  std::optional<std::uint64_t> missing_bytes = std::nullopt;
};

template <class T>
using Read = std::expected<T, Problem>;

inline std::unexpected<Problem> problem(DefectKind kind, std::string message,
                                        std::optional<std::uint64_t> offset = std::nullopt) {
  return std::unexpected(Problem{.kind = kind, .message = std::move(message), .offset = offset});
}

// Collects defects up to a bound: a hostile file can have one for each of its bytes.
class Defects {
 public:
  explicit Defects(std::vector<DefectFacts>& list) : list_(list) {}

  void add(Problem problem, std::string member = {}) {
    if (list_.size() < kMost) {
      list_.push_back({.kind = problem.kind,
                       .message = std::move(problem.message),
                       .member = std::move(member),
                       .offset = problem.offset,
                       .missing_bytes = problem.missing_bytes});
    }
  }
  void add(DefectKind kind, std::string message, std::string member = {},
           std::optional<std::uint64_t> offset = std::nullopt) {
    add(Problem{.kind = kind, .message = std::move(message), .offset = offset}, std::move(member));
  }

  bool full() const { return list_.size() >= kMost; }
  bool empty() const { return list_.empty(); }
  std::vector<DefectFacts>& list() { return list_; }

 private:
  static constexpr std::size_t kMost = 200;
  std::vector<DefectFacts>& list_;
};

}  // namespace runup::artifact
