// SPDX-License-Identifier: Apache-2.0
#include "artifact/onnx_graph.h"

#include <algorithm>

#include "artifact/onnx_remarks.h"
#include "artifact/onnx_tensor_facts.h"

namespace runup::artifact {

namespace {

constexpr std::size_t kMostValues = 10'000;
constexpr std::size_t kMostDomains = 1'000;
constexpr std::size_t kMostOperators = 100;
constexpr std::size_t kMostUses = 200'000;

// Field numbers of GraphProto.
constexpr std::uint32_t kNode = 1;
constexpr std::uint32_t kGraphName = 2;
constexpr std::uint32_t kInitializer = 5;
constexpr std::uint32_t kInput = 11;
constexpr std::uint32_t kOutput = 12;
constexpr std::uint32_t kSparseInitializer = 15;
// Of FunctionProto.
constexpr std::uint32_t kFunctionInput = 4;
constexpr std::uint32_t kFunctionNode = 7;

std::string inside(const std::string& path, std::string_view name) {
  return path.empty() ? std::string(name) : std::format("{}/{}", path, name);
}

std::int64_t opset_of(const OnnxImports& imports) {
  const auto found = imports.find("");
  return found == imports.end() ? 0 : found->second;
}

}  // namespace

void OnnxGraphReader::read_model_graph(std::string_view message, const OnnxImports& imports) {
  opset_ = opset_of(imports);
  OnnxFacts& onnx = reading_.onnx;
  reading_.each_field(message, {}, [&](const ProtobufField& field) {
    if (field.is(kGraphName, Wire::counted)) {
      onnx.graph_name = OnnxReading::name(field.content);
    } else if (field.is(kInput, Wire::counted)) {
      add_value(onnx.inputs, field.content);
    } else if (field.is(kOutput, Wire::counted)) {
      add_value(onnx.outputs, field.content);
    }
  });
  read_graph(message, nullptr, {}, 0);
}

void OnnxGraphReader::read_function(std::string_view message, const OnnxImports& imports,
                                    const std::string& path) {
  opset_ = opset_of(imports);
  OnnxScope scope;
  reading_.each_field(message, path, [&](const ProtobufField& field) {
    if (field.is(kFunctionInput, Wire::counted)) {
      scope.add(field.content, {.varies = true});
    }
  });
  read_nodes(message, kFunctionNode, scope, path, 0);
}

void OnnxGraphReader::finish(const OnnxImports& imports) {
  for (const auto& [domain, version] : imports) {
    domains_.try_emplace(domain);
  }
  for (auto& [name, domain] : domains_) {
    const auto imported = imports.find(name);
    reading_.onnx.domains.push_back({.domain = name,
                                     .version = imported == imports.end() ? 0 : imported->second,
                                     .nodes = domain.nodes,
                                     .operators = {domain.operators.begin(), domain.operators.end()}});
  }
  std::erase_if(reading_.onnx.uses, [](const OnnxUseFacts& use) { return use.op.empty(); });
}

void OnnxGraphReader::read_graph(std::string_view message, const OnnxScope* outer, const std::string& path,
                                 std::size_t depth) {
  if (!reading_.may_enter(depth)) {
    return;
  }
  OnnxScope scope(outer);
  read_contents(message, scope, path, depth);
  read_nodes(message, kNode, scope, path, depth);
}

// Everything but the nodes, which may stand before what they use.
void OnnxGraphReader::read_contents(std::string_view message, OnnxScope& scope, const std::string& path,
                                    std::size_t depth) {
  std::vector<std::string_view> inputs;
  reading_.each_field(message, path, [&](const ProtobufField& field) {
    if (field.is(kInitializer, Wire::counted)) {
      add_initializer(field.content, scope, path);
    } else if (field.is(kSparseInitializer, Wire::counted)) {
      add_sparse_initializer(field.content, scope, path);
    } else if (field.is(kInput, Wire::counted)) {
      // The name is the first field of all writers, but need not be.
      ProtobufFields parts(field.content);
      while (!parts.at_end()) {
        const auto part = parts.next();
        if (!part || part->is(1, Wire::counted)) {
          inputs.push_back(part ? part->content : std::string_view());
          break;
        }
      }
    }
  });
  std::set<std::string_view> filled;
  for (const std::string_view input : inputs) {
    const OnnxKnown* known = scope.find(input);
    if (depth == 0 && known != nullptr && known->constant != nullptr) {
      filled.insert(input);
    } else {
      scope.add(input, {.varies = true});
    }
  }
  for (OnnxValueFacts& value : reading_.onnx.inputs) {
    value.initialised = value.initialised || filled.contains(value.name);
  }
}

void OnnxGraphReader::read_nodes(std::string_view message, std::uint32_t field_number, OnnxScope& scope,
                                 const std::string& path, std::size_t depth) {
  reading_.each_field(message, path, [&](const ProtobufField& field) {
    if (field.is(field_number, Wire::counted) && !reading_.stopped()) {
      read_node(field.content, scope, path, depth);
    }
  });
}

void OnnxGraphReader::add_initializer(std::string_view message, OnnxScope& scope, const std::string& path) {
  const OnnxTensor tensor = read_onnx_tensor(reading_, message, path);
  const std::string name = inside(path, tensor.name);
  add_onnx_tensor(reading_, tensor, name);
  scope.add(tensor.name, {.constant = onnx_constant(tensor), .use = new_use(name)});
}

void OnnxGraphReader::add_sparse_initializer(std::string_view message, OnnxScope& scope,
                                             const std::string& path) {
  const OnnxSparseTensor tensor = read_onnx_sparse_tensor(reading_, message, path);
  const std::string name = inside(path, tensor.values.name);
  add_onnx_sparse_tensor(reading_, tensor, name);
  scope.add(tensor.values.name,
            {.constant = std::make_shared<const OnnxConstant>(OnnxConstant{.shape = tensor.dims}),
             .use = new_use(name)});
}

void OnnxGraphReader::add_value(std::vector<OnnxValueFacts>& values, std::string_view message) {
  if (values.size() >= kMostValues) {
    note_cut(reading_.facts, std::format("inputs and outputs beyond {}", kMostValues));
    return;
  }
  OnnxValueFacts value = read_onnx_value(reading_, message, {});
  if (reading_.may_add(value.name.size())) {
    values.push_back(std::move(value));
  }
}

void OnnxGraphReader::read_node(std::string_view message, OnnxScope& scope, const std::string& path,
                                std::size_t depth) {
  if (!reading_.may_add_node()) {
    return;
  }
  const OnnxNode node = read_onnx_node(reading_, message, path);
  const std::string own_path = inside(path, node.title().substr(0, 1024));
  count(node);
  note_uses(node, scope);
  remark_on_onnx_node(reading_, node, scope, opset_, own_path);
  for (const OnnxAttribute& attribute : node.attributes) {
    for (std::size_t i = 0; i < attribute.graphs.size() && !reading_.stopped(); ++i) {
      const std::string inner = attribute.one_graph ? std::format("{}.{}", own_path, attribute.name)
                                                    : std::format("{}.{}[{}]", own_path, attribute.name, i);
      read_graph(attribute.graphs[i], &scope, inner, depth + 1);
    }
  }
  scope.add_outputs(reading_, node);
  if (node.is("Constant") && !node.outputs.empty()) {
    add_constant(node, scope, path);
  }
}

// Only large ones are weights; the others are shapes and axes.
void OnnxGraphReader::add_constant(const OnnxNode& node, OnnxScope& scope, const std::string& path) {
  const std::string_view output = node.outputs.front();
  const std::string name = inside(path, output);
  if (const OnnxAttribute* value = node.attribute("value"); value != nullptr && value->tensor) {
    const OnnxTensor tensor = read_onnx_tensor(reading_, *value->tensor, path);
    if (const auto elements = onnx_elements(tensor); elements && *elements <= kMostSmall) {
      return;
    }
    add_onnx_tensor(reading_, tensor, name);
    scope.add(output, {.constant = onnx_constant(tensor), .use = new_use(name)});
  }
  if (const OnnxAttribute* value = node.attribute("sparse_value"); value != nullptr && value->sparse_tensor) {
    const OnnxSparseTensor tensor = read_onnx_sparse_tensor(reading_, *value->sparse_tensor, path);
    add_onnx_sparse_tensor(reading_, tensor, name);
    scope.add(output, {.constant = std::make_shared<const OnnxConstant>(OnnxConstant{.shape = tensor.dims}),
                       .use = new_use(name)});
  }
}

std::int64_t OnnxGraphReader::new_use(const std::string& tensor) {
  std::vector<OnnxUseFacts>& uses = reading_.onnx.uses;
  if (uses.size() >= kMostUses || !reading_.may_add(tensor.size())) {
    note_cut(reading_.facts, std::format("uses of tensors beyond {}", kMostUses));
    return -1;
  }
  uses.push_back({.tensor = OnnxReading::name(tensor)});
  return static_cast<std::int64_t>(uses.size()) - 1;
}

void OnnxGraphReader::note_uses(const OnnxNode& node, const OnnxScope& scope) {
  for (std::size_t i = 0; i < node.inputs.size(); ++i) {
    const OnnxKnown* known = scope.find(node.inputs[i]);
    if (known == nullptr || known->use < 0) {
      continue;
    }
    OnnxUseFacts& use = reading_.onnx.uses[static_cast<std::size_t>(known->use)];
    // Whoever reads what a Transpose or Identity makes says more than those do.
    const bool passes_on = i == 0 && (node.is("Transpose") || node.is("Identity"));
    const bool only_passed_on = use.op == "Transpose" || use.op == "Identity";
    if (!use.op.empty() && (passes_on || !only_passed_on)) {
      continue;
    }
    // FusedGemm and FusedMatMul are ONNX Runtime's, with the attributes of Gemm.
    const bool turns = node.is("Gemm") || node.op == "FusedGemm" || node.op == "FusedMatMul";
    const bool by_attribute = turns && i < 2 && node.integer(i == 0 ? "transA" : "transB", 0) != 0;
    use.op = OnnxReading::name(node.op);
    use.input = static_cast<std::uint32_t>(i);
    use.transposed = known->through_transpose != by_attribute;
    use.node = reading_.may_add(node.title().size()) ? OnnxReading::name(node.title()) : std::string();
  }
}

void OnnxGraphReader::count(const OnnxNode& node) {
  auto found = domains_.find(node.domain);
  if (found == domains_.end()) {
    if (domains_.size() >= kMostDomains || !reading_.may_add(node.domain.size())) {
      note_cut(reading_.facts, std::format("domains beyond {}", kMostDomains));
      return;
    }
    found = domains_.try_emplace(OnnxReading::name(node.domain)).first;
  }
  Domain& domain = found->second;
  ++domain.nodes;
  if (domain.operators.contains(node.op) || functions_.contains({node.domain, node.op, node.overload})) {
    return;
  }
  if (domain.operators.size() < kMostOperators && reading_.may_add(node.op.size())) {
    domain.operators.insert(OnnxReading::name(node.op));
  } else {
    note_cut(reading_.facts, std::format("operators of a domain beyond {}", kMostOperators));
  }
}

}  // namespace runup::artifact
