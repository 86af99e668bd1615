// SPDX-License-Identifier: Apache-2.0
#include "runner/observe_model.h"

#include <algorithm>
#include <format>
#include <iterator>
#include <optional>
#include <set>
#include <string_view>

#include "base/key_path.h"
#include "check/predictor.h"
#include "check/source.h"
#include "check/wording.h"
#include "facts/model_files.h"
#include "runner/core_probes.h"
#include "runner/file_run.h"
#include "runner/interpreter.h"
#include "runner/output_store.h"
#include "runner/packed_package.h"
#include "runner/parity.h"
#include "runner/python_observer.h"
#include "runner/questions.h"
#include "runner/references.h"
#include "runner/runtime_observer.h"
#include "runner/saved_answers.h"
#include "runner/standing.h"

namespace runup {

namespace {

// Each is a descriptor of the probes.
constexpr std::size_t kMostExternalFiles = 100;
constexpr std::size_t kMostOpened = 500;

class ModelObserver {
 public:
  ModelObserver(RunContext& context, const PlannedModel& model, const TargetFacts& target)
      : context_(context), model_(model), target_(target), needs_(needs_of(model)) {
    facts_.target = context.plan.target;
    facts_.model_name = model.name;
    facts_.model = model.declaration;
    facts_.archive = target.archive;
    facts_.package = target.package;
    facts_.host = target.host;
    facts_.service = context.plan.service;
    const auto index = static_cast<std::size_t>(&model - context.plan.models.data());
    if (index < target.served.size()) {
      facts_.served = target.served[index];
    }
  }

  Facts observe() {
    if (!needs_.artifact) {
      return std::move(facts_);
    }
    if (is_locked_away(facts_.archive)) {
      block_all(*facts_.package.absence);
      return std::move(facts_);
    }
    read_files();
    if (needs_.source) {
      context_.progress(std::format("{}: reading the service's sources", model_.name));
      facts_.source = observe_source(context_, facts_.model, facts_.artifact ? &*facts_.artifact : nullptr);
    }
    if (needs_.runtime || needs_.predictor) {
      run_files();
    }
    look_at_opened();
    if (needs_.parity) {
      compare_weights();
    }
    look_back();
    return std::move(facts_);
  }

 private:
  // The package stayed in its archive.
  void block_all(const Absence& why) {
    facts_.artifact = Observed<ArtifactFacts>::none(why);
    facts_.label_file = Observed<ArtifactFacts>::none(why);
    facts_.predictor_weights = Observed<WeightParityFacts>::none(why);
    facts_.runtimes = {Observed<RuntimeFacts>::none(why)};
    for (std::size_t i = 0; i < facts_.model.conversions.size(); ++i) {
      facts_.conversions.push_back({.artifact = Observed<ArtifactFacts>::none(why),
                                    .runtimes = {Observed<RuntimeFacts>::none(why)},
                                    .weights = Observed<WeightParityFacts>::none(why)});
    }
  }

  // What was unpacked is as old as this run; what stands on the disk is the archive.
  void name_in_archive(JudgedFile& file) const {
    const std::string root = facts_.target.package + "/";
    const auto archive = file_identity(facts_.archive->path);
    if (archive && file.path.starts_with(root)) {
      file.path = facts_.archive->path + "/" + file.path.substr(root.size());
      file.modified_ns = archive->modified_ns;
      file.changed_ns = archive->changed_ns;
      file.inode = archive->inode;
    }
  }

  // What this run saw that later ones are compared with, and what the last ready one saw.
  void look_back() {
    const auto note = [&](const OpenedFile& opened, const Observed<ArtifactFacts>& artifact) {
      if (!opened.absence && artifact) {
        JudgedFile file = opened.identity;
        file.model = model_.name;
        file.sha256 = artifact->sha256;
        if (facts_.archive) {
          name_in_archive(file);
        }
        facts_.standing.files.push_back(std::move(file));
      }
    };
    for (std::size_t i = 0; i < opened_.size(); ++i) {
      note(opened_[i], i == 0 ? facts_.artifact : facts_.conversions[i - 1].artifact);
    }
    if (label_file_) {
      note(*label_file_, facts_.label_file);
    }
    facts_.standing.measurements = measurements_of(model_, facts_);
    if (needs_.standing) {
      facts_.standing.last_ready = last_ready_of(context_.settings, model_.name);
      facts_.standing.unit = target_.unit;
      facts_.standing.running = target_.running;
    }
  }

  bool sees_conversions() const { return needs_.conversions || needs_.parity; }

  void read_files() {
    context_.progress(std::format("{}: reading the model file", model_.name));
    opened_.push_back(open_named_file(target_.package, path_key(model_.name)));
    facts_.artifact = observe_artifact(context_, opened_.back(), {.values = needs_.values});
    external_.push_back(follow_references(path_key(model_.name), facts_.model.path, facts_.artifact));
    if (facts_.model.labels && facts_.model.labels->from == LabelSource::file) {
      const std::string key = child_path(child_path("models", model_.name), "labels");
      label_file_ = open_named_file(target_.package, child_path(key, "path"));
      facts_.label_file = observe_artifact(context_, *label_file_);
    }
    if (!sees_conversions()) {
      return;
    }
    for (std::size_t i = 0; i < facts_.model.conversions.size(); ++i) {
      context_.progress(std::format("{}: reading conversion {} of {}", model_.name, i + 1,
                                    facts_.model.conversions.size()));
      opened_.push_back(open_named_file(target_.package, path_key(model_.name, i)));
      facts_.conversions.push_back(
          {.artifact = observe_artifact(context_, opened_.back(), {.values = needs_.values})});
      external_.push_back(follow_references(path_key(model_.name, i), facts_.model.conversions[i].path,
                                            facts_.conversions.back().artifact));
    }
  }

  // What stands where the service's sources, and what it did, open files: PackageFacts::paths under opened_key().
  void look_at_opened() {
    std::set<std::string> paths;
    const auto note = [&](std::string path) {
      if (path.starts_with('/') && paths.size() < kMostOpened) {
        paths.insert(std::move(path));
      }
    };
    for (const SourcePathFacts& path :
         facts_.source ? facts_.source->paths : std::vector<SourcePathFacts>{}) {
      note(path.writes ? "" : source_path_here(facts_.target, path).value_or(""));
    }
    if (const PythonFacts* python = predictor_facts(facts_)) {
      for (const OpenedFileFacts& file : python->opened) {
        note(file.writing ? "" : path_here(placed_folders(facts_.target), file.absolute));
      }
    }
    if (paths.empty() || !facts_.package) {
      return;
    }
    std::vector<PathQuestion> questions;
    for (const std::string& path : paths) {
      questions.push_back({.asked_by = opened_key(path), .written = path, .path = path});
    }
    if (auto seen = observe_paths(context_, std::move(questions))) {
      std::ranges::move(seen->paths, std::back_inserter(facts_.package.value->paths));
    }
  }

  // Looks at the files that an ONNX model keeps tensors in, and at the numbers there.
  std::vector<ExternalFile> follow_references(const std::string& key, const std::string& path,
                                              Observed<ArtifactFacts>& artifact) {
    observe_references(context_, key, path, artifact, facts_.package);
    std::vector<ExternalFile> files = external_files(key, artifact);
    if (needs_.values && !files.empty()) {
      auto seen = observe_artifact(context_, opened_.back(), {.hash = false, .values = true}, files);
      if (seen && seen->tensors.size() == artifact->tensors.size()) {
        artifact.value->tensors = std::move(seen.value->tensors);
      }
    }
    return files;
  }

  void run_files() {
    std::vector<OutputStore> own;
    if (!facts_.model.factory.empty() || service_runs_file()) {
      facts_.runtimes.push_back(run_in_python(own));
    }
    if (!needs_.runtime) {
      return;
    }
    const bool file_is_told = facts_.model.factory.empty() && !facts_.runtimes.empty() &&
                              has_loaded(facts_.runtimes.front()) && usual_inferences(model_).empty();
    if (!file_is_told) {
      facts_.runtimes.push_back(run(facts_, std::nullopt, own));
    }
    if (facts_.model.factory.empty() && own.size() == 1 && has_no_runtime(facts_, facts_.runtimes.front())) {
      // Better than none, though perhaps not the service's.
      facts_.runtimes.push_back(run_in_python(own));
    }
    if (own.size() == 2) {
      facts_.witness_parity =
          compare_witnesses(facts_.model, {.runtime = facts_.runtimes.data(), .store = own.data()},
                            {.runtime = &facts_.runtimes[1], .store = &own[1]}, usual_inferences(model_));
    }
    // The first that ran the model speaks for it.
    const auto ran = std::ranges::find_if(facts_.runtimes, has_loaded);
    const std::size_t first =
        ran == facts_.runtimes.end() ? 0 : static_cast<std::size_t>(ran - facts_.runtimes.begin());
    std::vector<OutputStore> stores;
    stores.push_back(std::move(own[first]));
    for (std::size_t i = 0; i < facts_.conversions.size(); ++i) {
      facts_.conversions[i].runtimes.push_back(run(as_model(facts_, i), i, stores));
    }
    if (!needs_.parity || facts_.conversions.empty()) {
      return;
    }
    std::vector<FileAnswers> files{{.runtime = &facts_.runtimes[first], .store = stores.data()}};
    for (std::size_t i = 0; i < facts_.conversions.size(); ++i) {
      files.push_back({.runtime = &facts_.conversions[i].runtimes.front(), .store = &stores[i + 1]});
    }
    const std::vector<Experiment> asked = compared_experiments(model_);
    facts_.parity = compare_files(facts_.model, files, asked);
    if (!context_.settings.save_outputs.empty()) {
      save(files, asked);
    }
  }

  // The files that an ONNX model keeps tensors in, as far as they are there.
  std::vector<ExternalFile> external_files(const std::string& key,
                                           const Observed<ArtifactFacts>& artifact) const {
    std::vector<ExternalFile> files;
    if (!artifact || !artifact->onnx) {
      return files;
    }
    std::set<std::string_view> seen;
    for (const OnnxExternalFacts& tensor : artifact->onnx->external) {
      if (seen.size() < kMostExternalFiles && seen.insert(tensor.location).second) {
        files.push_back({.location = tensor.location,
                         .opened = open_named_file(facts_.package, key + "/external/" + tensor.location)});
      }
    }
    std::erase_if(files, [](const ExternalFile& file) { return file.opened.absence.has_value(); });
    return files;
  }

  void compare_weights() {
    for (std::size_t i = 0; i < facts_.conversions.size(); ++i) {
      if (facts_.artifact && facts_.conversions[i].artifact) {
        context_.progress(std::format("{}: comparing the numbers of conversion {} of {}", model_.name, i + 1,
                                      facts_.conversions.size()));
        facts_.conversions[i].weights = observe_weights(
            context_, facts_.model, {.opened = opened_.front(), .external = external_.front()},
            {.opened = opened_[i + 1], .external = external_[i + 1]});
      }
    }
  }

  void save(const std::vector<FileAnswers>& files, const std::vector<Experiment>& asked) {
    const auto folder = save_answers(context_.settings.save_outputs, facts_, files, asked);
    if (!folder) {
      context_.remark(
          std::format("the outputs of `{}` were not saved: {}", model_.name, folder.error().describe()));
      return;
    }
    for (ParityFacts& parity : facts_.parity) {
      parity.saved = *folder;
    }
  }

  // The experiments whose outputs are compared with another file's or another witness's.
  std::vector<Experiment> kept_experiments(std::optional<std::size_t> conversion) const {
    std::vector<Experiment> keep;
    if (needs_.parity && !facts_.conversions.empty()) {
      keep = compared_experiments(model_, conversion);
    }
    if (!conversion && needs_.runtime) {
      for (Experiment& experiment : usual_inferences(model_)) {
        if (std::ranges::find(keep, experiment) == keep.end()) {
          keep.push_back(std::move(experiment));
        }
      }
    }
    return keep;
  }

  // Without a factory, the service's own interpreter is the first witness of the file, if it is known. One that was
  // only guessed adds nothing to the runtimes that runup brings along.
  bool service_runs_file() const {
    if (file_obstacle(facts_)) {
      return false;
    }
    const auto found = find_interpreter(facts_.target, runtime_environment(context_.plan));
    return !facts_.target.python.empty() || (found && !found->guessed);
  }

  static bool has_loaded(const Observed<RuntimeFacts>& runtime) {
    return runtime && runtime->load.stage == LoadStage::done;
  }

  // What the factory makes in the service's own interpreter, or the file itself there.
  Observed<RuntimeFacts> run_in_python(std::vector<OutputStore>& stores) {
    stores.emplace_back();
    const std::vector<Experiment> keep = kept_experiments(std::nullopt);
    if (!keep.empty()) {
      stores.back() = OutputStore::make();
    }
    PythonAnswer answer = observe_python(
        context_,
        {.name = model_.name,
         .declaration = facts_.model,
         .artifact = opened_.front(),
         .package = facts_.package,
         .content = facts_.artifact ? &*facts_.artifact : nullptr,
         .experiments = needs_.runtime ? experiments_of(model_, std::nullopt) : std::vector<Experiment>{},
         .keep = keep,
         .store = stores.back().fd(),
         .survey = needs_.predictor,
         .numbers = needs_.predictor_weights && !facts_.model.factory.empty()},
        target_.host);
    stores.back().close_writing();
    if (facts_.model.factory.empty()) {
      if (answer.facts.absence && answer.facts.absence->kind == AbsenceKind::missing &&
          facts_.runtimes.empty()) {
        context_.remark(std::format("`{}` was not run by the service's own interpreter: {}", model_.name,
                                    answer.facts.absence->detail));
      }
      return std::move(answer.facts);
    }
    if (needs_.predictor_weights && facts_.artifact) {
      context_.progress(std::format("{}: comparing the network's numbers with the file's", model_.name));
      facts_.predictor_weights =
          observe_weights(context_, facts_.model, {.opened = opened_.front(), .external = external_.front()},
                          {.opened = answer.numbers, .external = {}});
    }
    return std::move(answer.facts);
  }

  Observed<RuntimeFacts> run(const Facts& view, std::optional<std::size_t> conversion,
                             std::vector<OutputStore>& stores) {
    stores.emplace_back();
    // A second witness of the model's own file answers what the two are compared by.
    const bool second = !conversion && !facts_.runtimes.empty() && has_loaded(facts_.runtimes.front());
    const std::vector<Experiment> asked =
        second ? usual_inferences(model_) : experiments_of(model_, conversion);
    return run_file(context_,
                    {.name = conversion ? std::format("{}: {}", model_.name, model_file(view)) : model_.name,
                     .view = view,
                     .artifact = opened_[conversion ? *conversion + 1 : 0],
                     .experiments = asked,
                     .keep = second ? asked : kept_experiments(conversion),
                     .by_service = conversion || !facts_.model.factory.empty()},
                    target_.host, stores.back());
  }

  RunContext& context_;
  const PlannedModel& model_;
  const TargetFacts& target_;
  Needs needs_;
  Facts facts_;
  // the model's own file, then its conversions
  std::vector<OpenedFile> opened_;
  std::optional<OpenedFile> label_file_;
  // beside each of them
  std::vector<std::vector<ExternalFile>> external_;
};

}  // namespace

Facts observe_model(RunContext& context, const PlannedModel& model, const TargetFacts& target) {
  return ModelObserver(context, model, target).observe();
}

}  // namespace runup
