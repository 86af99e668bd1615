// SPDX-License-Identifier: Apache-2.0
#pragma once

// What the parts of this check share: its options, its findings, and the judgement in the making.

#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include "check/check.h"

namespace runup::checks::service_health {

struct Options {
  std::optional<Duration> health_within;
  static constexpr auto fields() {
    return std::tuple{
        Field{"health_within", &Options::health_within,
              "longest time for a readiness answer while predictions run; by default what the package's "
              "files say, else 1 s"}};
  }
};

inline constexpr std::array kFindings{
    FindingInfo{"not-started", Severity::error, "the server's process ends by itself before it is ready"},
    FindingInfo{"never-listens", Severity::error, "the server accepts no connection"},
    FindingInfo{"not-ready", Severity::error, "readiness is never answered with 2xx"},
    FindingInfo{"ends-by-itself", Severity::error, "the server was ready and then ended by itself"},
    FindingInfo{"body-contradicts", Severity::error,
                "readiness is 2xx, and its body says that the model is not there"},
    FindingInfo{"prediction-fails", Severity::error,
                "the server says that it is ready, and the prediction fails"},
    FindingInfo{"wrong-label", Severity::error,
                "the prediction does not name the label that the config expects"},
    FindingInfo{"names-other-model", Severity::error, "an answer names another model file than the config"},
    FindingInfo{"model-not-opened", Severity::error,
                "predictions are answered, and the model file was never opened"},
    FindingInfo{"invalid-json", Severity::error, "an answer is no valid JSON"},
    FindingInfo{"route-fails", Severity::error, "a GET route of the service fails"},
    FindingInfo{"health-blocked", Severity::error,
                "readiness is answered late or not at all while predictions run"},
    FindingInfo{"denies-working", Severity::warning, "a prediction works, and readiness is not 2xx"},
    FindingInfo{"ready-before-loaded", Severity::warning,
                "the server says that it is ready before it opens its model"},
    FindingInfo{"readiness-unnamed", Severity::warning, "the service has no readiness path that is known"},
    FindingInfo{"prediction-unasked", Severity::note, "no prediction was asked of the server"}};

struct Judge {
  const Facts& facts;
  const Options& options;
  Judgement& judgement;
  const ServiceFacts& served;
  const StartFacts& start;
  // what could not be told
  std::vector<std::string> untold;

  Finding& add(std::string_view id, std::string message, std::string fix, Location where) {
    judgement.findings.push_back(
        make_finding(kFindings, id, std::move(message), std::move(fix), std::move(where)));
    return judgement.findings.back();
  }
  // Adds the log's words to the finding.
  void add_log(Finding& finding) const;
};

// answers.cpp: what the answers say of themselves
void judge_json(Judge& judge);
void judge_routes(Judge& judge);
void judge_names(Judge& judge);

// readiness.cpp: whether readiness tells the truth about predictions and loading
void judge_not_ready(Judge& judge);
void judge_readiness(Judge& judge);
void judge_opened(Judge& judge);
void judge_busy(Judge& judge);

}  // namespace runup::checks::service_health
