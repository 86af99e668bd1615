// SPDX-License-Identifier: Apache-2.0
#include "check/check.h"

#include <algorithm>
#include <chrono>
#include <format>

#include "base/text.h"
#include "base/timestamp.h"
#include "check/witness.h"
#include "check/wording.h"

namespace runup::checks::drift {

struct Options {
  double latency_factor = 1.2;
  static constexpr auto fields() {
    return std::tuple{Field{"latency_factor", &Options::latency_factor,
                            "how many times the latency of the last ready run is a regression",
                            Rule{.min = 1, .max = 100}}};
  }
};

constexpr std::array kFindings{
    FindingInfo{"stale-process", Severity::error,
                "the service was started before its model file last changed, and runs on the old one"},
    FindingInfo{"file-changed", Severity::warning,
                "the file on disk is not the one that the last ready run judged"},
    FindingInfo{"file-replaced", Severity::note, "the file was written again with the same bytes"},
    FindingInfo{"runtime-changed", Severity::warning,
                "the runtime that ran the model is not that of the last ready run"},
    FindingInfo{"latency-regressed", Severity::warning, "it takes longer than in the last ready run"}};

namespace {

constexpr std::size_t kShownHash = 12;
constexpr std::int64_t kSecond = 1'000'000'000;

std::string time_text(std::int64_t nanoseconds) {
  const std::chrono::sys_time<std::chrono::nanoseconds> time{std::chrono::nanoseconds(nanoseconds)};
  return std::format("{:%F %T} UTC", std::chrono::floor<std::chrono::seconds>(time));
}

struct Judge {
  const Facts& facts;
  const Options& options;
  Judgement& judgement;

  void add(std::string_view id, std::string message, std::string fix, Location where) {
    judgement.findings.push_back(
        make_finding(kFindings, id, std::move(message), std::move(fix), std::move(where)));
  }
  Location place_of(const JudgedFile& file) const {
    return {.file = shown_path(facts, file.path), .key = {}};
  }
};

const JudgedFile* find_file(const std::vector<JudgedFile>& files, const std::string& path) {
  const auto found = std::ranges::find(files, path, &JudgedFile::path);
  return found == files.end() ? nullptr : &*found;
}

std::string run_words(const PastRunFacts& past) {
  return std::format("the last ready run (#{}, {})", past.run, past.started);
}

void judge_files(Judge& judge, const PastRunFacts& past) {
  for (const JudgedFile& now : judge.facts.standing.files) {
    const JudgedFile* before = find_file(past.files, now.path);
    if (before == nullptr) {
      continue;
    }
    const std::string shown = shown_path(judge.facts, now.path);
    if (before->sha256 != now.sha256) {
      judge.add(
          "file-changed",
          std::format("`{}` is not the file of {}: its sha256 was {}…, and is {}…", shown, run_words(past),
                      before->sha256.substr(0, kShownHash), now.sha256.substr(0, kShownHash)),
          "if a release replaced it, run the gate (`runup run`) on it; else find out who did",
          judge.place_of(now));
    } else if (before->inode != now.inode || before->modified_ns != now.modified_ns) {
      judge.add("file-replaced",
                std::format("`{}` was written again at {} with the same bytes as in {}", shown,
                            time_text(now.modified_ns), run_words(past)),
                "", judge.place_of(now));
    }
  }
}

// When the bytes that stand in the file now came there, as far as can be told. A changed status (st_ctime) also comes
// of `chmod`, so that it counts only where the bytes are known to be others.
std::int64_t written_at(const JudgedFile& now, const JudgedFile* before) {
  const bool other_bytes = before != nullptr && before->sha256 != now.sha256;
  return other_bytes ? std::max(now.modified_ns, now.changed_ns) : now.modified_ns;
}

void judge_process(Judge& judge, const UnitFacts& unit) {
  if (unit.started_ns == 0) {
    return;
  }
  judge.judgement.saw("unit started", time_text(unit.started_ns));
  const Observed<PastRunFacts>& past = judge.facts.standing.last_ready;
  const std::int64_t judged_at = past ? seconds_since_1970(past->started).value_or(0) * kSecond : 0;
  for (const JudgedFile& now : judge.facts.standing.files) {
    const JudgedFile* before = past ? find_file(past->files, now.path) : nullptr;
    // The same bytes were there when it was started or later, and were judged ready then.
    const bool known = before != nullptr && before->sha256 == now.sha256 && judged_at > 0 &&
                       (before->modified_ns <= unit.started_ns || judged_at <= unit.started_ns);
    const std::int64_t written = written_at(now, before);
    if (written > unit.started_ns && !known) {
      judge.add(
          "stale-process",
          std::format("`{}` was started at {}, and `{}` was written at {}: it serves what was there before",
                      unit.name, time_text(unit.started_ns), shown_path(judge.facts, now.path),
                      time_text(written)),
          std::format("`systemctl restart {}`", unit.name), judge.place_of(now));
    }
  }
}

void judge_runtime(Judge& judge, const PastRunFacts& past) {
  std::vector<std::string> now;
  for (const auto& runtime : judge.facts.runtimes) {
    if (runtime && runtime->load.stage == LoadStage::done) {
      now.push_back(std::format("{} {}", runtime->witness.library, runtime->witness.version));
    }
  }
  if (past.witnesses.empty() || now.empty()) {
    return;
  }
  judge.judgement.saw("runtime", join(now, ", "));
  if (now.front() != past.witnesses.front()) {
    judge.add("runtime-changed",
              std::format("{} ran the model; in {} it was {}", now.front(), run_words(past),
                          past.witnesses.front()),
              "if the environment was updated on purpose, run the gate (`runup run`); else restore it from "
              "the lock file",
              {.file = {}, .key = "python"});
  }
}

std::string measurement_words(std::string_view name) {
  return name == "first"  ? "the first inference"
         : name == "load" ? "loading"
                          : std::format("{} of warm inferences", name);
}

void judge_latencies(Judge& judge, const PastRunFacts& past) {
  for (const Measurement& now : judge.facts.standing.measurements) {
    const auto before = std::ranges::find_if(past.measurements, [&](const Measurement& one) {
      return one.name == now.name && one.witness == now.witness;
    });
    if (before == past.measurements.end()) {
      continue;
    }
    judge.judgement.saw(
        now.name, std::format("{}, was {}", format_duration(now.value), format_duration(before->value)));
    // The intervals have to be apart, so that a busy minute is no regression.
    if (now.low.seconds() > before->high.seconds() * judge.options.latency_factor) {
      judge.add("latency-regressed",
                std::format("{} rose from {} to {} since {}", measurement_words(now.name),
                            format_duration(before->value), format_duration(now.value), run_words(past)),
                "look for what else the host does (`systemd-cgtop`), a changed thread count or CPU quota, or "
                "a new runtime",
                {.file = {}, .key = std::format("checks.warmup-budget.{}", now.name)});
    }
  }
}

}  // namespace

Judgement judge(const Facts& facts, const Options& options) {
  const StandingFacts& standing = facts.standing;
  Judgement judgement;
  Judge judge{facts, options, judgement};
  if (standing.last_ready) {
    judgement.saw("compared with",
                  std::format("#{}, {}", standing.last_ready->run, standing.last_ready->started));
    judge_files(judge, *standing.last_ready);
    judge_runtime(judge, *standing.last_ready);
    judge_latencies(judge, *standing.last_ready);
  }
  if (standing.unit) {
    judge_process(judge, *standing.unit);
  }
  if (judgement.looked_at.empty() && judgement.findings.empty()) {
    return Judgement::skip(standing.last_ready.absence->detail.empty()
                               ? "there is no earlier ready run to compare with"
                               : standing.last_ready.absence->detail);
  }
  return judgement;
}

extern const CheckInfo kCheck;
const CheckInfo kCheck =
    define_check<Options, judge>("drift", kFindings, {.artifact = true, .standing = true});

}  // namespace runup::checks::drift
