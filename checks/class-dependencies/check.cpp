// SPDX-License-Identifier: Apache-2.0
#include "check/check.h"

#include <algorithm>
#include <array>
#include <format>
#include <map>
#include <set>

#include "base/text.h"
#include "check/predictor.h"
#include "check/requirements.h"
#include "check/wording.h"
#include "facts/version.h"

namespace runup::checks::class_dependencies {

constexpr std::array kFindings{
    FindingInfo{"undeclared", Severity::error, "a project that unpickling needs is in no requirement"},
    FindingInfo{"module-missing", Severity::error, "a module that unpickling imports is not there"},
    FindingInfo{"class-missing", Severity::error, "a class that unpickling needs is not in its module"},
    FindingInfo{"main-class-missing", Severity::error,
                "a class of the script that saved the file (`__main__`) is not put there before loading"}};

namespace {

constexpr std::size_t kNamed = 4;

struct Need {
  const ResolvedFacts* resolved = nullptr;
  std::string key_path;
};

std::string name_of(const ResolvedFacts& global) { return global.module + "." + global.name; }

// The classes of one module, or of one kind of absence, in one finding.
void add(const Facts& facts, Judgement& judgement, std::string_view id, const std::vector<Need>& needs,
         std::string_view what, std::string fix) {
  std::vector<std::string> names;
  for (const Need& need : needs) {
    names.push_back(name_of(*need.resolved));
  }
  judgement.findings.push_back(make_finding(
      kFindings, id,
      std::format("`{}` was pickled with {}, {}", model_file(facts), join_quoted(names, kNamed), what),
      std::move(fix), model_location(facts, needs.front().key_path)));
  for (const Need& need : needs) {
    judgement.findings.back().evidence.push_back(
        {.name = name_of(*need.resolved), .value = first_line(need.resolved->error)});
  }
}

std::string key_path_of(const Facts& facts, const ResolvedFacts& global) {
  for (const GlobalFacts& candidate : facts.artifact->globals) {
    if (candidate.module == global.module && candidate.name == global.name) {
      return candidate.key_path;
    }
  }
  return "";
}

void judge_missing(const Facts& facts, const PythonFacts& python, Judgement& judgement) {
  std::map<std::string, std::vector<Need>> modules;
  std::map<std::string, std::vector<Need>> classes;
  std::vector<Need> main;
  for (const ResolvedFacts& global : python.globals) {
    if (global.found) {
      continue;
    }
    const Need need{.resolved = &global, .key_path = key_path_of(facts, global)};
    if (global.module == "__main__") {
      main.push_back(need);
    } else {
      (global.has_module ? classes : modules)[global.module].push_back(need);
    }
  }
  for (const auto& [module, needs] : modules) {
    add(facts, judgement, "module-missing", needs, "whose module the service's interpreter cannot import",
        std::format("install what has `{}` and name it in the requirements, or save the file again without "
                    "its objects",
                    module.substr(0, module.find('.'))));
  }
  for (const auto& [module, needs] : classes) {
    add(facts, judgement, "class-missing", needs, std::format("which `{}` does not have", module),
        std::format("ship the release of `{}` that the file was saved with, or save the file again", module));
  }
  if (!main.empty()) {
    add(facts, judgement, "main-class-missing", main,
        "which exist in the script that saved it alone: started as `uvicorn` or `gunicorn` do, `__main__` is "
        "another "
        "module",
        std::format("save the state_dict instead of the object, or put the class there before loading: "
                    "`sys.modules[\"__main__\"].{0} = {0}`",
                    main.front().resolved->name));
  }
}

// A class's project that nobody requires is there by chance.
void judge_undeclared(const Facts& facts, const PythonFacts& python, Judgement& judgement) {
  const WantedProjects wanted = wanted_projects(facts);
  if (wanted.empty()) {
    return;
  }
  const std::set<std::string> required = with_their_own(wanted, &python);
  std::set<std::string> told;
  for (const GlobalFacts& global : facts.artifact->globals) {
    const std::string module = global.module.substr(0, global.module.find('.'));
    for (const InstalledFacts& one : python.installed) {
      const std::string name = normalised_name(one.name);
      if (std::ranges::find(one.modules, module) == one.modules.end() || required.contains(name) ||
          !told.insert(name).second) {
        continue;
      }
      judgement.findings.push_back(
          make_finding(kFindings, "undeclared",
                       std::format("`{}` was pickled with `{}.{}` of {}, which no requirement brings",
                                   model_file(facts), global.module, global.name, one.name),
                       std::format("name `{}` in {}, or save the file without its objects", one.name,
                                   join_quoted(facts.package->requirement_files, 3)),
                       model_location(facts, global.key_path)));
    }
  }
}

}  // namespace

Judgement judge(const Facts& facts, const NoOptions&) {
  if (const auto obstacle = inside_obstacle(facts)) {
    return Judgement::cannot_tell(*obstacle);
  }
  if (facts.artifact->globals.empty()) {
    Judgement judgement;
    judgement.saw("pickled globals", "none: nothing is imported by loading the file");
    return judgement;
  }
  const PythonFacts* python = predictor_facts(facts);
  if (python == nullptr) {
    return without_predictor(facts);
  }
  if (!python->elsewhere) {
    return Judgement::cannot_tell(
        absence_text("what the interpreter can import", python->elsewhere.absence.value_or(Absence{})));
  }
  Judgement judgement;
  std::size_t found = 0;
  std::vector<std::string> own;
  for (const ResolvedFacts& global : python->globals) {
    found += global.found ? 1 : 0;
    if (global.found &&
        path_here(placed_folders(facts.target), global.file).starts_with(facts.target.package + "/")) {
      own.push_back(name_of(global));
    }
  }
  judgement.saw("pickled globals",
                std::format("{} of {} found in Python {}", found, python->globals.size(), python->version));
  if (!own.empty()) {
    judgement.saw("of the package", join_quoted(own, kNamed));
  }
  judge_missing(facts, *python, judgement);
  // That the service loads its model all the same shows that it needs none of them, or not by this name.
  if (python->stage == FactoryStage::done) {
    for (Finding& finding : judgement.findings) {
      finding.severity = Severity::note;
    }
  }
  judge_undeclared(facts, *python, judgement);
  return judgement;
}

extern const CheckInfo kCheck;
const CheckInfo kCheck = define_check<NoOptions, judge>(
    "class-dependencies", kFindings, {.package = true, .artifact = true, .host = true, .predictor = true});

}  // namespace runup::checks::class_dependencies
