// SPDX-License-Identifier: Apache-2.0
#include "runner/plugin_protocol.h"

#include <algorithm>
#include <format>

#include "base/text.h"
#include "runner/plugin.h"

namespace runup {

namespace {

constexpr std::size_t kMaxOptions = 100;
constexpr std::size_t kMaxId = 64;
// Of one text in an answer.
constexpr std::size_t kMaxText = 10'000;

bool is_id(std::string_view id) {
  const auto is_plain = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); };
  bool after_word = false;
  for (const char c : id) {
    if (!is_plain(c) && !(c == '-' && after_word)) {
      return false;
    }
    after_word = c != '-';
  }
  return after_word && id.size() <= kMaxId;
}

// Lengths of texts and lists by the struct's own table.
template <class T>
Result<void> hold_to_rules(const T& value) {
  Result<void> outcome;
  for_each_field<T>([&](const auto& field) {
    using Member = std::remove_cvref_t<decltype(value.*field.member)>;
    if constexpr (std::is_same_v<Member, std::string> || codec_detail::IsVector<Member>::value) {
      const auto size = static_cast<double>((value.*field.member).size());
      if (outcome && (size < field.rule.min || size > field.rule.max)) {
        outcome = fail(ErrorCode::bad_input,
                       std::format("`{}` has {} {}; expected {}", field.name, size,
                                   std::is_same_v<Member, std::string> ? "bytes" : "items",
                                   size < field.rule.min ? std::string("some")
                                                         : std::format("at most {}", field.rule.max)));
      }
    }
  });
  return outcome;
}

// Whether a default is a value of its option's type, in the JSON form (durations in seconds).
bool fits(const TypeInfo& type, const Json& value) {
  const auto in_range = [&](double number) { return number >= type.rule.min && number <= type.rule.max; };
  switch (type.kind) {
    case TypeKind::boolean:
      return value.is_boolean();
    case TypeKind::integer:
      return value.is_number_integer() && in_range(value.get<double>());
    case TypeKind::byte_size:
      return value.is_number_unsigned() && in_range(value.get<double>());
    case TypeKind::number:
    case TypeKind::duration:
      return value.is_number() && in_range(value.get<double>());
    case TypeKind::text:
      return value.is_string();
    case TypeKind::choice:
      return value.is_string() && std::ranges::contains(type.choices, value.get<std::string>());
    case TypeKind::list:
      return value.is_array() &&
             std::ranges::all_of(value, [&](const Json& item) { return fits(type.item.front(), item); });
    case TypeKind::map:
      return value.is_object() &&
             std::ranges::all_of(value, [&](const Json& item) { return fits(type.item.front(), item); });
    case TypeKind::object:
      return value.is_object();
    case TypeKind::any:
      break;
  }
  return true;
}

Result<std::vector<FieldInfo>> read_options(const Json& json) {
  auto options = read_fields(json);
  if (!options) {
    return wrap(options.error(), "in `options`");
  }
  if (options->size() > kMaxOptions) {
    return fail(ErrorCode::limit,
                std::format("`options` has {} names; at most {} are read", options->size(), kMaxOptions));
  }
  for (const FieldInfo& option : *options) {
    if (!option.fallback.is_null() && !fits(option.type, option.fallback)) {
      return fail(ErrorCode::bad_input,
                  std::format("the default of option `{}` is `{}`; expected {}", option.name,
                              dump_json(option.fallback).substr(0, 60), describe_type(option.type)));
    }
  }
  return options;
}

Result<void> hold_to_rules(const Finding& finding) {
  if (!is_id(finding.id)) {
    return fail(ErrorCode::bad_input,
                std::format("a finding calls itself `{}`; expected lower-case words with `-` between "
                            "them, at most {} characters",
                            printable(finding.id.substr(0, kMaxId)), kMaxId));
  }
  if (finding.message.empty()) {
    return fail(ErrorCode::bad_input, std::format("the finding `{}` has no message", finding.id));
  }
  std::vector<const std::string*> texts{&finding.message, &finding.fix, &finding.where.file,
                                        &finding.where.key};
  for (const Evidence& evidence : finding.evidence) {
    texts.push_back(&evidence.name);
    texts.push_back(&evidence.value);
  }
  if (std::ranges::any_of(texts, [](const std::string* text) { return text->size() > kMaxText; })) {
    return fail(ErrorCode::limit,
                std::format("a text of the finding `{}` has more than {} bytes", finding.id, kMaxText));
  }
  return {};
}

// Whether the outcome has what it needs.
Result<void> hold_to_outcome(const PluginAnswer& answer) {
  const bool has_error = std::ranges::contains(answer.findings, Severity::error, &Finding::severity);
  switch (answer.outcome) {
    case Status::passed:
      if (has_error) {
        return fail(ErrorCode::bad_input, "`passed` with a finding of severity `error`");
      }
      return {};
    case Status::failed:
      return has_error ? Result<void>{}
                       : fail(ErrorCode::bad_input, "`failed` without a finding of severity `error`");
    case Status::skipped:
    case Status::undecided:
      break;
  }
  if (answer.reason.empty()) {
    return fail(ErrorCode::bad_input, std::format("`{}` without a reason", enum_name(answer.outcome)));
  }
  return {};
}

Json schema_head(const char* title, const char* description) {
  return Json{{"$schema", "https://json-schema.org/draft/2020-12/schema"},
              {"title", title},
              {"description", description}};
}

constexpr const char* kIdPattern = "^[a-z0-9]+(-[a-z0-9]+)*$";

}  // namespace

Result<PluginInfo> read_plugin_description(const std::string& path, const std::string& text) {
  auto json = parse_json(text, kMaxDescriptionBytes);
  if (!json) {
    return wrap(json.error(), "`--describe` printed no description");
  }
  auto description = decode<PluginDescription>(*json);
  if (!description) {
    return wrap(description.error(), "`--describe` printed something else than a description");
  }
  if (description->protocol != kPluginProtocol) {
    return fail(ErrorCode::unsupported, std::format("it speaks protocol {}; this version of runup speaks {}",
                                                    description->protocol, kPluginProtocol));
  }
  if (auto held = hold_to_rules(*description); !held) {
    return wrap(held.error(), "in what `--describe` printed");
  }
  if (!is_id(description->id)) {
    return fail(ErrorCode::bad_input,
                std::format("it calls itself `{}`; expected lower-case words with `-` between them",
                            printable(description->id)));
  }
  if (description->summary.contains('\n')) {
    return fail(ErrorCode::bad_input, "its summary has several lines; expected one");
  }
  auto options = read_options(description->options);
  if (!options) {
    return std::unexpected(options.error());
  }
  PluginInfo info{.path = path,
                  .id = description->id,
                  .summary = description->summary,
                  .options = std::move(*options),
                  .page = description->page};
  for (const PluginNeed need : description->needs) {
    info.needs.package = info.needs.package || need == PluginNeed::package;
    info.needs.artifact = info.needs.artifact || need == PluginNeed::artifact;
    info.needs.values = info.needs.values || need == PluginNeed::values;
    info.needs.host = info.needs.host || need == PluginNeed::host;
    info.needs.runtime = info.needs.runtime || need == PluginNeed::runtime;
    info.needs.service = info.needs.service || need == PluginNeed::service;
  }
  return info;
}

Result<Judgement> read_plugin_answer(const std::string& text) {
  auto json = parse_json(text, kMaxAnswerBytes);
  if (!json) {
    return std::unexpected(json.error());
  }
  auto answer = decode<PluginAnswer>(*json);
  if (!answer) {
    return std::unexpected(answer.error());
  }
  if (auto held = hold_to_rules(*answer); !held) {
    return std::unexpected(held.error());
  }
  for (const Finding& finding : answer->findings) {
    if (auto held = hold_to_rules(finding); !held) {
      return std::unexpected(held.error());
    }
  }
  for (const Evidence& evidence : answer->evidence) {
    if (evidence.name.empty() || evidence.name.size() + evidence.value.size() > kMaxText) {
      return fail(ErrorCode::bad_input,
                  std::format("a piece of evidence has no name, or more than {} bytes", kMaxText));
    }
  }
  if (auto held = hold_to_outcome(*answer); !held) {
    return std::unexpected(held.error());
  }
  Judgement judgement{.looked_at = std::move(answer->evidence), .findings = std::move(answer->findings)};
  if (answer->outcome == Status::skipped) {
    judgement.skipped = answer->reason;
  } else if (!answer->reason.empty() && answer->outcome != Status::passed) {
    judgement.undecided = answer->reason;
  }
  return judgement;
}

Json plugin_describe_schema() {
  Json schema = schema_head("runup plugin: what --describe prints", "docs/plugins.md explains each member");
  schema.update(json_schema(type_info<PluginDescription>(), SchemaForm::json));
  schema["properties"]["id"]["pattern"] = kIdPattern;
  Json option{{"type", "object"}, {"required", {"type"}}};
  Json names = Json::array();
  for (const auto& [kind, name] : enum_names(TypeKind{})) {
    names.push_back(std::string(name));
  }
  option["properties"] = {{"type", {{"enum", std::move(names)}}}, {"help", {{"type", "string"}}},
                          {"required", {{"type", "boolean"}}},    {"default", Json::object()},
                          {"min", {{"type", "number"}}},          {"max", {{"type", "number"}}},
                          {"choices", {{"type", "array"}}},       {"item", {{"type", "object"}}},
                          {"members", {{"type", "object"}}}};
  schema["properties"]["options"]["type"] = "object";
  schema["properties"]["options"]["additionalProperties"] = std::move(option);
  return schema;
}

Json plugin_request_schema() {
  Json schema = schema_head("runup plugin: what it reads from stdin", "docs/plugins.md explains the parts");
  schema.update(json_schema(type_info<PluginRequest>(), SchemaForm::json));
  schema["properties"]["options"]["type"] = "object";
  return schema;
}

Json plugin_answer_schema() {
  Json schema = schema_head("runup plugin: what it prints to stdout", "docs/plugins.md explains each member");
  schema.update(json_schema(type_info<PluginAnswer>(), SchemaForm::json));
  schema["properties"]["findings"]["items"]["properties"]["id"]["pattern"] = kIdPattern;
  return schema;
}

}  // namespace runup
