// SPDX-License-Identifier: Apache-2.0
#include "probes/torch/key_match.h"

#include <catch2/catch_test_macros.hpp>

using namespace runup;

using Keys = std::vector<std::string>;

TEST_CASE("a state_dict that fits") {
  const auto match =
      match_keys("model", {{"a", {2, 3}}, {"b", {}}}, {{"a", {{2, 3}}}, {"b", std::nullopt}}, true);
  CHECK(match == KeyMatchFacts{.state_dict = "model", .matched = 2});
}

TEST_CASE("missing, unexpected and misshapen keys, each in the order of its side") {
  const auto match = match_keys("", {{"z", {1}}, {"a", {2, 3}}, {"y", {1}}},
                                {{"q", {{1}}}, {"a", {{3, 2}}}, {"p", {}}}, true);
  CHECK(match.matched == 0);
  CHECK(match.missing == Keys{"q", "p"});
  CHECK(match.unexpected == Keys{"z", "y"});
  CHECK(match.misshapen ==
        std::vector<ShapeMismatchFacts>{{.key = "a", .expected = {3, 2}, .actual = {2, 3}}});
}

TEST_CASE("a prefix on every key shows on both sides") {
  const auto match = match_keys("", {{"module.a", {1}}}, {{"a", {{1}}}}, true);
  CHECK(match.missing == Keys{"a"});
  CHECK(match.unexpected == Keys{"module.a"});
}

TEST_CASE("batch-norm counters are neither missing nor unexpected") {
  const auto match =
      match_keys("", {{"bn.num_batches_tracked", {}}}, {{"bn2.num_batches_tracked", std::nullopt}}, true);
  CHECK(match.missing.empty());
  CHECK(match.unexpected.empty());
  CHECK(match_keys("", {{"my_num_batches_tracked", {}}}, {}, true).unexpected.size() == 1);
}

TEST_CASE("buffers that a checkpoint may lack by design are not missing; batch-norm statistics are") {
  const std::vector<std::int64_t> shape{3};
  const auto match = match_keys("", {{"kept", shape}},
                                {{.key = "kept", .shape = shape, .buffer = true},
                                 {.key = "pe", .shape = shape, .buffer = true},
                                 {.key = "bn.running_mean", .shape = shape, .buffer = true},
                                 {.key = "running_var", .shape = shape, .buffer = true},
                                 {.key = "not_running_var", .shape = shape, .buffer = true},
                                 {.key = "weight", .shape = shape}},
                                true);
  CHECK(match.matched == 1);
  CHECK(match.absent_buffers == Keys{"pe", "not_running_var"});
  CHECK(match.missing == Keys{"bn.running_mean", "running_var", "weight"});
}

TEST_CASE("an optional key may be absent, and is not unexpected when it is there") {
  const std::vector<WantedKey> wanted{{.key = "bias", .optional = true}};
  CHECK(match_keys("", {}, wanted, true) == KeyMatchFacts{});
  CHECK(match_keys("", {{"bias", {1}}}, wanted, true) == KeyMatchFacts{.matched = 1});
}

TEST_CASE("what an architecture asks for at run time cannot be unexpected by name") {
  CHECK(match_keys("", {{"a", {1}}}, {}, false).unexpected.empty());
}

TEST_CASE("a key that is wanted twice counts once") {
  const auto match = match_keys("", {{"a", {1}}}, {{"a", {}}, {"b", {}}, {"a", {}}, {"b", {}}}, true);
  CHECK(match.matched == 1);
  CHECK(match.missing == Keys{"b"});
}

TEST_CASE("what no operator read replaces what names said") {
  const std::vector<TensorKey> present{{"a", {1}}, {"b", {1}}, {"bn.num_batches_tracked", {}}};
  KeyMatchFacts match = match_keys("", present, {{"a", {}}, {"b", {}}}, true);
  set_unread(match, present, {true, false, false});
  CHECK(match.matched == 1);
  CHECK(match.unexpected == Keys{"b"});
}

TEST_CASE("what does not fit is counted") {
  KeyMatchFacts keys{.matched = 3, .absent_buffers = {"pe"}};
  CHECK_FALSE(differ(keys));
  keys.missing = {"a", "b"};
  keys.misshapen = {{.key = "c"}};
  CHECK(differ(keys));
  CHECK(keys_do_not_fit(keys).error().message ==
        "the state_dict does not fit the architecture: 2 missing, 0 unexpected, 1 misshapen");
}
