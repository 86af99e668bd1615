// SPDX-License-Identifier: Apache-2.0
#pragma once

// One value of a pickle as the walk sees it: what it is called, and what is below it.

#include "artifact/torch_tensors.h"

namespace runup::artifact {

enum class Step : std::uint8_t {
  // `key` is a dict key
  entry,
  // `index` of a list or tuple
  item,
  // `key` is the name of an attribute
  attribute,
  // `index` of something inside a call or a set, which is only looked through for tensors
  inside,
};

struct Child {
  ValueId value = kNoValue;
  ValueId key = kNoValue;
  std::uint32_t index = 0;
  Step step = Step::item;
};

enum class NodeForm : std::uint8_t { leaf, sequence, mapping, object, tensor };

struct Node {
  NodeForm form = NodeForm::leaf;
  // `dict`, `collections.OrderedDict`, `torch.Tensor`, `models.Net`
  std::string type;
  // items of a container
  std::uint64_t items = 0;
  std::vector<Child> children;
  // of a leaf, or of an object that is a number or text with attributes
  std::optional<std::string> repr;
  std::optional<Read<TensorValue>> tensor;
  // of a bare storage
  std::optional<std::int64_t> storage;
  // the object has the attributes `_parameters` and `_modules`
  bool is_module = false;
  // it carries the `_metadata` of Module.state_dict()
  bool has_metadata = false;
  // its callee and arguments are its own business, not that of its children
  bool owns_arguments = true;
};

Node describe_node(const ObjectGraph& graph, const TensorReader& tensors, ValueId id);

// The attributes that an object's states give it: pairs of name and value.
std::vector<Child> attributes_of(const ObjectGraph& graph, std::span<const ValueId> states);

}  // namespace runup::artifact
