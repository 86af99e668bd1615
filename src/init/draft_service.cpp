// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <format>
#include <optional>
#include <span>

#include "base/text.h"
#include "check/source.h"
#include "facts/lines.h"
#include "init/parts.h"

namespace runup::init {

namespace {

// The most telling first.
constexpr std::array<std::string_view, 9> kReadiness{"ready",       "readyz",       "readiness",
                                                     "health",      "healthz",      "health_check",
                                                     "healthcheck", "health-check", "status"};
constexpr std::array<std::string_view, 7> kLiveness{"live", "livez",   "liveness", "alive",
                                                    "ping", "healthz", "up"};
constexpr std::array<std::string_view, 7> kPredict{"predict",  "predictions", "infer", "inference",
                                                   "classify", "generate",    "embed"};

bool is_given_as_is(std::string_view path) {
  return path.starts_with('/') && is_valid_utf8(path) && path.find_first_of("{}<>") == std::string_view::npos;
}

// "/health/ready" is a "ready", "/api/v1/health" a "health".
const SourceRouteFacts* route_named(const SourceFacts& source, std::span<const std::string_view> names,
                                    std::string_view method) {
  for (const std::string_view name : names) {
    for (const SourceRouteFacts& route : source.routes) {
      if (route.method == method && is_given_as_is(route.path) && lower(name_of(route.path)) == name) {
        return &route;
      }
    }
  }
  return nullptr;
}

const SourceApplicationFacts* application_of(const View& view) {
  const SourceApplicationFacts* found = nullptr;
  for (const SourceApplicationFacts& one : view.source.applications) {
    const bool own = one.place.file == view.entrypoint;
    if (found == nullptr || (own && found->place.file != view.entrypoint)) {
      found = &one;
    }
  }
  return found;
}

bool is_wsgi(std::string_view kind) {
  return kind.starts_with("flask.") || kind.starts_with("bottle.") || kind.starts_with("django.") ||
         kind.starts_with("falcon.API");
}

struct Command {
  std::string text;
  std::string why;
};

std::optional<Command> command_of(const View& view) {
  if (view.start) {
    if (std::string command = service_command(*view.start); !command.empty() && is_valid_utf8(command)) {
      return Command{
          .text = std::move(command),
          .why = std::format("as in {}:{}", view.survey.package->dockerfile->file, view.start->line)};
    }
  }
  const SourceApplicationFacts* application = application_of(view);
  if (application == nullptr || !is_valid_utf8(application->module + application->name)) {
    return std::nullopt;
  }
  const std::string name = application->module + ":" + application->name;
  return Command{.text = is_wsgi(application->kind)
                             ? std::format("gunicorn {} --bind {{host}}:{{port}}", name)
                             : std::format("uvicorn {} --host {{host}} --port {{port}}", name),
                 .why = {}};
}

// A recorded request: predict.json, or the only JSON among the samples that is called so.
std::string body_of(const View& view, const SourceRouteFacts& route) {
  const std::array<std::string, 5> names{lower(name_of(route.path)) + ".json", "request.json", "payload.json",
                                         "body.json", "predict.json"};
  for (const std::string& name : names) {
    for (const std::string& file : view.survey.files) {
      const std::string folder = folder_of(file);
      if (lower(name_of(file)) == name && is_valid_utf8(file) &&
          (folder.empty() || is_sample_folder(folder))) {
        return view.beside_config(file);
      }
    }
  }
  return {};
}

}  // namespace

void draft_service(const View& view, Draft& draft) {
  const auto command = command_of(view);
  if (!command) {
    auto& below = draft.comments.below["service"];
    below.push_back({.text = "service:", .why = "how the server is started and asked"});
    below.push_back({.text = "  command: uvicorn main:app --host {host} --port {port}", .why = {}});
    below.push_back({.text = "  readiness: /health", .why = {}});
    draft.to_fill.emplace_back("`service`");
    return;
  }
  ServiceDeclaration service{.command = command->text};
  Comments& comments = draft.service_comments;
  comments.why["command"] = command->why;
  const SourceRouteFacts* readiness = route_named(view.source, kReadiness, "GET");
  const SourceRouteFacts* liveness = route_named(view.source, kLiveness, "GET");
  if (liveness == readiness) {
    liveness = nullptr;
  }
  if (liveness != nullptr) {
    service.liveness = liveness->path;
  }
  if (readiness != nullptr) {
    service.readiness = readiness->path;
  } else {
    comments.below["readiness"].push_back(
        {.text = "readiness: /health", .why = "the path that tells whether predictions work"});
    draft.to_fill.emplace_back("`readiness` of the service");
  }
  if (const SourceRouteFacts* predict = route_named(view.source, kPredict, "POST")) {
    const std::string body = body_of(view, *predict);
    if (!body.empty()) {
      service.predict = PredictDeclaration{.path = predict->path, .body = body};
    } else {
      comments.below["predict"].push_back(
          {.text = std::format("predict: {{path: {}, body: samples/predict.json}}", predict->path),
           .why = "give a file with a request that must succeed"});
      draft.to_fill.emplace_back("`predict` of the service");
    }
  }
  comments.below["on_missing_model"].push_back(
      {.text = "on_missing_model: unhealthy",
       .why = "or `exit`, or `fallback`: what it promises to do then"});
  draft.service = std::move(service);
}

}  // namespace runup::init
