// SPDX-License-Identifier: Apache-2.0
#include "probes/runtime/limit.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>
#include <utility>

#include "facts/runtime_words.h"

namespace runup {

namespace {

// A runtime's words may be of any length.
constexpr std::size_t kMostWords = 1024;
// Where two calls do not tell how time grows with the size: attention's square.
constexpr double kUsualGrowth = 2;
// Sizes, or times, of two calls that are further apart than this tell it.
constexpr double kFarSizes = 1.25;
constexpr double kFarTimes = 1.7;
// Shorter ones are mostly overhead and noise.
constexpr Duration kShort = Duration::from_milliseconds(1);
// How often a call that seems too slow to go on from is timed again.
constexpr int kTimedAgain = 2;

class LimitSearch {
 public:
  LimitSearch(const ModelDeclaration& model, const Experiment& asked, const LimitCall& call,
              const LimitBounds& bounds)
      : model_(model),
        asked_(asked),
        call_(call),
        bounds_(bounds),
        started_(bounds.now()),
        peak_(bounds.peak()) {}

  LimitFacts run() {
    if (std::string words = objection(); !words.empty()) {
      facts_.error = std::move(words);
      return std::move(facts_);
    }
    if (!try_size(asked_.from)) {
      return std::move(facts_);
    }
    if (facts_.largest == 0) {
      if (!look_below()) {
        return std::move(facts_);
      }
    } else if (!grow()) {
      return std::move(facts_);
    }
    bisect();
    return std::move(facts_);
  }

 private:
  // Why the question makes no sense; empty when it does.
  std::string objection() const {
    if (!model_.axes.contains(asked_.axis)) {
      return "axis `" + asked_.axis + "` is not declared in `axes:`";
    }
    if (asked_.fill == Fill::sample) {
      return "a sample has its own sizes; axis `" + asked_.axis + "` cannot be grown";
    }
    if (asked_.from < 1 || asked_.most < asked_.from) {
      return "axis `" + asked_.axis + "` cannot be grown from " + std::to_string(asked_.from) + " to " +
             std::to_string(asked_.most);
    }
    const auto bytes = input_bytes(model_, experiment(asked_.from));
    return bytes ? "" : bytes.error().describe();
  }

  Experiment experiment(std::int64_t size) const {
    Experiment one = asked_;
    one.axes[asked_.axis] = size;
    return one;
  }

  // Doubles until something fails or `most` works; true when a limit lies between.
  bool grow() {
    while (facts_.refused == 0) {
      if (facts_.largest >= asked_.most) {
        facts_.end = LimitEnd::most_reached;
        return false;
      }
      const bool first = facts_.tried.size() == 1;
      const std::int64_t next = first                              ? facts_.largest + 1
                                : facts_.largest > asked_.most / 2 ? asked_.most
                                                                   : facts_.largest * 2;
      if (!try_size(next)) {
        return false;
      }
    }
    return true;
  }

  // `from` fails: the axis's example is what the model is used with every day.
  bool look_below() {
    const std::int64_t example = model_.axes.at(asked_.axis).example;
    return example >= 1 && example < asked_.from && try_size(example) && facts_.largest > 0;
  }

  void bisect() {
    while (facts_.refused - facts_.largest > 1) {
      if (!try_size(facts_.largest + (facts_.refused - facts_.largest) / 2)) {
        return;
      }
    }
    facts_.end = LimitEnd::found;
  }

  // False when the search ends here, with `end` set; otherwise `largest` or `refused` has moved.
  bool try_size(std::int64_t size) {
    auto end = bound_before(size);
    for (int i = 0; i < kTimedAgain && end == LimitEnd::time && time_again(); ++i) {
      end = bound_before(size);
    }
    if (end) {
      facts_.end = *end;
      return false;
    }
    const Duration before = bounds_.now();
    const auto inputs = make_inputs(model_, experiment(size));
    if (!inputs) {
      return stop(inputs.error().code == ErrorCode::limit ? LimitEnd::size : LimitEnd::none, inputs.error());
    }
    const Result<void> answer = call_(*inputs);
    facts_.tried.push_back({.size = size, .works = answer.has_value(), .took = bounds_.now() - before});
    if (answer) {
      facts_.largest = size;
      return true;
    }
    const Error& error = answer.error();
    if (error.code == ErrorCode::unsupported || error.code == ErrorCode::limit) {
      return stop(error.code == ErrorCode::limit ? LimitEnd::size : LimitEnd::unsupported, error);
    }
    if (says_out_of_memory(error.describe())) {
      return stop(LimitEnd::memory, error);
    }
    facts_.refused = size;
    facts_.error = error.describe().substr(0, kMostWords);
    return true;
  }

  // Before the time of the last call ends the search: another process may have had the processor meanwhile,
  // so the call is made once more and the shorter time counts. False when there is no time left for that.
  bool time_again() {
    LimitCallFacts& last = facts_.tried.back();
    if (bounds_.now() - started_ + last.took > bounds_.time) {
      return false;
    }
    const Duration before = bounds_.now();
    const auto inputs = make_inputs(model_, experiment(last.size));
    if (!inputs) {
      return false;
    }
    [[maybe_unused]] const Result<void> answer = call_(*inputs);
    last.took = std::min(last.took, bounds_.now() - before);
    return true;
  }

  bool stop(LimitEnd end, const Error& error) {
    facts_.end = end;
    // What was refused before keeps its words.
    if (facts_.refused == 0) {
      facts_.error = error.describe().substr(0, kMostWords);
    }
    return false;
  }

  // Which bound a call with this size would break.
  std::optional<LimitEnd> bound_before(std::int64_t size) const {
    if (facts_.tried.size() >= bounds_.calls) {
      return LimitEnd::calls;
    }
    const auto bytes = input_bytes(model_, experiment(size));
    if (!bytes || *bytes > bounds_.bytes) {
      return LimitEnd::size;
    }
    // The first call is always made: it is of a size that is declared to work.
    if (!facts_.tried.empty() && bounds_.now() - started_ + expected_time(size) > bounds_.time) {
      return LimitEnd::time;
    }
    if (!facts_.tried.empty() && expected_memory(size) > static_cast<double>(bounds_.memory)) {
      return LimitEnd::memory;
    }
    return std::nullopt;
  }

  // By the last call, whose time is taken to grow with a power of the size.
  Duration expected_time(std::int64_t size) const {
    const LimitCallFacts& last = facts_.tried.back();
    const double ratio = static_cast<double>(size) / static_cast<double>(last.size);
    // A smaller one may take as long.
    const double factor = ratio <= 1 ? 1 : std::pow(ratio, growth());
    const double seconds = last.took.seconds() * factor;
    return Duration::from_seconds(std::isfinite(seconds) ? std::min(seconds, 1e9) : 1e9);
  }

  // More than at the start, by how much more it is now; attention's grows with the square.
  double expected_memory(std::int64_t size) const {
    const std::uint64_t peak = bounds_.peak();
    const double grown = peak > peak_ ? static_cast<double>(peak - peak_) : 0;
    const double ratio = static_cast<double>(size) / static_cast<double>(facts_.tried.back().size);
    return ratio <= 1 ? 0 : grown * std::pow(ratio, kUsualGrowth);
  }

  double growth() const {
    if (facts_.tried.size() < 2) {
      return kUsualGrowth;
    }
    const LimitCallFacts& last = facts_.tried.back();
    const LimitCallFacts& before = facts_.tried[facts_.tried.size() - 2];
    const double sizes = static_cast<double>(last.size) / static_cast<double>(before.size);
    const double times = last.took.seconds() / std::max(before.took, kShort).seconds();
    if (sizes <= 1 || (sizes < kFarSizes && times < kFarTimes)) {
      return kUsualGrowth;
    }
    return std::max(1.0, std::log(std::max(times, 1.0)) / std::log(sizes));
  }

  const ModelDeclaration& model_;
  const Experiment& asked_;
  const LimitCall& call_;
  const LimitBounds& bounds_;
  Duration started_;
  std::uint64_t peak_;
  LimitFacts facts_;
};

}  // namespace

LimitFacts find_limit(const ModelDeclaration& model, const Experiment& asked, const LimitCall& call,
                      const LimitBounds& bounds) {
  return LimitSearch(model, asked, call, bounds).run();
}

}  // namespace runup
