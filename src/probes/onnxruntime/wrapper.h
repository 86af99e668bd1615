// SPDX-License-Identifier: Apache-2.0
#pragma once

// The one place where ONNX Runtime's exceptions become values.

#include <exception>
#include <string>
#include <type_traits>

#include <onnxruntime_cxx_api.h>

#include "base/result.h"
#include "probes/onnxruntime/error_text.h"

namespace runup {

// `work` returns a Result.
template <class Work>
auto guarded(Work&& work) -> std::invoke_result_t<Work> {
  std::string words;
  bool lack = false;
  try {
    return work();
  } catch (const Ort::Exception& error) {
    words = error.what();
    lack = error.GetOrtErrorCode() == ORT_NOT_IMPLEMENTED;
  } catch (const std::exception& error) {
    words = error.what();
  } catch (...) {
    words = "an exception of unknown type";
  }
  return fail(lack || is_lack_of_ort(words) ? ErrorCode::unsupported : ErrorCode::bad_input,
              first_words_of_ort(words));
}

}  // namespace runup
