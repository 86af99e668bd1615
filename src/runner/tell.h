// SPDX-License-Identifier: Apache-2.0
#pragma once

// What a report says of facts beside the outcomes.

#include <string>
#include <vector>

#include "facts/facts.h"
#include "report/report.h"

namespace runup {

// The runtimes that ran at least one call of the model to its end.
std::vector<ReportWitness> witnesses_of(const Facts& facts);

// "Debian GNU/Linux 13 (trixie), x86_64, 2 cpus, 24 GiB, NVIDIA H100"; empty when nothing is known.
std::string host_words(const Observed<HostFacts>& host);

// The remark about a model with `inference: {required: false}`.
std::string acceptance_words(const std::string& model);

}  // namespace runup
