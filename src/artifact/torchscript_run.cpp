// SPDX-License-Identifier: Apache-2.0
#include "artifact/torchscript_run.h"

#include <algorithm>
#include <format>

#include "artifact/python_text.h"

namespace runup::artifact::script {

CodeRemarkFacts* Remarks::at(CodeRemarkKind kind, NodeId node, std::uint32_t file, std::uint32_t line,
                             std::uint32_t function, const std::string& module) {
  const auto key = std::tuple{kind, node, file, line, module};
  const auto known = places_.find(key);
  if (known != places_.end()) {
    return known->second;
  }
  if (counts_[kind] >= kMostOfAKind) {
    full_ = true;
    return nullptr;
  }
  ++counts_[kind];
  const SourceFile& source = code_.files[file];
  list_.push_back({.kind = kind,
                   .file = source.member,
                   .line = line,
                   .function = function_name(function),
                   .text = cut_text(std::string(source.line(line)))});
  places_.emplace(key, &list_.back());
  first_at_.try_emplace({kind, node}, &list_.back());
  return &list_.back();
}

void Remarks::reach(CodeRemarkKind kind, NodeId node, const std::string& module) {
  const auto place = first_at_.find({kind, node});
  if (place != first_at_.end() && !place->second->reached) {
    place->second->reached = true;
    place->second->module = module;
  }
}

void Remarks::name_user(NodeId node, std::string_view name) {
  const auto place = first_at_.find({CodeRemarkKind::device_constant, node});
  if (place != first_at_.end()) {
    place->second->op = name;
  }
}

std::string Remarks::function_name(std::uint32_t id) const {
  const Function& function = code_.functions[id];
  if (function.owner == kNothing) {
    return std::string(function.name);
  }
  const std::string& owner = code_.classes[function.owner].name;
  return std::format("{}.{}", owner.substr(owner.rfind('.') + 1), function.name);
}

Interpreter::Interpreter(const Code& code, const Objects* objects, Remarks& remarks)
    : code_(code), objects_(objects), remarks_(remarks) {
  for (const Statement& statement : code.statements) {
    for (const NodeId target : statement.targets) {
      if (statement.kind == StatementKind::assign && code.nodes[target].kind == NodeKind::attribute) {
        set_attributes_.insert(code.nodes[target].text);
      }
    }
  }
}

void Interpreter::tell_incomplete(std::string why) {
  if (incomplete_.empty()) {
    incomplete_ = std::move(why);
  }
}

void Interpreter::look_at_functions() {
  following_ = false;
  for (FunctionId id = 0; id < code_.functions.size(); ++id) {
    const Function& function = code_.functions[id];
    const Fact self{.kind = Known::object, .owner = function.owner};
    enter(id, function.owner == kNothing ? nullptr : &self, nullptr, "");
  }
}

void Interpreter::follow(FunctionId entry) {
  following_ = true;
  work_ = 0;
  const Fact self = objects_->root();
  enter(entry, &self, nullptr, "");
}

// `arguments` is null for a function that is looked at by itself, and for the first one that is followed.
Fact Interpreter::enter(FunctionId id, const Fact* self, const Arguments* arguments, std::string module) {
  const Function& function = code_.functions[id];
  frames_.push_back({.function = id, .module = std::move(module), .line = function.line});
  std::size_t place = 0;
  for (const Parameter& parameter : function.parameters) {
    Fact value;
    const bool is_self = self != nullptr && &parameter == &function.parameters.front();
    if (is_self) {
      value = *self;
    } else if (arguments != nullptr && place < arguments->places.size()) {
      value = arguments->places[place++];
    } else if (arguments != nullptr) {
      const auto named =
          std::ranges::find(arguments->names, parameter.name, &std::pair<std::string_view, Fact>::first);
      value = named != arguments->names.end() ? named->second : parameter_value(parameter, false);
    } else {
      value = parameter_value(parameter, true);
    }
    frames_.back().variables.insert_or_assign(parameter.name, std::move(value));
  }
  run_block(function.body);
  const Fact result = frames_.back().result.value_or(Fact{});
  frames_.pop_back();
  return result;
}

// One that the caller did not give: its default, or what its type says. A default of None does not mean
// that nobody gives more.
Fact Interpreter::parameter_value(const Parameter& parameter, bool is_entry) {
  const bool by_default = parameter.fallback != kNothing && (!is_entry || following_);
  if (by_default) {
    const Fact value = evaluate(parameter.fallback);
    if (!is_entry || !value.is(Known::none)) {
      return value;
    }
  }
  const auto owner = code_.classes_by_name.find(std::string(parameter.type));
  if (owner != code_.classes_by_name.end()) {
    return {.kind = Known::object, .owner = owner->second};
  }
  const bool optional = parameter.type.empty() || parameter.type.starts_with("Optional") ||
                        parameter.type.starts_with("NoneType") || parameter.type == "Any";
  return optional ? Fact{} : Fact::something();
}

void Interpreter::run_block(BlockId block) {
  if (block == kNothing) {
    return;
  }
  if (++depth_ > kMostDepth) {
    tell_incomplete("the code is nested too deeply");
  } else {
    for (const std::uint32_t statement : code_.blocks[block]) {
      if (frames_.back().ended || work_ > kMostWork) {
        break;
      }
      run(code_.statements[statement]);
    }
  }
  --depth_;
}

void Interpreter::run(const Statement& statement) {
  if (++work_ > kMostWork) {
    tell_incomplete("following the code takes too many steps");
    return;
  }
  switch (statement.kind) {
    case StatementKind::assign:
      assign(statement);
      break;
    case StatementKind::expression:
      evaluate(statement.value);
      break;
    case StatementKind::branch:
      run_branch(statement);
      break;
    case StatementKind::loop:
      run_loop(statement);
      break;
    case StatementKind::with:
      evaluate(statement.value);
      run_block(statement.body);
      break;
    case StatementKind::give_back: {
      Fact value = statement.value == kNothing ? Fact{.kind = Known::none} : evaluate(statement.value);
      Frame& frame = frames_.back();
      frame.result = frame.result ? joined(*frame.result, value) : std::move(value);
      frame.ended = true;
      break;
    }
    case StatementKind::function:
      if (statement.function != kNothing) {
        set(code_.functions[statement.function].name, {.kind = Known::closure, .owner = statement.function});
      }
      break;
    case StatementKind::nothing:
      break;
  }
}

void Interpreter::run_branch(const Statement& statement) {
  const Fact condition = evaluate(statement.value);
  if (condition.is_true() || condition.is_false()) {
    run_block(condition.is_true() ? statement.body : statement.other);
    return;
  }
  const std::size_t mark = frames_.back().log.size();
  ++frames_.back().branches;
  run_block(statement.body);
  const bool first_ended = std::exchange(frames_.back().ended, false);
  const Changes first = undo(mark);
  run_block(statement.other);
  const bool second_ended = frames_.back().ended;
  const Changes second = undo(mark);
  frames_.back().ended = first_ended && second_ended;
  --frames_.back().branches;
  // What holds behind it is what a way that comes there says.
  const auto value_in = [&](const Changes& changes, std::string_view name) {
    const auto changed = changes.find(name);
    if (changed != changes.end()) {
      return changed->second;
    }
    const auto before = frames_.back().variables.find(name);
    return before == frames_.back().variables.end() ? Fact{} : before->second;
  };
  std::set<std::string_view> names;
  for (const Changes* changes : {&first, &second}) {
    for (const auto& [name, value] : *changes) {
      names.insert(name);
    }
  }
  for (const std::string_view name : names) {
    if (first_ended != second_ended) {
      set(name, value_in(first_ended ? second : first, name));
    } else {
      set(name, joined(value_in(first, name), value_in(second, name)));
    }
  }
}

void Interpreter::run_loop(const Statement& statement) {
  if (statement.value != kNothing) {
    evaluate(statement.value);
  }
  for (const NodeId target : statement.targets) {
    assign(target, Fact::something());
  }
  forget_assigned(statement.body);
  run_block(statement.body);
  frames_.back().ended = false;
  forget_assigned(statement.body);
}

// What a block may set is not known where it runs any number of times.
void Interpreter::forget_assigned(BlockId block, std::size_t depth) {
  if (block == kNothing || depth > kMostDepth || work_ > kMostWork) {
    return;
  }
  for (const std::uint32_t index : code_.blocks[block]) {
    const Statement& statement = code_.statements[index];
    ++work_;
    for (const NodeId target : statement.targets) {
      if (code_.nodes[target].kind == NodeKind::name) {
        set(code_.nodes[target].text, {});
      }
    }
    forget_assigned(statement.body, depth + 1);
    forget_assigned(statement.other, depth + 1);
  }
}

// A function inside another one sees its variables; it is followed where it is handed over.
void Interpreter::run_closure(FunctionId function) {
  const std::size_t mark = frames_.back().log.size();
  const auto result = std::exchange(frames_.back().result, std::nullopt);
  ++frames_.back().branches;
  run_block(code_.functions[function].body);
  undo(mark);
  --frames_.back().branches;
  frames_.back().result = result;
  frames_.back().ended = false;
}

void Interpreter::assign(const Statement& statement) {
  const Fact value = evaluate(statement.value);
  if (!statement.takes_apart) {
    assign(statement.targets.front(), value);
    return;
  }
  const bool fits = value.is(Known::list) && value.items->size() == statement.targets.size();
  for (std::size_t i = 0; i < statement.targets.size(); ++i) {
    assign(statement.targets[i], fits ? (*value.items)[i] : Fact{});
  }
}

void Interpreter::assign(NodeId target, const Fact& value) {
  if (code_.nodes[target].kind == NodeKind::name) {
    set(code_.nodes[target].text, value);
  }
}

void Interpreter::set(std::string_view name, Fact value) {
  Frame& frame = frames_.back();
  const auto [place, added] = frame.variables.try_emplace(name);
  if (frame.branches > 0) {
    frame.log.emplace_back(name, added ? std::nullopt : std::optional(std::move(place->second)));
  }
  place->second = std::move(value);
}

// What was set since `mark`, which is taken back.
Interpreter::Changes Interpreter::undo(std::size_t mark) {
  Frame& frame = frames_.back();
  Changes changes;
  while (frame.log.size() > mark) {
    auto& [name, before] = frame.log.back();
    const auto place = frame.variables.find(name);
    changes.try_emplace(name, place->second);
    if (before) {
      place->second = std::move(*before);
    } else {
      frame.variables.erase(place);
    }
    frame.log.pop_back();
  }
  return changes;
}

}  // namespace runup::artifact::script
