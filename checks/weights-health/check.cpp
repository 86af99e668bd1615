// SPDX-License-Identifier: Apache-2.0
#include "check/check.h"

#include <algorithm>
#include <format>
#include <map>

#include "base/glob.h"
#include "base/text.h"
#include "check/wording.h"
#include "facts/state_dict.h"

namespace runup::checks::weights_health {

struct Options {
  std::vector<std::string> ignore;
  static constexpr auto fields() {
    return std::tuple{Field{"ignore", &Options::ignore,
                            "tensors of the state_dict that are not looked at; `*` stands for any text"}};
  }
};

constexpr std::array kFindings{
    FindingInfo{"non-finite-weights", Severity::error, "tensors hold NaN or infinity"},
    FindingInfo{"negative-variance", Severity::error, "a running variance is negative"},
    FindingInfo{"zero-weights", Severity::warning, "a matrix or kernel is all zeros"},
    FindingInfo{"constant-weights", Severity::warning, "all numbers of a matrix or kernel are the same"},
    FindingInfo{"untrained-statistics", Severity::warning,
                "every BatchNorm has the mean and variance that it was made with"},
    FindingInfo{"half-on-cpu", Severity::warning, "float16 weights are served by a CPU"},
    FindingInfo{"mixed-dtypes", Severity::note, "the weights have several floating-point types"}};

namespace {

// Names in one message, and rows of evidence below it.
constexpr std::size_t kNamed = 3;
constexpr std::size_t kRows = 8;
// A smaller matrix of zeros is nothing to speak of.
constexpr std::uint64_t kFewElements = 16;

// A tensor under its key of the state_dict.
struct Weight {
  std::string_view key;
  const TensorFacts* tensor = nullptr;
  const ValueFacts& values() const { return *tensor->values; }
  bool is_called(std::string_view name) const { return last_name(key) == name; }
  bool is_floating() const { return tensor->dtype.contains("float") || tensor->dtype.contains("complex"); }
  // a matrix or kernel, not a bias or a norm's gain
  bool is_matrix() const {
    return is_floating() && tensor->shape.size() >= 2 && tensor->elements >= kFewElements;
  }
  std::uint64_t non_finite() const {
    return values().nan_count + values().positive_infinities + values().negative_infinities;
  }
};

struct Judge {
  const Facts& facts;
  Judgement& judgement;
  std::vector<Weight> weights;

  void add(std::string_view id, const std::vector<Weight>& where, std::string_view what, std::string fix,
           std::string (*describe)(const Weight&)) {
    std::vector<std::string> names;
    for (const Weight& weight : where) {
      names.emplace_back(weight.key);
    }
    judgement.findings.push_back(make_finding(
        kFindings, id,
        std::format("{} of {} {} {}: {}", where.size(), count_of(weights.size(), "tensor", "tensors"),
                    where.size() == 1 ? "has" : "have", what, join_quoted(names, kNamed)),
        std::move(fix), model_location(facts, where.front().tensor->path)));
    for (std::size_t i = 0; i < std::min(where.size(), kRows); ++i) {
      judgement.findings.back().evidence.push_back(
          {.name = std::string(where[i].key), .value = describe(where[i])});
    }
  }
};

std::string count_words(const Weight& weight) {
  return std::format("{} of {}", non_finite_words(weight.values()), weight.tensor->elements);
}

std::string range_words(const Weight& weight) {
  return std::format("{:.4g} to {:.4g}", weight.values().min, weight.values().max);
}

std::string shape_words(const Weight& weight) { return shape_text(weight.tensor->shape); }

std::string value_words(const Weight& weight) {
  return std::format("{}, all {:.6g}", shape_text(weight.tensor->shape), weight.values().min);
}

// As attention layers keep it: zeros, and negative infinity where nothing may be looked at.
bool is_mask(const Weight& weight) {
  const ValueFacts& values = weight.values();
  return weight.tensor->shape.size() >= 2 && values.negative_infinities == weight.non_finite() &&
         values.negative_infinities < weight.tensor->elements && values.min == 0 && values.max == 0 &&
         !weight.tensor->is_parameter && !weight.is_called("weight") && !weight.is_called("bias");
}

void judge_finite(Judge& judge) {
  std::vector<Weight> bad;
  std::ranges::copy_if(judge.weights, std::back_inserter(bad),
                       [](const Weight& weight) { return weight.non_finite() > 0 && !is_mask(weight); });
  if (!bad.empty()) {
    judge.add("non-finite-weights", bad, "numbers that are not finite",
              "go back to a checkpoint from before the loss became NaN, and save it again", count_words);
  }
}

void judge_variances(Judge& judge) {
  std::vector<Weight> bad;
  std::ranges::copy_if(judge.weights, std::back_inserter(bad), [](const Weight& weight) {
    return (weight.is_called("running_var") || weight.is_called("moving_variance")) &&
           weight.values().min < 0;
  });
  if (!bad.empty()) {
    judge.add(
        "negative-variance", bad, "a negative variance, of which the square root is NaN",
        "go back to an earlier checkpoint; averaging or arithmetic on state_dicts must leave variances out",
        range_words);
  }
}

void judge_constants(Judge& judge) {
  std::vector<Weight> zero;
  std::vector<Weight> constant;
  std::size_t matrices = 0;
  for (const Weight& weight : judge.weights) {
    matrices += weight.is_matrix() ? 1 : 0;
    if (!weight.is_matrix() || weight.non_finite() > 0) {
      continue;
    }
    // Zeros of either sign.
    if (weight.values().min == 0 && weight.values().max == 0) {
      zero.push_back(weight);
    } else if (weight.values().constant) {
      constant.push_back(weight);
    }
  }
  if (!zero.empty()) {
    judge.add(
        "zero-weights", zero, "nothing but zeros",
        "train the layer, or load the weights into the model before saving it; name what is meant to be so "
        "in `ignore`",
        shape_words);
    if (zero.size() == matrices) {
      judge.judgement.findings.back().severity = Severity::error;
    }
  }
  if (!constant.empty()) {
    judge.add(
        "constant-weights", constant, "one number again and again",
        "train the layer, or load the weights into the model before saving it; name what is meant to be so "
        "in `ignore`",
        value_words);
  }
}

void judge_statistics(Judge& judge) {
  std::vector<Weight> variances;
  for (const Weight& weight : judge.weights) {
    const ValueFacts& values = weight.values();
    const bool fresh_mean = values.min == 0 && values.max == 0;
    const bool fresh_variance = values.min == 1 && values.max == 1;
    if (weight.is_called("running_var")) {
      variances.push_back(weight);
    }
    if ((weight.is_called("running_mean") && !fresh_mean) ||
        (weight.is_called("running_var") && !fresh_variance) ||
        (weight.is_called("num_batches_tracked") && values.max > 0)) {
      return;
    }
  }
  if (!variances.empty()) {
    judge.add(
        "untrained-statistics", variances, "the variance 1 of a new BatchNorm, each with the mean 0",
        "save the model after training in `train()` mode, or load the statistics too (a state_dict without "
        "its buffers lacks them)",
        shape_words);
  }
}

bool has_run(const Facts& facts) {
  return std::ranges::any_of(facts.runtimes, [](const auto& runtime) {
    return runtime && std::ranges::any_of(runtime->experiments, [](const ExperimentFacts& experiment) {
             return !experiment.outputs.empty() && experiment.error.empty();
           });
  });
}

// Of the tensors with more than one number: a lone scale of another type is nothing to speak of.
void judge_dtypes(Judge& judge) {
  std::map<std::string, std::uint64_t> counts;
  std::uint64_t all = 0;
  for (const Weight& weight : judge.weights) {
    if (weight.tensor->dtype.contains("float") && weight.tensor->elements > 1) {
      ++counts[weight.tensor->dtype];
      ++all;
    }
  }
  std::vector<std::string> words;
  for (const auto& [dtype, count] : counts) {
    words.push_back(std::format("{} {}", count, dtype));
  }
  judge.judgement.saw("dtypes", words.empty() ? "no floating-point tensor" : join_words(words));
  const auto half = counts.find("float16");
  if (half != counts.end() && judge.facts.model.device == "cpu" && !has_run(judge.facts)) {
    const bool onnx = judge.facts.artifact->kind == ArtifactKind::onnx;
    judge.judgement.findings.push_back(make_finding(
        kFindings, "half-on-cpu",
        std::format("{} of {} {} float16 and the device is `cpu`: {}", half->second,
                    count_of(all, "floating-point tensor", "floating-point tensors"),
                    half->second == 1 ? "is" : "are",
                    onnx ? "ONNX Runtime has float16 kernels of few operators there, and casts around the "
                           "others or refuses the model"
                         : "PyTorch before 2.2 has no CPU kernels for them, later ones are slow"),
        onnx ? "serve the float32 model on the CPU, or this one on a GPU"
             : "convert the model before saving (`model.float()`), or serve it in bfloat16 or on a GPU",
        model_location(judge.facts)));
  }
  if (counts.size() > 1) {
    judge.judgement.findings.push_back(
        make_finding(kFindings, "mixed-dtypes",
                     std::format("the weights have several floating-point types: {}", join_words(words)),
                     "convert the model to one type before saving (`model.float()`), unless the mix is meant",
                     model_location(judge.facts)));
  }
}

// The tensors to look at, and how they are called in the report.
std::vector<Weight> choose_weights(const Facts& facts) {
  const ArtifactFacts& artifact = *facts.artifact;
  const StateDictChoice choice = artifact.kind == ArtifactKind::torchscript
                                     ? StateDictChoice{}
                                     : choose_state_dict(artifact, facts.model);
  std::vector<Weight> weights;
  for (const TensorFacts& tensor : artifact.tensors) {
    if (choice.chosen == nullptr) {
      weights.push_back({.key = tensor.path, .tensor = &tensor});
    } else if (const auto key = state_dict_key(tensor.path, choice.chosen->path)) {
      weights.push_back({.key = *key, .tensor = &tensor});
    }
  }
  return weights;
}

void drop_ignored(std::vector<Weight>& weights, const Options& options) {
  std::erase_if(weights, [&](const Weight& weight) {
    return std::ranges::any_of(options.ignore,
                               [&](const std::string& pattern) { return matches_glob(pattern, weight.key); });
  });
}

// Takes out what has no numbers to look at; the names of those whose numbers should be there and are not.
std::vector<std::string> keep_readable(std::vector<Weight>& weights) {
  std::vector<std::string> unread;
  std::erase_if(weights, [&](const Weight& weight) {
    const TensorFacts& tensor = *weight.tensor;
    const bool has_numbers =
        tensor.elements > 0 && !tensor.quantisation && (tensor.storage >= 0 || tensor.layout != "strided");
    if (!tensor.values && has_numbers && weight.is_floating()) {
      unread.emplace_back(weight.key);
    }
    return !tensor.values.has_value();
  });
  return unread;
}

void saw_range(Judge& judge) {
  std::uint64_t elements = 0;
  double low = 0;
  double high = 0;
  for (const Weight& weight : judge.weights) {
    elements += weight.tensor->elements;
    low = weight.is_floating() ? std::min(low, weight.values().min) : low;
    high = weight.is_floating() ? std::max(high, weight.values().max) : high;
  }
  if (!judge.weights.empty()) {
    judge.judgement.saw(
        "numbers", std::format("{} in {}", elements, count_of(judge.weights.size(), "tensor", "tensors")));
    judge.judgement.saw("range", std::format("{:.4g} to {:.4g}", low, high));
  }
}

bool has_readable_tensors(ArtifactKind kind) {
  using enum ArtifactKind;
  return kind == torch_zip || kind == torch_legacy || kind == torch_tar || kind == torchscript ||
         kind == safetensors || kind == onnx;
}

}  // namespace

Judgement judge(const Facts& facts, const Options& options) {
  if (const auto obstacle = inside_obstacle(facts)) {
    return Judgement::cannot_tell(*obstacle);
  }
  if (!has_readable_tensors(facts.artifact->kind)) {
    return Judgement::cannot_tell(std::format("`{}` is {}, whose weights this version of runup does not read",
                                              model_file(facts), kind_words(facts.artifact->kind)));
  }
  Judgement judgement;
  Judge judge{facts, judgement, choose_weights(facts)};
  drop_ignored(judge.weights, options);
  judge_dtypes(judge);
  const std::vector<std::string> unread = keep_readable(judge.weights);
  saw_range(judge);
  judge_finite(judge);
  judge_variances(judge);
  judge_constants(judge);
  judge_statistics(judge);
  if (const auto damage = damage_obstacle(facts)) {
    judgement.undecided = *damage;
  } else if (!unread.empty()) {
    judgement.undecided =
        std::format("the numbers of {} could not be read: {}", count_of(unread.size(), "tensor", "tensors"),
                    join_quoted(unread, kNamed));
  } else if (judge.weights.empty()) {
    judgement.undecided = std::format("`{}` has no tensor whose numbers can be looked at", model_file(facts));
  }
  return judgement;
}

extern const CheckInfo kCheck;
const CheckInfo kCheck = define_check<Options, judge>(
    "weights-health", kFindings, {.artifact = true, .values = true, .conversions = true});

}  // namespace runup::checks::weights_health
