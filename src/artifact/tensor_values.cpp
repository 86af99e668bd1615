// SPDX-License-Identifier: Apache-2.0
#include "artifact/tensor_values.h"

#include <algorithm>
#include <map>
#include <optional>
#include <tuple>
#include <utility>
#include <vector>

#include "artifact/reader.h"
#include "artifact/torch_types.h"
#include "artifact/value_scan.h"

namespace runup::artifact {

namespace {

// Times that all storages together may be looked at.
constexpr std::uint64_t kLooksAtStorages = 4;
// Deflated storages are unpacked one by one, each by a search of its own.
constexpr std::size_t kMostUnpackedStorages = 1000;
constexpr std::uint64_t kPieceBytes = std::uint64_t{16} << 20U;

// An axis of a view, in elements.
struct Axis {
  std::int64_t size = 1;
  std::int64_t stride = 0;
};

// The axes along which a view moves, the longest stride first; nothing when it has no sound shape.
std::optional<std::vector<Axis>> moving_axes(const TensorFacts& tensor) {
  if (tensor.stride.size() != tensor.shape.size() || tensor.storage_offset < 0) {
    return std::nullopt;
  }
  std::vector<Axis> axes;
  for (std::size_t i = 0; i < tensor.shape.size(); ++i) {
    if (tensor.shape[i] < 1 || tensor.stride[i] < 0) {
      return std::nullopt;
    }
    // The same element again says nothing new.
    if (tensor.shape[i] > 1 && tensor.stride[i] > 0) {
      axes.push_back({.size = tensor.shape[i], .stride = tensor.stride[i]});
    }
  }
  std::ranges::sort(axes, std::greater{}, &Axis::stride);
  return axes;
}

// Of how many elements in a row the view is made: the innermost axes that lie densely, taken off `axes`.
std::int64_t take_dense(std::vector<Axis>& axes) {
  std::int64_t run = 1;
  while (!axes.empty() && axes.back().stride == run && !__builtin_mul_overflow(run, axes.back().size, &run)) {
    axes.pop_back();
  }
  return run;
}

// The index of the last element that the view shows; nothing when it is absurd.
std::optional<std::int64_t> last_element(std::int64_t first, const std::vector<Axis>& axes,
                                         std::int64_t run) {
  std::int64_t last = 0;
  if (__builtin_add_overflow(first, run - 1, &last)) {
    return std::nullopt;
  }
  for (const Axis& axis : axes) {
    std::int64_t reach = 0;
    if (__builtin_mul_overflow(axis.size - 1, axis.stride, &reach) ||
        __builtin_add_overflow(last, reach, &last)) {
      return std::nullopt;
    }
  }
  return last;
}

class Scanner {
 public:
  Scanner(Bytes file, const std::map<std::string, Bytes>& external, ArtifactFacts& facts,
          const PageRelease& pages)
      : file_(file), facts_(facts), pages_(pages) {
    find_external(external);
    for (std::size_t i = 0; i < facts.storages.size(); ++i) {
      const auto outside = external_.find(i);
      budget_ += kLooksAtStorages * (outside != external_.end()
                                         ? outside->second.size()
                                         : std::min<std::uint64_t>(facts.storages[i].bytes, file.size()));
    }
  }

  void run() {
    for (TensorFacts& tensor : facts_.tensors) {
      if (tensor.storage < 0 || tensor.elements == 0 || tensor.quantisation || tensor.layout != "strided") {
        continue;
      }
      const Look look{tensor.storage, tensor.dtype, tensor.storage_offset, tensor.shape, tensor.stride};
      auto [known, is_new] = looks_.try_emplace(look);
      if (is_new) {
        known->second = scan(tensor);
      }
      tensor.values = known->second;
    }
  }

 private:
  using Look = std::tuple<std::int64_t, std::string, std::int64_t, std::vector<std::int64_t>,
                          std::vector<std::int64_t>>;

  void find_external(const std::map<std::string, Bytes>& files) {
    std::map<std::string_view, const OnnxExternalFacts*> named;
    if (facts_.onnx && !files.empty()) {
      for (const OnnxExternalFacts& one : facts_.onnx->external) {
        named.emplace(one.tensor, &one);
      }
    }
    for (const TensorFacts& tensor : facts_.tensors) {
      const auto known = named.find(tensor.path);
      if (known == named.end() || tensor.storage < 0) {
        continue;
      }
      const OnnxExternalFacts& place = *known->second;
      const auto file = files.find(place.location);
      if (file != files.end() && place.offset <= file->second.size() &&
          place.bytes <= file->second.size() - place.offset) {
        external_.emplace(static_cast<std::size_t>(tensor.storage),
                          file->second.subspan(place.offset, place.bytes));
      }
    }
  }

  std::optional<ValueFacts> scan(const TensorFacts& tensor) {
    const auto type = torch_type(tensor.dtype);
    const auto scan = ValueScan::of(tensor.dtype, facts_.byte_order == "big");
    auto axes = moving_axes(tensor);
    const Bytes* storage = scan && type && axes ? content(static_cast<std::size_t>(tensor.storage)) : nullptr;
    if (storage == nullptr) {
      return std::nullopt;
    }
    const std::size_t item = type->item_bytes;
    const std::int64_t run = take_dense(*axes);
    const auto last = last_element(tensor.storage_offset, *axes, run);
    if (!last || static_cast<std::uint64_t>(*last) >= storage->size() / item) {
      return std::nullopt;
    }
    std::uint64_t rows = 1;
    for (const Axis& axis : *axes) {
      if (__builtin_mul_overflow(rows, static_cast<std::uint64_t>(axis.size), &rows)) {
        return std::nullopt;
      }
    }
    // Each row costs a little more than its bytes.
    std::uint64_t cost = 0;
    if (__builtin_mul_overflow(rows, static_cast<std::uint64_t>(run) * item + 8, &cost) || cost > budget_) {
      return std::nullopt;
    }
    budget_ -= cost;
    scan_rows(*scan, *storage, *axes, static_cast<std::size_t>(tensor.storage_offset) * item,
              static_cast<std::size_t>(run) * item, item);
    return scan->facts();
  }

  void scan_rows(ValueScan& scan, Bytes storage, const std::vector<Axis>& axes, std::size_t first,
                 std::size_t row_bytes, std::size_t item) const {
    std::vector<std::int64_t> place(axes.size());
    for (bool more = true; more;) {
      std::size_t at = first;
      for (std::size_t i = 0; i < axes.size(); ++i) {
        at += static_cast<std::size_t>(place[i] * axes[i].stride) * item;
      }
      scan_row(scan, storage.subspan(at, row_bytes));
      more = false;
      for (std::size_t i = axes.size(); i-- > 0 && !more;) {
        more = ++place[i] < axes[i].size;
        place[i] = more ? place[i] : 0;
      }
    }
  }

  void scan_row(ValueScan& scan, Bytes row) const {
    for (std::size_t at = 0; at < row.size(); at += kPieceBytes) {
      const Bytes piece = row.subspan(at, std::min<std::size_t>(kPieceBytes, row.size() - at));
      scan.add(piece);
      // Also after small rows: thousands of them are a large file too.
      pages_.drop(piece);
    }
  }

  // The bytes of a storage; null when they cannot be read. A deflated one is kept until the next is asked for.
  const Bytes* content(std::size_t index) {
    if (index != current_index_) {
      current_index_ = index;
      current_.reset();
      if (const auto outside = external_.find(index); outside != external_.end()) {
        current_ = StorageContent{.view = outside->second, .owned = {}};
        return &current_->view;
      }
      const bool plain = index < facts_.storages.size() && facts_.storages[index].offset;
      if (!plain && ++unpacked_ > kMostUnpackedStorages) {
        return nullptr;
      }
      if (auto read = read_storage(file_, facts_, index)) {
        current_ = std::move(*read);
      }
    }
    return current_ ? &current_->view : nullptr;
  }

  Bytes file_;
  ArtifactFacts& facts_;
  const PageRelease& pages_;
  // by storage: what lies in another file
  std::map<std::size_t, Bytes> external_;
  std::map<Look, std::optional<ValueFacts>> looks_;
  std::optional<StorageContent> current_;
  std::size_t current_index_ = static_cast<std::size_t>(-1);
  std::size_t unpacked_ = 0;
  std::uint64_t budget_ = 0;
};

}  // namespace

void scan_tensor_values(Bytes file, const std::map<std::string, Bytes>& external, ArtifactFacts& facts,
                        const PageRelease& pages) {
  Scanner(file, external, facts, pages).run();
}

}  // namespace runup::artifact
