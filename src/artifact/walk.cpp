// SPDX-License-Identifier: Apache-2.0
#include "artifact/walk.h"

#include <algorithm>
#include <format>

#include "artifact/fact_lists.h"
#include "artifact/global_paths.h"
#include "artifact/label_lists.h"
#include "artifact/node.h"
#include "artifact/python_repr.h"
#include "artifact/python_text.h"
#include "artifact/state_dict_role.h"
#include "base/text.h"

namespace runup::artifact {

namespace {

constexpr std::size_t kMostDepth = 256;
// More than sound files have, so that only sharing without end can reach it. A container or object
// counts one, and one more for each kilobyte and each few children that it looks at.
constexpr std::uint64_t kMostWork = 1'500'000;
constexpr std::uint64_t kBytesOfWork = 1024;
constexpr std::uint64_t kChildrenOfWork = 16;
constexpr std::size_t kLongestKey = 4096;
constexpr std::size_t kLongestPath = 16384;

// What holds for everything below a value.
struct Surroundings {
  // only tensors are wanted
  bool inside_call = false;
  bool in_optimizer = false;
  bool in_module = false;
  // of a label encoder or list of names, whose parts are no lists of their own
  bool in_labels = false;
};

struct Frame {
  ValueId id = kNoValue;
  std::vector<Child> children;
  std::size_t next = 0;
  std::size_t path_size = 0;
  Surroundings below;
  // index in ArtifactFacts::objects and ::state_dicts, -1 when it has no entry
  std::int64_t object = -1;
  std::int64_t state_dict = -1;
  std::uint64_t first_tensor = 0;
  // storages that were last seen before this were not counted for this frame yet
  std::uint64_t start = 0;
  std::uint64_t bytes = 0;
};

class Walker {
 public:
  Walker(const WalkSource& source, ArtifactFacts& facts, Defects& defects)
      : graph_(source.graph),
        pickle_(source.graph.pickle()),
        tensors_(source.tensors),
        member_(source.member),
        place_(source.place),
        facts_(facts),
        defects_(defects),
        path_(source.base),
        lists_(facts),
        globals_(pickle_),
        above_(pickle_.values.size()) {}

  void run() {
    if (pickle_.root != kNoValue) {
      enter(pickle_.root, {}, path_.size());
      while (!frames_.empty()) {
        advance();
      }
    }
    globals_.add_to(facts_, member_);
  }

 private:
  void advance() {
    Frame& frame = frames_.back();
    if (frame.next >= frame.children.size()) {
      leave();
      return;
    }
    const Child child = frame.children[frame.next++];
    if (is_uninteresting(child, frame.below)) {
      return;
    }
    Surroundings around = frame.below;
    around.inside_call = around.inside_call || child.step == Step::inside;
    const std::size_t before = path_.size();
    append_step(child);
    if (!enter(child.value, around, before)) {
      path_.resize(before);
    }
  }

  // A scalar that would be in no list.
  bool is_uninteresting(const Child& child, const Surroundings& around) const {
    const bool wanted = child.step != Step::inside && !around.inside_call && !lists_.scalars_full();
    return !wanted && pickle_.at(child.value).kind <= ValueKind::bytearray;
  }

  void append_step(const Child& child) {
    switch (child.step) {
      case Step::item:
        path_ += std::format("[{}]", child.index);
        break;
      case Step::inside:
        path_ += std::format("({})", child.index);
        break;
      case Step::entry:
      case Step::attribute: {
        work_ += pickle_.at(child.key).text.size() / kBytesOfWork;
        std::string step = key_step(graph_, child.key);
        if (step.size() > kLongestKey) {
          note_cut(facts_, std::format("keys longer than {} bytes", kLongestKey));
          step = cut_text(std::move(step), kLongestKey);
        }
        const bool at_root = path_.empty() && child.step == Step::entry && step.starts_with('.');
        path_ += at_root ? std::string_view(step).substr(1) : std::string_view(step);
        break;
      }
    }
  }

  // Looks at one value; true when a frame for what is below it was pushed, which then restores the
  // path to `path_before`.
  bool enter(ValueId id, Surroundings around, std::size_t path_before) {
    work_ += 1 + content_size(id) / kBytesOfWork;
    if (work_ > kMostWork) {
      note_cut(facts_, "objects that share each other without end");
      frames_.clear();
      return false;
    }
    id = graph_.unwrap(id);
    if (above_[id]) {
      return false;
    }
    if (frames_.size() >= kMostDepth || path_.size() > kLongestPath) {
      note_cut(facts_, std::format("what is nested deeper than {} levels", kMostDepth));
      return false;
    }
    Node node = describe_node(graph_, tensors_, id);
    Frame frame{.id = id,
                .path_size = path_before,
                .below = around,
                .first_tensor = tensor_count_,
                .start = ++sequence_};
    globals_.claim(id, node, path_);
    if (frames_.empty() && facts_.root_type.empty()) {
      facts_.root_type = node.type;
    }
    if (!around.inside_call) {
      frame.object = lists_.add_object(path_, node);
      add_labels(id, frame.below);
      add_state_dict(node, frame);
      if (node.repr) {
        lists_.add_metadata(path_, node);
      }
    }
    note_module(node, frame);
    work_ += node.children.size() / kChildrenOfWork;
    frame.children = std::move(node.children);
    above_[id] = true;
    frames_.push_back(std::move(frame));
    if (node.tensor) {
      add_tensor(std::move(*node.tensor));
    } else if (node.storage) {
      count_storage(*node.storage);
    }
    return true;
  }

  void leave() {
    const Frame& frame = frames_.back();
    if (frame.object >= 0) {
      facts_.objects[static_cast<std::size_t>(frame.object)].bytes = frame.bytes;
    }
    if (frame.state_dict >= 0) {
      StateDictFacts& mapping = facts_.state_dicts[static_cast<std::size_t>(frame.state_dict)];
      mapping.bytes = frame.bytes;
      mapping.tensors = tensor_count_ - frame.first_tensor;
      // An optimizer without any state has nothing that would be in the way.
      if (mapping.tensors == 0) {
        facts_.state_dicts.erase(facts_.state_dicts.begin() + frame.state_dict);
      }
    }
    above_[frame.id] = false;
    path_.resize(std::min(path_.size(), frame.path_size));
    frames_.pop_back();
  }

  // Bytes that describing an object has to look at.
  std::uint64_t content_size(ValueId id) const {
    const ObjectValue* object = pickle_.object(id);
    if (object == nullptr) {
      return 0;
    }
    std::uint64_t size = 0;
    const auto add = [&](ValueId part) {
      size += pickle_.at(part).text.size() + pickle_.at(part).items.size() * 16;
    };
    std::ranges::for_each(pickle_.at(object->args).items, add);
    for (const ValueId state : object->states) {
      std::ranges::for_each(pickle_.sequence(state), add);
    }
    if (object->payload != kNoValue) {
      add(object->payload);
    }
    return size;
  }

  void add_labels(ValueId id, Surroundings& around) {
    if (around.in_optimizer || around.in_module || around.in_labels || lists_.labels_full()) {
      return;
    }
    work_ += pickle_.at(id).items.size() / kChildrenOfWork;
    auto labels = read_label_list(graph_, id, path_);
    if (!labels) {
      return;
    }
    around.in_labels = true;
    lists_.add_labels(std::move(*labels));
  }

  bool is_tensor(ValueId id) const {
    if (pickle_.is(id, ValueKind::persistent)) {
      return tensors_.read(id).has_value();
    }
    const auto call = graph_.instance(id);
    return call && call->known >= Known::rebuild_tensor && call->known <= Known::rebuild_from_type;
  }

  void add_state_dict(const Node& node, Frame& frame) {
    if (node.form != NodeForm::mapping || frame.below.in_optimizer || frame.below.in_module ||
        node.children.empty()) {
      return;
    }
    std::vector<std::string_view> keys;
    std::uint64_t others = 0;
    bool parameters = false;
    bool optimizer_state = false;
    bool optimizer_groups = false;
    for (const Child& child : node.children) {
      const auto key = child.step == Step::entry ? pickle_.text(child.key) : std::nullopt;
      if (child.step != Step::entry) {
        continue;
      }
      optimizer_state = optimizer_state || key == "state";
      optimizer_groups = optimizer_groups || key == "param_groups";
      // A mapping that PyTorch did not mark as a state_dict is one when it has tensors alone.
      const bool may_be = others == 0 || node.has_metadata;
      if (may_be && key && is_tensor(child.value)) {
        const auto call = graph_.instance(child.value);
        parameters = parameters || (call && call->known == Known::rebuild_parameter);
        keys.push_back(*key);
      } else {
        ++others;
      }
    }
    const bool optimizer = optimizer_state && optimizer_groups;
    const bool state_dict = others == 0 ? !keys.empty() : node.has_metadata;
    if (!state_dict && !optimizer) {
      return;
    }
    frame.below.in_optimizer = optimizer;
    const std::string_view role = optimizer ? "optimizer"
                                            : state_dict_role({.path = path_,
                                                               .keys = keys,
                                                               .has_metadata = node.has_metadata,
                                                               .has_parameters = parameters});
    frame.state_dict = lists_.add_state_dict({.path = path_,
                                              .other_entries = optimizer ? 0 : others,
                                              .has_metadata = node.has_metadata,
                                              .role = std::string(role)});
  }

  void note_module(const Node& node, Frame& frame) {
    if (!node.is_module) {
      return;
    }
    frame.below.in_module = true;
    std::vector<std::string>& classes = facts_.module_classes;
    if (!node.type.starts_with("torch.nn.") && std::ranges::find(classes, node.type) == classes.end() &&
        classes.size() < 1000) {
      classes.push_back(node.type);
    }
  }

  void add_tensor(Read<TensorValue> tensor) {
    ++tensor_count_;
    if (!tensor) {
      Problem why = tensor.error();
      why.message =
          path_.empty() ? why.message : std::format("`{}`: {}", printable(cut_text(path_)), why.message);
      defects_.add(std::move(why), place_);
      return;
    }
    if (tensor->facts.storage >= 0) {
      count_storage(tensor->facts.storage);
    } else {
      // a sparse or nested one, whose parts have the storages
      for (Frame& frame : frames_) {
        frame.bytes += tensor->facts.bytes;
      }
    }
    lists_.add_tensor(path_, std::move(tensor->facts));
  }

  // Adds the storage to each open frame that has not seen it. Frames open later start later, so the
  // first one that has seen it ends the search.
  void count_storage(std::int64_t storage) {
    const auto index = static_cast<std::size_t>(storage);
    if (last_seen_.size() <= index) {
      last_seen_.resize(facts_.storages.size());
    }
    for (auto frame = frames_.rbegin(); frame != frames_.rend() && last_seen_[index] < frame->start;
         ++frame) {
      frame->bytes += facts_.storages[index].bytes;
    }
    last_seen_[index] = ++sequence_;
  }

  const ObjectGraph& graph_;
  const Pickle& pickle_;
  const TensorReader& tensors_;
  const std::string& member_;
  const std::string& place_;
  ArtifactFacts& facts_;
  Defects& defects_;
  std::string path_;
  FactLists lists_;
  GlobalPaths globals_;
  // values on the way from the root to here
  std::vector<bool> above_;
  std::vector<Frame> frames_;
  std::vector<std::uint64_t> last_seen_;
  std::uint64_t work_ = 0;
  std::uint64_t sequence_ = 0;
  std::uint64_t tensor_count_ = 0;
};

}  // namespace

void walk_values(const WalkSource& source, ArtifactFacts& facts, Defects& defects) {
  Walker(source, facts, defects).run();
}

}  // namespace runup::artifact
