// SPDX-License-Identifier: Apache-2.0
#include "init/structure.h"

#include <algorithm>
#include <format>
#include <optional>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "base/scratch_folder.h"
#include "base/text.h"
#include "check/usual_inputs.h"
#include "check/wording.h"
#include "facts/model_files.h"
#include "runner/core_probes.h"
#include "runner/file_run.h"
#include "runner/output_store.h"
#include "runner/parity.h"
#include "runner/python_observer.h"
#include "runner/questions.h"
#include "runner/runtime_observer.h"
#include "runner/runtime_programs.h"

namespace runup::init {

namespace {

std::unexpected<Error> refuse(std::string why) { return fail(ErrorCode::bad_input, std::move(why)); }

// What a runtime said of one form of the network.
struct Run {
  Observed<RuntimeFacts> facts;
  OutputStore store;
};

class StructureTaker {
 public:
  StructureTaker(RunContext& context, const PlannedModel& model, const Observed<PackageFacts>& package,
                 const Observed<HostFacts>& host)
      : context_(context),
        model_(model),
        package_(package),
        host_(host),
        opened_(open_named_file(package, path_key(model.name))) {}

  Result<Structure> take() {
    if (auto able = look(); !able) {
      return std::unexpected(able.error());
    }
    std::string why;
    for (const auto& [how, participle] : {std::pair{"script", "scripted"}, std::pair{"trace", "traced"}}) {
      auto taken = attempt(how);
      if (taken) {
        taken->how = participle;
        return taken;
      }
      if (taken.error().code != ErrorCode::unsupported || context_.interrupted()) {
        return taken;
      }
      why += std::format("{}{}: {}", why.empty() ? "" : "; ", participle, taken.error().describe());
    }
    return refuse(why);
  }

 private:
  // Whether there is anything to take, and to check it by.
  Result<void> look() {
    const ModelDeclaration& declared = model_.declaration;
    if (declared.factory.empty()) {
      return refuse("the config names no `factory:` that makes the network");
    }
    if (declared.inputs.empty() && declared.samples.empty()) {
      return refuse(
          "nothing says what the network is called with; give `inputs:` (name, dtype and shape) or "
          "`samples:`");
    }
    context_.progress(std::format("{}: reading the model file", model_.name));
    facts_.target = context_.plan.target;
    facts_.model_name = model_.name;
    facts_.model = declared;
    // one that is to be made, for what asks whether the file needs any
    facts_.model.architecture = "/";
    facts_.package = package_;
    facts_.artifact = observe_artifact(context_, opened_);
    if (facts_.artifact && runtime_program(facts_.artifact->kind) != nullptr &&
        (facts_.artifact->kind == ArtifactKind::torchscript || facts_.artifact->kind == ArtifactKind::onnx)) {
      return refuse(std::format("{} has its network in it", kind_words(facts_.artifact->kind)));
    }
    if (const auto obstacle = file_obstacle(facts_)) {
      return refuse(obstacle->detail);
    }
    for (Experiment& experiment : experiments_of(model_)) {
      if (experiment.kind == ExperimentKind::infer && experiment.sizes.empty() && !experiment.gradients &&
          experiment.repetition == 0) {
        asked_.push_back(std::move(experiment));
      }
    }
    return asked_.empty() ? refuse("no check is selected that runs the network") : Result<void>{};
  }

  // ErrorCode::unsupported: not in this way.
  Result<Structure> attempt(const std::string& how) {
    Run network{.facts = {}, .store = OutputStore::make()};
    PythonAnswer made = observe_python(context_,
                                       {.name = model_.name,
                                        .declaration = model_.declaration,
                                        .artifact = opened_,
                                        .package = package_,
                                        .content = &*facts_.artifact,
                                        .experiments = asked_,
                                        .keep = asked_,
                                        .store = network.store.fd(),
                                        .structure = how},
                                       host_);
    network.store.close_writing();
    network.facts = std::move(made.facts);
    if (!network.facts) {
      return refuse(network.facts.absence->detail);
    }
    if (network.facts->load.stage != LoadStage::done) {
      return refuse(std::format("what `factory:` makes could not be loaded: {}; see `predictor-load`",
                                network.facts->load.error));
    }
    if (made.numbers.absence) {
      return fail(ErrorCode::unsupported, made.numbers.absence->detail);
    }
    const auto mapped = MappedFile::from_descriptor(made.numbers.file.get());
    if (!mapped) {
      return std::unexpected(mapped.error());
    }
    Structure structure{.how = {}, .bytes = std::string(as_text(mapped->bytes())), .witness = {}};
    return check(network, std::move(structure));
  }

  // Has it filled, and compares what it answers.
  Result<Structure> check(const Run& network, Structure structure) {
    const auto scratch = ScratchFolder::make("runup-architecture");
    if (!scratch) {
      return std::unexpected(scratch.error());
    }
    ModelDeclaration declared = model_.declaration;
    declared.factory.clear();
    declared.architecture = scratch->path() + "/network.pt";
    if (auto written = write_file_atomically(declared.architecture, structure.bytes); !written) {
      return std::unexpected(written.error());
    }
    const Run filled = fill(declared);
    if (!filled.facts) {
      return refuse(
          std::format("nothing could fill the archive, to check it: {}", filled.facts.absence->detail));
    }
    structure.witness = std::format("{} {}", filled.facts->witness.library, filled.facts->witness.version);
    if (filled.facts->load.stage != LoadStage::done) {
      return fail(ErrorCode::unsupported, std::format("{} cannot fill it from the model file: {}",
                                                      structure.witness, filled.facts->load.error));
    }
    const auto parity = compare_witnesses(declared, {.runtime = &network.facts, .store = &network.store},
                                          {.runtime = &filled.facts, .store = &filled.store}, asked_);
    return judge(parity.value_or(ParityFacts{}), *network.facts, std::move(structure));
  }

  Run fill(const ModelDeclaration& declared) {
    Facts view = facts_;
    view.model = declared;
    Run filled;
    filled.facts = run_file(context_,
                            {.name = model_.name + ": the archive",
                             .view = view,
                             .artifact = opened_,
                             .experiments = asked_,
                             .keep = asked_},
                            host_, filled.store);
    return filled;
  }

  // Inputs that the network itself does not take say nothing of the archive.
  Result<Structure> judge(const ParityFacts& parity, const RuntimeFacts& network, Structure structure) const {
    for (const AnswerPairFacts& pair : parity.answers) {
      const ExperimentFacts* answer = network.find(pair.asked);
      if (answer == nullptr || answer->outputs.empty()) {
        continue;
      }
      if (!agree(pair)) {
        return fail(
            ErrorCode::unsupported,
            std::format(
                "it answers {} differently: {}{}", input_words(model_.declaration, pair.asked),
                pair.not_compared.empty() ? std::format("by up to {:.2g}", apart(pair)) : pair.not_compared,
                network.load.python->training.empty()
                    ? ""
                    : "; the network is in training mode, see `eval-mode`"));
      }
      ++structure.answers;
      structure.apart = std::max(structure.apart, apart(pair));
    }
    if (structure.answers == 0) {
      return refuse("the network gave no answer to check the archive by; see `inference`");
    }
    return structure;
  }

  RunContext& context_;
  const PlannedModel& model_;
  const Observed<PackageFacts>& package_;
  const Observed<HostFacts>& host_;
  OpenedFile opened_;
  Facts facts_;
  std::vector<Experiment> asked_;
};

}  // namespace

Result<Structure> take_structure(RunContext& context, const PlannedModel& model,
                                 const Observed<PackageFacts>& package, const Observed<HostFacts>& host) {
  return StructureTaker(context, model, package, host).take();
}

}  // namespace runup::init
