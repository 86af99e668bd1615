// SPDX-License-Identifier: Apache-2.0
#include "check/check.h"

#include <algorithm>
#include <cmath>
#include <format>

#include "base/text.h"
#include "check/witness.h"
#include "check/wording.h"
#include "graph.h"

namespace runup::checks::eval_mode {

struct Options {
  double tolerance = 1e-4;
  static constexpr auto fields() {
    return std::tuple{
        Field{"tolerance", &Options::tolerance,
              "largest difference, as a share of the output's own size, that is taken for rounding",
              Rule{.min = 0, .max = 1}}};
  }
};

constexpr std::array kFindings{
    FindingInfo{"training-mode", Severity::error, "the graph has dropout or batch norm as in training"},
    FindingInfo{"batch-statistics", Severity::warning,
                "a batch norm has no running statistics and uses those of the batch"},
    FindingInfo{"random-operators", Severity::note, "the graph draws random numbers"},
    FindingInfo{"not-repeatable", Severity::error, "the same input twice gives two outputs"},
    FindingInfo{"batch-dependent", Severity::error, "an input's output depends on what else is in its batch"},
    FindingInfo{"gradient-dependent", Severity::warning,
                "the output is another one where gradients are recorded, as in training"}};

namespace {

constexpr std::string_view kBatch = "batch";
// Places in one message, and rows of evidence below it.
constexpr std::size_t kNamed = 3;
constexpr std::size_t kRows = 10;
// What dynamic quantisation, whose scale is that of the whole batch, and half precision do to a row.
constexpr double kSmall = 0.02;
constexpr std::string_view kFix =
    "call `model.eval()` before `torch.jit.script`, `torch.jit.trace` or an export, and save the model again";

Experiment usual(const ModelDeclaration& model) {
  return model.inputs.empty() ? Experiment{.fill = Fill::sample}
                              : Experiment{.fill = Fill::random, .seed = 1};
}

Experiment again(const ModelDeclaration& model) {
  Experiment experiment = usual(model);
  experiment.repetition = 1;
  return experiment;
}

Experiment with_gradients(const ModelDeclaration& model) {
  Experiment experiment = usual(model);
  experiment.gradients = true;
  return experiment;
}

// The usual input in a batch with others: its values come first, since inputs are filled row by row.
// Nothing where the model has no such batch.
std::optional<Experiment> in_batch(const ModelDeclaration& model) {
  const auto axis = model.axes.find(std::string(kBatch));
  const bool first_everywhere =
      !model.inputs.empty() && std::ranges::all_of(model.inputs, [](const InputDeclaration& input) {
        return !input.shape.empty() && input.shape.front().axis == kBatch &&
               std::ranges::count(input.shape, kBatch, &Dimension::axis) == 1;
      });
  if (!first_everywhere || axis == model.axes.end() || axis->second.range.size() != 2 ||
      axis->second.range[0] > 1 || axis->second.range[1] < 2) {
    return std::nullopt;
  }
  Experiment experiment = usual(model);
  experiment.axes[std::string(kBatch)] = 2;
  return experiment;
}

Experiment alone(const ModelDeclaration& model) {
  Experiment experiment = usual(model);
  const auto axis = model.axes.find(std::string(kBatch));
  if (axis != model.axes.end() && axis->second.example != 1) {
    experiment.axes[std::string(kBatch)] = 1;
  }
  return experiment;
}

// The first output of an answer when it has finite numbers to compare; else why it has none.
struct Answer {
  const OutputFacts* output = nullptr;
  std::string why_not;
};

Answer answer_of(const RuntimeFacts& runtime, const Experiment& asked, std::string_view what) {
  const ExperimentFacts* answer = runtime.find(asked);
  if (answer == nullptr) {
    return {.why_not = std::format("{} gave no answer to {}", witness_words(runtime.witness), what)};
  }
  if (answer->absence) {
    return {.why_not = absence_text(what, *answer->absence)};
  }
  if (!answer->error.empty() || answer->outputs.empty()) {
    return {.why_not =
                std::format("{} fails: {}", what,
                            answer->error.empty() ? "no output" : excerpt(first_line(answer->error), 160))};
  }
  const OutputFacts& output = answer->outputs.front();
  if (output.nan_count + output.inf_count > 0 || output.elements == 0) {
    return {.why_not =
                std::format("the output of {} has no finite numbers to compare; see `inference`", what)};
  }
  return {.output = &output};
}

// The largest difference of two numbers at the same place, as a share of the output's size.
double difference(const std::vector<double>& a, const std::vector<double>& b, double size) {
  double worst = 0;
  for (std::size_t i = 0; i < std::min(a.size(), b.size()); ++i) {
    worst = std::max(worst, std::abs(a[i] - b[i]));
  }
  return size > 0 ? worst / size : worst;
}

double size_of(const OutputFacts& output) { return std::max(std::abs(output.min), std::abs(output.max)); }

struct Judge {
  const Facts& facts;
  const Options& options;
  Judgement& judgement;

  void add(std::string_view id, std::string message, std::string_view fix = kFix) {
    judgement.findings.push_back(
        make_finding(kFindings, id, std::move(message), std::string(fix), model_location(facts)));
  }
};

// How far two outputs of one shape are apart, as a share of their size, by what is known of each.
double distance(const OutputFacts& a, const OutputFacts& b) {
  return a.sha256 == b.sha256
             ? 0
             : std::max(difference(a.first, b.first, size_of(a)),
                        difference({a.min, a.max, a.mean}, {b.min, b.max, b.mean}, size_of(a)));
}

void judge_twice(Judge& judge, const RuntimeFacts& runtime) {
  const Answer first = answer_of(runtime, usual(judge.facts.model), "the inference");
  const Answer second = answer_of(runtime, again(judge.facts.model), "the same inference again");
  if (first.output == nullptr || second.output == nullptr) {
    judge.judgement.undecided = first.output == nullptr ? first.why_not : second.why_not;
    return;
  }
  const OutputFacts& a = *first.output;
  const OutputFacts& b = *second.output;
  if (a.shape != b.shape) {
    judge.add("not-repeatable", std::format("the same input twice gives outputs of shape {} and {}",
                                            shape_text(a.shape), shape_text(b.shape)));
    return;
  }
  const double worst = distance(a, b);
  judge.judgement.saw("same input twice",
                      a.sha256 == b.sha256 ? "equal bit for bit" : std::format("differ by {:.2g}", worst));
  if (worst > judge.options.tolerance) {
    judge.add(
        "not-repeatable",
        std::format(
            "the same input twice gives `{}` that differs by {:.2g} of its size; expected at most {:.2g}. "
            "Dropout is active, or the model samples",
            a.name, worst, judge.options.tolerance));
  }
}

// A network that cannot be called so is no worse for it: services do not.
void judge_gradients(Judge& judge, const RuntimeFacts& runtime) {
  const Answer served = answer_of(runtime, usual(judge.facts.model), "the inference");
  const Answer trained =
      answer_of(runtime, with_gradients(judge.facts.model), "the inference with gradients");
  if (served.output == nullptr || trained.output == nullptr) {
    return;
  }
  const OutputFacts& a = *trained.output;
  const OutputFacts& b = *served.output;
  const bool same_shape = a.shape == b.shape;
  const double worst = same_shape ? distance(a, b) : 0;
  if (same_shape && worst <= judge.options.tolerance) {
    return;
  }
  const std::string how =
      same_shape ? std::format("`{}` differs by {:.2g} of its size", a.name, worst)
                 : std::format("`{}` is {} instead of {}", a.name, shape_text(b.shape), shape_text(a.shape));
  judge.add(
      "gradient-dependent",
      std::format("without gradients, as services run, {} from the answer with gradients, as training "
                  "code runs; expected the same. A layer takes another path then, such as the fast path "
                  "of `nn.TransformerEncoder`",
                  how),
      "compare both with a known answer; `enable_nested_tensor=False`, or a padding to the longest input, "
      "keeps `nn.TransformerEncoder` on the path that was trained");
  // Half precision alone makes that much of another order of the same sums.
  if (same_shape && worst < kSmall) {
    judge.judgement.findings.back().severity = Severity::note;
  }
}

void judge_batch(Judge& judge, const RuntimeFacts& runtime) {
  const auto batch = in_batch(judge.facts.model);
  if (!batch) {
    judge.judgement.saw("alone and in a batch",
                        "not tried: no dynamic axis `batch` comes first in every input");
    return;
  }
  const Answer one = answer_of(runtime, alone(judge.facts.model), "the inference alone");
  const Answer two = answer_of(runtime, *batch, "the inference in a batch of 2");
  if (one.output == nullptr || two.output == nullptr) {
    judge.judgement.undecided = one.output == nullptr ? one.why_not : two.why_not;
    return;
  }
  const OutputFacts& a = *one.output;
  const OutputFacts& b = *two.output;
  const bool rows = a.shape.size() == b.shape.size() && !a.shape.empty() && a.shape.front() == 1 &&
                    b.shape.front() == 2 &&
                    std::equal(a.shape.begin() + 1, a.shape.end(), b.shape.begin() + 1);
  if (!rows) {
    judge.judgement.saw("alone and in a batch", std::format("not compared: the output is {} and {}",
                                                            shape_text(a.shape), shape_text(b.shape)));
    return;
  }
  // The batch's first numbers are those of row 0, and there are no more of the row alone.
  const double worst = difference(a.first, b.first, size_of(a));
  judge.judgement.saw("alone and in a batch", worst == 0 ? "equal" : std::format("differ by {:.2g}", worst));
  if (worst > judge.options.tolerance) {
    judge.add("batch-dependent",
              std::format(
                  "the first row of a batch of 2 has a `{}` that differs by {:.2g} of its size from the same "
                  "row's alone; expected at most {:.2g}. Batch norm uses the batch's own statistics, or rows "
                  "are mixed",
                  a.name, worst, judge.options.tolerance));
    if (worst < kSmall) {
      judge.judgement.findings.back().severity = Severity::warning;
    }
  }
}

// A finding with the first places as evidence; the rest is counted.
void add_places(Judge& judge, std::string_view id, const std::vector<Evidence>& places, std::string_view what,
                std::string fix, Location where) {
  std::vector<std::string> names;
  for (const Evidence& place : places) {
    names.push_back(place.name);
  }
  judge.judgement.findings.push_back(make_finding(kFindings, id,
                                                  std::format("{}: {}", what, join_words(names, kNamed)),
                                                  std::move(fix), std::move(where)));
  const std::size_t shown = std::min(places.size(), kRows);
  judge.judgement.findings.back().evidence.assign(places.begin(),
                                                  places.begin() + static_cast<std::ptrdiff_t>(shown));
  if (shown < places.size()) {
    judge.judgement.findings.back().evidence.push_back(
        {.name = "more", .value = count_of(places.size() - shown, "place", "places")});
  }
}

void judge_graph(Judge& judge) {
  const GraphPlaces places = look_at_graph(judge.facts);
  judge.judgement.saw("graph", graph_words(judge.facts, places));
  if (!places.training.empty()) {
    const std::string what =
        std::format("dropout or batch norm is as in training in {} of the graph; expected none",
                    count_of(places.training.size(), "place", "places"));
    add_places(judge, "training-mode", places.training, what,
               places.only_literals
                   ? "the modules are in eval mode and the code says `True` all the same: pass "
                     "`training=self.training` to the function, and save the model again"
                   : std::string(kFix),
               places.first);
  }
  if (!places.batch_statistics.empty()) {
    add_places(judge, "batch-statistics", places.batch_statistics,
               std::format("{} without running statistics, so that an answer depends on its batch; expected "
                           "statistics from training",
                           count_of(places.batch_statistics.size(), "batch norm is", "batch norms are")),
               "build the layer with `track_running_stats=True` and train it, or serve one request at a time",
               model_location(judge.facts));
  }
  if (!places.random.empty()) {
    add_places(judge, "random-operators", places.random,
               std::format("the graph draws random numbers in {}",
                           count_of(places.random.size(), "place", "places")),
               "seed the generator in `forward`, or leave the noise out of the exported model",
               model_location(judge.facts));
  }
}

// Random numbers that reach the output are more than a note.
void weigh_random(Judgement& judgement) {
  const bool differs = std::ranges::contains(judgement.findings, "not-repeatable", &Finding::id);
  for (Finding& finding : judgement.findings) {
    if (differs && finding.id == "random-operators") {
      finding.severity = Severity::warning;
    }
  }
}

}  // namespace

std::vector<Experiment> plan(const ModelDeclaration& model, const Options&) {
  if (model.inputs.empty() && model.samples.empty()) {
    return {};
  }
  std::vector<Experiment> experiments{usual(model), again(model), with_gradients(model)};
  if (const auto batch = in_batch(model)) {
    experiments.push_back(alone(model));
    experiments.push_back(*batch);
  }
  return experiments;
}

Judgement judge(const Facts& facts, const Options& options) {
  Judgement judgement;
  Judge judge{facts, options, judgement};
  judge_graph(judge);
  if (const RuntimeFacts* witness = speaking_witness(facts)) {
    judge_twice(judge, *witness);
    // What does not even repeat alone says nothing in a batch.
    if (!std::ranges::contains(judgement.findings, "not-repeatable", &Finding::id)) {
      judge_gradients(judge, *witness);
      judge_batch(judge, *witness);
    }
  } else {
    judgement.undecided = not_loaded_words(facts);
  }
  weigh_random(judgement);
  return judgement;
}

extern const CheckInfo kCheck;
const CheckInfo kCheck = define_check<Options, judge, plan>(
    "eval-mode", kFindings, {.artifact = true, .runtime = true, .conversions = true});

}  // namespace runup::checks::eval_mode
