// SPDX-License-Identifier: Apache-2.0
#pragma once

// Element types by PyTorch's names, and their values as C++ numbers.

#include <bit>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <string_view>
#include <type_traits>
#include <utility>

#include "base/bytes.h"

namespace runup {

// IEEE 754 binary16.
using Half = _Float16;

// The upper half of a binary32; conversion rounds to nearest, ties to even, as PyTorch does.
struct BFloat16 {
  std::uint16_t bits = 0;

  BFloat16() = default;
  explicit BFloat16(double value) {
    const auto narrow = static_cast<float>(value);
    const auto wide = std::bit_cast<std::uint32_t>(narrow);
    // Rounding could carry a NaN's bits over into infinity.
    bits = std::isnan(narrow) ? std::uint16_t{0x7FC0}
                              : static_cast<std::uint16_t>((wide + 0x7FFF + ((wide >> 16) & 1)) >> 16);
  }
  explicit operator double() const {
    return static_cast<double>(std::bit_cast<float>(static_cast<std::uint32_t>(bits) << 16));
  }
};

template <class T>
struct Element {
  using Type = T;
};

// Calls `visitor(Element<T>{})` with the C++ type of `dtype`; false when there is none (complex and
// quantised types).
template <class Visitor>
bool visit_element_type(std::string_view dtype, Visitor&& visitor) {
  const auto try_one = [&]<class T>(std::string_view name, Element<T> element) {
    if (name != dtype) {
      return false;
    }
    visitor(element);
    return true;
  };
  return try_one("float32", Element<float>{}) || try_one("float64", Element<double>{}) ||
         try_one("float16", Element<Half>{}) || try_one("bfloat16", Element<BFloat16>{}) ||
         try_one("int64", Element<std::int64_t>{}) || try_one("int32", Element<std::int32_t>{}) ||
         try_one("int16", Element<std::int16_t>{}) || try_one("int8", Element<std::int8_t>{}) ||
         try_one("uint8", Element<std::uint8_t>{}) || try_one("uint16", Element<std::uint16_t>{}) ||
         try_one("uint32", Element<std::uint32_t>{}) || try_one("uint64", Element<std::uint64_t>{}) ||
         try_one("bool", Element<bool>{});
}

// Bytes of one element, 0 for a type that visit_element_type() does not know.
inline std::size_t element_bytes(std::string_view dtype) {
  std::size_t bytes = 0;
  visit_element_type(dtype, [&]<class T>(Element<T>) { bytes = sizeof(T); });
  return bytes;
}

// Element number `index`; the caller has checked that it is there.
template <class T>
T load_element(Bytes bytes, std::uint64_t index) {
  if constexpr (std::is_same_v<T, bool>) {
    // Any other byte than 0 and 1 in a bool is undefined behaviour.
    return bytes[index] != std::byte{0};
  } else {
    T value;
    std::memcpy(&value, bytes.data() + index * sizeof(T), sizeof(T));
    return value;
  }
}

// Exact except for integers beyond 2^53.
template <class T>
double to_double(T value) {
  return static_cast<double>(value);
}

}  // namespace runup
