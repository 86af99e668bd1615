// SPDX-License-Identifier: Apache-2.0
#include "runner/file_run.h"

#include "runner/python_observer.h"
#include "runner/runtime_observer.h"
#include "runner/runtime_programs.h"

namespace runup {

namespace {

OutputStore store_for(const std::vector<Experiment>& keep) {
  return keep.empty() ? OutputStore{} : OutputStore::make();
}

Observed<RuntimeFacts> run_by_service(RunContext& context, const FileRun& run,
                                      const Observed<HostFacts>& host, OutputStore& store) {
  ModelDeclaration declared = run.view.model;
  declared.factory.clear();
  store = store_for(run.keep);
  auto seen = observe_python(context,
                             {.name = run.name,
                              .declaration = declared,
                              .artifact = run.artifact,
                              .package = run.view.package,
                              .content = &*run.view.artifact,
                              .experiments = run.experiments,
                              .keep = run.keep,
                              .store = store.fd()},
                             host)
                  .facts;
  store.close_writing();
  return seen;
}

}  // namespace

Observed<RuntimeFacts> run_file(RunContext& context, const FileRun& run, const Observed<HostFacts>& host,
                                OutputStore& store) {
  if (auto obstacle = file_obstacle(run.view)) {
    return Observed<RuntimeFacts>::none(*obstacle);
  }
  store = store_for(run.keep);
  const auto obstacle = runtime_obstacle(context, run.view);
  auto seen = obstacle ? Observed<RuntimeFacts>::none(*obstacle)
                       : observe_runtime(context,
                                         {.program = *runtime_program(run.view.artifact->kind),
                                          .name = run.name,
                                          .declaration = run.view.model,
                                          .artifact = run.artifact,
                                          .experiments = run.experiments,
                                          .keep = run.keep,
                                          .store = store.fd()},
                                         host);
  store.close_writing();
  if (!run.by_service || !has_no_runtime(run.view, seen)) {
    return seen;
  }
  auto by_service = run_by_service(context, run, host, store);
  const bool has_none = by_service.absence && by_service.absence->kind == AbsenceKind::missing;
  return has_none ? seen : by_service;
}

bool has_no_runtime(const Facts& view, const Observed<RuntimeFacts>& runtime) {
  const bool named =
      view.artifact && view.artifact->kind == ArtifactKind::onnx && !view.target.onnxruntime.empty();
  return !named && runtime.absence &&
         (runtime.absence->kind == AbsenceKind::missing || runtime.absence->kind == AbsenceKind::refused);
}

}  // namespace runup
