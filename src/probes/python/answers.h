// SPDX-License-Identifier: Apache-2.0
#pragma once

// What run_model.py answers when it loads a model, see there.

#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include "facts/runtime.h"

namespace runup {

struct LoadTimes {
  Duration import;
  Duration factory;
  static constexpr auto fields() {
    return std::tuple{Field{"import", &LoadTimes::import}, Field{"factory", &LoadTimes::factory}};
  }
};

struct LoadAnswer {
  std::string library;
  std::string version;
  std::string built_for;
  std::string device;
  std::vector<std::string> devices;
  std::vector<std::string> providers;
  std::vector<std::string> training;
  std::string network;
  std::string predictor;
  std::string member;
  LoadTimes times;
  FactoryStage stage = FactoryStage::done;
  std::string words;
  std::optional<ExceptionFacts> exception;
  std::string python;
  std::string executable;
  std::string session_file;
  std::vector<std::string> buffers;
  std::uint64_t quantised = 0;
  static constexpr auto fields() {
    return std::tuple{Field{"library", &LoadAnswer::library},
                      Field{"version", &LoadAnswer::version},
                      Field{"built_for", &LoadAnswer::built_for},
                      Field{"device", &LoadAnswer::device},
                      Field{"devices", &LoadAnswer::devices},
                      Field{"providers", &LoadAnswer::providers},
                      Field{"training", &LoadAnswer::training},
                      Field{"class", &LoadAnswer::network},
                      Field{"predictor", &LoadAnswer::predictor},
                      Field{"member", &LoadAnswer::member},
                      Field{"times", &LoadAnswer::times},
                      Field{"stage", &LoadAnswer::stage},
                      Field{"words", &LoadAnswer::words},
                      Field{"exception", &LoadAnswer::exception},
                      Field{"python", &LoadAnswer::python},
                      Field{"executable", &LoadAnswer::executable},
                      Field{"session_file", &LoadAnswer::session_file},
                      Field{"buffers", &LoadAnswer::buffers},
                      Field{"quantised", &LoadAnswer::quantised}};
  }
};

// Of a model file's loading.
struct FileAnswer {
  std::string device;
  std::vector<std::string> devices;
  std::vector<std::string> providers_asked;
  // lines of ONNX Runtime's log
  std::vector<std::string> placed;
  std::vector<DeclaredValueFacts> inputs;
  std::vector<DeclaredValueFacts> outputs;
  std::vector<std::string> training;
  std::string network;
  std::string session_file;
  std::vector<std::string> buffers;
  std::uint64_t quantised = 0;
  static constexpr auto fields() {
    return std::tuple{Field{"device", &FileAnswer::device},
                      Field{"devices", &FileAnswer::devices},
                      Field{"providers_asked", &FileAnswer::providers_asked},
                      Field{"placed", &FileAnswer::placed},
                      Field{"inputs", &FileAnswer::inputs},
                      Field{"outputs", &FileAnswer::outputs},
                      Field{"training", &FileAnswer::training},
                      Field{"class", &FileAnswer::network},
                      Field{"session_file", &FileAnswer::session_file},
                      Field{"buffers", &FileAnswer::buffers},
                      Field{"quantised", &FileAnswer::quantised}};
  }
};

// Why a step of that failed: our words or an exception.
struct FileFailure {
  LoadStage stage = LoadStage::artifact;
  std::string words;
  bool lack = false;
  std::optional<ExceptionFacts> exception;
  static constexpr auto fields() {
    return std::tuple{Field{"stage", &FileFailure::stage}, Field{"words", &FileFailure::words},
                      Field{"lack", &FileFailure::lack}, Field{"exception", &FileFailure::exception}};
  }
};

// The library that shall run a file, or why it cannot be imported.
struct LibraryAnswer {
  std::string library;
  std::string version;
  std::string built_for;
  std::uint32_t threads = 0;
  std::string python;
  std::string executable;
  std::optional<ExceptionFacts> exception;
  static constexpr auto fields() {
    return std::tuple{
        Field{"library", &LibraryAnswer::library},     Field{"version", &LibraryAnswer::version},
        Field{"built_for", &LibraryAnswer::built_for}, Field{"threads", &LibraryAnswer::threads},
        Field{"python", &LibraryAnswer::python},       Field{"executable", &LibraryAnswer::executable},
        Field{"exception", &LibraryAnswer::exception}};
  }
};

// A WantedKey of probes/torch/key_match.h.
struct WantedKeyAnswer {
  std::string key;
  std::optional<std::vector<std::int64_t>> shape;
  bool optional = false;
  bool buffer = false;
  static constexpr auto fields() {
    return std::tuple{Field{"key", &WantedKeyAnswer::key}, Field{"shape", &WantedKeyAnswer::shape},
                      Field{"optional", &WantedKeyAnswer::optional},
                      Field{"buffer", &WantedKeyAnswer::buffer}};
  }
};

// What an architecture wants of a state_dict.
struct WantedAnswer {
  // it is a TorchScript archive, not source
  bool archive = false;
  std::vector<WantedKeyAnswer> keys;
  // it wants nothing else
  bool all = true;
  // keys that an inference may pass by
  std::vector<std::string> conditional;
  static constexpr auto fields() {
    return std::tuple{Field{"archive", &WantedAnswer::archive}, Field{"keys", &WantedAnswer::keys},
                      Field{"all", &WantedAnswer::all}, Field{"conditional", &WantedAnswer::conditional}};
  }
};

// Which tensors an inference read; nothing where that cannot be told.
struct ReadAnswer {
  std::optional<std::vector<bool>> read;
  static constexpr auto fields() { return std::tuple{Field{"read", &ReadAnswer::read}}; }
};

}  // namespace runup
