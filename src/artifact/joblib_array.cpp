// SPDX-License-Identifier: Apache-2.0
#include "artifact/joblib_array.h"

#include "artifact/numpy_values.h"

namespace runup::artifact {

std::optional<Read<JoblibArray>> joblib_array(const Pickle& pickle, ValueId id) {
  const ObjectValue* object = pickle.object(id);
  const GlobalValue* callee = object == nullptr ? nullptr : pickle.global(object->callee);
  if (callee == nullptr || callee->module != "joblib.numpy_pickle" || callee->name != "NumpyArrayWrapper" ||
      object->states.empty()) {
    return std::nullopt;
  }
  const ValueId state = object->states.back();
  const ObjectGraph graph(pickle);
  const ValueId sizes = pickle.entry(state, "shape");
  const auto type = read_numpy_type(graph, pickle.entry(state, "dtype"));
  const auto shape = sizes == kNoValue ? std::nullopt : graph.integers(sizes);
  const auto count = shape ? element_count(*shape) : std::nullopt;
  if (!type || !count) {
    return problem(DefectKind::malformed, "joblib's array has no valid shape or dtype");
  }
  if (type->kind == 'O') {
    return JoblibArray{.pickled = true};
  }
  if (type->item_bytes != 0 && *count > (std::uint64_t{1} << 62U) / type->item_bytes) {
    return problem(DefectKind::over_limit, "joblib's array is larger than any file");
  }
  return JoblibArray{
      .aligned = pickle.integer(pickle.entry(state, "numpy_array_alignment_bytes")).has_value(),
      .bytes = *count * type->item_bytes};
}

}  // namespace runup::artifact
