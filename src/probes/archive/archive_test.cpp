// SPDX-License-Identifier: Apache-2.0
// Made by hand, so that the sanitisers see it; tests/archive has what real packers write.
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include <algorithm>
#include <filesystem>
#include <format>
#include <fstream>
#include <iterator>
#include <random>

#include <catch2/catch_test_macros.hpp>

#include "base/scratch_folder.h"
#include "probes/archive/entry_path.h"
#include "probes/archive/tar_numbers.h"
#include "probes/archive/unpack.h"
#include "zip_builder.h"

namespace runup {
namespace {

namespace fs = std::filesystem;

void put(std::string& block, std::size_t offset, std::string_view text) {
  block.replace(offset, text.size(), text);
}

// A ustar header, and the content up to the block's end.
std::string entry(const std::string& name, char type, const std::string& content = "",
                  const std::string& target = "", unsigned mode = 0644) {
  std::string block(kTarBlock, '\0');
  put(block, 0, name);
  put(block, 100, std::format("{:07o}", mode));
  put(block, 124, std::format("{:011o}", content.size()));
  put(block, 136, std::format("{:011o}", 1'700'000'000));
  put(block, 148, "        ");
  block[156] = type;
  put(block, 157, target);
  put(block, 257, std::string_view("ustar\00000", 8));
  unsigned sum = 0;
  for (const char byte : block) {
    sum += static_cast<unsigned char>(byte);
  }
  put(block, 148, std::format("{:06o}", sum) + std::string(1, '\0'));
  return block + content + std::string((kTarBlock - content.size() % kTarBlock) % kTarBlock, '\0');
}

std::string file(const std::string& name, const std::string& content = "x") {
  return entry(name, '0', content);
}
std::string link(const std::string& name, const std::string& target) { return entry(name, '2', "", target); }
std::string pax(const std::string& records) { return entry("pax", 'x', records); }
const std::string kEnd(2 * kTarBlock, '\0');

std::string gzipped(const std::string& data) {
  z_stream stream{};
  REQUIRE(::deflateInit2(&stream, 6, Z_DEFLATED, MAX_WBITS + 16, 8, Z_DEFAULT_STRATEGY) == Z_OK);
  std::string out(data.size() + 1000, '\0');
  stream.next_in = const_cast<Bytef*>(reinterpret_cast<const Bytef*>(data.data()));
  stream.avail_in = static_cast<uInt>(data.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  REQUIRE(::deflate(&stream, Z_FINISH) == Z_STREAM_END);
  out.resize(stream.total_out);
  ::deflateEnd(&stream);
  return out;
}

struct Unpacked {
  ScratchFolder folder;
  ArchiveFacts facts;

  std::string content(const std::string& name) const {
    std::ifstream in(folder.path() + "/" + name, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }
  bool has(const std::string& name) const {
    return fs::exists(fs::symlink_status(folder.path() + "/" + name));
  }
};

Result<ArchiveFacts> unpack_into(const std::string& folder, const std::string& archive,
                                 const UnpackBounds& bounds, std::vector<std::string> wanted) {
  const FileDescriptor memory(::memfd_create("archive", MFD_CLOEXEC));
  REQUIRE(::write(memory.get(), archive.data(), archive.size()) == static_cast<ssize_t>(archive.size()));
  return unpack_archive(memory.get(), {.path = "/srv/a.tar", .folder = folder, .wanted = std::move(wanted)},
                        bounds);
}

Unpacked unpack(const std::string& archive, const UnpackBounds& bounds = {},
                std::vector<std::string> wanted = {}) {
  auto folder = ScratchFolder::make("runup-archive-test");
  REQUIRE(folder);
  auto facts = unpack_into(folder->path(), archive, bounds, std::move(wanted));
  REQUIRE(facts);
  CHECK(facts->whole == std::ranges::all_of(facts->defects, [](const ArchiveDefectFacts& defect) {
          return defect.kind == ArchiveDefectKind::duplicate ||
                 defect.kind == ArchiveDefectKind::undecodable_name;
        }));
  return {.folder = std::move(*folder), .facts = std::move(*facts)};
}

std::vector<ArchiveDefectKind> kinds(const Unpacked& unpacked) {
  std::vector<ArchiveDefectKind> found;
  for (const ArchiveDefectFacts& defect : unpacked.facts.defects) {
    found.push_back(defect.kind);
  }
  return found;
}

using enum ArchiveDefectKind;
using Kinds = std::vector<ArchiveDefectKind>;

TEST_CASE("files, folders and links come out with their modes and times") {
  const std::string tar = entry("bin", '5', "", "", 0755) + entry("bin/run", '0', "#!", "", 04750) +
                          link("up", "bin/run") + entry("same", '1', "", "bin/run") +
                          file("./a//b/c", "deep") + kEnd;
  for (const std::string& archive :
       {tar, gzipped(tar), gzipped(tar.substr(0, 700)) + gzipped(tar.substr(700))}) {
    const Unpacked got = unpack(archive);
    CHECK(got.facts.whole);
    CHECK(got.facts.entries == 5);
    CHECK(got.facts.unpacked_bytes == 6);
    CHECK(got.content("up") == "#!");
    CHECK(got.content("a/b/c") == "deep");
    struct stat status{};
    REQUIRE(::stat((got.folder.path() + "/same").c_str(), &status) == 0);
    CHECK(status.st_nlink == 2);
    CHECK((status.st_mode & 07777U) == 0750);
    CHECK(status.st_mtim.tv_sec == 1'700'000'000);
  }
}

TEST_CASE("names are bytes: NFC, NFD, pax, and what is no UTF-8") {
  const std::string nfc = "\xeb\xaa\xa8";
  const std::string nfd = "\xe1\x84\x86\xe1\x85\xa9";
  CHECK(unpack(file(nfc) + file(nfd) + kEnd).facts.defects.empty());
  const Unpacked got = unpack(pax("11 path=" + nfd.substr(0, 3) + "\n") + file("short") + kEnd);
  CHECK(kinds(got) == Kinds{unreadable});
  const Unpacked good = unpack(pax("15 path=" + nfd + "\n") + file("short") + kEnd);
  CHECK(good.facts.whole);
  CHECK(good.has(nfd));
  CHECK_FALSE(good.has("short"));
  const Unpacked raw = unpack(file("\xb8\xf0") + kEnd);
  CHECK(kinds(raw) == Kinds{undecodable_name});
  CHECK(raw.has("\xb8\xf0"));
}

TEST_CASE("what leads out is refused, and nothing is written there") {
  const auto outside = ScratchFolder::make("runup-archive-outside");
  REQUIRE(outside);
  const std::string& out = outside->path();
  CHECK(kinds(unpack(file(out + "/x") + kEnd)) == Kinds{escape});
  CHECK(kinds(unpack(file("../x") + file("a/../../x") + file("a/..") + kEnd)) ==
        Kinds{escape, escape, escape});
  CHECK(kinds(unpack(link("l", out) + file("l/x") + kEnd)) == Kinds{escape, link_outside});
  CHECK(kinds(unpack(link("d", "a/b") + link("a/b", "../../..") + file("d/x") + kEnd)) ==
        Kinds{escape, link_outside, link_outside});
  CHECK(kinds(unpack(entry("h", '1', "", "/etc/passwd") + kEnd)) == Kinds{link_outside});
  CHECK(kinds(unpack(link("l", out + "/x") + entry("h", '1', "", "l") + file("h") + kEnd)) ==
        Kinds{duplicate, link_outside});
  CHECK(kinds(unpack(link("a", "b") + link("b", "a") + kEnd)) == Kinds{link_outside, link_outside});
  CHECK(kinds(unpack(entry("p", '6') + entry("c", '3') + entry("b", '4') + kEnd)) ==
        Kinds{special_file, special_file, special_file});
  CHECK(fs::is_empty(out));
}

TEST_CASE("a link that stays inside is followed in names") {
  const Unpacked got =
      unpack(link("lib64", "lib") + file("lib64/x", "net") + link("up", "lib64/../lib") + kEnd);
  CHECK(got.facts.whole);
  CHECK(got.content("lib/x") == "net");
  CHECK(got.content("up/x") == "net");
  CHECK(fs::is_symlink(got.folder.path() + "/lib64"));
}

TEST_CASE("the later of two entries counts") {
  const Unpacked got = unpack(file("a", "one") + file("a", "two") + kEnd);
  CHECK(kinds(got) == Kinds{duplicate});
  CHECK(got.content("a") == "two");
  CHECK(kinds(unpack(file("a") + file("a/b") + kEnd)) == Kinds{unreadable});
  CHECK(kinds(unpack(file("a/b") + file("a") + kEnd)) == Kinds{unreadable});
  CHECK(kinds(unpack(file("a/b") + link("a", "c") + kEnd)) == Kinds{unreadable});
}

TEST_CASE("bounds") {
  CHECK(kinds(unpack(file("a") + file("b") + file("c") + kEnd, {.entries = 2})) == Kinds{too_large});
  CHECK(kinds(unpack(file("a/b/c") + kEnd, {.depth = 2})) == Kinds{too_large});
  CHECK(kinds(unpack(file("a/b/c") + kEnd, {.entries = 1})) == Kinds{too_large});
  CHECK(kinds(unpack(file("a", "12345") + kEnd, {.bytes = 4})) == Kinds{too_large});
  // More than is small only when the archive is not smaller by more than the ratio.
  const std::string zeros = gzipped(file("a", std::string(100'000, '\0')) + kEnd);
  CHECK(kinds(unpack(zeros, {.small_bytes = 10'000, .ratio = 20})) == Kinds{too_large});
  CHECK(unpack(zeros, {.small_bytes = 10'000, .ratio = 5000}).facts.whole);
  CHECK(unpack(zeros, {.small_bytes = 100'000, .ratio = 20}).facts.whole);
}

TEST_CASE("a disk without room is not the archive's fault") {
  const auto folder = ScratchFolder::make("runup-archive-test");
  REQUIRE(folder);
  const auto facts = unpack_into(folder->path(), file("a") + kEnd, {.reserve = std::uint64_t{1} << 60U}, {});
  REQUIRE_FALSE(facts);
  CHECK(facts.error().message.contains("TMPDIR"));
}

TEST_CASE("the top folder stands for the root when what is wanted is there only") {
  const std::string tar = file("s-1.2/main.py") + file("s-1.2/m/x") + kEnd;
  CHECK(unpack(tar, {}, {"main.py"}).facts.top_folder == "s-1.2/");
  CHECK(unpack(tar, {}, {"s-1.2/main.py"}).facts.top_folder.empty());
  CHECK(unpack(tar, {}, {"other.py"}).facts.top_folder.empty());
  CHECK(unpack(file("beside") + tar, {}, {"main.py"}).facts.top_folder.empty());
}

TEST_CASE("every cut and every changed byte is survived") {
  const std::string tar = entry("bin", '5') + pax("15 path=abcdef\n") + file("x", std::string(700, 'y')) +
                          link("l", "bin") + entry("long", 'L', std::string(150, 'n')) + file("z") + kEnd;
  for (std::size_t size = 0; size < tar.size() - kEnd.size(); size += 64) {
    CHECK_FALSE(unpack(tar.substr(0, size)).facts.whole);
  }
  const std::string packed = gzipped(tar);
  for (std::size_t size = 0; size < packed.size(); ++size) {
    CHECK_FALSE(unpack(packed.substr(0, size)).facts.whole);
  }
  std::mt19937 random(1);
  for (int i = 0; i < 300; ++i) {
    std::string changed = i % 2 == 0 ? tar : packed;
    changed[random() % changed.size()] ^= static_cast<char>(1U << (random() % 8));
    const Unpacked got = unpack(changed);
    // gzip's own header has no checksum, and says nothing of the content.
    CHECK((!got.facts.whole || i % 2 == 0 || got.content("abcdef") == std::string(700, 'y')));
  }
}

TEST_CASE("a package's modes do not keep its folder from being removed") {
  std::string path;
  {
    const Unpacked got = unpack(entry("closed", '5', "", "", 0555) + file("closed/x") + kEnd);
    CHECK(got.facts.whole);
    path = got.folder.path();
  }
  CHECK_FALSE(fs::exists(path));
}

TEST_CASE("zips, and what contradicts itself in them") {
  using test::ZipBuilder;
  const std::string good = ZipBuilder()
                               .add("a/x", "stored")
                               .add_deflated("y", std::string(5000, 'y'))
                               .add_with_descriptor("z", "z")
                               .finish();
  const Unpacked got = unpack(good);
  CHECK(got.facts.whole);
  CHECK(got.facts.format == "zip");
  CHECK(got.content("a/x") == "stored");
  CHECK(got.content("y") == std::string(5000, 'y'));
  CHECK(got.content("z") == "z");
  CHECK(kinds(unpack(ZipBuilder().add("../x", "1").add("/y", "2").finish())) == Kinds{escape, escape});
  CHECK(kinds(unpack(ZipBuilder().add("x", "1").add("x", "2").finish())) == Kinds{duplicate});
  CHECK(kinds(unpack(ZipBuilder().add("x", "1", {.local_name = "y"}).finish())) == Kinds{unreadable});
  CHECK(kinds(unpack(ZipBuilder().add("x", "1", {.crc = 7}).finish())) == Kinds{unreadable});
  CHECK(kinds(unpack(ZipBuilder().add_deflated("x", "1", {.central_size = 9000}).finish())) ==
        Kinds{unreadable});
  CHECK(kinds(unpack(ZipBuilder().add("x", "1", {.flags = 1}).finish())) == Kinds{unreadable});
  CHECK(kinds(unpack(ZipBuilder().add("x", "1", {.method = 99}).finish())) == Kinds{unreadable});
  for (std::size_t size = 0; size < good.size(); ++size) {
    CHECK_FALSE(unpack(good.substr(0, size)).facts.whole);
  }
  std::mt19937 random(2);
  for (int i = 0; i < 300; ++i) {
    std::string changed = good;
    changed[random() % changed.size()] ^= static_cast<char>(1U << (random() % 8));
    unpack(changed);
  }
}

TEST_CASE("numbers of tar headers") {
  const auto number = [](std::string text) {
    text.resize(12, '\0');
    return tar_number(as_bytes(text), 0, 12);
  };
  CHECK(number("0000644") == 0644);
  CHECK(number("   12 ") == 10);
  CHECK(number("") == 0);
  CHECK(number("12x") == std::nullopt);
  CHECK(number("9") == std::nullopt);
  CHECK(tar_number(as_bytes(std::string_view("\x80\0\0\0\0\0\0\2\0\0\0\0", 12)), 0, 12) == std::int64_t{1}
                                                                                               << 33U);
  CHECK(tar_number(as_bytes(std::string(12, '\xff')), 0, 12) == -1);
  CHECK(tar_number(as_bytes("\x80" + std::string(11, '\xff')), 0, 12) == std::nullopt);
  CHECK(pax_time("1.5") == 1'500'000'000);
  CHECK(pax_time("-1.25") == -1'250'000'000);
  CHECK(pax_time("99999999999999999999") == std::nullopt);
  CHECK(pax_time("") == std::nullopt);
}

TEST_CASE("links are resolved without the disk") {
  LinkTable links;
  links.set({"a"}, "b/c");
  links.set({"b", "c"}, "../d");
  links.set({"out"}, "../x");
  links.set({"abs"}, "/etc");
  CHECK(links.resolve({"a", "f"}) == EntryPath{"d", "f"});
  CHECK(links.resolve({"a"}) == EntryPath{"a"});
  CHECK(links.resolve({"out", "f"}) == std::nullopt);
  CHECK(links.resolve({"abs", "f"}) == std::nullopt);
  CHECK(links.destination({"e", "l"}, "../a/../f") == EntryPath{"f"});
  CHECK(links.destination({"e", "l"}, "../..") == std::nullopt);
  CHECK(links.destination({"e", "l"}, "/e") == std::nullopt);
  CHECK(links.destination({"l"}, ".") == EntryPath{});
}

}  // namespace
}  // namespace runup
