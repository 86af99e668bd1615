// SPDX-License-Identifier: Apache-2.0
#pragma once

// What the graph of a model file says of its mode: the code of a TorchScript archive, the nodes of an ONNX
// file. A state_dict has none.

#include <string>
#include <vector>

#include "check/outcome.h"
#include "facts/facts.h"

namespace runup::checks::eval_mode {

struct GraphPlaces {
  // places of dropout or batch norm as in training
  std::vector<Evidence> training;
  // batch norms that have no running statistics
  std::vector<Evidence> batch_statistics;
  // operators whose numbers come from a generator
  std::vector<Evidence> random;
  // where the first of `training` is
  Location first;
  // all of `training` are in code whose modules are in eval mode: a literal is at fault
  bool only_literals = false;
};

GraphPlaces look_at_graph(const Facts& facts);
// "12 operators", where the places are those of a graph; in words for a report's evidence.
std::string graph_words(const Facts& facts, const GraphPlaces& places);

}  // namespace runup::checks::eval_mode
