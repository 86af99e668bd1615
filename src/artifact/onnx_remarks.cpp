// SPDX-License-Identifier: Apache-2.0
#include "artifact/onnx_remarks.h"

#include <algorithm>
#include <array>

namespace runup::artifact {

namespace {

constexpr std::size_t kMostNodesOfAKind = 200;

class Remarks {
 public:
  Remarks(OnnxReading& reading, const OnnxNode& node, const OnnxScope& scope, std::int64_t opset,
          const std::string& path)
      : reading_(reading), node_(node), scope_(scope), opset_(opset), path_(path) {}

  void look() {
    if (!node_.domain.empty()) {
      return;
    }
    if (node_.op == "BatchNormalization") {
      batch_norm();
    } else if (node_.op == "Dropout") {
      dropout();
    } else if (is_random()) {
      add(OnnxRemarkKind::random);
    } else if (node_.op == "LSTM" || node_.op == "GRU" || node_.op == "RNN") {
      recurrent();
    } else {
      shapes();
    }
  }

 private:
  void add(OnnxRemarkKind kind, std::vector<std::int64_t> values = {},
           std::optional<std::int64_t> batch = std::nullopt) {
    const auto of_kind = std::ranges::count(reading_.onnx.remarks, kind, &OnnxRemarkFacts::kind);
    if (static_cast<std::size_t>(of_kind) >= kMostNodesOfAKind) {
      note_cut(reading_.facts, std::format("remarks on nodes beyond {} of a kind", kMostNodesOfAKind));
    } else if (reading_.may_add(path_.size())) {
      reading_.onnx.remarks.push_back({.kind = kind,
                                       .op = std::string(node_.op),
                                       .node = OnnxReading::name(path_),
                                       .values = std::move(values),
                                       .batch = batch});
    }
  }

  bool is_random() const {
    constexpr std::array<std::string_view, 6> kRandom{
        "RandomNormal", "RandomNormalLike", "RandomUniform", "RandomUniformLike", "Multinomial", "Bernoulli"};
    return std::ranges::contains(kRandom, node_.op);
  }

  // Since opset 14 by an attribute; since 7 by whether the statistics are outputs; before by another attribute.
  void batch_norm() {
    const auto named = [](std::string_view output) { return !output.empty(); };
    const bool trains = opset_ >= 14  ? node_.integer("training_mode", 0) != 0
                        : opset_ >= 7 ? std::ranges::count_if(node_.outputs, named) > 1
                                      : node_.integer("is_test", 0) == 0;
    if (trains) {
      add(OnnxRemarkKind::training_batch_norm);
    }
  }

  // Since opset 12 by an input; from 7 to 11 it does nothing; before by an attribute.
  void dropout() {
    constexpr double kUsualRatio = 0.5;
    double ratio = kUsualRatio;
    bool active = false;
    if (opset_ >= 12) {
      const OnnxConstant* mode = scope_.constant(node_.input(2));
      active = mode != nullptr && mode->scalar && *mode->scalar != 0;
      const OnnxConstant* stated = scope_.constant(node_.input(1));
      ratio = stated != nullptr && stated->scalar ? *stated->scalar : ratio;
    } else if (opset_ < 7) {
      active = node_.integer("is_test", 0) == 0;
      const OnnxAttribute* stated = node_.attribute("ratio");
      ratio = stated != nullptr && stated->number ? *stated->number : ratio;
    }
    if (active && ratio > 0) {
      add(OnnxRemarkKind::training_dropout);
    }
  }

  // Inputs: X, W, R, B, sequence_lens, initial_h, initial_c. A state has the shape [directions, batch, size];
  // with `layout` 1 the batch comes first.
  void recurrent() {
    const std::size_t axis = node_.integer("layout", 0) == 0 ? 1 : 0;
    for (const std::size_t input : {std::size_t{5}, std::size_t{6}}) {
      const OnnxConstant* state = scope_.constant(node_.input(input));
      if (state != nullptr && state->shape && state->shape->size() == 3 && (*state->shape)[axis] > 0) {
        add(OnnxRemarkKind::constant_state, *state->shape, (*state->shape)[axis]);
        return;
      }
    }
  }

  void shapes() {
    const bool is_first = node_.op == "ConstantOfShape";
    if (!is_first && node_.op != "Reshape" && node_.op != "Expand" && node_.op != "Tile") {
      return;
    }
    const OnnxConstant* shape = scope_.constant(node_.input(is_first ? 0 : 1));
    // A vector has no batch.
    if (shape == nullptr || !shape->integers || shape->integers->size() < 2 || shape->integers->front() < 1) {
      return;
    }
    // Constants that are reshaped or expanded have their own first axis.
    const bool computed = scope_.varies(node_.input(0));
    const std::int64_t leading = shape->integers->front();
    const bool bakes = node_.op == "Reshape"  ? computed
                       : node_.op == "Expand" ? computed && leading > 1
                       : node_.op == "Tile"   ? !computed && leading > 1
                                              : leading > 1;
    if (bakes) {
      add(OnnxRemarkKind::constant_shape, *shape->integers, leading);
    }
  }

  OnnxReading& reading_;
  const OnnxNode& node_;
  const OnnxScope& scope_;
  std::int64_t opset_;
  const std::string& path_;
};

}  // namespace

void remark_on_onnx_node(OnnxReading& reading, const OnnxNode& node, const OnnxScope& scope,
                         std::int64_t opset, const std::string& path) {
  Remarks(reading, node, scope, opset, path).look();
}

}  // namespace runup::artifact
