// SPDX-License-Identifier: Apache-2.0
#include "daemon/targets.h"

#include <algorithm>
#include <format>
#include <string_view>
#include <utility>

#include "base/bytes.h"
#include "base/text.h"
#include "base/timestamp.h"
#include "daemon/calendar.h"
#include "daemon/journal.h"
#include "history/history.h"

namespace runup {

namespace {

constexpr Duration kUsualEvery = Duration::from_milliseconds(3'600'000);
constexpr Duration kStaleOfCalendar = Duration::from_milliseconds(std::int64_t{25} * 3'600'000);
constexpr int kStaleAfterPeriods = 3;
constexpr int kSplayPart = 10;

Timing timing_of(const Plan& plan) {
  const AuditDeclaration audit = plan.audit.value_or(AuditDeclaration{});
  Timing timing;
  if (audit.calendar.empty()) {
    timing.every = audit.every.value_or(kUsualEvery);
    timing.offset =
        own_offset(audit.splay.value_or(Duration{timing.every.nanoseconds / kSplayPart}), plan.target.target);
    return timing;
  }
  timing.offset = own_offset(audit.splay.value_or(Duration{}), plan.target.target);
  timing.next_elapse = [expression = audit.calendar, target = plan.target.target](std::int64_t wall) {
    const auto elapse = next_elapse(expression, wall);
    if (!elapse) {
      journal(Priority::error, std::format("{}: {}", target, elapse.error().describe()),
              {{"RUNUP_TARGET", target}});
    }
    return elapse.value_or(std::nullopt);
  };
  return timing;
}

Duration stale_after(const Plan& plan) {
  const AuditDeclaration audit = plan.audit.value_or(AuditDeclaration{});
  return audit.stale_after ? *audit.stale_after
         : audit.calendar.empty()
             ? Duration{audit.every.value_or(kUsualEvery).nanoseconds * kStaleAfterPeriods}
             : kStaleOfCalendar;
}

}  // namespace

Duration own_offset(Duration splay, const std::string& target) {
  if (splay.nanoseconds <= 0) {
    return {};
  }
  const std::string machine = read_file("/etc/machine-id", 100).value_or("");
  const std::string hash = sha256_hex(as_bytes(machine + "\n" + target));
  std::uint64_t number = 0;
  for (const char c : std::string_view(hash).substr(0, 15)) {
    number = number * 16 + static_cast<std::uint64_t>(c <= '9' ? c - '0' : c - 'a' + 10);
  }
  return {static_cast<std::int64_t>(number % static_cast<std::uint64_t>(splay.nanoseconds))};
}

Target* Targets::find(const std::string& name) {
  const auto found =
      std::ranges::find_if(all_, [&](const auto& target) { return target->state.name == name; });
  return found == all_.end() ? nullptr : found->get();
}

std::vector<const TargetState*> Targets::states() const {
  std::vector<const TargetState*> states;
  for (const auto& target : all_) {
    states.push_back(&target->state);
  }
  return states;
}

std::map<std::string, std::set<std::string>> Targets::watched() const {
  std::map<std::string, std::set<std::string>> wanted;
  for (const auto& target : all_) {
    wanted[target->state.config].insert(target->state.name);
    const bool watches = target->plan && target->plan->audit.value_or(AuditDeclaration{}).watch;
    for (const std::string& path : watches ? watched_files(*target->plan) : std::vector<std::string>{}) {
      wanted[path].insert(target->state.name);
    }
  }
  return wanted;
}

// What the history knows, so that a restart of the daemon closes no gate.
void Targets::remember(Target& target, const Moment& now) const {
  if (history_.empty() || !target.plan) {
    return;
  }
  const auto history = History::open_to_read(history_);
  if (!history) {
    if (history.error().code != ErrorCode::not_found) {
      journal(Priority::warning, history.error().describe());
    }
    return;
  }
  const auto last = history->last_report(target.state.name);
  if (!last || !*last) {
    return;
  }
  AuditResult result = summary_of((*last)->report);
  result.run = (*last)->run;
  result.started_wall = seconds_since_1970(result.started).value_or(0) * 1'000'000'000;
  const std::int64_t age = now.wall - result.started_wall;
  target.state.last_boot = now.boot - std::max<std::int64_t>(age, 0);
  target.state.last = std::move(result);
}

void Targets::apply(Target& target, ConfigFile file, const Moment& now) {
  TargetState& state = target.state;
  state.config = file.path;
  state.config_errors = std::move(file.errors);
  for (const std::string& error : state.config_errors) {
    journal(Priority::error,
            std::format("{}{}", error, target.plan ? "; the last good config stays in use" : ""),
            {{"RUNUP_TARGET", state.name}, {"RUNUP_CONFIG", file.path}});
  }
  if (!file.plan) {
    return;
  }
  const bool same = target.plan && target.plan->resolved == file.plan->resolved;
  target.plan = std::move(*file.plan);
  state.has_plan = true;
  state.stale_after = stale_after(*target.plan);
  if (!state.last) {
    remember(target, now);
  }
  if (!same || !target.schedule) {
    const auto last = state.last ? std::optional(now.wall - age_of(state, now).nanoseconds) : std::nullopt;
    target.schedule.emplace(timing_of(*target.plan), now, last);
  }
}

void Targets::take_one(ConfigFile file, const Moment& now) {
  auto found =
      std::ranges::find_if(all_, [&](const auto& target) { return target->state.config == file.path; });
  if (found == all_.end()) {
    all_.push_back(std::make_unique<Target>());
    found = all_.end() - 1;
    (*found)->state.name = file.plan ? file.plan->target.target : file.stem;
  } else if (file.plan && (*found)->state.name != file.plan->target.target) {
    // Another target in the same file.
    *found = std::make_unique<Target>();
    (*found)->state.name = file.plan->target.target;
  }
  apply(**found, std::move(file), now);
}

void Targets::take(std::vector<ConfigFile> files, const Moment& now) {
  std::erase_if(all_, [&](const auto& target) {
    return std::ranges::none_of(files,
                                [&](const ConfigFile& file) { return file.path == target->state.config; });
  });
  for (ConfigFile& file : files) {
    take_one(std::move(file), now);
  }
}

}  // namespace runup
