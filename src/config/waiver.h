// SPDX-License-Identifier: Apache-2.0
#pragma once

// `waivers:`: findings that somebody answers for until a day.

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>

#include "base/schema.h"
#include "check/outcome.h"

namespace runup {

struct WaiverDeclaration {
  // CHECK (all its findings) or CHECK/FINDING
  std::string waives;
  // empty: every model
  std::string model;
  std::string reason;
  std::string owner;
  std::string expires;
  bool operator==(const WaiverDeclaration&) const = default;
  static constexpr auto fields() {
    return std::tuple{
        Field{"finding", &WaiverDeclaration::waives,
              "CHECK/FINDING as reports show it, or CHECK for all of its findings",
              Rule{.required = true, .min = 1}},
        Field{"model", &WaiverDeclaration::model, "the model that it is for; without it every model"},
        Field{"reason", &WaiverDeclaration::reason, "why the finding is accepted",
              Rule{.required = true, .min = 1}},
        Field{"owner", &WaiverDeclaration::owner, "who answers for it", Rule{.required = true, .min = 1}},
        Field{"expires", &WaiverDeclaration::expires,
              "the last day on which it holds (UTC), such as `2026-12-31`",
              Rule{.required = true, .min = 1}}};
  }

  std::string check() const { return waives.substr(0, waives.find('/')); }
  // the finding's id within its check; `*` for all
  std::string finding() const {
    const std::size_t slash = waives.find('/');
    return slash == std::string::npos ? "*" : waives.substr(slash + 1);
  }
  Acceptance acceptance() const { return {.reason = reason, .owner = owner, .expires = expires}; }
};

// A day of the calendar from `2026-12-31`; nothing when the text is anything else.
std::optional<std::chrono::sys_days> parse_day(std::string_view text);

}  // namespace runup
