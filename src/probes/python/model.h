// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "probes/protocol/channel.h"
#include "probes/runtime/model.h"

namespace runup {

// What `request.model.factory` makes in the service's interpreter. With `trial`, it is called once.
Loaded load_in_python(const RuntimeRequest& request, const Experiment* trial);

}  // namespace runup
