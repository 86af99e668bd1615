// SPDX-License-Identifier: Apache-2.0
#include "artifact/weight_exact.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <map>
#include <unordered_map>
#include <utility>

#include "artifact/weight_sketch.h"
#include "facts/state_dict.h"

namespace runup::artifact {

namespace {

// Candidates with the same few numbers that are compared as a whole.
constexpr std::size_t kMostTries = 8;

// A candidate as it is stored, or with its axes exchanged.
struct Reading {
  std::size_t candidate = 0;
  bool transposed = false;
  std::uint64_t hash = 0;
};

Sketch sketch_of(const WeightState& state, const Form& form, std::size_t candidate) {
  const Pairing pairing = state.pairing(form, candidate);
  return Sketch(form.elements(), [&](std::uint64_t index) { return pairing.expected_at(index); });
}

// Candidates by the sizes that they have for a form.
class Readings {
 public:
  explicit Readings(const WeightState& state) {
    const WeightPool& pool = state.candidates();
    for (std::size_t i = 0; i < pool.tensors.size(); ++i) {
      add(pool.tensors[i].sizes, pool.views[i], i, false);
      if (pool.tensors[i].sizes.size() == 2) {
        std::vector<std::int64_t> sizes = pool.tensors[i].sizes;
        std::ranges::reverse(sizes);
        add(sizes, pool.views[i].transposed(), i, true);
      }
    }
  }

  // Those with the same few numbers. The first `used` ones are known to be taken, so that thousands of equal
  // tensors are not gone through for each of them.
  struct Bucket {
    std::vector<Reading> readings;
    std::size_t used = 0;
  };
  struct Shelf {
    std::unordered_map<std::uint64_t, Bucket> by_hash;
    // a candidate of each type, for which a tensor of the original is rounded
    std::map<NumberType, std::size_t> types;
  };
  Shelf* find(const Form& form) {
    const auto found = shelves_.find({form.shape, form.transposed});
    return found == shelves_.end() ? nullptr : &found->second;
  }

 private:
  void add(const std::vector<std::int64_t>& sizes, const TensorView& view, std::size_t index,
           bool transposed) {
    Shelf& shelf = shelves_[{sizes, transposed}];
    const Sketch sketch(view.elements(), [&](std::uint64_t at) { return view.at(at); });
    shelf.by_hash[sketch.hash()].readings.push_back(
        {.candidate = index, .transposed = transposed, .hash = sketch.hash()});
    shelf.types.try_emplace(view.type(), index);
  }

  std::map<std::pair<std::vector<std::int64_t>, bool>, Shelf> shelves_;
};

// Whether the layer that reads the candidate is another one than the form's.
bool belongs_elsewhere(WeightState& state, const Form& form, std::size_t candidate) {
  const CandidateState& known = state.candidate(candidate);
  const auto elsewhere = [&](const std::optional<std::size_t>& owner) {
    return owner &&
           std::ranges::none_of(form.segments, [&](const Segment& part) { return part.reference == *owner; });
  };
  return elsewhere(known.layer);
}

class ValueMatcher {
 public:
  explicit ValueMatcher(WeightState& state) : state_(state), readings_(state) {}

  void match(const Form& form) {
    Readings::Shelf* shelf = readings_.find(form);
    if (shelf == nullptr || !state_.open(form)) {
      return;
    }
    std::vector<Reading> same;
    for (const auto& [type, example] : shelf->types) {
      const auto found = shelf->by_hash.find(sketch_of(state_, form, example).hash());
      if (found != shelf->by_hash.end()) {
        take(found->second, same);
      }
    }
    try_all(form, same);
  }

 private:
  // Fresh ones first: of several with the same numbers each tensor gets its own.
  void take(Readings::Bucket& bucket, std::vector<Reading>& same) {
    const auto used = [&](std::size_t i) { return state_.candidate(bucket.readings[i].candidate).used; };
    while (bucket.used < bucket.readings.size() && used(bucket.used)) {
      ++bucket.used;
    }
    const std::size_t end = std::min(bucket.readings.size(), bucket.used + 2 * kMostTries);
    for (std::size_t i = bucket.used; i < end; ++i) {
      if (!used(i)) {
        same.push_back(bucket.readings[i]);
      }
    }
    for (std::size_t i = 0; i < std::min(bucket.readings.size(), kMostTries); ++i) {
      if (used(i)) {
        same.push_back(bucket.readings[i]);
      }
    }
  }

  void try_all(const Form& form, const std::vector<Reading>& same) {
    std::size_t tries = 0;
    std::optional<std::size_t> nearly;
    for (const Reading& reading : same) {
      if (tries == kMostTries) {
        return;
      }
      if (belongs_elsewhere(state_, form, reading.candidate) || is_recurrent(form, reading.candidate)) {
        continue;
      }
      ++tries;
      if (!state_.equal(form, reading.candidate)) {
        nearly = nearly ? nearly : std::optional(reading.candidate);
        continue;
      }
      if (state_.wrong_way(form, reading.candidate)) {
        suspect(state_.whole(form.segments.front().reference, !form.transposed), reading.candidate);
        continue;
      }
      state_.settle(form, reading.candidate, Outcome::by_value);
      return;
    }
    if (nearly && !state_.candidate(*nearly).used) {
      suspect(form, *nearly);
    }
  }

  // A recurrent layer's input holds a square matrix in no other way than ONNX says.
  bool is_recurrent(const Form& form, std::size_t candidate) {
    const auto& suspect = state_.original(form.segments.front().reference).suspect;
    return suspect && suspect->candidate == candidate && suspect->form.relation == WeightRelation::reordered;
  }

  // The right one, as its numbers say, except that some of them differ.
  void suspect(const Form& form, std::size_t candidate) {
    if (state_.equal(form, candidate)) {
      state_.settle(form, candidate, Outcome::by_value);
      return;
    }
    state_.try_pair(form, candidate, Bond::layer);
  }

  WeightState& state_;
  Readings readings_;
};

// A tensor of the module by its own name.
std::optional<std::size_t> module_member(const WeightState& state, const std::vector<std::size_t>& module,
                                         std::string_view name) {
  for (const std::size_t index : module) {
    if (last_name(state.originals().tensors[index].name) == name) {
      return index;
    }
  }
  return std::nullopt;
}

// Names of what an operator reads as this input.
std::vector<std::string_view> names_of_input(std::string_view op, std::uint32_t input) {
  if (op == "Add") {
    return {"bias", "in_proj_bias"};
  }
  constexpr std::array<std::string_view, 5> kNames{"", "weight", "bias", "running_mean", "running_var"};
  if (op.ends_with("Gemm") || op.ends_with("MatMul") || op.ends_with("Conv") || op == "ConvTranspose") {
    return input == 1   ? std::vector<std::string_view>{"weight", "in_proj_weight"}
           : input == 2 ? std::vector<std::string_view>{"bias"}
                        : std::vector<std::string_view>{};
  }
  if (op.ends_with("Normalization") && input >= 1 && input < kNames.size()) {
    return {kNames[input]};
  }
  return op == "PRelu" && input == 1 ? std::vector<std::string_view>{"weight"}
                                     : std::vector<std::string_view>{};
}

// `2` of `/lstm/LSTM_2`, 0 of `/lstm/LSTM`.
std::uint64_t node_number(std::string_view node) {
  const std::size_t at = node.rfind('_');
  std::uint64_t number = 0;
  if (at != std::string_view::npos) {
    std::from_chars(node.data() + at + 1, node.data() + node.size(), number);
  }
  return number;
}

void match_recurrent(WeightState& state, const std::vector<RecurrentForms>& recurrent,
                     const std::string& module, const WeightUse& use, std::size_t candidate) {
  for (const RecurrentForms& forms : recurrent) {
    if (forms.module != module && !module.ends_with("." + forms.module) &&
        !forms.module.ends_with("." + module)) {
      continue;
    }
    if (forms.layer != node_number(use.node) || use.input < 1 || use.input > 3) {
      continue;
    }
    const Form& form = use.input == 1 ? forms.weights : use.input == 2 ? forms.recurrence : forms.bias;
    if (state.open(form)) {
      state.candidate(candidate).layer = form.segments.front().reference;
      state.try_pair(form, candidate, Bond::layer);
    }
    return;
  }
}

}  // namespace

void match_by_name(WeightState& state) {
  for (std::size_t i = 0; i < state.originals().tensors.size(); ++i) {
    const auto candidate = state.names().candidate(i);
    if (!candidate) {
      continue;
    }
    CandidateState& known = state.candidate(*candidate);
    known.named = known.named ? known.named : std::optional(i);
    const auto form = state.plain_form(i, *candidate);
    if (!form) {
      continue;
    }
    // Under its own name a square matrix lies as it did, unless it is known to have been turned.
    state.try_pair(*form, *candidate, Bond::name);
  }
}

void match_by_layer(WeightState& state, const std::vector<RecurrentForms>& recurrent) {
  for (std::size_t i = 0; i < state.candidates().tensors.size(); ++i) {
    const auto& use = state.uses().uses[i];
    if (!use || use->node.empty() || state.candidate(i).named) {
      continue;
    }
    const auto module = module_of_node(use->node);
    if (!module) {
      continue;
    }
    if (use->op == "LSTM" || use->op == "GRU" || use->op == "RNN") {
      match_recurrent(state, recurrent, *module, *use, i);
      continue;
    }
    const std::vector<std::size_t> tensors = state.names().module(*module);
    for (const std::string_view name : names_of_input(use->op, use->input)) {
      const auto original = module_member(state, tensors, name);
      const auto form = original ? state.plain_form(*original, i) : std::nullopt;
      if (form) {
        state.candidate(i).layer = original;
        if (state.open(*original)) {
          state.try_pair(*form, i, Bond::layer);
        }
        break;
      }
    }
  }
}

void match_by_value(WeightState& state, const std::vector<Form>& forms) {
  ValueMatcher matcher(state);
  for (const Form& form : forms) {
    // A name is worth more than numbers that are somewhere else too.
    const bool named = std::ranges::all_of(form.segments, [&](const Segment& part) {
      const auto& suspect = state.original(part.reference).suspect;
      return !state.open(part.reference) || (suspect && suspect->bond == Bond::name);
    });
    if (!named) {
      matcher.match(form);
    }
  }
}

std::optional<std::size_t> held_instead(WeightState& state, const Form& form, std::size_t candidate) {
  if (form.segments.size() != 1 || form.scale) {
    return std::nullopt;
  }
  const Pairing pairing = state.pairing(form, candidate);
  const Sketch wanted(form.elements(), [&](std::uint64_t index) { return pairing.actual_at(index); });
  std::optional<std::size_t> held;
  for (std::size_t i = 0; !wanted.constant() && i < state.originals().tensors.size(); ++i) {
    if (state.originals().tensors[i].sizes != form.shape || i == form.segments.front().reference) {
      continue;
    }
    const Form other = state.whole(i, form.transposed);
    if (sketch_of(state, other, candidate).hash() == wanted.hash() && state.equal(other, candidate)) {
      if (held) {
        return std::nullopt;
      }
      held = i;
    }
  }
  return held;
}

std::vector<Form> all_forms(const WeightState& state, const std::vector<RecurrentForms>& recurrent) {
  std::vector<Form> forms;
  for (const bool transposed : {false, true}) {
    for (std::size_t i = 0; i < state.originals().tensors.size(); ++i) {
      if (!transposed || state.originals().tensors[i].sizes.size() == 2) {
        forms.push_back(state.whole(i, transposed));
      }
    }
  }
  for (const RecurrentForms& layer : recurrent) {
    for (const Form* form : {&layer.weights, &layer.recurrence, &layer.bias}) {
      if (!form->segments.empty()) {
        forms.push_back(*form);
      }
    }
  }
  for (Form& form : attention_forms(state.originals())) {
    forms.push_back(std::move(form));
  }
  return forms;
}

}  // namespace runup::artifact
