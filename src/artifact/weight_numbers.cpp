// SPDX-License-Identifier: Apache-2.0
#include "artifact/weight_numbers.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <utility>

#include "artifact/float_formats.h"

namespace runup::artifact {

namespace {

// A view with more elements than its storage holds is read when it is this small.
constexpr std::uint64_t kMostRepeated = std::uint64_t{1} << 20U;

std::size_t item_bytes(NumberType type) {
  switch (type) {
    case NumberType::float64:
      return 8;
    case NumberType::float32:
      return 4;
    case NumberType::float16:
    case NumberType::bfloat16:
      break;
  }
  return 2;
}

template <class Bits>
Bits load_bits(const std::byte* from, bool swapped) {
  Bits bits;
  std::memcpy(&bits, from, sizeof(bits));
  return swapped ? std::byteswap(bits) : bits;
}

double decode(const std::byte* from, NumberType type, bool swapped) {
  switch (type) {
    case NumberType::float64:
      return std::bit_cast<double>(load_bits<std::uint64_t>(from, swapped));
    case NumberType::float32:
      return std::bit_cast<float>(load_bits<std::uint32_t>(from, swapped));
    case NumberType::float16:
      return from_half(load_bits<std::uint16_t>(from, swapped));
    case NumberType::bfloat16:
      break;
  }
  return from_bfloat16(load_bits<std::uint16_t>(from, swapped));
}

// The nearest number with `digits` binary digits and no unit smaller than 2^smallest; infinite when it
// reaches 2^limit.
double rounded(double number, int digits, int smallest, int limit) {
  if (number == 0 || !std::isfinite(number)) {
    return number;
  }
  const int unit = std::max(std::ilogb(number) - digits + 1, smallest);
  const double nearest = std::ldexp(std::nearbyint(std::ldexp(number, -unit)), unit);
  return std::abs(nearest) < std::ldexp(1.0, limit)
             ? nearest
             : std::copysign(std::numeric_limits<double>::infinity(), number);
}

}  // namespace

std::optional<NumberType> number_type(std::string_view dtype) {
  constexpr std::array<std::pair<std::string_view, NumberType>, 4> kTypes{
      {{"float32", NumberType::float32},
       {"float64", NumberType::float64},
       {"float16", NumberType::float16},
       {"bfloat16", NumberType::bfloat16}}};
  for (const auto& [name, type] : kTypes) {
    if (name == dtype) {
      return type;
    }
  }
  return std::nullopt;
}

double stored_as(NumberType type, double number) {
  switch (type) {
    case NumberType::float64:
      return number;
    case NumberType::float32:
      return static_cast<double>(static_cast<float>(number));
    case NumberType::float16:
      return rounded(number, 11, -24, 16);
    case NumberType::bfloat16:
      break;
  }
  return rounded(number, 8, -133, 128);
}

std::optional<TensorView> TensorView::of(const TensorFacts& tensor,
                                         std::shared_ptr<const StorageContent> storage, bool big_endian) {
  const auto type = number_type(tensor.dtype);
  if (!type || !storage || tensor.quantisation || tensor.layout != "strided" || tensor.conjugate ||
      tensor.storage_offset < 0 || tensor.stride.size() != tensor.shape.size()) {
    return std::nullopt;
  }
  TensorView view;
  view.type_ = *type;
  const std::uint64_t there = storage->view.size() / item_bytes(*type);
  view.swapped_ = big_endian;
  view.negative_ = tensor.negative;
  view.offset_ = static_cast<std::uint64_t>(tensor.storage_offset);
  std::uint64_t last = view.offset_;
  std::uint64_t elements = 1;
  bool dense = true;
  for (std::size_t i = tensor.shape.size(); i-- > 0;) {
    const std::int64_t size = tensor.shape[i];
    const std::int64_t stride = tensor.stride[i];
    if (size < 1 || stride < 0) {
      return std::nullopt;
    }
    if (size > 1) {
      dense = dense && static_cast<std::uint64_t>(stride) == elements;
    }
    std::uint64_t reach = 0;
    if (__builtin_mul_overflow(static_cast<std::uint64_t>(size - 1), static_cast<std::uint64_t>(stride),
                               &reach) ||
        __builtin_add_overflow(last, reach, &last) ||
        __builtin_mul_overflow(elements, static_cast<std::uint64_t>(size), &elements)) {
      return std::nullopt;
    }
  }
  if (last >= there || elements > std::max(there, kMostRepeated)) {
    return std::nullopt;
  }
  view.storage_ = std::move(storage);
  view.elements_ = elements;
  view.dense_ = dense;
  view.shape_ = tensor.shape;
  view.stride_ = tensor.stride;
  return view;
}

double TensorView::number(std::uint64_t place) const {
  const double value = decode(storage_->view.data() + place * item_bytes(type_), type_, swapped_);
  return negative_ ? -value : value;
}

std::uint64_t TensorView::place_of(std::uint64_t index) const {
  if (dense_) {
    return offset_ + index;
  }
  std::uint64_t place = offset_;
  for (std::size_t i = shape_.size(); i-- > 0;) {
    const auto size = static_cast<std::uint64_t>(shape_[i]);
    place += index % size * static_cast<std::uint64_t>(stride_[i]);
    index /= size;
  }
  return place;
}

double TensorView::at(std::uint64_t index) const { return number(place_of(index)); }

void TensorView::read_row(std::uint64_t place, std::uint64_t stride, std::span<double> out) const {
  if (type_ == NumberType::float32 && stride == 1 && !swapped_ && !negative_) {
    const std::byte* from = storage_->view.data() + place * sizeof(float);
    for (double& number : out) {
      float value = 0;
      std::memcpy(&value, from, sizeof(value));
      number = value;
      from += sizeof(value);
    }
    return;
  }
  for (double& value : out) {
    value = number(place);
    place += stride;
  }
}

void TensorView::read(std::uint64_t begin, std::span<double> out) const {
  if (dense_) {
    read_row(offset_ + begin, 1, out);
    return;
  }
  // Row by row along the innermost axis.
  const auto row = static_cast<std::uint64_t>(shape_.empty() ? 1 : shape_.back());
  const auto stride = static_cast<std::uint64_t>(stride_.empty() ? 0 : stride_.back());
  while (!out.empty()) {
    const std::uint64_t count = std::min<std::uint64_t>(row - begin % row, out.size());
    read_row(place_of(begin), stride, out.first(count));
    begin += count;
    out = out.subspan(count);
  }
}

TensorView TensorView::transposed() const {
  TensorView view = *this;
  std::vector<std::size_t> axes;
  for (std::size_t i = 0; i < shape_.size(); ++i) {
    if (shape_[i] != 1) {
      axes.push_back(i);
    }
  }
  std::swap(view.shape_[axes.front()], view.shape_[axes.back()]);
  std::swap(view.stride_[axes.front()], view.stride_[axes.back()]);
  view.dense_ = false;
  return view;
}

Bytes TensorView::plain(std::uint64_t begin, std::uint64_t count) const {
  if (!dense_ || swapped_ || negative_) {
    return {};
  }
  const std::size_t item = item_bytes(type_);
  return storage_->view.subspan((offset_ + begin) * item, count * item);
}

void TensorView::release(std::uint64_t begin, std::uint64_t count, const PageRelease& pages) const {
  // A copy that this process unpacked would be lost.
  if (dense_ && storage_->owned.empty()) {
    const std::size_t item = item_bytes(type_);
    pages.drop(storage_->view.subspan((offset_ + begin) * item, count * item));
  }
}

std::vector<std::int64_t> squeezed(const std::vector<std::int64_t>& shape) {
  std::vector<std::int64_t> sizes;
  std::ranges::copy_if(shape, std::back_inserter(sizes), [](std::int64_t size) { return size != 1; });
  return sizes;
}

}  // namespace runup::artifact
