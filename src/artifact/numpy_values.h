// SPDX-License-Identifier: Apache-2.0
#pragma once

// numpy's arrays, scalars and dtypes in a pickle, as ndarray.__reduce__ and joblib write them.

#include <string>
#include <vector>

#include "artifact/object_graph.h"

namespace runup::artifact {

struct NumpyType {
  // numpy's `dtype.kind`: b i u f c m M O S U V
  char kind = 'V';
  std::uint64_t item_bytes = 0;
  bool big_endian = false;
  // `float32`, `str`, `bytes`, `object`, `datetime64`, `void`
  std::string name() const;
};

// From numpy's short form: `f8`, `<U7`, `|b1`, `>i4`, `O8`. Nothing for others.
std::optional<NumpyType> parse_numpy_type(std::string_view code);
std::optional<NumpyType> read_numpy_type(const ObjectGraph& graph, ValueId id);

struct NumpyArray {
  NumpyType type;
  std::vector<std::int64_t> shape;
  bool fortran = false;
  std::uint64_t elements = 0;
  // elements * item_bytes, in the order of `fortran`; of object arrays none
  std::string_view data;
  std::vector<ValueId> objects;
  // data that the pickle had in another form
  std::string owned;

  std::string_view bytes() const { return owned.empty() ? data : std::string_view(owned); }
  // "float32 [3, 4]"
  std::string describe() const;
};

// Nothing when the value is no array; a problem when it is one and its parts do not fit.
std::optional<Read<NumpyArray>> read_numpy_array(const ObjectGraph& graph, ValueId id);

struct NumpyScalar {
  NumpyType type;
  // as Python prints the plain number or text
  std::string repr;
};
std::optional<NumpyScalar> read_numpy_scalar(const ObjectGraph& graph, ValueId id);

// One element as a class name: text as it is, others as Python prints them.
std::string numpy_label(const ObjectGraph& graph, const NumpyArray& array, std::uint64_t index);

// Product of the sizes; nothing when one is negative or it does not fit 63 bits.
std::optional<std::uint64_t> element_count(std::span<const std::int64_t> shape);

}  // namespace runup::artifact
