// SPDX-License-Identifier: Apache-2.0
#include "artifact/weight_fold.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <utility>

#include "base/text.h"
#include "facts/state_dict.h"

namespace runup::artifact {

namespace {

constexpr std::uint64_t kMostFoldChannels = 65'536;
// Numbers of a channel that tell its factor.
constexpr std::uint64_t kSamples = 9;
// What float32 arithmetic in another order may move a factor; float16 moves it more.
constexpr double kSameFactor = 5e-5;
constexpr double kSameHalfFactor = 4e-3;
constexpr std::array<double, 4> kUsualEpsilons{1e-5, 1e-3, 1e-6, 1e-4};
constexpr std::size_t kMostFoldPairs = 20'000;
// Channels whose factors are not another tensor's by chance.
constexpr std::size_t kFewestExchanged = 4;

std::vector<double> numbers_of(const WeightState& state, std::optional<std::size_t> index,
                               std::size_t channels, double without) {
  std::vector<double> numbers(channels, without);
  if (index) {
    state.originals().views[*index].read(0, numbers);
  }
  return numbers;
}

struct BatchNorm {
  std::optional<std::size_t> weight;
  std::optional<std::size_t> bias;
  std::optional<std::size_t> mean;
  std::optional<std::size_t> variance;
  std::size_t channels = 0;
  // the weight of the layer before it in the state_dict
  std::optional<std::size_t> layer;
  bool taken = false;

  std::vector<double> factors(const WeightState& state, double epsilon) const {
    std::vector<double> factor = numbers_of(state, weight, channels, 1);
    const std::vector<double> spread = numbers_of(state, variance, channels, 1);
    for (std::size_t c = 0; c < channels; ++c) {
      factor[c] /= std::sqrt(spread[c] + epsilon);
    }
    return factor;
  }
};

// Factor of each channel of a candidate against a tensor of the original; NaN where there is none.
struct Ratios {
  std::vector<double> factor;
  std::size_t constant = 0;
};

std::optional<double> factor_of(const Pairing& pairing, std::size_t original, std::uint64_t begin,
                                std::uint64_t count, double tolerance) {
  const std::uint64_t samples = std::min(count, kSamples);
  std::vector<double> ratios;
  double largest = 0;
  std::vector<std::pair<double, double>> both;
  for (std::uint64_t i = 0; i < samples; ++i) {
    double expected = 0;
    double actual = 0;
    const std::uint64_t at = begin + i * count / samples;
    if (!pairing.expected(original, at, {&expected, 1}) || !pairing.actual(original, at, {&actual, 1})) {
      return std::nullopt;
    }
    both.emplace_back(expected, actual);
    largest = std::max(largest, std::abs(expected));
  }
  for (const auto& [expected, actual] : both) {
    if (std::abs(expected) > 0.05 * largest && std::isfinite(actual)) {
      ratios.push_back(actual / expected);
    }
  }
  if (ratios.empty()) {
    return std::nullopt;
  }
  std::ranges::sort(ratios);
  const double middle = ratios[ratios.size() / 2];
  const auto same = std::ranges::count_if(
      ratios, [&](double ratio) { return std::abs(ratio - middle) <= tolerance * std::abs(middle); });
  return middle != 0 && 2 * same > std::ssize(ratios) ? std::optional(middle) : std::nullopt;
}

double median(std::vector<double> numbers) {
  const auto middle = numbers.begin() + static_cast<std::ptrdiff_t>(numbers.size() / 2);
  std::ranges::nth_element(numbers, middle);
  return *middle;
}

class Folding {
 public:
  explicit Folding(WeightState& state) : state_(state) {
    for (std::size_t i = 0; i < state.originals().tensors.size(); ++i) {
      note_norm(i);
    }
    std::erase_if(norms_, [this](const auto& norm) { return !is_folded(norm.second); });
    note_order();
    forget_chance();
    for (const WeightCall& call : state.uses().calls) {
      for (std::size_t k = 0; k + 1 < call.candidates.size(); ++k) {
        neighbour_.try_emplace(call.candidates[k], call.candidates[k + 1]);
      }
    }
  }

  void run() {
    if (norms_.empty()) {
      return;
    }
    for (std::size_t i = 0; i < state_.originals().tensors.size(); ++i) {
      const std::vector<std::int64_t>& shape = state_.originals().tensors[i].shape;
      looks_ += state_.candidates().tensors.size();
      if (state_.open(i) && shape.size() >= 2 && looks_ < kMostLooks) {
        match(i);
      }
    }
  }

 private:
  void note_norm(std::size_t index) {
    const WeightTensor& tensor = state_.originals().tensors[index];
    if (tensor.shape.size() != 1 || static_cast<std::uint64_t>(tensor.shape[0]) > kMostFoldChannels) {
      return;
    }
    const std::string_view last = last_name(tensor.name);
    BatchNorm& norm = norms_[std::string(module_of(tensor.name))];
    auto* place = last == "weight"         ? &norm.weight
                  : last == "bias"         ? &norm.bias
                  : last == "running_mean" ? &norm.mean
                  : last == "running_var"  ? &norm.variance
                                           : nullptr;
    if (place != nullptr) {
      *place = index;
    }
    if (last == "running_var") {
      norm.channels = static_cast<std::size_t>(tensor.shape[0]);
    }
  }

  // The batch norm that follows a layer's module in the state_dict is most often its own.
  void note_order() {
    std::string before;
    std::optional<std::size_t> layer;
    for (std::size_t i = 0; i < state_.originals().tensors.size(); ++i) {
      const WeightTensor& tensor = state_.originals().tensors[i];
      std::string module(module_of(tensor.name));
      if (module != before) {
        const auto norm = norms_.find(module);
        if (norm != norms_.end() && layer) {
          norm->second.layer = layer;
          own_norm_[*layer] = &norm->second;
        }
        before = std::move(module);
        layer.reset();
      }
      if (tensor.shape.size() >= 2 && last_name(tensor.name) == "weight") {
        layer = i;
      }
    }
  }

  // One that is found by its numbers alone, while the rest of its module is not, is found by chance.
  void forget_chance() {
    for (const auto& [module, norm] : norms_) {
      for (const auto& part : {norm.weight, norm.bias}) {
        if (part && !state_.names().candidate(*part) && !by_layer(*part) &&
            state_.original(*part).outcome == Outcome::by_value) {
          state_.original(*part).outcome = Outcome::open;
          state_.original(*part).covered = 0;
        }
      }
    }
  }

  bool is_folded(const BatchNorm& norm) {
    const auto fits = [&](const std::optional<std::size_t>& index) {
      return !index || state_.originals().views[*index].elements() == norm.channels;
    };
    return norm.mean && norm.variance && fits(norm.weight) && fits(norm.bias) && fits(norm.mean) &&
           !state_.names().candidate(*norm.mean) && !state_.names().candidate(*norm.variance) &&
           !by_layer(*norm.mean) && !by_layer(*norm.variance);
  }

  // The conversion has a batch norm of its own there.
  bool by_layer(std::size_t original) {
    const auto& partner = state_.original(original).partner;
    return partner && state_.candidate(*partner).layer == original;
  }

  // The suspect first: it is the one by name or layer.
  std::vector<std::size_t> candidates_for(std::size_t original) {
    std::vector<std::size_t> candidates;
    if (const auto& suspect = state_.original(original).suspect) {
      return {suspect->candidate};
    }
    for (std::size_t i = 0; i < state_.candidates().tensors.size(); ++i) {
      const CandidateState& known = state_.candidate(i);
      if (!known.owner && !known.named && (!known.layer || known.layer == original)) {
        candidates.push_back(i);
      }
    }
    return candidates;
  }

  void match(std::size_t original) {
    for (const std::size_t candidate : candidates_for(original)) {
      const auto form = state_.plain_form(original, candidate);
      if (!form || ++pairs_ > kMostFoldPairs) {
        continue;
      }
      if (try_axis(*form, original, candidate, 0) || try_axis(*form, original, candidate, 1)) {
        return;
      }
    }
  }

  // Channels along the first axis, or along the second, as transposed convolutions have them.
  bool try_axis(const Form& form, std::size_t original, std::size_t candidate, std::size_t axis) {
    const std::vector<std::int64_t>& shape = state_.originals().tensors[original].shape;
    const auto channels = static_cast<std::size_t>(shape[axis]);
    if (std::ranges::none_of(norms_, [&](const auto& norm) { return norm.second.channels == channels; })) {
      return false;
    }
    std::uint64_t inner = 1;
    for (std::size_t i = axis + 1; i < shape.size(); ++i) {
      inner *= static_cast<std::uint64_t>(shape[i]);
    }
    const bool half = state_.candidates().views[candidate].type() == NumberType::float16 ||
                      state_.candidates().views[candidate].type() == NumberType::bfloat16;
    tolerance_ = half ? kSameHalfFactor : kSameFactor;
    const Pairing pairing = state_.pairing(form, candidate);
    Ratios ratios;
    for (std::size_t c = 0; c < channels; ++c) {
      const auto factor = factor_of(pairing, original, c * inner, inner, tolerance_);
      ratios.factor.push_back(factor.value_or(std::numeric_limits<double>::quiet_NaN()));
      ratios.constant += factor ? 1 : 0;
    }
    if (2 * ratios.constant < channels) {
      return false;
    }
    return accept(form, original, candidate, ratios, inner);
  }

  struct Fit {
    BatchNorm* norm = nullptr;
    std::vector<double> factor;
    double epsilon = 0;
    std::size_t agreeing = 0;
  };

  // How many channels have the batch norm's factors, all of them times one number at most.
  void consider(BatchNorm& norm, double epsilon, const Ratios& ratios, Fit& best) {
    std::vector<double> factor = norm.factors(state_, epsilon);
    std::vector<double> quotients;
    for (std::size_t c = 0; c < factor.size(); ++c) {
      if (std::isfinite(ratios.factor[c]) && factor[c] != 0) {
        quotients.push_back(ratios.factor[c] / factor[c]);
      }
    }
    if (quotients.empty()) {
      return;
    }
    const auto agree = [&](double with) {
      return static_cast<std::size_t>(std::ranges::count_if(quotients, [&](double quotient) {
        return std::abs(quotient - with) <= 2 * tolerance_ * std::abs(with);
      }));
    };
    std::size_t agreeing = agree(1);
    const double middle = median(quotients);
    // A whole tensor that was scaled has all its factors off by the same: told from another batch norm only
    // where the factors are not all alike.
    const auto [low, high] = std::ranges::minmax(factor);
    if (2 * agreeing < ratios.constant && std::abs(middle) > 0.5 && std::abs(middle) < 2 &&
        factor.size() >= 4 && high - low > 1e-3 * std::abs(high)) {
      agreeing = agree(middle) == 0 ? 0 : agree(middle) - 1;
    }
    if (2 * agreeing >= std::max<std::size_t>(ratios.constant, 1) && agreeing > best.agreeing) {
      best = {.norm = &norm, .factor = std::move(factor), .epsilon = epsilon, .agreeing = agreeing};
    }
  }

  // The epsilon that makes this batch norm's factors those of most channels.
  std::optional<double> epsilon_of(const BatchNorm& norm, const Ratios& ratios) const {
    const std::vector<double> weight = numbers_of(state_, norm.weight, norm.channels, 1);
    const std::vector<double> spread = numbers_of(state_, norm.variance, norm.channels, 1);
    std::vector<double> all;
    for (std::size_t c = 0; c < norm.channels; ++c) {
      const double root = weight[c] / ratios.factor[c];
      if (std::isfinite(root)) {
        all.push_back(root * root - spread[c]);
      }
    }
    if (all.empty()) {
      return std::nullopt;
    }
    const double epsilon = median(std::move(all));
    return epsilon > 0 && epsilon < 0.1 ? std::optional(epsilon) : std::nullopt;
  }

  bool accept(const Form& form, std::size_t original, std::size_t candidate, const Ratios& ratios,
              std::uint64_t inner) {
    Fit best;
    const auto own = own_norm_.find(original);
    BatchNorm* const expected = own == own_norm_.end() ? nullptr : own->second;
    if (expected != nullptr && !expected->taken && expected->channels == ratios.factor.size()) {
      consider_all(*expected, ratios, best);
    }
    // The one behind the layer in the state_dict first, and so on around it.
    for (const bool behind : {true, false}) {
      for (auto& [module, norm] : norms_) {
        if (norm.channels != ratios.factor.size() || norm.taken || &norm == expected ||
            (*norm.mean > original) != behind) {
          continue;
        }
        consider_all(norm, ratios, best);
      }
    }
    if (best.norm == nullptr) {
      return expected != nullptr && !expected->taken &&
             accept_exchanged(form, original, candidate, ratios, inner, *expected);
    }
    if (expected != nullptr && best.norm != expected) {
      tell_of_another(form, original, candidate, best, inner);
    }
    finish(folded(form, best, inner), candidate);
    best.norm->taken = true;
    match_bias(original, candidate, best);
    return true;
  }

  void consider_all(BatchNorm& norm, const Ratios& ratios, Fit& best) {
    for (const double epsilon : kUsualEpsilons) {
      consider(norm, epsilon, ratios, best);
    }
    if (const auto epsilon = epsilon_of(norm, ratios); epsilon && best.agreeing < ratios.constant) {
      consider(norm, *epsilon, ratios, best);
    }
  }

  // The same numbers, each channel times the batch norm's factor.
  static Form folded(Form form, const Fit& fit, std::uint64_t inner) {
    form.relation = WeightRelation::scaled;
    form.scale = std::make_shared<const Scale>(
        Scale{.factor = fit.factor, .shift = std::vector<double>(fit.factor.size()), .inner = inner});
    return form;
  }

  // The layer's numbers times the factors of another layer's batch norm: they stand where the other's belong.
  void tell_of_another(const Form& form, std::size_t original, std::size_t candidate, const Fit& fit,
                       std::uint64_t inner) {
    const std::optional<std::size_t> other = fit.norm->layer;
    if (!other || *other == original || !state_.open(*other) ||
        state_.originals().tensors[*other].sizes != state_.originals().tensors[original].sizes) {
      return;
    }
    const Form wanted = folded(state_.whole(*other, form.transposed), fit, inner);
    const auto results = state_.compare(wanted, candidate);
    if (results.empty() || results.front().differing == 0) {
      return;
    }
    state_.report(wanted, candidate, results,
                  "it holds the numbers of `" + printable(state_.originals().tensors[original].name) + "`",
                  true);
  }

  // The layer's own batch norm, with another tensor of the original in the place of one of its own.
  bool accept_exchanged(const Form& form, std::size_t original, std::size_t candidate, const Ratios& ratios,
                        std::uint64_t inner, BatchNorm& own) {
    if (ratios.constant != ratios.factor.size() || ratios.constant < kFewestExchanged) {
      return false;
    }
    for (auto part : {&BatchNorm::weight, &BatchNorm::variance}) {
      for (std::size_t i = 0; own.*part && i < state_.originals().tensors.size(); ++i) {
        if (state_.originals().tensors[i].shape.size() != 1 || i == *(own.*part) ||
            ++pairs_ > kMostFoldPairs || state_.originals().views[i].elements() != own.channels) {
          continue;
        }
        BatchNorm mixed = own;
        mixed.*part = i;
        Fit fit;
        consider_all(mixed, ratios, fit);
        if (fit.agreeing != ratios.constant) {
          continue;
        }
        tell_exchanged(*(own.*part), i, candidate);
        finish(folded(form, fit, inner), candidate);
        own.taken = true;
        mixed.*part = std::nullopt;
        match_bias(original, candidate, fit);
        return true;
      }
    }
    return false;
  }

  // Told with the numbers of both tensors of the original, since the conversion has neither.
  void tell_exchanged(std::size_t wanted, std::size_t held, std::size_t candidate) {
    const WeightTensor& tensor = state_.originals().tensors[wanted];
    const Form form = state_.whole(wanted, false);
    const Pairing both(state_.originals().views, state_.originals().views[held], form, state_.rules(),
                       state_.pages());
    const auto results = both.compare();
    if (results.empty() || results.front().differing == 0) {
      return;
    }
    const ReferenceResult& result = results.front();
    OriginalState& one = state_.original(wanted);
    one.outcome = Outcome::differing;
    one.suspect.reset();
    one.share = static_cast<double>(result.differing) / static_cast<double>(result.elements);
    one.distance = result.magnitude > 0 ? result.distance / result.magnitude : 0;
    one.difference = WeightDifferenceFacts{
        .reference = tensor.name,
        .candidate = state_.candidates().tensors[candidate].name,
        .relation = WeightRelation::scaled,
        .shape = tensor.shape,
        .elements = result.elements,
        .differing = result.differing,
        .max_relative = result.max_relative,
        .max_abs = result.max_abs,
        .worst_index = {static_cast<std::int64_t>(result.worst_index)},
        .worst_reference = result.worst_reference,
        .worst_candidate = result.worst_candidate,
        .explanation =
            "the numbers of `" + printable(state_.originals().tensors[held].name) + "` are folded there",
        .certain = true};
  }

  // What a batch norm makes of its layer's bias: (bias - mean) * factor + bias of its own.
  void match_bias(std::size_t original, std::size_t candidate, const Fit& fit) {
    const BatchNorm& norm = *fit.norm;
    const std::string module(module_of(state_.originals().tensors[original].name));
    std::optional<std::size_t> own;
    for (std::size_t i = 0; i < state_.originals().tensors.size(); ++i) {
      if (module_of(state_.originals().tensors[i].name) == module &&
          last_name(state_.originals().tensors[i].name) == "bias" &&
          state_.originals().views[i].elements() == norm.channels) {
        own = i;
      }
    }
    Scale scale;
    const std::vector<double> mean = numbers_of(state_, norm.mean, norm.channels, 0);
    const std::vector<double> bias = numbers_of(state_, norm.bias, norm.channels, 0);
    // Told of the layer's bias, or of what is there.
    const std::size_t source = own ? *own : norm.bias ? *norm.bias : *norm.mean;
    for (std::size_t c = 0; c < norm.channels; ++c) {
      const double moved = -mean[c] * fit.factor[c];
      scale.factor.push_back(own ? fit.factor[c] : norm.bias ? 1 : -fit.factor[c]);
      scale.shift.push_back(own ? bias[c] + moved : norm.bias ? moved : 0);
    }
    Form form = state_.whole(source, false);
    form.relation = WeightRelation::scaled;
    form.scale = std::make_shared<const Scale>(std::move(scale));
    if (const auto place = bias_candidate(form, candidate)) {
      finish(form, *place);
      for (const auto& part : {norm.weight, norm.bias, norm.mean, norm.variance}) {
        if (part && state_.open(*part)) {
          state_.original(*part).outcome = Outcome::by_value;
          state_.original(*part).suspect.reset();
        }
      }
    }
  }

  // The tensor beside the weight in the same call; otherwise whichever has mostly the right numbers.
  std::optional<std::size_t> bias_candidate(const Form& form, std::size_t weight) {
    if (const auto beside = neighbour_.find(weight);
        beside != neighbour_.end() && state_.candidates().tensors[beside->second].sizes == form.shape) {
      return beside->second;
    }
    std::optional<std::size_t> best;
    std::uint64_t fewest = form.elements() / 2 + 1;
    for (std::size_t i = 0; i < state_.candidates().tensors.size(); ++i) {
      if (state_.candidates().tensors[i].sizes != form.shape || state_.candidate(i).owner ||
          ++pairs_ > kMostFoldPairs) {
        continue;
      }
      const auto results = state_.compare(form, i);
      if (!results.empty() && results.front().differing < fewest) {
        fewest = results.front().differing;
        best = i;
      }
    }
    return best;
  }

  void finish(const Form& form, std::size_t candidate) {
    const auto results = state_.compare(form, candidate);
    if (results.empty()) {
      return;
    }
    if (results.front().differing == 0) {
      state_.settle(form, candidate, Outcome::by_value);
    } else {
      state_.report(form, candidate, results, "", true);
    }
  }

  WeightState& state_;
  std::map<std::string, BatchNorm> norms_;
  // by the layer's weight
  std::map<std::size_t, BatchNorm*> own_norm_;
  std::map<std::size_t, std::size_t> neighbour_;
  std::size_t pairs_ = 0;
  std::size_t looks_ = 0;
  double tolerance_ = kSameFactor;
};

}  // namespace

void match_folded(WeightState& state) { Folding(state).run(); }

}  // namespace runup::artifact
