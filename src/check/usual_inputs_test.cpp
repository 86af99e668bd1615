// SPDX-License-Identifier: Apache-2.0
#include "check/usual_inputs.h"

#include <catch2/catch_test_macros.hpp>

using namespace runup;

namespace {

std::vector<std::string> words(const ModelDeclaration& model, std::uint64_t random, bool samples) {
  std::vector<std::string> all;
  for (const Experiment& one : usual_inputs(model, random, samples)) {
    all.push_back(input_words(model, one));
  }
  return all;
}

using Words = std::vector<std::string>;

}  // namespace

TEST_CASE("the usual inputs are noise, zeros, ones and the samples") {
  const ModelDeclaration model{
      .inputs = {{.name = "x"}},
      .samples = {{.input = "samples/hello.npy"}, {.input = {}, .inputs = {{"a", "in/a.npy"}}}}};
  CHECK(words(model, 2, true) == Words{"random values (seed 1)", "random values (seed 2)", "zeros", "ones",
                                       "sample 1 (`hello.npy`)", "sample 2 (`a.npy`)"});
  CHECK(words(model, 0, false) == Words{"zeros", "ones"});
}

TEST_CASE(
    "token ids that the range does not hold are left out, and so is all that no input is declared for") {
  const ModelDeclaration tokens{.inputs = {{.name = "ids", .range = ValueRange{.low = 1, .high = 50}}}};
  CHECK(words(tokens, 1, true) == Words{"random values (seed 1)", "ones"});
  const ModelDeclaration none{.samples = {{.input = "a.npy"}}};
  CHECK(words(none, 3, true) == Words{"sample 1 (`a.npy`)"});
}
