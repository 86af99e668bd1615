// SPDX-License-Identifier: Apache-2.0
#include "check/check.h"

#include <algorithm>
#include <format>
#include <map>

#include "base/text.h"
#include "check/served.h"
#include "check/wording.h"
#include "judge.h"

namespace runup::checks::startup_failure {

void Judge::tell(std::string_view id, const DamagedStart& damaged, std::string what, std::string fix,
                 std::string_view config_key) {
  auto same = std::ranges::find_if(told, [&](const Told& other) {
    return other.id == id && other.file == damaged.file && other.what == what;
  });
  if (same == told.end()) {
    same = told.insert(told.end(), Told{.id = id,
                                        .file = damaged.file,
                                        .what = std::move(what),
                                        .fix = std::move(fix),
                                        .where = {.file = {}, .key = std::string(config_key), .line = {}}});
  }
  same->damages.push_back(damaged.damage);
  if (std::string line = failure_line(damaged.start->log, served.healthy.log); !line.empty()) {
    same->evidence.push_back(
        {.name = std::format("log, {}", damage_words(damaged.damage)), .value = std::move(line)});
  }
}

namespace {

std::string in_ways(const std::vector<Damage>& damages) {
  std::vector<std::string> words;
  for (const Damage damage : damages) {
    words.emplace_back(damage_words(damage));
  }
  return join(words, ", ");
}

// "with `models/sign.pth` missing"; `ways` is how many damages of this file there were.
std::string with_words(const std::string& file, const std::vector<Damage>& damages, std::size_t ways) {
  if (damages.size() > 1) {
    return damages.size() == ways
               ? std::format("with `{}` damaged in each of {} ways ({})", file, ways, in_ways(damages))
               : std::format("with `{}` damaged in {} of {} ways ({})", file, damages.size(), ways,
                             in_ways(damages));
  }
  return damages.front() == Damage::lfs_pointer
             ? std::format("with a Git LFS pointer in place of `{}`", file)
             : std::format("with `{}` {}", file, damage_words(damages.front()));
}

bool is_ready(const ServiceFacts& served, const StartFacts& start) {
  const AnswerFacts* readiness = last_answer(start, AskedFor::readiness);
  return served.readiness.empty() || readiness == nullptr ? start.ready.has_value() : is_2xx(*readiness);
}

// Readiness was answered, or something was where there is no readiness path.
bool answered(const StartFacts& start) {
  if (const AnswerFacts* readiness = last_answer(start, AskedFor::readiness)) {
    return readiness->status != 0;
  }
  return std::ranges::any_of(start.answers, [](const AnswerFacts& answer) {
    return answer.status != 0 && answer.asked_for != AskedFor::liveness;
  });
}

// The server noticed what was done to the file. Nothing is opened that is not there.
bool was_met(const ServiceFacts& served, const DamagedStart& damaged) {
  const bool not_opened = damaged.damage == Damage::missing || damaged.damage == Damage::unreadable;
  return opened(*damaged.start, damaged.file) != nullptr ||
         (not_opened && opened(served.healthy, damaged.file) != nullptr);
}

// What kept this start from something that the healthy one had; empty when the damage did it.
std::string kept_by_outside(const ServiceFacts& served, const DamagedStart& damaged) {
  const StartFacts& start = *damaged.start;
  const std::string outside = outside_reason(start.log, damaged.file);
  return outside.empty() || !outside_reason(served.healthy.log).empty() ||
                 tells_of_damage(start.log, served.healthy.log, damaged.file)
             ? std::string()
             : outside;
}

std::string seen_words(const StartFacts& start, const std::string& line) {
  if (start.ended) {
    return std::format("ended with {}{}", end_words(*start.ended), line.empty() ? "" : ": " + line);
  }
  std::vector<std::string> words;
  for (const AskedFor asked_for : {AskedFor::readiness, AskedFor::predict}) {
    if (const AnswerFacts* answer = last_answer(start, asked_for)) {
      words.push_back(answer_words(*answer));
    }
  }
  return words.empty() ? "no answer" : join(words, ", ");
}

struct Starts {
  Judge& judge;
  Judgement& judgement;
  // damages that nobody met, by their files
  std::map<std::string, std::vector<Damage>> unmet;
  // files, with how many damages each had
  std::map<std::string, std::size_t> ways;

  void judge_start(const DamagedStart& damaged) {
    const std::string file = shown_path(judge.facts, damaged.file);
    ++ways[damaged.file];
    if (!damaged.start) {
      judge.untold.push_back(absence_text(std::format("the start {}", with_words(file, {damaged.damage}, 1)),
                                          damaged.start.absence.value_or(Absence{})));
      return;
    }
    const StartFacts& start = *damaged.start;
    judgement.saw(with_words(file, {damaged.damage}, 1),
                  seen_words(start, failure_line(start.log, judge.served.healthy.log)));
    const bool ready = is_ready(judge.served, start) && !start.ended;
    if (ready && !was_met(judge.served, damaged)) {
      unmet[damaged.file].push_back(damaged.damage);
      return;
    }
    if (const std::string outside = ready ? std::string() : kept_by_outside(judge.served, damaged);
        !outside.empty()) {
      judge.untold.push_back(std::format("{}: {}", with_words(file, {damaged.damage}, 1), outside));
    } else if (start.ended) {
      judge_exit(judge, damaged, *start.ended);
    } else if (!answered(start)) {
      judge_silence(judge, damaged);
    } else {
      judge_serving(judge, damaged);
    }
  }

  void tell_unmet() {
    const OpenedByServiceFacts* other = opened_model(judge.facts, judge.served.healthy);
    for (const auto& [path, damages] : unmet) {
      std::string words = std::format("the damage was never met: the server did not open `{}` ({})",
                                      shown_path(judge.facts, path), in_ways(damages));
      if (other != nullptr && other->path != path) {
        words += std::format("; it opened `{}`", shown_path(judge.facts, other->path));
      }
      judge.untold.push_back(std::move(words));
    }
  }

  void tell_findings() {
    for (Told& told : judge.told) {
      Finding finding = make_finding(
          kFindings, told.id,
          std::format("{}: {}", with_words(shown_path(judge.facts, told.file), told.damages, ways[told.file]),
                      told.what),
          std::move(told.fix), std::move(told.where));
      finding.evidence = std::move(told.evidence);
      judgement.findings.push_back(std::move(finding));
    }
  }
};

}  // namespace

Judgement judge(const Facts& facts, const NoOptions&) {
  if (auto without = without_served(facts)) {
    return *std::move(without);
  }
  if (auto blocked = blocked_by_health(facts)) {
    return Judgement::cannot_tell(*std::move(blocked));
  }
  const ServiceFacts& served = *facts.served;
  if (served.damaged.empty()) {
    return Judgement::cannot_tell("the server was not started with a damaged model file");
  }
  Judgement judgement;
  Judge judge{facts, served, facts.service->on_missing_model, {}, {}};
  Starts starts{judge, judgement, {}, {}};
  judgement.saw("promised",
                judge.promise ? std::format("`{}`", enum_name(*judge.promise)) : "`unhealthy` or `exit`");
  if (served.in_copy) {
    judgement.saw("damaged in", "a copy of the package");
  }
  for (const DamagedStart& damaged : served.damaged) {
    starts.judge_start(damaged);
  }
  if (std::ranges::any_of(served.damaged, [](const DamagedStart& damaged) {
        return damaged.start && damaged.start->forked;
      })) {
    judgement.saw("started by", "forks of an interpreter that had done the imports");
  }
  starts.tell_findings();
  starts.tell_unmet();
  if (!served.liveness.empty() && served.liveness == served.readiness) {
    judgement.findings.push_back(
        make_finding(kFindings, "liveness-is-readiness",
                     std::format("`{}` is both: without a model it must fail as readiness, and as liveness "
                                 "it then restarts the server for "
                                 "ever",
                                 served.liveness),
                     "give the server a liveness path that only says that the process answers",
                     {.file = {}, .key = "service.liveness", .line = {}}));
  }
  if (!judge.untold.empty()) {
    judgement.undecided = join(judge.untold, "; ");
  }
  return judgement;
}

extern const CheckInfo kCheck;
const CheckInfo kCheck =
    define_check<NoOptions, judge>("startup-failure", kFindings, {.package = true, .service = true});

}  // namespace runup::checks::startup_failure
