// SPDX-License-Identifier: Apache-2.0
#include "probes/torch/tensors.h"

#include <array>
#include <bit>
#include <format>
#include <map>
#include <set>

#include <ATen/core/Dict.h>
#include <ATen/core/List.h>
#include <ATen/core/function_schema.h>
#include <ATen/core/jit_type.h>
#include <ATen/ops/_make_per_channel_quantized_tensor.h>
#include <ATen/ops/_make_per_tensor_quantized_tensor.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/from_blob.h>
#include <ATen/ops/scalar_tensor.h>
#include <ATen/ops/tensor.h>
#include <c10/core/ScalarType.h>

#include "base/text.h"
#include "facts/state_dict.h"

namespace runup {

namespace {

constexpr std::size_t kMostOutputs = 1000;
constexpr int kDeepestOutput = 16;

using SharedContent = std::shared_ptr<const StorageContent>;

std::optional<c10::ScalarType> scalar_type(const std::string& dtype) {
  const auto& types = c10::getStringToDtypeMap();
  const auto found = types.find(dtype);
  return found == types.end() ? std::nullopt : std::optional(found->second);
}

std::string dtype_name(c10::ScalarType type) { return c10::getDtypeNames(type).first; }

std::unexpected<Error> unusable(const std::string& key, const std::string& why) {
  return fail(ErrorCode::unsupported, "tensor `" + key + "` " + why);
}

// The storages that one state_dict uses, each read once.
class Storages {
 public:
  Storages(Bytes file, const ArtifactFacts& artifact) : file_(file), artifact_(artifact) {}

  // Aligned for elements of `item_bytes`.
  Result<SharedContent> get(std::size_t index, std::size_t item_bytes) {
    SharedContent& content = contents_[index];
    if (!content) {
      auto read = read_storage(file_, artifact_, index);
      if (!read) {
        return std::unexpected(read.error());
      }
      content = std::make_shared<const StorageContent>(std::move(*read));
    }
    // No element needs more than this; complex128 is two doubles.
    const std::size_t alignment = std::min<std::size_t>(std::bit_floor(item_bytes), 8);
    if (std::bit_cast<std::uintptr_t>(content->view.data()) % alignment != 0) {
      StorageContent copy;
      copy.owned.assign(content->view.begin(), content->view.end());
      copy.view = copy.owned;
      content = std::make_shared<const StorageContent>(std::move(copy));
    }
    return content;
  }

 private:
  Bytes file_;
  const ArtifactFacts& artifact_;
  std::map<std::size_t, SharedContent> contents_;
};

// Whether all elements lie inside a storage of `available` elements. The file's own numbers: any of
// them may be absurd.
bool view_fits(const TensorFacts& facts, std::uint64_t available) {
  if (facts.stride.size() != facts.shape.size() || facts.storage_offset < 0) {
    return false;
  }
  std::int64_t last = facts.storage_offset;
  for (std::size_t axis = 0; axis < facts.shape.size(); ++axis) {
    std::int64_t reach = 0;
    if (facts.shape[axis] < 1 || facts.stride[axis] < 0 ||
        __builtin_mul_overflow(facts.shape[axis] - 1, facts.stride[axis], &reach) ||
        __builtin_add_overflow(last, reach, &last)) {
      return false;
    }
  }
  return static_cast<std::uint64_t>(last) < available;
}

// The type of the integers below a quantised type.
std::optional<c10::ScalarType> integers_of(c10::ScalarType type) {
  switch (type) {
    case c10::ScalarType::QInt8:
      return c10::ScalarType::Char;
    case c10::ScalarType::QUInt8:
      return c10::ScalarType::Byte;
    case c10::ScalarType::QInt32:
      return c10::ScalarType::Int;
    default:
      return std::nullopt;
  }
}

Result<at::Tensor> quantised(const at::Tensor& integers, const std::string& key,
                             const QuantisationFacts& how) {
  if (how.scheme == "per_tensor_affine" && how.scales.size() == 1 && how.zero_points.size() == 1) {
    return at::_make_per_tensor_quantized_tensor(integers, how.scales[0],
                                                 static_cast<std::int64_t>(how.zero_points[0]));
  }
  if (how.scheme == "per_channel_affine" && how.axis >= 0 && how.axis < integers.dim() &&
      how.scales.size() == static_cast<std::size_t>(integers.size(how.axis)) &&
      how.zero_points.size() == how.scales.size()) {
    return at::_make_per_channel_quantized_tensor(
        integers, at::tensor(how.scales), at::tensor(how.zero_points).to(c10::ScalarType::Long), how.axis);
  }
  return unusable(key, "is quantised by `" + how.scheme + "`, which is not read here");
}

Result<at::Tensor> make_tensor(const std::string& key, const TensorFacts& facts, Storages& storages) {
  const std::optional<c10::ScalarType> type = scalar_type(facts.dtype);
  if (!type) {
    return unusable(key, "has the type `" + facts.dtype + "`, which this libtorch does not know");
  }
  if (facts.layout != "strided") {
    return unusable(key, "is `" + facts.layout + "`; expected a strided tensor");
  }
  if (facts.elements == 0) {
    return at::empty(facts.shape, *type);
  }
  if (facts.storage < 0) {
    return unusable(key, "has no values in the file (a meta tensor)");
  }
  const std::optional<c10::ScalarType> integers = facts.quantisation ? integers_of(*type) : type;
  if (!integers || (c10::isQIntType(*type) && !facts.quantisation)) {
    return unusable(key, "has the type `" + facts.dtype + "`, which is not read here");
  }
  const std::size_t item_bytes = c10::elementSize(*integers);
  const auto content = storages.get(static_cast<std::size_t>(facts.storage), item_bytes);
  if (!content) {
    return wrap(content.error(), "tensor `" + key + "` cannot be read");
  }
  const Bytes view = (*content)->view;
  if (!view_fits(facts, view.size() / item_bytes)) {
    return unusable(key, "of shape " + shape_text(facts.shape) + " reaches out of its storage of " +
                             std::to_string(view.size()) + " bytes");
  }
  const std::byte* first = view.data() + static_cast<std::size_t>(facts.storage_offset) * item_bytes;
  at::Tensor tensor = at::from_blob(
      const_cast<std::byte*>(first), facts.shape, facts.stride,
      [keep = *content](void*) mutable { keep.reset(); }, *integers);
  if (facts.conjugate) {
    tensor = tensor.conj();
  }
  if (facts.negative) {
    tensor = tensor.neg();
  }
  return facts.quantisation ? quantised(tensor, key, *facts.quantisation) : tensor;
}

// Gathers outputs with their names.
class OutputCollector {
 public:
  Result<void> add(const c10::IValue& value, const std::string& name, int depth) {
    if (depth > kDeepestOutput || outputs_.size() > kMostOutputs) {
      return fail(ErrorCode::limit, "the model returned more than " + std::to_string(kMostOutputs) +
                                        " tensors, or nested them more than " +
                                        std::to_string(kDeepestOutput) + " deep");
    }
    if (value.isTensor()) {
      return add_tensor(value.toTensor(), name.empty() ? "output[0]" : name);
    }
    if (value.isScalar()) {
      return add_tensor(at::scalar_tensor(value.toScalar(), value.toScalar().type()),
                        name.empty() ? "output[0]" : name);
    }
    if (value.isTuple()) {
      return add_tuple(value.toTupleRef(), name, depth);
    }
    if (value.isList()) {
      return add_items(value.toListRef(), name, depth);
    }
    if (value.isGenericDict()) {
      for (const auto& entry : value.toGenericDict()) {
        const std::string key = entry.key().isString() ? entry.key().toStringRef() : c10::str(entry.key());
        if (auto outcome = add(entry.value(), member(name, key), depth + 1); !outcome) {
          return outcome;
        }
      }
    }
    return {};
  }

  std::vector<HeldOutput> take() { return std::move(outputs_); }

 private:
  static std::string member(const std::string& name, const std::string& key) {
    return name.empty() ? key : std::format("{}.{}", name, key);
  }

  template <class Items>
  Result<void> add_items(const Items& items, const std::string& name, int depth) {
    std::size_t index = 0;
    for (const c10::IValue& item : items) {
      const std::string place = "[" + std::to_string(index++) + "]";
      if (auto outcome = add(item, (name.empty() ? "output" : name) + place, depth + 1); !outcome) {
        return outcome;
      }
    }
    return {};
  }

  Result<void> add_tuple(const c10::ivalue::Tuple& tuple, const std::string& name, int depth) {
    const auto type = tuple.type();
    if (!type->schema()) {
      return add_items(tuple.elements(), name, depth);
    }
    for (std::size_t i = 0; i < tuple.elements().size(); ++i) {
      const std::string& field = type->schema()->arguments()[i].name();
      if (auto outcome = add(tuple.elements()[i], member(name, field), depth + 1); !outcome) {
        return outcome;
      }
    }
    return {};
  }

  Result<void> add_tensor(const at::Tensor& returned, const std::string& name) {
    if (!returned.defined()) {
      return {};
    }
    at::Tensor tensor = returned.detach();
    if (tensor.is_quantized()) {
      tensor = tensor.dequantize();
    }
    if (tensor.layout() != c10::Layout::Strided) {
      tensor = tensor.to_dense();
    }
    tensor = tensor.to(c10::Device(c10::DeviceType::CPU)).resolve_conj().resolve_neg().contiguous();
    HeldOutput output;
    output.values = {.name = name,
                     .dtype = dtype_name(tensor.scalar_type()),
                     .shape = tensor.sizes().vec(),
                     .bytes = {static_cast<const std::byte*>(tensor.const_data_ptr()), tensor.nbytes()}};
    output.owner = std::make_shared<const at::Tensor>(std::move(tensor));
    outputs_.push_back(std::move(output));
    return {};
  }

  std::vector<HeldOutput> outputs_;
};

}  // namespace

Result<std::vector<NamedTensor>> state_dict_tensors(Bytes file, const ArtifactFacts& artifact,
                                                    const StateDictFacts& state_dict) {
  if (artifact.byte_order == "big") {
    return fail(ErrorCode::unsupported, "the tensors are big-endian; expected little-endian");
  }
  Storages storages(file, artifact);
  std::vector<NamedTensor> tensors;
  std::set<std::string_view> seen;
  for (const TensorFacts& facts : artifact.tensors) {
    const auto key = state_dict_key(facts.path, state_dict.path);
    if (!key || !seen.insert(*key).second) {
      continue;
    }
    auto tensor = make_tensor(std::string(*key), facts, storages);
    if (!tensor) {
      return std::unexpected(tensor.error());
    }
    tensors.push_back({.key = std::string(*key), .tensor = std::move(*tensor)});
  }
  return tensors;
}

std::vector<at::Tensor> input_tensors(const std::vector<InputValues>& inputs, c10::Device device) {
  std::vector<at::Tensor> tensors;
  tensors.reserve(inputs.size());
  for (const InputValues& input : inputs) {
    const c10::ScalarType type = c10::getStringToDtypeMap().at(std::string(enum_name(input.dtype)));
    at::Tensor tensor = input.bytes.empty()
                            ? at::empty(input.shape, type)
                            : at::from_blob(const_cast<std::byte*>(input.bytes.data()), input.shape, type);
    tensors.push_back(tensor.to(device));
  }
  return tensors;
}

Result<std::vector<HeldOutput>> output_values(const c10::IValue& returned) {
  OutputCollector collector;
  if (auto outcome = collector.add(returned, "", 0); !outcome) {
    return std::unexpected(outcome.error());
  }
  std::vector<HeldOutput> outputs = collector.take();
  if (outputs.empty()) {
    return fail(ErrorCode::bad_input,
                "the model returned `" + returned.tagKind() +
                    "` without a tensor in it; expected a tensor, or a tuple, list or dict of them");
  }
  return outputs;
}

}  // namespace runup
