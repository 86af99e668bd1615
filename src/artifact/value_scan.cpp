// SPDX-License-Identifier: Apache-2.0
#include "artifact/value_scan.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <concepts>
#include <cstring>
#include <span>
#include <type_traits>
#include <utility>

#include "artifact/float_formats.h"

namespace runup::artifact {

namespace {

// Elements of one block: what stays in the first cache.
constexpr std::size_t kBlock = 1024;
constexpr std::size_t kLaneBytes = 32;

template <class T>
struct Lanes {
  using Type [[gnu::vector_size(kLaneBytes)]] = T;
  static constexpr std::size_t kCount = kLaneBytes / sizeof(T);
};

template <class T>
using BitsOf = std::conditional_t<sizeof(T) == 4, std::uint32_t, std::uint64_t>;

// Sums over floating-point numbers.
template <std::floating_point T>
class Numbers {
 public:
  void add(std::span<const T> block) {
    if (block.empty()) {
      return;
    }
    if (count_ == 0) {
      first_ = std::bit_cast<BitsOf<T>>(block.front());
    }
    count_ += block.size();
    const std::size_t whole = block.size() / Lanes<T>::kCount * Lanes<T>::kCount;
    const bool finite = add_lanes(block.first(whole));
    add_each(finite ? block.subspan(whole) : block);
  }

  ValueFacts facts() const {
    const bool none = low_ > high_;
    return {.nan_count = nan_,
            .positive_infinities = positive_,
            .negative_infinities = negative_,
            .min = none ? 0 : static_cast<double>(low_),
            .max = none ? 0 : static_cast<double>(high_),
            .constant = !differs_};
  }

 private:
  using Vector = Lanes<T>::Type;
  using Bits = Lanes<BitsOf<T>>::Type;

  // False when a number is not finite; then only whether all are equal was looked at.
  bool add_lanes(std::span<const T> block) {
    Vector low = Vector{} + std::numeric_limits<T>::infinity();
    Vector high = -low;
    Vector sum{};
    Bits other{};
    const Bits first = Bits{} + first_;
    for (std::size_t i = 0; i < block.size(); i += Lanes<T>::kCount) {
      Vector values;
      std::memcpy(&values, block.data() + i, sizeof(values));
      low = values < low ? values : low;
      high = values > high ? values : high;
      // Zero, unless a number is not finite.
      sum += values - values;
      other |= std::bit_cast<Bits>(values) ^ first;
    }
    bool finite = true;
    for (std::size_t lane = 0; lane < Lanes<T>::kCount; ++lane) {
      finite = finite && sum[lane] == 0;
      differs_ = differs_ || other[lane] != 0;
    }
    for (std::size_t lane = 0; finite && lane < Lanes<T>::kCount; ++lane) {
      low_ = std::min<T>(low_, low[lane]);
      high_ = std::max<T>(high_, high[lane]);
    }
    return finite;
  }

  void add_each(std::span<const T> numbers) {
    for (const T number : numbers) {
      differs_ = differs_ || std::bit_cast<BitsOf<T>>(number) != first_;
      if (std::isnan(number)) {
        ++nan_;
      } else if (std::isinf(number)) {
        ++(number > 0 ? positive_ : negative_);
      } else {
        low_ = std::min(low_, number);
        high_ = std::max(high_, number);
      }
    }
  }

  std::uint64_t count_ = 0;
  std::uint64_t nan_ = 0;
  std::uint64_t positive_ = 0;
  std::uint64_t negative_ = 0;
  T low_ = std::numeric_limits<T>::infinity();
  T high_ = -std::numeric_limits<T>::infinity();
  BitsOf<T> first_ = 0;
  bool differs_ = false;
};

// Calls `take` with each block of numbers of type T, aligned and in the machine's byte order.
template <class T, class Take>
void for_each_block(Bytes elements, bool big_endian, Take&& take) {
  alignas(kLaneBytes) std::array<T, kBlock> block;
  while (elements.size() >= sizeof(T)) {
    const std::size_t count = std::min(kBlock, elements.size() / sizeof(T));
    std::memcpy(block.data(), elements.data(), count * sizeof(T));
    elements = elements.subspan(count * sizeof(T));
    if constexpr (sizeof(T) > 1) {
      if (big_endian) {
        using Swapped = std::conditional_t<sizeof(T) == 2, std::uint16_t, BitsOf<T>>;
        for (T& number : std::span(block).first(count)) {
          number = std::bit_cast<T>(std::byteswap(std::bit_cast<Swapped>(number)));
        }
      }
    }
    take(std::span<const T>(block).first(count));
  }
}

// float32 and float64; complex numbers are two of them.
template <std::floating_point T>
class FloatScan final : public ValueScan {
 public:
  explicit FloatScan(bool big_endian) : big_endian_(big_endian) {}
  void add(Bytes elements) override {
    for_each_block<T>(elements, big_endian_, [&](std::span<const T> block) { numbers_.add(block); });
  }
  ValueFacts facts() const override { return numbers_.facts(); }

 private:
  bool big_endian_;
  Numbers<T> numbers_;
};

// Formats that become float32.
template <class Stored, auto Convert>
class SmallFloatScan final : public ValueScan {
 public:
  explicit SmallFloatScan(bool big_endian) : big_endian_(big_endian) {}
  void add(Bytes elements) override {
    for_each_block<Stored>(elements, big_endian_, [&](std::span<const Stored> block) {
      alignas(kLaneBytes) std::array<float, kBlock> converted;
      std::ranges::transform(block, converted.begin(), Convert);
      numbers_.add(std::span<const float>(converted).first(block.size()));
    });
  }
  ValueFacts facts() const override { return numbers_.facts(); }

 private:
  bool big_endian_;
  Numbers<float> numbers_;
};

template <std::integral T>
class IntegerScan final : public ValueScan {
 public:
  explicit IntegerScan(bool big_endian) : big_endian_(big_endian) {}
  void add(Bytes elements) override {
    for_each_block<T>(elements, big_endian_, [&](std::span<const T> block) {
      const auto [low, high] = std::ranges::minmax(block);
      low_ = std::min(low_, low);
      high_ = std::max(high_, high);
    });
  }
  ValueFacts facts() const override {
    return low_ > high_ ? ValueFacts{.constant = true}
                        : ValueFacts{.min = static_cast<double>(low_),
                                     .max = static_cast<double>(high_),
                                     .constant = low_ == high_};
  }

 private:
  bool big_endian_;
  T low_ = std::numeric_limits<T>::max();
  T high_ = std::numeric_limits<T>::min();
};

using Make = std::unique_ptr<ValueScan> (*)(bool big_endian);

template <class Scan>
std::unique_ptr<ValueScan> make(bool big_endian) {
  return std::make_unique<Scan>(big_endian);
}

template <const std::array<float, 256>& Values>
float from_table(std::uint8_t bits) {
  return Values[bits];
}

constexpr std::array<std::pair<std::string_view, Make>, 20> kScans{{
    {"float32", make<FloatScan<float>>},
    {"float64", make<FloatScan<double>>},
    {"complex64", make<FloatScan<float>>},
    {"complex128", make<FloatScan<double>>},
    {"float16", make<SmallFloatScan<std::uint16_t, from_half>>},
    {"complex32", make<SmallFloatScan<std::uint16_t, from_half>>},
    {"bfloat16", make<SmallFloatScan<std::uint16_t, from_bfloat16>>},
    {"float8_e4m3fn", make<SmallFloatScan<std::uint8_t, from_table<kFloat8E4m3fn>>>},
    {"float8_e4m3fnuz", make<SmallFloatScan<std::uint8_t, from_table<kFloat8E4m3fnuz>>>},
    {"float8_e5m2", make<SmallFloatScan<std::uint8_t, from_table<kFloat8E5m2>>>},
    {"float8_e5m2fnuz", make<SmallFloatScan<std::uint8_t, from_table<kFloat8E5m2fnuz>>>},
    {"int64", make<IntegerScan<std::int64_t>>},
    {"int32", make<IntegerScan<std::int32_t>>},
    {"int16", make<IntegerScan<std::int16_t>>},
    {"int8", make<IntegerScan<std::int8_t>>},
    {"uint64", make<IntegerScan<std::uint64_t>>},
    {"uint32", make<IntegerScan<std::uint32_t>>},
    {"uint16", make<IntegerScan<std::uint16_t>>},
    {"uint8", make<IntegerScan<std::uint8_t>>},
    {"bool", make<IntegerScan<std::uint8_t>>},
}};

}  // namespace

std::unique_ptr<ValueScan> ValueScan::of(std::string_view dtype, bool big_endian) {
  const auto found = std::ranges::find(kScans, dtype, &std::pair<std::string_view, Make>::first);
  return found == kScans.end() ? nullptr : found->second(big_endian);
}

}  // namespace runup::artifact
