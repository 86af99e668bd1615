// SPDX-License-Identifier: Apache-2.0
#include "probes/python/python_probe.h"

#include "probes/python/model.h"
#include "probes/runtime/process.h"
#include "probes/runtime/serve.h"

namespace runup {

int python_probe_main() {
  return serve_runtime(steady_now(),
                       {.name = "interpreter",
                        .start = {},
                        .load = [](const RuntimeRequest& request, Bytes, const Experiment* trial) {
                          return load_in_python(request, trial);
                        }});
}

}  // namespace runup
