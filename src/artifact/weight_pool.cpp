// SPDX-License-Identifier: Apache-2.0
#include "artifact/weight_pool.h"

#include <algorithm>
#include <format>
#include <map>
#include <utility>

#include "base/text.h"
#include "facts/state_dict.h"

namespace runup::artifact {

namespace {

constexpr std::size_t kMostPooled = 20'000;
// Deflated storages are unpacked into memory once and kept, up to this.
constexpr std::uint64_t kMostKept = std::uint64_t{256} << 20U;
// Times that the file's own size may be looked at through views of the same storages.
constexpr std::uint64_t kLooksAtFile = 4;

bool is_checkpoint(ArtifactKind kind) {
  return kind == ArtifactKind::torch_zip || kind == ArtifactKind::torch_legacy ||
         kind == ArtifactKind::torch_tar;
}

bool counts(std::string_view dtype) {
  return dtype.starts_with("float") || dtype.starts_with("bfloat") || dtype.starts_with("complex") ||
         dtype.starts_with("q");
}

class Collector {
 public:
  explicit Collector(const WeightSource& source) : source_(source), facts_(*source.facts) {
    budget_ = source.file.size() * kLooksAtFile;
    for (const auto& [location, bytes] : source.external) {
      budget_ += bytes.size() * kLooksAtFile;
    }
    if (facts_.onnx) {
      for (const OnnxExternalFacts& external : facts_.onnx->external) {
        external_.emplace(external.tensor, &external);
      }
    }
  }

  void add(std::size_t index, std::string name) {
    const TensorFacts& tensor = facts_.tensors[index];
    if (!counts(tensor.dtype) || tensor.elements == 0) {
      return;
    }
    auto view = pool_.tensors.size() < kMostPooled ? view_of(tensor) : std::nullopt;
    if (!view || view->elements() * 2 > budget_) {
      pool_.unreadable.push_back(std::move(name));
      return;
    }
    budget_ -= view->elements() * 2;
    pool_.tensors.push_back(
        {.name = std::move(name), .shape = tensor.shape, .sizes = squeezed(tensor.shape), .index = index});
    pool_.views.push_back(std::move(*view));
  }

  WeightPool take() { return std::move(pool_); }

 private:
  std::optional<TensorView> view_of(const TensorFacts& tensor) {
    std::shared_ptr<const StorageContent> content;
    if (const auto external = external_.find(tensor.path); external != external_.end()) {
      content = external_content(*external->second);
    } else if (tensor.storage >= 0) {
      content = content_of(static_cast<std::size_t>(tensor.storage));
    }
    return content ? TensorView::of(tensor, std::move(content), facts_.byte_order == "big") : std::nullopt;
  }

  std::shared_ptr<const StorageContent> external_content(const OnnxExternalFacts& external) const {
    const auto file = source_.external.find(external.location);
    if (file == source_.external.end() || external.offset > file->second.size() ||
        external.bytes > file->second.size() - external.offset) {
      return nullptr;
    }
    return std::make_shared<const StorageContent>(
        StorageContent{.view = file->second.subspan(external.offset, external.bytes), .owned = {}});
  }

  std::shared_ptr<const StorageContent> content_of(std::size_t index) {
    const auto [known, is_new] = contents_.try_emplace(index);
    if (is_new && index < facts_.storages.size()) {
      const StorageFacts& storage = facts_.storages[index];
      if (!storage.offset && storage.bytes > kMostKept - unpacked_) {
        return nullptr;
      }
      if (auto content = read_storage(source_.file, facts_, index)) {
        unpacked_ += content->owned.size();
        known->second = std::make_shared<const StorageContent>(std::move(*content));
      }
    }
    return known->second;
  }

  const WeightSource& source_;
  const ArtifactFacts& facts_;
  WeightPool pool_;
  std::map<std::size_t, std::shared_ptr<const StorageContent>> contents_;
  std::map<std::string_view, const OnnxExternalFacts*> external_;
  std::uint64_t unpacked_ = 0;
  std::uint64_t budget_ = 0;
};

// The key that a tensor of a pickled module would have in its state_dict: `body.0.weight` of
// `._modules.body._modules.0._parameters.weight` (torch.nn.Module keeps its members so); nothing for other tensors.
std::optional<std::string> module_key(std::string_view path) {
  std::string key;
  bool is_member = false;
  for (const std::string& part : split(std::string(path), '.')) {
    if (part == "_parameters" || part == "_buffers") {
      is_member = true;
    } else if (part != "_modules" && !part.empty()) {
      key += key.empty() ? part : "." + part;
    }
  }
  return is_member ? std::optional(std::move(key)) : std::nullopt;
}

}  // namespace

Result<WeightPool> collect_weights(const WeightSource& source) {
  const ArtifactFacts& facts = *source.facts;
  std::string_view root;
  bool modules = false;
  if (is_checkpoint(facts.kind)) {
    const StateDictChoice choice = choose_state_dict(facts, {.state_dict = source.state_dict});
    modules = choice.chosen == nullptr && source.state_dict.empty() &&
              std::ranges::any_of(facts.tensors, [](const TensorFacts& tensor) {
                return module_key(tensor.path).has_value();
              });
    if (choice.chosen == nullptr && !modules) {
      return fail(ErrorCode::not_found, choice.why_not);
    }
    if (!modules) {
      root = choice.chosen->path;
    }
  }
  Collector collector(source);
  for (std::size_t i = 0; i < facts.tensors.size(); ++i) {
    if (modules) {
      if (auto key = module_key(facts.tensors[i].path)) {
        collector.add(i, std::move(*key));
      }
    } else if (const auto key = state_dict_key(facts.tensors[i].path, root)) {
      collector.add(i, std::string(*key));
    }
  }
  WeightPool pool = collector.take();
  if (pool.tensors.empty() && pool.unreadable.empty()) {
    return fail(ErrorCode::not_found, "it holds no tensors of floating-point numbers");
  }
  return pool;
}

}  // namespace runup::artifact
