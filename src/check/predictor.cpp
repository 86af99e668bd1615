// SPDX-License-Identifier: Apache-2.0
#include "check/predictor.h"

#include <algorithm>
#include <format>
#include <ranges>

#include "base/text.h"
#include "check/check.h"
#include "check/wording.h"

namespace runup {

const PythonFacts* predictor_facts(const Facts& facts) {
  if (facts.model.factory.empty() || facts.runtimes.empty() || !facts.runtimes.front() ||
      !facts.runtimes.front()->load.python) {
    return nullptr;
  }
  return &*facts.runtimes.front()->load.python;
}

const PythonFacts* interpreter_facts(const Facts& facts) {
  if (!facts.model.factory.empty()) {
    return predictor_facts(facts);
  }
  for (const auto& runtime : facts.runtimes) {
    if (runtime && runtime->load.python && !runtime->load.python->guessed) {
      return &*runtime->load.python;
    }
  }
  return nullptr;
}

Judgement without_predictor(const Facts& facts) {
  if (facts.model.factory.empty()) {
    return Judgement::skip("the config names no `factory:` of this model");
  }
  const std::string what = "what `factory:` makes";
  if (facts.runtimes.empty()) {
    return Judgement::cannot_tell(absence_text(what, Absence{}));
  }
  const Observed<RuntimeFacts>& runtime = facts.runtimes.front();
  if (runtime) {
    return Judgement::cannot_tell(std::format(
        "the service's interpreter gave no answer ({})",
        runtime->load.error.empty() ? std::string("and said nothing") : first_line(runtime->load.error)));
  }
  return Judgement::cannot_tell(absence_text(what, runtime.absence.value_or(Absence{})));
}

const FrameFacts* own_frame(const ExceptionFacts& exception) {
  for (const FrameFacts& frame : std::views::reverse(exception.frames)) {
    if (frame.own) {
      return &frame;
    }
  }
  return nullptr;
}

Location location_of(const Facts& facts, const FrameFacts& frame) {
  return {.file = shown_path(facts, frame.file), .key = {}, .line = frame.line};
}

namespace {

// The line of a message that says what happened: some begin with an introduction.
std::string telling_line(std::string_view message) {
  constexpr std::string_view kUnpickler = "WeightsUnpickler error: ";
  if (const std::size_t at = message.find(kUnpickler); at != std::string_view::npos) {
    return first_line(message.substr(at));
  }
  const std::string first = first_line(message);
  if (first.starts_with("Error(s) in loading state_dict")) {
    const std::string_view rest = message.substr(std::min(message.size(), message.find('\n') + 1));
    const std::size_t start = rest.find_first_not_of(" \t\n");
    return start == std::string_view::npos ? first
                                           : std::format("{} {}", first, first_line(rest.substr(start)));
  }
  return first;
}

}  // namespace

std::string exception_words(const ExceptionFacts& exception) {
  const std::string line = telling_line(exception.message);
  return line.empty() ? std::format("`{}`", exception.kind) : std::format("`{}`: {}", exception.kind, line);
}

bool predictor_loads_file(const Facts& facts) {
  const PythonFacts* python = predictor_facts(facts);
  if (python == nullptr || !predictor_is_made(*python)) {
    return false;
  }
  return std::ranges::any_of(python->opened, [&](const OpenedFileFacts& file) {
    return !file.writing && file.exists && is_model_file(facts, file.absolute);
  });
}

bool is_model_file(const Facts& facts, const std::string& path) {
  const std::string here = path_here(placed_folders(facts.target), path);
  return here == facts.model.path || here == real_model_path(facts);
}

bool predictor_holds_weights(const Facts& facts) {
  const Observed<WeightParityFacts>& weights = facts.predictor_weights;
  return weights && weights->by_name + weights->by_value > 0 && weights->differing_count == 0;
}

void refute(Judgement& judgement, std::span<const std::string_view> ids) {
  for (Finding& finding : judgement.findings) {
    if (std::ranges::find(ids, finding.id) != ids.end()) {
      finding.severity = Severity::note;
      finding.message += "; the service's own loading copes with that";
    }
  }
}

std::string real_model_path(const Facts& facts) {
  const PathFacts* path = facts.package ? facts.package->find(model_key(facts, "path")) : nullptr;
  return path != nullptr && !path->real_path.empty() ? path->real_path : facts.model.path;
}

bool predictor_is_made(const PythonFacts& python) {
  return python.stage == FactoryStage::network || python.stage == FactoryStage::done;
}

}  // namespace runup
