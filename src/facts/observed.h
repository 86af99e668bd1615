// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <optional>
#include <string>
#include <utility>

#include "base/codec.h"

namespace runup {

// Why something could not be observed. None of these says that the model is unfit.
enum class AbsenceKind {
  // nobody asked for it in this run
  not_requested,
  // what it needs was itself not there (a missing file cannot be read)
  blocked,
  // the probe's program, or the runtime it needs, is not installed
  missing,
  crashed,
  timed_out,
  out_of_memory,
  // the probe answered something that is not its protocol
  garbled,
  // the probe said itself why it could not
  refused,
};

constexpr auto enum_names(AbsenceKind) {
  using enum AbsenceKind;
  return std::array<std::pair<AbsenceKind, std::string_view>, 8>{{{not_requested, "not-requested"},
                                                                  {blocked, "blocked"},
                                                                  {missing, "missing"},
                                                                  {crashed, "crashed"},
                                                                  {timed_out, "timed-out"},
                                                                  {out_of_memory, "out-of-memory"},
                                                                  {garbled, "garbled"},
                                                                  {refused, "refused"}}};
}

struct Absence {
  AbsenceKind kind = AbsenceKind::not_requested;
  // a clause that completes "could not tell: ": "the torch probe crashed (signal 11) while ..."
  std::string detail;
  // the end of what the probe wrote to stderr, when that explains the absence; bounded
  std::string log;
  bool operator==(const Absence&) const = default;
  static constexpr auto fields() {
    return std::tuple{Field{"kind", &Absence::kind}, Field{"detail", &Absence::detail},
                      Field{"log", &Absence::log}};
  }
};

inline Absence blocked(std::string detail) {
  return {.kind = AbsenceKind::blocked, .detail = std::move(detail), .log = {}};
}

// Facts of one probe, or why there are none; exactly one of the two is set.
template <class T>
struct Observed {
  std::optional<T> value;
  std::optional<Absence> absence = Absence{};
  // how long observing took, the probe's start included
  Duration took;

  // Not requested. What copies and destroys the facts is compiled once for each T (facts/observed_members.h), not in
  // every source that has some.
  Observed();
  Observed(const Observed& other);
  Observed(Observed&& other) noexcept;
  Observed& operator=(const Observed& other);
  Observed& operator=(Observed&& other) noexcept;
  ~Observed();

  static Observed seen(T facts, Duration took);
  static Observed none(const Absence& why, Duration took = {});
  explicit operator bool() const { return value.has_value(); }
  const T& operator*() const { return *value; }
  const T* operator->() const { return &*value; }

  bool operator==(const Observed&) const = default;
  static constexpr auto fields() {
    return std::tuple{Field{"value", &Observed::value}, Field{"absence", &Observed::absence},
                      Field{"took", &Observed::took}};
  }
};

}  // namespace runup
