// SPDX-License-Identifier: Apache-2.0
#include <format>

#include "base/text.h"
#include "judge.h"

namespace runup::checks::input_shape {

namespace {

std::string stopped_by(const LimitFacts& limit) {
  switch (limit.end) {
    case LimitEnd::time:
      return "stopped by time";
    case LimitEnd::size:
      return "stopped by the size of the input";
    case LimitEnd::calls:
      return "stopped by the number of calls";
    case LimitEnd::memory:
      return "stopped by memory";
    case LimitEnd::unsupported:
      return "stopped because the runtime lacks what a larger one needs";
    case LimitEnd::found:
    case LimitEnd::most_reached:
    case LimitEnd::none:
      break;
  }
  return "no larger one was tried";
}

std::string limit_words(const LimitFacts& limit) {
  if (limit.end == LimitEnd::found) {
    return std::format("works up to {}, refused at {} ({})", limit.largest, limit.refused,
                       in_quotes(limit.error));
  }
  if (limit.refused > 0) {
    return std::format("works up to {} at least, refused at {} ({}); {}", limit.largest, limit.refused,
                       in_quotes(limit.error), stopped_by(limit));
  }
  return std::format("at least {} ({})", limit.largest, stopped_by(limit));
}

}  // namespace

const LimitFacts* found_limit(const Judge& judge, const AxisPlan& axis) {
  const ExperimentFacts* answer = axis.limit ? judge.runtime->find(*axis.limit) : nullptr;
  return answer != nullptr && answer->limit && answer->limit->end == LimitEnd::found ? &*answer->limit
                                                                                     : nullptr;
}

void judge_limit(Judge& judge, const AxisPlan& axis) {
  if (!axis.limit) {
    return;
  }
  const ExperimentFacts* answer = judge.runtime->find(*axis.limit);
  const std::string name = std::format("limit of `{}`", axis.name);
  // What lies beyond the range is nobody's promise: that it could not be told is no reason to doubt the rest.
  if (answer == nullptr) {
    judge.saw(name, std::format("not told: {} gave no answer", witness_words(judge.runtime->witness)));
  } else if (answer->absence) {
    judge.saw(name, "not told: " + absence_text("the answer", *answer->absence));
  } else if (!answer->limit || answer->limit->largest == 0) {
    const std::string& words = answer->limit ? answer->limit->error : answer->error;
    judge.saw(name, words.empty() ? "not told: not even the range's largest was tried"
                                  : "not told: " + in_quotes(words));
  } else {
    judge.saw(name, limit_words(*answer->limit) + beside_text(judge.facts.model, axis.beside));
  }
  const Trial high = judge.trial(experiment_of(judge.facts.model, axis, axis.high), axis.high);
  if (answer != nullptr && answer->limit && high.told == Told::works && answer->limit->refused == axis.high) {
    judge.untold.push_back(std::format("`{}` {} works once and is refused once: {}", axis.name, axis.high,
                                       in_quotes(answer->limit->error)));
  }
}

}  // namespace runup::checks::input_shape
