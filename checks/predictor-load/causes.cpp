// SPDX-License-Identifier: Apache-2.0
#include "causes.h"

#include <algorithm>
#include <array>
#include <format>

#include "base/text.h"
#include "check/predictor.h"
#include "check/wording.h"
#include "facts/runtime_words.h"

namespace runup::checks::predictor_load {

namespace {

bool is_a(const ExceptionFacts& exception, std::string_view base) {
  return std::ranges::find(exception.bases, base) != exception.bases.end();
}

bool says(const ExceptionFacts& exception, std::string_view words) {
  return exception.message.contains(words);
}

// torch.load, pickle or joblib is at work in the traceback: what is missing is missing for unpickling.
bool is_unpickling(const ExceptionFacts& exception) {
  return std::ranges::any_of(exception.frames, [](const FrameFacts& frame) {
    constexpr std::array<std::string_view, 4> kFiles{"/torch/serialization.py",
                                                     "/torch/_weights_only_unpickler.py", "/pickle.py",
                                                     "/joblib/numpy_pickle.py"};
    return !frame.own &&
           (frame.function == "find_class" ||
            std::ranges::any_of(kFiles, [&](std::string_view file) { return frame.file.ends_with(file); }));
  });
}

Cause missing_file(const Facts& facts, const ExceptionFacts& exception) {
  const std::string path = exception.path.empty() ? quoted_after(exception.message, "") : exception.path;
  Cause cause{.id = "file-missing", .what = {}, .fix = {}};
  if (path.empty()) {
    cause.fix = "put the file where the service looks for it, or correct the path";
  } else if (path.starts_with('/')) {
    cause.what = std::format("nothing is at `{}`", shown_path(facts, path));
    cause.fix =
        facts.model.path == path
            ? std::string("put the model file into the package")
            : std::format("put the file there, or open `{}`, which the config names", model_file(facts));
  } else {
    cause.what = std::format("`{}` is looked for in the folder that the server was started in", path);
    cause.fix = "build the path from the source's own place: `Path(__file__).resolve().parent / ...`";
  }
  return cause;
}

// "Can't get attribute 'Net' on <module '__main__' (built-in)>"
Cause missing_class(const ExceptionFacts& exception) {
  const std::string name = quoted_after(exception.message, "attribute ");
  const std::string module = quoted_after(exception.message, "<module ");
  Cause cause{.id = "class-missing",
              .what = std::format("the model file was pickled with the class `{}.{}`", module, name),
              .fix = {}};
  cause.fix =
      module == "__main__"
          ? std::format(
                "save the state_dict instead of the object; or put the class where the pickle looks for "
                "it before loading: `sys.modules[\"__main__\"].{0} = {0}`",
                name)
          : std::format(
                "ship the release of `{}` that has the class, or save the file again with the one that "
                "is shipped",
                module);
  return cause;
}

Cause missing_module(const Facts& facts, FactoryStage stage, const ExceptionFacts& exception) {
  const std::string module = quoted_after(exception.message, "module named ");
  const std::string own = facts.model.factory.substr(0, facts.model.factory.find(':'));
  if (stage == FactoryStage::import && !module.empty() && (own == module || own.starts_with(module + "."))) {
    return {
        .id = "factory-missing",
        .what = std::format("the package has no module `{}` that the interpreter can import", module),
        .fix =
            "correct `factory:`, or name the entry point that the server is started with in `entrypoint:`"};
  }
  if (is_unpickling(exception)) {
    return {.id = "class-missing",
            .what = std::format("the model file was pickled with classes of the module `{}`", module),
            .fix = std::format(
                "install what has `{}` on the server and name it in the requirements, or save the file "
                "again without its objects",
                module)};
  }
  return {.id = "module-missing",
          .what = std::format("the service's interpreter has no module `{}`", module),
          .fix = "name its package in the requirements, and install them into the service's environment"};
}

Cause refused(const ExceptionFacts& exception) {
  const std::string global = quoted_after(exception.message, "GLOBAL ");
  return {.id = "refused-by-weights-only",
          .what = global.empty() ? std::string("`weights_only` takes tensors and plain values alone")
                                 : std::format("`weights_only` does not take `{}`", global),
          .fix =
              "save the state_dict and plain values alone; or allow the class with "
              "`torch.serialization.add_safe_globals([...])` before loading; `weights_only=False` runs "
              "whatever the "
              "file says, so only for files of your own"};
}

}  // namespace

std::string quoted_after(std::string_view message, std::string_view before) {
  const std::size_t start = message.find(before);
  if (start == std::string_view::npos) {
    return "";
  }
  const std::string_view rest = message.substr(start + before.size());
  const std::size_t open = rest.find_first_of("'\"");
  if (open != std::string_view::npos && (before.empty() || open == 0)) {
    const std::size_t close = rest.find(rest[open], open + 1);
    return close == std::string_view::npos ? "" : std::string(rest.substr(open + 1, close - open - 1));
  }
  return before.empty() ? "" : std::string(rest.substr(0, rest.find_first_of(" \n,;:)")));
}

Cause cause_of(const Facts& facts, FactoryStage stage, const ExceptionFacts& exception) {
  if (is_a(exception, "MemoryError") || says_out_of_memory(exception.message)) {
    return {.id = "out-of-memory",
            .what = "memory ran out",
            .fix = "give the server more memory than the model needs while it loads, about twice its file"};
  }
  const auto obstacle = content_obstacle(facts);
  if (obstacle && (exception.kind == "_pickle.UnpicklingError" || says(exception, "PytorchStreamReader"))) {
    return {.id = "file-unreadable", .what = *obstacle, .fix = "see `model-present`"};
  }
  if (says(exception, "Weights only load failed") || says(exception, "weights_only")) {
    return refused(exception);
  }
  if (is_a(exception, "FileNotFoundError") || says(exception, "does not exist") ||
      says(exception, "File doesn't exist") || says(exception, "NO_SUCHFILE")) {
    return missing_file(facts, exception);
  }
  if (is_a(exception, "PermissionError")) {
    return {.id = "file-unreadable",
            .what = exception.path.empty()
                        ? ""
                        : std::format("`{}` may not be opened", shown_path(facts, exception.path)),
            .fix = "let the user that the server runs as read the file (`chmod a+r`)"};
  }
  if (is_a(exception, "ModuleNotFoundError")) {
    return missing_module(facts, stage, exception);
  }
  if (is_a(exception, "AttributeError") && says(exception, "Can't get attribute")) {
    return missing_class(exception);
  }
  if (stage == FactoryStage::lookup) {
    return {.id = "factory-missing",
            .what = std::format("the module has no such function as `{}`",
                                facts.model.factory.substr(facts.model.factory.find(':') + 1)),
            .fix = "correct `factory:`: `module:function`, as the service calls it itself"};
  }
  if (is_a(exception, "ImportError")) {
    return {.id = "module-missing",
            .what = "an import of the service fails",
            .fix = "install the release that the service was written for, and pin it in the requirements"};
  }
  if (says(exception, "loading state_dict")) {
    return {
        .id = "state-dict-mismatch",
        .what = "the network that the service builds is another one than the weights were saved from",
        .fix =
            "ship the source and the weights of one training run; sizes that differ, such as the number of "
            "classes, belong into the checkpoint"};
  }
  if (says(exception, "Attempting to deserialize object on") ||
      says(exception, "Torch not compiled with CUDA") || says(exception, "No CUDA GPUs are available") ||
      says(exception, "Found no NVIDIA driver")) {
    return {.id = "device-missing",
            .what = "it asks for a device that is not here",
            .fix = "load with `map_location=\"cpu\"` and move the model to the device that the host has"};
  }
  if (exception.kind == "_pickle.UnpicklingError" || exception.kind == "EOFError" ||
      says(exception, "PytorchStreamReader") || says(exception, "unexpected EOF")) {
    return {.id = "file-unreadable",
            .what = "the file is no model, or only a part of one",
            .fix = "copy the model file again and compare `sha256sum` on both sides; see `model-loadable`"};
  }
  if (is_a(exception, "SystemExit")) {
    return {
        .id = "exits",
        .what = "the factory ends its process",
        .fix = "raise an exception that says what is wrong; a server that just exits is restarted for ever"};
  }
  return {.id = "raises",
          .what = {},
          .fix = "see the line, and run the factory by hand in the service's environment"};
}

}  // namespace runup::checks::predictor_load
