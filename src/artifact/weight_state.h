// SPDX-License-Identifier: Apache-2.0
#pragma once

// What is known so far about each tensor of the original while a conversion is compared with it.

#include <optional>
#include <string>
#include <vector>

#include "artifact/weight_form.h"
#include "artifact/weight_names.h"
#include "artifact/weight_pool.h"
#include "artifact/weight_uses.h"

namespace runup::artifact {

// Candidates that one way of matching looks at.
inline constexpr std::size_t kMostLooks = 10'000'000;

enum class Outcome { open, by_name, by_value, differing };

// How sure it is that a tensor of the original and a candidate belong together.
enum class Bond {
  // the candidate has the tensor's name
  name,
  // what reads the candidate is the tensor's layer, or its neighbours are
  layer,
  // one call reads the candidate and another tensor of the same module, which has all of its numbers
  company,
  // their numbers are alike
  likeness,
};

// A candidate that should hold the numbers and does not, or not all of them.
struct Suspect {
  std::size_t candidate = 0;
  Form form;
  Bond bond = Bond::likeness;
  std::string explanation;
};

struct OriginalState {
  Outcome outcome = Outcome::open;
  std::uint64_t covered = 0;
  std::optional<Suspect> suspect;
  // the candidate that settled it alone, and how
  std::optional<std::size_t> partner;
  std::optional<WeightDifferenceFacts> difference;
  // share of the numbers that differ, and the mean difference against the mean magnitude
  double share = 0;
  double distance = 0;
};

struct CandidateState {
  bool used = false;
  // has the name of a tensor of the original, whatever its numbers
  std::optional<std::size_t> named;
  // belongs to it by what reads it
  std::optional<std::size_t> layer;
  // the only tensor of the original that was found in it, and whether with its axes exchanged
  std::optional<std::size_t> owner;
  bool turned = false;
  bool several_owners = false;
};

class WeightState {
 public:
  WeightState(WeightPool originals, WeightPool candidates, WeightUses uses, CompareRules rules, bool release);

  const WeightPool& originals() const { return originals_; }
  const WeightPool& candidates() const { return candidates_; }
  const WeightUses& uses() const { return uses_; }
  const NameTable& names() const { return names_; }
  const CompareRules& rules() const { return rules_; }
  const PageRelease& pages() const { return pages_; }
  OriginalState& original(std::size_t index) { return original_states_[index]; }
  CandidateState& candidate(std::size_t index) { return candidate_states_[index]; }
  bool open(std::size_t original) const { return original_states_[original].outcome == Outcome::open; }
  bool open(const Form& form) const;

  Pairing pairing(const Form& form, std::size_t candidate) const {
    return {originals_.views, candidates_.views[candidate], form, rules_, pages_};
  }
  // Empty when the candidate has another shape, or when all the work that the files are worth was done.
  std::vector<ReferenceResult> compare(const Form& form, std::size_t candidate);
  bool equal(const Form& form, std::size_t candidate);

  // The form was found again in the candidate, without any difference.
  void settle(const Form& form, std::size_t candidate, Outcome outcome);
  // Compares, and settles or notes the candidate as a suspect; true when it settled.
  bool try_pair(const Form& form, std::size_t candidate, Bond bond);
  // Reports what differs of the form's tensors and settles the others.
  void report(const Form& form, std::size_t candidate, const std::vector<ReferenceResult>& results,
              const std::string& explanation, bool certain);

  // The tensor as it is, or with its two axes exchanged; nothing when the candidate has neither shape.
  std::optional<Form> plain_form(std::size_t original, std::size_t candidate) const;
  Form whole(std::size_t original, bool transposed) const;
  // Not symmetric, and the candidate's reader says that this form is the wrong way round.
  bool wrong_way(const Form& form, std::size_t candidate) const;
  // Nothing tells which way round a square matrix lies in the candidate, where it was found; and that matters.
  bool either_way(std::size_t original, std::size_t candidate);

 private:
  WeightPool originals_;
  WeightPool candidates_;
  WeightUses uses_;
  CompareRules rules_;
  PageRelease pages_;
  NameTable names_;
  std::vector<OriginalState> original_states_;
  std::vector<CandidateState> candidate_states_;
  // numbers that may still be compared
  std::uint64_t budget_ = 0;
};

}  // namespace runup::artifact
