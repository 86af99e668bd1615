// SPDX-License-Identifier: Apache-2.0
#include "artifact/weight_norm.h"

#include <cmath>
#include <map>
#include <string>
#include <string_view>

#include "artifact/weight_explain.h"

namespace runup::artifact {

namespace {

constexpr std::uint64_t kMostDirections = 65'536;

bool is_scaled(const Pairing& pairing, const ReferenceResult& result) {
  return is_small_factor(uniform_factor(pairing, result).value_or(0));
}

}  // namespace

// `weight_v` and `weight_g`, or what torch.nn.utils.parametrizations calls them.
void match_weight_norm(WeightState& state) {
  std::map<std::string_view, std::size_t> by_name;
  for (std::size_t i = 0; i < state.originals().tensors.size(); ++i) {
    by_name.emplace(state.originals().tensors[i].name, i);
  }
  std::size_t looks = 0;
  for (const auto& [name, direction] : by_name) {
    std::string other(name);
    if (name.ends_with(".weight_v") || name == "weight_v") {
      other.back() = 'g';
    } else if (name.ends_with("parametrizations.weight.original1")) {
      other.back() = '0';
    } else {
      continue;
    }
    const auto magnitude = by_name.find(other);
    const WeightTensor& tensor = state.originals().tensors[direction];
    if (magnitude == by_name.end() || !state.open(direction) || tensor.shape.empty()) {
      continue;
    }
    const auto rows = static_cast<std::uint64_t>(tensor.shape[0]);
    const TensorView& view = state.originals().views[direction];
    const TensorView& sizes = state.originals().views[magnitude->second];
    // The usual one: a magnitude for each row.
    if (sizes.elements() != rows || rows > kMostDirections) {
      continue;
    }
    Scale scale{.inner = view.elements() / rows};
    std::vector<double> row(scale.inner);
    for (std::uint64_t r = 0; r < rows; ++r) {
      view.read(r * scale.inner, row);
      double square = 0;
      for (const double number : row) {
        square += number * number;
      }
      scale.factor.push_back(sizes.at(r) / std::sqrt(square));
      scale.shift.push_back(0);
    }
    const auto shared = std::make_shared<const Scale>(std::move(scale));
    for (std::size_t i = 0;
         i < state.candidates().tensors.size() && state.open(direction) && looks < kMostLooks; ++i, ++looks) {
      const CandidateState& known = state.candidate(i);
      auto form = known.owner || known.named ? std::nullopt : state.plain_form(direction, i);
      if (!form) {
        continue;
      }
      form->relation = WeightRelation::scaled;
      form->scale = shared;
      const auto results = state.compare(*form, i);
      // Most of it is right, or all but for one factor, so it is this one.
      if (!results.empty() && (2 * results.front().differing < results.front().elements ||
                               is_scaled(state.pairing(*form, i), results.front()))) {
        if (results.front().differing == 0) {
          state.settle(*form, i, Outcome::by_value);
        } else {
          state.report(*form, i, results, "", true);
        }
        if (state.open(magnitude->second)) {
          state.original(magnitude->second).outcome = Outcome::by_value;
        }
      }
    }
  }
}

}  // namespace runup::artifact
