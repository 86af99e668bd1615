// SPDX-License-Identifier: Apache-2.0
#include "check/check.h"

#include <algorithm>
#include <cstdlib>

#include "check/catalogue.h"

namespace runup {

namespace {

constexpr std::string_view kFence = "---\n";
constexpr std::string_view kBlocked = "blocked: ";

// The text between the two `---` lines at the start of a page, or empty.
std::string_view front_matter(std::string_view page) {
  if (!page.starts_with(kFence)) {
    return {};
  }
  const std::size_t end = page.find("\n---\n", kFence.size() - 1);
  return end == std::string_view::npos ? std::string_view{}
                                       : page.substr(kFence.size(), end + 1 - kFence.size());
}

}  // namespace

Finding make_finding(std::span<const FindingInfo> table, std::string_view id, std::string message,
                     std::string fix, Location where) {
  const auto* found = std::ranges::find(table, id, &FindingInfo::id).base();
  if (found == table.data() + table.size()) {
    std::abort();
  }
  return Finding{.id = std::string(id),
                 .severity = found->severity,
                 .message = std::move(message),
                 .where = std::move(where),
                 .evidence = {},
                 .fix = std::move(fix)};
}

std::string absence_text(std::string_view what, const Absence& absence) {
  if (absence.kind == AbsenceKind::blocked && !absence.detail.empty()) {
    // What blocks it is the news, and one probe may pass on what another one said.
    return absence.detail.starts_with(kBlocked) ? absence.detail : std::string(kBlocked) + absence.detail;
  }
  std::string text(what);
  text += " could not be observed";
  if (!absence.detail.empty()) {
    text += ": " + absence.detail;
  } else if (absence.kind == AbsenceKind::not_requested) {
    text += ": no probe was asked for it";
  } else {
    text += ": " + std::string(enum_name(absence.kind));
  }
  return text;
}

std::string page_field(std::string_view page, std::string_view key) {
  std::string_view rest = front_matter(page);
  while (!rest.empty()) {
    const std::size_t end = rest.find('\n');
    const std::string_view line = rest.substr(0, end);
    rest = end == std::string_view::npos ? std::string_view{} : rest.substr(end + 1);
    if (line.starts_with(key) && line.substr(key.size()).starts_with(": ")) {
      return std::string(line.substr(key.size() + 2));
    }
  }
  return {};
}

std::string_view page_body(std::string_view page) {
  const std::string_view matter = front_matter(page);
  if (matter.empty()) {
    return page;
  }
  std::string_view body = page.substr(2 * kFence.size() + matter.size());
  while (body.starts_with('\n')) {
    body.remove_prefix(1);
  }
  return body;
}

}  // namespace runup
