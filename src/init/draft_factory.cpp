// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <format>

#include "base/text.h"
#include "check/source.h"
#include "facts/lines.h"
#include "init/parts.h"

namespace runup::init {

namespace {

constexpr std::array<std::string_view, 6> kVerbs{"get", "load", "create", "build", "make", "init"};

// As the config's rule for `factory:` has it.
bool is_dotted_name(std::string_view text) {
  return is_valid_utf8(text) && std::ranges::all_of(split(text, '.'), [](const std::string& part) {
           return !part.empty() && !(part.front() >= '0' && part.front() <= '9') &&
                  part.find_first_of(" \t\n\r/\\:;()[]{}'\"-") == std::string::npos;
         });
}

struct Maker {
  std::string module;
  std::string name;
  int score = 0;
  std::string why;
};

// "get" of get_predictor and getPredictor
bool starts_with_verb(std::string_view name) {
  return std::ranges::any_of(kVerbs, [&](std::string_view verb) {
    return name.starts_with(verb) && (name.size() == verb.size() || name[verb.size()] == '_' ||
                                      (name[verb.size()] >= 'A' && name[verb.size()] <= 'Z'));
  });
}

// get_predictor is asked for again and again, load_predictor does the work once.
int score_of_name(std::string_view name) {
  const std::string own = lower(name);
  const auto says = [&](std::string_view word) { return own.contains(word); };
  return (starts_with_verb(name) ? 4 : 0) + (own.starts_with("get") ? 1 : 0) +
         (says("predictor") || says("model") || says("pipeline") || says("service") || says("session") ? 2
                                                                                                       : 0) -
         (own.starts_with("test") ? 8 : 0);
}

bool is_class(const SourceFacts& source, const Maker& maker) {
  return std::ranges::any_of(source.classes, [&](const SourceClassFacts& one) {
    return one.module == maker.module && one.name == maker.name;
  });
}

const SourceModuleFacts* module_of(const SourceFacts& source, std::string_view name) {
  const auto found = std::ranges::find(source.modules, name, &SourceModuleFacts::name);
  return found == source.modules.end() ? nullptr : &*found;
}

bool binds(const SourceModuleFacts* module, const std::string& name) {
  return module != nullptr && std::ranges::contains(module->names, name);
}

// The entry point's file binds the name, most probably by importing it.
bool is_used_by_entry(const SourceFacts& source, const Maker& maker) {
  return !source.modules.empty() && source.modules.front().name != maker.module &&
         binds(&source.modules.front(), maker.name);
}

// A function of `module` that the entry point imports and that is named as one that gives the predictor: what the
// module loads as it is imported is then given by it.
std::string given_by(const SourceFacts& source, const std::string& module) {
  const SourceModuleFacts* own = module_of(source, module);
  if (own == nullptr || source.modules.empty() || &source.modules.front() == own) {
    return {};
  }
  for (const std::string& name : source.modules.front().names) {
    if (binds(own, name) && starts_with_verb(name) && score_of_name(name) > 4) {
      return name;
    }
  }
  return {};
}

std::vector<Maker> makers_of(const View& view, const ModelGroup& group, bool alone) {
  std::vector<Maker> makers;
  for (const SourceMakerFacts& fact : view.source.makers) {
    const bool reaches = std::ranges::any_of(
        group.loads, [&](const SourceLoadFacts* load) { return load->place == fact.place; });
    Maker maker{.module = fact.module, .name = fact.name, .score = 0, .why = {}};
    const bool known = std::ranges::any_of(
        makers, [&](const Maker& one) { return one.module == maker.module && one.name == maker.name; });
    if ((!reaches && !(alone && group.loads.empty())) || known || !is_dotted_name(maker.module) ||
        !is_dotted_name(maker.name)) {
      continue;
    }
    const bool used = is_used_by_entry(view.source, maker);
    maker.score = score_of_name(maker.name) + (is_class(view.source, maker) ? 0 : 5) + (used ? 8 : 0);
    maker.why = used ? std::format("{} uses it", view.source.modules.front().file)
                     : std::format("leads to {}", place_words(fact.place));
    if (fact.place.when == ReachedWhen::import && !used) {
      if (const std::string given = given_by(view.source, maker.module); !given.empty()) {
        maker = {.module = maker.module,
                 .name = given,
                 .score = maker.score + 8,
                 .why = std::format("{} uses it; the module loads the model as it is imported",
                                    view.source.modules.front().file)};
      }
    }
    makers.push_back(std::move(maker));
  }
  std::ranges::stable_sort(makers, std::greater<>{}, &Maker::score);
  return makers;
}

}  // namespace

void draft_factory(const View& view, const ModelGroup& group, bool alone, DraftModel& model, Draft& draft) {
  const std::vector<Maker> makers = makers_of(view, group, alone);
  const auto words = [](const Maker& maker) { return maker.module + ":" + maker.name; };
  if (makers.empty()) {
    model.comments.below["factory"].push_back(
        {.text = "factory: module:function",
         .why = "what gives the loaded predictor; it needs no arguments"});
    draft.to_fill.push_back(std::format("`factory` of `{}`", model.name));
    return;
  }
  model.declared.factory = words(makers.front());
  std::string& why = model.comments.why["factory"];
  why = makers.front().why;
  std::vector<std::string> others;
  for (const Maker& maker : makers) {
    if (&maker != makers.data() && maker.score == makers.front().score) {
      others.push_back(words(maker));
    }
  }
  if (!others.empty()) {
    why = std::format("or {}", join_words(others, 3));
    draft.guessed.push_back(std::format("`factory` of `{}`", model.name));
  }
}

}  // namespace runup::init
