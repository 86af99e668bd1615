// SPDX-License-Identifier: Apache-2.0
#include "graph.h"

#include <algorithm>
#include <format>

#include "base/text.h"
#include "check/wording.h"

namespace runup::checks::eval_mode {

namespace {

std::string place_of(const CodeRemarkFacts& remark) {
  std::string where = std::format("{}:{}", remark.file, remark.line);
  return remark.module.empty() ? where : std::format("`{}`, {}", remark.module, where);
}

void look_at_code(const Facts& facts, const TorchScriptFacts& script, GraphPlaces& places) {
  places.only_literals = !script.traced;
  for (const CodeRemarkFacts& remark : script.remarks) {
    if (!remark.reached) {
      continue;
    }
    const Evidence place{.name = place_of(remark), .value = std::format("`{}`", remark.text)};
    switch (remark.kind) {
      case CodeRemarkKind::training_dropout:
      case CodeRemarkKind::training_batch_norm: {
        if (places.training.empty()) {
          places.first = model_location(facts, remark.file);
          places.first.line = remark.line;
        }
        const bool trains = std::ranges::contains(script.training_modules, remark.module);
        places.only_literals = places.only_literals && !trains;
        places.training.push_back(place);
        break;
      }
      case CodeRemarkKind::batch_statistics:
        places.batch_statistics.push_back(place);
        break;
      case CodeRemarkKind::random:
        places.random.push_back(place);
        break;
      default:
        break;
    }
  }
}

void look_at_nodes(const Facts& facts, const OnnxFacts& onnx, GraphPlaces& places) {
  for (const OnnxRemarkFacts& remark : onnx.remarks) {
    const Evidence place{.name = std::format("node `{}`", remark.node),
                         .value = std::format("`{}`", remark.op)};
    switch (remark.kind) {
      case OnnxRemarkKind::training_batch_norm:
      case OnnxRemarkKind::training_dropout:
        if (places.training.empty()) {
          places.first = model_location(facts, remark.node);
        }
        places.training.push_back(place);
        break;
      case OnnxRemarkKind::random:
        places.random.push_back(place);
        break;
      default:
        break;
    }
  }
}

}  // namespace

GraphPlaces look_at_graph(const Facts& facts) {
  GraphPlaces places;
  if (facts.artifact && facts.artifact->torchscript) {
    look_at_code(facts, *facts.artifact->torchscript, places);
  } else if (facts.artifact && facts.artifact->onnx) {
    look_at_nodes(facts, *facts.artifact->onnx, places);
  }
  return places;
}

std::string graph_words(const Facts& facts, const GraphPlaces& places) {
  if (!facts.artifact || (!facts.artifact->torchscript && !facts.artifact->onnx)) {
    return "none: the file holds no graph";
  }
  const std::string unread =
      facts.artifact->torchscript ? facts.artifact->torchscript->incomplete : std::string();
  if (!places.training.empty()) {
    return count_of(places.training.size(), "place", "places") + " as in training";
  }
  return unread.empty() ? "nothing as in training"
                        : "nothing as in training, as far as it was followed: " + unread;
}

}  // namespace runup::checks::eval_mode
