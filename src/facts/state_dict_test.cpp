// SPDX-License-Identifier: Apache-2.0
#include "facts/state_dict.h"

#include <catch2/catch_test_macros.hpp>

using namespace runup;

namespace {

ArtifactFacts with(std::vector<StateDictFacts> mappings) { return {.state_dicts = std::move(mappings)}; }

const StateDictFacts kWeights{.path = "model_state_dict", .tensors = 2, .role = "weights"};
const StateDictFacts kOptimizer{.path = "optimizer.state", .tensors = 4, .role = "optimizer"};
const StateDictFacts kAverage{.path = "ema", .tensors = 2, .role = "ema"};

}  // namespace

TEST_CASE("the only mapping with weights is chosen, optimizer and average are not asked") {
  const ArtifactFacts artifact = with({kOptimizer, kAverage, kWeights});
  const StateDictChoice choice = choose_state_dict(artifact, {});
  REQUIRE(choice.chosen == &artifact.state_dicts[2]);
  CHECK(choice.problem == StateDictProblem::none);
  CHECK(choice.why_not.empty());
}

TEST_CASE("the root can be the state_dict") {
  const ArtifactFacts artifact = with({{.path = "", .tensors = 2, .role = "weights"}});
  REQUIRE(choose_state_dict(artifact, {}).chosen == artifact.state_dicts.data());
}

TEST_CASE("a name in the config wins, whatever the role") {
  const ArtifactFacts artifact = with({kWeights, kAverage});
  REQUIRE(choose_state_dict(artifact, {.state_dict = "ema"}).chosen == &artifact.state_dicts[1]);
}

TEST_CASE("two mappings with weights are no choice, and both are named") {
  const ArtifactFacts artifact = with(
      {{.path = "generator", .role = "weights"}, {.path = "discriminator", .role = "weights"}, kOptimizer});
  const StateDictChoice choice = choose_state_dict(artifact, {});
  CHECK(choice.chosen == nullptr);
  CHECK(choice.problem == StateDictProblem::several);
  CHECK(choice.candidates == std::vector<std::string>{"generator", "discriminator"});
  CHECK(choice.why_not.contains("`generator` and `discriminator`"));
}

TEST_CASE("a file with an optimizer alone has no state_dict") {
  const ArtifactFacts artifact = with({kOptimizer});
  const StateDictChoice choice = choose_state_dict(artifact, {});
  CHECK(choice.problem == StateDictProblem::not_found);
  CHECK(!choice.why_not.empty());
}

TEST_CASE("a misspelt name gets a suggestion, and is not replaced by the only candidate") {
  const ArtifactFacts artifact = with({kWeights});
  const StateDictChoice choice = choose_state_dict(artifact, {.state_dict = "model_state_dcit"});
  CHECK(choice.chosen == nullptr);
  CHECK(choice.problem == StateDictProblem::no_such_key);
  CHECK(choice.why_not.contains("did you mean `model_state_dict`?"));
}

TEST_CASE("a name of something else says what it is") {
  ArtifactFacts artifact = with({kWeights});
  artifact.objects.push_back({.path = "epoch", .type = "int"});
  const StateDictChoice choice = choose_state_dict(artifact, {.state_dict = "epoch"});
  CHECK(choice.problem == StateDictProblem::not_a_state_dict);
  CHECK(choice.why_not.starts_with("`epoch` is a `int`"));
}

TEST_CASE("a key is what follows the state_dict's path") {
  CHECK(state_dict_key("model.conv1.weight", "model") == "conv1.weight");
  CHECK(state_dict_key("conv1.weight", "") == "conv1.weight");
  CHECK(state_dict_key("models[0].a", "models[0]") == "a");
  CHECK(!state_dict_key("model_ema.conv1.weight", "model"));
  CHECK(!state_dict_key("model", "model"));
  CHECK(!state_dict_key("model.", "model"));
}
