// SPDX-License-Identifier: Apache-2.0
// How a history file is made and opened.

#include <fcntl.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <format>
#include <thread>

#include "base/bytes.h"
#include "base/text.h"
#include "form.h"
#include "history/history.h"
#include "statement.h"

namespace runup {

namespace {

namespace fs = std::filesystem;

constexpr mode_t kFolderMode = 0750;
constexpr mode_t kFileMode = 0640;
constexpr int kBusyMilliseconds = 5000;
constexpr std::size_t kMostUriBytes = 16 * 1024;
constexpr const char* kHostHistory = "/var/lib/runup/history.db";

// What root makes in another user's folder belongs to that user, who could not go on with it otherwise: the daemon
// has an account of its own, and root looks in by hand.
void give_to_owner_of(const std::string& folder, int fd) {
  struct stat owner{};
  if (::geteuid() == 0 && ::stat(folder.c_str(), &owner) == 0 && owner.st_uid != 0) {
    [[maybe_unused]] const int kept = ::fchown(fd, owner.st_uid, owner.st_gid);
  }
}

// The folder and those above it that are missing.
Result<void> make_folder(const fs::path& folder) {
  if (folder.empty() || ::mkdir(folder.c_str(), kFolderMode) == 0 || errno == EEXIST) {
    return {};
  }
  if (errno == ENOENT && folder.has_relative_path()) {
    if (auto above = make_folder(folder.parent_path()); !above) {
      return above;
    }
    if (::mkdir(folder.c_str(), kFolderMode) == 0 || errno == EEXIST) {
      return {};
    }
  }
  return std::unexpected(system_error(
      std::format("cannot make the folder `{}` of the history", printable(folder.string())), errno));
}

Result<void> require_regular(const std::string& path) {
  struct stat status{};
  if (::stat(path.c_str(), &status) != 0) {
    return errno == ENOENT
               ? fail(ErrorCode::not_found, std::format("there is no history at `{}`", printable(path)))
               : std::unexpected(
                     system_error(std::format("cannot open the history `{}`", printable(path)), errno));
  }
  if (!S_ISREG(status.st_mode)) {
    return fail(ErrorCode::bad_input, std::format("`{}` is {}; a history is a regular file", printable(path),
                                                  S_ISDIR(status.st_mode) ? "a folder" : "a special file"));
  }
  // SQLite takes a file of one byte for one of none.
  if (status.st_size == 1) {
    return std::unexpected(sqlite_failure(nullptr, SQLITE_NOTADB, path));
  }
  return {};
}

// SQLite would make it too, but with the mode that the umask leaves of 0644, and through a symbolic link that leads to
// nothing yet: whoever may write the folder could have root make a file anywhere.
Result<void> make_file(const std::string& path) {
  const std::string folder = fs::path(path).parent_path().string();
  if (auto made = make_folder(folder); !made) {
    return made;
  }
  const FileDescriptor file(::open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, kFileMode));
  if (file) {
    give_to_owner_of(folder, file.get());
    return {};
  }
  // A file that is there is not opened: closing it would end the locks that another connection of this process holds.
  return errno == EEXIST ? require_regular(path)
                         : std::unexpected(system_error(
                               std::format("cannot make the history `{}`", printable(path)), errno));
}

std::string as_uri(const std::string& path, std::string_view query) {
  std::string uri = "file://";
  for (const char c : path) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       c == '/' || c == '-' || c == '_' || c == '.';
    uri += plain ? std::string(1, c) : std::format("%{:02X}", static_cast<unsigned char>(c));
  }
  return std::format("{}?{}", uri, query);
}

// The file may be anyone's: nothing in it is run, and no page of it is believed.
Result<void> configure(sqlite3* database, const std::string& path) {
  sqlite3_extended_result_codes(database, 1);
  sqlite3_busy_timeout(database, kBusyMilliseconds);
  for (const auto& [option, value] : {std::pair{SQLITE_DBCONFIG_DEFENSIVE, 1},
                                      {SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0},
                                      {SQLITE_DBCONFIG_ENABLE_TRIGGER, 0},
                                      {SQLITE_DBCONFIG_ENABLE_VIEW, 0},
                                      {SQLITE_DBCONFIG_ENABLE_FKEY, 1}}) {
    sqlite3_db_config(database, option, value, nullptr);
  }
  return execute(database, path, "PRAGMA cell_size_check = ON; PRAGMA mmap_size = 0");
}

// Two processes that open a new file at once both ask for the mode, and SQLite does not let the second one wait for
// the first as it does elsewhere. Where the file system has no shared memory (NFS) the mode stays what it was: runs
// are as whole then, readers and the writer wait for each other.
Result<void> use_wal(sqlite3* database, const std::string& path) {
  for (int waited = 0;; waited += 10) {
    const int code = sqlite3_exec(database, "PRAGMA journal_mode = WAL", nullptr, nullptr, nullptr);
    if (code == SQLITE_OK) {
      break;
    }
    if ((code & 0xff) != SQLITE_BUSY || waited >= kBusyMilliseconds) {
      return std::unexpected(sqlite_failure(database, code, path));
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  // FULL: one sync for each run, of which there are a few in an hour. NORMAL would keep the file whole as well, but a
  // power cut could take runs whose numbers were told already, and give these numbers to others.
  return execute(database, path, "PRAGMA synchronous = FULL");
}

// A database in WAL mode needs its -wal and -shm files even to be read. Where they are not there, and the folder does
// not let this user make them, nobody is writing, and the file can be read as it is.
bool is_left_alone(const std::string& path) {
  struct stat log{};
  return ::stat((path + "-wal").c_str(), &log) != 0 ? errno == ENOENT : log.st_size == 0;
}

std::string absolute(const std::string& path) {
  std::error_code error;
  const fs::path whole = fs::absolute(path, error);
  return error ? path : whole.lexically_normal().string();
}

}  // namespace

void History::Closer::operator()(sqlite3* database) const { sqlite3_close_v2(database); }

History::History(std::unique_ptr<sqlite3, Closer> database, std::string path)
    : database_(std::move(database)), path_(std::move(path)) {}

Result<History> History::connect(const std::string& path, const std::string& name, int flags) {
  if (name.size() > kMostUriBytes) {
    return fail(ErrorCode::bad_input, "the history's path is too long");
  }
  sqlite3* raw = nullptr;
  const int code = sqlite3_open_v2(name.c_str(), &raw, flags | SQLITE_OPEN_FULLMUTEX, nullptr);
  std::unique_ptr<sqlite3, Closer> database(raw);
  if (code != SQLITE_OK) {
    return std::unexpected(sqlite_failure(raw, code, path));
  }
  if (auto done = configure(raw, path); !done) {
    return std::unexpected(done.error());
  }
  return History(std::move(database), path);
}

Result<History> History::open(const std::string& path) {
  const std::string file = absolute(path);
  if (auto made = make_file(file); !made) {
    return std::unexpected(made.error());
  }
  auto history = connect(file, file, SQLITE_OPEN_READWRITE);
  if (!history) {
    return history;
  }
  sqlite3* database = history->database_.get();
  const auto form = form_of(database, file);
  if (!form) {
    return std::unexpected(form.error());
  }
  // SQLite opens what it may not write for reading.
  if (sqlite3_db_readonly(database, "main") == 1) {
    return std::unexpected(sqlite_failure(nullptr, SQLITE_READONLY, file));
  }
  auto ready = use_wal(database, file);
  if (ready && *form != Form::current) {
    ready = bring_up_to_date(database, file);
  }
  return ready ? std::move(history) : std::unexpected(ready.error());
}

Result<History> History::open_to_read(const std::string& path) {
  const std::string file = absolute(path);
  if (auto there = require_regular(file); !there) {
    return std::unexpected(there.error());
  }
  auto history = connect(file, file, SQLITE_OPEN_READONLY);
  auto form = history ? form_of(history->database_.get(), file) : std::unexpected(history.error());
  if (!form && form.error().code == ErrorCode::unreadable && is_left_alone(file)) {
    history = connect(file, as_uri(file, "immutable=1"), SQLITE_OPEN_READONLY | SQLITE_OPEN_URI);
    form = history ? form_of(history->database_.get(), file) : std::unexpected(history.error());
  }
  if (!form) {
    return std::unexpected(form.error());
  }
  if (*form == Form::empty) {
    return fail(ErrorCode::not_found,
                std::format("no run is recorded in the history `{}` yet", printable(file)));
  }
  return history;
}

History::History(History&&) noexcept = default;
History& History::operator=(History&&) noexcept = default;
History::~History() = default;

std::string usual_history_path() {
  const auto environment = [](const char* name) {
    const char* value = std::getenv(name);
    return std::string(value == nullptr ? "" : value);
  };
  if (std::string named = environment("RUNUP_HISTORY"); !named.empty()) {
    return named;
  }
  // systemd separates several by colons
  const std::string state = environment("STATE_DIRECTORY");
  if (!state.empty()) {
    return state.substr(0, state.find(':')) + "/history.db";
  }
  const std::string home = environment("HOME");
  if (::geteuid() == 0 || ::access(kHostHistory, R_OK) == 0) {
    return kHostHistory;
  }
  // The specification of these folders says that a relative one is not to be used.
  if (const std::string own = environment("XDG_STATE_HOME"); own.starts_with('/')) {
    return own + "/runup/history.db";
  }
  return home.empty() ? kHostHistory : home + "/.local/state/runup/history.db";
}

}  // namespace runup
