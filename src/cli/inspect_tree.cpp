// SPDX-License-Identifier: Apache-2.0
#include "cli/inspect_tree.h"

#include <format>
#include <map>
#include <memory>
#include <set>

#include "base/text.h"

namespace runup {

namespace {

// A path of thousands of parts is nobody's name; the rest of it stays one part.
constexpr std::size_t kMostParts = 32;

struct Group {
  std::string name;
  const TensorFacts* tensor = nullptr;
  std::vector<std::unique_ptr<Group>> members;
  std::map<std::string, Group*, std::less<>> by_name;
};

// `model.layers[0].weight` has the parts `model`, `.layers`, `[0]`, `.weight`.
std::vector<std::string_view> parts_of(std::string_view path) {
  std::vector<std::string_view> parts;
  std::size_t start = 0;
  for (std::size_t i = 1; i < path.size() && parts.size() < kMostParts; ++i) {
    if (path[i] == '.' || path[i] == '[') {
      parts.push_back(path.substr(start, i - start));
      start = i;
    }
  }
  parts.push_back(path.substr(start));
  return parts;
}

Group& member(Group& group, std::string_view name) {
  if (const auto found = group.by_name.find(name); found != group.by_name.end()) {
    return *found->second;
  }
  group.members.push_back(std::make_unique<Group>());
  Group& made = *group.members.back();
  made.name = name;
  group.by_name.emplace(name, &made);
  return made;
}

class TreePrinter {
 public:
  TreePrinter(const ArtifactFacts& facts, std::size_t most) : facts_(facts), most_(most) {}

  std::vector<TreeLine> lines() {
    Group root;
    for (const TensorFacts& tensor : facts_.tensors) {
      Group* place = &root;
      for (const std::string_view part : parts_of(tensor.path)) {
        place = &member(*place, part);
      }
      place->tensor = &tensor;
    }
    print_members(root, 0);
    return std::move(lines_);
  }

 private:
  struct Sum {
    std::uint64_t tensors = 0;
    std::uint64_t bytes = 0;
  };

  void add(const Group& group, Sum& sum, std::set<std::int64_t>& seen) const {
    if (group.tensor != nullptr) {
      ++sum.tensors;
      const std::int64_t storage = group.tensor->storage;
      if (storage < 0) {
        sum.bytes += group.tensor->layout == "strided" ? 0 : group.tensor->bytes;
      } else if (seen.insert(storage).second) {
        sum.bytes += facts_.storages[static_cast<std::size_t>(storage)].bytes;
      }
    }
    for (const auto& inner : group.members) {
      add(*inner, sum, seen);
    }
  }

  static std::string_view without_dot(std::string_view name) {
    return name.starts_with('.') ? name.substr(1) : name;
  }

  void print_members(const Group& group, std::size_t depth) {
    // One line more is no longer than the note that it is left out.
    const std::size_t count = group.members.size();
    const bool numbered = count > 0 && group.members.front()->name.starts_with('[');
    const std::size_t most = numbered ? most_ / 4 : most_;
    const std::size_t shown = count <= most + 1 ? count : most;
    for (std::size_t i = 0; i < shown; ++i) {
      print(*group.members[i], depth);
    }
    if (shown == count) {
      return;
    }
    Sum sum;
    std::set<std::int64_t> seen;
    for (std::size_t i = shown; i < count; ++i) {
      add(*group.members[i], sum, seen);
    }
    lines_.push_back({.depth = depth,
                      .name = std::format("and {} more", count - shown),
                      .tensors = sum.tensors,
                      .bytes = sum.bytes,
                      .is_note = true});
  }

  void print(const Group& group, std::size_t depth) {
    std::string name(without_dot(group.name));
    const Group* last = &group;
    while (last->tensor == nullptr && last->members.size() == 1) {
      last = last->members.front().get();
      name += last->name;
    }
    if (last->tensor != nullptr) {
      lines_.push_back({.depth = depth, .name = std::move(name), .tensor = last->tensor});
    } else {
      Sum sum;
      std::set<std::int64_t> seen;
      add(*last, sum, seen);
      lines_.push_back({.depth = depth, .name = std::move(name), .tensors = sum.tensors, .bytes = sum.bytes});
    }
    print_members(*last, depth + 1);
  }

  const ArtifactFacts& facts_;
  std::size_t most_;
  std::vector<TreeLine> lines_;
};

}  // namespace

std::vector<TreeLine> tensor_tree(const ArtifactFacts& facts, std::size_t most) {
  return TreePrinter(facts, most).lines();
}

}  // namespace runup
