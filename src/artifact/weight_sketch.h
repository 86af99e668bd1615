// SPDX-License-Identifier: Apache-2.0
#pragma once

// A few numbers of a tensor, at places that depend on its size alone: what tells at little cost which of many
// tensors of one shape can be the same.

#include <cstdint>
#include <functional>
#include <vector>

namespace runup::artifact {

class Sketch {
 public:
  Sketch(std::uint64_t elements, const std::function<double(std::uint64_t)>& at);

  const std::vector<double>& numbers() const { return numbers_; }
  // Of the numbers' bits; 0 and -0 are the same, and all NaN.
  std::uint64_t hash() const { return hash_; }
  // All numbers are the same.
  bool constant() const { return constant_; }

 private:
  std::vector<double> numbers_;
  std::uint64_t hash_ = 0;
  bool constant_ = true;
};

struct Likeness {
  // share of the numbers other than 0 that are the same
  double same = 0;
  // Pearson's correlation; 0 where one side is constant
  double correlation = 0;
};
Likeness likeness(const Sketch& left, const Sketch& right);

}  // namespace runup::artifact
