// SPDX-License-Identifier: Apache-2.0
#include "artifact/weight_parity.h"

#include <algorithm>
#include <format>
#include <new>
#include <utility>

#include "artifact/weight_alike.h"
#include "artifact/weight_exact.h"
#include "artifact/weight_fold.h"
#include "artifact/weight_forms.h"
#include "artifact/weight_neighbours.h"
#include "artifact/weight_norm.h"
#include "artifact/weight_state.h"
#include "artifact/weight_uses.h"
#include "base/text.h"

namespace runup {

namespace {

using namespace artifact;

constexpr std::size_t kMostListed = 1000;
// Differing tensors that are worth one sentence for all.
constexpr std::uint64_t kFewestForAll = 3;

void add(const std::string& name, std::vector<std::string>& listed, std::uint64_t& count) {
  ++count;
  if (listed.size() < kMostListed) {
    listed.push_back(name);
  }
}

WeightParityFacts sum_up(WeightState& state) {
  WeightParityFacts facts;
  double distance = 0;
  std::uint64_t throughout = 0;
  for (std::size_t i = 0; i < state.originals().tensors.size(); ++i) {
    OriginalState& one = state.original(i);
    ++facts.tensors;
    switch (one.outcome) {
      case Outcome::by_name:
        ++facts.by_name;
        break;
      case Outcome::by_value:
        ++facts.by_value;
        if (one.partner && state.either_way(i, *one.partner)) {
          add(state.originals().tensors[i].name, facts.either_way, facts.either_way_count);
        }
        break;
      case Outcome::differing:
        ++facts.differing_count;
        distance += one.distance;
        throughout += one.share > 0.5 ? 1 : 0;
        if (facts.differing.size() < kMostListed) {
          facts.differing.push_back(std::move(*one.difference));
        }
        break;
      case Outcome::open:
        add(state.originals().tensors[i].name, facts.not_comparable, facts.not_comparable_count);
        break;
    }
  }
  for (const std::string& name : state.originals().unreadable) {
    ++facts.tensors;
    add(name, facts.not_comparable, facts.not_comparable_count);
  }
  for (std::size_t i = 0; i < state.candidates().tensors.size(); ++i) {
    if (const CandidateState& one = state.candidate(i); !one.used && !one.named) {
      add(state.candidates().tensors[i].name, facts.extra, facts.extra_count);
    }
  }
  const std::uint64_t found = facts.by_name + facts.by_value + facts.differing_count;
  if (throughout >= kFewestForAll && 5 * throughout >= 4 * found) {
    facts.explanation = std::format(
        "{} of the {} tensors that were found again differ nearly everywhere, by {:.2g} % of their size on "
        "average: the conversion was made from other weights, such as those of another training step",
        facts.differing_count, found, 100 * distance / static_cast<double>(facts.differing_count));
  }
  return facts;
}

WeightParityFacts compare(const WeightSource& original, const WeightSource& conversion,
                          const WeightRules& rules) {
  auto originals = collect_weights(original);
  auto candidates = collect_weights(conversion);
  if (!originals || !candidates) {
    return {.not_compared = !originals ? "the original: " + originals.error().message
                                       : "the conversion: " + candidates.error().message};
  }
  WeightUses uses = find_uses(conversion, *candidates);
  WeightState state(std::move(*originals), std::move(*candidates), std::move(uses),
                    {.rtol = rules.rtol, .floor = rules.floor},
                    original.release_pages && conversion.release_pages);
  const std::vector<RecurrentForms> recurrent = recurrent_forms(state.originals());
  const std::vector<Form> forms = all_forms(state, recurrent);
  match_by_name(state);
  match_by_layer(state, recurrent);
  match_by_value(state, forms);
  match_by_neighbour(state);
  doubt_by_neighbour(state);
  match_folded(state);
  match_weight_norm(state);
  match_by_neighbour(state);
  match_alike(state, forms);
  judge_suspects(state);
  return sum_up(state);
}

}  // namespace

WeightParityFacts compare_weights(const WeightSource& original, const WeightSource& conversion,
                                  const WeightRules& rules) {
  try {
    return compare(original, conversion, rules);
  } catch (const std::bad_alloc&) {
    return {.not_compared = "comparing them takes more memory than is allowed"};
  }
}

}  // namespace runup
