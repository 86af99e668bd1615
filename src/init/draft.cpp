// SPDX-License-Identifier: Apache-2.0
#include "init/draft.h"

#include <algorithm>
#include <format>
#include <ranges>

#include "base/text.h"
#include "init/parts.h"

namespace runup::init {

namespace {

constexpr std::size_t kMostCut = 5;

struct Entry {
  const SurveyedEntry* chosen = nullptr;
  std::string why;
  // it is no better than others
  bool guessed = false;
};

const SourceApplicationFacts* application_in(const SurveyedEntry& entry) {
  if (!entry.source) {
    return nullptr;
  }
  const auto found = std::ranges::find_if(entry.source->applications, [&](const SourceApplicationFacts& one) {
    return one.place.file == entry.path;
  });
  return found == entry.source->applications.end() ? nullptr : &*found;
}

bool starts_server(const SurveyedEntry& entry) {
  return entry.source && std::ranges::any_of(entry.source->servers, [&](const SourceServerFacts& one) {
           return one.place.file == entry.path;
         });
}

// "a FastAPI application" of "fastapi.FastAPI"
std::string kind_words(std::string_view kind) {
  const std::string_view name = kind.substr(kind.rfind('.') + 1);
  const bool vowel = !name.empty() && std::string_view("AEIOUaeiou").contains(name.front());
  return std::format("{} {} application", vowel ? "an" : "a", name);
}

Entry choose_entry(const Survey& survey, const std::optional<StartCommand>& start) {
  for (const SurveyedEntry& entry : survey.entries) {
    if (entry.started) {
      return {
          .chosen = &entry,
          .why = std::format("{}:{} starts it", survey.package->dockerfile->file, start ? start->line : 0)};
    }
  }
  for (const SurveyedEntry& entry : survey.entries) {
    if (const SourceApplicationFacts* application = application_in(entry)) {
      return {.chosen = &entry,
              .why = std::format("`{}` is {}", application->name, kind_words(application->kind))};
    }
  }
  for (const SurveyedEntry& entry : survey.entries) {
    if (starts_server(entry)) {
      return {.chosen = &entry, .why = "it starts a server"};
    }
  }
  for (const SurveyedEntry& entry : survey.entries) {
    if (entry.source && !entry.source->loads.empty()) {
      return {.chosen = &entry, .why = "a guess: it leads to code that loads a model", .guessed = true};
    }
  }
  const bool unread =
      std::ranges::none_of(survey.entries, [](const SurveyedEntry& one) { return bool(one.source); });
  if (!survey.entries.empty() && unread) {
    return {.chosen = &survey.entries.front(),
            .why = "a guess by its name; no Python was there to read it",
            .guessed = true};
  }
  return {};
}

void draft_target(View& view, const Entry& entry, Draft& draft) {
  TargetDeclaration& target = draft.target;
  target.target = as_id(view.placement.name, "service");
  target.package = view.placement.package;
  if (entry.chosen != nullptr) {
    target.entrypoint = entry.chosen->path;
    draft.comments.why["entrypoint"] = entry.why;
    if (entry.guessed) {
      draft.guessed.emplace_back("`entrypoint`");
    }
  } else {
    draft.comments.below["entrypoint"].push_back(
        {.text = "entrypoint: main.py",
         .why = "the file that starts the server; none of the usual ones does"});
    draft.to_fill.emplace_back("`entrypoint`");
  }
  if (view.survey.package) {
    target.installed_at = installed_at(*view.survey.package, target.entrypoint);
    view.target.installed_at = target.installed_at;
    if (!target.installed_at.empty() && is_valid_utf8(target.installed_at)) {
      draft.comments.why["installed_at"] =
          std::format("where {} puts it", view.survey.package->dockerfile->file);
    } else {
      target.installed_at.clear();
    }
  }
  draft.comments.below["python"].push_back(
      view.survey.interpreter.empty()
          ? Hint{.text = "python: .venv/bin/python",
                 .why = "the service's interpreter; without it `python3` of the PATH"}
          : Hint{.text = std::format("python: {}", view.survey.interpreter), .why = "found by itself"});
  if (view.survey.interpreter.empty()) {
    draft.to_fill.emplace_back("`python`");
  }
}

// Its `map_location` is the text 'cuda' or 'cuda:1', and nothing that is decided later.
bool reads_to_gpu(const SourceLoadFacts* load) {
  std::string_view text = load->map_location;
  if (text.size() < 2 || (text.front() != '\'' && text.front() != '"') || text.back() != text.front()) {
    return false;
  }
  text = text.substr(1, text.size() - 2);
  return text.starts_with("cuda") && text.find_first_not_of(":0123456789", 4) == std::string_view::npos;
}

// What stands for the model that nobody named.
DraftModel nameless_model() {
  DraftModel model{.name = "model", .declared = {.path = "models/model.pth"}, .comments = {}};
  model.comments.why["path"] = "no model file was found: name it";
  return model;
}

void draft_models(View& view, Draft& draft) {
  const std::vector<ModelGroup> groups = find_models(view, draft);
  std::vector<std::string> names;
  for (const ModelGroup& group : groups) {
    const bool alone = groups.size() == 1;
    DraftModel model{
        .name = {}, .declared = {.path = view.as_service_opens(group.file.path)}, .comments = {}};
    std::string stem = common_stem(group.file.path);
    for (const std::string_view ending : {"_model", "-model"}) {
      stem = stem.size() > ending.size() && stem.ends_with(ending)
                 ? stem.substr(0, stem.size() - ending.size())
                 : stem;
    }
    model.name = unique_id(stem, "model", names);
    model.comments.why["path"] = group.why;
    draft_factory(view, group, alone, model, draft);
    draft_state_dict(view, group, alone, model, draft);
    draft_labels(view, group, alone, model, draft);
    draft_conversions(view, group, model, draft);
    draft_inputs(view, group, alone, model, draft);
    if (!group.loads.empty() && std::ranges::all_of(group.loads, reads_to_gpu)) {
      model.declared.device = "cuda";
      model.comments.why["device"] = "as its source says";
    }
    draft.models.push_back(std::move(model));
  }
  if (draft.models.empty()) {
    draft.models.push_back(nameless_model());
    draft.to_fill.emplace_back("the model's `path`");
  }
}

}  // namespace

std::optional<Draft> make_draft(const Survey& survey, const Placement& placement) {
  const auto start = survey.package ? start_command(survey.files, *survey.package) : std::nullopt;
  const Entry entry = choose_entry(survey, start);
  static const SourceFacts kNothing;
  View view{.survey = survey,
            .placement = placement,
            .entrypoint = entry.chosen == nullptr ? "" : entry.chosen->path,
            .source = entry.chosen != nullptr && entry.chosen->source ? *entry.chosen->source : kNothing,
            .target = {},
            .start = start};
  view.target.package = survey.root;
  view.target.entrypoint = view.entrypoint.empty() ? "" : survey.root + "/" + view.entrypoint;
  Draft draft;
  draft_target(view, entry, draft);
  draft_models(view, draft);
  if (entry.chosen == nullptr && draft.to_fill.back() == "the model's `path`" && draft.notes.empty()) {
    return std::nullopt;
  }
  draft_service(view, draft);
  for (const std::string& cut : survey.cut | std::views::take(kMostCut)) {
    draft.notes.push_back(std::format("not looked at: {}", cut));
  }
  return draft;
}

}  // namespace runup::init
