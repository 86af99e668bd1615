// SPDX-License-Identifier: Apache-2.0
#include "runner/python_observer.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <format>
#include <set>
#include <utility>

#include "base/scratch_folder.h"
#include "base/text.h"
#include "check/source.h"
#include "runner/interpreter.h"
#include "runner/runtime_observer.h"
#include "runner/runtime_programs.h"

namespace runup {

namespace {

constexpr std::size_t kMostGlobals = 1000;
// Not the service's: what is found by a relative path there is found by luck.
constexpr const char* kElsewhere = "/";

std::vector<std::vector<std::string>> globals_of(const ArtifactFacts* content) {
  std::set<std::vector<std::string>> found;
  for (const GlobalFacts& global : content != nullptr ? content->globals : std::vector<GlobalFacts>{}) {
    if (found.size() < kMostGlobals) {
      found.insert({global.module, global.name});
    }
  }
  return {found.begin(), found.end()};
}

// An interpreter that is perhaps not the service's is no witness against it.
bool lacks_library(const RuntimeFacts& runtime) {
  return runtime.load.python && runtime.load.python->exception &&
         runtime.load.python->exception->kind == "ModuleNotFoundError";
}

// Of a file alone: the library that shall run it cannot be imported.
bool lacks_runtime(const RuntimeFacts& runtime) {
  return runtime.load.python && runtime.load.python->stage == FactoryStage::import;
}

// What the interpreter wrote, which nobody writes to any more.
OpenedFile close_numbers(FileDescriptor file, const Observed<RuntimeFacts>& seen) {
  const auto none = [](AbsenceKind kind, std::string why) {
    return OpenedFile{.absence = Absence{.kind = kind, .detail = std::move(why)}};
  };
  if (!seen || !seen->load.python) {
    return none(AbsenceKind::blocked, "the network could not be made by the service's own interpreter");
  }
  if (!seen->load.python->no_numbers.empty()) {
    return none(AbsenceKind::refused, seen->load.python->no_numbers);
  }
  struct stat status{};
  if (::fcntl(file.get(), F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE) != 0 ||
      ::fstat(file.get(), &status) != 0) {
    return none(AbsenceKind::refused, "the memory with the network's numbers cannot be read");
  }
  return {.file = std::move(file), .bytes = static_cast<std::uint64_t>(status.st_size), .absence = {}};
}

// Makes the predictor in another folder, and adds to `facts` what that showed.
void look_elsewhere(RunContext& context, RuntimeJob job, const ArtifactFacts* content,
                    const Observed<HostFacts>& host, PythonFacts& facts) {
  context.progress(std::format("{}: loading it in another folder ({})", job.name, job.program.library));
  job.experiments.clear();
  job.keep.clear();
  job.store = -1;
  job.python.folder = kElsewhere;
  job.python.survey = true;
  job.python.globals = globals_of(content);
  const auto seen = observe_runtime(context, job, host);
  if (!seen || !seen->load.python) {
    facts.elsewhere = Observed<ElsewhereFacts>::none(
        seen ? Absence{.kind = AbsenceKind::refused, .detail = seen->load.error} : *seen.absence, seen.took);
    return;
  }
  const PythonFacts& there = *seen->load.python;
  facts.elsewhere = Observed<ElsewhereFacts>::seen(
      {.folder = kElsewhere, .stage = there.stage, .words = there.words, .exception = there.exception},
      seen.took);
  facts.installed = there.installed;
  facts.globals = there.globals;
}

}  // namespace

PythonAnswer observe_python(RunContext& context, const PythonJob& job, const Observed<HostFacts>& host) {
  const auto none = [](const Absence& why, Duration took = {}) {
    return PythonAnswer{.facts = Observed<RuntimeFacts>::none(why, took), .numbers = {.absence = why}};
  };
  const TargetDeclaration& target = context.plan.target;
  const auto interpreter = find_interpreter(target, runtime_environment(context.plan));
  if (!interpreter) {
    return none({.kind = AbsenceKind::missing, .detail = interpreter.error().message});
  }
  if (job.artifact.absence) {
    return none(*job.artifact.absence);
  }
  const auto scratch = ScratchFolder::make("runup-python");
  if (!scratch) {
    return none({.kind = AbsenceKind::refused, .detail = scratch.error().describe()});
  }
  const bool file_alone = job.declaration.factory.empty();
  FileDescriptor numbers(job.numbers || !job.structure.empty()
                             ? ::memfd_create("runup-numbers", MFD_CLOEXEC | MFD_ALLOW_SEALING)
                             : -1);
  const std::vector<std::string> roots = import_roots(target, job.declaration.factory);
  const RuntimeJob runtime{.program = kPythonProgram,
                           .name = job.name,
                           .declaration = job.declaration,
                           .artifact = job.artifact,
                           .python = {.interpreter = interpreter->path,
                                      .root = target.package,
                                      .folder = roots.front(),
                                      .path = roots,
                                      .arguments = {target.entrypoint},
                                      .as_main = start_way(target, job.package).kind == StartKind::script,
                                      .kind = file_alone ? std::string(enum_name(job.content->kind)) : "",
                                      .placed = placed_folders(target),
                                      .scratch = scratch->path(),
                                      .writable = target.writable,
                                      .survey = file_alone && job.survey,
                                      .structure = job.structure},
                           .experiments = job.experiments,
                           .keep = job.keep,
                           .store = job.store,
                           .numbers = numbers.get()};
  PythonAnswer answer{.facts = observe_runtime(context, runtime, host), .numbers = {}};
  if (file_alone && answer.facts && lacks_runtime(*answer.facts)) {
    return none({.kind = AbsenceKind::missing,
                 .detail = std::format("`{}` cannot import `{}` ({})", interpreter->path,
                                       answer.facts->witness.library, answer.facts->load.error)},
                answer.facts.took);
  }
  if (file_alone && answer.facts && interpreter->guessed) {
    answer.facts.value->witness.form += ", which is perhaps not the service's";
  }
  if (!file_alone && answer.facts && interpreter->guessed && lacks_library(*answer.facts)) {
    return none(
        {.kind = AbsenceKind::missing,
         .detail = std::format("`{}` lacks what the service imports ({}); name the service's interpreter in "
                               "`python:`",
                               interpreter->path, answer.facts->load.error)},
        answer.facts.took);
  }
  if (answer.facts && answer.facts->load.python) {
    answer.facts.value->load.python->guessed = interpreter->guessed;
  }
  if (!file_alone && job.survey && answer.facts && answer.facts->load.python) {
    look_elsewhere(context, runtime, job.content, host, *answer.facts.value->load.python);
    answer.facts.took += answer.facts->load.python->elsewhere.took;
  }
  answer.numbers = close_numbers(std::move(numbers), answer.facts);
  return answer;
}

}  // namespace runup
