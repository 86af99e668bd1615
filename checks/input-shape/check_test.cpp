// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch_test_macros.hpp>

#include <functional>
#include <set>

#include "base/text.h"
#include "facts_builder.h"

using namespace runup;
using namespace runup::testing;

namespace {

constexpr std::string_view kId = "input-shape";
using Words = std::vector<std::string>;
using Sizes = std::map<std::string, std::int64_t>;

// What a model answers to all sizes that it is called with: the runtime's words when it refuses.
using Behaviour = std::function<std::string(const Sizes&)>;

ModelDeclaration sign_model() {
  ModelDeclaration model = sign_facts().model;
  model.axes = {{"batch", {.example = 1, .range = {1, 8}}}, {"time", {.example = 300, .range = {1, 500}}}};
  return model;
}

// Every axis and fixed dimension with its size in an experiment.
Sizes sizes_of(const ModelDeclaration& model, const Experiment& asked) {
  Sizes sizes;
  for (const auto& [name, axis] : model.axes) {
    sizes[name] = axis.example;
  }
  for (const InputDeclaration& input : model.inputs) {
    for (std::size_t i = 0; i < input.shape.size(); ++i) {
      if (input.shape[i].axis.empty()) {
        sizes[input.name + "[" + std::to_string(i) + "]"] = input.shape[i].size;
      }
    }
  }
  for (const auto& other : {asked.axes, asked.sizes}) {
    for (const auto& [name, size] : other) {
      REQUIRE(sizes.contains(name));
      sizes[name] = size;
    }
  }
  return sizes;
}

// The facts of a model that behaves so, asked what the check asks with these options.
Facts facts_of(const ModelDeclaration& model, const Behaviour& behaviour,
               const Json& options = Json::object()) {
  Facts facts = sign_facts();
  facts.model = model;
  std::vector<ExperimentFacts>& experiments = facts.runtimes.front().value->experiments;
  experiments.clear();
  for (const Experiment& asked : built_in_check(kId).plan(model, options)) {
    ExperimentFacts answer{.asked = asked};
    if (asked.kind == ExperimentKind::limit) {
      LimitFacts limit{.end = LimitEnd::most_reached, .largest = asked.most};
      Experiment one = asked;
      for (std::int64_t size = 1; size <= asked.most; ++size) {
        one.axes[asked.axis] = size;
        if (std::string words = behaviour(sizes_of(model, one)); !words.empty()) {
          limit = {.end = LimitEnd::found, .largest = size - 1, .refused = size, .error = words};
          break;
        }
      }
      answer.limit = limit;
    } else {
      const Sizes sizes = sizes_of(model, asked);
      answer.error = behaviour(sizes);
      if (answer.error.empty()) {
        OutputFacts output = logits({-1.5, 0.25, 2.5}, "sha");
        output.shape[0] = sizes.contains("batch") ? sizes.at("batch") : 1;
        output.elements = static_cast<std::uint64_t>(output.shape[0]) * 3;
        answer.outputs.push_back(output);
      }
    }
    experiments.push_back(std::move(answer));
  }
  return facts;
}

// 500 steps at most, 147 features.
std::string sign_behaviour(const Sizes& sizes) {
  if (sizes.at("frames[2]") != 147) {
    return "expected input to have 147 channels, but got " + std::to_string(sizes.at("frames[2]")) +
           " channels";
  }
  return sizes.at("time") > 500 ? "The size of tensor a (" + std::to_string(sizes.at("time")) +
                                      ") must match the size of tensor b (500)"
                                : "";
}

Behaviour and_so(const Behaviour& more) {
  return [more](const Sizes& sizes) {
    std::string words = sign_behaviour(sizes);
    return words.empty() ? more(sizes) : words;
  };
}

Outcome judged(const Behaviour& more, const Json& options = Json::object()) {
  return run_check(kId, facts_of(sign_model(), and_so(more), options), options);
}

// A model of one float input with these fixed sizes.
ModelDeclaration fixed_model(std::vector<std::int64_t> shape, DType dtype = DType::float32) {
  ModelDeclaration model{.path = "/srv/sign/models/sign.pth"};
  model.inputs = {{.name = "x", .dtype = dtype}};
  for (const std::int64_t size : shape) {
    model.inputs.front().shape.push_back({.size = size});
  }
  return model;
}

ExperimentFacts& answer_at(Facts& facts, const Sizes& axes) {
  auto& experiments = facts.runtimes.front().value->experiments;
  return *std::ranges::find_if(experiments, [&](const ExperimentFacts& answer) {
    return answer.asked.kind == ExperimentKind::infer && answer.asked.axes == axes &&
           answer.asked.sizes.empty();
  });
}

std::string good(const Sizes&) { return ""; }

}  // namespace

TEST_CASE("input-shape: a model that does what the config says passes without findings") {
  const Outcome outcome = judged(good);
  CHECK(outcome.status == Status::passed);
  CHECK(outcome.findings.empty());
  CHECK(evidence_of(outcome, "`time`") == "works at 1, 2, 6, 12, 24, 48, 96, 192, 251, 300, 499 and 500");
  CHECK(evidence_of(outcome, "`batch`") == "works at 1, 2, 5, 6, 7 and 8, with `time` 2");
  CHECK(evidence_of(outcome, "together") == "`batch` 1 and `time` 1 work");
  CHECK(evidence_of(outcome, "`frames[2]`") ==
        "148, 146 and 1 refused: \"expected input to have 147 channels, but got 148 channels\"");
  CHECK(evidence_of(outcome, "limit of `time`") ==
        "works up to 500, refused at 501 (\"The size of tensor a (501) must match the size of tensor b "
        "(500)\")");
  CHECK(evidence_of(outcome, "limit of `batch`") == "at least 64 (no larger one was tried), with `time` 2");
}

TEST_CASE("input-shape: asks for ends, what lies beside and between, corners, wrong sizes and limits") {
  const auto asks = [](const ModelDeclaration& model, const Json& options = Json::object()) {
    return built_in_check(kId).plan(model, options);
  };
  const std::vector<Experiment> asked = asks(sign_model());
  // inference's own first
  CHECK(asked.front() == Experiment{.fill = Fill::random, .seed = 1});
  CHECK(std::ranges::count(asked, ExperimentKind::limit, &Experiment::kind) == 2);
  CHECK(asked.size() <= 24 + 2);
  for (std::size_t i = 0; i < asked.size(); ++i) {
    for (std::size_t j = i + 1; j < asked.size(); ++j) {
      CHECK_FALSE(asked[i] == asked[j]);
    }
  }
  const auto has = [](const std::vector<Experiment>& all, const Sizes& axes, const Sizes& sizes = {}) {
    return std::ranges::any_of(all, [&](const Experiment& one) {
      return one.kind == ExperimentKind::infer && one.axes == axes && one.sizes == sizes;
    });
  };
  CHECK(has(asked, {{"time", 1}}));
  CHECK(has(asked, {{"time", 500}}));
  CHECK(has(asked, {{"batch", 8}, {"time", 2}}));
  CHECK(has(asked, {{"batch", 8}, {"time", 500}}));
  CHECK(has(asked, {{"time", 2}}, {{"frames[2]", 148}}));

  CHECK(asks(sign_model(), {{"limit", false}}).size() == asked.size() - 2);
  const auto more = asks(sign_model(), {{"between", 10}});
  CHECK(more.size() > asked.size() + 5);
  CHECK(more.size() <= asked.size() + 20);
  CHECK(more == asks(sign_model(), {{"between", 10}}));

  ModelDeclaration many = sign_model();
  for (int i = 0; i < 30; ++i) {
    many.axes["a" + std::to_string(i)] = {.example = 2, .range = {1, 3}};
    many.inputs.front().shape.push_back({.axis = "a" + std::to_string(i)});
  }
  CHECK(std::ranges::count(asks(many), ExperimentKind::infer, &Experiment::kind) <= 40);
  CHECK(run_check(kId, facts_of(many, good)).status == Status::undecided);

  ModelDeclaration none = sign_model();
  none.inputs.clear();
  CHECK(asks(none).empty());
  CHECK(asks(fixed_model({})).empty());
}

TEST_CASE("input-shape: large inputs are not made, and costly ones only where they must be") {
  ModelDeclaration model = fixed_model({1, 4});
  model.inputs.front().shape[1] = {.axis = "samples"};
  model.axes = {{"samples", {.example = 16'000, .range = {1, 480'000}}}};
  double elements = 0;
  for (const Experiment& asked : built_in_check(kId).plan(model, Json::object())) {
    if (asked.kind == ExperimentKind::infer) {
      elements += static_cast<double>(sizes_of(model, asked).at("samples"));
    }
  }
  CHECK(elements < 80 * 16'000);

  model.axes["samples"].range = {1, 1'000'000'000};
  const Outcome outcome = run_check(kId, facts_of(model, good));
  CHECK(outcome.status == Status::undecided);
  CHECK(outcome.reason.starts_with("`samples` 1000000000 was not tried: such inputs are too large"));
  // Nothing overflows.
  model.axes["samples"].range = {std::numeric_limits<std::int64_t>::max() - 1,
                                 std::numeric_limits<std::int64_t>::max()};
  CHECK(built_in_check(kId).plan(model, Json::object()).size() < 30);

  ModelDeclaration tokens = sign_model();
  tokens.axes = {{"batch", {.example = 1, .range = {1, 64}}}, {"time", {.example = 128, .range = {1, 4096}}}};
  CHECK(evidence_of(run_check(kId, facts_of(tokens, good)), "not tried") ==
        "`batch` 64 and `time` 4096 together (2048 times the usual input)");
}

TEST_CASE("input-shape/range-refused: sizes above some size fail") {
  const auto table = [](const Sizes& sizes) {
    return sizes.at("time") > 200 ? "index " + std::to_string(sizes.at("time")) + " is out of bounds" : "";
  };
  ModelDeclaration model = sign_model();
  model.axes["time"].example = 100;
  const Outcome outcome = run_check(kId, facts_of(model, and_so(table)));
  CHECK(outcome.status == Status::failed);
  CHECK(finding_ids(outcome) == Words{"range-refused"});
  CHECK(find_finding(outcome, "range-refused").message ==
        "3 of 12 sizes of `time` fail: 251, 499 and 500 (it works up to 200 and is refused from 201 on); "
        "expected "
        "every size from 1 to 500 to work: \"index 251 is out of bounds\"");
  CHECK(find_finding(outcome, "range-refused").fix.starts_with("declare `range: [1, 200]`"));
  CHECK(find_finding(outcome, "range-refused").where.file == "models/sign.pth");
  // Without a limit only what was tried is said.
  const Json options{{"limit", false}};
  CHECK(find_finding(run_check(kId, facts_of(model, and_so(table), options), options), "range-refused")
            .message.contains("(those up to 192 work)"));
}

TEST_CASE("input-shape/range-refused: only multiples of a number work") {
  ModelDeclaration model = sign_model();
  model.axes["time"] = {.example = 256, .range = {32, 512}};
  const auto unet = [](const Sizes& sizes) {
    return sizes.at("time") % 32 == 0 ? "" : "Sizes of tensors must match except in dimension 1";
  };
  const auto behaviour = [&](const Sizes& sizes) {
    return sizes.at("frames[2]") == 147 ? std::string(unet(sizes)) : "no";
  };
  Outcome outcome = run_check(kId, facts_of(model, behaviour));
  CHECK(finding_ids(outcome) == Words{"range-refused"});
  CHECK(find_finding(outcome, "range-refused").message.contains("(only multiples of 32 work)"));
  CHECK(find_finding(outcome, "range-refused").fix.contains("step: {time: 32}"));
  // As declared, with what the service does.
  const Json options{{"step", {{"time", 32}}}};
  outcome = run_check(kId, facts_of(model, behaviour, options), options);
  CHECK(outcome.status == Status::passed);
  CHECK(outcome.findings.empty());
  CHECK(evidence_of(outcome, "`time`") == "works at 32, 64, 256, 288, 480 and 512");
  // A range that has no multiple is nothing that was looked at.
  model.axes["time"] = {.example = 33, .range = {33, 63}};
  CHECK(evidence_of(run_check(kId, facts_of(model, behaviour, options), options), "not tried")
            .contains("no multiple of 32"));
}

TEST_CASE("input-shape/range-refused: small sizes, single sizes, and two causes") {
  Outcome outcome = judged([](const Sizes& sizes) {
    return sizes.at("time") < 7 ? "Kernel size can't be greater than actual input size" : "";
  });
  CHECK(find_finding(outcome, "range-refused")
            .message.starts_with("3 of 12 sizes of `time` fail: 1, 2 and 6 (those from 12 on work)"));
  // `batch` was to be varied with 2 steps, which is no fault of it.
  CHECK(finding_ids(outcome) == Words{"range-refused"});
  CHECK(outcome.reason.starts_with("`batch` could not be varied: no size of it works, with `time` 2"));

  outcome = judged([](const Sizes& sizes) { return sizes.at("time") == 251 ? "bad luck" : ""; });
  CHECK(
      find_finding(outcome, "range-refused")
          .message.starts_with("1 of 12 sizes of `time` fails: 251 (every other size that was tried works)"));

  outcome = judged([](const Sizes& sizes) {
    return sizes.at("time") == 1 ? "too short" : sizes.at("time") > 450 ? "too long" : "";
  });
  CHECK(finding_ids(outcome) == Words{"range-refused", "range-refused"});
}

TEST_CASE("input-shape/range-refused: sizes that only fail together") {
  const Outcome outcome = judged([](const Sizes& sizes) {
    return sizes.at("time") == 500 && sizes.at("batch") == 8 ? "too many elements" : "";
  });
  CHECK(finding_ids(outcome) == Words{"range-refused"});
  CHECK(find_finding(outcome, "range-refused").message ==
        "`batch` 8 and `time` 500 fail together, and each alone works; expected every combination of the "
        "declared "
        "sizes to work: \"too many elements\"");
}

TEST_CASE("input-shape/axis-baked: only the example's size works") {
  Outcome outcome = judged([](const Sizes& sizes) {
    return sizes.at("batch") == 1
               ? ""
               : "shape '[1, 147]' is invalid for input of size " + std::to_string(147 * sizes.at("batch"));
  });
  CHECK(finding_ids(outcome) == Words{"axis-baked"});
  CHECK(find_finding(outcome, "axis-baked").message ==
        "`batch` works at 1 alone, its example, and fails at 2, 5, 6, 7 and 8, with `time` 2; expected every "
        "size "
        "from 1 to 8: \"shape '[1, 147]' is invalid for input of size 294\"");
  CHECK(outcome.status == Status::failed);
}

TEST_CASE("input-shape: what the file declares stands beside a refusal") {
  Facts facts = facts_of(sign_model(), and_so([](const Sizes& sizes) {
                           return sizes.at("batch") == 1 ? "" : "Got invalid dimensions";
                         }));
  facts.runtimes.front().value->load.inputs = {{.name = "frames", .dtype = "float32", .shape = {1, -1, 147}}};
  const Finding finding = find_finding(run_check(kId, facts), "axis-baked");
  CHECK(finding.evidence.back() == Evidence{"declared by the file", "`frames` [1, -1, 147]"});
}

TEST_CASE("input-shape/non-finite-at-size: NaN at the smallest size") {
  Facts facts = facts_of(sign_model(), sign_behaviour);
  answer_at(facts, {{"time", 1}}).outputs.front().nan_count = 3;
  Outcome outcome = run_check(kId, facts);
  CHECK(finding_ids(outcome) == Words{"non-finite-at-size"});
  CHECK(
      find_finding(outcome, "non-finite-at-size").message ==
      "`output[0]` has 3 NaN and 0 infinite of 3 elements at `time` 1, and none at the usual sizes; expected "
      "finite numbers at every declared size");
  CHECK(outcome.status == Status::failed);

  answer_at(facts, {{"time", 1}}).outputs.front().nan_count = 0;
  answer_at(facts, {{"time", 1}}).outputs.front().inf_count = 1;
  CHECK(find_finding(run_check(kId, facts), "non-finite-at-size").severity == Severity::warning);
  // Where they are everywhere, `inference` tells.
  for (ExperimentFacts& answer : facts.runtimes.front().value->experiments) {
    for (OutputFacts& output : answer.outputs) {
      output.inf_count = 1;
    }
  }
  CHECK(run_check(kId, facts).findings.empty());
}

TEST_CASE("input-shape/empty-at-size: nothing comes out") {
  Facts facts = facts_of(sign_model(), sign_behaviour);
  OutputFacts& output = answer_at(facts, {{"time", 1}}).outputs.front();
  output.shape = {1, 0};
  output.elements = 0;
  Outcome outcome = run_check(kId, facts);
  CHECK(outcome.status == Status::passed);
  CHECK(find_finding(outcome, "empty-at-size").message ==
        "`output[0]` is [1, 0] at `time` 1; expected at least one element, as at the usual sizes");
  CHECK(find_finding(outcome, "empty-at-size").severity == Severity::warning);
  // boxes
  output.shape = {0, 4};
  CHECK(find_finding(run_check(kId, facts), "empty-at-size").severity == Severity::note);
}

TEST_CASE("input-shape/rows-lost: a batch gives one row") {
  Facts facts = facts_of(sign_model(), sign_behaviour);
  for (ExperimentFacts& answer : facts.runtimes.front().value->experiments) {
    for (OutputFacts& output : answer.outputs) {
      output.shape[0] = 1;
    }
  }
  Outcome outcome = run_check(kId, facts);
  CHECK(finding_ids(outcome) == Words{"rows-lost"});
  CHECK(find_finding(outcome, "rows-lost").message ==
        "`output[0]` is [1, 3] for `batch` 2, with `time` 2; expected a row for each of the 2 inputs, as at "
        "1 (the "
        "same at 5, 6, 7 and 8)");
  // Its class names say that each row is somebody's answer.
  CHECK(outcome.status == Status::failed);
  facts.model.labels.reset();
  CHECK(find_finding(run_check(kId, facts), "rows-lost").severity == Severity::warning);
  // An output that never had a row for each input is not one that lost it.
  for (ExperimentFacts& answer : facts.runtimes.front().value->experiments) {
    for (OutputFacts& output : answer.outputs) {
      output.shape = {17, 4};
    }
  }
  CHECK(run_check(kId, facts).findings.empty());
}

TEST_CASE("input-shape/wrong-size-accepted: pooling takes any image, and is a note") {
  const ModelDeclaration image = fixed_model({1, 3, 224, 224});
  const auto pooled = [](const Sizes& sizes) { return sizes.at("x[1]") == 3 ? "" : "expected 3 channels"; };
  Outcome outcome = run_check(kId, facts_of(image, pooled));
  CHECK(outcome.status == Status::passed);
  CHECK(finding_ids(outcome) == Words{"wrong-size-accepted"});
  CHECK(find_finding(outcome, "wrong-size-accepted").severity == Severity::note);
  CHECK(find_finding(outcome, "wrong-size-accepted")
            .message.contains("`x[2]` (declared 224; 225, 223 and 1 work too)"));
  CHECK(evidence_of(outcome, "`x[1]`") == "4, 2 and 1 refused: \"expected 3 channels\"");
}

TEST_CASE("input-shape/wrong-size-accepted: a warning when nothing is refused and nothing follows") {
  const ModelDeclaration vector = fixed_model({1, 16});
  Facts facts = facts_of(vector, good);
  CHECK(find_finding(run_check(kId, facts), "wrong-size-accepted").severity == Severity::warning);
  CHECK(run_check(kId, facts).status == Status::passed);
  // A denoiser's output is as long as its input.
  for (ExperimentFacts& answer : facts.runtimes.front().value->experiments) {
    answer.outputs.front().shape = {1, sizes_of(vector, answer.asked).at("x[1]")};
  }
  CHECK(find_finding(run_check(kId, facts), "wrong-size-accepted").severity == Severity::note);
  // Tokens come in any number.
  CHECK(
      find_finding(run_check(kId, facts_of(fixed_model({1, 16}, DType::int64), good)), "wrong-size-accepted")
          .severity == Severity::note);
  // A batch that nobody made an axis of.
  const auto batch = run_check(kId, facts_of(fixed_model({1, 16}), [](const Sizes& sizes) {
                                 return sizes.at("x[1]") == 16 ? "" : "mat1 and mat2";
                               }));
  CHECK(find_finding(batch, "wrong-size-accepted").severity == Severity::note);
}

TEST_CASE("input-shape/wrong-size-accepted: what broadcasting takes is said to be that") {
  const auto outcome = run_check(kId, facts_of(fixed_model({2, 16}), [](const Sizes& sizes) {
                                   return sizes.at("x[1]") == 16 || sizes.at("x[1]") == 1 ? "" : "no";
                                 }));
  // x[0] moves, so not all is broadcasting
  CHECK(find_finding(outcome, "wrong-size-accepted").severity == Severity::note);
  const auto alone = run_check(kId, facts_of(fixed_model({16}), [](const Sizes& sizes) {
                                 return sizes.at("x[0]") == 16 || sizes.at("x[0]") == 1 ? "" : "no";
                               }));
  CHECK(find_finding(alone, "wrong-size-accepted")
            .message.contains("`x[0]` (declared 16; 1 works too), by broadcasting"));
  CHECK(find_finding(alone, "wrong-size-accepted").severity == Severity::note);
}

TEST_CASE("input-shape/wrong-size-accepted: `refuse` makes it an error") {
  Json options{{"refuse", {"x[1]"}}};
  Outcome outcome = run_check(kId, facts_of(fixed_model({1, 16}), good, options), options);
  CHECK(outcome.status == Status::failed);
  CHECK(find_finding(outcome, "wrong-size-accepted").severity == Severity::error);

  options = {{"refuse", {"time", "frames[2]"}}};
  CHECK(judged(good, options).status == Status::passed);
  const auto longer = [](const Sizes& sizes) {
    return sizes.at("frames[2]") == 147 ? std::string() : std::string("no");
  };
  outcome = run_check(kId, facts_of(sign_model(), longer, options), options);
  CHECK(find_finding(outcome, "wrong-size-accepted").message ==
        "the model takes other sizes of `time` (declared 500; 501 works too); expected it to refuse them, as "
        "`refuse` says");

  options = {{"refuse", {"frame[2]"}}};
  outcome = judged(good, options);
  CHECK(outcome.status == Status::undecided);
  CHECK(
      outcome.reason ==
      "the options name `frame[2]`, which is no axis or dimension of the inputs; did you mean `frames[2]`?");
  CHECK(judged(good, {{"step", {{"tiem", 4}}}}).reason.contains("did you mean `time`?"));
  // Another model's.
  outcome = judged(good, {{"step", {{"height", 32}}}});
  CHECK(outcome.status == Status::passed);
  CHECK(evidence_of(outcome, "option for `height`") == "no axis or dimension of this model");
}

TEST_CASE("input-shape/fixed-axis-moves: an axis that the config does not call dynamic") {
  ModelDeclaration model = sign_model();
  model.axes["batch"].range.clear();
  const Outcome outcome = run_check(kId, facts_of(model, sign_behaviour));
  CHECK(outcome.status == Status::passed);
  CHECK(finding_ids(outcome) == Words{"fixed-axis-moves"});
  CHECK(find_finding(outcome, "fixed-axis-moves").message ==
        "other sizes work of `batch` (declared 1; 2 works too), without a `range` in the config");
  // One that is refused is as declared.
  CHECK(run_check(kId, facts_of(model, and_so([](const Sizes& sizes) {
                                  return sizes.at("batch") == 1 ? "" : "shape '[1, -1]' is invalid";
                                })))
            .findings.empty());
}

TEST_CASE("input-shape: a process that dies at a declared size is named, and never a failure") {
  Facts facts = facts_of(sign_model(), sign_behaviour);
  ExperimentFacts& answer = answer_at(facts, {{"time", 500}});
  answer.outputs.clear();
  answer.absence =
      Absence{.kind = AbsenceKind::out_of_memory, .detail = "the torch probe used 4 GiB of memory"};
  Outcome outcome = run_check(kId, facts);
  CHECK(outcome.status == Status::undecided);
  CHECK(outcome.findings.empty());
  CHECK(outcome.reason ==
        "`time` 500: the answer could not be observed: the torch probe used 4 GiB of memory");
  // A refusal for want of memory is none.
  answer.absence.reset();
  answer.error = "[enforce fail at alloc_cpu.cpp:118] DefaultCPUAllocator: can't allocate memory";
  outcome = run_check(kId, facts);
  CHECK(outcome.status == Status::undecided);
  CHECK(outcome.reason.starts_with("`time` 500: memory ran out"));
}

TEST_CASE("input-shape: a process that dies beyond the declared sizes is told, and no doubt") {
  Facts facts = facts_of(sign_model(), sign_behaviour);
  for (ExperimentFacts& answer : facts.runtimes.front().value->experiments) {
    if (!answer.asked.sizes.empty() || answer.asked.kind == ExperimentKind::limit) {
      answer = {.asked = answer.asked, .absence = Absence{.kind = AbsenceKind::crashed, .detail = "it died"}};
    }
  }
  const Outcome outcome = run_check(kId, facts);
  CHECK(outcome.status == Status::passed);
  CHECK(evidence_of(outcome, "limit of `time`") == "not told: the answer could not be observed: it died");
  CHECK(evidence_of(outcome, "`frames[2]`") == "148 not told: the answer could not be observed: it died");
  // What `refuse` wants to see must be seen.
  const Json options{{"refuse", {"frames[2]"}}};
  CHECK(run_check(kId, facts, options).status == Status::undecided);
}

TEST_CASE("input-shape: limits that bounds stopped") {
  Facts facts = facts_of(sign_model(), sign_behaviour);
  const auto words = [&](LimitFacts limit) {
    for (ExperimentFacts& answer : facts.runtimes.front().value->experiments) {
      if (answer.asked.kind == ExperimentKind::limit && answer.asked.axis == "time") {
        answer.limit = std::move(limit);
      }
    }
    return evidence_of(run_check(kId, facts), "limit of `time`");
  };
  CHECK(words({.end = LimitEnd::time, .largest = 720}) == "at least 720 (stopped by time)");
  CHECK(words({.end = LimitEnd::size, .largest = 720}) == "at least 720 (stopped by the size of the input)");
  CHECK(words({.end = LimitEnd::memory, .largest = 720}) == "at least 720 (stopped by memory)");
  CHECK(words({.end = LimitEnd::time, .largest = 720, .refused = 1000, .error = "no"}) ==
        "works up to 720 at least, refused at 1000 (\"no\"); stopped by time");
  // What worked a moment ago.
  CHECK(words({.end = LimitEnd::found, .largest = 499, .refused = 500, .error = "no"})
            .starts_with("works up to 499"));
  CHECK(run_check(kId, facts).reason == "`time` 500 works once and is refused once: \"no\"");
}

TEST_CASE("input-shape: blocked when the usual sizes fail, when nothing loads, and when nothing ran") {
  Outcome outcome = judged([](const Sizes&) { return "expected 153 channels"; });
  CHECK(outcome.status == Status::undecided);
  CHECK(outcome.findings.empty());
  CHECK(outcome.reason ==
        "blocked: the model refuses the usual sizes (\"expected 153 channels\"); see `inference`");

  Facts facts = facts_of(sign_model(), sign_behaviour);
  facts.runtimes.front().value->load.stage = LoadStage::state_dict;
  CHECK(run_check(kId, facts).reason.ends_with("could not load the model; see `inference`"));
  facts.runtimes.front().value->load.stage = LoadStage::done;
  facts.runtimes.front().value->experiments.clear();
  CHECK(run_check(kId, facts).status == Status::undecided);
  lose_runtime(facts, {.kind = AbsenceKind::missing, .detail = "no probe"});
  CHECK(run_check(kId, facts).status == Status::undecided);

  facts.model.inputs.clear();
  CHECK(run_check(kId, facts).status == Status::skipped);
}

TEST_CASE("input-shape: the usual size alone may be the one that fails") {
  ModelDeclaration model = sign_model();
  const Outcome outcome = run_check(
      kId,
      facts_of(model, and_so([](const Sizes& sizes) { return sizes.at("time") == 300 ? "not 300" : ""; })));
  CHECK(find_finding(outcome, "range-refused").message.starts_with("1 of 12 sizes of `time` fails: 300"));
}

TEST_CASE("input-shape: the first witness that loaded the model speaks") {
  Facts facts = facts_of(sign_model(), sign_behaviour);
  facts.runtimes.push_back(facts.runtimes.front());
  facts.runtimes.back().value->witness = {.library = "onnxruntime", .version = "1.21.0", .device = "cpu"};
  const Outcome outcome = run_check(kId, facts);
  CHECK(outcome.status == Status::passed);
  CHECK(outcome.evidence == run_check(kId, facts_of(sign_model(), sign_behaviour)).evidence);
}
