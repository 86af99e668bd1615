// SPDX-License-Identifier: Apache-2.0
#include "probes/service/questions.h"

#include <algorithm>
#include <charconv>
#include <format>

#include "base/codec.h"
#include "base/text.h"
#include "probes/service/http.h"

namespace runup {

namespace {

constexpr int kMostRedirects = 5;
constexpr std::size_t kMostJson = std::size_t{8} << 20U;

bool is_redirect(std::uint32_t status) {
  return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

// A redirect's path on this server; empty when it leads elsewhere.
std::string path_of_location(const std::string& location, std::uint16_t port) {
  if (location.starts_with('/') && !location.starts_with("//")) {
    return location;
  }
  for (const std::string_view host : {"127.0.0.1", "localhost"}) {
    const std::string own = std::format("http://{}:{}", host, port);
    if (location.starts_with(own)) {
      return location.size() == own.size() ? "/" : location.substr(own.size());
    }
  }
  return "";
}

// Why a text is not strict JSON; empty when it is.
std::string json_mistake(const std::string& text) {
  const auto parsed = parse_json(text, kMostJson);
  return parsed ? "" : parsed.error().message;
}

bool looks_like_json(const AnswerFacts& answer, const std::string& body) {
  const std::string_view start = trim(body);
  return answer.content_type.contains("json") ||
         (answer.content_type.empty() && (start.starts_with('{') || start.starts_with('[')));
}

// The longest start that keeps characters whole.
std::string start_of(const std::string& body) {
  std::size_t end = std::min(body.size(), AnswerFacts::kMostBody);
  while (end > 0 && end < body.size() && (static_cast<unsigned char>(body[end]) & 0xC0U) == 0x80U) {
    --end;
  }
  return body.substr(0, end);
}

bool needs_parameter(const Json& operation) {
  const auto parameters = operation.find("parameters");
  return parameters != operation.end() && parameters->is_array() &&
         std::ranges::any_of(*parameters, [](const Json& parameter) {
           return !parameter.is_object() || !parameter.contains("required") || parameter["required"] != false;
         });
}

}  // namespace

UrlPath read_url_path(std::string_view text) {
  UrlPath url{.path = std::string(text)};
  const std::size_t slash = text.find('/');
  if (text.starts_with(':') && slash != std::string_view::npos) {
    std::from_chars(text.data() + 1, text.data() + slash, url.port);
    url.path = text.substr(slash);
  }
  return url;
}

AnswerFacts ask(const Question& question, std::uint16_t port, Duration started) {
  const UrlPath url = read_url_path(question.path);
  const Duration asked = steady_now();
  AnswerFacts answer{.asked_for = question.asked_for, .path = question.path, .at = asked - started};
  HttpRequest request{.port = url.port != 0 ? url.port : port,
                      .method = question.post ? "POST" : "GET",
                      .path = url.path,
                      .body = question.body,
                      .content_type = "application/json",
                      .patience = question.patience};
  HttpAnswer got = ask_http(request);
  std::string last;
  for (int i = 0; is_redirect(got.status); ++i) {
    last = path_of_location(got.location, request.port);
    if (last.empty()) {
      break;
    }
    if (i == kMostRedirects) {
      got = {.error = std::format("redirected {} times, the last time to `{}`", kMostRedirects + 1,
                                  printable(last))};
      break;
    }
    request.path = last;
    if (got.status != 307 && got.status != 308) {
      request.method = "GET";
      request.body.clear();
    }
    request.patience = question.patience - (steady_now() - asked);
    got = ask_http(request);
  }
  answer.took = steady_now() - asked;
  answer.status = got.status;
  answer.error = got.error;
  answer.content_type = got.content_type;
  answer.body_bytes = got.body.size();
  if (answer.status != 0 && looks_like_json(answer, got.body) && !got.body.empty()) {
    answer.not_json = json_mistake(got.body);
  }
  answer.body = start_of(got.body);
  return answer;
}

std::vector<std::string> routes_of_openapi(std::string_view document, std::size_t most) {
  std::vector<std::string> routes;
  const auto parsed = parse_json(std::string(document), kMostJson);
  if (!parsed || !parsed->is_object() || !parsed->contains("openapi") || !parsed->contains("paths") ||
      !(*parsed)["paths"].is_object()) {
    return routes;
  }
  for (const auto& [path, operations] : (*parsed)["paths"].items()) {
    if (routes.size() < most && path.starts_with('/') && path.find_first_of("{} ") == std::string::npos &&
        operations.is_object() && operations.contains("get") && operations["get"].is_object() &&
        !needs_parameter(operations["get"]) && !needs_parameter(operations)) {
      routes.push_back(path);
    }
  }
  return routes;
}

}  // namespace runup
