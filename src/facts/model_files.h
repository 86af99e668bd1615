// SPDX-License-Identifier: Apache-2.0
#pragma once

// A model is its own file and those of its `conversions:`. What judges or runs every file sees one at a
// time, as if that were the model; these functions make that view.

#include <string>

#include "facts/facts.h"

namespace runup {

// `conversions[index]` as a model: its path, its names of the inputs, no conversions of its own. What is
// left out is the original's: the key of its state_dict. Samples keep their tolerances, or have the
// conversion's where those are wider.
ModelDeclaration as_model(const ModelDeclaration& model, std::size_t index);

// The same for what was observed. Paths of the package that belong to the conversion (`models.sign.
// conversions[0].path`, and what lies below that key) stand under the model's (`models.sign.path`). Class
// names that the original's checkpoint holds are those of the conversion too.
Facts as_model(const Facts& facts, std::size_t index);

// The config's key of the file: `models.sign.path`, `models.sign.conversions[0].path`.
std::string path_key(const std::string& model_name);
std::string path_key(const std::string& model_name, std::size_t conversion);

}  // namespace runup
