// SPDX-License-Identifier: Apache-2.0
// runup-probe-torch: loads one model with libtorch and answers experiments, see probes/protocol.

#include <unistd.h>

#include "probes/runtime/serve.h"
#include "probes/torch/loading.h"

int main() {
  using namespace runup;
  const int status = serve_runtime(
      steady_now(), {.name = "libtorch",
                     .start = {},
                     .load = [](const RuntimeRequest& request, Bytes file, const Experiment* trial) {
                       return load_model(request.model, file, trial);
                     }});
  // libtorch's destructors take longer than many models' inference, and nothing is left to save.
  ::_exit(status);
}
