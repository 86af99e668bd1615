// SPDX-License-Identifier: Apache-2.0
#include "cli/inspect_onnx.h"

#include <algorithm>
#include <format>
#include <map>

#include "base/duration.h"
#include "base/text.h"

namespace runup {

namespace {

std::string domain_name(const OnnxDomainFacts& domain) {
  return domain.domain.empty() ? "ai.onnx" : printable(domain.domain);
}

std::string type_words(const OnnxValueFacts& value) {
  std::string words = value.dtype.empty() ? "?" : value.dtype;
  if (value.kind != "tensor") {
    words = std::format("{} of {}", value.kind, words);
  }
  if (value.shape) {
    std::vector<std::string> sizes;
    for (const OnnxDimensionFacts& size : *value.shape) {
      sizes.push_back(size.size           ? std::to_string(*size.size)
                      : size.name.empty() ? "?"
                                          : printable(size.name));
    }
    words += std::format(" [{}]", join(sizes, ", "));
  } else if (value.kind == "tensor") {
    words += " of any shape";
  }
  return words + (value.initialised ? "  filled by an initializer" : "");
}

std::string_view remark_words(OnnxRemarkKind kind) {
  switch (kind) {
    case OnnxRemarkKind::training_batch_norm:
      return "uses the statistics of the batch, as in training";
    case OnnxRemarkKind::training_dropout:
      return "drops values at random, as in training";
    case OnnxRemarkKind::random:
      return "draws random numbers";
    case OnnxRemarkKind::constant_state:
      return "has a constant initial state for one batch size";
    case OnnxRemarkKind::constant_shape:
      return "has a constant shape with a fixed first size";
  }
  return "?";
}

std::string sizes_words(const std::vector<std::int64_t>& sizes) {
  std::vector<std::string> words;
  for (const std::int64_t size : sizes) {
    words.push_back(std::to_string(size));
  }
  return std::format("[{}]", join(words, ", "));
}

}  // namespace

InspectRows onnx_graph_rows(const OnnxFacts& onnx) {
  InspectRows rows;
  std::vector<std::string> sets;
  std::vector<std::string> operators;
  for (const OnnxDomainFacts& domain : onnx.domains) {
    sets.push_back(domain.version > 0 ? std::format("{} {}", domain_name(domain), domain.version)
                                      : std::format("{} (not imported)", domain_name(domain)));
    for (const std::string& name : domain.operators) {
      operators.push_back(domain.domain.empty() ? printable(name)
                                                : std::format("{}.{}", domain_name(domain), printable(name)));
    }
  }
  rows.emplace_back(
      "graph",
      std::format("{}{}{}", onnx.graph_name.empty() ? "" : std::format("`{}`, ", printable(onnx.graph_name)),
                  count_of(onnx.nodes, "node", "nodes"),
                  onnx.functions == 0
                      ? ""
                      : std::format(", {}", count_of(onnx.functions, "local function", "local functions"))));
  rows.emplace_back("opsets", sets.empty() ? "none" : join(sets, ", "));
  if (!operators.empty()) {
    rows.emplace_back("operators", join_words(operators, 60));
  }
  return rows;
}

InspectRows onnx_value_rows(const OnnxFacts& onnx) {
  InspectRows rows;
  // What an initializer fills is no input that anybody feeds; files of old versions list them all.
  for (const bool filled : {false, true}) {
    for (const OnnxValueFacts& value : onnx.inputs) {
      if (value.initialised == filled && (!filled || onnx.ir_version >= 4)) {
        rows.emplace_back("-> " + printable(value.name), type_words(value));
      }
    }
  }
  for (const OnnxValueFacts& value : onnx.outputs) {
    rows.emplace_back("<- " + printable(value.name), type_words(value));
  }
  return rows;
}

InspectRows onnx_external_rows(const OnnxFacts& onnx) {
  std::map<std::string, std::pair<std::uint64_t, std::uint64_t>> files;
  for (const OnnxExternalFacts& tensor : onnx.external) {
    auto& [count, bytes] = files[tensor.location];
    ++count;
    bytes += tensor.bytes;
  }
  InspectRows rows;
  for (const auto& [location, sum] : files) {
    rows.emplace_back(printable(location), std::format("{}, {}", count_of(sum.first, "tensor", "tensors"),
                                                       format_bytes(sum.second)));
  }
  return rows;
}

InspectRows onnx_remark_rows(const OnnxFacts& onnx) {
  std::map<std::pair<OnnxRemarkKind, std::string>, std::vector<const OnnxRemarkFacts*>> groups;
  for (const OnnxRemarkFacts& remark : onnx.remarks) {
    groups[{remark.kind, remark.op}].push_back(&remark);
  }
  InspectRows rows;
  for (const auto& [key, remarks] : groups) {
    const OnnxRemarkFacts& first = *remarks.front();
    rows.emplace_back(
        printable(first.op),
        std::format("`{}` {}{}{}", printable(first.node), remark_words(key.first),
                    first.values.empty() ? "" : ": " + sizes_words(first.values),
                    remarks.size() > 1 ? std::format(" (and {} more)", remarks.size() - 1) : ""));
  }
  return rows;
}

}  // namespace runup
