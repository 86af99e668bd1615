// SPDX-License-Identifier: Apache-2.0
#pragma once

// The one place where libtorch's exceptions become values.

#include <exception>
#include <string>
#include <type_traits>

#include <c10/util/Exception.h>

#include "base/result.h"
#include "probes/torch/error_text.h"

namespace runup {

// The Result of `work`, which itself returns a value or a Result.
template <class T>
struct GuardedResult {
  using Type = Result<T>;
};
template <class T>
struct GuardedResult<Result<T>> {
  using Type = Result<T>;
};

template <class Work>
auto guarded(Work&& work) -> typename GuardedResult<std::invoke_result_t<Work>>::Type {
  using Value = std::invoke_result_t<Work>;
  std::string words;
  try {
    if constexpr (std::is_void_v<Value>) {
      work();
      return {};
    } else {
      return work();
    }
  } catch (const c10::Error& error) {
    words = error.what_without_backtrace();
  } catch (const std::exception& error) {
    words = error.what();
  } catch (...) {
    words = "an exception of unknown type";
  }
  return fail(is_lack_of_runtime(words) ? ErrorCode::unsupported : ErrorCode::bad_input, first_words(words));
}

}  // namespace runup
