// SPDX-License-Identifier: Apache-2.0
#include "probes/python/python_probe.h"

#include <optional>
#include <utility>

#include "probes/python/file_loading.h"
#include "probes/python/model.h"
#include "probes/runtime/process.h"
#include "probes/runtime/serve.h"

namespace runup {

int python_probe_main() {
  // Where the config names no factory, the library is there before the file is loaded, as in the other probes.
  std::optional<FileSession> ready;
  return serve_runtime(steady_now(),
                       {.name = "interpreter",
                        .start = [&](const RuntimeRequest& request) -> Result<void> {
                          if (!request.model.factory.empty()) {
                            return {};
                          }
                          auto session = start_for_file(request);
                          if (!session) {
                            return std::unexpected(session.error());
                          }
                          ready = std::move(*session);
                          return {};
                        },
                        .load =
                            [&](const RuntimeRequest& request, Bytes file, const Experiment* trial) {
                              return ready ? load_file_in_python(request, file, *ready, trial)
                                           : load_in_python(request, trial);
                            }});
}

}  // namespace runup
