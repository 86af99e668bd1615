// SPDX-License-Identifier: Apache-2.0
#pragma once

// Loops over numbers, compiled twice: for any x86-64, whose vectors have 16 bytes, and for processors with
// AVX2, which have twice that. The product is one executable for both.

#include <utility>

namespace runup::artifact {

namespace wide {

#if defined(__x86_64__)
template <class Kernel, class... Arguments>
[[gnu::target("avx2")]] auto run_avx2(const Kernel& kernel, Arguments... arguments) {
  return kernel(arguments...);
}

inline bool has_avx2() {
  static const bool kHas = __builtin_cpu_supports("avx2") != 0;
  return kHas;
}
#endif

}  // namespace wide

// kernel(arguments...), in the best way that this processor has. The kernel's operator() must be
// [[gnu::always_inline]], and so must every function of weight that it calls; arguments are passed by value.
template <class Kernel, class... Arguments>
auto run_wide(const Kernel& kernel, Arguments... arguments) {
#if defined(__x86_64__)
  if (wide::has_avx2()) {
    return wide::run_avx2(kernel, arguments...);
  }
#endif
  return kernel(arguments...);
}

}  // namespace runup::artifact
