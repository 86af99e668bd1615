// SPDX-License-Identifier: Apache-2.0
// runup-probe-onnxruntime: loads one model with ONNX Runtime and answers experiments, see probes/protocol.

#include <unistd.h>

#include "probes/onnxruntime/library.h"
#include "probes/onnxruntime/loading.h"
#include "probes/runtime/serve.h"

int main() {
  using namespace runup;
  Library library;
  const int status = serve_runtime(
      steady_now(), {.name = "ONNX Runtime",
                     .start = [&](const RuntimeRequest& request) -> Result<void> {
                       auto loaded = load_onnxruntime(request.library);
                       if (!loaded) {
                         return std::unexpected(loaded.error());
                       }
                       library = std::move(*loaded);
                       return {};
                     },
                     .load = [&](const RuntimeRequest& request, Bytes,
                                 const Experiment*) { return load_session(request.model, library); }});
  // Its destructors have nothing to save.
  ::_exit(status);
}
