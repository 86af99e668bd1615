// SPDX-License-Identifier: Apache-2.0
#include "check/check.h"

#include <algorithm>
#include <array>
#include <format>

#include "base/glob.h"
#include "base/text.h"
#include "check/predictor.h"
#include "check/source.h"
#include "check/wording.h"

namespace runup::checks::weights_used {

struct Options {
  std::vector<std::string> ignore;
  static constexpr auto fields() {
    return std::tuple{
        Field{"ignore", &Options::ignore,
              "tensors that the service is meant to change or to make itself; `*` stands for any text"}};
  }
};

constexpr std::array kFindings{
    FindingInfo{"other-weights", Severity::error,
                "the loaded network holds other numbers than the model file"},
    FindingInfo{"weight-differs", Severity::error,
                "single tensors of the loaded network differ from the model file's"},
    FindingInfo{"never-written", Severity::error,
                "the loaded network has parameters that the model file does not have"},
    FindingInfo{"buffer-never-written", Severity::note,
                "the loaded network has buffers that the model file does not have"},
    FindingInfo{"not-strict", Severity::note, "keys that do not fit are left out without a word"},
    FindingInfo{"other-file", Severity::error, "the loaded session holds another file than the model's"}};

namespace {

constexpr std::size_t kNamed = 4;
constexpr std::size_t kRows = 8;
constexpr std::string_view kFix =
    "let the loading raise where a key or a file is missing (`strict=True`, no `except` around it): what it "
    "cannot "
    "load it must not replace";

struct Judge {
  const Facts& facts;
  const PythonFacts& python;
  const Options& options;
  Judgement& judgement;

  Finding& add(std::string_view id, std::string message, std::string fix) {
    judgement.findings.push_back(
        make_finding(kFindings, id, std::move(message), std::move(fix), model_location(facts)));
    return judgement.findings.back();
  }
  bool is_ignored(const std::string& name) const {
    return std::ranges::any_of(options.ignore,
                               [&](const std::string& pattern) { return matches_glob(pattern, name); });
  }
};

// What the factory read that looks like another model.
std::string other_models(const Judge& judge) {
  constexpr std::array<std::string_view, 10> kEndings{".pth",  ".pt",  ".ckpt",   ".bin", ".safetensors",
                                                      ".onnx", ".pkl", ".joblib", ".h5",  ".npz"};
  std::vector<std::string> others;
  for (const OpenedFileFacts& file : judge.python.opened) {
    const bool model =
        std::ranges::any_of(kEndings, [&](std::string_view end) { return file.path.ends_with(end); });
    if (model && file.exists && !file.writing && !is_model_file(judge.facts, file.absolute)) {
      others.push_back(shown_path(judge.facts, file.absolute));
    }
  }
  return others.empty() ? "" : std::format("; it read {}", join_quoted(others, kNamed));
}

void judge_session(Judge& judge) {
  if (judge.python.session_file.empty()) {
    judge.judgement.undecided =
        "the ONNX Runtime session does not say which file it holds, and does not give its numbers";
    return;
  }
  if (is_model_file(judge.facts, judge.python.session_file)) {
    judge.judgement.saw("file of the session", shown_path(judge.facts, judge.python.session_file));
    return;
  }
  judge.add("other-file",
            std::format("the session was made from `{}`; expected `{}`",
                        shown_path(judge.facts, judge.python.session_file), model_file(judge.facts)),
            "correct the path in the service or in the config");
}

void judge_differing(Judge& judge, const WeightParityFacts& weights) {
  std::vector<const WeightDifferenceFacts*> differing;
  std::vector<std::string> names;
  for (const WeightDifferenceFacts& difference : weights.differing) {
    if (!judge.is_ignored(difference.reference) && !judge.is_ignored(difference.candidate)) {
      differing.push_back(&difference);
      names.push_back(difference.reference);
    }
  }
  if (differing.empty()) {
    return;
  }
  const std::uint64_t equal = weights.by_name + weights.by_value;
  const bool most = differing.size() > equal;
  std::string message =
      most ? std::format(
                 "the network that `{}` returns does not hold the weights of `{}`: {} of {} have other "
                 "numbers",
                 judge.facts.model.factory, model_file(judge.facts), weights.differing_count,
                 count_of(weights.tensors, "tensor", "tensors"))
           : std::format("{} of {} in the network that `{}` returns {} other numbers than in `{}`: {}",
                         differing.size(), count_of(weights.tensors, "tensor", "tensors"),
                         judge.facts.model.factory, differing.size() == 1 ? "has" : "have",
                         model_file(judge.facts), join_quoted(names, kNamed));
  message += most ? other_models(judge) : "";
  Finding& finding =
      judge.add(most ? "other-weights" : "weight-differs", std::move(message), std::string(kFix));
  for (std::size_t i = 0; i < std::min(differing.size(), kRows); ++i) {
    const WeightDifferenceFacts& one = *differing[i];
    finding.evidence.push_back(
        {.name = one.reference,
         .value =
             std::format("{:g} in the network, {:g} in the file at {}; {} of {} differ", one.worst_candidate,
                         one.worst_reference, shape_text(one.worst_index), one.differing, one.elements)});
  }
  if (std::ranges::none_of(differing, &WeightDifferenceFacts::certain)) {
    finding.severity = Severity::warning;
  }
}

void judge_extra(Judge& judge, const WeightParityFacts& weights) {
  std::vector<std::string> parameters;
  std::vector<std::string> buffers;
  for (const std::string& name : weights.extra) {
    if (!judge.is_ignored(name)) {
      const bool buffer = std::ranges::find(judge.python.buffers, name) != judge.python.buffers.end();
      (buffer ? buffers : parameters).push_back(name);
    }
  }
  if (!parameters.empty()) {
    judge.add(
        "never-written",
        std::format("{} of the network that `{}` returns {} not in `{}`, and {} what the code made {}: {}",
                    count_of(parameters.size(), "parameter", "parameters"), judge.facts.model.factory,
                    parameters.size() == 1 ? "is" : "are", model_file(judge.facts),
                    parameters.size() == 1 ? "has" : "have", parameters.size() == 1 ? "it with" : "them with",
                    join_quoted(parameters, kNamed)),
        std::string(kFix));
  }
  if (!buffers.empty()) {
    judge.add("buffer-never-written",
              std::format("{} of the network {} not in `{}`: {}",
                          count_of(buffers.size(), "buffer", "buffers"), buffers.size() == 1 ? "is" : "are",
                          model_file(judge.facts), join_quoted(buffers, kNamed)),
              "nothing, when the code computes them; else save them with the weights");
  }
}

void judge_weights(Judge& judge, const WeightParityFacts& weights) {
  const std::uint64_t equal = weights.by_name + weights.by_value;
  if (equal + weights.differing_count == 0) {
    if (weights.extra_count > 0 && judge.python.quantised == 0) {
      judge.add("other-weights",
                std::format("the network that `{}` returns holds none of the {} of `{}`; it has others: {}",
                            judge.facts.model.factory, count_of(weights.tensors, "tensor", "tensors"),
                            model_file(judge.facts), join_quoted(weights.extra, kNamed)) +
                    other_models(judge),
                std::string(kFix));
    } else {
      judge.judgement.undecided =
          "the network's numbers are not comparable with the file's (it is quantised, fused or folded)";
    }
    return;
  }
  std::string words = std::format("{} of {} equal", equal, count_of(weights.tensors, "tensor", "tensors"));
  if (weights.not_comparable_count > 0) {
    words += std::format(", {} not comparable ({})", weights.not_comparable_count,
                         join_quoted(weights.not_comparable, 3));
  }
  judge.judgement.saw("numbers in the network", words);
  judge_differing(judge, weights);
  judge_extra(judge, weights);
}

// What loading does with keys that do not fit, as the sources say.
void judge_strictness(Judge& judge) {
  if (!judge.facts.source) {
    return;
  }
  for (const SourceStateDictFacts& call : judge.facts.source->state_dicts) {
    if (call.strict == "False" && !call.used) {
      judge
          .add(
              "not-strict",
              std::format(
                  "`{}` loads with `strict=False` and does not look at what `load_state_dict` returns: a key "
                  "that does not fit is left out without a word",
                  call.place.function.empty() ? call.place.file : call.place.function),
              "leave `strict=False` away, or raise where `missing_keys` or `unexpected_keys` has other names "
              "than are "
              "meant")
          .where = location_of(call.place);
    }
  }
}

}  // namespace

Judgement judge(const Facts& facts, const Options& options) {
  const PythonFacts* python = predictor_facts(facts);
  if (python == nullptr) {
    return without_predictor(facts);
  }
  if (python->stage != FactoryStage::done) {
    return Judgement::cannot_tell(
        predictor_is_made(*python)
            ? std::format("no network is found in the predictor: {}", python->words)
            : std::string("blocked: the predictor could not be made; see `predictor-load`"));
  }
  Judgement judgement;
  Judge judge{facts, *python, options, judgement};
  if (facts.runtimes.front()->witness.library == "onnxruntime") {
    judge_session(judge);
  } else if (!python->no_numbers.empty()) {
    judgement.undecided = std::format("the network's numbers could not be taken: {}", python->no_numbers);
  } else if (!facts.predictor_weights) {
    judgement.undecided = absence_text("the comparison of the network's numbers with the file's",
                                       facts.predictor_weights.absence.value_or(Absence{}));
  } else if (!facts.predictor_weights->not_compared.empty()) {
    judgement.undecided =
        std::format("the network's numbers could not be compared: {}", facts.predictor_weights->not_compared);
  } else {
    judge_weights(judge, *facts.predictor_weights);
  }
  judge_strictness(judge);
  return judgement;
}

extern const CheckInfo kCheck;
const CheckInfo kCheck = define_check<Options, judge>(
    "weights-used", kFindings,
    {.artifact = true, .source = true, .predictor = true, .predictor_weights = true});

}  // namespace runup::checks::weights_used
