// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <format>
#include <optional>
#include <ranges>
#include <tuple>
#include <utility>

#include "base/text.h"
#include "check/source.h"
#include "init/parts.h"

namespace runup::init {

namespace {

constexpr std::size_t kMostModels = 20;
constexpr std::size_t kMostNotes = 20;
constexpr std::size_t kMostLoads = 200;

struct Candidate {
  ModelFile file;
  // in the order of the sources; of an unloaded one empty
  std::vector<const SourceLoadFacts*> loads;
  bool fallback = false;
  // the path in the sources is another, and this one is meant by it
  std::string said;
};

std::string state_words(const ModelFile& file, bool there) {
  if (!there) {
    return file.path.starts_with('/') ? "" : "there is no such file";
  }
  if (file.content == nullptr) {
    return "it could not be read";
  }
  switch (file.content->kind) {
    case ArtifactKind::git_lfs_pointer:
      return "a Git LFS pointer is in its place";
    case ArtifactKind::html:
      return "an HTML page is in its place";
    case ArtifactKind::empty:
      return "it is empty";
    default:
      return file.content->defects.empty() ? "" : "it is damaged";
  }
}

bool is_of_developer(std::string_view path) {
  return path.starts_with("/home/") || path.starts_with("/Users/") || path.starts_with("/root/") ||
         path.starts_with("/mnt/c/");
}

std::string variable_of(std::string_view value) {
  const std::size_t open = value.find('{');
  const std::size_t close = value.find('}', open);
  return open == std::string_view::npos || close == std::string_view::npos
             ? ""
             : std::string(value.substr(open + 1, close - open - 1));
}

class Finder {
 public:
  Finder(View& view, Draft& draft) : view_(view), draft_(draft) {}

  std::vector<ModelGroup> take() {
    note_loads();
    note_files();
    const bool any_loaded = std::ranges::any_of(
        candidates_, [](const Candidate& one) { return !one.loads.empty() && !one.fallback; });
    std::ranges::stable_sort(candidates_, {}, [](const Candidate& one) {
      return std::tuple(one.loads.empty() || one.fallback, one.file.family,
                        std::ranges::count(one.file.path, '/'));
    });
    std::vector<const Candidate*> rest;
    for (const Candidate& candidate : candidates_) {
      const bool loaded = !candidate.loads.empty() && !candidate.fallback;
      const bool is_model = loaded || (!any_loaded && may_be_model(candidate));
      if (attach(candidate)) {
        continue;
      }
      if (is_model && groups_.size() < kMostModels) {
        groups_.push_back({.file = candidate.file,
                           .loads = candidate.loads,
                           .why = words_of(candidate, any_loaded),
                           .conversions = {}});
      } else {
        rest.push_back(&candidate);
      }
    }
    note_rest(rest);
    return std::move(groups_);
  }

 private:
  bool there(const std::string& path) const { return std::ranges::binary_search(view_.survey.files, path); }

  Candidate& candidate(const std::string& path) {
    for (Candidate& one : candidates_) {
      if (one.file.path == path) {
        return one;
      }
    }
    const ArtifactFacts* content = view_.content(path);
    Family family = content == nullptr ? Family::other : family_of(content->kind);
    family = family == Family::other ? family_of(path) : family;
    candidates_.push_back({.file = {.path = path, .family = family, .content = content},
                           .loads = {},
                           .fallback = false,
                           .said = {}});
    return candidates_.back();
  }

  // An `except` branch before it in the same function goes on with another model.
  bool is_fallback(const SourceLoadFacts& load) const {
    return std::ranges::any_of(view_.source.fallbacks, [&](const SourceFallbackFacts& fallback) {
      return fallback.then == FallbackKind::loads && fallback.place.file == load.place.file &&
             fallback.place.function == load.place.function && load.place.line > fallback.place.line;
    });
  }

  void note_load(const SourceLoadFacts& load, const std::string& path, const std::string& said) {
    if (path.empty() || !is_valid_utf8(path)) {
      return;
    }
    const bool known =
        std::ranges::contains(candidates_, path, [](const Candidate& one) { return one.file.path; });
    Candidate& one = candidate(path);
    const bool fallback = is_fallback(load);
    one.fallback = known && !one.loads.empty() ? one.fallback && fallback : fallback;
    one.loads.push_back(&load);
    one.said = said;
    if (one.file.content == nullptr && load.call.contains("jit")) {
      one.file.family = Family::torchscript;
    }
  }

  void note_loads() {
    for (const SourceLoadFacts& load : view_.source.loads | std::views::take(kMostLoads)) {
      if (load.path < 0 || static_cast<std::size_t>(load.path) >= view_.source.paths.size()) {
        continue;
      }
      const SourcePathFacts& path = view_.source.paths[static_cast<std::size_t>(load.path)];
      const auto here = source_path_here(view_.target, path);
      if (!here) {
        const std::string variable = variable_of(path.value);
        if (path.anchor == PathAnchor::environment && !variable.empty()) {
          chosen_by_ = std::format("{} opens what the variable {} names", place_words(load.place), variable);
        }
        continue;
      }
      if (*here == view_.survey.root) {
        continue;
      }
      if (here->starts_with(view_.survey.root + "/")) {
        note_inside(load, here->substr(view_.survey.root.size() + 1));
      } else {
        note_outside(load, *here);
      }
    }
  }

  // A folder stands for the models in it.
  void note_inside(const SourceLoadFacts& load, const std::string& path) {
    bool folder = false;
    for (const SurveyedFile& file : view_.survey.contents) {
      if (folder_of(file.path) == path && is_named_like_model(file.path)) {
        folder = true;
        if (!is_shard(file.path) && !is_named_like_training_state(file.path)) {
          note_load(load, file.path, "");
        }
      }
    }
    if (!folder) {
      note_load(load, path, "");
    }
  }

  // The file of the package whose name ends as `path` does, over as many folders as can be; `tail` is what they share.
  std::optional<std::string> namesake(const std::string& path, std::string& tail) const {
    for (std::size_t slash = path.find('/'); slash != std::string::npos; slash = path.find('/', slash + 1)) {
      tail = path.substr(slash + 1);
      std::vector<std::string> found;
      for (const std::string& file : view_.survey.files) {
        if (file == tail || file.ends_with("/" + tail)) {
          found.push_back(file);
        }
      }
      if (!found.empty()) {
        const auto whole = std::ranges::find(found, tail);
        return whole != found.end() ? std::optional(*whole)
                                    : (found.size() == 1 ? std::optional(found.front()) : std::nullopt);
      }
    }
    return std::nullopt;
  }

  void note_outside(const SourceLoadFacts& load, const std::string& path) {
    std::string tail;
    const auto file = namesake(path, tail);
    if (!file || !is_valid_utf8(*file)) {
      note_load(load, path, "");
      suggest_mount(path);
      return;
    }
    if (is_of_developer(path)) {
      note_load(load, *file, path);
      return;
    }
    const std::string head = joined("/", path.substr(0, path.size() - tail.size()));
    if (*file == tail && view_.target.installed_at.empty() && head != "/") {
      view_.target.installed_at = draft_.target.installed_at = head;
      draft_.comments.why["installed_at"] =
          std::format("a guess: {} opens {}, and the package has {}", place_words(load.place), path, *file);
      draft_.guessed.emplace_back("`installed_at`");
      note_load(load, *file, "");
      return;
    }
    const std::string from = joined("", file->substr(0, file->size() - tail.size()));
    draft_.target.mounts.push_back(
        {.at = head, .from = from.empty() ? view_.placement.package : view_.beside_config(from)});
    view_.target.mounts.push_back({.at = head, .from = joined(view_.survey.root, from)});
    draft_.comments.why["mounts"] =
        std::format("a guess: {} opens {}, and {} has its name", place_words(load.place), path, *file);
    draft_.guessed.emplace_back("`mounts`");
    Candidate& one = candidate(path);
    one.file.content = view_.content(*file);
    if (one.file.content != nullptr) {
      one.file.family = family_of(one.file.content->kind);
    }
    one.loads.push_back(&load);
    stands_for_.push_back(*file);
  }

  void suggest_mount(const std::string& path) {
    if (draft_.comments.below["mounts"].empty()) {
      draft_.comments.below["mounts"].push_back(
          {.text = std::format("mounts: [{{at: {}, from: ../model-store}}]", joined("/", folder_of(path))),
           .why = std::format("{} is outside of the package: what is mounted there?", path)});
      draft_.to_fill.emplace_back("`mounts`");
    }
  }

  void note_files() {
    for (const SurveyedFile& file : view_.survey.contents) {
      if (is_named_like_model(file.path) && !std::ranges::contains(stands_for_, file.path)) {
        candidate(file.path);
      }
    }
  }

  static bool may_be_model(const Candidate& candidate) {
    const ModelFile& file = candidate.file;
    if (!is_valid_utf8(file.path) || is_shard(file.path) || is_named_like_training_state(file.path)) {
      return false;
    }
    if (file.content != nullptr && family_of(file.content->kind) != Family::other) {
      return true;
    }
    return is_surely_named_like_model(file.path);
  }

  // Takes it as a conversion of a model that is there already.
  bool attach(const Candidate& candidate) {
    const std::string stem = common_stem(candidate.file.path);
    if (!is_valid_utf8(candidate.file.path) || !may_be_model(candidate) ||
        (candidate.file.content == nullptr && candidate.loads.empty())) {
      return false;
    }
    std::vector<ModelGroup*> same;
    for (ModelGroup& group : groups_) {
      if (common_stem(group.file.path) == stem &&
          (group.file.family != candidate.file.family || is_reduced(candidate.file.path))) {
        same.push_back(&group);
      }
    }
    const auto beside = std::ranges::find(same, folder_of(candidate.file.path), [](const ModelGroup* group) {
      return folder_of(group->file.path);
    });
    ModelGroup* group = beside != same.end() ? *beside : same.size() == 1 ? same.front() : nullptr;
    if (group == nullptr) {
      return false;
    }
    group->conversions.push_back(candidate.file);
    return true;
  }

  std::string words_of(const Candidate& candidate, bool any_loaded) const {
    std::string why;
    if (!candidate.loads.empty()) {
      why = std::format("read in {}", place_words(candidate.loads.front()->place));
      if (!candidate.said.empty()) {
        why += std::format(", there as {}", candidate.said);
      }
    } else if (!any_loaded) {
      why = chosen_by_;
    }
    const std::string state = state_words(candidate.file, there(candidate.file.path));
    return why + (why.empty() || state.empty() ? "" : "; ") + state;
  }

  // Why it is no model of the config.
  std::string rest_words(const Candidate& candidate) const {
    const ModelFile& file = candidate.file;
    if (!is_valid_utf8(file.path)) {
      return "its name is no UTF-8, so that no config can name it";
    }
    if (candidate.fallback) {
      return std::format("read in {} when another model cannot be",
                         place_words(candidate.loads.front()->place));
    }
    if (is_shard(file.path)) {
      return "one of several parts of a model";
    }
    if (is_named_like_training_state(file.path)) {
      return "kept by the training, no model";
    }
    if (groups_.size() >= kMostModels) {
      return std::format("left out, as there are {} models already", kMostModels);
    }
    if (file.content == nullptr || family_of(file.content->kind) == Family::other) {
      return "no source reads it, and its content is no model";
    }
    return std::format("{} that no source reads", family_words(file.family));
  }

  void note_rest(const std::vector<const Candidate*>& rest) {
    std::size_t count = 0;
    for (const Candidate* one : rest) {
      const ModelFile& file = one->file;
      const bool model = file.content != nullptr && family_of(file.content->kind) != Family::other;
      if (!model && !is_surely_named_like_model(file.path) && one->loads.empty()) {
        continue;
      }
      if (count++ == kMostNotes) {
        draft_.notes.push_back(std::format("and {} more", rest.size() - kMostNotes));
        return;
      }
      draft_.notes.push_back(std::format("{}: {}", file.path, rest_words(*one)));
    }
  }

  View& view_;
  Draft& draft_;
  std::vector<Candidate> candidates_;
  std::vector<ModelGroup> groups_;
  // files that a mount puts in another place
  std::vector<std::string> stands_for_;
  std::string chosen_by_;
};

}  // namespace

std::vector<ModelGroup> find_models(View& view, Draft& draft) { return Finder(view, draft).take(); }

}  // namespace runup::init
