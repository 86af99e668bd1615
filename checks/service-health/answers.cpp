// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <format>
#include <set>

#include "base/text.h"
#include "check/served.h"
#include "check/wording.h"
#include "judge.h"

namespace runup::checks::service_health {

namespace {

constexpr std::array<std::string_view, 9> kModelEndings{".pth",  ".pt",  ".onnx", ".safetensors", ".bin",
                                                        ".ckpt", ".pkl", ".h5",   ".joblib"};
constexpr std::string_view kSeparators = " \t\r\n'\"`,;()[]{}<>=";

// Base names of the model files in the answer's texts.
std::set<std::string> named_models(const AnswerFacts& answer) {
  std::set<std::string> names;
  for (const std::string& text : body_texts(answer.body)) {
    std::size_t start = text.find_first_not_of(kSeparators);
    while (start != std::string::npos) {
      const std::size_t end = text.find_first_of(kSeparators, start);
      std::string_view word =
          std::string_view(text).substr(start, end == std::string::npos ? end : end - start);
      while (word.ends_with('.') || word.ends_with(':')) {
        word.remove_suffix(1);
      }
      const std::string_view name = base_name(word);
      if (std::ranges::any_of(kModelEndings, [&](std::string_view ending) {
            return name.size() > ending.size() && name.ends_with(ending);
          })) {
        names.emplace(name);
      }
      start = end == std::string::npos ? end : text.find_first_not_of(kSeparators, end);
    }
  }
  return names;
}

// Base names of everything that the config names.
std::set<std::string> configured_names(const Facts& facts) {
  std::set<std::string> names;
  const auto add = [&](std::string_view path) {
    if (!path.empty()) {
      names.emplace(base_name(path));
    }
  };
  for (const std::string& file : files_of_model(facts)) {
    add(file);
  }
  add(facts.model.architecture);
  if (facts.model.labels) {
    add(facts.model.labels->path);
  }
  for (const PathFacts& path : facts.package->paths) {
    add(path.written);
    add(path.path);
    add(path.real_path);
  }
  return names;
}

bool is_stream(const AnswerFacts& answer) {
  return answer.content_type.starts_with("text/event-stream") ||
         answer.content_type.starts_with("multipart/");
}

}  // namespace

void judge_json(Judge& judge) {
  std::set<std::string> told;
  for (const AnswerFacts& answer : judge.start.answers) {
    if (answer.not_json.empty() || !told.insert(answer.path).second) {
      continue;
    }
    judge.add("invalid-json", std::format("{}, which is no JSON: {}", answer_words(answer), answer.not_json),
              "replace NaN and infinity before answering (`allow_nan=False` makes Python refuse them); "
              "strict clients cannot "
              "read such an answer",
              {.file = {}, .key = answer.path, .line = {}});
  }
}

void judge_routes(Judge& judge) {
  std::vector<std::string> paths;
  for (const AnswerFacts& answer : judge.start.answers) {
    if (answer.asked_for != AskedFor::route) {
      continue;
    }
    paths.push_back(answer.path);
    if ((answer.status > 0 && answer.status < 500) || is_stream(answer)) {
      continue;
    }
    if (const std::string outside = outside_reason(failure_line(judge.start.log)); !outside.empty()) {
      judge.untold.push_back(std::format("{}: {}", answer_words(answer), outside));
      continue;
    }
    Finding& finding = judge.add("route-fails", answer_words(answer) + "; expected an answer below 500",
                                 "repair the route, or take it out of the service",
                                 {.file = {}, .key = answer.path, .line = {}});
    judge.add_log(finding);
  }
  if (!paths.empty()) {
    judge.judgement.saw("routes asked", join_quoted(paths, 10));
  }
}

void judge_names(Judge& judge) {
  if (!judge.facts.package) {
    // Other models of the same server are known from there alone.
    return;
  }
  const std::set<std::string> configured = configured_names(judge.facts);
  std::set<std::string> told;
  for (const AnswerFacts& answer : judge.start.answers) {
    if (!is_2xx(answer)) {
      continue;
    }
    const std::set<std::string> names = named_models(answer);
    // A list of what could be loaded names ours too.
    if (std::ranges::any_of(names, [&](const std::string& name) { return configured.contains(name); })) {
      continue;
    }
    for (const std::string& name : names) {
      if (told.insert(name).second) {
        judge.add("names-other-model",
                  std::format("{}: it names `{}`; the config's model is `{}`", answer_words(answer), name,
                              model_file(judge.facts)),
                  "deploy with the model that the config names, or name the one that the server loads",
                  model_location(judge.facts));
      }
    }
  }
}

}  // namespace runup::checks::service_health
