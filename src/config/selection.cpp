// SPDX-License-Identifier: Apache-2.0
#include "config/selection.h"

#include <algorithm>
#include <format>
#include <iterator>
#include <set>

#include "base/glob.h"
#include "base/text.h"
#include "config/scalar.h"

namespace runup {

namespace {

struct Pattern {
  std::string target = "*";
  std::string model = "*";
  std::string check;
  // more than three parts
  bool malformed = false;

  bool matches(const Plan& plan, const std::string& model_name, const std::string& check_id) const {
    return !malformed && matches_glob(target, plan.target.target) && matches_glob(model, model_name) &&
           matches_glob(check, check_id);
  }
};

Pattern parse_pattern(const std::string& text) {
  std::vector<std::string> parts = split(text, '/');
  Pattern pattern{.check = parts.back(), .malformed = parts.size() > 3};
  if (parts.size() > 1) {
    pattern.model = parts[parts.size() - 2];
  }
  if (parts.size() > 2) {
    pattern.target = parts[parts.size() - 3];
  }
  return pattern;
}

// Why the pattern names nothing, with the part that is wrong.
std::string explain(const Plan& plan, const Pattern& pattern) {
  if (pattern.malformed) {
    return "too many `/`; expected CHECK, MODEL/CHECK or TARGET/MODEL/CHECK";
  }
  std::vector<std::string> models;
  std::set<std::string> ids;
  for (const PlannedModel& model : plan.models) {
    models.push_back(model.name);
    for (const PlannedCheck& check : model.checks) {
      ids.insert(check.id);
    }
  }
  const std::vector<std::string> checks(ids.begin(), ids.end());
  const auto complain = [](std::string_view what, const std::string& word,
                           const std::vector<std::string>& known) {
    const auto guess = did_you_mean(word, known);
    return std::format(
        "no {} is called `{}`; {}", what, shown(word),
        guess ? std::format("did you mean `{}`?", *guess)
              : std::format("expected {}{}", known.size() == 1 ? "" : "one of ", join_quoted(known, 12)));
  };
  const auto none = [](const std::string& glob, const std::vector<std::string>& names) {
    return std::ranges::none_of(names, [&](const std::string& name) { return matches_glob(glob, name); });
  };
  if (!matches_glob(pattern.target, plan.target.target)) {
    return complain("target", pattern.target, {plan.target.target});
  }
  if (none(pattern.model, models)) {
    return complain("model", pattern.model, models);
  }
  return complain("check", pattern.check, checks);
}

bool names_something(const Plan& plan, const Pattern& pattern) {
  return std::ranges::any_of(plan.models, [&](const PlannedModel& model) {
    return std::ranges::any_of(
        model.checks, [&](const PlannedCheck& check) { return pattern.matches(plan, model.name, check.id); });
  });
}

std::string arguments_text(std::string_view option, const std::vector<std::string>& values) {
  std::string text = "`";
  for (const std::string& value : values) {
    text += std::format("{}{} {}", text.size() == 1 ? "" : " ", option, printable(value));
  }
  return text + "`";
}

}  // namespace

std::vector<SelectionError> apply_selection(Plan& plan, const std::vector<std::string>& select,
                                            const std::vector<std::string>& skip) {
  std::vector<SelectionError> errors;
  const auto parse_all = [&](std::string_view option, const std::vector<std::string>& texts) {
    std::vector<Pattern> patterns;
    for (const std::string& text : texts) {
      patterns.push_back(parse_pattern(text));
      if (!names_something(plan, patterns.back())) {
        errors.push_back({std::format("{} {}", option, text), explain(plan, patterns.back())});
      }
    }
    return patterns;
  };
  const std::vector<Pattern> selected = parse_all("--select", select);
  const std::vector<Pattern> skipped = parse_all("--skip", skip);
  if (!errors.empty()) {
    return errors;
  }
  std::size_t all = 0;
  std::size_t left_out = 0;
  std::size_t skips = 0;
  for (PlannedModel& model : plan.models) {
    all += model.checks.size();
    if (!selected.empty()) {
      left_out += std::erase_if(model.checks, [&](const PlannedCheck& check) {
        return std::ranges::none_of(
            selected, [&](const Pattern& pattern) { return pattern.matches(plan, model.name, check.id); });
      });
    }
    for (PlannedCheck& check : model.checks) {
      for (std::size_t i = 0; i < skipped.size(); ++i) {
        if (check.skip_reason.empty() && skipped[i].matches(plan, model.name, check.id)) {
          check.skip_reason = std::format("`--skip {}`", printable(skip[i]));
          ++skips;
        }
      }
    }
  }
  if (left_out > 0) {
    plan.remarks.push_back(std::format("{} left out {} of {}", arguments_text("--select", select), left_out,
                                       count_of(all, "check", "checks")));
  }
  if (skips > 0) {
    plan.remarks.push_back(
        std::format("{} skipped {}", arguments_text("--skip", skip), count_of(skips, "check", "checks")));
  }
  return errors;
}

void apply_profile(Plan& plan, Profile profile) {
  plan.profile = profile;
  const auto needs_of = [](const PlannedCheck& check) {
    return check.built_in != nullptr ? check.built_in->needs : check.plugin ? check.plugin->needs : Needs{};
  };
  for (PlannedModel& model : plan.models) {
    if (profile == Profile::gate) {
      const std::size_t left_out =
          std::erase_if(model.checks, [&](const PlannedCheck& check) { return needs_of(check).standing; });
      if (left_out > 0 && model.checks.empty()) {
        plan.remarks.emplace_back(
            "what was selected is looked at by audits alone: `--profile audit`, `runupd`");
      }
      continue;
    }
    for (PlannedCheck& check : model.checks) {
      if (check.skip_reason.empty() && needs_of(check).service) {
        check.skip_reason =
            "an audit starts no server beside the running one; `runup run` before a deployment does";
      }
    }
  }
}

}  // namespace runup
