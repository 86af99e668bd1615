// SPDX-License-Identifier: Apache-2.0
#pragma once

// What the parts of this check share: its findings, and the judgement in the making.

#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "check/check.h"

namespace runup::checks::startup_failure {

inline constexpr std::array kFindings{
    FindingInfo{"healthy-without-model", Severity::error, "readiness is 2xx, and the model is not there"},
    FindingInfo{"hidden-fallback", Severity::error,
                "a substitute answers, and nothing in the answers says so"},
    FindingInfo{"predicts-without-model", Severity::error, "predictions are answered without the model"},
    FindingInfo{"not-as-promised", Severity::error,
                "the server does something else than `on_missing_model` says"},
    FindingInfo{"health-crashes", Severity::error,
                "readiness fails with a program error instead of an answer"},
    FindingInfo{"prediction-crashes", Severity::error,
                "a prediction fails with a program error instead of an answer"},
    FindingInfo{"exits-with-success", Severity::error,
                "the process ends with status 0, as if nothing had failed"},
    FindingInfo{"exits-silently", Severity::error, "the process ends, and its log does not say why"},
    FindingInfo{"crash-loop", Severity::error,
                "processes are started and end again and again, and the server goes on"},
    FindingInfo{"hangs", Severity::error, "the server neither answers nor ends"},
    FindingInfo{"liveness-fails", Severity::error,
                "liveness is not 2xx, so that the platform restarts the server for ever"},
    FindingInfo{"liveness-is-readiness", Severity::warning, "liveness and readiness are one path"},
    FindingInfo{"without-reason", Severity::warning, "readiness fails with an empty body"}};

// One finding, and all damages of one file that showed it.
struct Told {
  std::string_view id;
  std::string file;
  // what was seen and expected, after "with FILE damaged: "
  std::string what;
  std::string fix;
  Location where;
  std::vector<Damage> damages;
  std::vector<Evidence> evidence;
};

struct Judge {
  const Facts& facts;
  const ServiceFacts& served;
  std::optional<OnMissingModel> promise;
  std::vector<Told> told;
  // what could not be told
  std::vector<std::string> untold;

  // `config_key` is what the finding is about in the config.
  void tell(std::string_view id, const DamagedStart& damaged, std::string what, std::string fix,
            std::string_view config_key);
};

// exits.cpp: it ended, or gave no answer at all
void judge_exit(Judge& judge, const DamagedStart& damaged, const ServiceEndFacts& end);
void judge_silence(Judge& judge, const DamagedStart& damaged);

// serving.cpp: what it answers
void judge_serving(Judge& judge, const DamagedStart& damaged);

}  // namespace runup::checks::startup_failure
