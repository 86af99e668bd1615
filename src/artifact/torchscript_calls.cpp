// SPDX-License-Identifier: Apache-2.0
// Expressions and calls of the interpreter.
#include <algorithm>
#include <format>

#include "artifact/torchscript_run.h"

namespace runup::artifact::script {

namespace {

constexpr std::size_t kMostListItems = 4096;
constexpr std::size_t kLongestName = 500;
constexpr std::size_t kMostKnownBytes = std::size_t{64} << 20U;
constexpr std::string_view kFunctional = "code/__torch__/torch/nn/functional";

}  // namespace

Fact Interpreter::evaluate(NodeId id) {
  if (id == kNothing) {
    return {};
  }
  if (++work_ > kMostWork) {
    tell_incomplete("following the code takes too many steps");
    return {};
  }
  if (++depth_ > kMostDepth) {
    tell_incomplete("the code is nested too deeply");
    --depth_;
    return {};
  }
  Fact value = evaluate_known(id);
  --depth_;
  return value;
}

Fact Interpreter::evaluate_known(NodeId id) {
  const Node& node = code_.nodes[id];
  const auto children = code_.children_of(id);
  switch (node.kind) {
    case NodeKind::name: {
      const auto variable = frames_.back().variables.find(node.text);
      return variable != frames_.back().variables.end()
                 ? variable->second
                 : Fact::named(Known::global, std::string(node.text.substr(0, kLongestName)));
    }
    case NodeKind::integer:
      return Fact::of(node.integer);
    case NodeKind::real:
      return Fact::of(node.real);
    case NodeKind::boolean:
      return Fact::of(node.boolean);
    case NodeKind::none:
      return {.kind = Known::none};
    case NodeKind::text:
      return Fact::named(Known::text, std::string(node.text));
    case NodeKind::attribute:
      return attribute(evaluate(children[0]), node.text);
    case NodeKind::call:
      return call(id);
    case NodeKind::keyword:
      return evaluate(children[0]);
    case NodeKind::subscript:
      return subscript(id);
    case NodeKind::list:
    case NodeKind::tuple: {
      std::vector<Fact> items;
      for (const NodeId child : children) {
        Fact item = evaluate(child);
        if (items.size() < kMostListItems) {
          items.push_back(std::move(item));
        }
      }
      return children.size() > kMostListItems ? Fact::something() : Fact::list(std::move(items));
    }
    case NodeKind::other:
      for (const NodeId child : children) {
        evaluate(child);
      }
      // a dict, a slice, a number that was computed
      return Fact::something();
  }
  return {};
}

Fact Interpreter::attribute(const Fact& object, std::string_view name) const {
  if (object.is(Known::global)) {
    return object.text().size() + name.size() > kLongestName
               ? Fact{}
               : Fact::named(Known::global, std::format("{}.{}", object.text(), name));
  }
  if (!object.is(Known::object) || set_attributes_.contains(name)) {
    return {};
  }
  if (following_) {
    if (auto value = objects_->attribute(object.object, name)) {
      return *std::move(value);
    }
  }
  if (object.owner != kNothing) {
    const Class& owner = code_.classes[object.owner];
    const auto constant = owner.constants.find(name);
    if (constant != owner.constants.end()) {
      const Node& node = code_.nodes[constant->second];
      switch (node.kind) {
        case NodeKind::integer:
          return Fact::of(node.integer);
        case NodeKind::real:
          return Fact::of(node.real);
        case NodeKind::boolean:
          return Fact::of(node.boolean);
        default:
          return {};
      }
    }
  }
  return {};
}

Fact Interpreter::subscript(NodeId id) {
  const auto children = code_.children_of(id);
  const Fact object = evaluate(children[0]);
  Fact index;
  for (const NodeId child : children.subspan(1)) {
    index = evaluate(child);
  }
  if (!object.is(Known::list) || !index.is(Known::integer) || children.size() != 2) {
    return {};
  }
  const auto size = static_cast<std::int64_t>(object.items->size());
  const std::int64_t place = index.integer < 0 ? index.integer + size : index.integer;
  return place >= 0 && place < size ? (*object.items)[static_cast<std::size_t>(place)] : Fact{};
}

Interpreter::Arguments Interpreter::arguments_of(std::span<const NodeId> nodes) {
  Arguments arguments;
  for (const NodeId node : nodes) {
    Fact value = evaluate(node);
    if (value.is(Known::closure)) {
      run_closure(value.owner);
    }
    if (code_.nodes[node].kind == NodeKind::keyword) {
      arguments.names.emplace_back(code_.nodes[node].text, std::move(value));
    } else {
      arguments.places.push_back(std::move(value));
    }
  }
  return arguments;
}

Fact Interpreter::call(NodeId id) {
  const auto children = code_.children_of(id);
  const Node& callee = code_.nodes[children[0]];
  if (callee.kind == NodeKind::attribute) {
    const Fact object = evaluate(code_.children_of(children[0])[0]);
    if (!object.is(Known::global)) {
      return call_method(id, object, callee.text);
    }
    const Fact name = attribute(object, callee.text);
    return call_global(id, std::string(name.text()), arguments_of(children.subspan(1)));
  }
  if (callee.kind == NodeKind::name && !frames_.back().variables.contains(callee.text)) {
    return call_name(id, callee.text);
  }
  const Fact function = evaluate(children[0]);
  if (function.is(Known::closure)) {
    run_closure(function.owner);
  }
  const Arguments arguments = arguments_of(children.subspan(1));
  return function.is(Known::global) ? call_global(id, std::string(function.text()), arguments) : Fact{};
}

// What is called by a plain name: conversions of the language itself.
Fact Interpreter::call_name(NodeId id, std::string_view name) {
  const auto children = code_.children_of(id).subspan(1);
  const bool typed = name == "annotate" || name == "unchecked_cast" || name == "uninitialized";
  if (typed) {
    // The first argument is a type.
    Fact value = children.size() > 1 ? evaluate(children[1]) : Fact{};
    return value.is(Known::nothing) && name == "unchecked_cast" ? Fact::something() : value;
  }
  const Arguments arguments = arguments_of(children);
  if (name == "getattr" && arguments.places.size() == 2 && arguments.places[1].is(Known::text)) {
    return attribute(arguments.places[0], arguments.places[1].text());
  }
  if (name == "fork" || name == "awaitable") {
    return {};
  }
  return computed(name, arguments.places).value_or(Fact::something());
}

Fact Interpreter::call_global(NodeId id, const std::string& name, const Arguments& arguments) {
  if (!name.starts_with("__torch__.")) {
    return call_operator(id, name, arguments);
  }
  const auto function = code_.functions_by_name.find(name);
  if (function != code_.functions_by_name.end()) {
    return call_function(id, function->second, nullptr, arguments);
  }
  constexpr std::string_view kNew = ".__new__";
  const std::string type = name.ends_with(kNew) ? name.substr(0, name.size() - kNew.size()) : name;
  const auto owner = code_.classes_by_name.find(type);
  return owner == code_.classes_by_name.end() ? Fact::something()
                                              : Fact{.kind = Known::object, .owner = owner->second};
}

Fact Interpreter::call_operator(NodeId id, const std::string& name, const Arguments& arguments) {
  if (name == "ops.prim.RaiseException") {
    frames_.back().ended = true;
    return {};
  }
  const Call call{.name = name, .arguments = arguments.places, .keywords = arguments.names};
  remark_operator(id, call);
  const std::string device = named_device(call);
  if (!device.empty()) {
    if (CodeRemarkFacts* remark = this->remark(CodeRemarkKind::device_constant, id)) {
      remark->what = device;
      remark->op = name == "torch.device" ? "" : name;
    }
    return Fact::something();
  }
  for (const NodeId argument : code_.children_of(id).subspan(1)) {
    const bool keyword = code_.nodes[argument].kind == NodeKind::keyword;
    name_device_user(keyword ? code_.children_of(argument)[0] : argument, name);
  }
  return computed(base_name(name), arguments.places).value_or(Fact::something());
}

// A device that is written as the argument of an operator.
void Interpreter::name_device_user(NodeId argument, std::string_view name) {
  const Node& node = code_.nodes[argument];
  if (node.kind != NodeKind::call) {
    return;
  }
  const Node& callee = code_.nodes[code_.children_of(argument)[0]];
  if (callee.kind == NodeKind::attribute && callee.text == "device") {
    remarks_.name_user(argument, name);
  }
}

Fact Interpreter::call_method(NodeId id, const Fact& object, std::string_view name) {
  const Arguments arguments = arguments_of(code_.children_of(id).subspan(1));
  if (!object.is(Known::object) || object.owner == kNothing) {
    // Tensors, lists and texts have no methods in this code; what is left are objects of unknown classes.
    if (following_ && name != "__getstate__") {
      tell_incomplete(std::format("what `{}` is called of is not known", name));
    }
    return {};
  }
  const Class& owner = code_.classes[object.owner];
  const auto method = owner.methods.find(name);
  return method == owner.methods.end() ? Fact{} : call_function(id, method->second, &object, arguments);
}

Fact Interpreter::call_function(NodeId id, FunctionId function, const Fact* self,
                                const Arguments& arguments) {
  const bool calls_itself = std::ranges::any_of(
      frames_, [&](const Frame& frame) { return frame.function == function && self == nullptr; });
  if (!following_ || calls_itself) {
    return {};
  }
  const std::uint32_t line = code_.nodes[id].line;
  std::string module = frames_.back().module;
  if (self != nullptr && self->object != kNoValue && code_.classes[self->owner].is_module) {
    module = objects_->path(self->object);
  }
  std::string key = std::format("{} {} ", function, module);
  if (is_functional(function)) {
    // Its remarks are about the line that calls it.
    const Frame& caller = frames_.back();
    key += std::format("{}:{} ", caller.function, is_functional(caller.function) ? caller.line : line);
  }
  if (self != nullptr) {
    append_key(key, *self);
  }
  for (const Fact& argument : arguments.places) {
    append_key(key, argument);
  }
  for (const auto& [name, argument] : arguments.names) {
    key += name;
    append_key(key, argument);
  }
  const auto known = known_calls_.find(key);
  if (known != known_calls_.end()) {
    return known->second;
  }
  const std::uint32_t before = std::exchange(frames_.back().line, line);
  Fact result = enter(function, self, &arguments, std::move(module));
  frames_.back().line = before;
  known_bytes_ += key.size();
  if (known_bytes_ < kMostKnownBytes) {
    known_calls_.emplace(std::move(key), result);
  }
  return result;
}

bool Interpreter::is_functional(FunctionId function) const {
  return code_.files[code_.functions[function].file].member.starts_with(kFunctional);
}

void Interpreter::remark_operator(NodeId id, const Call& call) {
  const auto note = [&](CodeRemarkKind kind, std::string what) {
    CodeRemarkFacts* remark = this->remark(kind, id);
    if (remark != nullptr) {
      remark->what = std::move(what);
    }
    return remark;
  };
  if (following_) {
    if (const auto mode = mode_of(call)) {
      remark_mode(id, *mode, call.name);
    }
  }
  if (is_random(call.name)) {
    note(CodeRemarkKind::random, std::string(call.name));
  }
  if (std::string foreign = foreign_operator(call.name); !foreign.empty()) {
    note(CodeRemarkKind::foreign_operator, std::move(foreign));
  }
  if (needs_quantised_engine(call.name)) {
    note(CodeRemarkKind::quantised_engine, std::string(call.name));
  }
  // Only what a function says by itself is written in it.
  auto sizes = literal_sizes(call);
  if (!sizes.empty()) {
    if (following_) {
      remarks_.reach(CodeRemarkKind::size_literal, id, frames_.back().module);
    } else if (CodeRemarkFacts* remark = note(CodeRemarkKind::size_literal, std::string(call.name))) {
      remark->values = std::move(sizes);
    }
  }
}

CodeRemarkFacts* Interpreter::remark(CodeRemarkKind kind, NodeId id) {
  const Frame& frame = frames_.back();
  CodeRemarkFacts* remark =
      remarks_.at(kind, id, code_.functions[frame.function].file, code_.nodes[id].line, frame.function, "");
  if (remark != nullptr && following_ && !remark->reached) {
    remark->reached = true;
    remark->module = frame.module;
  }
  return remark;
}

// Of an operator inside torch.nn.functional, the place is the line that calls it.
void Interpreter::remark_mode(NodeId id, CodeRemarkKind kind, std::string_view name) {
  auto frame = frames_.rbegin();
  std::uint32_t line = code_.nodes[id].line;
  while (std::next(frame) != frames_.rend() && is_functional(frame->function)) {
    ++frame;
    line = frame->line;
  }
  CodeRemarkFacts* remark =
      remarks_.at(kind, id, code_.functions[frame->function].file, line, frame->function, frame->module);
  if (remark != nullptr) {
    remark->what = name;
    remark->module = frame->module;
    remark->reached = true;
  }
}

}  // namespace runup::artifact::script
