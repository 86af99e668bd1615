// SPDX-License-Identifier: Apache-2.0
#include "check/check.h"

#include <format>

#include "base/text.h"
#include "judge.h"

namespace runup::checks::onnx_graph {

namespace {

// "x: float32 [batch, 3, 224, 224]"
std::string value_words(const OnnxValueFacts& value) {
  std::string words = std::format("{}: {}", printable(value.name), value.dtype.empty() ? "?" : value.dtype);
  if (value.kind != "tensor") {
    words += " " + value.kind;
  }
  if (!value.shape) {
    return words;
  }
  std::vector<std::string> sizes;
  for (const OnnxDimensionFacts& size : *value.shape) {
    sizes.push_back(size.size ? std::to_string(*size.size) : size.name.empty() ? "?" : printable(size.name));
  }
  return std::format("{} [{}]", words, join(sizes, ", "));
}

void saw_graph(Judge& judge) {
  std::vector<std::string> inputs;
  for (const OnnxValueFacts& input : judge.onnx.inputs) {
    if (!input.initialised) {
      inputs.push_back(value_words(input));
    }
  }
  judge.judgement.saw("inputs", inputs.empty() ? "none" : join_words(inputs));
  std::vector<std::string> sets{std::format("IR {}", judge.onnx.ir_version)};
  for (const OnnxDomainFacts& domain : judge.onnx.domains) {
    sets.push_back(
        std::format("{} {}", domain.domain.empty() ? "ai.onnx" : printable(domain.domain), domain.version));
  }
  judge.judgement.saw("versions", join_words(sets));
  judge.judgement.saw("nodes", std::to_string(judge.onnx.nodes));
}

}  // namespace

Judgement judge(const Facts& facts, const Options& options) {
  if (const auto obstacle = inside_obstacle(facts)) {
    return Judgement::cannot_tell(*obstacle);
  }
  if (facts.artifact->kind != ArtifactKind::onnx) {
    return Judgement::skip(
        std::format("`{}` is {}, not ONNX", model_file(facts), kind_words(facts.artifact->kind)));
  }
  if (!facts.artifact->onnx) {
    return Judgement::cannot_tell(std::format("the graph of `{}` was not read", model_file(facts)));
  }
  // What is not there says nothing of what was.
  if (const auto damage = damage_obstacle(facts)) {
    return Judgement::cannot_tell(*damage);
  }
  Judgement judgement;
  Judge judge{facts, *facts.artifact->onnx, options, judgement};
  saw_graph(judge);
  judge_inputs(judge);
  judge_batch(judge);
  judge_versions(judge);
  judge_domains(judge);
  judge_external_data(judge);
  if (!judgement.undecided && facts.model.inputs.empty()) {
    judgement.saw("declared inputs", "none: the graph's were compared with nothing");
  }
  return judgement;
}

extern const CheckInfo kCheck;
const CheckInfo kCheck = define_check<Options, judge>(
    "onnx-graph", kFindings, {.package = true, .artifact = true, .conversions = true});

}  // namespace runup::checks::onnx_graph
