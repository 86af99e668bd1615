// SPDX-License-Identifier: Apache-2.0
#include "artifact/zip.h"

#include <catch2/catch_test_macros.hpp>

#include "zip_builder.h"

using namespace runup;
using namespace runup::artifact;
using runup::test::ZipBuilder;

namespace {

struct Opened {
  std::string bytes;
  std::vector<DefectFacts> list;
  Defects defects{list};
  ZipArchive zip;

  explicit Opened(std::string content)
      : bytes(std::move(content)), zip(ZipArchive::open(as_bytes(bytes), defects, PageRelease())) {}
  Opened(const Opened&) = delete;
  Opened& operator=(const Opened&) = delete;

  std::string text(std::string_view name) const {
    const ZipMember* member = zip.find(name);
    if (member == nullptr) {
      return "(none)";
    }
    const auto content = zip.read(*member, 1 << 20);
    return content ? std::string(as_text(content->view)) : "(" + content.error().message + ")";
  }
  bool only(DefectKind kind, std::string_view member) const {
    return list.size() == 1 && list[0].kind == kind && list[0].member == member;
  }
};

const std::string kLong(1000, 'a');

}  // namespace

TEST_CASE("stored, deflated, described later and zip64 members read alike") {
  const ZipBuilder zip =
      ZipBuilder().add("r/a", "alpha").add_deflated("r/b", kLong).add_with_descriptor("r/c", "gamma");
  for (const std::string& bytes : {zip.finish(), zip.finish_zip64()}) {
    const Opened opened(bytes);
    CHECK(opened.list.empty());
    CHECK(opened.zip.members().size() == 3);
    CHECK(opened.zip.root() == "r/");
    CHECK(opened.text("r/a") == "alpha");
    CHECK(opened.text("r/b") == kLong);
    CHECK(opened.text("r/c") == "gamma");
    CHECK(opened.zip.find("r/d") == nullptr);
  }
  CHECK(Opened(ZipBuilder().finish()).zip.members().empty());
}

TEST_CASE("local header and central directory must agree") {
  const auto build = [](const test::ZipLies& lies) {
    return ZipBuilder().add("r/a", "alpha", lies).finish();
  };
  CHECK(Opened(build({})).list.empty());
  CHECK(Opened(build({.local_name = "r/x"})).only(DefectKind::contradiction, "r/a"));
  CHECK(Opened(build({.local_size = 7})).only(DefectKind::contradiction, "r/a"));
  CHECK(Opened(build({.flags = 1})).only(DefectKind::malformed, "r/a"));
  CHECK(Opened(build({.method = 99})).only(DefectKind::malformed, "r/a"));
  CHECK(Opened(ZipBuilder().add("r/a", "1").add("r/a", "2").finish()).only(DefectKind::contradiction, "r/a"));
  CHECK(Opened(ZipBuilder().add("r/../a", "1").finish()).only(DefectKind::malformed, "r/../a"));
  // The directory alone lies about the size of a deflated member.
  const Opened small(
      ZipBuilder().add_deflated("r/b", kLong, {.local_size = 100, .central_size = 100}).finish());
  CHECK(small.text("r/b").contains("unpacks to more than"));
  const Opened large(
      ZipBuilder().add_deflated("r/b", kLong, {.local_size = 2000, .central_size = 2000}).finish());
  CHECK(large.text("r/b").contains("unpacks to 1000 bytes; it says 2000"));
  const Opened bomb(
      ZipBuilder().add_deflated("r/b", kLong, {.local_size = 1U << 30U, .central_size = 1U << 30U}).finish());
  CHECK(bomb.only(DefectKind::contradiction, "r/b"));
  CHECK(bomb.list[0].message.contains("no deflate stream can do"));
}

TEST_CASE("a member is read only up to the bound that is asked for") {
  const Opened opened(ZipBuilder().add_deflated("r/b", kLong).finish());
  const auto content = opened.zip.read(*opened.zip.find("r/b"), 999);
  REQUIRE_FALSE(content);
  CHECK(content.error().kind == DefectKind::over_limit);
}

TEST_CASE("a zip that is cut off is walked by its local headers") {
  const ZipBuilder zip =
      ZipBuilder().add_with_descriptor("r/a", "alpha").add("r/b", "beta").add_with_descriptor("r/c", kLong);
  const std::string whole = zip.finish();
  const Opened cut(whole.substr(0, zip.position() - 100));
  CHECK(cut.zip.truncated());
  CHECK(cut.only(DefectKind::truncated, ""));
  CHECK(cut.text("r/a") == "alpha");
  CHECK(cut.text("r/b") == "beta");
  CHECK(cut.text("r/c") == "(cannot be read)");
  // What the last header says tells how much is missing.
  const Opened known(ZipBuilder().add("r/a", kLong).finish().substr(0, 533));
  REQUIRE(known.list.size() == 2);
  CHECK(known.list[1].missing_bytes == 500);
  const Opened last_byte(whole.substr(0, whole.size() - 1));
  CHECK(last_byte.only(DefectKind::truncated, ""));
  CHECK(last_byte.list[0].missing_bytes == 1);
}

TEST_CASE("every cut and every changed byte of a zip is survived") {
  const std::string whole = ZipBuilder()
                                .add("r/a", "alpha")
                                .add_deflated("r/b", kLong)
                                .add_with_descriptor("r/c", "gamma")
                                .finish_zip64();
  for (std::size_t size = 0; size < whole.size(); ++size) {
    const Opened cut(whole.substr(0, size));
    CHECK_FALSE(cut.list.empty());
  }
  for (std::size_t at = 0; at < whole.size(); ++at) {
    for (const char value : {'\0', '\x7f', '\xff'}) {
      std::string changed = whole;
      changed[at] = value;
      const Opened opened(changed);
      for (const ZipMember& member : opened.zip.members()) {
        static_cast<void>(opened.zip.read(member, 1 << 20));
      }
    }
  }
}

TEST_CASE("an end record that lies is not followed") {
  const ZipBuilder zip = ZipBuilder().add("r/a", "alpha");
  const Opened counted(zip.finish_with(60'000));
  CHECK(counted.only(DefectKind::contradiction, ""));
  CHECK(counted.text("r/a") == "alpha");
  std::string moved = zip.finish();
  moved.replace(moved.size() - 6, 4, "\xf0\xff\xff\x7f");
  const Opened beyond(moved);
  CHECK(beyond.only(DefectKind::malformed, ""));
  CHECK(beyond.text("r/a") == "alpha");
  const Opened behind(zip.finish() + "more");
  CHECK(behind.only(DefectKind::contradiction, ""));
}
