// SPDX-License-Identifier: Apache-2.0
#include "artifact/object_graph.h"

#include <array>
#include <unordered_map>
#include <utility>

#include "artifact/python_text.h"

namespace runup::artifact {

namespace {

// Modules that were renamed; pickles keep the name of their time.
constexpr std::array<std::pair<std::string_view, std::string_view>, 6> kModules{
    {{"__builtin__", "builtins"},
     {"exceptions", "builtins"},
     {"copy_reg", "copyreg"},
     {"numpy._core.multiarray", "numpy.core.multiarray"},
     {"numpy._core.numeric", "numpy.core.numeric"},
     {"torch.tensor", "torch._tensor"}}};

const std::unordered_map<std::string_view, Known>& known_names() {
  static const std::unordered_map<std::string_view, Known> kNames{
      {"builtins.bytes", Known::builtin_bytes},
      {"builtins.bytearray", Known::builtin_bytearray},
      {"builtins.complex", Known::builtin_complex},
      {"builtins.dict", Known::builtin_dict},
      {"builtins.list", Known::builtin_list},
      {"builtins.tuple", Known::builtin_tuple},
      {"builtins.set", Known::builtin_set},
      {"builtins.frozenset", Known::builtin_frozenset},
      {"_codecs.encode", Known::codecs_encode},
      {"collections.Counter", Known::counter},
      {"collections.OrderedDict", Known::dict_subclass},
      {"collections.defaultdict", Known::dict_subclass},
      {"copyreg._reconstructor", Known::copyreg_reconstructor},
      {"copyreg.__newobj__", Known::copyreg_newobj},
      {"copyreg.__newobj_ex__", Known::copyreg_newobj_ex},
      {"numpy.core.multiarray._reconstruct", Known::numpy_reconstruct},
      {"numpy.core.numeric._frombuffer", Known::numpy_frombuffer},
      {"numpy.core.multiarray.scalar", Known::numpy_scalar},
      {"numpy.dtype", Known::numpy_dtype},
      {"joblib.numpy_pickle.NumpyArrayWrapper", Known::joblib_array},
      {"torch.jit._pickle.restore_type_tag", Known::jit_value},
      {"torch.jit._pickle.build_intlist", Known::jit_value},
      {"torch.jit._pickle.build_doublelist", Known::jit_value},
      {"torch.jit._pickle.build_boollist", Known::jit_value},
      {"torch.jit._pickle.build_tensorlist", Known::jit_value},
      {"torch.Size", Known::torch_size},
      {"torch.serialization._get_layout", Known::torch_get_layout},
      {"torch._utils._rebuild_tensor", Known::rebuild_tensor},
      {"torch._utils._rebuild_tensor_v2", Known::rebuild_tensor_v2},
      {"torch._utils._rebuild_tensor_v3", Known::rebuild_tensor_v3},
      {"torch._utils._rebuild_qtensor", Known::rebuild_qtensor},
      {"torch._utils._rebuild_sparse_tensor", Known::rebuild_sparse},
      {"torch._utils._rebuild_sparse_csr_tensor", Known::rebuild_sparse},
      {"torch._utils._rebuild_nested_tensor", Known::rebuild_nested},
      {"torch._utils._rebuild_meta_tensor_no_storage", Known::rebuild_meta},
      {"torch._utils._rebuild_wrapper_subclass", Known::rebuild_wrapper},
      {"torch._utils._rebuild_device_tensor_from_numpy", Known::rebuild_on_device},
      {"torch._utils._rebuild_device_tensor_from_cpu_tensor", Known::rebuild_on_device},
      {"torch._utils._rebuild_xla_tensor", Known::rebuild_on_device},
      {"torch._utils._rebuild_parameter", Known::rebuild_parameter},
      {"torch._utils._rebuild_parameter_with_state", Known::rebuild_parameter},
      {"torch._tensor._rebuild_from_type", Known::rebuild_from_type},
      {"torch._tensor._rebuild_from_type_v2", Known::rebuild_from_type},
  };
  return kNames;
}

constexpr std::array<std::string_view, 17> kTypeNames{
    "NoneType",  "bool",          "int",   "int",  "float", "str",       "bytes",
    "bytearray", "tuple",         "list",  "dict", "set",   "frozenset", "class or function",
    "object",    "persistent id", "buffer"};

}  // namespace

std::string canonical_name(std::string_view module, std::string_view name) {
  for (const auto& [old_name, new_name] : kModules) {
    if (module == old_name) {
      module = new_name;
    }
  }
  if (module == "builtins" && name == "xrange") {
    name = "range";
  }
  std::string full(module);
  full += '.';
  full += name;
  return full;
}

Known known_callable(std::string_view canonical) {
  const auto found = known_names().find(canonical);
  return found == known_names().end() ? Known::other : found->second;
}

ObjectGraph::ObjectGraph(const Pickle& pickle) : pickle_(pickle) {
  for (const GlobalValue& global : pickle.globals) {
    names_.push_back(canonical_name(global.module, global.name));
    known_.push_back(known_callable(names_.back()));
  }
}

std::string_view ObjectGraph::name(ValueId global) const {
  return pickle_.is(global, ValueKind::global) ? names_[static_cast<std::size_t>(pickle_.at(global).integer)]
                                               : std::string_view();
}

Known ObjectGraph::known(ValueId global) const {
  return pickle_.is(global, ValueKind::global) ? known_[static_cast<std::size_t>(pickle_.at(global).integer)]
                                               : Known::other;
}

std::optional<Instance> ObjectGraph::instance(ValueId id) const {
  const ObjectValue* object = pickle_.object(id);
  if (object == nullptr) {
    return std::nullopt;
  }
  Instance instance{.callee = object->callee,
                    .form = object->form,
                    .args = pickle_.at(object->args).items,
                    .object = object};
  // PyTorch before 1.0 put a module's class into a persistent id, with its source.
  if (pickle_.is(instance.callee, ValueKind::persistent)) {
    const auto id_parts = pickle_.sequence(pickle_.at(instance.callee).items[0]);
    if (id_parts.size() >= 2 && pickle_.text(id_parts[0]) == "module") {
      instance.callee = id_parts[1];
    }
  }
  const auto become = [&](std::size_t skipped) {
    instance.callee = instance.args.front();
    instance.args = instance.args.subspan(skipped);
    instance.form = CallForm::new_object;
  };
  switch (known(instance.callee)) {
    case Known::copyreg_reconstructor:
      if (instance.args.size() == 3) {
        // (class, base, state of the base); a base of `object` has none
        become(pickle_.is(instance.args[2], ValueKind::none) ? 3 : 2);
      }
      break;
    case Known::copyreg_newobj:
      if (!instance.args.empty()) {
        become(1);
      }
      break;
    case Known::copyreg_newobj_ex:
      if (instance.args.size() == 3) {
        const std::span<const ValueId> real = pickle_.sequence(instance.args[1]);
        become(1);
        instance.args = real;
      }
      break;
    default:
      break;
  }
  instance.known = known(instance.callee);
  if (!pickle_.is(instance.callee, ValueKind::global)) {
    instance.callee = kNoValue;
  }
  return instance;
}

ValueId ObjectGraph::unwrap(ValueId id) const {
  // Bounded, because a wrapper may wrap itself.
  for (int depth = 0; depth < 16; ++depth) {
    const auto object = instance(id);
    if (!object || object->known != Known::jit_value || object->args.empty()) {
      break;
    }
    id = object->args.front();
  }
  return id;
}

std::string ObjectGraph::type_name(ValueId id) const {
  const ValueKind kind = pickle_.at(id).kind;
  if (kind != ValueKind::object) {
    return std::string(kTypeNames[static_cast<std::size_t>(kind)]);
  }
  const auto object = instance(id);
  if (object->known == Known::codecs_encode) {
    return "bytes";
  }
  std::string_view full = name(object->callee);
  if (full.empty()) {
    return "object";
  }
  if (full.starts_with("builtins.")) {
    full.remove_prefix(9);
  }
  return std::string(full);
}

std::optional<std::string> ObjectGraph::byte_content(ValueId id) const {
  if (id == kNoValue) {
    return std::nullopt;
  }
  const Value& value = pickle_.at(id);
  if (value.kind == ValueKind::bytes || value.kind == ValueKind::bytearray) {
    return std::string(value.text);
  }
  const auto call = instance(id);
  if (!call) {
    return std::nullopt;
  }
  const bool bytes = call->known == Known::builtin_bytes || call->known == Known::builtin_bytearray;
  if (bytes && call->args.empty()) {
    return std::string();
  }
  if (bytes && pickle_.is(call->args[0], ValueKind::bytes)) {
    return std::string(pickle_.at(call->args[0]).text);
  }
  if ((!bytes && call->known != Known::codecs_encode) || call->args.empty()) {
    return std::nullopt;
  }
  const auto text = pickle_.text(call->args[0]);
  return text ? latin1_of(*text) : std::nullopt;
}

std::optional<std::vector<std::int64_t>> ObjectGraph::integers(ValueId id) const {
  id = unwrap(id);
  if (const auto call = instance(id); call && call->known == Known::torch_size && call->args.size() == 1) {
    id = call->args.front();
  }
  if (!pickle_.is(id, ValueKind::tuple) && !pickle_.is(id, ValueKind::list)) {
    return std::nullopt;
  }
  std::vector<std::int64_t> numbers;
  for (const ValueId item : pickle_.at(id).items) {
    const auto number = pickle_.integer(item);
    if (!number) {
      return std::nullopt;
    }
    numbers.push_back(*number);
  }
  return numbers;
}

}  // namespace runup::artifact
