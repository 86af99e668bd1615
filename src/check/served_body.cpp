// SPDX-License-Identifier: Apache-2.0
#include "check/served.h"

#include <algorithm>
#include <array>
#include <format>

#include "base/text.h"

namespace runup {

namespace {

constexpr std::size_t kMostDepth = 3;
constexpr std::size_t kMostTexts = 10'000;
constexpr std::size_t kMostPlainText = 200;

// Keys as they are compared: `isReady`, `is_ready` and `is-ready` are one.
std::string plain_key(std::string_view key) {
  std::string plain;
  for (const char c : key) {
    if (c >= 'A' && c <= 'Z') {
      plain += static_cast<char>(c - 'A' + 'a');
    } else if (c != '_' && c != '-' && c != ' ') {
      plain += c;
    }
  }
  return plain;
}

// Words as they are compared: "Not_Ready." is "not ready".
std::string plain_words(std::string_view text) {
  std::string plain;
  for (const char c : trim(text)) {
    plain += c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c == '_' || c == '-' ? ' ' : c;
  }
  while (plain.ends_with('.') || plain.ends_with('!')) {
    plain.pop_back();
  }
  return plain;
}

// What is true of a service that works.
constexpr std::array<std::string_view, 42> kGoodKeys{"ok",
                                                     "healthy",
                                                     "ishealthy",
                                                     "ready",
                                                     "isready",
                                                     "alive",
                                                     "isalive",
                                                     "live",
                                                     "islive",
                                                     "loaded",
                                                     "isloaded",
                                                     "modelloaded",
                                                     "ismodelloaded",
                                                     "modelsloaded",
                                                     "modelready",
                                                     "ismodelready",
                                                     "modelsready",
                                                     "modelok",
                                                     "modelhealthy",
                                                     "modelavailable",
                                                     "modelalive",
                                                     "modelinitialized",
                                                     "modelisloaded",
                                                     "predictorloaded",
                                                     "predictorready",
                                                     "pipelineloaded",
                                                     "pipelineready",
                                                     "classifierloaded",
                                                     "encoderloaded",
                                                     "labelsloaded",
                                                     "labelencoderloaded",
                                                     "weightsloaded",
                                                     "success",
                                                     "up",
                                                     "available",
                                                     "isavailable",
                                                     "operational",
                                                     "running",
                                                     "isrunning",
                                                     "working",
                                                     "initialized",
                                                     "serviceready"};
// What is said in words.
constexpr std::array<std::string_view, 14> kStateKeys{
    "status",      "health",       "state",         "modelstatus",  "modelstate",
    "modelhealth", "healthstatus", "servicestatus", "servicestate", "predictorstatus",
    "readiness",   "liveness",     "readystate",    "result"};
constexpr std::array<std::string_view, 5> kModelKeys{"model", "predictor", "pipeline", "classifier",
                                                     "labelencoder"};
// Collections, or how many there are.
constexpr std::array<std::string_view, 8> kModelsKeys{
    "models", "data", "modelsloaded", "loadedmodels", "modelcount", "nummodels", "predictors", "modelscount"};
// What is true of a service that does not work.
constexpr std::array<std::string_view, 9> kBadKeys{"loading",    "isloading",  "modelloading",
                                                   "degraded",   "dummy",      "isdummy",
                                                   "dummymodel", "usingdummy", "usingfallback"};
// What people say in.
constexpr std::array<std::string_view, 5> kMessageKeys{"message", "detail", "msg", "reason", "info"};
// What is looked into; also everything below `models`.
constexpr std::array<std::string_view, 22> kNests{
    "status",  "health", "state",      "model",     "models", "predictor", "predictors", "pipeline",
    "checks",  "check",  "components", "component", "data",   "result",    "details",    "detail",
    "service", "app",    "readiness",  "liveness",  "ready",  "classifier"};

constexpr std::array<std::string_view, 41> kDenials{
    "false",       "ko",          "nok",       "no",          "error",        "unhealthy",     "not ready",
    "notready",    "not loaded",  "notloaded", "unloaded",    "unavailable",  "not available", "not ok",
    "not healthy", "not serving", "degraded",  "down",        "fail",         "failed",        "failing",
    "failure",     "loading",     "starting",  "starting up", "initializing", "initialising",  "pending",
    "dummy",       "fake",        "mock",      "fallback",    "offline",      "missing",       "none",
    "null",        "broken",      "critical",  "dead",        "no model",     "out of service"};
constexpr std::array<std::string_view, 10> kDenyingPhrases{
    "not ready",      "not loaded",  "not available",       "not initialized", "failed to load",
    "could not load", "cannot load", "could not be loaded", "load failed",     "unhealthy"};

// Of a prediction: `pending` or `missing` may be what it is about.
constexpr std::array<std::string_view, 6> kFailedStates{"error",   "fail",        "failed",
                                                        "failure", "unavailable", "ko"};
// Counters are named like the others: `{"success": 0, "failed": 0}`.
constexpr std::array<std::string_view, 4> kNoCounters{"ok", "healthy", "alive", "modelloaded"};

template <std::size_t Size>
bool among(const std::array<std::string_view, Size>& words, std::string_view word) {
  return std::ranges::find(words, word) != words.end();
}

bool has_phrase(std::string_view words) {
  return std::ranges::any_of(kDenyingPhrases,
                             [&](std::string_view phrase) { return words.contains(phrase); });
}

bool is_denial(std::string_view text) {
  if (text.size() > kMostPlainText) {
    return false;
  }
  const std::string words = plain_words(text);
  // "error: no such file"
  const std::string_view first = trim(std::string_view(words).substr(0, words.find(':')));
  return among(kDenials, words) || among(kDenials, first) || words.starts_with("not ") || has_phrase(words);
}

bool is_zero(const Json& value) { return value.is_number() && value.get<double>() == 0; }
bool is_false(const Json& value) { return value.is_boolean() && !value.get<bool>(); }
bool is_true(const Json& value) { return value.is_boolean() && value.get<bool>(); }
const std::string* text_of(const Json& value) { return value.get_ptr<const std::string*>(); }

// `error: "model not loaded"`: null, false and empty are no error.
bool is_error(const Json& value) {
  if (const std::string* text = text_of(value)) {
    const std::string words = plain_words(*text);
    return !words.empty() && words != "none" && words != "null" && words != "no" && words != "ok" &&
           words != "false" && words != "no error";
  }
  return is_true(value);
}

// One member of a JSON object says "not ok".
bool member_denies(std::string_view key, const Json& value) {
  const std::string* text = text_of(value);
  if (among(kModelsKeys, key) && ((value.is_array() && value.empty()) || is_zero(value))) {
    return true;
  }
  if (key == "models" && value.is_object() && value.empty()) {
    return true;
  }
  if (among(kGoodKeys, key)) {
    return is_false(value) || (is_zero(value) && among(kNoCounters, key)) ||
           (text != nullptr && is_denial(*text));
  }
  if (among(kStateKeys, key)) {
    return is_false(value) || (text != nullptr && is_denial(*text));
  }
  if (among(kModelKeys, key)) {
    return value.is_null() || is_false(value) || (text != nullptr && (text->empty() || is_denial(*text)));
  }
  if (among(kBadKeys, key)) {
    return is_true(value);
  }
  if (key == "error") {
    return is_error(value);
  }
  return among(kMessageKeys, key) && text != nullptr && text->size() <= kMostPlainText &&
         has_phrase(plain_words(*text));
}

struct DenialSearch {
  Denial denial = Denial::of_all;

  std::string in_object(const Json& object, const std::string& prefix, std::size_t depth) const {
    for (const auto& [name, value] : object.items()) {
      const std::string path = prefix + name;
      const std::string key = plain_key(name);
      if (member_denies(key, value)) {
        return std::format("`{}` is `{}`", path, printable(dump_json(value)));
      }
      if (depth >= kMostDepth || !among(kNests, key)) {
        continue;
      }
      const bool several = value.is_array() || (value.is_object() && key == "models");
      if (std::string found = several             ? in_each(value, path, depth + 1)
                              : value.is_object() ? in_object(value, path + ".", depth + 1)
                                                  : std::string();
          !found.empty()) {
        return found;
      }
    }
    return {};
  }

  // The models of a list, or of an object by their names.
  std::string in_each(const Json& models, const std::string& path, std::size_t depth) const {
    std::string first;
    for (const auto& [name, model] : models.items()) {
      const std::string place = models.is_array() ? std::format("{}[{}]", path, name) : path + "." + name;
      const std::string* text = text_of(model);
      std::string found;
      if (model.is_object()) {
        found = in_object(model, place + ".", depth);
      } else if (models.is_object() &&
                 (is_false(model) || model.is_null() || (text != nullptr && is_denial(*text)))) {
        found = std::format("`{}` is `{}`", place, printable(dump_json(model)));
      }
      if (found.empty() && denial == Denial::of_all) {
        return {};
      }
      first = first.empty() ? found : first;
    }
    return first;
  }
};

std::optional<Json> json_body(std::string_view body) {
  const std::string_view text = trim(body);
  if (text.empty()) {
    return std::nullopt;
  }
  auto parsed = parse_json(text, text.size());
  return parsed ? std::optional<Json>(std::move(*parsed)) : std::nullopt;
}

void add_texts(const Json& value, bool numbers, std::vector<std::string>& texts) {
  if (texts.size() >= kMostTexts) {
    return;
  }
  if (const std::string* text = text_of(value)) {
    texts.push_back(*text);
  } else if (value.is_structured()) {
    for (const Json& item : value) {
      add_texts(item, numbers, texts);
    }
  } else if (numbers && value.is_number()) {
    texts.push_back(dump_json(value));
  }
}

}  // namespace

std::string body_denies(std::string_view body, Denial denial) {
  const std::optional<Json> json = json_body(body);
  if (json && json->is_object()) {
    return DenialSearch{denial}.in_object(*json, "", 1);
  }
  const std::string* text = json ? text_of(*json) : nullptr;
  const std::string_view plain = text != nullptr ? std::string_view(*text) : trim(body);
  const bool is_plain = !json || text != nullptr || is_false(*json);
  if (!is_plain || plain.starts_with('<') || plain.starts_with('{') || plain.starts_with('[')) {
    return {};
  }
  return is_denial(plain) ? std::format("it says `{}`", printable(plain)) : std::string();
}

std::string prediction_denies(std::string_view body) {
  const std::optional<Json> json = json_body(body);
  if (!json || !json->is_object()) {
    return {};
  }
  for (const auto& [name, value] : json->items()) {
    const std::string key = plain_key(name);
    const std::string* text = text_of(value);
    const bool fails = key == "status" && text != nullptr && among(kFailedStates, plain_words(*text));
    if (((key == "success" || key == "ok") && is_false(value)) || (key == "error" && is_error(value)) ||
        fails) {
      return std::format("`{}` is `{}`", name, printable(dump_json(value)));
    }
  }
  return {};
}

std::vector<std::string> body_texts(std::string_view body, bool numbers) {
  std::vector<std::string> texts;
  if (const std::optional<Json> json = json_body(body)) {
    add_texts(*json, numbers, texts);
  } else if (!trim(body).empty()) {
    texts.emplace_back(trim(body));
  }
  return texts;
}

}  // namespace runup
