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
#include "artifact/wide.h"

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

// Of whole lanes of numbers. When one is not finite, only `differs` is told.
template <class T>
struct LaneSums {
  T low = 0;
  T high = 0;
  bool finite = true;
  bool differs = false;
};

template <std::floating_point T>
struct SumLanes {
  using Vector = Lanes<T>::Type;
  using Bits = Lanes<BitsOf<T>>::Type;

  [[gnu::always_inline]] LaneSums<T> operator()(const T* numbers, std::size_t count, BitsOf<T> first) const {
    Vector low = Vector{} + std::numeric_limits<T>::infinity();
    Vector high = -low;
    Vector sum{};
    Bits other{};
    const Bits same = Bits{} + first;
    for (std::size_t i = 0; i < count; i += Lanes<T>::kCount) {
      // Twice from memory: GCC 14's undefined behaviour sanitiser takes a std::bit_cast of a vector for a
      // null pointer's read.
      Vector values;
      std::memcpy(&values, numbers + i, sizeof(values));
      Bits bits;
      std::memcpy(&bits, numbers + i, sizeof(bits));
      low = values < low ? values : low;
      high = values > high ? values : high;
      // Zero, unless a number is not finite.
      sum += values - values;
      other |= bits ^ same;
    }
    LaneSums<T> sums{.low = low[0], .high = high[0]};
    for (std::size_t lane = 0; lane < Lanes<T>::kCount; ++lane) {
      sums.finite = sums.finite && sum[lane] == 0;
      sums.differs = sums.differs || other[lane] != 0;
      sums.low = low[lane] < sums.low ? low[lane] : sums.low;
      sums.high = high[lane] > sums.high ? high[lane] : sums.high;
    }
    return sums;
  }
};

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
    const LaneSums<T> sums = run_wide(SumLanes<T>{}, block.data(), whole, first_);
    differs_ = differs_ || sums.differs;
    if (sums.finite) {
      low_ = std::min(low_, sums.low);
      high_ = std::max(high_, sums.high);
    }
    add_each(sums.finite ? block.subspan(whole) : block);
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

template <class Stored, auto Convert>
struct ConvertAll {
  [[gnu::always_inline]] void operator()(const Stored* from, std::size_t count, float* to) const {
    for (std::size_t i = 0; i < count; ++i) {
      to[i] = Convert(from[i]);
    }
  }
};

template <std::integral T>
struct Ends {
  T low = std::numeric_limits<T>::max();
  T high = std::numeric_limits<T>::min();
};

template <std::integral T>
struct FindEnds {
  [[gnu::always_inline]] Ends<T> operator()(const T* numbers, std::size_t count) const {
    Ends<T> ends;
    for (std::size_t i = 0; i < count; ++i) {
      ends.low = numbers[i] < ends.low ? numbers[i] : ends.low;
      ends.high = numbers[i] > ends.high ? numbers[i] : ends.high;
    }
    return ends;
  }
};

// Formats that become float32.
template <class Stored, auto Convert>
class SmallFloatScan final : public ValueScan {
 public:
  explicit SmallFloatScan(bool big_endian) : big_endian_(big_endian) {}
  void add(Bytes elements) override {
    for_each_block<Stored>(elements, big_endian_, [&](std::span<const Stored> block) {
      alignas(kLaneBytes) std::array<float, kBlock> converted;
      run_wide(ConvertAll<Stored, Convert>{}, block.data(), block.size(), converted.data());
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
      const Ends<T> ends = run_wide(FindEnds<T>{}, block.data(), block.size());
      ends_.low = std::min(ends_.low, ends.low);
      ends_.high = std::max(ends_.high, ends.high);
    });
  }
  ValueFacts facts() const override {
    return ends_.low > ends_.high ? ValueFacts{.constant = true}
                                  : ValueFacts{.min = static_cast<double>(ends_.low),
                                               .max = static_cast<double>(ends_.high),
                                               .constant = ends_.low == ends_.high};
  }

 private:
  bool big_endian_;
  Ends<T> ends_;
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
