// SPDX-License-Identifier: Apache-2.0
#include "artifact/weight_alike.h"

#include <algorithm>
#include <cmath>
#include <format>
#include <map>
#include <utility>

#include "artifact/weight_exact.h"
#include "artifact/weight_explain.h"
#include "artifact/weight_sketch.h"
#include "base/text.h"

namespace runup::artifact {

namespace {

constexpr std::size_t kMostPairs = 100'000;
constexpr std::size_t kMostSwaps = 200;
// Enough that two tensors do not have it by chance.
constexpr double kSameShare = 0.25;
constexpr double kCorrelation = 0.9;
constexpr std::uint64_t kFewestCorrelated = 16;

// What a module computes its weight from: the conversion holds the weight, not this.
bool is_computed_from(std::string_view name) {
  return name.contains("parametrizations.") || name.ends_with("weight_orig") || name.ends_with("weight_v") ||
         name.ends_with("weight_g") || name.ends_with("weight_u") || name.ends_with("weight_mask");
}

struct Pair {
  double score = 0;
  std::size_t form = 0;
  std::size_t candidate = 0;
};

Sketch expected_sketch(const WeightState& state, const Form& form, std::size_t candidate) {
  const Pairing pairing = state.pairing(form, candidate);
  return Sketch(form.elements(), [&](std::uint64_t index) { return pairing.expected_at(index); });
}

std::optional<double> score_of(const WeightState& state, const Form& form, std::size_t candidate) {
  const Pairing pairing = state.pairing(form, candidate);
  const Sketch left = expected_sketch(state, form, candidate);
  const Sketch right(form.elements(), [&](std::uint64_t index) { return pairing.actual_at(index); });
  const Likeness alike = likeness(left, right);
  const double correlation = form.elements() >= kFewestCorrelated ? std::abs(alike.correlation) : 0;
  if (alike.same < kSameShare && correlation < kCorrelation) {
    return std::nullopt;
  }
  return std::max(alike.same, correlation);
}

bool fits(const WeightState& state, const Form& form, std::size_t candidate) {
  std::vector<std::int64_t> sizes = state.candidates().tensors[candidate].sizes;
  if (form.transposed) {
    std::ranges::reverse(sizes);
  }
  return sizes == form.shape;
}

// Those that hold the beginning of a longer table: positions that a trace never reached.
void match_beginnings(WeightState& state) {
  std::size_t looked = 0;
  for (std::size_t i = 0; i < state.originals().tensors.size() && looked < kMostLooks; ++i) {
    const std::vector<std::int64_t>& sizes = state.originals().tensors[i].sizes;
    if (!state.open(i) || state.original(i).suspect || sizes.size() < 2) {
      continue;
    }
    for (std::size_t k = 0; k < state.candidates().tensors.size() && state.open(i); ++k) {
      const WeightTensor& candidate = state.candidates().tensors[k];
      ++looked;
      if (state.candidate(k).used || candidate.sizes.size() != sizes.size() ||
          candidate.sizes[0] >= sizes[0] ||
          !std::equal(sizes.begin() + 1, sizes.end(), candidate.sizes.begin() + 1)) {
        continue;
      }
      Form form = state.whole(i, false);
      form.segments[0].count = state.candidates().views[k].elements();
      form.shape[0] = candidate.sizes[0];
      form.partial = true;
      const auto results = state.compare(form, k);
      if (results.empty() || 2 * results[0].differing > results[0].elements) {
        continue;
      }
      if (results[0].differing == 0) {
        state.settle(form, k, Outcome::by_value);
      } else {
        state.report(form, k, results, "", true);
      }
    }
  }
}

class SuspectJudge {
 public:
  explicit SuspectJudge(WeightState& state) : state_(state) {}

  void run() {
    // Those by name are the measure for the rest.
    for (const Bond bond : {Bond::name, Bond::company, Bond::layer, Bond::likeness}) {
      for (std::size_t i = 0; i < state_.originals().tensors.size(); ++i) {
        const auto& suspect = state_.original(i).suspect;
        if (state_.open(i) && suspect && suspect->bond == bond) {
          judge(i, *suspect);
        }
      }
      count();
    }
  }

 private:
  // A copy, since report() may reset the one that is noted.
  void judge(std::size_t original, Suspect noted) {
    const Suspect suspect = std::move(noted);
    const CandidateState& known = state_.candidate(suspect.candidate);
    if (suspect.bond != Bond::name && known.layer != original && known.owner) {
      return;
    }
    const auto results = state_.compare(suspect.form, suspect.candidate);
    const auto own = std::ranges::find(results, original, &ReferenceResult::reference);
    if (own == results.end() || own->differing == 0) {
      return;
    }
    std::string explanation = swapped(original, suspect);
    const bool sure = suspect.bond == Bond::name || suspect.bond == Bond::company;
    if (explanation.empty() && !sure && !believable(suspect, *own, original)) {
      return;
    }
    const double same =
        static_cast<double>(own->same_numbers) / static_cast<double>(own->same_numbers + own->differing);
    // `matmul(x, weight) + bias` may also be code of the network, whose bias is a sum.
    const auto& use = state_.uses().uses[suspect.candidate];
    const bool sum = suspect.bond == Bond::company && use && use->op == "matmul";
    state_.report(suspect.form, suspect.candidate, results, explanation,
                  same >= 0.5 || (suspect.bond != Bond::likeness && !sum));
  }

  std::string swapped(std::size_t original, const Suspect& suspect) {
    if (suspect.bond == Bond::likeness || ++swaps_ > kMostSwaps) {
      return "";
    }
    const auto held = held_instead(state_, suspect.form, suspect.candidate);
    if (!held) {
      return "";
    }
    const std::string name = printable(state_.originals().tensors[*held].name);
    const auto& other = state_.original(*held).suspect;
    const auto& done = state_.original(*held).difference;
    const bool mutual = (other && held_instead(state_, other->form, other->candidate) == original) ||
                        (done && done->explanation.starts_with("it is exchanged with"));
    return mutual ? std::format("it is exchanged with `{}`", name)
                  : std::format("it holds the numbers of `{}`", name);
  }

  // A candidate without the tensor's name may hold what the converter computed from it. Damage is local,
  // or of a kind that no converter does; everything else is only believed beside the same under a name.
  bool believable(const Suspect& suspect, const ReferenceResult& result, std::size_t original) const {
    if (static_cast<double>(result.same_numbers) >=
        kSameShare * static_cast<double>(result.same_numbers + result.differing)) {
      return true;
    }
    const Pairing pairing = state_.pairing(suspect.form, suspect.candidate);
    if (const auto factor = uniform_factor(pairing, result)) {
      return is_small_factor(*factor);
    }
    const std::string words = explain_difference(pairing, result, state_.originals().tensors[original].shape);
    return (!words.empty() && !words.starts_with("nearly all")) || retrained_;
  }

  // Whether most of what certainly belongs together holds other numbers throughout.
  void count() {
    std::size_t found = 0;
    std::size_t other = 0;
    for (std::size_t i = 0; i < state_.originals().tensors.size(); ++i) {
      const OriginalState& one = state_.original(i);
      found += one.outcome == Outcome::open ? 0 : 1;
      other += one.outcome == Outcome::differing && one.share > 0.9 ? 1 : 0;
    }
    std::size_t suspects = 0;
    for (std::size_t i = 0; i < state_.originals().tensors.size(); ++i) {
      suspects += state_.open(i) && state_.original(i).suspect ? 1 : 0;
    }
    // Without any name that is the same: nothing at all was found, and everything is like something.
    retrained_ = found == 0 ? suspects >= 3 : 2 * other > found;
  }

  WeightState& state_;
  std::size_t swaps_ = 0;
  bool retrained_ = false;
};

}  // namespace

void match_alike(WeightState& state, const std::vector<Form>& forms) {
  std::vector<Pair> pairs;
  std::size_t looked = 0;
  std::map<std::vector<std::int64_t>, std::vector<std::size_t>> free;
  for (std::size_t i = 0; i < state.candidates().tensors.size(); ++i) {
    const CandidateState& known = state.candidate(i);
    if (!known.used && !known.named) {
      free[state.candidates().tensors[i].sizes].push_back(i);
    }
  }
  for (std::size_t f = 0; f < forms.size(); ++f) {
    const Form& form = forms[f];
    const bool wanted = std::ranges::all_of(form.segments, [&](const Segment& part) {
      return state.open(part.reference) && !state.original(part.reference).suspect;
    });
    const bool computed = std::ranges::any_of(form.segments, [&](const Segment& part) {
      return is_computed_from(state.originals().tensors[part.reference].name);
    });
    if (!wanted || computed) {
      continue;
    }
    std::vector<std::int64_t> sizes = form.shape;
    if (form.transposed) {
      std::ranges::reverse(sizes);
    }
    const auto shelf = free.find(sizes);
    for (std::size_t k = 0; shelf != free.end() && k < shelf->second.size() && looked < kMostPairs; ++k) {
      const std::size_t candidate = shelf->second[k];
      ++looked;
      if (!fits(state, form, candidate) || state.wrong_way(form, candidate)) {
        continue;
      }
      if (const auto score = score_of(state, form, candidate)) {
        pairs.push_back({.score = *score, .form = f, .candidate = candidate});
      }
    }
  }
  std::ranges::stable_sort(pairs, std::greater{}, &Pair::score);
  for (const Pair& pair : pairs) {
    const Form& form = forms[pair.form];
    const bool fresh = std::ranges::all_of(form.segments, [&](const Segment& part) {
      return state.open(part.reference) && !state.original(part.reference).suspect;
    });
    if (fresh && !state.candidate(pair.candidate).used) {
      state.try_pair(form, pair.candidate, Bond::likeness);
    }
  }
  match_beginnings(state);
}

void judge_suspects(WeightState& state) { SuspectJudge(state).run(); }

}  // namespace runup::artifact
