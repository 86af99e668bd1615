// SPDX-License-Identifier: Apache-2.0
#pragma once

// Follows the code of an archive with what is known of its values, and writes down the remarkable places.
// Nothing is computed but conditions: where one is not known, both ways are followed. First each function
// is looked at by itself; then the root module's `forward` is followed into everything that it calls.

#include <map>
#include <set>

#include "artifact/torchscript_objects.h"
#include "artifact/torchscript_operators.h"

namespace runup::artifact::script {

// Remarks in the order in which they were seen, with a bound for each kind.
class Remarks {
 public:
  static constexpr std::size_t kMostOfAKind = 200;

  explicit Remarks(const Code& code) : code_(code) {}
  // The remark of this kind at a place of the code; a new one when there is none yet. Null beyond the bound.
  CodeRemarkFacts* at(CodeRemarkKind kind, NodeId node, std::uint32_t file, std::uint32_t line,
                      std::uint32_t function, const std::string& module);
  // A remark of this kind that was made at `node` is reached from `module`.
  void reach(CodeRemarkKind kind, NodeId node, const std::string& module);
  // The device at `node` is an argument of the operator `name`.
  void name_user(NodeId node, std::string_view name);
  bool full() const { return full_; }
  std::vector<CodeRemarkFacts> take() { return {list_.begin(), list_.end()}; }
  std::string function_name(std::uint32_t id) const;

 private:
  const Code& code_;
  std::deque<CodeRemarkFacts> list_;
  std::map<std::tuple<CodeRemarkKind, NodeId, std::uint32_t, std::uint32_t, std::string>, CodeRemarkFacts*>
      places_;
  std::map<std::pair<CodeRemarkKind, NodeId>, CodeRemarkFacts*> first_at_;
  std::map<CodeRemarkKind, std::size_t> counts_;
  bool full_ = false;
};

class Interpreter {
 public:
  // `objects` may be null: then nothing is followed.
  Interpreter(const Code& code, const Objects* objects, Remarks& remarks);

  // Each function by itself, without following its calls.
  void look_at_functions();
  // A method of the root module, and whatever it calls.
  void follow(FunctionId entry);

  // Why not everything was followed; empty when it was.
  const std::string& incomplete() const { return incomplete_; }

 private:
  static constexpr std::uint64_t kMostWork = 4'000'000;
  // Of statements and expressions inside each other, across all calls.
  static constexpr std::size_t kMostDepth = 900;

  struct Frame {
    FunctionId function = kNothing;
    // path of the module whose method this is, or of the one that called
    std::string module;
    std::unordered_map<std::string_view, Fact> variables;
    // what variables were before, while ways of branches are followed
    std::size_t branches = 0;
    std::vector<std::pair<std::string_view, std::optional<Fact>>> log;
    std::optional<Fact> result;
    // a return or a raise was reached
    bool ended = false;
    // the call of it that is being followed
    std::uint32_t line = 0;
  };
  using Changes = std::map<std::string_view, Fact>;
  struct Arguments {
    std::vector<Fact> places;
    std::vector<std::pair<std::string_view, Fact>> names;
  };

  void run_block(BlockId block);
  void run(const Statement& statement);
  void run_branch(const Statement& statement);
  void run_loop(const Statement& statement);
  void run_closure(FunctionId function);
  void assign(const Statement& statement);
  void assign(NodeId target, const Fact& value);
  void set(std::string_view name, Fact value);
  Changes undo(std::size_t mark);
  void forget_assigned(BlockId block, std::size_t depth = 0);

  Fact evaluate(NodeId id);
  Fact evaluate_known(NodeId id);
  Fact attribute(const Fact& object, std::string_view name) const;
  Fact subscript(NodeId id);
  Fact call(NodeId id);
  Fact call_name(NodeId id, std::string_view name);
  Fact call_global(NodeId id, const std::string& name, const Arguments& arguments);
  Fact call_operator(NodeId id, const std::string& name, const Arguments& arguments);
  Fact call_method(NodeId id, const Fact& object, std::string_view name);
  Fact call_function(NodeId id, FunctionId function, const Fact* self, const Arguments& arguments);
  Fact enter(FunctionId id, const Fact* self, const Arguments* arguments, std::string module);
  Fact parameter_value(const Parameter& parameter, bool is_entry);
  Arguments arguments_of(std::span<const NodeId> nodes);

  void name_device_user(NodeId argument, std::string_view name);
  void remark_operator(NodeId id, const Call& call);
  void remark_mode(NodeId id, CodeRemarkKind kind, std::string_view name);
  CodeRemarkFacts* remark(CodeRemarkKind kind, NodeId id);
  void tell_incomplete(std::string why);
  bool is_functional(FunctionId function) const;

  const Code& code_;
  const Objects* objects_;
  Remarks& remarks_;
  std::deque<Frame> frames_;
  // results of calls, by function and arguments
  std::unordered_map<std::string, Fact> known_calls_;
  std::size_t known_bytes_ = 0;
  // attributes that some code sets
  std::set<std::string_view> set_attributes_;
  bool following_ = false;
  std::uint64_t work_ = 0;
  std::size_t depth_ = 0;
  std::string incomplete_;
};

// Conditions and conversions: `torch.__not__`, `torch.eq`, `int`; nothing for other names.
std::optional<Fact> computed(std::string_view name, std::span<const Fact> arguments);

}  // namespace runup::artifact::script
