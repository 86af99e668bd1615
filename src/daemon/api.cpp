// SPDX-License-Identifier: Apache-2.0
#include "daemon/api.h"

#include <algorithm>
#include <format>
#include <string_view>

#include "base/text.h"
#include "config/scalar.h"

namespace runup {

namespace {

constexpr unsigned kOk = 200;
constexpr unsigned kAccepted = 202;
constexpr unsigned kForbidden = 403;
constexpr unsigned kNotFound = 404;
constexpr unsigned kNotAllowed = 405;
constexpr unsigned kUnavailable = 503;

HttpReply json_reply(unsigned status, const Json& body) {
  return {.status = status, .body = dump_json(body, 2) + "\n"};
}

HttpReply error_reply(unsigned status, std::string_view text) {
  return json_reply(status, Json{{"error", text}});
}

HttpReply wrong_method(const HttpQuestion& question, std::string allowed) {
  HttpReply reply = error_reply(
      kNotAllowed,
      std::format("`{}` is not for {}; expected {}", shown(question.path), shown(question.method), allowed));
  reply.allow = std::move(allowed);
  return reply;
}

std::vector<std::string> names_of(const Targets& targets) {
  std::vector<std::string> names;
  for (const TargetState* state : targets.states()) {
    names.push_back(state->name);
  }
  return names;
}

HttpReply no_target(std::string_view name, const Targets& targets) {
  return error_reply(kNotFound, std::format("no target is called `{}`; expected one of {}", shown(name),
                                            join_quoted(names_of(targets), 20)));
}

HttpReply all_gates(const Targets& targets, const Moment& now) {
  Json gates = Json::object();
  bool open = true;
  for (const TargetState* state : targets.states()) {
    const Gate gate = gate_of(*state, now);
    open = open && gate.open;
    gates[state->name] = Json{{"open", gate.open}, {"reason", encode_text(gate.reason)}};
  }
  return json_reply(open ? kOk : kUnavailable, Json{{"open", open}, {"targets", std::move(gates)}});
}

HttpReply begin_audit(const HttpQuestion& question, Targets& targets, std::string_view name,
                      const std::function<void(Target&)>& request) {
  if (question.from_page) {
    return error_reply(kForbidden, "web pages may not ask for audits (the request has an `Origin`)");
  }
  Target* target = targets.find(std::string(name));
  if (target == nullptr) {
    return no_target(name, targets);
  }
  if (!target->plan) {
    return json_reply(kUnavailable,
                      Json{{"error", "its config is bad"}, {"config_errors", target->state.config_errors}});
  }
  const bool already = target->state.running || !target->wanted.empty();
  request(*target);
  return json_reply(kAccepted, Json{{"target", target->state.name},
                                    {"audit", already ? "was on its way already" : "begins"},
                                    {"see", std::format("/gate/{}", target->state.name)}});
}

}  // namespace

HttpReply answer_api(const HttpQuestion& question, Targets& targets, const Moment& now, bool history_works,
                     const std::function<void(Target&)>& request) {
  const std::string_view path = question.path;
  const bool reads = question.method == "GET" || question.method == "HEAD";
  constexpr std::string_view kGate = "/gate/";
  constexpr std::string_view kAudit = "/audit/";
  if (path.starts_with(kAudit)) {
    return question.method == "POST" ? begin_audit(question, targets, path.substr(kAudit.size()), request)
                                     : wrong_method(question, "POST");
  }
  const bool known = path == "/healthz" || path == "/metrics" || path == "/gate" || path.starts_with(kGate);
  if (known && !reads) {
    return wrong_method(question, "GET, HEAD");
  }
  if (path == "/healthz") {
    return json_reply(kOk, Json{{"status", "ok"}, {"version", RUNUP_VERSION}});
  }
  if (path == "/metrics") {
    return {.body = metrics_text(targets.states(), now, history_works),
            .content_type = "text/plain; version=0.0.4; charset=utf-8"};
  }
  if (path == "/gate") {
    return all_gates(targets, now);
  }
  if (path.starts_with(kGate)) {
    const Target* target = targets.find(std::string(path.substr(kGate.size())));
    if (target == nullptr) {
      return no_target(path.substr(kGate.size()), targets);
    }
    const GateAnswer gate = gate_answer(target->state, now);
    return json_reply(gate.open ? kOk : kUnavailable, encode(gate));
  }
  return error_reply(kNotFound,
                     std::format("there is no `{}`; expected /healthz, /gate/TARGET, /metrics or POST "
                                 "/audit/TARGET",
                                 shown(path)));
}

}  // namespace runup
