// SPDX-License-Identifier: Apache-2.0
#pragma once

// The objects of a TorchScript archive's `data.pkl` as its code sees them.

#include <optional>

#include "artifact/object_graph.h"
#include "artifact/torchscript_value.h"

namespace runup::artifact::script {

class Objects {
 public:
  Objects(const ObjectGraph& graph, const Code& code) : graph_(graph), code_(code) {}

  // Finds the modules below the root, with their paths.
  void walk();

  // The root module; nothing when the pickle's root is of no class of the code.
  Fact root() const { return fact_of(graph_.pickle().root); }
  std::string root_class() const;
  // An attribute's value; nothing when the pickle has none of that name.
  std::optional<Fact> attribute(ValueId object, std::string_view name) const;
  // Of a module, empty for the root; of several, the first one.
  std::string_view path(ValueId object) const;

  std::uint64_t modules() const { return modules_; }
  const std::vector<std::string>& training() const { return training_; }

 private:
  using Attributes = std::unordered_map<std::string_view, ValueId>;

  Fact fact_of(ValueId id, int depth = 0) const;
  std::uint32_t class_of(ValueId id) const;
  const Attributes& attributes(ValueId object) const;
  void enter(ValueId id, const std::string& path, std::size_t depth);

  const ObjectGraph& graph_;
  const Code& code_;
  mutable std::unordered_map<ValueId, Attributes> attributes_;
  std::unordered_map<ValueId, std::string> paths_;
  std::vector<std::string> training_;
  std::uint64_t modules_ = 0;
  std::size_t text_ = 0;
};

}  // namespace runup::artifact::script
