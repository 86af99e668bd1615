// SPDX-License-Identifier: Apache-2.0
#pragma once

// What the calls of a pickle mean: which class an object has, whichever of pickle's ways made it,
// and which of the known functions of Python, numpy and PyTorch is called.

#include <span>
#include <string>
#include <vector>

#include "artifact/pickle_value.h"

namespace runup::artifact {

// Callables that this reader knows the meaning of.
enum class Known : std::uint8_t {
  other,
  builtin_bytes,
  builtin_bytearray,
  builtin_complex,
  builtin_dict,
  builtin_list,
  builtin_tuple,
  builtin_set,
  builtin_frozenset,
  codecs_encode,
  // a dict whose first argument may hold entries
  counter,
  // OrderedDict and defaultdict
  dict_subclass,
  copyreg_reconstructor,
  copyreg_newobj,
  copyreg_newobj_ex,
  numpy_reconstruct,
  numpy_frombuffer,
  numpy_scalar,
  numpy_dtype,
  joblib_array,
  // torch.jit's way to say "this value"
  jit_value,
  torch_size,
  torch_get_layout,
  rebuild_tensor,
  rebuild_tensor_v2,
  rebuild_tensor_v3,
  rebuild_qtensor,
  rebuild_sparse,
  rebuild_nested,
  rebuild_meta,
  rebuild_wrapper,
  rebuild_on_device,
  rebuild_parameter,
  rebuild_from_type,
};

// "builtins.set", "numpy.core.multiarray.scalar": the name as Python 3 and numpy 1 spell it.
std::string canonical_name(std::string_view module, std::string_view name);
Known known_callable(std::string_view canonical);

// An object, by class and arguments.
struct Instance {
  // the global that was called; kNoValue when it is no global
  ValueId callee = kNoValue;
  Known known = Known::other;
  CallForm form = CallForm::reduce;
  std::span<const ValueId> args;
  const ObjectValue* object = nullptr;
};

class ObjectGraph {
 public:
  explicit ObjectGraph(const Pickle& pickle);

  const Pickle& pickle() const { return pickle_; }
  // Nothing when the value is no object.
  std::optional<Instance> instance(ValueId id) const;
  // The value that stands behind wrappers which add nothing (`torch.jit._pickle.restore_type_tag`).
  ValueId unwrap(ValueId id) const;
  // Type as Python would name it, without `builtins.`: `dict`, `collections.OrderedDict`.
  std::string type_name(ValueId id) const;
  // Canonical name of a global; empty for other values.
  std::string_view name(ValueId global) const;
  Known known(ValueId global) const;
  // Text or bytes, also as Python's older protocols write bytes: encode(text, 'latin1').
  std::optional<std::string> byte_content(ValueId id) const;
  // A tuple or list (also torch.Size) of whole numbers.
  std::optional<std::vector<std::int64_t>> integers(ValueId id) const;

 private:
  const Pickle& pickle_;
  std::vector<std::string> names_;
  std::vector<Known> known_;
};

}  // namespace runup::artifact
