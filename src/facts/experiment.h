// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <tuple>
#include <utility>

#include "base/codec.h"

namespace runup {

// What the inputs of an experiment are filled with.
enum class Fill {
  // standard normal for floats, uniform over the declared range for integers; seeded
  random,
  zeros,
  ones,
  // the files of one declared sample
  sample,
};
constexpr auto enum_names(Fill) {
  using enum Fill;
  return std::array<std::pair<Fill, std::string_view>, 4>{
      {{random, "random"}, {zeros, "zeros"}, {ones, "ones"}, {sample, "sample"}}};
}

enum class ExperimentKind {
  // call the model once and describe every output
  infer,
  // call it `count` times on the same input and time each call; the first call of a process is
  // never among them
  latency,
  // grow `axis` from `from` to at most `most`, and find the largest size that works by doubling and
  // bisection, within bounds of time and size. Where `from` fails, a limit below it is looked for
  limit,
  // `count` fresh processes, each: start, load, first inference; done in a quiet slot
  cold_start,
};
constexpr auto enum_names(ExperimentKind) {
  using enum ExperimentKind;
  return std::array<std::pair<ExperimentKind, std::string_view>, 4>{
      {{infer, "infer"}, {latency, "latency"}, {limit, "limit"}, {cold_start, "cold-start"}}};
}

// What a `limit` experiment may take, one call more than its share excepted: no call is begun that by the
// time of the one before would end later.
inline constexpr Duration kLimitTime = Duration::from_milliseconds(2000);

// One thing that a runtime probe is asked to do with a loaded model. Two checks that ask for equal
// experiments share one answer.
struct Experiment {
  ExperimentKind kind = ExperimentKind::infer;
  Fill fill = Fill::random;
  // of `random`
  std::uint64_t seed = 0;
  // index in ModelDeclaration::samples, of `sample`
  std::uint64_t sample = 0;
  // sizes of named axes that differ from their examples
  std::map<std::string, std::int64_t> axes;
  // sizes of fixed dimensions that differ from the declared ones: `frames[2]`
  std::map<std::string, std::int64_t> sizes;
  // of `limit`: an axis, a size of it that should work, and the largest that is tried
  std::string axis;
  std::int64_t from = 0;
  std::int64_t most = 0;
  // calls or processes, of `latency` and `cold_start`
  std::uint64_t count = 1;
  // of `infer`: record gradients, as training code does and services do not
  bool gradients = false;
  // of experiments that are otherwise equal: which one. Each is a call of its own
  std::uint64_t repetition = 0;

  bool operator==(const Experiment&) const = default;
  static constexpr auto fields() {
    return std::tuple{
        Field{"kind", &Experiment::kind},           Field{"fill", &Experiment::fill},
        Field{"seed", &Experiment::seed},           Field{"sample", &Experiment::sample},
        Field{"axes", &Experiment::axes},           Field{"sizes", &Experiment::sizes},
        Field{"axis", &Experiment::axis},           Field{"from", &Experiment::from},
        Field{"most", &Experiment::most},           Field{"count", &Experiment::count},
        Field{"gradients", &Experiment::gradients}, Field{"repetition", &Experiment::repetition}};
  }
};

extern template struct StructCodec<Experiment>;

}  // namespace runup
