// SPDX-License-Identifier: Apache-2.0
#pragma once

// What the text files of a package say: which paths are left out, which Python packages are wanted,
// how the image is built. Made by src/package_files from the files' bytes.
//
// Lines count from 1; line 0 is the file as a whole. `file` is the name that the caller gave.

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include "base/codec.h"

namespace runup {

// A line that could not be understood, or that its own tool refuses. What the reader made of the rest
// of the file is still right.
struct FileProblem {
  std::string file;
  std::uint64_t line = 0;
  // observed, then expected; lower-case, no final period
  std::string message;
  bool operator==(const FileProblem&) const = default;
  static constexpr auto fields() {
    return std::tuple{Field{"file", &FileProblem::file}, Field{"line", &FileProblem::line},
                      Field{"message", &FileProblem::message}};
  }
};

// The rule of an ignore file that decides for a path.
struct IgnoreMatch {
  std::string file;
  std::uint64_t line = 0;
  // as written, with its `!`
  std::string pattern;
  // a `!` rule: the path is kept because of it
  bool negated = false;
  bool operator==(const IgnoreMatch&) const = default;
  static constexpr auto fields() {
    return std::tuple{Field{"file", &IgnoreMatch::file}, Field{"line", &IgnoreMatch::line},
                      Field{"pattern", &IgnoreMatch::pattern}, Field{"negated", &IgnoreMatch::negated}};
  }
};

// Whose names and versions: a conda package is another thing than the PyPI project of the same name
// (conda's `pytorch` is PyPI's `torch`).
enum class PackageSource { pypi, conda };
constexpr auto enum_names(PackageSource) {
  using enum PackageSource;
  return std::array<std::pair<PackageSource, std::string_view>, 2>{{{pypi, "pypi"}, {conda, "conda"}}};
}

// One Python package that a file asks for.
struct RequirementFacts {
  // normalised as PEP 503 says (`scikit-learn`); empty for an archive or folder whose name its URL or
  // path does not tell
  std::string name;
  // the requirement as written, without comment and pip options; of a table the value in TOML's or YAML's words
  std::string written;
  // PEP 440, without blanks: `>=2,<3`, `==2.6.0`; empty when any version will do. Caret and tilde
  // ranges of Poetry and conda's `=` are rewritten
  std::string specifiers;
  // the one version that is allowed, when there is one: of `==`, `===`, or of a wheel's file name
  std::string pinned;
  // normalised, sorted
  std::vector<std::string> extras;
  // the environment marker, such as `sys_platform == "linux"`; empty when it holds everywhere
  std::string marker;
  PackageSource source = PackageSource::pypi;
  // of an archive, a version control address (`git+https://...@v1`) or a local path: that; empty when
  // the name is looked up in an index
  std::string url;
  // `sha256:...`
  std::vector<std::string> hashes;
  bool editable = false;
  // a line of a constraints file: bounds the version, asks for nothing
  bool constraint = false;
  // the optional group (PEP 621 extra, Poetry group, Pipfile `develop`, ...); empty when always installed
  std::string group;
  // the PyTorch build that its local version, URL or own index names: `cpu`, `cu124`, `rocm6.2`
  std::string torch_build;
  std::string file;
  std::uint64_t line = 0;
  bool operator==(const RequirementFacts&) const = default;
  static constexpr auto fields() {
    return std::tuple{Field{"name", &RequirementFacts::name},
                      Field{"written", &RequirementFacts::written},
                      Field{"specifiers", &RequirementFacts::specifiers},
                      Field{"pinned", &RequirementFacts::pinned},
                      Field{"extras", &RequirementFacts::extras},
                      Field{"marker", &RequirementFacts::marker},
                      Field{"source", &RequirementFacts::source},
                      Field{"url", &RequirementFacts::url},
                      Field{"hashes", &RequirementFacts::hashes},
                      Field{"editable", &RequirementFacts::editable},
                      Field{"constraint", &RequirementFacts::constraint},
                      Field{"group", &RequirementFacts::group},
                      Field{"torch_build", &RequirementFacts::torch_build},
                      Field{"file", &RequirementFacts::file},
                      Field{"line", &RequirementFacts::line}};
  }
};

// Where packages are looked up.
enum class IndexKind { index, extra_index, find_links, no_index, channel };
constexpr auto enum_names(IndexKind) {
  using enum IndexKind;
  return std::array<std::pair<IndexKind, std::string_view>, 5>{{{index, "index"},
                                                                {extra_index, "extra-index"},
                                                                {find_links, "find-links"},
                                                                {no_index, "no-index"},
                                                                {channel, "channel"}}};
}

struct IndexFacts {
  IndexKind kind = IndexKind::index;
  // an address, a local path, or a conda channel; empty for `no_index`
  std::string url;
  // of Poetry, uv and pdm: what requirements call it
  std::string name;
  // `cpu`, `cu124` of PyTorch's own indexes
  std::string torch_build;
  std::string file;
  std::uint64_t line = 0;
  bool operator==(const IndexFacts&) const = default;
  static constexpr auto fields() {
    return std::tuple{Field{"kind", &IndexFacts::kind}, Field{"url", &IndexFacts::url},
                      Field{"name", &IndexFacts::name}, Field{"torch_build", &IndexFacts::torch_build},
                      Field{"file", &IndexFacts::file}, Field{"line", &IndexFacts::line}};
  }
};

// `-r other.txt` or `-c other.txt`: for the caller to open, relative to the folder of `file`.
struct IncludeFacts {
  std::string path;
  bool constraint = false;
  std::string file;
  std::uint64_t line = 0;
  bool operator==(const IncludeFacts&) const = default;
  static constexpr auto fields() {
    return std::tuple{Field{"path", &IncludeFacts::path}, Field{"constraint", &IncludeFacts::constraint},
                      Field{"file", &IncludeFacts::file}, Field{"line", &IncludeFacts::line}};
  }
};

// All that one requirements file, pyproject.toml, setup.cfg or conda environment says.
struct RequirementsFacts {
  std::vector<RequirementFacts> requirements;
  std::vector<IncludeFacts> includes;
  std::vector<IndexFacts> indexes;
  // of the interpreter, as PEP 440 specifiers: `>=3.10,<3.13`; empty when nothing is said
  std::string python;
  std::vector<FileProblem> problems;
  bool operator==(const RequirementsFacts&) const = default;
  static constexpr auto fields() {
    return std::tuple{
        Field{"requirements", &RequirementsFacts::requirements},
        Field{"includes", &RequirementsFacts::includes}, Field{"indexes", &RequirementsFacts::indexes},
        Field{"python", &RequirementsFacts::python}, Field{"problems", &RequirementsFacts::problems}};
  }
};

// One package of a lock file.
struct LockedFacts {
  // normalised as PEP 503 says
  std::string name;
  // may be empty for a folder or a version control address
  std::string version;
  // the environments that it is for; empty when for all
  std::string marker;
  // an index (uv, pdm and Poetry name it only when it is not PyPI), archive, repository or folder
  std::string url;
  // groups that want it, as the tool names them (`main`, `dev`, `default`, `develop`); empty when
  // the file does not say
  std::vector<std::string> groups;
  // the project itself, or one of its workspace
  bool own = false;
  std::string torch_build;
  std::string file;
  std::uint64_t line = 0;
  bool operator==(const LockedFacts&) const = default;
  static constexpr auto fields() {
    return std::tuple{Field{"name", &LockedFacts::name},
                      Field{"version", &LockedFacts::version},
                      Field{"marker", &LockedFacts::marker},
                      Field{"url", &LockedFacts::url},
                      Field{"groups", &LockedFacts::groups},
                      Field{"own", &LockedFacts::own},
                      Field{"torch_build", &LockedFacts::torch_build},
                      Field{"file", &LockedFacts::file},
                      Field{"line", &LockedFacts::line}};
  }
};

struct LockFileFacts {
  std::vector<LockedFacts> packages;
  // of the interpreter, as PEP 440 specifiers; empty when nothing is said
  std::string python;
  std::vector<FileProblem> problems;
  bool operator==(const LockFileFacts&) const = default;
  static constexpr auto fields() {
    return std::tuple{Field{"packages", &LockFileFacts::packages}, Field{"python", &LockFileFacts::python},
                      Field{"problems", &LockFileFacts::problems}};
  }
};

// A name and its value in an image, with the line that gives it.
struct SettingFacts {
  std::string name;
  // variables that the Dockerfile knows are filled in; others stay as written (`$PATH`)
  std::string value;
  std::uint64_t line = 0;
  bool operator==(const SettingFacts&) const = default;
  static constexpr auto fields() {
    return std::tuple{Field{"name", &SettingFacts::name}, Field{"value", &SettingFacts::value},
                      Field{"line", &SettingFacts::line}};
  }
};

// CMD, ENTRYPOINT, HEALTHCHECK or RUN.
struct CommandFacts {
  // the exec form: `words` are the program and its arguments; otherwise `text` goes to the shell
  bool exec = false;
  std::vector<std::string> words;
  // of the shell form: with continued lines joined and here-documents kept, variables not filled in
  std::string text;
  std::uint64_t line = 0;
  bool operator==(const CommandFacts&) const = default;
  static constexpr auto fields() {
    return std::tuple{Field{"exec", &CommandFacts::exec}, Field{"words", &CommandFacts::words},
                      Field{"text", &CommandFacts::text}, Field{"line", &CommandFacts::line}};
  }
};

// COPY or ADD.
struct CopyFacts {
  bool add = false;
  // paths or patterns in the build context or in `from`, addresses for ADD; not those of
  // here-documents
  std::vector<std::string> sources;
  // absolute, as far as WORKDIR is known; ends with `/` when written so
  std::string destination;
  // the stage or image of `--from`; empty for the build context
  std::string from;
  // that stage's place in `stages`, or -1 for an image and for the build context
  std::int64_t from_stage = -1;
  // `--exclude` patterns
  std::vector<std::string> excludes;
  // `--parents`: the sources' folders are kept below the destination
  bool parents = false;
  std::uint64_t line = 0;
  bool operator==(const CopyFacts&) const = default;
  static constexpr auto fields() {
    return std::tuple{Field{"add", &CopyFacts::add},
                      Field{"sources", &CopyFacts::sources},
                      Field{"destination", &CopyFacts::destination},
                      Field{"from", &CopyFacts::from},
                      Field{"from_stage", &CopyFacts::from_stage},
                      Field{"excludes", &CopyFacts::excludes},
                      Field{"parents", &CopyFacts::parents},
                      Field{"line", &CopyFacts::line}};
  }
};

// One call of a package manager inside a RUN.
struct InstallFacts {
  // `pip`, `uv`, `conda`, `apt`, `apk`, `dnf`; `poetry`, `pdm`, `pipenv` and `uv` without packages
  // install what the project's lock file says
  std::string tool;
  // as written in the command, without options: `torch==2.6.0`, `libgl1`
  std::vector<std::string> packages;
  // `-r` files; for conda the environment file
  std::vector<std::string> files;
  std::vector<IndexFacts> indexes;
  std::uint64_t line = 0;
  bool operator==(const InstallFacts&) const = default;
  static constexpr auto fields() {
    return std::tuple{Field{"tool", &InstallFacts::tool}, Field{"packages", &InstallFacts::packages},
                      Field{"files", &InstallFacts::files}, Field{"indexes", &InstallFacts::indexes},
                      Field{"line", &InstallFacts::line}};
  }
};

// When HEALTHCHECK asks and how long it waits: its options, with Docker's values for those that are not written or 0.
struct HealthcheckTimes {
  // failures in it do not count
  Duration start_period;
  Duration interval = Duration::from_milliseconds(30'000);
  // for one answer
  Duration timeout = Duration::from_milliseconds(30'000);
  // failures in a row until the container is unhealthy
  std::uint64_t retries = 3;
  bool operator==(const HealthcheckTimes&) const = default;
  static constexpr auto fields() {
    return std::tuple{Field{"start_period", &HealthcheckTimes::start_period},
                      Field{"interval", &HealthcheckTimes::interval},
                      Field{"timeout", &HealthcheckTimes::timeout},
                      Field{"retries", &HealthcheckTimes::retries}};
  }
};

// One FROM and what follows it.
struct StageFacts {
  // as named by AS, lower-case; empty when it has no name
  std::string name;
  // the image of FROM, with arguments filled in; of a stage upon another stage that stage's name
  std::string image;
  // `--platform`
  std::string platform;
  // the stage that this one starts from, or -1 for an image
  std::int64_t based_on = -1;
  // empty when not set here
  std::string user;
  std::uint64_t user_line = 0;
  // absolute; empty when not set here
  std::string workdir;
  std::uint64_t workdir_line = 0;
  // the last value of each name, in the order of their first mention
  std::vector<SettingFacts> environment;
  std::vector<SettingFacts> arguments;
  std::vector<std::string> exposed;
  std::vector<CopyFacts> copies;
  std::vector<CommandFacts> runs;
  std::vector<InstallFacts> installs;
  // the words of SHELL; empty for the default, `/bin/sh -c`
  std::vector<std::string> shell;
  // the last of each
  std::optional<CommandFacts> command;
  std::optional<CommandFacts> entrypoint;
  std::optional<CommandFacts> healthcheck;
  // of `healthcheck`; nothing for `NONE`, and when an option cannot be read
  std::optional<HealthcheckTimes> healthcheck_times;
  std::uint64_t line = 0;
  bool operator==(const StageFacts&) const = default;
  static constexpr auto fields() {
    return std::tuple{Field{"name", &StageFacts::name},
                      Field{"image", &StageFacts::image},
                      Field{"platform", &StageFacts::platform},
                      Field{"based_on", &StageFacts::based_on},
                      Field{"user", &StageFacts::user},
                      Field{"user_line", &StageFacts::user_line},
                      Field{"workdir", &StageFacts::workdir},
                      Field{"workdir_line", &StageFacts::workdir_line},
                      Field{"environment", &StageFacts::environment},
                      Field{"arguments", &StageFacts::arguments},
                      Field{"exposed", &StageFacts::exposed},
                      Field{"copies", &StageFacts::copies},
                      Field{"runs", &StageFacts::runs},
                      Field{"installs", &StageFacts::installs},
                      Field{"shell", &StageFacts::shell},
                      Field{"command", &StageFacts::command},
                      Field{"entrypoint", &StageFacts::entrypoint},
                      Field{"healthcheck", &StageFacts::healthcheck},
                      Field{"healthcheck_times", &StageFacts::healthcheck_times},
                      Field{"line", &StageFacts::line}};
  }
};

struct DockerfileFacts {
  std::string file;
  // in file order, each with its own instructions alone
  std::vector<StageFacts> stages;
  // the image that is built: the last stage, or the wanted one, with all that it has from the stages it
  // is based on; `image` is then the image at the bottom
  StageFacts built;
  // its place in `stages`; -1 when the file has no stage
  std::int64_t built_stage = -1;
  std::vector<FileProblem> problems;
  bool operator==(const DockerfileFacts&) const = default;
  static constexpr auto fields() {
    return std::tuple{Field{"file", &DockerfileFacts::file}, Field{"stages", &DockerfileFacts::stages},
                      Field{"built", &DockerfileFacts::built},
                      Field{"built_stage", &DockerfileFacts::built_stage},
                      Field{"problems", &DockerfileFacts::problems}};
  }
};

// What a time that a platform waits is for.
enum class PatienceKind {
  // until a started server must be ready
  start,
  // between SIGTERM and SIGKILL
  stop,
  // for one answer of a health question
  answer,
  // for one request, loading in it included, before its worker is killed
  request,
};
constexpr auto enum_names(PatienceKind) {
  using enum PatienceKind;
  return std::array<std::pair<PatienceKind, std::string_view>, 4>{
      {{start, "start"}, {stop, "stop"}, {answer, "answer"}, {request, "request"}}};
}

// How long a platform that the package is written for waits, as its files say.
struct PatienceFacts {
  PatienceKind kind = PatienceKind::start;
  // relative to the package
  std::string file;
  std::uint64_t line = 0;
  // "`startupProbe` of `web`: 5 s + 30 x 10 s"
  std::string words;
  Duration time;
  bool operator==(const PatienceFacts&) const = default;
  static constexpr auto fields() {
    return std::tuple{Field{"kind", &PatienceFacts::kind}, Field{"file", &PatienceFacts::file},
                      Field{"line", &PatienceFacts::line}, Field{"words", &PatienceFacts::words},
                      Field{"time", &PatienceFacts::time}};
  }
};

extern template struct StructCodec<RequirementsFacts>;
extern template struct StructCodec<LockFileFacts>;
extern template struct StructCodec<DockerfileFacts>;

}  // namespace runup
