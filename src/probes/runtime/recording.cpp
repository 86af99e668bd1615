// SPDX-License-Identifier: Apache-2.0
#include "probes/runtime/recording.h"

#include <algorithm>
#include <utility>

#include "base/text.h"

namespace runup {

namespace {

// What np.savez calls arrays that it is given without a name.
bool in_order(const Recording& recording) {
  return std::ranges::all_of(recording.arrays, [&](const NpzArray& array) {
    return array.name.starts_with("arr_") && array.name.size() > 4 &&
           array.name.find_first_not_of("0123456789", 4) == std::string::npos;
  });
}

}  // namespace

Result<Recording> read_recording(Bytes file, std::uint64_t most_bytes) {
  Recording recording;
  if (looks_like_npz(file)) {
    auto arrays = read_npz(file, most_bytes);
    if (!arrays) {
      return std::unexpected(arrays.error());
    }
    recording.arrays = std::move(*arrays);
    return recording;
  }
  auto array = read_npy(file);
  if (!array) {
    return std::unexpected(array.error());
  }
  recording.arrays.push_back({.name = {}, .array = std::move(*array), .owned = {}});
  return recording;
}

std::vector<const NpzArray*> assign_arrays(const Recording& recording, std::span<const std::string> names) {
  std::vector<const NpzArray*> meant(names.size(), nullptr);
  bool any = false;
  for (std::size_t i = 0; i < names.size(); ++i) {
    const auto own = std::ranges::find(recording.arrays, names[i], &NpzArray::name);
    if (own != recording.arrays.end()) {
      meant[i] = &*own;
      any = true;
    }
  }
  if (any || names.empty()) {
    return meant;
  }
  if (recording.arrays.size() == 1) {
    meant.front() = &recording.arrays.front();
  } else if (in_order(recording)) {
    for (std::size_t i = 0; i < names.size(); ++i) {
      const auto own = std::ranges::find(recording.arrays, "arr_" + std::to_string(i), &NpzArray::name);
      meant[i] = own == recording.arrays.end() ? nullptr : &*own;
    }
  }
  return meant;
}

std::string array_names(const Recording& recording) {
  std::vector<std::string> names;
  for (const NpzArray& array : recording.arrays) {
    names.push_back(printable(array.name));
  }
  return join_quoted(names);
}

}  // namespace runup
