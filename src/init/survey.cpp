// SPDX-License-Identifier: Apache-2.0
#include "init/survey.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <format>
#include <set>
#include <utility>

#include "base/bytes.h"
#include "base/text.h"
#include "check/source.h"
#include "facts/lines.h"
#include "init/names.h"
#include "init/start.h"
#include "runner/core_probes.h"
#include "runner/interpreter.h"

namespace runup::init {

namespace {

constexpr std::size_t kMostArchitectureBytes = std::size_t{256} << 10U;

class Surveyor {
 public:
  Surveyor(const std::string& root, const RunnerSettings& settings, Supervisor& supervisor,
           const Bounds& bounds)
      : settings_(settings), supervisor_(supervisor), bounds_(bounds), end_(steady_now() + bounds.time) {
    survey_.root = root;
  }

  Survey take();

 private:
  void tell(const std::string& words) const {
    if (settings_.progress) {
      settings_.progress(words);
    }
  }

  bool goes_on() {
    const bool interrupted = settings_.interrupted != nullptr && settings_.interrupted->load();
    over_ = over_ || steady_now() > end_;
    return !over_ && !interrupted;
  }

  Plan plan_of(const std::string& entrypoint) const {
    Plan plan;
    plan.target.package = survey_.root;
    plan.target.entrypoint = entrypoint.empty() ? "" : survey_.root + "/" + entrypoint;
    return plan;
  }

  template <class Work>
  auto with_entry(const std::string& entrypoint, const Work& work) {
    const Plan plan = plan_of(entrypoint);
    RunContext context{.plan = plan,
                       .settings = quiet_,
                       .supervisor = supervisor_,
                       .quiet = {},
                       .remarks_mutex = {},
                       .remarks = {}};
    return work(context);
  }

  void find_own_interpreter() {
    const auto found = find_interpreter(plan_of("").target, {"PATH="});
    if (found && !found->guessed && found->path.starts_with(survey_.root + "/")) {
      survey_.interpreter = found->path.substr(survey_.root.size() + 1);
    }
  }

  // The Dockerfile's word is enough; without it the first file that holds an application.
  void read_sources() {
    std::vector<std::string> entries = usual_entries(survey_.files);
    const auto start = survey_.package ? start_command(survey_.files, *survey_.package) : std::nullopt;
    const std::string started = start ? start->file : "";
    if (!started.empty()) {
      std::erase(entries, started);
      entries.insert(entries.begin(), started);
    }
    for (const std::string& entry : entries) {
      if (survey_.entries.size() >= bounds_.entries || !goes_on()) {
        return;
      }
      if (!is_valid_utf8(entry)) {
        continue;
      }
      tell(std::format("reading the sources from `{}` on", printable(entry)));
      survey_.entries.push_back(
          {.path = entry, .started = entry == started, .source = with_entry(entry, [](RunContext& context) {
                                                         return observe_source(context, ModelDeclaration{},
                                                                               nullptr);
                                                       })});
      const SurveyedEntry& read = survey_.entries.back();
      const auto holds = [&](const SourceApplicationFacts& application) {
        return application.place.file == entry;
      };
      if (read.started || (read.source && std::ranges::any_of(read.source->applications, holds))) {
        return;
      }
    }
  }

  // What the sources open, relative to the package.
  std::set<std::string> opened(bool loads) const {
    std::set<std::string> paths;
    for (const SurveyedEntry& entry : survey_.entries) {
      const SourceFacts& source = entry.source ? *entry.source : kNothing;
      const auto note = [&](const SourcePathFacts& path) {
        const auto here = source_path_here(plan_of(entry.path).target, path);
        if (here && here->starts_with(survey_.root + "/")) {
          paths.insert(here->substr(survey_.root.size() + 1));
        }
      };
      for (const SourceLoadFacts& load : source.loads) {
        if (loads && load.path >= 0 && static_cast<std::size_t>(load.path) < source.paths.size()) {
          note(source.paths[static_cast<std::size_t>(load.path)]);
        }
      }
      for (const SourcePathFacts& path : source.paths) {
        if (!loads && !path.writes) {
          note(path);
        }
      }
    }
    return paths;
  }

  void read_models() {
    const std::set<std::string> loaded = opened(true);
    std::vector<std::string> chosen;
    std::vector<std::string> others;
    for (const std::string& file : survey_.files) {
      if (loaded.contains(file)) {
        chosen.push_back(file);
      } else if (is_named_like_model(file)) {
        others.push_back(file);
      }
    }
    // those at the top before those deep down
    std::ranges::stable_sort(others, {},
                             [](const std::string& file) { return std::ranges::count(file, '/'); });
    chosen.insert(chosen.end(), others.begin(), others.end());
    look_into(chosen, bounds_.models, "model files");
  }

  void read_labels() {
    const std::set<std::string> opened_files = opened(false);
    std::vector<std::string> chosen;
    std::vector<std::string> others;
    std::set<std::string> folders{""};
    for (const SurveyedFile& file : survey_.contents) {
      folders.insert(folder_of(file.path));
    }
    for (const std::string& file : survey_.files) {
      if (opened_files.contains(file) && has_label_ending(file)) {
        chosen.push_back(file);
      } else if (is_named_like_labels(file) && folders.contains(folder_of(file))) {
        others.push_back(file);
      }
    }
    chosen.insert(chosen.end(), others.begin(), others.end());
    look_into(chosen, bounds_.others, "files that may hold class names");
  }

  void read_samples() {
    std::set<std::string> answered;
    for (const std::string& file : survey_.files) {
      answered.insert(answered_sample(file));
    }
    std::vector<std::string> chosen;
    for (const std::string& file : survey_.files) {
      const bool is_sample = is_array(file) && answered_sample(file).empty();
      if (is_sample &&
          (answered.contains(file.substr(0, file.size() - 4)) || is_sample_folder(folder_of(file)))) {
        chosen.push_back(file);
      }
    }
    look_into(chosen, bounds_.others, "recorded samples");
  }

  void read_architectures() {
    for (const std::string& file : survey_.files) {
      const std::string folder = lower(name_of(folder_of(file)));
      if ((folder != "architectures" && folder != "architecture") ||
          !(file.ends_with(".py") || file.ends_with(".ts"))) {
        continue;
      }
      if (survey_.architectures.size() >= bounds_.others) {
        return;
      }
      auto text = read_file(survey_.root + "/" + file, kMostArchitectureBytes);
      if (text && text->contains("def forward(state_dict")) {
        survey_.architectures.push_back({.path = file, .text = std::move(*text)});
      }
    }
  }

  void look_into(const std::vector<std::string>& files, std::size_t most, std::string_view words) {
    std::size_t count = 0;
    for (const std::string& file : files) {
      if (survey_.find(file) != nullptr) {
        continue;
      }
      if (count++ == most) {
        survey_.cut.push_back(std::format("{} beyond {}", words, most));
        return;
      }
      if (!goes_on()) {
        return;
      }
      tell(std::format("reading `{}`", printable(file)));
      survey_.contents.push_back({.path = file, .content = content_of(file)});
    }
  }

  Observed<ArtifactFacts> content_of(const std::string& file) {
    const std::string path = survey_.root + "/" + file;
    OpenedFile opened{.file =
                          FileDescriptor(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY))};
    struct stat status{};
    if (!opened.file || ::fstat(opened.file.get(), &status) != 0) {
      opened.absence =
          Absence{.kind = AbsenceKind::blocked,
                  .detail = system_error(std::format("cannot open `{}`", printable(file)), errno).message};
    } else if (!S_ISREG(status.st_mode)) {
      opened.absence = Absence{.kind = AbsenceKind::blocked, .detail = "it is no regular file"};
    } else {
      opened.bytes = static_cast<std::uint64_t>(status.st_size);
    }
    return with_entry("", [&](RunContext& context) {
      return observe_artifact(context, opened, {.hash = false, .values = false});
    });
  }

  static const SourceFacts kNothing;

  const RunnerSettings& settings_;
  // what is being done is told here, not by what observes
  const RunnerSettings quiet_{.interrupted = settings_.interrupted, .step_timeout = settings_.step_timeout};
  Supervisor& supervisor_;
  const Bounds& bounds_;
  Duration end_;
  bool over_ = false;
  Survey survey_;
};

const SourceFacts Surveyor::kNothing{};

Survey Surveyor::take() {
  tell("listing the package");
  Names names = walk_package(survey_.root, bounds_);
  survey_.files = std::move(names.files);
  survey_.cut = std::move(names.cut);
  find_own_interpreter();
  tell("looking at the package");
  survey_.package = with_entry("", [](RunContext& context) { return observe_package(context); });
  read_sources();
  read_models();
  read_labels();
  read_samples();
  read_architectures();
  if (over_) {
    survey_.cut.push_back(std::format("what was not read within {}", format_duration(bounds_.time)));
  }
  return std::move(survey_);
}

}  // namespace

const SurveyedFile* Survey::find(const std::string& path) const {
  const auto found = std::ranges::find(contents, path, &SurveyedFile::path);
  return found == contents.end() ? nullptr : &*found;
}

Survey survey_package(const std::string& root, const RunnerSettings& settings, Supervisor& supervisor,
                      const Bounds& bounds) {
  return Surveyor(root, settings, supervisor, bounds).take();
}

}  // namespace runup::init
