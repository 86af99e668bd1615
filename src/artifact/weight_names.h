// SPDX-License-Identifier: Apache-2.0
#pragma once

// Which tensor of a conversion has the name of which of the original's.

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "artifact/weight_pool.h"

namespace runup::artifact {

// The names of both files, and what one puts before them that the other does not: `module.`, `model.`,
// `_orig_mod.`, or the field of whatever module was wrapped around the exported one.
class NameTable {
 public:
  NameTable(const WeightPool& originals, const WeightPool& candidates);

  // The candidate with this tensor's name: exactly, behind the prefixes, or with other separators
  // (`encoder_fc_weight`) where only one can be meant.
  std::optional<std::size_t> candidate(std::size_t original) const;
  // Tensors of the original in one module, in the order of its file; the path as the conversion writes it.
  std::vector<std::size_t> module(std::string_view conversion_path) const;

 private:
  void find_prefixes(const WeightPool& originals, const WeightPool& candidates);

  const WeightPool& originals_;
  std::map<std::string, std::size_t, std::less<>> candidates_;
  // by their letters alone; nothing where two are alike
  std::map<std::string, std::optional<std::size_t>> plain_candidates_;
  std::map<std::string, std::optional<std::size_t>> plain_originals_;
  std::map<std::string, std::vector<std::size_t>, std::less<>> modules_;
  std::string original_prefix_;
  std::string candidate_prefix_;
};

// `encoder.layers.0` of `encoder.layers.0.weight`; empty for a name without a dot.
std::string_view module_of(std::string_view name);

// The module's path in the name that torch.onnx gives a node: `encoder.layers.0.linear1` of
// `/encoder/layers.0/linear1/MatMul`; nothing when it is no such name.
std::optional<std::string> module_of_node(std::string_view node);

}  // namespace runup::artifact
