// SPDX-License-Identifier: Apache-2.0
#include <filesystem>
#include <fstream>

#include <catch2/catch_test_macros.hpp>

#include "base/bytes.h"
#include "base/codec.h"
#include "base/text.h"
#include "base/timestamp.h"

using namespace runup;

TEST_CASE("durations need a unit") {
  CHECK(parse_duration("500ms")->nanoseconds == 500'000'000);
  CHECK(parse_duration(" 1.5 s ")->nanoseconds == 1'500'000'000);
  CHECK(parse_duration("2m")->nanoseconds == 120'000'000'000);
  CHECK(parse_duration("0s")->nanoseconds == 0);
  for (const char* bad : {"", "5", "ms", "-1s", "5 seconds", "nans", "infs", "1e30h", "1s1s", "0x10s"}) {
    INFO(bad);
    CHECK_FALSE(parse_duration(bad));
  }
  CHECK(parse_duration("500").error().message ==
        "`500` has no unit; expected a duration such as `500ms` (units: ns, us, ms, s, m, h)");
}

TEST_CASE("durations and sizes are shown in the unit that suits") {
  CHECK(format_duration({0}) == "0 ms");
  CHECK(format_duration({999}) == "999 ns");
  CHECK(format_duration({41'200'000}) == "41.2 ms");
  CHECK(format_duration({999'960'000}) == "1.00 s");
  CHECK(format_duration(Duration::from_seconds(200)) == "3 min 20 s");
  CHECK(format_duration(Duration::from_seconds(7260)) == "2 h 1 min");
  CHECK(format_bytes(134) == "134 B");
  CHECK(format_bytes(1'216'000) == "1.16 MiB");
  CHECK(format_bytes(1'048'575) == "1.00 MiB");
  CHECK(parse_byte_size("512MiB")->bytes == 536'870'912);
  CHECK_FALSE(parse_byte_size("512"));
}

TEST_CASE("UTF-8 is judged as RFC 3629 says") {
  CHECK(is_valid_utf8("안녕 \xf0\x9f\x98\x80"));
  CHECK_FALSE(is_valid_utf8("\xc0\xaf"));
  CHECK_FALSE(is_valid_utf8("\xed\xa0\x80"));
  CHECK_FALSE(is_valid_utf8("\xf4\x90\x80\x80"));
  CHECK_FALSE(is_valid_utf8("\xe4\xb8"));
  CHECK(printable("a\x1b[31m\xff\u202e") == "a\\x1b[31m\uFFFD\\u202e");
  CHECK(display_width("안녕") == 4);
  CHECK(display_width("e\u0301") == 1);
}

TEST_CASE("words are joined for sentences") {
  const std::vector<std::string> words{"a", "b", "c"};
  CHECK(join_words(words) == "a, b and c");
  CHECK(join_quoted(words, 2) == "`a`, `b` and 1 more");
  CHECK(join_words({}) == "");
  CHECK(shape_text(std::vector<std::int64_t>{1, 300, 147}) == "[1, 300, 147]");
}

TEST_CASE("did you mean finds the near word and nothing else") {
  const std::vector<std::string> keys{"device", "labels", "inputs"};
  CHECK(did_you_mean("devcie", keys) == "device");
  CHECK(did_you_mean("label", keys) == "labels");
  CHECK_FALSE(did_you_mean("architecture", keys));
  CHECK_FALSE(did_you_mean("", keys));
}

TEST_CASE("JSON is bounded") {
  CHECK(parse_json("[1]", 10));
  CHECK_FALSE(parse_json("[1]", 2));
  CHECK(parse_json(std::string(101, '['), 1000).error().code == ErrorCode::limit);
  CHECK_FALSE(parse_json("\"\xff\"", 1000));
  CHECK_FALSE(parse_json("{\"a\":", 1000));
}

TEST_CASE("files are written whole or not at all") {
  const auto folder = std::filesystem::temp_directory_path() / "runup-base-test";
  std::filesystem::create_directories(folder);
  const std::string path = folder / "x.txt";
  REQUIRE(write_file_atomically(path, "old"));
  REQUIRE(write_file_atomically(path, "new"));
  CHECK(read_file(path, 100) == "new");
  CHECK(read_file(path, 2).error().code == ErrorCode::limit);
  CHECK_FALSE(write_file_atomically(folder / "absent" / "x.txt", "new"));
  CHECK(read_file(folder, 100).error().message ==
        "`" + folder.string() + "` is a folder; expected a regular file");
  CHECK(read_file(folder / "y", 100).error().code == ErrorCode::not_found);
  CHECK(std::distance(std::filesystem::directory_iterator(folder), {}) == 1);
  std::filesystem::remove_all(folder);
}

TEST_CASE("a mapped file shows its bytes; SHA-256 is that of FIPS 180-2's example") {
  const std::string path = std::filesystem::temp_directory_path() / "runup-mapped-test";
  REQUIRE(write_file_atomically(path, "abc"));
  auto mapped = MappedFile::open(path);
  REQUIRE(mapped);
  CHECK(as_text(mapped->bytes()) == "abc");
  CHECK(sha256_hex(mapped->bytes()) == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  std::filesystem::remove(path);
  CHECK_FALSE(MappedFile::open("/dev/null"));
}

TEST_CASE("times of day are read with their offsets") {
  // by `date -u -d TEXT +%s`
  CHECK(seconds_since_1970("2026-11-25T01:23:22Z") == 1795569802);
  CHECK(seconds_since_1970("2026-11-25T01:23:22.987654Z") == 1795569802);
  CHECK(seconds_since_1970("2026-11-25T10:23:22+09:00") == 1795569802);
  CHECK(seconds_since_1970("2026-11-24T20:53:22-04:30") == 1795569802);
  CHECK(seconds_since_1970("1969-12-31T23:59:59Z") == -1);
  CHECK(seconds_since_1970("2024-02-29T00:00:00Z") == 1709164800);
  for (const char* wrong :
       {"", "2026", "2026-11-25", "2026-11-25T01:23:22", "2026-11-25 01:23:22Z", "2026-13-25T01:23:22Z",
        "2025-02-29T00:00:00Z", "2026-11-25T24:00:00Z", "2026-11-25T01:23:22ZZ", "2026-11-25T01:23:22+9:00",
        "2026-11-25T01:23:22+09:00x", "+026-11-25T01:23:22Z", "2026-11-25T01:23:2 Z"}) {
    INFO(wrong);
    CHECK_FALSE(seconds_since_1970(wrong));
  }
}
