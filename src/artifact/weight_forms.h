// SPDX-License-Identifier: Apache-2.0
#pragma once

// In which ways converters arrange whole tensors of a PyTorch state_dict anew.

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "artifact/weight_form.h"
#include "artifact/weight_pool.h"

namespace runup::artifact {

// The inputs of ONNX's LSTM, GRU and RNN, made of one layer of torch.nn.LSTM, GRU or RNN: directions one
// behind the other, gates in ONNX's order (operators LSTM, GRU, RNN in Operators.md of onnx).
struct RecurrentForms {
  // path of the module, and the layer in it
  std::string module;
  std::uint64_t layer = 0;
  // ONNX's inputs 1, 2 and 3
  Form weights;
  Form recurrence;
  // without segments where the layer has none
  Form bias;
};
std::vector<RecurrentForms> recurrent_forms(const WeightPool& pool);

// A third, or two, of the joined matrices and biases of torch.nn.MultiheadAttention, which it takes apart
// itself for a key that is not the query; and matrices of query, key and value that are joined.
std::vector<Form> attention_forms(const WeightPool& pool);

}  // namespace runup::artifact
