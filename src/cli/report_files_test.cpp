// SPDX-License-Identifier: Apache-2.0
#include "cli/report_files.h"

#include <sys/stat.h>
#include <unistd.h>

#include <catch2/catch_test_macros.hpp>
#include <filesystem>

#include "base/bytes.h"

using namespace runup;
namespace fs = std::filesystem;

namespace {

struct Folder {
  Folder() {
    std::string name = fs::temp_directory_path() / "runup-test-XXXXXX";
    path = ::mkdtemp(name.data());
  }
  ~Folder() { fs::remove_all(path); }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  std::string operator/(const char* name) const { return path / name; }
  fs::path path;
};

std::string refusal(const std::vector<std::string>& arguments) {
  const auto targets = read_report_targets(arguments);
  return targets ? "accepted" : targets.error().message;
}

}  // namespace

TEST_CASE("reports: text goes to standard output when nothing else does") {
  const Folder folder;
  const auto none = read_report_targets({});
  REQUIRE(none);
  REQUIRE(none->size() == 1);
  CHECK(none->front().format->name == "text");
  CHECK(none->front().path.empty());

  const auto file = read_report_targets({"junit=" + (folder / "a.xml")});
  REQUIRE(file);
  CHECK(file->size() == 2);

  const auto json =
      read_report_targets({"json=-", "junit=" + (folder / "a.xml"), "text=" + (folder / "b.txt")});
  REQUIRE(json);
  CHECK(json->size() == 3);
}

TEST_CASE("reports: what cannot be written is refused before anything runs") {
  const Folder folder;
  CHECK(refusal({"jason"}) == "there is no report format `jason`; did you mean `json`?");
  CHECK(
      refusal({"xyz"}) ==
      "there is no report format `xyz`; there are `github`, `json`, `junit`, `markdown`, `sarif` and `text`");
  CHECK(refusal({"json", "text"}).starts_with("two reports go to standard output"));
  CHECK(refusal({"json=" + (folder / "a"), "text=" + (folder / "a")}).starts_with("two reports go to `"));
  CHECK(refusal({"json="}).contains("names no file"));
  CHECK(refusal({"json=" + (folder / "")}).contains("it is a folder"));
  CHECK(refusal({"json=" + (folder / "no/a.json")}).contains("there is no folder"));
  REQUIRE(write_file_atomically(folder / "file", "x"));
  CHECK(refusal({"json=" + (folder / "file/a.json")}).contains("is no folder"));
}

TEST_CASE("reports: a file is replaced, a link stays a link, a device stays a device") {
  const Folder folder;
  const auto reporters = built_in_reporters();
  ReportTarget target{.format = reporters.front().info, .path = folder / "real.json"};
  REQUIRE(write_report(target, "first"));
  fs::create_symlink("real.json", folder / "link.json");
  target.path = folder / "link.json";
  REQUIRE(write_report(target, "second"));
  CHECK(fs::is_symlink(folder / "link.json"));
  CHECK(*read_file(folder / "real.json", 100) == "second");

  target.path = "/dev/null";
  REQUIRE(write_report(target, "gone"));
  CHECK(fs::is_character_file("/dev/null"));
  target.path = "/dev/full";
  CHECK(!write_report(target, "too much"));
}
