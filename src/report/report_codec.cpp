// SPDX-License-Identifier: Apache-2.0
#include "report/report.h"

namespace runup {

template struct StructCodec<Report>;

}  // namespace runup
