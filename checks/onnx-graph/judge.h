// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "check/check.h"
#include "check/wording.h"

namespace runup::checks::onnx_graph {

struct Options {
  std::string onnxruntime = "1.21";
  std::vector<std::string> custom_domains;
  static constexpr auto fields() {
    return std::tuple{
        Field{"onnxruntime", &Options::onnxruntime, "the ONNX Runtime release that serves, such as `1.21`"},
        Field{"custom_domains", &Options::custom_domains,
              "operator domains that the service registers a library for"}};
  }
};

inline constexpr std::array kFindings{
    FindingInfo{"input-missing", Severity::error, "a declared input is not in the graph"},
    FindingInfo{"input-undeclared", Severity::error, "the graph needs an input that `inputs:` does not have"},
    FindingInfo{"input-dtype", Severity::error, "an input has another element type in the graph"},
    FindingInfo{"input-rank", Severity::error, "an input has another number of dimensions in the graph"},
    FindingInfo{"fixed-size", Severity::error, "the graph fixes a size that is declared dynamic"},
    FindingInfo{"size-mismatch", Severity::error, "the graph fixes a size to another one than declared"},
    FindingInfo{"baked-batch", Severity::warning, "a constant in the graph bakes one batch size"},
    FindingInfo{"ir-too-new", Severity::error, "the file's IR version is newer than ONNX Runtime reads"},
    FindingInfo{"opset-too-new", Severity::error, "an operator set is newer than ONNX Runtime has"},
    FindingInfo{"opset-missing", Severity::error,
                "operators of a domain are used that no `opset_import` names"},
    FindingInfo{"custom-operator", Severity::error, "operators need a library of custom operators"},
    FindingInfo{"external-data-missing", Severity::error, "a file with the tensors' bytes is not there"},
    FindingInfo{"external-data-short", Severity::error, "a file with the tensors' bytes is too short"},
    FindingInfo{"external-data-size", Severity::error,
                "the stated length of a tensor's bytes is not that of its shape and type"},
    FindingInfo{"external-data-outside", Severity::warning,
                "tensors' bytes are named by a path that leads out of the model file's folder"},
    FindingInfo{"external-data-overlap", Severity::warning, "tensors share a part of their bytes"}};

// Of a finding's evidence.
inline constexpr std::size_t kRows = 8;

struct Judge {
  const Facts& facts;
  const OnnxFacts& onnx;
  const Options& options;
  Judgement& judgement;

  Finding& add(std::string_view id, std::string message, std::string fix, std::string key = "") {
    judgement.findings.push_back(make_finding(kFindings, id, std::move(message), std::move(fix),
                                              model_location(facts, std::move(key))));
    return judgement.findings.back();
  }
};

void judge_inputs(Judge& judge);
void judge_batch(Judge& judge);
void judge_versions(Judge& judge);
void judge_domains(Judge& judge);
void judge_external_data(Judge& judge);

// The axis that `dimension` names; null when its size is fixed, or nothing is said of the axis.
inline const AxisDeclaration* axis_of(const Facts& facts, const Dimension& dimension) {
  const auto found = facts.model.axes.find(dimension.axis);
  return dimension.axis.empty() || found == facts.model.axes.end() ? nullptr : &found->second;
}
// Whether more than one size is declared for it.
inline bool is_dynamic(const AxisDeclaration& axis) {
  return axis.range.size() == 2 && axis.range[0] != axis.range[1];
}

}  // namespace runup::checks::onnx_graph
