// SPDX-License-Identifier: Apache-2.0
#include "check/check.h"

#include <algorithm>
#include <array>
#include <format>

#include "base/text.h"
#include "causes.h"
#include "check/predictor.h"
#include "check/source.h"
#include "check/wording.h"

namespace runup::checks::predictor_load {

constexpr std::array kFindings{
    FindingInfo{"file-missing", Severity::error, "the factory opens a file that is not there"},
    FindingInfo{"file-unreadable", Severity::error, "the factory cannot read its model file"},
    FindingInfo{"class-missing", Severity::error, "unpickling needs a class that the service does not have"},
    FindingInfo{"module-missing", Severity::error, "the service imports what its interpreter does not have"},
    FindingInfo{"refused-by-weights-only", Severity::error, "`torch.load` refuses the file's content"},
    FindingInfo{"state-dict-mismatch", Severity::error,
                "the weights do not fit the network that the service builds"},
    FindingInfo{"device-missing", Severity::error,
                "the factory asks for a device that the host does not have"},
    FindingInfo{"out-of-memory", Severity::error, "memory runs out while the model loads"},
    FindingInfo{"factory-missing", Severity::error, "the package has no such factory"},
    FindingInfo{"returns-nothing", Severity::error, "the factory returns `None`"},
    FindingInfo{"exits", Severity::error, "the factory ends its process"},
    FindingInfo{"raises", Severity::error, "the factory raises an exception"},
    FindingInfo{"network-needed", Severity::warning, "making the predictor asks for another host"},
    FindingInfo{"fallback", Severity::warning,
                "the service goes on with something else when its model does not load"},
    FindingInfo{"loads-at-import", Severity::note, "importing the server loads the model"},
    FindingInfo{"loads-here-only", Severity::error,
                "the predictor can be made in the folder of the entry point, and nowhere else"}};

namespace {

constexpr std::size_t kShownFrames = 5;

struct Judge {
  const Facts& facts;
  const PythonFacts& python;
  Judgement& judgement;

  Finding& add(std::string_view id, std::string message, std::string fix, Location where) {
    judgement.findings.push_back(
        make_finding(kFindings, id, std::move(message), std::move(fix), std::move(where)));
    return judgement.findings.back();
  }
  Location factory() const { return {.file = {}, .key = model_key(facts, "factory"), .line = {}}; }
};

void add_traceback(const Facts& facts, const ExceptionFacts& exception, Finding& finding) {
  std::vector<const FrameFacts*> own;
  for (const FrameFacts& frame : exception.frames) {
    if (frame.own) {
      own.push_back(&frame);
    }
  }
  const std::size_t first = own.size() - std::min(own.size(), kShownFrames);
  for (std::size_t i = first; i < own.size(); ++i) {
    finding.evidence.push_back(
        {.name = std::format("{}:{}", shown_path(facts, own[i]->file), own[i]->line), .value = own[i]->text});
  }
  if (!exception.cause.empty()) {
    finding.evidence.push_back({.name = "because of", .value = first_line(exception.cause)});
  }
}

std::string_view stage_words(FactoryStage stage) {
  switch (stage) {
    case FactoryStage::import:
      return "importing its module raises";
    case FactoryStage::lookup:
      return "looking it up raises";
    default:
      return "it raises";
  }
}

void judge_exception(Judge& judge, const ExceptionFacts& exception) {
  if (exception.writing) {
    judge.judgement.undecided = std::format(
        "`{}` writes to `{}` ({}), and runup keeps a service from writing outside a scratch folder; name the "
        "folder in "
        "`writable:` of the config",
        judge.facts.model.factory, shown_path(judge.facts, exception.path), exception_words(exception));
    return;
  }
  const Cause cause = cause_of(judge.facts, judge.python.stage, exception);
  std::string message = std::format("`{}`: {} {}", judge.facts.model.factory, stage_words(judge.python.stage),
                                    exception_words(exception));
  if (!cause.what.empty()) {
    message += "; " + cause.what;
  }
  const FrameFacts* frame = own_frame(exception);
  Finding& finding = judge.add(cause.id, std::move(message), cause.fix,
                               frame != nullptr ? location_of(judge.facts, *frame) : judge.factory());
  add_traceback(judge.facts, exception, finding);
}

// "models/x.pth" of the files that were asked for by relative names and stand in the package.
std::vector<std::string> relative_files(const PythonFacts& python) {
  std::vector<std::string> files;
  for (const OpenedFileFacts& file : python.opened) {
    if (!file.path.starts_with('/') && file.exists && !file.writing) {
      files.push_back(file.path);
    }
  }
  return files;
}

void judge_elsewhere(Judge& judge) {
  const Observed<ElsewhereFacts>& elsewhere = judge.python.elsewhere;
  if (!elsewhere) {
    judge.judgement.undecided =
        absence_text("what `factory:` makes in another folder", elsewhere.absence.value_or(Absence{}));
    return;
  }
  if (elsewhere->stage == FactoryStage::done || elsewhere->stage == judge.python.stage) {
    return;
  }
  const std::string why =
      elsewhere->exception ? exception_words(*elsewhere->exception) : first_line(elsewhere->words);
  const FrameFacts* frame = elsewhere->exception ? own_frame(*elsewhere->exception) : nullptr;
  std::string message =
      std::format("`{}` works in the folder of the entry point; started in `{}` it raises {}",
                  judge.facts.model.factory, elsewhere->folder, why);
  if (const auto files = relative_files(judge.python); !files.empty()) {
    message += std::format("; {} {} opened by a relative path", join_quoted(files, 3),
                           files.size() == 1 ? "is" : "are");
  }
  Finding& finding = judge.add("loads-here-only", std::move(message),
                               "build paths from the source's own place: `Path(__file__).resolve().parent / "
                               "...`; a service manager or a "
                               "container starts the server in another folder",
                               frame != nullptr ? location_of(judge.facts, *frame) : judge.factory());
  if (elsewhere->exception) {
    add_traceback(judge.facts, *elsewhere->exception, finding);
  }
}

void judge_connections(Judge& judge) {
  if (!judge.python.connections.empty()) {
    judge.add("network-needed",
              std::format("`{}` asks for {} while it makes the predictor", judge.facts.model.factory,
                          join_quoted(judge.python.connections, 3)),
              "put what is fetched there into the package: a server that downloads at its start does not "
              "start when "
              "that host is away",
              judge.factory());
  }
}

// What the service does when loading fails, as its sources say.
void judge_fallbacks(Judge& judge) {
  if (!judge.facts.source) {
    return;
  }
  for (const SourceFallbackFacts& fallback : judge.facts.source->fallbacks) {
    if (fallback.then != FallbackKind::replaces && fallback.then != FallbackKind::loads) {
      continue;
    }
    judge.add("fallback",
              std::format(
                  "where loading raises {}, `{}` goes on with {}: the server then answers, and not from `{}`",
                  join_quoted(fallback.catches, 3),
                  fallback.place.function.empty() ? fallback.place.file : fallback.place.function,
                  fallback.then == FallbackKind::loads ? "another model that it loads"
                                                       : "something else in the model's place",
                  model_file(judge.facts)),
              "let it raise, or keep `None` and let the readiness endpoint say so; a substitute that is "
              "meant must show "
              "itself in `/health` and in the log",
              location_of(fallback.place));
  }
}

void judge_loads_at_import(Judge& judge) {
  for (const SourceLoadFacts* load : model_loads(judge.facts)) {
    if (load->place.when == ReachedWhen::import) {
      judge.add(
          "loads-at-import",
          std::format(
              "`{}` runs while the server is imported ({}): where it raises there is no server that could "
              "say so",
              load->call, load->callers.empty() ? place_words(load->place) : load->callers.front()),
          "load in the start-up function of the web framework (`lifespan`), and tell a failure in the "
          "readiness "
          "endpoint",
          location_of(load->place));
      return;
    }
  }
}

void judge_made(Judge& judge) {
  if (judge.python.predictor == "NoneType") {
    judge.add("returns-nothing",
              std::format("`{}` returns `None`; expected the loaded predictor", judge.facts.model.factory),
              "return the predictor, and raise where it cannot be made: an `except` that returns `None` "
              "hides the cause",
              judge.factory());
    return;
  }
  judge.judgement.saw("predictor", std::format("`{}`", judge.python.predictor));
  if (judge.python.stage == FactoryStage::done) {
    judge.judgement.saw("network",
                        judge.python.member.empty()
                            ? std::format("`{}`", judge.python.network)
                            : std::format("`{}` in `{}`", judge.python.network, judge.python.member));
  }
  judge.judgement.saw("import", format_duration(judge.python.import));
  judge.judgement.saw("load", format_duration(judge.python.factory));
  judge_elsewhere(judge);
}

}  // namespace

Judgement judge(const Facts& facts, const NoOptions&) {
  const PythonFacts* python = predictor_facts(facts);
  if (python == nullptr) {
    return without_predictor(facts);
  }
  Judgement judgement;
  Judge judge{facts, *python, judgement};
  judgement.saw("interpreter", std::format("Python {} (`{}`)", python->version, python->executable));
  for (const std::string& words : python->unprotected) {
    judgement.saw("not protected", words);
  }
  if (python->exception) {
    judge_exception(judge, *python->exception);
  } else {
    judge_made(judge);
  }
  judge_connections(judge);
  judge_fallbacks(judge);
  judge_loads_at_import(judge);
  return judgement;
}

extern const CheckInfo kCheck;
const CheckInfo kCheck = define_check<NoOptions, judge>(
    "predictor-load", kFindings, {.artifact = true, .source = true, .predictor = true});

}  // namespace runup::checks::predictor_load
