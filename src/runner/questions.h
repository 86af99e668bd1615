// SPDX-License-Identifier: Apache-2.0
#pragma once

// What the checks of a plan want to know, put together so that each thing is observed once.

#include <optional>
#include <vector>

#include "config/plan.h"
#include "probes/protocol/channel.h"

namespace runup {

// Whether a check is judged at all: neither skipped nor unable to run.
bool is_judged(const PlannedCheck& check);
Needs needs_of(const PlannedCheck& check);
// Of all judged checks of a model together, with what those needs need themselves: a runtime needs
// the artifact, an artifact the package.
Needs needs_of(const PlannedModel& model);

// One question for every path that the plan's models name.
std::vector<PathQuestion> path_questions(const Plan& plan);

// What one check asks a runtime to do. A plugin that reads runtime facts gets the inferences that the
// built-in `inference` makes by default, because it cannot ask for its own.
std::vector<Experiment> experiments_of(const PlannedCheck& check, const ModelDeclaration& model);
// All experiments of the judged checks that see the model's own file, each once:
// inferences with the usual sizes, what measures time, inferences with other sizes, limits, and at the end
// those in processes of their own. With `conversion`, of those that see `conversions[*conversion]`, in its names.
std::vector<Experiment> experiments_of(const PlannedModel& model, std::optional<std::size_t> conversion = {});
// Of those, inferences of the usual sizes: what two witnesses of one file are compared by.
std::vector<Experiment> usual_inferences(const PlannedModel& model);
// Those of checks that compare the files' answers.
std::vector<Experiment> compared_experiments(const PlannedModel& model,
                                             std::optional<std::size_t> conversion = {});

}  // namespace runup
