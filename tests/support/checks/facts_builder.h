// SPDX-License-Identifier: Apache-2.0
#pragma once

// Facts of a small healthy model, for tests of checks: change one thing and judge. The model is a
// sign-language classifier in a zip checkpoint, with three classes in a LabelEncoder.

#include <algorithm>
#include <cstdlib>
#include <string>
#include <utility>
#include <vector>

#include <catch2/catch_message.hpp>
#include <catch2/catch_test_macros.hpp>

#include "check/catalogue.h"

namespace runup::testing {

const CheckInfo& built_in_check(std::string_view id);

// What the runner makes of a check: its judgement, settled without overrides.
Outcome run_check(std::string_view id, const Facts& facts, const Json& options = Json::object(),
                  bool strict = false);

std::vector<std::string> finding_ids(const Outcome& outcome);

// The finding with this id, which must be there.
Finding find_finding(const Outcome& outcome, std::string_view id);

// The value of the evidence with this name, or empty.
std::string evidence_of(const Outcome& outcome, std::string_view name);

// Adds a tensor with a storage of its own on `device`.
void add_tensor(ArtifactFacts& artifact, std::string path, std::vector<std::int64_t> shape,
                std::string dtype = "float32", std::string device = "cpu");

// Counts tensors and bytes of the state_dict at `path` again and lists it; role `weights` by default.
void add_state_dict(ArtifactFacts& artifact, std::string path, std::string role = "weights");

ArtifactFacts sign_artifact();

OutputFacts logits(std::vector<double> values, std::string sha256);

// A healthy answer: finite logits that depend on the input; ten milliseconds for a call.
ExperimentFacts answer_to(const Experiment& asked);

// Replaces the runtime's answers by healthy ones to what `check` asks with these options.
void ask_runtime(Facts& facts, std::string_view check, const Json& options = Json::object());

// Everything that the checks need, as observed of a healthy model. The answers of the runtime are those
// to what the checks ask with their default options; ask_runtime() gives others.
Facts sign_facts();

// The facts of a model with a factory, which the service's interpreter called: what it made holds the file's
// four tensors, and the encoder's classes were found.
Facts predictor_facts_of_sign();

// What the sources of the same service say: `torch.load` of the model by a path from `__file__`, called by a start-up
// function.
SourceFacts& give_source(Facts& facts);

inline PythonFacts& python_of(Facts& facts) { return *facts.runtimes.front().value->load.python; }

// No runtime gave an answer.
void lose_runtime(Facts& facts, const Absence& why);

}  // namespace runup::testing
