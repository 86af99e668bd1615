// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch_test_macros.hpp>

#include "facts_builder.h"

using namespace runup;
using namespace runup::testing;

namespace {

constexpr std::string_view kId = "package-archive";

Facts packed(std::vector<ArchiveDefectFacts> defects = {}) {
  Facts facts = sign_facts();
  ArchiveFacts archive{.path = "/srv/dist/sign.tar.gz",
                       .bytes = 2048,
                       .format = "tar (gzip)",
                       .entries = 12,
                       .unpacked_bytes = 8192,
                       .top_folder = "sign-1.2/",
                       .whole = true};
  for (const ArchiveDefectFacts& defect : defects) {
    archive.whole = archive.whole && (defect.kind == ArchiveDefectKind::duplicate ||
                                      defect.kind == ArchiveDefectKind::undecodable_name);
  }
  archive.defect_count = defects.size();
  archive.defects = std::move(defects);
  facts.archive = Observed<ArchiveFacts>::seen(std::move(archive), {});
  return facts;
}

Finding one(ArchiveDefectKind kind, std::string_view id, std::string detail, std::string entry = "a/b") {
  const Outcome outcome =
      run_check(kId, packed({{.kind = kind, .entry = std::move(entry), .detail = std::move(detail)}}));
  CHECK(outcome.findings.size() == 1);
  Finding finding = find_finding(outcome, id);
  CHECK(outcome.status == (finding.severity == Severity::error ? Status::failed : Status::passed));
  return finding;
}

}  // namespace

TEST_CASE("package-archive: a whole archive passes and says what it was") {
  const Outcome outcome = run_check(kId, packed());
  CHECK(outcome.status == Status::passed);
  CHECK(outcome.findings.empty());
  CHECK(evidence_of(outcome, "format") == "tar (gzip)");
  CHECK(evidence_of(outcome, "unpacked") == "12 entries, 8.00 KiB from 2.00 KiB");
  CHECK(evidence_of(outcome, "root") == "`sign-1.2/`");
}

TEST_CASE("package-archive: a folder is skipped, and what the host keeps from being unpacked is undecided") {
  CHECK(run_check(kId, sign_facts()).status == Status::skipped);
  Facts facts = sign_facts();
  facts.archive = Observed<ArchiveFacts>::none(
      {.kind = AbsenceKind::refused, .detail = "the archive probe refused: the disk is full"});
  const Outcome outcome = run_check(kId, facts);
  CHECK(outcome.status == Status::undecided);
  CHECK(outcome.reason.contains("the disk is full"));
}

TEST_CASE("package-archive: an archive that is not whole never passes") {
  Facts facts = packed();
  facts.archive.value->whole = false;
  CHECK(run_check(kId, facts).status == Status::undecided);
}

TEST_CASE("package-archive/unreadable") {
  const Finding finding = one(ArchiveDefectKind::unreadable, "unreadable", "the gzip stream is cut off", "");
  CHECK(finding.severity == Severity::error);
  CHECK(finding.message == "`sign.tar.gz`: the gzip stream is cut off; expected a whole tar or zip");
  CHECK(finding.where.file == "/srv/dist/sign.tar.gz");
}

TEST_CASE("package-archive/escapes") {
  const Finding finding = one(ArchiveDefectKind::escape, "escapes", "has a `..` in its name", "../x");
  CHECK(finding.severity == Severity::error);
  CHECK(finding.message ==
        "`sign.tar.gz`: `../x` has a `..` in its name; expected names below the archive's root");
  CHECK(finding.where.key == "../x");
}

TEST_CASE("package-archive/link-outside, special-file, too-large") {
  CHECK(one(ArchiveDefectKind::link_outside, "link-outside", "is a symbolic link to `/etc`").severity ==
        Severity::error);
  CHECK(one(ArchiveDefectKind::special_file, "special-file", "is a named pipe").severity == Severity::error);
  CHECK(one(ArchiveDefectKind::too_large, "too-large", "more than 200000 entries", "").severity ==
        Severity::error);
}

TEST_CASE("package-archive/duplicate, undecodable-name: warnings, and the package is judged") {
  CHECK(one(ArchiveDefectKind::duplicate, "duplicate", "is in it more than once").severity ==
        Severity::warning);
  const Finding finding =
      one(ArchiveDefectKind::undecodable_name, "undecodable-name", "is no UTF-8", "\xb0\xa1");
  CHECK(finding.severity == Severity::warning);
  CHECK(finding.where.key == "\xb0\xa1");
}

TEST_CASE("package-archive: several defects of a kind are one finding") {
  const ArchiveDefectFacts pipe{
      .kind = ArchiveDefectKind::special_file, .entry = "p", .detail = "is a named pipe"};
  const Outcome outcome = run_check(kId, packed({pipe, pipe, pipe}));
  CHECK(outcome.findings.size() == 1);
  CHECK(find_finding(outcome, "special-file").message.contains("and 2 more like it"));
  CHECK(find_finding(outcome, "special-file").evidence.size() == 2);
}
