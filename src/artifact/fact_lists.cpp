// SPDX-License-Identifier: Apache-2.0
#include "artifact/fact_lists.h"

#include <algorithm>
#include <format>

#include "artifact/python_text.h"

namespace runup::artifact {

namespace {

constexpr std::size_t kMostTensors = 200'000;
constexpr std::size_t kMostMetadata = 20'000;
constexpr std::size_t kMostObjects = 20'000;
constexpr std::size_t kMostStateDicts = 1'000;
constexpr std::size_t kMostLabelLists = 100;
// Of all key paths, values and class names together.
constexpr std::size_t kMostText = std::size_t{64} << 20U;

}  // namespace

bool FactLists::may_add(std::size_t bytes) {
  text_ += bytes;
  if (text_ > kMostText) {
    note_cut(facts_, "what is behind the first 64 MiB of names");
    return false;
  }
  return true;
}

std::int64_t FactLists::add_object(const std::string& path, const Node& node) {
  if (facts_.objects.size() >= kMostObjects) {
    note_cut(facts_, std::format("objects beyond {}", kMostObjects));
    return -1;
  }
  if (!may_add(path.size() + node.type.size())) {
    return -1;
  }
  facts_.objects.push_back({.path = path, .type = node.type, .items = node.items});
  return static_cast<std::int64_t>(facts_.objects.size()) - 1;
}

std::int64_t FactLists::add_state_dict(StateDictFacts mapping) {
  if (facts_.state_dicts.size() >= kMostStateDicts) {
    note_cut(facts_, std::format("mappings of tensors beyond {}", kMostStateDicts));
    return -1;
  }
  facts_.state_dicts.push_back(std::move(mapping));
  return static_cast<std::int64_t>(facts_.state_dicts.size()) - 1;
}

void FactLists::add_metadata(const std::string& path, const Node& node) {
  if (facts_.metadata.size() >= kMostMetadata) {
    note_cut(facts_, std::format("scalars beyond {}", kMostMetadata));
  } else if (may_add(path.size() + kMostRepr)) {
    facts_.metadata.push_back({.path = path, .type = node.type, .value = cut_text(*node.repr)});
  }
}

void FactLists::add_labels(LabelListFacts labels) {
  std::size_t size = labels.path.size();
  for (const std::string& name : labels.classes) {
    size += name.size();
  }
  if (may_add(size)) {
    facts_.label_lists.push_back(std::move(labels));
  }
}

void FactLists::add_tensor(const std::string& path, TensorFacts tensor) {
  if (facts_.tensors.size() >= kMostTensors) {
    note_cut(facts_, std::format("tensors beyond {}", kMostTensors));
  } else if (may_add(path.size() + tensor.shape.size() * 2 * sizeof(std::int64_t))) {
    tensor.path = path;
    facts_.tensors.push_back(std::move(tensor));
  }
}

bool FactLists::labels_full() const { return facts_.label_lists.size() >= kMostLabelLists; }

bool FactLists::scalars_full() const {
  return facts_.metadata.size() >= kMostMetadata && facts_.objects.size() >= kMostObjects;
}

void note_cut(ArtifactFacts& facts, const std::string& what) {
  if (std::ranges::find(facts.cut, what) == facts.cut.end()) {
    facts.cut.push_back(what);
  }
}

}  // namespace runup::artifact
