// SPDX-License-Identifier: Apache-2.0
#pragma once

// What an audit compares a host with: what stood there at its last ready run, and what systemd and the running service
// say of themselves.

#include <cstdint>
#include <string>
#include <tuple>
#include <vector>

#include "facts/observed.h"
#include "facts/service.h"

namespace runup {

// A file that a run judged.
struct JudgedFile {
  std::string model;
  // absolute, on this machine
  std::string path;
  // 64 hex digits
  std::string sha256;
  std::uint64_t bytes = 0;
  // of the content (st_mtime) and of anything at all (st_ctime), nanoseconds since 1970
  std::int64_t modified_ns = 0;
  std::int64_t changed_ns = 0;
  std::uint64_t inode = 0;
  bool operator==(const JudgedFile&) const = default;
  static constexpr auto fields() {
    return std::tuple{Field{"model", &JudgedFile::model, "the model that it belongs to"},
                      Field{"path", &JudgedFile::path, "absolute path"},
                      Field{"sha256", &JudgedFile::sha256, "of its bytes"},
                      Field{"bytes", &JudgedFile::bytes, "its size"},
                      Field{"modified_ns", &JudgedFile::modified_ns, "st_mtime, nanoseconds since 1970"},
                      Field{"changed_ns", &JudgedFile::changed_ns, "st_ctime, nanoseconds since 1970"},
                      Field{"inode", &JudgedFile::inode, "its number in the file system"}};
  }
};

// A time that a run measured, and the interval in which it would probably be found again.
struct Measurement {
  std::string model;
  // `load`, `first`, `p50`, `p95`, `p99`: the options of `warmup-budget`
  std::string name;
  Duration value;
  Duration low;
  Duration high;
  // of how many
  std::uint64_t count = 0;
  // "libtorch 2.6.0 on cpu"
  std::string witness;
  bool operator==(const Measurement&) const = default;
  static constexpr auto fields() {
    return std::tuple{Field{"model", &Measurement::model, "whose time"},
                      Field{"name", &Measurement::name, "which time: an option of `warmup-budget`"},
                      Field{"value", &Measurement::value, "seconds"},
                      Field{"low", &Measurement::low, "seconds; the interval's lower end"},
                      Field{"high", &Measurement::high, "seconds; the interval's upper end"},
                      Field{"count", &Measurement::count, "how many measurements it is of"},
                      Field{"witness", &Measurement::witness, "what ran the model"}};
  }
};

// The last ready run of the same target, as far as one model is concerned.
struct PastRunFacts {
  // its number in the history
  std::int64_t run = 0;
  // ISO 8601 with offset
  std::string started;
  std::vector<JudgedFile> files;
  std::vector<Measurement> measurements;
  // what ran the model, in words: "torch 2.6.0 on cpu"
  std::vector<std::string> witnesses;
  bool operator==(const PastRunFacts&) const = default;
  static constexpr auto fields() {
    return std::tuple{Field{"run", &PastRunFacts::run}, Field{"started", &PastRunFacts::started},
                      Field{"files", &PastRunFacts::files},
                      Field{"measurements", &PastRunFacts::measurements},
                      Field{"witnesses", &PastRunFacts::witnesses}};
  }
};

// What systemd says of the service's unit.
struct UnitFacts {
  // `sign.service`
  std::string name;
  // systemd's words: `active`, `running`
  std::string active;
  std::string sub;
  // when its main process was started, nanoseconds since 1970; 0: it has none
  std::int64_t started_ns = 0;
  std::uint32_t main_pid = 0;
  // how often systemd restarted it by itself since it was started
  std::uint32_t restarts = 0;
  bool operator==(const UnitFacts&) const = default;
  static constexpr auto fields() {
    return std::tuple{Field{"name", &UnitFacts::name},         Field{"active", &UnitFacts::active},
                      Field{"sub", &UnitFacts::sub},           Field{"started_ns", &UnitFacts::started_ns},
                      Field{"main_pid", &UnitFacts::main_pid}, Field{"restarts", &UnitFacts::restarts}};
  }
};

// The running service's own answers: its readiness, its liveness and one prediction, as far as the config has them.
struct RunningFacts {
  // as the config has it: `http://127.0.0.1:8000`
  std::string url;
  std::vector<AnswerFacts> answers;
  bool operator==(const RunningFacts&) const = default;
  static constexpr auto fields() {
    return std::tuple{Field{"url", &RunningFacts::url}, Field{"answers", &RunningFacts::answers}};
  }
};

// All of it; what nobody asked for is not requested, as in every `runup run`.
struct StandingFacts {
  // none in the history: the absence says so
  Observed<PastRunFacts> last_ready;
  // of this run, to compare with the last
  std::vector<JudgedFile> files;
  std::vector<Measurement> measurements;
  Observed<UnitFacts> unit;
  Observed<RunningFacts> running;
  bool operator==(const StandingFacts&) const = default;
  static constexpr auto fields() {
    return std::tuple{Field{"last_ready", &StandingFacts::last_ready}, Field{"files", &StandingFacts::files},
                      Field{"measurements", &StandingFacts::measurements},
                      Field{"unit", &StandingFacts::unit}, Field{"running", &StandingFacts::running}};
  }
};

extern template struct Observed<PastRunFacts>;
extern template struct Observed<UnitFacts>;
extern template struct Observed<RunningFacts>;
extern template struct StructCodec<StandingFacts>;

}  // namespace runup
