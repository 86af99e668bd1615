// SPDX-License-Identifier: Apache-2.0
#pragma once

// The numbers of one tensor, whatever its type, byte order and strides.

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "artifact/pages.h"
#include "artifact/reader.h"

namespace runup::artifact {

enum class NumberType { float64, float32, float16, bfloat16 };

// By the dtype of facts/artifact.h; nothing for what is no plain floating-point number.
std::optional<NumberType> number_type(std::string_view dtype);

// What a number becomes when it is stored as `type`: the nearest one, ties to even.
double stored_as(NumberType type, double number);

// A tensor whose bytes can be read: every element lies inside the storage. Indices count its elements in
// row-major order.
class TensorView {
 public:
  // Nothing when a number would lie outside of `storage`, or when it shows the same bytes again and again
  // (stride 0) so often that reading it is work without end.
  static std::optional<TensorView> of(const TensorFacts& tensor,
                                      std::shared_ptr<const StorageContent> storage, bool big_endian);

  NumberType type() const { return type_; }
  std::uint64_t elements() const { return elements_; }
  const std::vector<std::int64_t>& shape() const { return shape_; }

  // The numbers from `begin` on.
  void read(std::uint64_t begin, std::span<double> out) const;
  double at(std::uint64_t index) const;
  // The two axes longer than 1 exchanged; there must be exactly two.
  TensorView transposed() const;
  // The bytes from element `begin` on, when `count` elements lie in a row in the machine's byte order;
  // empty otherwise.
  Bytes plain(std::uint64_t begin, std::uint64_t count) const;
  // Gives the pages back that the elements from `begin` on lie on.
  void release(std::uint64_t begin, std::uint64_t count, const PageRelease& pages) const;

 private:
  double number(std::uint64_t place) const;
  void read_row(std::uint64_t place, std::uint64_t stride, std::span<double> out) const;
  std::uint64_t place_of(std::uint64_t index) const;

  std::shared_ptr<const StorageContent> storage_;
  NumberType type_ = NumberType::float32;
  bool swapped_ = false;
  bool negative_ = false;
  // row-major and dense
  bool dense_ = false;
  std::uint64_t elements_ = 0;
  std::uint64_t offset_ = 0;
  std::vector<std::int64_t> shape_;
  std::vector<std::int64_t> stride_;
};

// The sizes other than 1.
std::vector<std::int64_t> squeezed(const std::vector<std::int64_t>& shape);

}  // namespace runup::artifact
