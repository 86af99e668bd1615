// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <format>

#include "base/text.h"
#include "judge.h"

namespace runup::checks::onnx_graph {

namespace {

struct Batch {
  std::string name;
  const AxisDeclaration* axis = nullptr;
  // its name says what it is
  bool certain = false;
};

bool is_called_batch(std::string_view name) {
  constexpr std::array<std::string_view, 6> kNames{"n", "N", "b", "B", "bs", "batch_size"};
  return name.starts_with("batch") || std::ranges::contains(kNames, name);
}

// The first axis of an input, where the graph leaves it open and several sizes are declared.
std::optional<Batch> open_batch(const Judge& judge) {
  std::optional<Batch> found;
  for (const InputDeclaration& input : judge.facts.model.inputs) {
    const auto value = std::ranges::find(judge.onnx.inputs, input.name, &OnnxValueFacts::name);
    const AxisDeclaration* axis = input.shape.empty() ? nullptr : axis_of(judge.facts, input.shape.front());
    const bool open = value != judge.onnx.inputs.end() && value->shape && !value->shape->empty() &&
                      !value->shape->front().size;
    if (axis != nullptr && is_dynamic(*axis) && open && (!found || !found->certain)) {
      found = Batch{.name = input.shape.front().axis,
                    .axis = axis,
                    .certain = is_called_batch(input.shape.front().axis)};
    }
  }
  return found;
}

// "[?, 4, 64]"; a size that is not known is -1.
std::string sizes_words(const std::vector<std::int64_t>& sizes) {
  std::vector<std::string> words;
  for (const std::int64_t size : sizes) {
    words.push_back(size < 0 ? "?" : std::to_string(size));
  }
  return std::format("[{}]", join(words, ", "));
}

// A Reshape to nothing but literals takes one number of elements; what was computed from a batch has another
// number for each size of it.
bool is_rigid_reshape(const OnnxRemarkFacts& remark) {
  return remark.kind == OnnxRemarkKind::constant_shape && remark.op == "Reshape" &&
         std::ranges::all_of(remark.values, [](std::int64_t size) { return size > 0; });
}

}  // namespace

void judge_batch(Judge& judge) {
  const auto batch = open_batch(judge);
  if (!batch) {
    return;
  }
  std::vector<const OnnxRemarkFacts*> baked;
  bool refuses = false;
  for (const OnnxRemarkFacts& remark : judge.onnx.remarks) {
    const bool state = remark.kind == OnnxRemarkKind::constant_state;
    if (state || is_rigid_reshape(remark)) {
      baked.push_back(&remark);
      refuses = refuses || state;
    }
  }
  if (baked.empty()) {
    return;
  }
  // What an LSTM refuses comes first.
  std::ranges::stable_partition(
      baked, [](const auto* remark) { return remark->kind == OnnxRemarkKind::constant_state; });
  const OnnxRemarkFacts& first = *baked.front();
  const std::string what =
      first.kind == OnnxRemarkKind::constant_state
          ? std::format("a constant initial state of shape {}", sizes_words(first.values))
          : std::format("the constant shape {}", sizes_words(first.values));
  Finding& finding = judge.add(
      "baked-batch",
      std::format("{} `{}` has {}, which bakes the batch size {}{}; declared is `{}` from {} to {}", first.op,
                  printable(first.node), what, first.batch.value_or(0),
                  baked.size() > 1 ? std::format(" (and {} more nodes)", baked.size() - 1) : "", batch->name,
                  batch->axis->range[0], batch->axis->range[1]),
      "compute sizes from the input (`x.size(0)`, `x.new_zeros(...)`) and export the model again with "
      "`dynamic_axes=`",
      first.node);
  if (refuses && batch->certain) {
    finding.severity = Severity::error;
  }
  for (std::size_t i = 0; i < std::min(baked.size(), kRows); ++i) {
    finding.evidence.push_back({.name = std::format("{} {}", baked[i]->op, printable(baked[i]->node)),
                                .value = sizes_words(baked[i]->values)});
  }
}

}  // namespace runup::checks::onnx_graph
