// SPDX-License-Identifier: Apache-2.0
#pragma once

// Tensors as torch._utils rebuilds them from a pickle.

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "artifact/storages.h"

namespace runup::artifact {

struct TensorValue {
  // without its path
  TensorFacts facts;
  // `torch.Tensor`, `torch.nn.parameter.Parameter`, or the subclass
  std::string type = "torch.Tensor";
  // dicts of attributes that were set on it
  std::vector<ValueId> attributes;
};

// The bytes of a storage, as far as they can be had while the file is read.
using StorageBytes = std::function<Read<StorageContent>(std::int64_t storage)>;

class TensorReader {
 public:
  TensorReader(const ObjectGraph& graph, const PersistentObjects& persistent, const StorageTable& storages,
               StorageBytes bytes)
      : graph_(graph), persistent_(persistent), storages_(storages), bytes_(std::move(bytes)) {}

  // Nothing when the value is no tensor; a problem when it is one and its numbers are impossible.
  // A tensor that is returned with a storage lies inside it.
  std::optional<Read<TensorValue>> read(ValueId id) const { return read(id, 0); }
  // Index of the storage that the value is; nothing for other values.
  std::optional<std::int64_t> storage(ValueId id) const;

 private:
  using Args = std::span<const ValueId>;

  std::optional<Read<TensorValue>> read(ValueId id, int depth) const;
  std::optional<Read<TensorValue>> rebuild(Known function, Args args, int depth) const;
  Read<TensorValue> strided(Known function, Args args) const;
  Read<TensorValue> quantised(Args args, int depth) const;
  Read<TensorValue> sparse(Args args, int depth) const;
  Read<TensorValue> nested(Args args, int depth) const;
  Read<TensorValue> meta(Args args) const;
  Read<TensorValue> wrapper(Args args) const;
  Read<TensorValue> on_device(Args args, int depth) const;
  Read<TensorValue> parameter(Args args, int depth) const;
  Read<TensorValue> from_type(Args args, int depth) const;

  std::optional<std::string> dtype(ValueId id) const;
  std::string layout(ValueId id) const;
  Read<void> set_shape(TensorFacts& facts, ValueId size, ValueId stride) const;
  Read<void> place(TensorFacts& facts, ValueId storage, ValueId offset) const;
  void set_marks(TensorFacts& facts, ValueId metadata) const;
  std::vector<double> numbers(ValueId id, int depth) const;

  const ObjectGraph& graph_;
  const PersistentObjects& persistent_;
  const StorageTable& storages_;
  StorageBytes bytes_;
};

}  // namespace runup::artifact
