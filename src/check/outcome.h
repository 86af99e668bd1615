// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/codec.h"
#include "base/schema.h"

namespace runup {

enum class Severity { note, warning, error };
constexpr auto enum_names(Severity) {
  using enum Severity;
  return std::array<std::pair<Severity, std::string_view>, 3>{
      {{note, "note"}, {warning, "warning"}, {error, "error"}}};
}

enum class Status { passed, failed, skipped, undecided };
constexpr auto enum_names(Status) {
  using enum Status;
  return std::array<std::pair<Status, std::string_view>, 4>{
      {{passed, "passed"}, {failed, "failed"}, {skipped, "skipped"}, {undecided, "undecided"}}};
}

// One thing that was looked at, and what was seen: {"classes", "12"}.
struct Evidence {
  std::string name;
  std::string value;
  bool operator==(const Evidence&) const = default;
  static constexpr auto fields() {
    return std::tuple{Field{"name", &Evidence::name, "what was looked at"},
                      Field{"value", &Evidence::value, "what was seen"}};
  }
};

// Where a finding is: a file, and the place in it that is known.
struct Location {
  std::string file;
  // key path inside a model file, or a config key
  std::string key;
  std::optional<std::uint64_t> line;
  bool operator==(const Location&) const = default;
  static constexpr auto fields() {
    return std::tuple{Field{"file", &Location::file}, Field{"key", &Location::key},
                      Field{"line", &Location::line}};
  }
};

// That somebody answers for a finding, by an entry of the config's `waivers:` that has not expired.
struct Acceptance {
  std::string reason;
  std::string owner;
  // the last day on which it holds, in UTC: `2026-12-31`
  std::string expires;
  bool operator==(const Acceptance&) const = default;
  static constexpr auto fields() {
    return std::tuple{Field{"reason", &Acceptance::reason, "why it is accepted"},
                      Field{"owner", &Acceptance::owner, "who answers for it"},
                      Field{"expires", &Acceptance::expires, "the last day on which it is, in UTC"}};
  }
};

// One problem that a check saw.
struct Finding {
  // `class-count-mismatch`; with the check's id before it, `label-encoder/class-count-mismatch`,
  // it is unique in the whole product
  std::string id;
  Severity severity = Severity::error;
  // observed then expected, lower-case, no final period
  std::string message;
  Location where;
  std::vector<Evidence> evidence;
  // what to do about it, one imperative sentence or a command
  std::string fix;
  // set by settle() alone: it is shown, and counts for nothing
  std::optional<Acceptance> accepted;
  bool operator==(const Finding&) const = default;
  static constexpr auto fields() {
    return std::tuple{Field{"id", &Finding::id, "the finding's id within its check", kRequired},
                      Field{"severity", &Finding::severity, "`error` makes the check fail"},
                      Field{"message", &Finding::message, "observed, then expected", kRequired},
                      Field{"where", &Finding::where, "the file and the place in it"},
                      Field{"evidence", &Finding::evidence, "what supports it"},
                      Field{"fix", &Finding::fix, "what to do about it"},
                      Field{"accepted", &Finding::accepted, "the waiver by which it does not count"}};
  }
};

// What `judge` returns: everything it saw. Whether that is a pass is not its decision but that of
// settle(), by the design's rules, so that no check can be green by mistake.
struct Judgement {
  std::vector<Evidence> looked_at;
  std::vector<Finding> findings;
  // the check does not apply: why
  std::optional<std::string> skipped;
  // something that had to be looked at could not be: why, and what to give
  std::optional<std::string> undecided;
  bool operator==(const Judgement&) const = default;
  static constexpr auto fields() {
    return std::tuple{Field{"looked_at", &Judgement::looked_at}, Field{"findings", &Judgement::findings},
                      Field{"skipped", &Judgement::skipped}, Field{"undecided", &Judgement::undecided}};
  }

  void saw(std::string name, std::string value) { looked_at.push_back({std::move(name), std::move(value)}); }
  static Judgement skip(std::string why) { return {.skipped = std::move(why)}; }
  static Judgement cannot_tell(std::string why) { return {.undecided = std::move(why)}; }
};

// The settled result of one check on one model.
struct Outcome {
  Status status = Status::undecided;
  std::vector<Evidence> evidence;
  std::vector<Finding> findings;
  // of skipped and undecided; of failed, what else could not be told
  std::string reason;
  bool operator==(const Outcome&) const = default;
  static constexpr auto fields() {
    return std::tuple{Field{"status", &Outcome::status}, Field{"evidence", &Outcome::evidence},
                      Field{"findings", &Outcome::findings}, Field{"reason", &Outcome::reason}};
  }
};

// Severities that the config gives, by finding id without the check's name. `*` is the whole check:
// it applies to all findings but notes.
using SeverityOverrides = std::map<std::string, Severity>;

// Who accepts findings of one check on one model, by finding id without the check's name; `*` is all of them.
using Acceptances = std::map<std::string, Acceptance>;

// The rules: an error finding that nobody accepts is a failure whatever else is true; then a stated cause
// makes it undecided; then a stated skip makes it skipped; then looking at nothing and finding nothing is undecided;
// else it passed. With `strict`, warnings count as errors. What could not be told cannot be accepted. Errors stand
// first, accepted findings last.
Outcome settle(Judgement judgement, const SeverityOverrides& overrides, bool strict,
               const Acceptances& acceptances = {});

}  // namespace runup
