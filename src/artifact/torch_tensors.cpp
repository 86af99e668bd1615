// SPDX-License-Identifier: Apache-2.0
#include "artifact/torch_tensors.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <format>
#include <limits>

#include "artifact/numpy_values.h"
#include "artifact/tensor_layout.h"
#include "artifact/torch_types.h"
#include "base/text.h"

namespace runup::artifact {

namespace {

// Wrappers (a parameter of a subclass of a quantised tensor) nest no deeper than a few levels.
constexpr int kMostWrappers = 8;
constexpr std::size_t kMostStrides = 1024;
constexpr std::size_t kMostScales = 65536;

std::unexpected<Problem> malformed(std::string message) {
  return problem(DefectKind::malformed, std::move(message));
}

}  // namespace

std::optional<std::int64_t> TensorReader::storage(ValueId id) const {
  const auto found = persistent_.storages.find(id);
  return found == persistent_.storages.end() ? std::nullopt : std::optional(found->second);
}

std::optional<Read<TensorValue>> TensorReader::read(ValueId id, int depth) const {
  if (const auto known = persistent_.tensors.find(id); known != persistent_.tensors.end()) {
    return TensorValue{.facts = known->second};
  }
  const auto call = graph_.instance(id);
  if (!call) {
    return std::nullopt;
  }
  auto tensor = rebuild(call->known, call->args, depth);
  if (tensor && *tensor) {
    for (const ValueId state : call->object->states) {
      (*tensor)->attributes.push_back(state);
    }
  }
  return tensor;
}

std::optional<Read<TensorValue>> TensorReader::rebuild(Known function, Args args, int depth) const {
  if (function < Known::rebuild_tensor || function > Known::rebuild_from_type) {
    return std::nullopt;
  }
  if (depth > kMostWrappers) {
    return malformed("a tensor inside a tensor, without end");
  }
  switch (function) {
    case Known::rebuild_qtensor:
      return quantised(args, depth);
    case Known::rebuild_sparse:
      return sparse(args, depth);
    case Known::rebuild_nested:
      return nested(args, depth);
    case Known::rebuild_meta:
      return meta(args);
    case Known::rebuild_wrapper:
      return wrapper(args);
    case Known::rebuild_on_device:
      return on_device(args, depth);
    case Known::rebuild_parameter:
      return parameter(args, depth);
    case Known::rebuild_from_type:
      return from_type(args, depth);
    default:
      return strided(function, args);
  }
}

// _rebuild_tensor(storage, offset, size, stride), _v2(..., requires_grad, hooks[, metadata]),
// _v3(..., requires_grad, hooks, dtype[, metadata])
Read<TensorValue> TensorReader::strided(Known function, Args args) const {
  const std::size_t least = function == Known::rebuild_tensor      ? 4
                            : function == Known::rebuild_tensor_v2 ? 6
                                                                   : 7;
  if (args.size() < least) {
    return malformed(std::format("a tensor is rebuilt from {} arguments; expected {}", args.size(), least));
  }
  TensorValue tensor;
  const auto index = storage(args[0]);
  const auto type = function == Known::rebuild_tensor_v3 ? dtype(args[6])
                    : index                              ? std::optional(storages_.at(*index).dtype)
                                                         : std::nullopt;
  if (!type) {
    return malformed("a tensor has no dtype or storage that is known");
  }
  tensor.facts.dtype = *type;
  tensor.facts.requires_grad = least > 4 && graph_.pickle().truth(args[4]);
  if (least > 4 && args.size() > least) {
    set_marks(tensor.facts, args[least]);
  }
  auto ok = set_shape(tensor.facts, args[2], args[3]);
  if (ok) {
    ok = place(tensor.facts, args[0], args[1]);
  }
  return ok ? Read<TensorValue>(std::move(tensor)) : std::unexpected(ok.error());
}

// _rebuild_qtensor(storage, offset, size, stride, (scheme, ...), requires_grad, hooks)
Read<TensorValue> TensorReader::quantised(Args args, int depth) const {
  const Pickle& pickle = graph_.pickle();
  const auto parts = args.size() >= 5 ? pickle.sequence(args[4]) : Args();
  const auto index = args.size() >= 5 ? storage(args[0]) : std::nullopt;
  if (parts.size() < 3 || !index) {
    return malformed("a quantised tensor has no storage or no quantiser");
  }
  TensorValue tensor;
  tensor.facts.dtype = storages_.at(*index).dtype;
  std::string_view scheme = graph_.name(parts[0]);
  scheme.remove_prefix(scheme.starts_with("torch.") ? 6 : 0);
  tensor.facts.quantisation = {.scheme = std::string(scheme),
                               .scales = numbers(parts[1], depth),
                               .zero_points = numbers(parts[2], depth),
                               .axis = parts.size() > 3 ? pickle.integer(parts[3]).value_or(0) : 0};
  tensor.facts.requires_grad = args.size() > 5 && pickle.truth(args[5]);
  auto ok = set_shape(tensor.facts, args[2], args[3]);
  if (ok) {
    ok = place(tensor.facts, args[0], args[1]);
  }
  return ok ? Read<TensorValue>(std::move(tensor)) : std::unexpected(ok.error());
}

// _rebuild_sparse_tensor(layout, (indices, values, size[, coalesced])) or
// (layout, (compressed indices, plain indices, values, size))
Read<TensorValue> TensorReader::sparse(Args args, int depth) const {
  const auto data = args.size() >= 2 ? graph_.pickle().sequence(args[1]) : Args();
  const std::string kind = args.empty() ? std::string() : layout(args[0]);
  const bool coo = kind == "sparse_coo";
  const std::size_t parts = coo ? 2 : 3;
  if (data.size() <= parts || !kind.starts_with("sparse_")) {
    return malformed("a sparse tensor without its parts");
  }
  TensorValue tensor;
  tensor.facts.layout = kind;
  std::uint64_t bytes = 0;
  for (std::size_t i = 0; i < parts; ++i) {
    const auto part = read(data[i], depth + 1);
    if (!part || !*part) {
      return part ? std::unexpected(part->error()) : malformed("a part of a sparse tensor is no tensor");
    }
    bytes += (*part)->facts.bytes;
    tensor.facts.dtype = (*part)->facts.dtype;
  }
  const auto size = graph_.integers(data[parts]);
  if (!size) {
    return malformed("a sparse tensor has no valid size");
  }
  tensor.facts.shape = *size;
  if (auto ok = set_tensor_size(tensor.facts); !ok) {
    return std::unexpected(ok.error());
  }
  tensor.facts.bytes = bytes;
  return tensor;
}

// _rebuild_nested_tensor(buffer, sizes, strides, offsets)
Read<TensorValue> TensorReader::nested(Args args, int depth) const {
  const auto buffer = args.empty() ? std::nullopt : read(args[0], depth + 1);
  if (!buffer || !*buffer) {
    return buffer ? std::unexpected(buffer->error()) : malformed("a nested tensor without its buffer");
  }
  TensorValue tensor;
  tensor.facts.layout = "nested";
  tensor.facts.dtype = (*buffer)->facts.dtype;
  tensor.facts.elements = (*buffer)->facts.elements;
  tensor.facts.bytes = (*buffer)->facts.bytes;
  return tensor;
}

// _rebuild_meta_tensor_no_storage(dtype, size, stride, requires_grad)
Read<TensorValue> TensorReader::meta(Args args) const {
  const auto type = args.size() >= 4 ? dtype(args[0]) : std::nullopt;
  if (!type) {
    return malformed("a meta tensor without dtype and size");
  }
  TensorValue tensor;
  tensor.facts.dtype = *type;
  tensor.facts.requires_grad = graph_.pickle().truth(args[3]);
  auto ok = set_shape(tensor.facts, args[1], args[2]);
  return ok ? Read<TensorValue>(std::move(tensor)) : std::unexpected(ok.error());
}

// _rebuild_wrapper_subclass(class, dtype, size, stride, offset, layout, device, requires_grad): the
// content is in its attributes
Read<TensorValue> TensorReader::wrapper(Args args) const {
  const auto type = args.size() >= 8 ? dtype(args[1]) : std::nullopt;
  if (!type) {
    return malformed("a tensor subclass without dtype and size");
  }
  TensorValue tensor{.type = std::string(graph_.name(args[0]))};
  tensor.facts.dtype = *type;
  tensor.facts.requires_grad = graph_.pickle().truth(args[7]);
  auto ok = set_shape(tensor.facts, args[2], args[3]);
  return ok ? Read<TensorValue>(std::move(tensor)) : std::unexpected(ok.error());
}

// _rebuild_device_tensor_from_numpy or _from_cpu_tensor(data, dtype, device, requires_grad)
Read<TensorValue> TensorReader::on_device(Args args, int depth) const {
  const auto type = args.size() >= 4 ? dtype(args[1]) : std::nullopt;
  if (!type) {
    return malformed("a tensor of another device without dtype and data");
  }
  TensorValue tensor;
  tensor.facts.dtype = *type;
  tensor.facts.requires_grad = graph_.pickle().truth(args[3]);
  if (const auto array = read_numpy_array(graph_, args[0]); array && *array) {
    tensor.facts.shape = (*array)->shape;
  } else if (const auto source = read(args[0], depth + 1); source && *source) {
    tensor.facts.shape = (*source)->facts.shape;
  } else {
    return malformed("a tensor of another device has no data that is known");
  }
  // Row-major, as tensor.to() makes it.
  tensor.facts.stride.assign(tensor.facts.shape.size(), 1);
  for (std::size_t i = tensor.facts.shape.size(); i >= 2; --i) {
    const std::int64_t size = std::max<std::int64_t>(tensor.facts.shape[i - 1], 1);
    if (size > std::numeric_limits<std::int64_t>::max() / tensor.facts.stride[i - 1]) {
      return malformed("a tensor of another device is larger than memory");
    }
    tensor.facts.stride[i - 2] = tensor.facts.stride[i - 1] * size;
  }
  auto ok = set_tensor_size(tensor.facts);
  return ok ? Read<TensorValue>(std::move(tensor)) : std::unexpected(ok.error());
}

// _rebuild_parameter(data, requires_grad, hooks), _with_state(..., state)
Read<TensorValue> TensorReader::parameter(Args args, int depth) const {
  auto tensor = args.size() >= 3 ? read(args[0], depth + 1) : std::nullopt;
  if (!tensor || !*tensor) {
    return tensor ? *tensor : malformed("a parameter without a tensor");
  }
  (*tensor)->facts.is_parameter = true;
  (*tensor)->facts.requires_grad = graph_.pickle().truth(args[1]);
  if ((*tensor)->type == "torch.Tensor") {
    (*tensor)->type = "torch.nn.parameter.Parameter";
  }
  if (args.size() > 3) {
    (*tensor)->attributes.push_back(args[3]);
  }
  return *tensor;
}

// _rebuild_from_type_v2(function, type, args, state)
Read<TensorValue> TensorReader::from_type(Args args, int depth) const {
  if (args.size() < 4 || !graph_.pickle().is(args[2], ValueKind::tuple)) {
    return malformed("a tensor subclass without its arguments");
  }
  auto tensor = rebuild(graph_.known(args[0]), graph_.pickle().at(args[2]).items, depth + 1);
  if (!tensor || !*tensor) {
    return tensor ? *tensor : malformed("a tensor subclass is rebuilt by a function that is not known");
  }
  if (const std::string_view type = graph_.name(args[1]); !type.empty() && type != "torch.Tensor") {
    (*tensor)->type = std::string(type);
    (*tensor)->facts.is_parameter = (*tensor)->facts.is_parameter || type == "torch.nn.parameter.Parameter";
  }
  (*tensor)->attributes.push_back(args[3]);
  return *tensor;
}

std::optional<std::string> TensorReader::dtype(ValueId id) const {
  const std::string_view name = graph_.name(id);
  const auto type = name.starts_with("torch.") ? torch_type(name.substr(6)) : std::nullopt;
  return type ? std::optional(std::string(type->name)) : std::nullopt;
}

std::string TensorReader::layout(ValueId id) const {
  std::string name(graph_.name(id));
  if (const auto call = graph_.instance(id);
      call && call->known == Known::torch_get_layout && !call->args.empty()) {
    name = graph_.pickle().text(call->args[0]).value_or("");
  }
  return name.starts_with("torch.") ? name.substr(6) : name;
}

Read<void> TensorReader::set_shape(TensorFacts& facts, ValueId size, ValueId stride) const {
  const auto sizes = graph_.integers(size);
  const auto strides = graph_.integers(stride);
  if (!sizes || !strides) {
    return malformed("a tensor's size or stride is no tuple of whole numbers");
  }
  if (sizes->size() != strides->size() || sizes->size() > kMostStrides) {
    return malformed(std::format("a tensor has {} sizes and {} strides", sizes->size(), strides->size()));
  }
  const auto negative = [](std::int64_t number) { return number < 0; };
  if (std::ranges::any_of(*sizes, negative) || std::ranges::any_of(*strides, negative)) {
    return malformed(std::format("a tensor has shape {} and stride {}; expected no negative number",
                                 shape_text(*sizes), shape_text(*strides)));
  }
  facts.shape = *sizes;
  facts.stride = *strides;
  return set_tensor_size(facts);
}

Read<void> TensorReader::place(TensorFacts& facts, ValueId storage_value, ValueId offset_value) const {
  const auto index = storage(storage_value);
  const auto offset = graph_.pickle().integer(offset_value);
  if (!index || !offset) {
    return malformed("a tensor has no storage, or its offset is no whole number");
  }
  if (*offset < 0) {
    return malformed(std::format("a tensor starts at element {} of its storage", *offset));
  }
  facts.storage_offset = *offset;
  return place_tensor(facts, *index, storages_.at(*index).bytes);
}

void TensorReader::set_marks(TensorFacts& facts, ValueId metadata) const {
  facts.conjugate = graph_.pickle().truth(graph_.pickle().entry(metadata, "conj"));
  facts.negative = graph_.pickle().truth(graph_.pickle().entry(metadata, "neg"));
}

// A number, a list of numbers, or the content of a one-dimensional tensor of float64, float32 or int64.
std::vector<double> TensorReader::numbers(ValueId id, int depth) const {
  const Pickle& pickle = graph_.pickle();
  const auto number = [&](ValueId item) {
    return pickle.is(item, ValueKind::real) ? pickle.at(item).real
                                            : static_cast<double>(pickle.integer(item).value_or(0));
  };
  if (pickle.is(id, ValueKind::real) || pickle.is(id, ValueKind::integer)) {
    return {number(id)};
  }
  std::vector<double> values;
  if (pickle.is(id, ValueKind::list) || pickle.is(id, ValueKind::tuple)) {
    for (const ValueId item : pickle.sequence(id).first(std::min(pickle.sequence(id).size(), kMostScales))) {
      values.push_back(number(item));
    }
    return values;
  }
  const auto tensor = read(id, depth + 1);
  if (!tensor || !*tensor || (*tensor)->facts.storage < 0 || (*tensor)->facts.shape.size() != 1) {
    return values;
  }
  const TensorFacts& facts = (*tensor)->facts;
  const auto content = bytes_(facts.storage);
  const auto item = torch_type(facts.dtype)->item_bytes;
  for (std::uint64_t i = 0; content && i < std::min<std::uint64_t>(facts.elements, kMostScales); ++i) {
    const std::uint64_t at =
        (static_cast<std::uint64_t>(facts.storage_offset) + i * static_cast<std::uint64_t>(facts.stride[0])) *
        item;
    if (facts.dtype == "float64") {
      values.push_back(read_little_endian<double>(content->view, at).value_or(0));
    } else if (facts.dtype == "float32") {
      values.push_back(read_little_endian<float>(content->view, at).value_or(0));
    } else if (facts.dtype == "int64") {
      values.push_back(static_cast<double>(read_little_endian<std::int64_t>(content->view, at).value_or(0)));
    } else if (facts.dtype == "int32") {
      values.push_back(read_little_endian<std::int32_t>(content->view, at).value_or(0));
    }
  }
  return values;
}

}  // namespace runup::artifact
