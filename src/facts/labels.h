// SPDX-License-Identifier: Apache-2.0
#pragma once

// Which class names belong to a model, and how many outputs they must name. The label-encoder check
// and the inference check both ask here.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "facts/facts.h"

namespace runup {

enum class LabelProblem {
  none,
  // the config says nothing of labels and the file has none, or it says `from: none`
  not_wanted,
  // the file that should hold them was not observed
  not_observed,
  // nothing stands at the key path, or the file holds no list of names
  not_found,
  // what stands at the key path is no list of names
  not_labels,
  // something of which that cannot be told: a file of no format that is read, or an object that is
  // named like class names and nobody asked for
  not_understood,
  // more than one list, and the config names none
  several,
};

struct LabelChoice {
  // set exactly when `problem` is none; points into the Facts that were given
  const LabelListFacts* chosen = nullptr;
  LabelProblem problem = LabelProblem::none;
  // the config asked for them; false for an encoder that the checkpoint happens to hold
  bool declared = false;
  // the file they are in, absolute
  std::string file;
  // what to call them: "`label_encoder`", "`labels.json`"
  std::string name;
  // key paths of the lists that could be meant
  std::vector<std::string> candidates;
  // why there is no choice: what was seen, then what was expected; empty when there is one
  std::string why_not;
};

// The names that `labels:` points at. Without a declaration, an encoder or a list of names under a key
// that says so (`classes`, `id2label`, ...), since the service will use it too.
LabelChoice choose_labels(const Facts& facts);

// How many classes the model tells apart.
struct OutputWidth {
  std::int64_t classes = 0;
  // `output[0]` of a run, or the tensor that was taken for the last layer
  std::string source;
  // a run showed it; otherwise it was guessed from the weights' shapes
  bool observed = false;
};

// The size of the last axis of the first output of any inference; without one, the rows of the last
// matrix of the state_dict, or the length of the last vector named `bias`.
std::optional<OutputWidth> output_width(const Facts& facts);

// Whether any tensor of the state_dict has `classes` as its first or last size: with none, no layer of
// the model can tell so many classes apart. True when there is no state_dict to look at.
bool weights_can_have(const Facts& facts, std::int64_t classes);

// The tensor of the state_dict that most probably makes `classes` outputs: the last vector of this
// length, or the last matrix with so many rows. Its key, or empty.
std::string head_tensor(const Facts& facts, std::int64_t classes);

}  // namespace runup
