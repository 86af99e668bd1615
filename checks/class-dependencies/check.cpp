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
#include "check/source.h"
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

std::string key_path_of(const Facts& facts, std::string_view module, std::string_view name) {
  for (const GlobalFacts& candidate : facts.artifact->globals) {
    if (candidate.module == module && candidate.name == name) {
      return candidate.key_path;
    }
  }
  return "";
}

void judge_missing(const Facts& facts, const PythonFacts& python, Judgement& judgement) {
  std::map<std::string, std::vector<Need>> modules;
  std::map<std::string, std::vector<Need>> classes;
  for (const ResolvedFacts& global : python.globals) {
    if (!global.found && global.module != "__main__") {
      const Need need{.resolved = &global, .key_path = key_path_of(facts, global.module, global.name)};
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
}

// Classes of `__main__` that the pickle names, and which ways of starting the server have them there.
class MainClasses {
 public:
  // Without `python` by the sources alone. What it found is there, whoever put it.
  MainClasses(const Facts& facts, const PythonFacts* python)
      : facts_(facts), asked_(python != nullptr), way_(start_way(facts.target, facts.package)) {
    const auto found = [&](const std::string& name) {
      return python != nullptr && std::ranges::any_of(python->globals, [&](const ResolvedFacts& one) {
               return one.module == "__main__" && one.name == name && one.found;
             });
    };
    for (const GlobalFacts& global : facts.artifact->globals) {
      if (global.module == "__main__" && !found(global.name) &&
          std::ranges::find(names_, global.name) == names_.end()) {
        names_.push_back(global.name);
      }
    }
  }

  bool none() const { return names_.empty(); }

  void judge(Judgement& judgement) const {
    // What finds the classes itself needs no module to have them.
    const auto loads = model_loads(facts_);
    if (!loads.empty() && std::ranges::all_of(loads, &SourceLoadFacts::find_class)) {
      judgement.saw("classes of `__main__`",
                    std::format("{} finds them itself", place_words(loads.front()->place)));
      return;
    }
    if (!asked_ && !sources_are_whole()) {
      judgement.undecided = "the sources that put classes into `__main__` could not all be read";
      return;
    }
    std::vector<std::string> nowhere;
    std::vector<std::string> script_only;
    std::vector<std::string> too_late;
    for (const std::string& name : names_) {
      const Put put = put_there(name);
      if (put == Put::before) {
        continue;
      }
      (put == Put::late ? too_late : entry_has(name) ? script_only : nowhere).push_back(name);
    }
    if (way_.kind == StartKind::script && !script_only.empty()) {
      judgement.saw("classes of `__main__`",
                    std::format("{} in `{}`, which `{}` makes `__main__`", join_quoted(script_only, kNamed),
                                shown_path(facts_, facts_.target.entrypoint), way_.words));
    }
    add(judgement, nowhere,
        "which exist in the script that saved it alone: started as `uvicorn` or `gunicorn` do, `__main__` is "
        "another "
        "module",
        {});
    add(judgement, too_late,
        "which the service puts into `__main__` after it loads the file, or not for sure before",
        place_of_injection());
    if (way_.kind != StartKind::script) {
      const std::string server = way_.kind == StartKind::server ? std::format("`{}`", way_.words)
                                                                : std::string("`uvicorn` or `gunicorn`");
      add(judgement, script_only,
          std::format(
              "which `__main__` has where the server is started as `python {}` alone; started by {} it is "
              "another module",
              shown_path(facts_, facts_.target.entrypoint), server),
          way_.where);
    }
  }

 private:
  enum class Put { never, late, before };

  bool sources_are_whole() const {
    return facts_.source && facts_.source->cut.empty() &&
           std::ranges::all_of(facts_.source->modules,
                               [](const SourceModuleFacts& one) { return one.error.empty(); });
  }

  Put put_there(const std::string& name) const {
    Put put = Put::never;
    for (const SourceInjectionFacts& one :
         facts_.source ? facts_.source->injected : std::vector<SourceInjectionFacts>{}) {
      if (one.module != "__main__" || (one.name != name && one.name != "*")) {
        continue;
      }
      // What only `python main.py` reaches is nothing for a server that imports it.
      const bool reached = way_.kind == StartKind::script || one.place.when != ReachedWhen::main;
      if (reached && one.before_load.value_or(false)) {
        return Put::before;
      }
      put = Put::late;
    }
    return put;
  }

  bool entry_has(const std::string& name) const {
    if (!facts_.source || facts_.target.entrypoint.empty() || facts_.source->modules.empty()) {
      return false;
    }
    const std::vector<std::string>& names = facts_.source->modules.front().names;
    return std::ranges::find(names, name.substr(0, name.find('.'))) != names.end() ||
           std::ranges::find(names, "*") != names.end();
  }

  Location place_of_injection() const {
    for (const SourceInjectionFacts& one : facts_.source->injected) {
      if (one.module == "__main__") {
        return location_of(one.place);
      }
    }
    return {};
  }

  void add(Judgement& judgement, const std::vector<std::string>& names, const std::string& what,
           Location where) const {
    if (names.empty()) {
      return;
    }
    std::vector<std::string> globals;
    for (const std::string& name : names) {
      globals.push_back("__main__." + name);
    }
    if (where.file.empty()) {
      where = model_location(facts_, key_path_of(facts_, "__main__", names.front()));
    }
    judgement.findings.push_back(make_finding(
        kFindings, "main-class-missing",
        std::format("`{}` was pickled with {}, {}", model_file(facts_), join_quoted(globals, kNamed), what),
        std::format(
            "save the state_dict instead of the object, or put the class there at import, before loading: "
            "`sys.modules[\"__main__\"].{0} = {0}`",
            names.front()),
        std::move(where)));
  }

  const Facts& facts_;
  bool asked_ = false;
  StartWay way_;
  std::vector<std::string> names_;
};

// What the package's own modules have, where no interpreter could be asked.
void judge_by_sources(const Facts& facts, Judgement& judgement) {
  const MainClasses main(facts, nullptr);
  if (!main.none()) {
    main.judge(judgement);
  }
  if (!facts.source) {
    return;
  }
  for (const GlobalFacts& global : facts.artifact->globals) {
    for (const SourceModuleFacts& module : facts.source->modules) {
      const std::string name = global.name.substr(0, global.name.find('.'));
      if (module.name != global.module || module.file.empty() || !module.error.empty() ||
          std::ranges::any_of(module.names, [&](const std::string& one) {
            return one == name || one == "*" || one == "__getattr__";
          })) {
        continue;
      }
      judgement.findings.push_back(make_finding(
          kFindings, "class-missing",
          std::format("`{}` was pickled with `{}.{}`, which `{}` does not have", model_file(facts),
                      global.module, global.name, module.file),
          std::format("ship the release of `{}` that the file was saved with, or save the file again",
                      module.file),
          model_location(facts, global.key_path)));
      break;
    }
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
    Judgement judgement = without_predictor(facts);
    if (judgement.undecided) {
      judge_by_sources(facts, judgement);
    }
    return judgement;
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
  if (const MainClasses main(facts, python); !main.none()) {
    main.judge(judgement);
  }
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
    "class-dependencies", kFindings,
    {.package = true, .artifact = true, .host = true, .source = true, .predictor = true});

}  // namespace runup::checks::class_dependencies
