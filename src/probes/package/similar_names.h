// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <compare>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace runup {

// Edits (insert, delete, replace, swap neighbours) from one text to another; `most` + 1 when more than
// `most` are needed.
std::size_t edit_distance(std::string_view from, std::string_view to, std::size_t most);

// Collects the names in a package that somebody may have meant by a path that is not there: the same
// name in another folder, in other case, with another ending, or with a typing mistake.
class SimilarNames {
 public:
  static constexpr std::size_t kMost = 5;

  // `wanted` is relative to the package where it lies inside, else absolute.
  explicit SimilarNames(std::string wanted);

  // `name` is relative to the package.
  void consider(const std::string& name);

  // The nearest first.
  std::vector<std::string> best() const;

 private:
  struct Candidate {
    std::size_t distance = 0;
    bool other_folder = false;
    std::string name;
    auto operator<=>(const Candidate&) const = default;
  };
  std::optional<std::size_t> distance_to(std::string_view base) const;

  std::string wanted_;
  // lower-case: the whole last part, and its two halves
  std::string base_;
  std::string stem_;
  std::string ending_;
  std::vector<Candidate> best_;
};

}  // namespace runup
