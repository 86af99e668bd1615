// SPDX-License-Identifier: Apache-2.0
#include "history/history.h"

#include <fcntl.h>
#include <sqlite3.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <format>
#include <fstream>
#include <memory>
#include <random>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include <catch2/catch_test_macros.hpp>

#include "base/bytes.h"
#include "base/scratch_folder.h"
#include "canonical_reports.h"
#include "report/summary.h"

using namespace runup;
using namespace runup::testing;
namespace fs = std::filesystem;

namespace {

constexpr std::size_t kMostBytes = std::size_t{256} << 20U;

// A folder of its own, and the history in it.
struct Place {
  ScratchFolder folder = *ScratchFolder::make("runup-history-");
  std::string file = folder.path() + "/history.db";

  History open() const {
    auto history = History::open(file);
    INFO((history ? "" : history.error().describe()));
    REQUIRE(history);
    return std::move(*history);
  }
};

std::int64_t add(History& history, const Report& report, const Retention& retention = {}) {
  const auto run = history.add(report, retention);
  INFO((run ? "" : run.error().describe()));
  REQUIRE(run);
  return *run;
}

// A report of `target`, started `minutes` after midnight of the frame's day.
Report report_at(int minutes, Report report = ready_report(), const std::string& target = "sign") {
  report.target = target;
  const std::chrono::sys_seconds start =
      std::chrono::sys_days(std::chrono::year(2026) / 11 / 25) + std::chrono::minutes(minutes);
  report.started = std::format("{:%FT%TZ}", start);
  return report;
}

Report with_time(Report report, std::int64_t milliseconds) {
  const Duration value = Duration::from_milliseconds(milliseconds);
  report.measurements = {{.model = "sign",
                          .name = "load",
                          .value = value + value,
                          .low = value,
                          .high = value + value + value,
                          .count = 3,
                          .witness = "libtorch 2.6.0 on cpu"},
                         {.model = "sign",
                          .name = "p95",
                          .value = value,
                          .low = value - Duration{.nanoseconds = 1},
                          .high = value + Duration{.nanoseconds = 1},
                          .count = 200,
                          .witness = "libtorch 2.6.0 on cpu"}};
  return report;
}

std::vector<std::int64_t> numbers(const Result<std::vector<RunSummary>>& runs) {
  REQUIRE(runs);
  std::vector<std::int64_t> found;
  for (const RunSummary& run : *runs) {
    found.push_back(run.run);
  }
  return found;
}

using Numbers = std::vector<std::int64_t>;

// SQL on the file, past our own code.
void change(const std::string& file, const std::string& sql) {
  sqlite3* raw = nullptr;
  REQUIRE(sqlite3_open(file.c_str(), &raw) == SQLITE_OK);
  const std::unique_ptr<sqlite3, int (*)(sqlite3*)> database(raw, sqlite3_close);
  INFO(sql);
  const int code = sqlite3_exec(raw, sql.c_str(), nullptr, nullptr, nullptr);
  INFO(sqlite3_errmsg(raw));
  REQUIRE(code == SQLITE_OK);
}

std::string content(const std::string& file) {
  const auto bytes = read_file(file, kMostBytes);
  REQUIRE(bytes);
  return *bytes;
}

void check_refused(const std::string& file, ErrorCode code, std::string_view words) {
  for (const auto& [how, history] :
       {std::pair{"open", History::open(file)}, std::pair{"open_to_read", History::open_to_read(file)}}) {
    INFO(how);
    REQUIRE_FALSE(history.has_value());
    INFO(history.error().describe());
    CHECK(history.error().code == code);
    CHECK(history.error().message.contains(words));
    CHECK(history.error().message.contains(file));
  }
}

// What `work` returns in a child process that is another user where this one is root: permissions do not bind root.
int as_somebody(const std::string& folder, int (*work)(const std::string&)) {
  const pid_t child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    if (::geteuid() == 0 && (::setgid(65534) != 0 || ::setuid(65534) != 0)) {
      ::_exit(99);
    }
    ::_exit(work(folder));
  }
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  REQUIRE(WIFEXITED(status));
  return WEXITSTATUS(status);
}

}  // namespace

TEST_CASE("every report comes back as it was") {
  const Place place;
  std::vector<std::pair<std::int64_t, Report>> added;
  {
    History history = place.open();
    for (const CanonicalReport& one : canonical_reports()) {
      added.emplace_back(add(history, one.report), one.report);
    }
    added.emplace_back(add(history, with_time(report_at(7), 41)), with_time(report_at(7), 41));
    Report audit = warnings_report();
    audit.profile = "audit";
    audit.files = {{.model = "sign",
                    .path = "/srv/모델.pth",
                    .sha256 = std::string(64, 'a'),
                    .bytes = ~std::uint64_t{0},
                    .modified_ns = -1,
                    .changed_ns = 1'790'000'000'123'456'789,
                    .inode = 7}};
    added.emplace_back(add(history, audit), audit);
  }
  for (const History& history : {place.open(), *History::open_to_read(place.file)}) {
    for (const auto& [run, report] : added) {
      const auto read = history.report(run);
      INFO(run << " " << report.verdict_reason);
      REQUIRE(read);
      CHECK(*read == report);
      const auto summary = history.runs({.most = 1, .before = run + 1});
      REQUIRE(summary);
      REQUIRE(summary->size() == 1);
      const ReportCounts counts = count(report.results);
      CHECK(summary->front() == RunSummary{.run = run,
                                           .target = report.target,
                                           .started = report.started,
                                           .took = report.took,
                                           .verdict = report.verdict,
                                           .verdict_reason = report.verdict_reason,
                                           .profile = report.profile,
                                           .config = report.config,
                                           .failed = counts.failed,
                                           .undecided = counts.undecided,
                                           .warnings = counts.warnings});
    }
  }
}

TEST_CASE("a report of which the start cannot be told is refused") {
  const Place place;
  History history = place.open();
  Report report = ready_report();
  report.started = "yesterday";
  const auto run = history.add(report);
  REQUIRE_FALSE(run);
  CHECK(run.error().message.contains("`yesterday`"));
  CHECK(numbers(history.runs({})).empty());
}

TEST_CASE("a number is never given twice") {
  const Place place;
  {
    History history = place.open();
    CHECK(add(history, report_at(0, undecided_report())) == 1);
    CHECK(add(history, report_at(1, undecided_report())) == 2);
    CHECK(add(history, report_at(2, undecided_report()), {.runs = 1}) == 3);
    CHECK(numbers(history.runs({})) == Numbers{3});
  }
  change(place.file, "PRAGMA foreign_keys = ON; DELETE FROM runs");
  History history = place.open();
  CHECK(add(history, report_at(3)) == 4);
}

TEST_CASE("runs are found by target, verdict and number") {
  const Place place;
  History history = place.open();
  add(history, report_at(0, ready_report(), "sign"));            // 1
  add(history, report_at(1, not_ready_report(), "sign"));        // 2
  add(history, report_at(2, ready_report(), "face"));            // 3
  add(history, report_at(3, ready_report(), "sign"));            // 4
  add(history, report_at(4, undecided_report(), "sign"));        // 5
  add(history, report_at(5, not_ready_report(), "weißes\xff"));  // 6

  CHECK(numbers(history.runs({})) == Numbers{6, 5, 4, 3, 2, 1});
  CHECK(numbers(history.runs({.most = 2})) == Numbers{6, 5});
  CHECK(numbers(history.runs({.most = 0})).empty());
  CHECK(numbers(history.runs({.target = "sign"})) == Numbers{5, 4, 2, 1});
  CHECK(numbers(history.runs({.target = "sign", .before = 4})) == Numbers{2, 1});
  CHECK(numbers(history.runs({.target = "sign", .verdict = Verdict::ready})) == Numbers{4, 1});
  CHECK(numbers(history.runs({.target = "sign", .before = 4, .verdict = Verdict::ready})) == Numbers{1});
  CHECK(numbers(history.runs({.verdict = Verdict::not_ready})) == Numbers{6, 2});
  CHECK(numbers(history.runs({.target = "none"})).empty());

  CHECK((*history.last("sign"))->run == 5);
  CHECK((*history.last("sign", Verdict::ready))->run == 4);
  CHECK((*history.last("weißes\xff"))->run == 6);
  CHECK_FALSE(*history.last("face", Verdict::not_ready));
  CHECK_FALSE(*history.last("none"));
  CHECK(*history.targets() == std::vector<std::string>{"weißes\xff", "face", "sign"});

  const auto missing = history.report(77);
  REQUIRE_FALSE(missing);
  CHECK(missing.error().code == ErrorCode::not_found);
  CHECK(missing.error().message.contains("run 77"));
}

TEST_CASE("a series of times is told newest first, of its own target, model and name alone") {
  const Place place;
  History history = place.open();
  add(history, with_time(report_at(0), 41));
  add(history, with_time(report_at(1, ready_report(), "face"), 9));
  add(history, report_at(2));
  add(history, with_time(report_at(3), 63));
  const auto series = history.times("sign", "sign", "p95", 10);
  REQUIRE(series);
  REQUIRE(series->size() == 2);
  CHECK(series->at(0).run == 4);
  CHECK(series->at(0).started == "2026-11-25T00:03:00Z");
  CHECK(series->at(0).measurement == with_time({}, 63).measurements[1]);
  CHECK(series->at(1).run == 1);
  CHECK(series->at(1).measurement == with_time({}, 41).measurements[1]);
  CHECK(history.times("sign", "sign", "load", 1)->size() == 1);
  CHECK(history.times("sign", "other", "p95", 10)->empty());
  CHECK(history.times("sign", "sign", "p50", 10)->empty());
}

TEST_CASE("what is no longer kept goes whole, and the last ready run stays") {
  const Place place;
  History history = place.open();
  const Retention three{.runs = 3};
  add(history, with_time(report_at(0), 40), three);           // 1: ready, not the last
  add(history, with_time(report_at(1), 41), three);           // 2: the last ready one
  add(history, report_at(2, ready_report(), "face"), three);  // 3: of another target
  for (int minute = 3; minute < 9; ++minute) {
    add(history, with_time(report_at(minute, not_ready_report()), 50), three);  // 4 to 9
  }
  CHECK(numbers(history.runs({.target = "sign"})) == Numbers{9, 8, 7, 2});
  CHECK(numbers(history.runs({.target = "face"})) == Numbers{3});
  CHECK(history.report(2));
  CHECK_FALSE(history.report(4));
  CHECK(history.times("sign", "sign", "p95", 100)->size() == 4);

  // Nothing is left of the others, in any table.
  for (const char* table : {"reports", "outcomes", "times"}) {
    change(place.file,
           std::format("CREATE TEMP TABLE none(run INTEGER CHECK (run IS NULL)); INSERT INTO none SELECT "
                       "run FROM {} WHERE run NOT IN (SELECT run FROM runs)",
                       table));
  }
  // A newer ready run takes the place of the last one.
  add(history, report_at(10), three);
  CHECK(numbers(history.runs({.target = "sign"})) == Numbers{10, 9, 8});
  // The newest stays, whatever is asked for.
  add(history, report_at(11, undecided_report()), {.runs = 0, .age = {}});
  CHECK(numbers(history.runs({.target = "sign"})) == Numbers{11, 10});
}

TEST_CASE("runs that are too old go, also of targets that nobody audits any more") {
  const Place place;
  History history = place.open();
  add(history, report_at(0, not_ready_report(), "gone"));   // 1
  add(history, report_at(0, ready_report(), "kept"));       // 2
  add(history, report_at(0, undecided_report(), "sign"));   // 3
  add(history, report_at(59, undecided_report(), "sign"));  // 4
  const Retention hour{.age = Duration::from_seconds(3600)};
  add(history, report_at(60, undecided_report(), "sign"),
      hour);  // 5: the first three are an hour old, no more
  CHECK(numbers(history.runs({})) == Numbers{5, 4, 3, 2, 1});
  add(history, report_at(61, undecided_report(), "sign"), hour);
  CHECK(numbers(history.runs({})) == Numbers{6, 5, 4, 2});
}

TEST_CASE("the file is the group's to read, and its folder is made") {
  const Place place;
  const std::string file = place.folder.path() + "/a/b/history.db";
  const mode_t before = ::umask(0);
  {
    History history = *History::open(file);
    add(history, ready_report());
    struct stat status{};
    for (const auto& [path, mode] : {std::pair{file, 0640},
                                     {file + "-wal", 0640},
                                     {place.folder.path() + "/a", 0750},
                                     {place.folder.path() + "/a/b", 0750}}) {
      INFO(path);
      REQUIRE(::stat(path.c_str(), &status) == 0);
      CHECK((status.st_mode & 07777) == static_cast<mode_t>(mode));
    }
  }
  ::umask(before);
}

TEST_CASE("root leaves a history to the owner of its folder") {
  if (::geteuid() != 0) {
    SKIP("only root can give a file away");
  }
  const Place place;
  REQUIRE(::chown(place.folder.path().c_str(), 65534, 65534) == 0);
  History history = place.open();
  add(history, ready_report());
  for (const char* name : {"", "-wal", "-shm"}) {
    struct stat status{};
    INFO(name);
    REQUIRE(::stat((place.file + name).c_str(), &status) == 0);
    CHECK(status.st_uid == 65534);
  }
}

TEST_CASE("no file is made through a symbolic link, and none that is no file is opened") {
  const Place place;
  const std::string elsewhere = place.folder.path() + "/elsewhere";
  fs::create_symlink(elsewhere, place.file);
  const auto through = History::open(place.file);
  REQUIRE_FALSE(through);
  CHECK_FALSE(fs::exists(elsewhere));

  const std::string fifo = place.folder.path() + "/fifo";
  REQUIRE(::mkfifo(fifo.c_str(), 0600) == 0);
  check_refused(fifo, ErrorCode::bad_input, "a special file");
  check_refused(place.folder.path(), ErrorCode::bad_input, "a folder");
}

TEST_CASE("where there is no history, reading says so and makes none") {
  const Place place;
  const auto history = History::open_to_read(place.file);
  REQUIRE_FALSE(history);
  CHECK(history.error().code == ErrorCode::not_found);
  CHECK(history.error().message == std::format("there is no history at `{}`", place.file));
  CHECK_FALSE(fs::exists(place.file));

  std::ofstream(place.file).flush();
  const auto empty = History::open_to_read(place.file);
  REQUIRE_FALSE(empty);
  CHECK(empty.error().code == ErrorCode::not_found);
  CHECK(empty.error().message.contains("no run is recorded"));
  CHECK(content(place.file).empty());
  // An empty file is what a process leaves that is killed right after it made it.
  History history_of_it = place.open();
  CHECK(add(history_of_it, ready_report()) == 1);
}

TEST_CASE("a newer runup's history is left to it") {
  const Place place;
  {
    History history = place.open();
    add(history, ready_report());
  }
  change(place.file, "PRAGMA user_version = 99");
  const std::string before = content(place.file);
  check_refused(place.file, ErrorCode::unsupported, "has form 99");
  CHECK(content(place.file) == before);
}

TEST_CASE("another program's file is not touched") {
  const Place place;
  SECTION("an SQLite file with tables") { change(place.file, "CREATE TABLE runs (run INTEGER PRIMARY KEY)"); }
  SECTION("an SQLite file of another application, without tables") {
    change(place.file, "PRAGMA application_id = 1; VACUUM");
  }
  const std::string before = content(place.file);
  check_refused(place.file, ErrorCode::bad_input, "another program");
  CHECK(content(place.file) == before);
}

TEST_CASE("what is no SQLite file is not touched") {
  const Place place;
  std::string text;
  SECTION("short") { text = "hello"; }
  SECTION("one byte") { text = "x"; }
  SECTION("as long as a page") { text = std::string(4096, 'x'); }
  SECTION("long") { text = std::string(100'000, '\0'); }
  SECTION("the first bytes of one") { text = std::string("SQLite format 3\0", 16); }
  SECTION("the first bytes of one, and more") {
    text = std::string("SQLite format 3\0", 16) + std::string(9000, '\x7f');
  }
  std::ofstream(place.file, std::ios::binary) << text;
  check_refused(place.file, ErrorCode::bad_input, "move it away");
  CHECK(content(place.file) == text);
  CHECK(sha256_hex(as_bytes(content(place.file))) == sha256_hex(as_bytes(text)));
}

TEST_CASE("a damaged history is an error that names it, never a crash") {
  const Place whole;
  {
    History history = whole.open();
    for (int minute = 0; minute < 40; ++minute) {
      add(history,
          with_time(report_at(minute, minute % 2 == 0 ? hostile_report() : warnings_report()), minute + 1));
    }
  }
  const std::string good = content(whole.file);
  std::mt19937 random(1);
  std::size_t refused = 0;
  for (int round = 0; round < 90; ++round) {
    std::string bad = good;
    if (round % 3 == 0) {
      bad.resize(random() % good.size());
    } else {
      // a page, or some bytes, behind the header
      const std::size_t length = round % 3 == 1 ? 4096 : 1 + random() % 64;
      const std::size_t from = 100 + random() % (good.size() - 100 - length);
      for (std::size_t i = 0; i < length; ++i) {
        bad[from + i] = static_cast<char>(random());
      }
    }
    const Place place;
    std::ofstream(place.file, std::ios::binary) << bad;
    INFO("round " << round);
    const auto note = [&](const auto& result) {
      if (!result) {
        ++refused;
        INFO(result.error().describe());
        CHECK(result.error().message.contains(place.file));
      }
    };
    auto reading = History::open_to_read(place.file);
    note(reading);
    if (reading) {
      note(reading->runs({.most = 100}));
      note(reading->targets());
      note(reading->times("sign", "sign", "p95", 100));
      for (std::int64_t run = 1; run <= 40; run += 3) {
        note(reading->report(run));
      }
    }
    auto writing = History::open(place.file);
    note(writing);
    if (writing) {
      note(writing->add(report_at(100), {.runs = 10}));
    }
  }
  CHECK(refused > 60);
}

TEST_CASE("reports in the file that are not what they claim are refused") {
  const Place place;
  {
    History history = place.open();
    add(history, ready_report());
  }
  for (const char* sql :
       {"UPDATE reports SET json_bytes = 1 << 60", "UPDATE reports SET json_bytes = 200000000",
        "UPDATE reports SET json_bytes = -1", "UPDATE reports SET json_bytes = 0",
        "UPDATE reports SET json_zlib = x'00'", "UPDATE reports SET json_zlib = x''",
        // zlib's form of `{}`, by Python's zlib.compress(b'{}')
        "UPDATE reports SET json_bytes = 2, json_zlib = x'789cabae0500017500f9'"}) {
    change(place.file, sql);
    const auto report = History::open_to_read(place.file)->report(1);
    INFO(sql);
    REQUIRE_FALSE(report);
    INFO(report.error().describe());
    CHECK(report.error().code == ErrorCode::bad_input);
    CHECK(report.error().message.contains("is damaged (the report of run 1 cannot be read)"));
  }
  change(place.file, "UPDATE runs SET verdict = 'fine'");
  const auto runs = History::open_to_read(place.file)->runs({});
  REQUIRE_FALSE(runs);
  CHECK(runs.error().message.contains("run 1 cannot be read"));
}

TEST_CASE("a history is read where its folder cannot be written") {
  const Place place;
  {
    History history = place.open();
    add(history, ready_report());
  }
  REQUIRE_FALSE(fs::exists(place.file + "-wal"));
  REQUIRE(::chmod(place.file.c_str(), 0444) == 0);
  REQUIRE(::chmod(place.folder.path().c_str(), 0555) == 0);
  const int read = as_somebody(place.file, [](const std::string& file) {
    const auto history = History::open_to_read(file);
    const auto runs = history ? history->runs({}) : std::unexpected(history.error());
    return runs && runs->size() == 1 && history->report(1) ? 0 : 1;
  });
  CHECK(read == 0);
  const int written = as_somebody(place.file, [](const std::string& file) {
    const auto history = History::open(file);
    return !history && history.error().code == ErrorCode::unreadable &&
                   history.error().message.contains("writable")
               ? 0
               : 1;
  });
  CHECK(written == 0);
  // beside a daemon that has it open
  REQUIRE(::chmod(place.folder.path().c_str(), 0755) == 0);
  REQUIRE(::chmod(place.file.c_str(), 0644) == 0);
  {
    History daemon = place.open();
    add(daemon, ready_report());
    REQUIRE(::chmod(place.folder.path().c_str(), 0555) == 0);
    const int both = as_somebody(place.file, [](const std::string& file) {
      const auto history = History::open_to_read(file);
      const auto runs = history ? history->runs({}) : std::unexpected(history.error());
      return runs && runs->size() == 2 ? 0 : 1;
    });
    CHECK(both == 0);
  }
  REQUIRE(::chmod(place.folder.path().c_str(), 0700) == 0);

  REQUIRE(::chmod(place.file.c_str(), 0600) == 0);
  REQUIRE(::chmod(place.folder.path().c_str(), 0755) == 0);
  if (::geteuid() == 0) {
    const int hidden = as_somebody(place.file, [](const std::string& file) {
      const auto history = History::open_to_read(file);
      return !history && history.error().code == ErrorCode::unreadable ? 0 : 1;
    });
    CHECK(hidden == 0);
  }
}

TEST_CASE("a disk that is full is said, and what was there stays") {
  const Place place;
  {
    History history = place.open();
    add(history, ready_report());
  }
  const pid_t child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    // The system refuses to let a file grow beyond the limit, as it does when the disk has no more room.
    std::signal(SIGXFSZ, SIG_IGN);
    const rlimit limit{.rlim_cur = 400'000, .rlim_max = 400'000};
    ::setrlimit(RLIMIT_FSIZE, &limit);
    auto full = History::open(place.file);
    for (int i = 0; full && i < 100; ++i) {
      const auto run = full->add(report_at(i, hostile_report()));
      if (!run) {
        const bool said = run.error().code == ErrorCode::system &&
                          run.error().message.contains("free some space") &&
                          run.error().message.contains(place.file);
        ::_exit(said ? 0 : 1);
      }
    }
    ::_exit(2);
  }
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  REQUIRE(WIFEXITED(status));
  CHECK(WEXITSTATUS(status) == 0);

  // with room again, it goes on
  History history = place.open();
  const std::size_t before = history.runs({.most = 1000})->size();
  CHECK(before > 1);
  for (const std::int64_t run : numbers(history.runs({.most = 1000}))) {
    CHECK(history.report(run));
  }
  add(history, ready_report());
  CHECK(history.runs({.most = 1000})->size() == before + 1);
}

TEST_CASE("writers wait for each other, and readers for nobody") {
  const Place place;
  constexpr int kWriters = 3;
  constexpr int kRuns = 20;
  std::vector<pid_t> children;
  // The file is not there yet: all of them make it.
  for (int writer = 0; writer < kWriters; ++writer) {
    const pid_t child = ::fork();
    REQUIRE(child >= 0);
    if (child == 0) {
      auto history = History::open(place.file);
      for (int i = 0; history && i < kRuns; ++i) {
        if (!history->add(with_time(report_at(i, ready_report(), std::format("target {}", writer)), i))) {
          ::_exit(1);
        }
      }
      ::_exit(history ? 0 : 2);
    }
    children.push_back(child);
  }
  for (const pid_t child : children) {
    int status = 0;
    REQUIRE(::waitpid(child, &status, 0) == child);
    CHECK(status == 0);
  }
  History history = place.open();
  const Numbers found = numbers(history.runs({.most = 1000}));
  CHECK(std::set(found.begin(), found.end()).size() == kWriters * kRuns);
  CHECK(history.targets()->size() == kWriters);

  // A reader in the middle of a writer's transaction sees what was there before it.
  sqlite3* raw = nullptr;
  REQUIRE(sqlite3_open(place.file.c_str(), &raw) == SQLITE_OK);
  REQUIRE(sqlite3_exec(raw, "BEGIN IMMEDIATE; DELETE FROM runs", nullptr, nullptr, nullptr) == SQLITE_OK);
  CHECK(History::open_to_read(place.file)->runs({.most = 1000})->size() == kWriters * kRuns);
  sqlite3_close(raw);
}

TEST_CASE("a history that stays locked is said to be") {
  const Place place;
  History history = place.open();
  sqlite3* raw = nullptr;
  REQUIRE(sqlite3_open(place.file.c_str(), &raw) == SQLITE_OK);
  REQUIRE(sqlite3_exec(raw, "BEGIN IMMEDIATE", nullptr, nullptr, nullptr) == SQLITE_OK);
  const Duration start = steady_now();
  const auto run = history.add(ready_report());
  CHECK((steady_now() - start).seconds() > 4.5);
  sqlite3_close(raw);
  REQUIRE_FALSE(run);
  CHECK(run.error().code == ErrorCode::system);
  CHECK(run.error().message.contains("locked by another process"));
  CHECK(add(history, ready_report()) == 1);
}

TEST_CASE("names of files that SQLite would take for something else") {
  const Place place;
  for (const char* name : {":memory:", "file:x?mode=memory", "a b%20?c#d", "한글.db"}) {
    INFO(name);
    const std::string file = place.folder.path() + "/" + name;
    {
      History history = *History::open(file);
      add(history, ready_report());
    }
    CHECK(fs::is_regular_file(file));
    CHECK(History::open_to_read(file)->report(1));
  }
}

TEST_CASE("the usual place follows the environment") {
  const std::vector<const char*> names{"RUNUP_HISTORY", "STATE_DIRECTORY", "XDG_STATE_HOME", "HOME"};
  std::vector<std::pair<const char*, std::optional<std::string>>> before;
  for (const char* name : names) {
    const char* value = std::getenv(name);
    before.emplace_back(name, value == nullptr ? std::nullopt : std::optional<std::string>(value));
    ::unsetenv(name);
  }
  ::setenv("HOME", "/home/ada", 1);
  const bool host = ::geteuid() == 0 || ::access("/var/lib/runup/history.db", R_OK) == 0;
  CHECK(usual_history_path() ==
        (host ? "/var/lib/runup/history.db" : "/home/ada/.local/state/runup/history.db"));
  ::setenv("XDG_STATE_HOME", "/state", 1);
  CHECK(usual_history_path() == (host ? "/var/lib/runup/history.db" : "/state/runup/history.db"));
  ::setenv("STATE_DIRECTORY", "/var/lib/runup:/var/lib/other", 1);
  CHECK(usual_history_path() == "/var/lib/runup/history.db");
  ::setenv("RUNUP_HISTORY", "/tmp/x.db", 1);
  CHECK(usual_history_path() == "/tmp/x.db");
  for (const auto& [name, value] : before) {
    value ? ::setenv(name, value->c_str(), 1) : ::unsetenv(name);
  }
}
