// SPDX-License-Identifier: Apache-2.0
#pragma once

// What the service's own interpreter said when it made the predictor.

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include "base/codec.h"
#include "facts/observed.h"

namespace runup {

// A place in a traceback.
struct FrameFacts {
  // as the interpreter names it, absolute for files
  std::string file;
  std::uint64_t line = 0;
  // empty for a syntax error
  std::string function;
  std::string text;
  // of the package, not of a library
  bool own = false;
  bool operator==(const FrameFacts&) const = default;
  static constexpr auto fields() {
    return std::tuple{Field{"file", &FrameFacts::file}, Field{"line", &FrameFacts::line},
                      Field{"function", &FrameFacts::function}, Field{"text", &FrameFacts::text},
                      Field{"own", &FrameFacts::own}};
  }
};

struct ExceptionFacts {
  // its class, with the module unless that is `builtins`: `_pickle.UnpicklingError`
  std::string kind;
  std::string message;
  // names of its class and of those that it is derived from
  std::vector<std::string> bases;
  // the innermost last; at most 60
  std::vector<FrameFacts> frames;
  // for an OSError: the file that it is about, as it was asked for
  std::string path;
  // it was about writing there, which the process may not
  bool writing = false;
  // the exception that it came from: "FileNotFoundError: ..."
  std::string cause;
  bool operator==(const ExceptionFacts&) const = default;
  static constexpr auto fields() {
    return std::tuple{Field{"kind", &ExceptionFacts::kind},   Field{"message", &ExceptionFacts::message},
                      Field{"bases", &ExceptionFacts::bases}, Field{"frames", &ExceptionFacts::frames},
                      Field{"path", &ExceptionFacts::path},   Field{"writing", &ExceptionFacts::writing},
                      Field{"cause", &ExceptionFacts::cause}};
  }
};

enum class FactoryStage {
  // importing the factory's module
  import,
  // finding the function in it
  lookup,
  // calling it
  factory,
  // finding the network in what it returned
  network,
  done,
};
constexpr auto enum_names(FactoryStage) {
  using enum FactoryStage;
  return std::array<std::pair<FactoryStage, std::string_view>, 5>{
      {{import, "import"}, {lookup, "lookup"}, {factory, "factory"}, {network, "network"}, {done, "done"}}};
}

// A file that the service asked for while it made the predictor, outside the interpreter's own folders.
struct OpenedFileFacts {
  // as it was asked for, and what that meant in the folder of that moment
  std::string path;
  std::string absolute;
  bool writing = false;
  bool exists = false;
  // the line of the package that asked for it; empty and 0 when none did
  std::string file;
  std::uint64_t line = 0;
  bool operator==(const OpenedFileFacts&) const = default;
  static constexpr auto fields() {
    return std::tuple{
        Field{"path", &OpenedFileFacts::path},       Field{"absolute", &OpenedFileFacts::absolute},
        Field{"writing", &OpenedFileFacts::writing}, Field{"exists", &OpenedFileFacts::exists},
        Field{"file", &OpenedFileFacts::file},       Field{"line", &OpenedFileFacts::line}};
  }
};

// A distribution in the interpreter's environment.
struct InstalledFacts {
  // as it calls itself: `scikit-learn`
  std::string name;
  std::string version;
  // what it wants installed beside it, without what is optional: names as it writes them
  std::vector<std::string> wants;
  // the modules that it brings, as its files tell: `sklearn`; at most 50
  std::vector<std::string> modules;
  bool operator==(const InstalledFacts&) const = default;
  static constexpr auto fields() {
    return std::tuple{Field{"name", &InstalledFacts::name}, Field{"version", &InstalledFacts::version},
                      Field{"wants", &InstalledFacts::wants}, Field{"modules", &InstalledFacts::modules}};
  }
};

// A global that the model file's pickles name, looked up after the predictor was made.
struct ResolvedFacts {
  std::string module;
  std::string name;
  bool found = false;
  // where the module was loaded from; empty for one that is built in, and for `__main__`
  std::string file;
  // why it was not found: "ModuleNotFoundError: No module named 'sklearn'"
  std::string error;
  // the module itself could be imported
  bool has_module = false;
  bool operator==(const ResolvedFacts&) const = default;
  static constexpr auto fields() {
    return std::tuple{
        Field{"module", &ResolvedFacts::module}, Field{"name", &ResolvedFacts::name},
        Field{"found", &ResolvedFacts::found},   Field{"file", &ResolvedFacts::file},
        Field{"error", &ResolvedFacts::error},   Field{"has_module", &ResolvedFacts::has_module}};
  }
};

// Making the predictor once more in a process that was started in another folder.
struct ElsewhereFacts {
  std::string folder;
  FactoryStage stage = FactoryStage::import;
  // why no network was found, in our words
  std::string words;
  std::optional<ExceptionFacts> exception;
  bool operator==(const ElsewhereFacts&) const = default;
  static constexpr auto fields() {
    return std::tuple{Field{"folder", &ElsewhereFacts::folder}, Field{"stage", &ElsewhereFacts::stage},
                      Field{"words", &ElsewhereFacts::words}, Field{"exception", &ElsewhereFacts::exception}};
  }
};

extern template struct Observed<ElsewhereFacts>;

struct PythonFacts {
  // "3.13.5", and the interpreter's own path by its own word
  std::string version;
  std::string executable;
  // what its torch was built for: "CUDA 12.4", "ROCm 6.2"; empty for a CPU build, and without torch
  std::string built_for;
  // neither the config nor an environment in the package named it: perhaps the service has another one
  bool guessed = false;
  // what it was not kept from: "it can write everywhere (no Landlock: ...)"
  std::vector<std::string> unprotected;
  // how far it came
  FactoryStage stage = FactoryStage::import;
  Duration import;
  Duration factory;
  // the class of what the factory returned, of the network in it, and how that is reached: `.model`
  std::string predictor;
  std::string network;
  std::string member;
  // modules of the network whose `training` is true, `.` for itself; at most 100
  std::vector<std::string> training;
  std::optional<ExceptionFacts> exception;
  // why no network was found, in our words
  std::string words;
  // of an ONNX Runtime session: the file that it holds, absolute; empty where it does not say
  std::string session_file;
  // in the order of asking, each once; at most 1000
  std::vector<OpenedFileFacts> opened;
  // hosts that it asked for: `huggingface.co:443`; at most 100
  std::vector<std::string> connections;
  // sorted by name; at most 5000
  std::vector<InstalledFacts> installed;
  std::vector<ResolvedFacts> globals;
  // buffers of the network that its state_dict has; at most 1000. How many of its modules are quantised
  std::vector<std::string> buffers;
  std::uint64_t quantised = 0;
  // why the network's numbers were not taken, to be compared with the model file's; empty when they were
  std::string no_numbers;
  Observed<ElsewhereFacts> elsewhere;
  bool operator==(const PythonFacts&) const = default;
  static constexpr auto fields() {
    return std::tuple{Field{"version", &PythonFacts::version},
                      Field{"executable", &PythonFacts::executable},
                      Field{"built_for", &PythonFacts::built_for},
                      Field{"guessed", &PythonFacts::guessed},
                      Field{"unprotected", &PythonFacts::unprotected},
                      Field{"stage", &PythonFacts::stage},
                      Field{"import", &PythonFacts::import},
                      Field{"factory", &PythonFacts::factory},
                      Field{"predictor", &PythonFacts::predictor},
                      Field{"network", &PythonFacts::network},
                      Field{"member", &PythonFacts::member},
                      Field{"training", &PythonFacts::training},
                      Field{"exception", &PythonFacts::exception},
                      Field{"words", &PythonFacts::words},
                      Field{"session_file", &PythonFacts::session_file},
                      Field{"opened", &PythonFacts::opened},
                      Field{"connections", &PythonFacts::connections},
                      Field{"installed", &PythonFacts::installed},
                      Field{"globals", &PythonFacts::globals},
                      Field{"buffers", &PythonFacts::buffers},
                      Field{"quantised", &PythonFacts::quantised},
                      Field{"no_numbers", &PythonFacts::no_numbers},
                      Field{"elsewhere", &PythonFacts::elsewhere}};
  }
};

extern template struct StructCodec<PythonFacts>;

}  // namespace runup
