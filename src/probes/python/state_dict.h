// SPDX-License-Identifier: Apache-2.0
#pragma once

// A checkpoint's tensors as run_model.py takes them: where the bytes of each lie, so that the service's
// interpreter need not unpickle the file.

#include <string>
#include <vector>

#include "artifact/reader.h"
#include "base/codec.h"
#include "facts/declaration.h"
#include "probes/torch/key_match.h"

namespace runup {

struct PlacedWeight {
  std::string key;
  // PyTorch's name
  std::string dtype;
  std::vector<std::int64_t> shape;
  std::vector<std::int64_t> stride;
  // of its first element, in bytes: in the model file, or in the memory (`kept`)
  std::uint64_t offset = 0;
  bool kept = false;
  bool conjugate = false;
  bool negative = false;
  // QuantisationFacts; no scheme for plain ones
  std::string scheme;
  std::vector<double> scales;
  std::vector<double> zero_points;
  std::int64_t axis = 0;
  static constexpr auto fields() {
    return std::tuple{Field{"key", &PlacedWeight::key},
                      Field{"dtype", &PlacedWeight::dtype},
                      Field{"shape", &PlacedWeight::shape},
                      Field{"stride", &PlacedWeight::stride},
                      Field{"offset", &PlacedWeight::offset},
                      Field{"kept", &PlacedWeight::kept},
                      Field{"conjugate", &PlacedWeight::conjugate},
                      Field{"negative", &PlacedWeight::negative},
                      Field{"scheme", &PlacedWeight::scheme},
                      Field{"scales", &PlacedWeight::scales},
                      Field{"zero_points", &PlacedWeight::zero_points},
                      Field{"axis", &PlacedWeight::axis}};
  }
};

// The tensors of one state_dict in file order, each key once. What is deflated, or stands where its type may
// not, is written to the descriptor `memory`. Errors as state_dict_tensors() of probes/torch has them.
Result<std::vector<PlacedWeight>> place_weights(Bytes file, const ArtifactFacts& artifact,
                                                const StateDictFacts& state_dict, int memory);

std::vector<TensorKey> keys_of(const std::vector<PlacedWeight>& weights);

// The element type that a service's module has the floating-point weights in: that of the inputs it is called
// with, since load_state_dict() copies into its parameters. Empty for weights of several types, of which the
// architecture has said how they meet.
std::string floating_type(const std::vector<PlacedWeight>& weights, const ModelDeclaration& model);

}  // namespace runup
