// SPDX-License-Identifier: Apache-2.0
#include "artifact/global_paths.h"

#include <algorithm>
#include <format>

#include "artifact/fact_lists.h"
#include "artifact/pickle_opcodes.h"
#include "artifact/python_text.h"

namespace runup::artifact {

namespace {

// Real checkpoints have some dozens.
constexpr std::size_t kMostGlobals = 2'000;
constexpr std::size_t kLongestKeyPath = 4096;

void add_global(ArtifactFacts& facts, const GlobalValue& global, const std::string& member,
                const std::string& key_path) {
  if (facts.globals.size() >= kMostGlobals) {
    note_cut(facts, std::format("globals beyond {}", kMostGlobals));
    return;
  }
  for (GlobalFacts& known : facts.globals) {
    if (known.module == global.module && known.name == global.name) {
      known.uses += global.uses;
      return;
    }
  }
  facts.globals.push_back({.module = global.module,
                           .name = global.name,
                           .member = member,
                           .key_path = key_path,
                           .uses = global.uses});
}

}  // namespace

void GlobalPaths::claim(ValueId id, const Node& node, const std::string& path) {
  std::vector<ValueId> open;
  const ObjectValue* object = pickle_.object(id);
  const bool whole = node.form == NodeForm::leaf || node.form == NodeForm::tensor;
  if (whole || object == nullptr) {
    if (!pickle_.is(id, ValueKind::list) && !pickle_.is(id, ValueKind::tuple) &&
        !pickle_.is(id, ValueKind::dict)) {
      open.push_back(id);
    }
  } else {
    open.push_back(object->callee);
    if (node.owns_arguments) {
      open.push_back(object->args);
    }
  }
  while (!open.empty()) {
    const ValueId next = open.back();
    open.pop_back();
    if (next == kNoValue || claimed_[next]) {
      continue;
    }
    claimed_[next] = true;
    const Value& value = pickle_.at(next);
    if (value.kind == ValueKind::global) {
      key_paths_[static_cast<std::size_t>(value.integer)] = cut_text(path, kLongestKeyPath);
    }
    open.insert(open.end(), value.items.rbegin(), value.items.rend());
    if (const ObjectValue* inner = pickle_.object(next)) {
      open.insert(open.end(), {inner->payload, inner->kwargs, inner->args, inner->callee});
      for (const auto* list : {&inner->states, &inner->appended, &inner->entries}) {
        open.insert(open.end(), list->begin(), list->end());
      }
    }
  }
}

void GlobalPaths::add_to(ArtifactFacts& facts, const std::string& member) const {
  for (std::size_t i = 0; i < pickle_.globals.size(); ++i) {
    add_global(facts, pickle_.globals[i], member, key_paths_[i]);
  }
}

void note_pickle(const Pickle& pickle, ArtifactFacts& facts) {
  facts.pickle_protocol = std::max(facts.pickle_protocol, pickle.protocol);
  for (std::size_t byte = 0; byte < 256; ++byte) {
    const std::string_view name = opcode_name(static_cast<unsigned char>(byte));
    if (pickle.opcodes.test(byte) && !name.empty()) {
      const auto place = std::ranges::lower_bound(facts.opcodes, name);
      if (place == facts.opcodes.end() || *place != name) {
        facts.opcodes.emplace(place, name);
      }
    }
  }
}

void note_globals(const Pickle& pickle, const std::string& member, ArtifactFacts& facts) {
  for (const GlobalValue& global : pickle.globals) {
    add_global(facts, global, member, {});
  }
}

}  // namespace runup::artifact
