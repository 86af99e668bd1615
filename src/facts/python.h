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
  // the exception that it came from: "FileNotFoundError: ..."
  std::string cause;
  bool operator==(const ExceptionFacts&) const = default;
  static constexpr auto fields() {
    return std::tuple{Field{"kind", &ExceptionFacts::kind},     Field{"message", &ExceptionFacts::message},
                      Field{"bases", &ExceptionFacts::bases},   Field{"frames", &ExceptionFacts::frames},
                      Field{"path", &ExceptionFacts::path},     Field{"cause", &ExceptionFacts::cause}};
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

struct PythonFacts {
  // "3.13.5", and the interpreter's own path by its own word
  std::string version;
  std::string executable;
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
  bool operator==(const PythonFacts&) const = default;
  static constexpr auto fields() {
    return std::tuple{Field{"version", &PythonFacts::version},
                      Field{"executable", &PythonFacts::executable},
                      Field{"stage", &PythonFacts::stage},
                      Field{"import", &PythonFacts::import},
                      Field{"factory", &PythonFacts::factory},
                      Field{"predictor", &PythonFacts::predictor},
                      Field{"network", &PythonFacts::network},
                      Field{"member", &PythonFacts::member},
                      Field{"training", &PythonFacts::training},
                      Field{"exception", &PythonFacts::exception}};
  }
};

}  // namespace runup
