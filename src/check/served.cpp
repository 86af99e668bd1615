// SPDX-License-Identifier: Apache-2.0
#include "check/served.h"

#include <algorithm>
#include <format>

#include "base/text.h"
#include "check/check.h"

namespace runup {

namespace {

constexpr std::size_t kShownBody = 200;

// A body on one line that may stand in backticks.
std::string shown_body(std::string_view body) {
  std::string line;
  bool blank = false;
  for (const char c : trim(body)) {
    const bool is_blank = c == ' ' || c == '\n' || c == '\r' || c == '\t';
    if (is_blank && blank) {
      continue;
    }
    blank = is_blank;
    line += is_blank ? ' ' : c == '`' ? '\'' : c;
  }
  std::size_t most = std::min(line.size(), kShownBody);
  while (most < line.size() && most > 0 && (static_cast<unsigned char>(line[most]) & 0xC0U) == 0x80U) {
    --most;
  }
  return printable(std::string_view(line).substr(0, most)) + (most < line.size() ? "..." : "");
}

}  // namespace

std::optional<Judgement> without_served(const Facts& facts) {
  if (!facts.service) {
    return Judgement::skip(
        "the config has no `service:`, so that no server was started; give `service: {command: ...}`, or "
        "`service: {}` for "
        "uvicorn with the entry point's application");
  }
  if (!facts.served && facts.served.absence && facts.served.absence->kind == AbsenceKind::not_requested &&
      !facts.served.absence->detail.empty()) {
    // Another model is the one that the server loads.
    return Judgement::skip(facts.served.absence->detail);
  }
  if (!facts.served) {
    return Judgement::cannot_tell(
        absence_text("the started service", facts.served.absence.value_or(Absence{})));
  }
  return std::nullopt;
}

std::optional<std::string> blocked_by_health(const Facts& facts) {
  if (facts.served->healthy.ready) {
    return std::nullopt;
  }
  return "blocked: the undamaged service does not become ready; see `service-health`";
}

const AnswerFacts* last_answer(const StartFacts& start, AskedFor asked_for) {
  const AnswerFacts* last = nullptr;
  for (const AnswerFacts& answer : start.answers) {
    last = answer.asked_for == asked_for ? &answer : last;
  }
  return last;
}

const AnswerFacts* first_good_answer(const StartFacts& start, AskedFor asked_for) {
  for (const AnswerFacts& answer : start.answers) {
    if (answer.asked_for == asked_for && is_2xx(answer)) {
      return &answer;
    }
  }
  return nullptr;
}

const OpenedByServiceFacts* opened(const StartFacts& start, std::string_view path) {
  for (const OpenedByServiceFacts& file : start.opened) {
    if (file.path == path) {
      return &file;
    }
  }
  return nullptr;
}

std::vector<std::string> files_of_model(const Facts& facts) {
  std::vector<std::string> files{facts.model.path};
  for (const ConversionDeclaration& conversion : facts.model.conversions) {
    files.push_back(conversion.path);
  }
  return files;
}

const OpenedByServiceFacts* opened_model(const Facts& facts, const StartFacts& start) {
  const OpenedByServiceFacts* first = nullptr;
  for (const std::string& path : files_of_model(facts)) {
    const OpenedByServiceFacts* file = opened(start, path);
    if (file != nullptr && (first == nullptr || file->at < first->at)) {
      first = file;
    }
  }
  return first;
}

std::string answer_words(const AnswerFacts& answer) {
  if (answer.status == 0) {
    return std::format("`{}` gave no answer: {}", answer.path,
                       answer.error.empty() ? "nothing came back" : answer.error);
  }
  const bool text = !answer.content_type.starts_with("image/") &&
                    !answer.content_type.starts_with("audio/") &&
                    !answer.content_type.starts_with("video/") &&
                    !answer.content_type.starts_with("application/octet-stream");
  if (trim(answer.body).empty()) {
    return std::format("`{}` answered {} with an empty body", answer.path, answer.status);
  }
  return text ? std::format("`{}` answered {} `{}`", answer.path, answer.status, shown_body(answer.body))
              : std::format("`{}` answered {} with {} of `{}`", answer.path, answer.status,
                            format_bytes(std::max<std::uint64_t>(answer.body_bytes, answer.body.size())),
                            answer.content_type);
}

std::string end_words(const ServiceEndFacts& end) {
  return end.signal != 0 ? std::format("signal {}", end.signal) : std::format("exit status {}", end.status);
}

std::string_view damage_words(Damage damage) {
  using enum Damage;
  switch (damage) {
    case none:
      return "as it is";
    case missing:
      return "missing";
    case truncated:
      return "truncated";
    case lfs_pointer:
      return "a Git LFS pointer";
    case zeros:
      return "all zeros";
    case unreadable:
      return "unreadable";
  }
  return "damaged";
}

std::string_view base_name(std::string_view path) { return path.substr(path.rfind('/') + 1); }

}  // namespace runup
