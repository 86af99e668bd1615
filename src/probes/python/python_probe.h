// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace runup {

// The role that stands between runup and the service's interpreter: it makes the inputs and describes the
// outputs as every runtime probe does, and a child, in which run_model.py runs, loads and calls the model.
// RuntimeRequest::python says how.
int python_probe_main();

}  // namespace runup
