// SPDX-License-Identifier: Apache-2.0
#pragma once

// `audit:`: when runupd audits the target, and which running service it asks.

#include <optional>
#include <string>
#include <tuple>

#include "base/schema.h"

namespace runup {

struct AuditDeclaration {
  std::optional<Duration> every;
  std::string calendar;
  std::optional<Duration> splay;
  bool watch = true;
  std::optional<Duration> stale_after;
  std::string url;
  std::string unit;
  bool operator==(const AuditDeclaration&) const = default;
  static constexpr auto fields() {
    return std::tuple{
        Field{"every", &AuditDeclaration::every, "time between two audits, such as `15m`", Rule{.min = 1}},
        Field{"calendar", &AuditDeclaration::calendar,
              "instead of `every`: a calendar expression of systemd, such as `Mon..Fri 03:00`"},
        Field{"splay", &AuditDeclaration::splay,
              "an audit may be this much later, so that hosts do not audit all at once; without it a tenth "
              "of `every`"},
        Field{"watch", &AuditDeclaration::watch, "audit also when a model file or this config changes"},
        Field{"stale_after", &AuditDeclaration::stale_after,
              "a verdict that is older counts as none; without it three times `every`, or 25h",
              Rule{.min = 1}},
        Field{"url", &AuditDeclaration::url,
              "where the running service answers, such as `http://127.0.0.1:8000`: audits ask it for "
              "`readiness` and "
              "`predict`"},
        Field{"unit", &AuditDeclaration::unit, "its systemd unit, such as `sign.service`"}};
  }
};

}  // namespace runup
