// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <format>

#include "base/text.h"
#include "judge.h"

namespace runup::checks::onnx_graph {

namespace {

constexpr std::string_view kExportFix =
    "export the model again with `dynamic_axes={{\"{}\": {{{}: \"{}\"}}}}`, or declare the size that the "
    "graph has";

std::vector<std::string> names_of(const std::vector<const OnnxValueFacts*>& values) {
  std::vector<std::string> names;
  for (const OnnxValueFacts* value : values) {
    names.push_back(printable(value->name));
  }
  return names;
}

const OnnxValueFacts* graph_input(const OnnxFacts& onnx, std::string_view name) {
  const auto found = std::ranges::find(onnx.inputs, name, &OnnxValueFacts::name);
  return found == onnx.inputs.end() ? nullptr : &*found;
}

// Those that somebody has to feed and nobody declares.
std::vector<const OnnxValueFacts*> undeclared_inputs(const Judge& judge) {
  std::vector<const OnnxValueFacts*> inputs;
  for (const OnnxValueFacts& input : judge.onnx.inputs) {
    const bool declared =
        std::ranges::contains(judge.facts.model.inputs, input.name, &InputDeclaration::name);
    if (!declared && !input.initialised && input.kind != "optional") {
      inputs.push_back(&input);
    }
  }
  return inputs;
}

void judge_names(Judge& judge) {
  const std::vector<const OnnxValueFacts*> undeclared = undeclared_inputs(judge);
  std::vector<std::string> candidates = names_of(undeclared);
  std::size_t missing = 0;
  for (const InputDeclaration& input : judge.facts.model.inputs) {
    if (graph_input(judge.onnx, input.name) != nullptr) {
      continue;
    }
    ++missing;
    const auto meant = did_you_mean(input.name, candidates);
    const std::string there = candidates.empty()
                                  ? "has no input that is not declared"
                                  : std::format("calls its inputs {}", join_quoted(candidates));
    judge.add("input-missing",
              std::format("declared input `{}` is not in the graph, which {}{}", input.name, there,
                          meant ? std::format("; did you mean `{}`?", *meant) : ""),
              "give the input the graph's name in `inputs:`, or export the model with `input_names=`; a "
              "conversion's own names stand in its `inputs:`",
              input.name);
  }
  // Names that were taken for others were told above.
  if (undeclared.size() > missing) {
    judge.add("input-undeclared",
              std::format("the graph needs {} {}, of which `inputs:` declares {}",
                          count_of(undeclared.size(), "more input", "more inputs"), join_quoted(candidates),
                          missing == 0 ? "none" : "too few"),
              "declare every input of the graph in `inputs:`, or give it an initializer when exporting",
              undeclared.front()->name);
  }
}

void judge_size(Judge& judge, const InputDeclaration& input, std::size_t at, std::int64_t fixed) {
  const Dimension& declared = input.shape[at];
  const AxisDeclaration* axis = axis_of(judge.facts, declared);
  if (!declared.axis.empty() && axis == nullptr) {
    return;
  }
  const std::string_view name = declared.axis;
  if (axis != nullptr && is_dynamic(*axis)) {
    judge.add("fixed-size",
              std::format("the graph fixes dimension {} of input `{}` to {}; declared is `{}` from {} to {}",
                          at, input.name, fixed, name, axis->range[0], axis->range[1]),
              std::vformat(kExportFix, std::make_format_args(input.name, at, name)), input.name);
    return;
  }
  const std::int64_t wanted = axis == nullptr       ? declared.size
                              : axis->range.empty() ? axis->example
                                                    : axis->range[0];
  if (wanted != fixed) {
    judge.add(
        "size-mismatch",
        std::format("the graph fixes dimension {} of input `{}` to {}; declared is {}{}", at, input.name,
                    fixed, wanted, name.empty() ? "" : std::format(" (`{}`)", name)),
        "correct the size in `inputs:` or `axes:`, or export the model for the size that the service feeds",
        input.name);
  }
}

void judge_shape(Judge& judge, const InputDeclaration& input, const OnnxValueFacts& value) {
  if (!value.shape) {
    return;
  }
  if (value.shape->size() != input.shape.size()) {
    judge.add(
        "input-rank",
        std::format("input `{}` has {} in the graph; declared are {}", input.name,
                    count_of(value.shape->size(), "dimension", "dimensions"), input.shape.size()),
        "declare the shape that the graph takes, or export the model for the shape that the service feeds",
        input.name);
    return;
  }
  for (std::size_t i = 0; i < input.shape.size(); ++i) {
    if (const auto& fixed = (*value.shape)[i].size) {
      judge_size(judge, input, i, *fixed);
    }
  }
}

}  // namespace

void judge_inputs(Judge& judge) {
  if (judge.facts.model.inputs.empty()) {
    return;
  }
  judge_names(judge);
  for (const InputDeclaration& input : judge.facts.model.inputs) {
    const OnnxValueFacts* value = graph_input(judge.onnx, input.name);
    if (value == nullptr || value->kind != "tensor") {
      continue;
    }
    if (!value->dtype.empty() && value->dtype != enum_name(input.dtype)) {
      judge.add("input-dtype",
                std::format("input `{}` is {} in the graph; declared is {}", input.name, value->dtype,
                            enum_name(input.dtype)),
                "declare the graph's element type, and convert what the service feeds to it", input.name);
    }
    judge_shape(judge, input, *value);
  }
}

}  // namespace runup::checks::onnx_graph
