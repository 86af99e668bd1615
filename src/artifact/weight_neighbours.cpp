// SPDX-License-Identifier: Apache-2.0
#include "artifact/weight_neighbours.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <map>
#include <string>
#include <utility>

namespace runup::artifact {

namespace {

// Functions whose constants are all of one module, in the order in which PyTorch registers them.
constexpr std::array<std::string_view, 13> kOneModule{
    "linear", "matmul",     "_convolution", "conv1d",     "conv2d", "conv3d", "conv_transpose1d",
    "Conv",   "layer_norm", "group_norm",   "batch_norm", "Gemm",   "[]"};
// A list may hold anything; so many of one module in their order are no chance.
constexpr std::size_t kFewestInList = 3;

bool is_one_module(const WeightCall& call) {
  return std::ranges::find(kOneModule, call.op) != kOneModule.end();
}

// Calls whose other tensors no converter changes while it leaves one as it was. Convolutions are not among
// them: a number that is added behind one becomes part of its bias.
constexpr std::array<std::string_view, 6> kKeepsAll{"linear",     "layer_norm", "group_norm",
                                                    "batch_norm", "[]",         "matmul"};

bool keeps_all(const WeightCall& call) { return std::ranges::find(kKeepsAll, call.op) != kKeepsAll.end(); }

// A module, and where in a call its first tensor would stand.
struct Anchor {
  std::string_view module;
  std::ptrdiff_t first = 0;
  auto operator<=>(const Anchor&) const = default;
};

class Neighbours {
 public:
  explicit Neighbours(WeightState& state) : state_(state), position_(state.originals().tensors.size()) {
    for (std::size_t i = 0; i < position_.size(); ++i) {
      std::vector<std::size_t>& module = modules_[module_of(state.originals().tensors[i].name)];
      position_[i] = module.size();
      module.push_back(i);
    }
  }

  void match() {
    for (const WeightCall& call : state_.uses().calls) {
      const auto anchors = anchors_of(call);
      if (anchors.size() != 1) {
        continue;
      }
      for (std::size_t k = 0; k < call.candidates.size(); ++k) {
        const auto original = expected(anchors.begin()->first, k);
        const CandidateState& known = state_.candidate(call.candidates[k]);
        if (!original || known.owner || known.named || !state_.open(*original) ||
            state_.original(*original).suspect) {
          continue;
        }
        if (const auto form = state_.plain_form(*original, call.candidates[k])) {
          state_.candidate(call.candidates[k]).layer = original;
          state_.try_pair(*form, call.candidates[k], keeps_all(call) ? Bond::company : Bond::layer);
        }
      }
    }
  }

  void doubt() {
    for (const WeightCall& call : state_.uses().calls) {
      auto anchors = anchors_of(call);
      if (anchors.size() < 2 || !is_one_module(call)) {
        continue;
      }
      // Which module the call is of: the one with the most of its tensors there, and of those the last, since
      // a bias is exchanged by mistake more rarely than a matrix. Where the right tensors do not even fit, it
      // is another one.
      std::vector<std::pair<Anchor, Seen>> truths(anchors.begin(), anchors.end());
      std::ranges::sort(truths, [](const auto& a, const auto& b) {
        return std::pair(a.second.count, a.second.last) > std::pair(b.second.count, b.second.last);
      });
      for (const auto& [truth, seen] : truths) {
        if ((call.op == "[]" && seen.count < kFewestInList) || seen.count < truths.front().second.count ||
            reopen(truth, call)) {
          break;
        }
      }
    }
  }

 private:
  std::optional<Anchor> anchor_of(std::size_t candidate, std::size_t place) {
    const CandidateState& known = state_.candidate(candidate);
    if (!known.owner || known.several_owners || state_.original(*known.owner).partner != candidate) {
      return std::nullopt;
    }
    return Anchor{
        .module = module_of(state_.originals().tensors[*known.owner].name),
        .first = static_cast<std::ptrdiff_t>(place) - static_cast<std::ptrdiff_t>(position_[*known.owner])};
  }

  // Tensors of an anchor in a call: how many, and the place of the last.
  struct Seen {
    std::size_t count = 0;
    std::size_t last = 0;
  };

  std::map<Anchor, Seen> anchors_of(const WeightCall& call) {
    std::map<Anchor, Seen> anchors;
    for (std::size_t k = 0; k < call.candidates.size(); ++k) {
      if (const auto anchor = anchor_of(call.candidates[k], k)) {
        Seen& seen = anchors[*anchor];
        ++seen.count;
        seen.last = k;
      }
    }
    return anchors;
  }

  std::optional<std::size_t> expected(const Anchor& anchor, std::size_t place) const {
    const std::vector<std::size_t>& module = modules_.find(anchor.module)->second;
    const std::ptrdiff_t at = static_cast<std::ptrdiff_t>(place) - anchor.first;
    return at >= 0 && at < std::ssize(module) ? std::optional(module[static_cast<std::size_t>(at)])
                                              : std::nullopt;
  }

  // Whether something of the call belongs elsewhere when it is of this module.
  bool reopen(const Anchor& truth, const WeightCall& call) {
    bool reopened = false;
    for (std::size_t k = 0; k < call.candidates.size(); ++k) {
      const auto anchor = anchor_of(call.candidates[k], k);
      if (anchor && *anchor != truth) {
        reopened = reopen(truth, call.candidates[k], k) || reopened;
      }
    }
    return reopened;
  }

  // Only when the right one was found too, in another place: then both are where the other belongs.
  bool reopen(const Anchor& truth, std::size_t candidate, std::size_t place) {
    const auto original = expected(truth, place);
    const auto form = original ? state_.plain_form(*original, candidate) : std::nullopt;
    if (!form || state_.candidate(candidate).named) {
      return false;
    }
    OriginalState& one = state_.original(*original);
    if (one.outcome != Outcome::by_value || !one.partner || *one.partner == candidate) {
      return false;
    }
    one.outcome = Outcome::open;
    one.covered = 0;
    state_.candidate(candidate).layer = original;
    state_.try_pair(*form, candidate, Bond::layer);
    return true;
  }

  WeightState& state_;
  std::map<std::string_view, std::vector<std::size_t>> modules_;
  std::vector<std::size_t> position_;
};

// Where the matrices of all `linear` calls became transposed constants of `matmul`, one that was not turned
// is wrong; square ones alone would not show it.
void doubt_unturned(WeightState& state) {
  std::size_t turned = 0;
  std::vector<std::pair<std::size_t, std::size_t>> unturned;
  for (std::size_t i = 0; i < state.candidates().tensors.size(); ++i) {
    const auto& use = state.uses().uses[i];
    const auto& owner = state.candidate(i).owner;
    if (!use || use->op != "matmul" || use->input != 1 || !owner || state.original(*owner).partner != i) {
      continue;
    }
    const std::vector<std::int64_t>& sizes = state.originals().tensors[*owner].sizes;
    if (sizes.size() != 2) {
      continue;
    }
    if (sizes[0] != sizes[1]) {
      if (sizes == state.candidates().tensors[i].sizes) {
        return;
      }
      ++turned;
    } else if (!state.equal(state.whole(*owner, true), i)) {
      unturned.emplace_back(*owner, i);
    }
  }
  for (const auto& [original, candidate] : unturned) {
    if (turned > 0 && state.original(original).outcome == Outcome::by_value) {
      state.original(original).outcome = Outcome::open;
      state.original(original).covered = 0;
      state.candidate(candidate).layer = original;
      state.try_pair(state.whole(original, true), candidate, Bond::layer);
    }
  }
}

}  // namespace

void match_by_neighbour(WeightState& state) { Neighbours(state).match(); }

void doubt_by_neighbour(WeightState& state) {
  Neighbours(state).doubt();
  doubt_unturned(state);
}

}  // namespace runup::artifact
