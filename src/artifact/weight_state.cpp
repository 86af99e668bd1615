// SPDX-License-Identifier: Apache-2.0
#include "artifact/weight_state.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "artifact/weight_explain.h"
#include "base/text.h"

namespace runup::artifact {

namespace {

// Comparisons of a tensor, on average.
constexpr std::uint64_t kLooksOfTensor = 40;
constexpr std::uint64_t kLooksOfSmallFiles = 50'000'000;

std::vector<std::int64_t> index_of(std::uint64_t place, const std::vector<std::int64_t>& shape) {
  std::vector<std::int64_t> index(shape.size());
  for (std::size_t i = shape.size(); i-- > 0;) {
    const auto size = static_cast<std::uint64_t>(shape[i]);
    index[i] = static_cast<std::int64_t>(place % size);
    place /= size;
  }
  return index;
}

}  // namespace

WeightState::WeightState(WeightPool originals, WeightPool candidates, WeightUses uses, CompareRules rules,
                         bool release)
    : originals_(std::move(originals)),
      candidates_(std::move(candidates)),
      uses_(std::move(uses)),
      rules_(rules),
      pages_(release),
      names_(originals_, candidates_),
      original_states_(originals_.tensors.size()),
      candidate_states_(candidates_.tensors.size()),
      budget_(kLooksOfSmallFiles) {
  for (const WeightPool* pool : {&originals_, &candidates_}) {
    for (const TensorView& view : pool->views) {
      budget_ += view.elements() * kLooksOfTensor;
    }
  }
}

bool WeightState::open(const Form& form) const {
  return std::ranges::any_of(form.segments, [this](const Segment& part) { return open(part.reference); });
}

std::vector<ReferenceResult> WeightState::compare(const Form& form, std::size_t candidate) {
  std::vector<std::int64_t> sizes = candidates_.tensors[candidate].sizes;
  if (form.transposed) {
    std::ranges::reverse(sizes);
  }
  const std::uint64_t elements = form.elements();
  if (sizes != form.shape || elements != candidates_.views[candidate].elements() || elements > budget_) {
    return {};
  }
  budget_ -= elements;
  return pairing(form, candidate).compare();
}

bool WeightState::equal(const Form& form, std::size_t candidate) {
  const auto results = compare(form, candidate);
  return !results.empty() &&
         std::ranges::all_of(results, [](const ReferenceResult& result) { return result.differing == 0; });
}

void WeightState::settle(const Form& form, std::size_t candidate, Outcome outcome) {
  CandidateState& known = candidate_states_[candidate];
  known.used = true;
  known.turned = form.transposed;
  for (const Segment& segment : form.segments) {
    OriginalState& state = original_states_[segment.reference];
    state.covered += segment.count;
    if (known.owner && *known.owner != segment.reference) {
      known.several_owners = true;
    }
    known.owner = segment.reference;
    if (state.outcome == Outcome::open &&
        (form.partial || state.covered >= originals_.views[segment.reference].elements())) {
      state.outcome = outcome;
      state.suspect.reset();
      if (form.segments.size() == 1) {
        state.partner = candidate;
      }
    }
  }
}

bool WeightState::try_pair(const Form& form, std::size_t candidate, Bond bond) {
  const auto results = compare(form, candidate);
  if (results.empty()) {
    return false;
  }
  candidate_states_[candidate].used = true;
  if (std::ranges::all_of(results, [](const ReferenceResult& result) { return result.differing == 0; })) {
    settle(form, candidate, bond == Bond::name ? Outcome::by_name : Outcome::by_value);
    return true;
  }
  for (const ReferenceResult& result : results) {
    OriginalState& state = original_states_[result.reference];
    if (state.outcome == Outcome::open && !state.suspect) {
      state.suspect = Suspect{.candidate = candidate, .form = form, .bond = bond, .explanation = {}};
    }
  }
  return false;
}

void WeightState::report(const Form& form, std::size_t candidate, const std::vector<ReferenceResult>& results,
                         const std::string& explanation, bool certain) {
  const Pairing both = pairing(form, candidate);
  candidate_states_[candidate].used = true;
  for (const ReferenceResult& result : results) {
    OriginalState& state = original_states_[result.reference];
    const WeightTensor& tensor = originals_.tensors[result.reference];
    state.covered += result.elements;
    if (result.differing == 0) {
      if (state.outcome == Outcome::open &&
          (form.partial || state.covered >= originals_.views[result.reference].elements())) {
        state.outcome = Outcome::by_value;
        state.suspect.reset();
      }
      continue;
    }
    if (state.outcome == Outcome::differing) {
      continue;
    }
    state.outcome = Outcome::differing;
    state.share = static_cast<double>(result.differing) / static_cast<double>(result.elements);
    state.distance = result.magnitude > 0 ? result.distance / result.magnitude : 0;
    state.difference = WeightDifferenceFacts{
        .reference = tensor.name,
        .candidate = candidates_.tensors[candidate].name,
        .relation = form.relation,
        .shape = tensor.shape,
        .elements = result.elements,
        .differing = result.differing,
        .max_relative = result.max_relative,
        .max_abs = result.max_abs,
        .worst_index = index_of(result.worst_index, tensor.shape),
        .worst_reference = result.worst_reference,
        .worst_candidate = result.worst_candidate,
        .explanation = explanation.empty() ? explain_difference(both, result, tensor.shape) : explanation,
        .certain = certain};
  }
}

Form WeightState::whole(std::size_t original, bool transposed) const {
  return {.segments = {{.reference = original, .begin = 0, .count = originals_.views[original].elements()}},
          .shape = originals_.tensors[original].sizes,
          .transposed = transposed,
          .relation = transposed ? WeightRelation::transposed : WeightRelation::same};
}

std::optional<Form> WeightState::plain_form(std::size_t original, std::size_t candidate) const {
  const std::vector<std::int64_t>& sizes = originals_.tensors[original].sizes;
  std::vector<std::int64_t> other = candidates_.tensors[candidate].sizes;
  const auto& use = uses_.uses[candidate];
  const bool matrix = sizes.size() == 2;
  if (matrix && sizes[0] == sizes[1] && sizes == other) {
    const bool turned = candidate_states_[candidate].turned;
    return whole(original, use ? use->transposed.value_or(turned) : turned);
  }
  if (sizes == other) {
    return whole(original, false);
  }
  std::ranges::reverse(other);
  return matrix && sizes == other ? std::optional(whole(original, true)) : std::nullopt;
}

bool WeightState::either_way(std::size_t original, std::size_t candidate) {
  const std::vector<std::int64_t>& sizes = originals_.tensors[original].sizes;
  const auto& use = uses_.uses[candidate];
  const CandidateState& known = candidate_states_[candidate];
  return sizes.size() == 2 && sizes[0] == sizes[1] && !known.named && !known.layer && use &&
         !use->transposed && !equal(whole(original, !known.turned), candidate);
}

bool WeightState::wrong_way(const Form& form, std::size_t candidate) const {
  const auto& use = uses_.uses[candidate];
  return form.shape.size() == 2 && form.shape[0] == form.shape[1] && form.segments.size() == 1 && use &&
         use->transposed && *use->transposed != form.transposed;
}

}  // namespace runup::artifact
