// SPDX-License-Identifier: Apache-2.0
#pragma once

// What must hold of the reader's answer for any bytes whatever.

#include <algorithm>
#include <random>
#include <string>

#include "artifact/reader.h"
#include "artifact/torch_types.h"

namespace runup::test {

// Empty, or what does not hold.
inline std::string broken_invariant(Bytes file) {
  const ArtifactFacts facts = read_artifact(file, {.hash = true});
  if (facts.bytes != file.size()) {
    return "another size";
  }
  if (facts.defects.size() > 200) {
    return "defects without bound";
  }
  for (const TensorFacts& tensor : facts.tensors) {
    if (tensor.storage < 0 || tensor.elements == 0) {
      continue;
    }
    if (tensor.storage >= static_cast<std::int64_t>(facts.storages.size())) {
      return "a tensor's storage is not in the list: " + tensor.path;
    }
    if (tensor.layout == "packed") {
      if (tensor.bytes > facts.storages[static_cast<std::size_t>(tensor.storage)].bytes) {
        return "a packed tensor reaches out of its storage: " + tensor.path;
      }
      continue;
    }
    std::int64_t last = tensor.storage_offset;
    for (std::size_t axis = 0; axis < tensor.shape.size(); ++axis) {
      last += (tensor.shape[axis] - 1) * tensor.stride[axis];
    }
    const auto type = artifact::torch_type(tensor.dtype);
    if (!type || last < 0 || tensor.storage_offset < 0) {
      return "a tensor of unknown type or place: " + tensor.path;
    }
    const auto item = static_cast<std::int64_t>(type->item_bytes);
    if ((last / type->packed + 1) * item >
        static_cast<std::int64_t>(facts.storages[static_cast<std::size_t>(tensor.storage)].bytes)) {
      return "a tensor reaches out of its storage: " + tensor.path;
    }
  }
  for (std::size_t i = 0; i < facts.storages.size(); ++i) {
    // Only what is small: a storage may say that it has terabytes.
    if (facts.storages[i].bytes > (1U << 24U)) {
      continue;
    }
    const auto content = read_storage(file, facts, i);
    if (content && content->view.size() != facts.storages[i].bytes) {
      return "a storage of another length than it says: " + facts.storages[i].key;
    }
  }
  const auto again = decode<ArtifactFacts>(encode(facts));
  if (!again || *again != facts) {
    return "facts that do not come back from JSON";
  }
  return {};
}

// A few changes of the kinds that break parsers: flipped bits, edge values, cuts, doubled and
// exchanged pieces. The same for the same seed.
inline std::string mutated(std::string bytes, std::uint32_t seed) {
  std::mt19937 random(seed);
  const auto pick = [&](std::size_t below) { return below == 0 ? 0 : random() % below; };
  for (std::size_t change = 0; change <= pick(4) && !bytes.empty(); ++change) {
    const std::size_t at = pick(bytes.size());
    switch (pick(6)) {
      case 0:
        bytes[at] = static_cast<char>(bytes[at] ^ (1 << pick(8)));
        break;
      case 1:
        bytes[at] = static_cast<char>(random());
        break;
      case 2:
        for (std::size_t i = at; i < std::min(bytes.size(), at + 4); ++i) {
          bytes[i] = pick(2) == 0 ? '\xff' : '\x7f';
        }
        break;
      case 3:
        bytes.resize(at);
        break;
      case 4:
        bytes.insert(at, bytes.substr(pick(bytes.size()), pick(64)));
        break;
      default:
        bytes.erase(at, 1 + pick(16));
    }
  }
  return bytes;
}

}  // namespace runup::test
