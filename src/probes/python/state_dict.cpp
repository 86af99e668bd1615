// SPDX-License-Identifier: Apache-2.0
#include "probes/python/state_dict.h"

#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <format>
#include <map>
#include <set>
#include <utility>

#include "artifact/torch_types.h"
#include "base/text.h"
#include "facts/state_dict.h"

namespace runup {

namespace {

// No element needs more than this; complex128 is two doubles.
constexpr std::uint64_t kMostAlignment = 8;

std::unexpected<Error> unusable(std::string_view key, const std::string& why) {
  return fail(ErrorCode::unsupported, std::format("tensor `{}` {}", key, why));
}

bool is_floating(std::string_view dtype) { return dtype.starts_with("float") || dtype.starts_with("bfloat"); }

// Whether the scales are as many as the scheme needs.
bool is_known_scheme(const TensorFacts& facts) {
  const QuantisationFacts& how = *facts.quantisation;
  if (how.scales.size() != how.zero_points.size()) {
    return false;
  }
  if (how.scheme == "per_tensor_affine") {
    return how.scales.size() == 1;
  }
  return how.scheme == "per_channel_affine" && how.axis >= 0 &&
         static_cast<std::size_t>(how.axis) < facts.shape.size() &&
         how.scales.size() == static_cast<std::size_t>(facts.shape[static_cast<std::size_t>(how.axis)]);
}

class Placer {
 public:
  Placer(Bytes file, const ArtifactFacts& artifact, int memory)
      : file_(file), artifact_(artifact), memory_(memory) {}

  Result<PlacedWeight> place(std::string_view key, const TensorFacts& facts) {
    PlacedWeight weight{.key = std::string(key),
                        .dtype = facts.dtype,
                        .shape = facts.shape,
                        .stride = facts.stride,
                        .conjugate = facts.conjugate,
                        .negative = facts.negative};
    const auto type = artifact::torch_type(facts.dtype);
    if (facts.layout != "strided") {
      return unusable(key, std::format("is `{}`; expected a strided tensor", facts.layout));
    }
    if (facts.elements == 0) {
      return weight;
    }
    if (facts.storage < 0) {
      return unusable(key, "has no values in the file (a meta tensor)");
    }
    if (!type || type->packed != 1 || facts.dtype.starts_with('q') != facts.quantisation.has_value()) {
      return unusable(key, std::format("has the type `{}`, which is not read here", facts.dtype));
    }
    if (facts.quantisation) {
      if (!is_known_scheme(facts)) {
        return unusable(
            key, std::format("is quantised by `{}`, which is not read here", facts.quantisation->scheme));
      }
      weight.scheme = facts.quantisation->scheme;
      weight.scales = facts.quantisation->scales;
      weight.zero_points = facts.quantisation->zero_points;
      weight.axis = facts.quantisation->axis;
    }
    const auto start = storage(static_cast<std::size_t>(facts.storage), type->item_bytes);
    if (!start) {
      return wrap(start.error(), std::format("tensor `{}` cannot be read", key));
    }
    weight.kept = start->kept;
    weight.offset = start->at + static_cast<std::uint64_t>(facts.storage_offset) * type->item_bytes;
    return weight;
  }

 private:
  struct Start {
    std::uint64_t at = 0;
    bool kept = false;
  };

  // Where a storage begins; the reader has seen that its tensors lie inside.
  Result<Start> storage(std::size_t index, std::uint32_t item_bytes) {
    const std::uint64_t alignment = std::min(std::bit_floor(std::uint64_t{item_bytes}), kMostAlignment);
    const auto known = starts_.find(index);
    if (known != starts_.end() && known->second.at % alignment == 0) {
      return known->second;
    }
    const auto content = read_storage(file_, artifact_, index);
    if (!content) {
      return std::unexpected(content.error());
    }
    Start start;
    if (content->owned.empty()) {
      start.at = static_cast<std::uint64_t>(content->view.data() - file_.data());
    }
    if (!content->owned.empty() || start.at % alignment != 0) {
      if (auto written = keep(content->view); !written) {
        return std::unexpected(written.error());
      }
      start = {.at = std::exchange(end_, (end_ + content->view.size() + kMostAlignment - 1) / kMostAlignment *
                                             kMostAlignment),
               .kept = true};
    }
    starts_[index] = start;
    return start;
  }

  // Appends to the memory.
  Result<void> keep(Bytes bytes) const {
    for (std::uint64_t at = end_; !bytes.empty();) {
      const ssize_t written = ::pwrite(memory_, bytes.data(), bytes.size(), static_cast<off_t>(at));
      if (written < 0 && errno == EINTR) {
        continue;
      }
      if (written <= 0) {
        return std::unexpected(system_error("cannot hand over the weights", errno));
      }
      at += static_cast<std::uint64_t>(written);
      bytes = bytes.subspan(static_cast<std::size_t>(written));
    }
    return {};
  }

  Bytes file_;
  const ArtifactFacts& artifact_;
  int memory_;
  std::uint64_t end_ = 0;
  std::map<std::size_t, Start> starts_;
};

}  // namespace

Result<std::vector<PlacedWeight>> place_weights(Bytes file, const ArtifactFacts& artifact,
                                                const StateDictFacts& state_dict, int memory) {
  if (artifact.byte_order == "big") {
    return fail(ErrorCode::unsupported, "the tensors are big-endian; expected little-endian");
  }
  Placer placer(file, artifact, memory);
  std::vector<PlacedWeight> weights;
  std::set<std::string_view> seen;
  for (const TensorFacts& facts : artifact.tensors) {
    const auto key = state_dict_key(facts.path, state_dict.path);
    if (!key || !seen.insert(*key).second) {
      continue;
    }
    auto weight = placer.place(*key, facts);
    if (!weight) {
      return std::unexpected(weight.error());
    }
    weights.push_back(std::move(*weight));
  }
  return weights;
}

std::vector<TensorKey> keys_of(const std::vector<PlacedWeight>& weights) {
  std::vector<TensorKey> keys;
  for (const PlacedWeight& weight : weights) {
    keys.push_back({.key = weight.key, .shape = weight.shape});
  }
  return keys;
}

std::string floating_type(const std::vector<PlacedWeight>& weights, const ModelDeclaration& model) {
  std::set<std::string_view> types;
  for (const PlacedWeight& weight : weights) {
    if (is_floating(weight.dtype)) {
      types.insert(weight.dtype);
    }
  }
  const auto input = std::ranges::find_if(
      model.inputs, [](const InputDeclaration& one) { return is_floating(enum_name(one.dtype)); });
  return types.size() == 1 && input != model.inputs.end() ? std::string(enum_name(input->dtype)) : "";
}

}  // namespace runup
