// SPDX-License-Identifier: Apache-2.0
#include "check/check.h"

#include <algorithm>
#include <array>
#include <format>
#include <set>

#include "base/text.h"
#include "check/predictor.h"
#include "check/source.h"
#include "check/wording.h"

namespace runup::checks::path_handling {

struct Options {
  std::vector<std::string> outside;
  static constexpr auto fields() {
    return std::tuple{Field{"outside", &Options::outside,
                            "folders beside the package that the server has, such as `/opt/fonts`"}};
  }
};

constexpr std::array kFindings{
    FindingInfo{"relative-path", Severity::error,
                "a file is opened by a path that depends on the folder of start"},
    FindingInfo{"foreign-path", Severity::error,
                "a path leads to a folder that is not the package's, and nothing is there"},
    FindingInfo{"outside-package", Severity::warning,
                "a file is read that lies outside the package and the mounts"},
    FindingInfo{"missing-file", Severity::error, "the sources load a file that the package does not have"},
    FindingInfo{"ignored-by-docker", Severity::error,
                "a file that the service reads is left out of the image"},
    FindingInfo{"ignored-by-git", Severity::warning,
                "a file that the service reads is left out of the repository"}};

namespace {

constexpr std::size_t kShown = 5;
constexpr std::string_view kAnchor =
    "build the path from the source's own place: `Path(__file__).resolve().parent / ...`";

// A file that the service reads, by what it did or by its sources.
struct Reading {
  // as it asks for it, and where that leads here; empty when not known
  std::string path;
  std::string here;
  Location where;
  // seen, and not only read in the sources
  bool seen = false;
  bool exists = false;
  // of the sources: it is loaded as a model, and reached before the server answers
  bool loaded = false;
  bool early = false;
};

bool is_below(std::string_view path, std::string_view folder) {
  return !folder.empty() && path.starts_with(folder) &&
         (path.size() == folder.size() || folder.ends_with('/') || path[folder.size()] == '/');
}

// What has PATH's facts, found under the file's own path.
const PathFacts* looked_at(const Facts& facts, const std::string& here) {
  return facts.package && !here.empty() ? facts.package->find(opened_key(here)) : nullptr;
}

class Judge {
 public:
  Judge(const Facts& facts, const Options& options, Judgement& judgement)
      : facts_(facts), options_(options), judgement_(judgement), python_(predictor_facts(facts)) {
    gather_seen();
    gather_read();
  }

  void judge() {
    judge_relative();
    judge_outside();
    judge_missing();
    judge_ignored();
    tell();
  }

 private:
  void gather_seen() {
    for (const OpenedFileFacts& file :
         python_ != nullptr ? python_->opened : std::vector<OpenedFileFacts>{}) {
      if (!file.writing) {
        readings_.push_back(
            {.path = file.path,
             .here = path_here(placed_folders(facts_.target), file.absolute),
             .where = file.file.empty()
                          ? Location{.file = {}, .key = model_key(facts_, "factory"), .line = {}}
                          : Location{.file = shown_path(facts_, file.file), .key = {}, .line = file.line},
             .seen = true,
             .exists = file.exists});
      }
    }
    seen_ = readings_.size();
  }

  void gather_read() {
    if (!facts_.source) {
      return;
    }
    const bool moves = std::ranges::any_of(facts_.source->chdir, [](const SourceFolderFacts& one) {
      return one.anchor != PathAnchor::cwd && one.place.when != ReachedWhen::main;
    });
    for (std::size_t i = 0; i < facts_.source->paths.size(); ++i) {
      const SourcePathFacts& path = facts_.source->paths[i];
      const bool told =
          path.anchor != PathAnchor::unknown && path.place.when != ReachedWhen::main && !path.writes;
      if (!told || (path.anchor == PathAnchor::cwd && moves)) {
        continue;
      }
      if (path.anchor == PathAnchor::environment) {
        from_environment_.push_back(path.value.substr(0, path.value.find('}') + 1));
        continue;
      }
      Reading reading{.path = path.value,
                      .here = source_path_here(facts_.target, path).value_or(""),
                      .where = location_of(path.place)};
      if (path.anchor == PathAnchor::file) {
        reading.path = reading.here;
        ++anchored_;
      }
      if (std::ranges::any_of(readings_, [&](const Reading& other) {
            return other.seen &&
                   (other.where == reading.where || (!reading.here.empty() && other.here == reading.here));
          })) {
        continue;
      }
      const PathFacts* looked = looked_at(facts_, reading.here);
      reading.exists = looked != nullptr && looked->kind != FileKind::missing;
      reading.loaded = std::ranges::any_of(facts_.source->loads, [&](const SourceLoadFacts& load) {
        return load.path == static_cast<std::int64_t>(i);
      });
      reading.early = path.place.when == ReachedWhen::import || path.place.when == ReachedWhen::startup;
      readings_.push_back(std::move(reading));
    }
  }

  // The package and what the deployment mounts, here and where they will stand.
  bool is_ours(std::string_view path) const {
    const auto holds = [&](std::string_view folder) { return is_below(path, folder); };
    const TargetDeclaration& target = facts_.target;
    return holds(facts_.package ? facts_.package->root : target.package) || holds(target.package) ||
           holds(target.installed_at) || std::ranges::any_of(options_.outside, holds) ||
           std::ranges::any_of(target.mounts, [&](const MountDeclaration& mount) {
             return holds(mount.at) || holds(mount.from);
           });
  }

  // The service made its predictor, so that what was not there was not needed for that.
  bool works() const { return python_ != nullptr && !python_->exception; }

  Finding& add(std::string_view id, const std::vector<const Reading*>& files, std::string message,
               std::string fix) {
    judgement_.findings.push_back(
        make_finding(kFindings, id, std::move(message), std::move(fix), files.front()->where));
    for (std::size_t i = 0; i < std::min(files.size(), kShown); ++i) {
      const Location& where = files[i]->where;
      if (!where.file.empty()) {
        judgement_.findings.back().evidence.push_back(
            {.name = shown(*files[i]), .value = std::format("{}:{}", where.file, where.line.value_or(0))});
      }
    }
    return judgement_.findings.back();
  }

  // As the service asks for it, the package's own ones relative to it.
  std::string shown(const Reading& reading) const { return shown_path(facts_, reading.path); }

  std::string named(const std::vector<const Reading*>& files) const {
    std::vector<std::string> paths;
    for (const Reading* file : files) {
      if (std::string path = shown(*file); std::ranges::find(paths, path) == paths.end()) {
        paths.push_back(std::move(path));
      }
    }
    return std::format("{} {}", join_quoted(paths, kShown), paths.size() == 1 ? "is" : "are");
  }

  void judge_relative() {
    std::vector<const Reading*> sure;
    std::vector<const Reading*> perhaps;
    for (const Reading& reading : readings_) {
      if (!reading.path.starts_with('/') && !has_drive(reading.path)) {
        (reading.seen || (reading.exists && (reading.loaded || reading.early)) ? sure : perhaps)
            .push_back(&reading);
      }
    }
    for (const auto* files : {&sure, &perhaps}) {
      if (!files->empty()) {
        Finding& finding = add(
            "relative-path", *files,
            std::format(
                "{} opened relative to the folder that the server is started in, which is another one under "
                "systemd, in a container or in CI",
                named(*files)),
            std::string(kAnchor));
        // What only a request or nobody reaches may never be opened.
        finding.severity = files == &sure ? Severity::error : Severity::warning;
      }
    }
  }

  static bool has_drive(const std::string& path) { return path.size() > 2 && path[1] == ':'; }

  void judge_outside() {
    std::vector<const Reading*> foreign;
    std::vector<const Reading*> foreign_load;
    std::vector<const Reading*> outside;
    for (const Reading& reading : readings_) {
      if ((!reading.path.starts_with('/') && !has_drive(reading.path)) || is_ours(reading.path) ||
          (!reading.here.empty() && is_ours(reading.here))) {
        continue;
      }
      (reading.exists                   ? outside
       : reading.seen || reading.loaded ? foreign_load
                                        : foreign)
          .push_back(&reading);
    }
    for (const auto* files : {&foreign_load, &foreign}) {
      if (files->empty()) {
        continue;
      }
      Finding& finding = add("foreign-path", *files,
                             std::format("{} opened, outside the package, where nothing is", named(*files)),
                             std::string(kAnchor) + ", or name what is mounted there in `mounts:`");
      // A service that goes on without the file looked for something optional.
      finding.severity = works() ? Severity::note : files == &foreign ? Severity::warning : Severity::error;
    }
    if (!outside.empty()) {
      add("outside-package", outside,
          std::format("{} read, outside the package: it is here, and perhaps not on the server",
                      named(outside)),
          "ship the file in the package, name what is mounted there in `mounts:`, or say in `outside:` that "
          "the "
          "server has it");
    }
  }

  // Without an interpreter that made the predictor the sources alone say what it would load.
  void judge_missing() {
    if (python_ != nullptr) {
      return;
    }
    for (const Reading& reading : readings_) {
      const PathFacts* looked = looked_at(facts_, reading.here);
      if (!reading.loaded || looked == nullptr || looked->kind != FileKind::missing ||
          !is_ours(reading.here)) {
        continue;
      }
      std::string message = std::format("`{}` is loaded, and is not there", shown_path(facts_, reading.here));
      if (!looked->similar.empty()) {
        message += std::format("; the package has {}", join_quoted(looked->similar));
      }
      add("missing-file", {&reading}, std::move(message), "ship the file, or correct its name in the source");
    }
  }

  // Of the model's own files model-present tells this.
  void judge_ignored() {
    if (!facts_.package || facts_.target.installed_at == facts_.package->root) {
      return;
    }
    std::set<std::string> told;
    for (const PathFacts& path : facts_.package->paths) {
      if (!path.asked_by.starts_with("opened:")) {
        told.insert(path.path);
      }
    }
    for (const Reading& reading : readings_) {
      const PathFacts* looked = looked_at(facts_, reading.here);
      if (looked == nullptr || looked->kind != FileKind::regular || !told.insert(looked->path).second) {
        continue;
      }
      const std::string name = shown_path(facts_, looked->path);
      const auto rule_words = [](const IgnoreMatch& rule) {
        return std::format("`{}` in `{}`, line {}", rule.pattern, rule.file, rule.line);
      };
      if (looked->docker_ignored) {
        add("ignored-by-docker", {&reading},
            std::format("`{}`, which the service reads, is left out of the image by {}", name,
                        rule_words(*looked->docker_ignored)),
            std::format("add `!{}` behind that line, or name what is mounted there in `mounts:`", name))
            .where = {.file = looked->docker_ignored->file, .key = {}, .line = looked->docker_ignored->line};
      }
      if (looked->git_ignored && !looked->in_git_lfs) {
        add("ignored-by-git", {&reading},
            std::format("`{}`, which the service reads, is left out of the repository by {}", name,
                        rule_words(*looked->git_ignored)),
            "keep the file in the repository, or fetch it in the build from where it is kept")
            .where = {.file = looked->git_ignored->file, .key = {}, .line = looked->git_ignored->line};
      }
    }
  }

  void tell() {
    if (python_ != nullptr) {
      judgement_.saw("opened while the predictor is made", count_of(seen_, "file", "files"));
    }
    if (anchored_ > 0) {
      judgement_.saw("built from `__file__`",
                     count_of(anchored_, "path of the sources", "paths of the sources"));
    }
    if (!from_environment_.empty()) {
      judgement_.saw("from the environment", join_quoted(from_environment_, kShown));
    }
    const bool anywhere = python_ != nullptr && !python_->exception && python_->elsewhere &&
                          python_->elsewhere->stage == python_->stage;
    if (anywhere) {
      judgement_.saw(std::format("started in `{}`", python_->elsewhere->folder), "loads too");
    } else if (readings_.empty() && judgement_.findings.empty()) {
      judgement_.undecided = nothing_seen();
    }
  }

  // What a C++ library opens itself is not seen.
  std::string nothing_seen() const {
    if (python_ == nullptr) {
      return "the sources open no file whose place is known";
    }
    return python_->exception
               ? "blocked: nothing was opened before the predictor failed; see `predictor-load`"
               : "no file was seen to be opened, and in another folder it does not load; see "
                 "`predictor-load`";
  }

  const Facts& facts_;
  const Options& options_;
  Judgement& judgement_;
  // null when it was not made to answer
  const PythonFacts* python_;
  std::vector<Reading> readings_;
  std::size_t seen_ = 0;
  std::size_t anchored_ = 0;
  std::vector<std::string> from_environment_;
};

}  // namespace

Judgement judge(const Facts& facts, const Options& options) {
  if (predictor_facts(facts) == nullptr && (!facts.source || facts.source->paths.empty())) {
    return without_predictor(facts);
  }
  if (facts.model.factory.empty() && !facts.source->loads.empty() && model_loads(facts).empty()) {
    return Judgement::skip("the sources load other files than this model's");
  }
  Judgement judgement;
  Judge(facts, options, judgement).judge();
  return judgement;
}

extern const CheckInfo kCheck;
const CheckInfo kCheck = define_check<Options, judge>(
    "path-handling", kFindings, {.package = true, .artifact = true, .source = true, .predictor = true});

}  // namespace runup::checks::path_handling
