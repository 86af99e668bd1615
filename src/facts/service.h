// SPDX-License-Identifier: Apache-2.0
#pragma once

// What the started service did: once as it is, and once for each damage to its files.

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include "base/codec.h"
#include "facts/observed.h"

namespace runup {

// What was done to one file before a start.
enum class Damage {
  none,
  // the file is not there
  missing,
  // its first half alone
  truncated,
  // a Git LFS pointer in its place
  lfs_pointer,
  // zeros, as many as the file has bytes
  zeros,
  // opening it is refused (EACCES)
  unreadable,
};
constexpr auto enum_names(Damage) {
  using enum Damage;
  return std::array<std::pair<Damage, std::string_view>, 6>{{{none, "none"},
                                                             {missing, "missing"},
                                                             {truncated, "truncated"},
                                                             {lfs_pointer, "lfs-pointer"},
                                                             {zeros, "zeros"},
                                                             {unreadable, "unreadable"}}};
}

// Why an answer was asked for.
enum class AskedFor {
  readiness,
  liveness,
  predict,
  // a GET route of the OpenAPI document
  route,
};
constexpr auto enum_names(AskedFor) {
  using enum AskedFor;
  return std::array<std::pair<AskedFor, std::string_view>, 4>{
      {{readiness, "readiness"}, {liveness, "liveness"}, {predict, "predict"}, {route, "route"}}};
}

// One request and what came back.
struct AnswerFacts {
  AskedFor asked_for = AskedFor::readiness;
  // as it was asked, redirects not followed: `/health`
  std::string path;
  // of HTTP, after redirects; 0 when no whole answer came
  std::uint32_t status = 0;
  // why not: "the connection was refused", "no answer within 10 s"
  std::string error;
  std::string content_type;
  // the beginning, at most kMostBody bytes
  std::string body;
  std::uint64_t body_bytes = 0;
  // of a body that says that it is JSON, or begins like it: why it is not strict JSON; empty when it is
  std::string not_json;
  // since the start
  Duration at;
  Duration took;
  static constexpr std::size_t kMostBody = 4096;
  bool operator==(const AnswerFacts&) const = default;
  static constexpr auto fields() {
    return std::tuple{Field{"asked_for", &AnswerFacts::asked_for},
                      Field{"path", &AnswerFacts::path},
                      Field{"status", &AnswerFacts::status},
                      Field{"error", &AnswerFacts::error},
                      Field{"content_type", &AnswerFacts::content_type},
                      Field{"body", &AnswerFacts::body},
                      Field{"body_bytes", &AnswerFacts::body_bytes},
                      Field{"not_json", &AnswerFacts::not_json},
                      Field{"at", &AnswerFacts::at},
                      Field{"took", &AnswerFacts::took}};
  }
};

inline bool is_2xx(const AnswerFacts& answer) { return answer.status >= 200 && answer.status < 300; }

// A watched file (the model, its conversions, its labels) that the service opened.
struct OpenedByServiceFacts {
  // absolute, on this machine
  std::string path;
  // how many times
  std::uint64_t count = 0;
  // the first time, since the start
  Duration at;
  bool operator==(const OpenedByServiceFacts&) const = default;
  static constexpr auto fields() {
    return std::tuple{Field{"path", &OpenedByServiceFacts::path},
                      Field{"count", &OpenedByServiceFacts::count}, Field{"at", &OpenedByServiceFacts::at}};
  }
};

// How the started process ended by itself.
struct ServiceEndFacts {
  // exit status, 0 when a signal ended it
  std::int32_t status = 0;
  // 0 when it exited
  std::int32_t signal = 0;
  // since the start
  Duration at;
  bool operator==(const ServiceEndFacts&) const = default;
  static constexpr auto fields() {
    return std::tuple{Field{"status", &ServiceEndFacts::status}, Field{"signal", &ServiceEndFacts::signal},
                      Field{"at", &ServiceEndFacts::at}};
  }
};

// When SIGTERM was sent.
enum class StopMoment { loading, prediction, idle };
constexpr auto enum_names(StopMoment) {
  using enum StopMoment;
  return std::array<std::pair<StopMoment, std::string_view>, 3>{
      {{loading, "loading"}, {prediction, "prediction"}, {idle, "idle"}}};
}

// How long Docker waits after SIGTERM unless it is told otherwise (`docker stop --time`).
inline constexpr Duration kDockerGrace = Duration::from_milliseconds(10'000);

struct StopFacts {
  StopMoment moment = StopMoment::idle;
  // how long it was waited for
  Duration patience;
  // until all its processes were gone; nothing when some were left after `patience`
  std::optional<Duration> took;
  // command names of the processes that were left, at most 10
  std::vector<std::string> left;
  // of `prediction`: what came back of the request that was being answered
  std::optional<AnswerFacts> answer;
  bool operator==(const StopFacts&) const = default;
  static constexpr auto fields() {
    return std::tuple{Field{"moment", &StopFacts::moment}, Field{"patience", &StopFacts::patience},
                      Field{"took", &StopFacts::took}, Field{"left", &StopFacts::left},
                      Field{"answer", &StopFacts::answer}};
  }
};

// Readiness, asked ten times a second while predictions ran.
struct BusyHealthFacts {
  // predictions at a time, and how many were answered with 2xx
  std::uint64_t concurrent = 0;
  std::uint64_t predictions = 0;
  // readiness questions, and those without a 2xx answer
  std::uint64_t asked = 0;
  std::uint64_t failed = 0;
  Duration slowest;
  // the slowest prediction
  Duration slowest_prediction;
  bool operator==(const BusyHealthFacts&) const = default;
  static constexpr auto fields() {
    return std::tuple{Field{"concurrent", &BusyHealthFacts::concurrent},
                      Field{"predictions", &BusyHealthFacts::predictions},
                      Field{"asked", &BusyHealthFacts::asked},
                      Field{"failed", &BusyHealthFacts::failed},
                      Field{"slowest", &BusyHealthFacts::slowest},
                      Field{"slowest_prediction", &BusyHealthFacts::slowest_prediction}};
  }
};

// One start of the service.
struct StartFacts {
  Damage damage = Damage::none;
  // the damaged file, absolute, on this machine; empty for `none`
  std::string file;
  // it is the file of the model's labels, not of the model
  bool labels = false;
  // the start was stopped while it loaded, and says nothing but `stops`
  bool interrupted = false;
  // it is a fork of an interpreter that had imported what the service imports from outside its package
  bool forked = false;
  // the first connection that was accepted; since the start, as all times here
  std::optional<Duration> listening;
  // the first 2xx answer to readiness, or of any path where none is named
  std::optional<Duration> ready;
  // the end of the first 2xx answer to a prediction
  std::optional<Duration> predicted;
  // how long it was waited for an answer, or to become ready
  Duration waited;
  // what was asked, in order; of the questions before the service was ready the first of each kind of answer and the last
  std::vector<AnswerFacts> answers;
  std::optional<BusyHealthFacts> busy;
  std::vector<OpenedByServiceFacts> opened;
  // it ended before it was told to
  std::optional<ServiceEndFacts> ended;
  std::vector<StopFacts> stops;
  // stdout and stderr together: the start and the end, bounded
  std::string log;
  std::uint64_t log_bytes = 0;
  // processes that were seen during the start, and those that were there when it was ready
  std::uint64_t processes_seen = 0;
  std::uint64_t processes = 0;
  // memory of all of them then, what they share counted once; bytes
  std::uint64_t memory = 0;
  bool operator==(const StartFacts&) const = default;
  static constexpr auto fields() {
    return std::tuple{Field{"damage", &StartFacts::damage},
                      Field{"file", &StartFacts::file},
                      Field{"labels", &StartFacts::labels},
                      Field{"interrupted", &StartFacts::interrupted},
                      Field{"forked", &StartFacts::forked},
                      Field{"listening", &StartFacts::listening},
                      Field{"ready", &StartFacts::ready},
                      Field{"predicted", &StartFacts::predicted},
                      Field{"waited", &StartFacts::waited},
                      Field{"answers", &StartFacts::answers},
                      Field{"busy", &StartFacts::busy},
                      Field{"opened", &StartFacts::opened},
                      Field{"ended", &StartFacts::ended},
                      Field{"stops", &StartFacts::stops},
                      Field{"log", &StartFacts::log},
                      Field{"log_bytes", &StartFacts::log_bytes},
                      Field{"processes_seen", &StartFacts::processes_seen},
                      Field{"processes", &StartFacts::processes},
                      Field{"memory", &StartFacts::memory}};
  }
};

extern template struct Observed<StartFacts>;

// A start with a damage, or why it could not be observed.
struct DamagedStart {
  Damage damage = Damage::none;
  std::string file;
  bool labels = false;
  Observed<StartFacts> start;
  bool operator==(const DamagedStart&) const = default;
  static constexpr auto fields() {
    return std::tuple{Field{"damage", &DamagedStart::damage}, Field{"file", &DamagedStart::file},
                      Field{"labels", &DamagedStart::labels}, Field{"start", &DamagedStart::start}};
  }
};

struct ServiceFacts {
  // as it was started, with `{host}` and `{port}` filled in
  std::string command;
  // what is asked, from the config or found: empty when there is none
  std::string readiness;
  std::string liveness;
  // readiness was not named, and is the first usual path that the service has
  bool readiness_found = false;
  // what it is not kept from, as clauses
  std::vector<std::string> unprotected;
  // damaged files were put into a copy of the package, since nothing can be mounted here
  bool in_copy = false;
  StartFacts healthy;
  // of this model's files alone
  std::vector<DamagedStart> damaged;
  // the start that was stopped while it loaded
  Observed<StartFacts> interrupted;
  bool operator==(const ServiceFacts&) const = default;
  static constexpr auto fields() {
    return std::tuple{Field{"command", &ServiceFacts::command},
                      Field{"readiness", &ServiceFacts::readiness},
                      Field{"liveness", &ServiceFacts::liveness},
                      Field{"readiness_found", &ServiceFacts::readiness_found},
                      Field{"unprotected", &ServiceFacts::unprotected},
                      Field{"in_copy", &ServiceFacts::in_copy},
                      Field{"healthy", &ServiceFacts::healthy},
                      Field{"damaged", &ServiceFacts::damaged},
                      Field{"interrupted", &ServiceFacts::interrupted}};
  }
};

extern template struct Observed<ServiceFacts>;
extern template struct StructCodec<AnswerFacts>;
extern template struct StructCodec<StartFacts>;
extern template struct StructCodec<ServiceFacts>;

}  // namespace runup
