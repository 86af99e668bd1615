// SPDX-License-Identifier: Apache-2.0
#include "artifact/node.h"

#include <algorithm>
#include <format>
#include <unordered_map>

#include "artifact/numpy_values.h"
#include "artifact/python_repr.h"
#include "artifact/torch_types.h"

namespace runup::artifact {

namespace {

bool is_plain(ValueKind kind) {
  switch (kind) {
    case ValueKind::none:
    case ValueKind::boolean:
    case ValueKind::integer:
    case ValueKind::big_integer:
    case ValueKind::real:
    case ValueKind::text:
    case ValueKind::bytes:
    case ValueKind::bytearray:
      return true;
    default:
      return false;
  }
}

void add_items(std::vector<Child>& children, std::span<const ValueId> items, Step step) {
  for (std::size_t i = 0; i < items.size(); ++i) {
    children.push_back({.value = items[i], .index = static_cast<std::uint32_t>(i), .step = step});
  }
}

// Of a text key that was set twice, Python keeps the first place and the last value.
void add_entries(const Pickle& pickle, std::vector<Child>& children, std::span<const ValueId> items,
                 Step step) {
  std::unordered_map<std::string_view, std::size_t> places;
  for (std::size_t i = 0; i + 1 < items.size(); i += 2) {
    if (const auto key = pickle.text(items[i])) {
      const auto [place, is_new] = places.try_emplace(*key, children.size());
      if (!is_new) {
        children[place->second].value = items[i + 1];
        continue;
      }
    }
    children.push_back({.value = items[i + 1], .key = items[i], .step = step});
  }
}

// Entries of a dict-like call's first argument: a dict, or a list of pairs.
void add_argument_entries(const Pickle& pickle, Node& node, ValueId argument) {
  if (pickle.is(argument, ValueKind::dict)) {
    add_entries(pickle, node.children, pickle.at(argument).items, Step::entry);
  } else {
    std::vector<ValueId> flat;
    for (const ValueId pair : pickle.sequence(argument)) {
      const auto parts = pickle.sequence(pair);
      if (parts.size() == 2) {
        flat.insert(flat.end(), parts.begin(), parts.end());
      }
    }
    add_entries(pickle, node.children, flat, Step::entry);
  }
  node.owns_arguments = false;
}

class Describer {
 public:
  Describer(const ObjectGraph& graph, const TensorReader& tensors)
      : graph_(graph), pickle_(graph.pickle()), tensors_(tensors) {}

  Node describe(ValueId id) {
    const Value& value = pickle_.at(id);
    Node node{.type = graph_.type_name(id)};
    switch (value.kind) {
      case ValueKind::list:
      case ValueKind::tuple:
        node.form = NodeForm::sequence;
        node.items = value.items.size();
        add_items(node.children, value.items, Step::item);
        break;
      case ValueKind::dict:
        node.form = NodeForm::mapping;
        add_entries(pickle_, node.children, value.items, Step::entry);
        node.items = node.children.size();
        break;
      case ValueKind::set:
      case ValueKind::frozenset:
        describe_set(node, id, value.items);
        break;
      case ValueKind::persistent:
        describe_persistent(node, id);
        break;
      case ValueKind::global:
        describe_global(node, id);
        break;
      case ValueKind::object:
        describe_object(node, id);
        break;
      default:
        node.repr = value_repr(graph_, id);
    }
    return node;
  }

 private:
  void describe_set(Node& node, ValueId id, std::span<const ValueId> items) {
    node.items = items.size();
    node.repr = value_repr(graph_, id);
    add_items(node.children, items, Step::inside);
  }

  void describe_persistent(Node& node, ValueId id) {
    if (auto tensor = tensors_.read(id)) {
      describe_tensor(node, std::move(*tensor));
      return;
    }
    node.storage = tensors_.storage(id);
    // What torch.load makes of every bare storage.
    node.type = "torch.storage.TypedStorage";
    node.repr = node.storage ? "a storage" : "?";
  }

  void describe_global(Node& node, ValueId id) {
    const std::string_view name = graph_.name(id);
    if (name.starts_with("torch.") && torch_type(name.substr(6))) {
      node.type = "torch.dtype";
    }
    node.repr = std::string(name);
  }

  void describe_tensor(Node& node, Read<TensorValue> tensor) {
    node.form = NodeForm::tensor;
    if (tensor) {
      node.type = tensor->type;
      node.children = attributes_of(graph_, tensor->attributes);
    } else {
      node.type = "torch.Tensor";
    }
    node.tensor = std::move(tensor);
  }

  void describe_object(Node& node, ValueId id) {
    if (auto tensor = tensors_.read(id)) {
      describe_tensor(node, std::move(*tensor));
      return;
    }
    if (const auto array = read_numpy_array(graph_, id)) {
      node.type = "numpy.ndarray";
      node.repr = *array ? (*array)->describe() : (*array).error().message;
      if (*array) {
        add_items(node.children, (*array)->objects, Step::inside);
      }
      return;
    }
    if (const auto scalar = read_numpy_scalar(graph_, id)) {
      const std::string name = scalar->type.name();
      node.type = "numpy." + (name == "str" || name == "bytes" ? name + "_" : name);
      node.repr = scalar->repr;
      return;
    }
    const Instance object = *graph_.instance(id);
    if (!describe_known_call(node, id, object)) {
      describe_instance(node, id, object);
    }
  }

  // Built-in types that older protocols make by a call.
  bool describe_known_call(Node& node, ValueId id, const Instance& object) {
    const ValueId first = object.args.empty() ? kNoValue : object.args[0];
    switch (object.known) {
      case Known::builtin_list:
      case Known::builtin_tuple:
        node.form = NodeForm::sequence;
        add_items(node.children, pickle_.sequence(first), Step::item);
        add_items(node.children, object.object->appended, Step::item);
        node.items = node.children.size();
        node.owns_arguments = false;
        return true;
      case Known::builtin_set:
      case Known::builtin_frozenset:
        describe_set(node, id, pickle_.sequence(first));
        return true;
      case Known::builtin_bytes:
      case Known::builtin_bytearray:
      case Known::builtin_complex:
      case Known::codecs_encode:
        node.repr = value_repr(graph_, id);
        return true;
      case Known::torch_size:
        node.items = pickle_.sequence(first).size();
        node.repr = value_repr(graph_, id);
        return true;
      case Known::builtin_dict:
      case Known::counter:
      case Known::dict_subclass:
        describe_mapping(node, object);
        return true;
      default:
        return false;
    }
  }

  void describe_mapping(Node& node, const Instance& object) {
    node.form = NodeForm::mapping;
    if (!object.args.empty() && !pickle_.is(object.args[0], ValueKind::global)) {
      add_argument_entries(pickle_, node, object.args[0]);
    }
    add_entries(pickle_, node.children, object.object->entries, Step::entry);
    node.items = node.children.size();
    add_attributes(node, object);
  }

  void add_attributes(Node& node, const Instance& object) {
    bool parameters = false;
    bool modules = false;
    for (Child& child : attributes_of(graph_, object.object->states)) {
      const auto name = child.step == Step::attribute ? pickle_.text(child.key) : std::nullopt;
      parameters = parameters || name == "_parameters";
      modules = modules || name == "_modules";
      if (name == "_metadata" && node.form == NodeForm::mapping) {
        node.has_metadata = true;
        continue;
      }
      node.children.push_back(child);
    }
    node.is_module = parameters && modules;
  }

  void describe_instance(Node& node, ValueId id, const Instance& object) {
    const ObjectValue& parts = *object.object;
    node.form = NodeForm::object;
    if (!parts.entries.empty()) {
      node.form = NodeForm::mapping;
      add_entries(pickle_, node.children, parts.entries, Step::entry);
    } else if (!parts.appended.empty()) {
      node.form = NodeForm::sequence;
      add_items(node.children, parts.appended, Step::item);
    }
    node.items = node.children.size();
    const bool constructed = object.form != CallForm::reduce;
    // A subclass of a number or of text: its one argument is its value.
    if (constructed && object.args.size() == 1 && is_plain(pickle_.at(object.args[0]).kind)) {
      node.repr = value_repr(graph_, object.args[0]);
    } else if (constructed && parts.states.empty() && node.children.empty() && !object.args.empty()) {
      // A subclass of tuple, as named tuples are.
      node.form = NodeForm::sequence;
      node.items = object.args.size();
      node.owns_arguments = false;
      add_items(node.children, object.args, Step::item);
      return;
    } else {
      add_items(node.children, object.args, Step::inside);
    }
    const bool named = std::ranges::any_of(attributes_of(graph_, parts.states),
                                           [](const Child& child) { return child.step == Step::attribute; });
    add_attributes(node, object);
    const bool empty_state = !parts.states.empty() && pickle_.is(parts.states.back(), ValueKind::dict);
    if (!named && node.items == 0 && !node.repr && !empty_state) {
      node.repr = value_repr(graph_, id);
    }
    if (node.repr && node.form == NodeForm::object) {
      node.form = NodeForm::leaf;
    }
  }

  const ObjectGraph& graph_;
  const Pickle& pickle_;
  const TensorReader& tensors_;
};

}  // namespace

std::vector<Child> attributes_of(const ObjectGraph& graph, std::span<const ValueId> states) {
  const Pickle& pickle = graph.pickle();
  std::vector<Child> children;
  for (const ValueId state : states) {
    if (pickle.is(state, ValueKind::dict)) {
      add_entries(pickle, children, pickle.at(state).items, Step::attribute);
      continue;
    }
    // (attributes or None, slots)
    const auto pair = pickle.sequence(state);
    const bool slots = pair.size() == 2 && pickle.is(pair[1], ValueKind::dict) &&
                       (pickle.is(pair[0], ValueKind::none) || pickle.is(pair[0], ValueKind::dict));
    if (!slots) {
      children.push_back({.value = state, .step = Step::inside});
      continue;
    }
    for (const ValueId part : pair) {
      if (pickle.is(part, ValueKind::dict)) {
        add_entries(pickle, children, pickle.at(part).items, Step::attribute);
      }
    }
  }
  return children;
}

Node describe_node(const ObjectGraph& graph, const TensorReader& tensors, ValueId id) {
  return Describer(graph, tensors).describe(graph.unwrap(id));
}

}  // namespace runup::artifact
