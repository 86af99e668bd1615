// SPDX-License-Identifier: Apache-2.0
// Prints what the reader says of each file, one JSON object a line: {"file", "facts", "hashes"}, where
// `hashes` holds for each tensor the SHA-256 of its elements in row-major order, little-endian, taken
// through read_storage() and the tensor's strides; null when it has no bytes. Of packed ones it is that of the
// bytes as they are.
//
//   artifact_dump FILE...

#include <algorithm>
#include <cstdio>
#include <iostream>
#include <vector>

#include "artifact/reader.h"
#include "artifact/torch_types.h"
#include "base/codec.h"

namespace {

using namespace runup;

constexpr std::uint64_t kMostBytes = std::uint64_t{64} << 20U;

// Size of the unit whose bytes are swapped in a big-endian file: half a complex number.
std::size_t swap_unit(const TensorFacts& tensor, std::size_t item) {
  return tensor.dtype.starts_with("complex") ? item / 2 : item;
}

Json hash_of(Bytes file, const ArtifactFacts& facts, const TensorFacts& tensor) {
  if (tensor.storage < 0 || tensor.bytes > kMostBytes) {
    return nullptr;
  }
  const auto content = read_storage(file, facts, static_cast<std::size_t>(tensor.storage));
  if (!content) {
    return nullptr;
  }
  if (tensor.layout == "packed") {
    return sha256_hex(content->view);
  }
  const std::size_t item = artifact::torch_type(tensor.dtype)->item_bytes;
  const bool swapped = facts.byte_order == "big";
  const std::size_t unit = swap_unit(tensor, item);
  std::vector<std::byte> out;
  out.reserve(tensor.bytes);
  std::vector<std::int64_t> place(tensor.shape.size());
  for (std::uint64_t i = 0; i < tensor.elements; ++i) {
    std::int64_t at = tensor.storage_offset;
    for (std::size_t axis = 0; axis < place.size(); ++axis) {
      at += place[axis] * tensor.stride[axis];
    }
    const Bytes element = content->view.subspan(static_cast<std::size_t>(at) * item, item);
    out.insert(out.end(), element.begin(), element.end());
    if (swapped) {
      for (std::size_t part = out.size() - item; part < out.size(); part += unit) {
        std::reverse(out.begin() + static_cast<std::ptrdiff_t>(part),
                     out.begin() + static_cast<std::ptrdiff_t>(part + unit));
      }
    }
    for (std::size_t axis = place.size(); axis-- > 0;) {
      if (++place[axis] < tensor.shape[axis]) {
        break;
      }
      place[axis] = 0;
    }
  }
  return sha256_hex(out);
}

}  // namespace

int main(int count, char** arguments) {
  for (int i = 1; i < count; ++i) {
    const auto file = MappedFile::open(arguments[i]);
    if (!file) {
      std::cerr << file.error().describe() << '\n';
      return 1;
    }
    const ArtifactFacts facts =
        read_artifact(file->bytes(), {.hash = true, .values = true, .release_pages = true});
    // Hashing must not be what makes the other facts right.
    const ArtifactFacts unhashed = read_artifact(file->bytes(), {.hash = false, .values = true});
    Json hashes = Json::array();
    for (const TensorFacts& tensor : facts.tensors) {
      hashes.push_back(hash_of(file->bytes(), facts, tensor));
    }
    Json line{{"file", arguments[i]}, {"facts", encode(facts)}, {"hashes", std::move(hashes)}};
    line["same_without_hash"] = unhashed.tensors == facts.tensors && unhashed.storages == facts.storages &&
                                unhashed.globals == facts.globals && unhashed.kind == facts.kind &&
                                unhashed.sha256.empty();
    std::cout << dump_json(line) << '\n';
  }
  return 0;
}
