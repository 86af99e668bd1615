// SPDX-License-Identifier: Apache-2.0
#include "probes/torch/architecture.h"

#include <algorithm>

#include <ATen/core/function_schema.h>
#include <ATen/core/jit_type.h>
#include <torch/csrc/jit/api/function_impl.h>
#include <torch/csrc/jit/ir/constants.h>
#include <torch/csrc/jit/ir/ir.h>
#include <torch/csrc/jit/passes/inliner.h>
#include <torch/jit.h>

#include "probes/torch/wrapper.h"

namespace runup {

namespace {

constexpr std::string_view kExpectedForm =
    "expected `def forward(state_dict: Dict[str, Tensor], x: Tensor, ...)`";

bool takes_state_dict(const torch::jit::Function& forward) {
  const auto& arguments = forward.getSchema().arguments();
  if (arguments.empty()) {
    return false;
  }
  const auto expected = c10::DictType::create(c10::StringType::get(), c10::TensorType::get());
  return arguments.front().type()->isSubtypeOf(*expected);
}

// Collects what a graph does with its first argument.
class KeyCollector {
 public:
  KeyCollector(const torch::jit::Graph& graph, CompiledSource& source)
      : state_dict_(graph.inputs().at(0)), top_(graph.block()), source_(source) {}

  void visit(const torch::jit::Block& block) {
    for (const torch::jit::Node* node : block.nodes()) {
      visit(*node);
      for (const torch::jit::Block* inner : node->blocks()) {
        visit(*inner);
      }
    }
    for (const torch::jit::Value* output : block.outputs()) {
      source_.keys_are_all = source_.keys_are_all && output != state_dict_;
    }
  }

  void mark_optional() {
    for (WantedKey& wanted : source_.keys) {
      wanted.optional = asked_for_.contains(wanted.key);
    }
  }

 private:
  void visit(const torch::jit::Node& node) {
    const auto inputs = node.inputs();
    if (std::ranges::count(inputs, state_dict_) == 0) {
      return;
    }
    const bool asks = node.kind() == c10::aten::__contains__ || node.kind() == get_;
    const bool indexes = node.kind() == c10::aten::__getitem__;
    const auto key = inputs.size() >= 2 && inputs[0] == state_dict_ && (asks || indexes)
                         ? torch::jit::toIValue(inputs[1])
                         : std::nullopt;
    if (!key || !key->isString()) {
      // `len`, `keys()`, an f-string: what else it reads is known at run time only.
      source_.keys_are_all = false;
      return;
    }
    const std::string& name = key->toStringRef();
    if (asks) {
      asked_for_.insert(name);
    }
    if (asks || node.owningBlock() != top_) {
      source_.conditional.insert(name);
    }
    if (seen_.insert(name).second) {
      source_.keys.push_back({.key = name});
    }
  }

  const c10::Symbol get_ = c10::Symbol::aten("get");
  const torch::jit::Value* state_dict_;
  const torch::jit::Block* top_;
  CompiledSource& source_;
  std::set<std::string> seen_;
  std::set<std::string> asked_for_;
};

}  // namespace

Result<CompiledSource> compile_source(const std::string& text) {
  return guarded([&]() -> Result<CompiledSource> {
    CompiledSource source{.unit = torch::jit::compile(text)};
    source.forward = source.unit->find_function(c10::QualifiedName("forward"));
    if (source.forward == nullptr) {
      return fail(ErrorCode::bad_input,
                  "the source defines no function `forward`; " + std::string(kExpectedForm));
    }
    if (!takes_state_dict(*source.forward)) {
      return fail(ErrorCode::bad_input,
                  "`forward` does not take a `Dict[str, Tensor]` first; " + std::string(kExpectedForm));
    }
    // A copy, because the graph that will run shall be inlined by its executor alone.
    const auto graph = torch::jit::toGraphFunction(*source.forward).graph()->copy();
    torch::jit::Inline(*graph);
    KeyCollector collector(*graph, source);
    collector.visit(*graph->block());
    collector.mark_optional();
    return source;
  });
}

}  // namespace runup
