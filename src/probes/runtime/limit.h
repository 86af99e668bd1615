// SPDX-License-Identifier: Apache-2.0
#pragma once

// How far an axis of a model can grow, found by calling it. For every runtime probe.

#include <cstdint>
#include <functional>
#include <vector>

#include "base/result.h"
#include "facts/declaration.h"
#include "facts/experiment.h"
#include "facts/runtime.h"
#include "probes/runtime/inputs.h"
#include "probes/runtime/process.h"

namespace runup {

// One call of the model. An error of ErrorCode::unsupported or ErrorCode::limit is no answer of the model,
// every other one is its refusal.
using LimitCall = std::function<Result<void>(const std::vector<InputValues>&)>;

struct LimitBounds {
  // of all calls together; a call that would end later, by the time of the last one and its size, is not
  // begun. Whether time grows with the size or its square, the calls themselves tell
  Duration time = kLimitTime;
  // of the inputs of one call
  std::uint64_t bytes = std::uint64_t{256} << 20;
  std::uint64_t calls = 100;
  // that the process may grow by: a call that would need more, by what the last ones needed, is not begun
  std::uint64_t memory = std::uint64_t{1} << 30;
  // the monotonic clock
  std::function<Duration()> now = steady_now;
  // the most memory that the process ever had
  std::function<std::uint64_t()> peak = peak_resident_bytes;
};

// What `asked`, of kind `limit`, is answered with. Tries `asked.from`, one more (where a table ends is
// often where the declared range does), and then twice as much each time up to `asked.most`; then bisects
// between the largest size that works and the smallest that fails. Where `from` fails, bisects between the
// axis's example, if that is smaller and works, and `from`. Other axes have the sizes of `asked.axes`, else
// their examples.
//
// Never fails: what is no sensible question (an unknown axis, `from` below 1, `most` below `from`, a sample)
// ends with LimitEnd::none, no call and the reason in `error`.
LimitFacts find_limit(const ModelDeclaration& model, const Experiment& asked, const LimitCall& call,
                      const LimitBounds& bounds = {});

}  // namespace runup
