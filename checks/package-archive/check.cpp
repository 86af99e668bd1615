// SPDX-License-Identifier: Apache-2.0
#include "check/check.h"

#include <algorithm>
#include <array>
#include <format>
#include <vector>

#include "base/text.h"
#include "check/wording.h"

namespace runup::checks::package_archive {

constexpr std::array kFindings{
    FindingInfo{"unreadable", Severity::error, "the archive is cut off, damaged, encrypted, or none at all"},
    FindingInfo{"escapes", Severity::error, "an entry would be written outside the package's folder"},
    FindingInfo{"link-outside", Severity::error, "a link leads out of the archive"},
    FindingInfo{"special-file", Severity::error, "the archive has a device, a pipe or a socket"},
    FindingInfo{"too-large", Severity::error, "it unpacks to more than any package needs"},
    FindingInfo{"duplicate", Severity::warning, "two entries have the same name"},
    FindingInfo{"undecodable-name", Severity::warning, "a name is no UTF-8, and its encoding is not said"}};

namespace {

constexpr std::size_t kShown = 5;

// One finding for all defects of a kind.
struct Words {
  ArchiveDefectKind kind;
  std::string_view id;
  // what the archive should be
  std::string_view expected;
  std::string_view fix;
};

constexpr std::array<Words, 7> kWords{
    {{ArchiveDefectKind::unreadable, "unreadable", "expected a whole tar or zip",
      "pack the package again, or copy it again in full, and compare its checksum"},
     {ArchiveDefectKind::escape, "escapes", "expected names below the archive's root",
      "pack it from inside the package's folder: `tar -C FOLDER -czf PACKAGE.tar.gz .`"},
     {ArchiveDefectKind::link_outside, "link-outside", "expected links that stay in the archive",
      "pack the file itself (`tar --dereference`), and leave virtual environments out"},
     {ArchiveDefectKind::special_file, "special-file", "expected files, folders and links",
      "leave it out of the archive"},
     {ArchiveDefectKind::too_large, "too-large", "expected the size of a package",
      "pack what the server needs, or give the unpacked folder as `package:`"},
     {ArchiveDefectKind::duplicate, "duplicate", "expected each name once: here the last one counts",
      "pack into a new archive instead of adding to an old one"},
     {ArchiveDefectKind::undecodable_name, "undecodable-name", "expected UTF-8, as Python opens it",
      "pack it where names are UTF-8 (`LC_ALL=C.UTF-8`), with a packer that marks them so"}}};

std::string text_of(const ArchiveDefectFacts& defect) {
  return defect.entry.empty() ? defect.detail
                              : std::format("`{}` {}", printable(defect.entry), defect.detail);
}

// What a reader's own words already name is not named twice.
std::string message_of(const ArchiveFacts& archive, const Words& words,
                       const std::vector<const ArchiveDefectFacts*>& defects) {
  const ArchiveDefectFacts& first = *defects.front();
  const std::string file = archive.path.substr(archive.path.rfind('/') + 1);
  const std::string what =
      defects.size() == 1 ? "" : std::format(", and {} more like it", defects.size() - 1);
  const bool entry = !first.entry.empty() && words.kind != ArchiveDefectKind::unreadable;
  return std::format("`{}`: {}{}; {}", printable(file), entry ? text_of(first) : first.detail, what,
                     words.expected);
}

void add(const ArchiveFacts& archive, const Words& words, Judgement& judgement) {
  std::vector<const ArchiveDefectFacts*> defects;
  for (const ArchiveDefectFacts& defect : archive.defects) {
    if (defect.kind == words.kind) {
      defects.push_back(&defect);
    }
  }
  if (defects.empty()) {
    return;
  }
  Finding finding =
      make_finding(kFindings, words.id, message_of(archive, words, defects), std::string(words.fix),
                   {.file = archive.path, .key = defects.front()->entry, .line = {}});
  for (std::size_t i = 1; i < std::min(defects.size(), kShown); ++i) {
    finding.evidence.push_back({.name = printable(defects[i]->entry), .value = defects[i]->detail});
  }
  judgement.findings.push_back(std::move(finding));
}

}  // namespace

Judgement judge(const Facts& facts, const NoOptions&) {
  if (!facts.archive) {
    const Absence why = facts.archive.absence.value_or(Absence{});
    return why.kind == AbsenceKind::not_requested
               ? Judgement::skip("the package is a folder")
               : Judgement::cannot_tell(absence_text("the package's archive", why));
  }
  const ArchiveFacts& archive = *facts.archive;
  Judgement judgement;
  for (const Words& words : kWords) {
    add(archive, words, judgement);
  }
  if (archive.defect_count > archive.defects.size()) {
    judgement.saw("defects",
                  std::format("{}, the first {} are kept", archive.defect_count, archive.defects.size()));
  }
  if (!archive.whole) {
    if (judgement.findings.empty()) {
      judgement.undecided = "the archive was not unpacked to its end, and nothing says why";
    }
    return judgement;
  }
  judgement.saw("format", archive.format);
  judgement.saw("unpacked", std::format("{}, {} from {}", count_of(archive.entries, "entry", "entries"),
                                        format_bytes(archive.unpacked_bytes), format_bytes(archive.bytes)));
  if (!archive.top_folder.empty()) {
    judgement.saw("root", std::format("`{}`", printable(archive.top_folder)));
  }
  return judgement;
}

extern const CheckInfo kCheck;
const CheckInfo kCheck = define_check<NoOptions, judge>("package-archive", kFindings, {.package = true});

}  // namespace runup::checks::package_archive
