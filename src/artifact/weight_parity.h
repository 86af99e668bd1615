// SPDX-License-Identifier: Apache-2.0
#pragma once

// Whether a conversion still holds the numbers of the model it was made from, tensor by tensor. Comparing the
// answers of two models misses small damage to single weights; comparing the weights finds it and names the
// tensor. A converter may rename, transpose, reorder, join and fold tensors on its way: what was done
// faithfully is undone here, and what cannot be undone is counted as not comparable, never guessed.

#include <cstdint>
#include <map>
#include <string>

#include "base/bytes.h"
#include "facts/artifact.h"
#include "facts/parity.h"

namespace runup {

// A model file that is mapped, what read_artifact() said of it, and the files that hold the rest of it.
struct WeightSource {
  Bytes file;
  const ArtifactFacts* facts = nullptr;
  // ONNX external data: the files by their location as written in the model
  std::map<std::string, Bytes> external;
  // key path of the state_dict; found by itself when empty and there is one candidate
  std::string state_dict;
  // the bytes are private read-only mappings of files (see ReadOptions)
  bool release_pages = false;
};

struct WeightRules {
  // two numbers are the same up to this share of the original's
  double rtol = 1e-5;
  // and up to this share of the largest magnitude in its tensor
  double floor = 1e-7;
};

// Never fails: what could not be compared is among `not_comparable`, or `not_compared` says why nothing was.
// Work is bounded by a small multiple of both files' sizes, whatever they say of their tensors.
WeightParityFacts compare_weights(const WeightSource& original, const WeightSource& conversion,
                                  const WeightRules& rules = {});

}  // namespace runup
