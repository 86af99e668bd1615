// SPDX-License-Identifier: Apache-2.0
#include "probes/python/model.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <format>
#include <memory>
#include <utility>

#include "base/text.h"
#include "probes/python/child.h"
#include "probes/runtime/process.h"
#include "probes/runtime/values.h"
#include "probes/sandbox/sandbox.h"
#include "probes/sandbox/view.h"

namespace runup {

namespace {

// run_model.py's answers, see there.
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
    return std::tuple{
        Field{"library", &LoadAnswer::library},       Field{"version", &LoadAnswer::version},
        Field{"device", &LoadAnswer::device},         Field{"devices", &LoadAnswer::devices},
        Field{"providers", &LoadAnswer::providers},   Field{"training", &LoadAnswer::training},
        Field{"class", &LoadAnswer::network},         Field{"predictor", &LoadAnswer::predictor},
        Field{"member", &LoadAnswer::member},         Field{"times", &LoadAnswer::times},
        Field{"stage", &LoadAnswer::stage},           Field{"words", &LoadAnswer::words},
        Field{"exception", &LoadAnswer::exception},   Field{"python", &LoadAnswer::python},
        Field{"executable", &LoadAnswer::executable}, Field{"session_file", &LoadAnswer::session_file},
        Field{"buffers", &LoadAnswer::buffers},       Field{"quantised", &LoadAnswer::quantised}};
  }
};

struct LookAnswer {
  std::vector<OpenedFileFacts> opened;
  std::vector<std::string> connections;
  std::vector<InstalledFacts> installed;
  std::vector<ResolvedFacts> globals;
  std::string no_numbers;
  static constexpr auto fields() {
    return std::tuple{Field{"opened", &LookAnswer::opened}, Field{"connections", &LookAnswer::connections},
                      Field{"installed", &LookAnswer::installed}, Field{"globals", &LookAnswer::globals},
                      Field{"no_numbers", &LookAnswer::no_numbers}};
  }
};

struct CallAnswer {
  Duration took;
  std::vector<PlacedTensor> outputs;
  std::vector<Duration> calls;
  std::string refused;
  bool unsupported = false;
  static constexpr auto fields() {
    return std::tuple{Field{"took", &CallAnswer::took}, Field{"outputs", &CallAnswer::outputs},
                      Field{"calls", &CallAnswer::calls}, Field{"refused", &CallAnswer::refused},
                      Field{"unsupported", &CallAnswer::unsupported}};
  }
};

class PythonModel : public Model {
 public:
  explicit PythonModel(std::shared_ptr<PythonChild> child) : child_(std::move(child)) {}

  Result<Answer> call(const std::vector<InputValues>& inputs, Gradients gradients) override {
    auto answer = ask(inputs, Json{{"do", "call"}, {"gradients", gradients == Gradients::on}});
    if (!answer) {
      return std::unexpected(answer.error());
    }
    ++calls_;
    Answer given{.took = answer->took, .outputs = {}};
    for (const PlacedTensor& tensor : answer->outputs) {
      auto bytes = content(tensor);
      if (!bytes) {
        return std::unexpected(bytes.error());
      }
      const auto owner = std::make_shared<const std::vector<std::byte>>(std::move(*bytes));
      given.outputs.push_back(
          {.values = {.name = tensor.name, .dtype = tensor.dtype, .shape = tensor.shape, .bytes = *owner},
           .owner = owner});
    }
    return given;
  }

  Result<std::vector<Duration>> time_calls(const std::vector<InputValues>& inputs,
                                           std::uint64_t count) override {
    auto answer = ask(inputs, Json{{"do", "time"}, {"count", count}});
    if (!answer) {
      return std::unexpected(answer.error());
    }
    if (answer->calls.size() != count) {
      return fail(ErrorCode::bad_input,
                  std::format("{} times came; {} were asked for", answer->calls.size(), count));
    }
    calls_ += count;
    return std::move(answer->calls);
  }

  std::uint64_t calls() const override { return calls_; }
  std::uint64_t peak_memory() const override { return peak_resident_bytes_of(child_->process()); }

 private:
  Result<CallAnswer> ask(const std::vector<InputValues>& inputs, Json request) {
    const auto placed = child_->place(inputs);
    if (!placed) {
      return std::unexpected(placed.error());
    }
    request["inputs"] = encode(*placed);
    const auto said = child_->ask(request);
    if (!said) {
      return std::unexpected(said.error());
    }
    auto answer = decode<CallAnswer>(*said);
    if (answer && !answer->refused.empty()) {
      return fail(answer->unsupported ? ErrorCode::unsupported : ErrorCode::bad_input, answer->refused);
    }
    return answer;
  }

  // The output's bytes, if they are as many as its shape needs.
  Result<std::vector<std::byte>> content(const PlacedTensor& tensor) const {
    std::uint64_t wanted = element_bytes(tensor.dtype);
    bool sound = true;
    for (const std::int64_t size : tensor.shape) {
      sound =
          sound && size >= 0 && !__builtin_mul_overflow(wanted, static_cast<std::uint64_t>(size), &wanted);
    }
    if (!sound || (element_bytes(tensor.dtype) > 0 && wanted != tensor.bytes)) {
      return fail(ErrorCode::bad_input,
                  std::format("output `{}` of shape {} has {} bytes", printable(tensor.name),
                              shape_text(tensor.shape), tensor.bytes));
    }
    return child_->output(tensor);
  }

  std::shared_ptr<PythonChild> child_;
  std::uint64_t calls_ = 0;
};

// "FileNotFoundError: models/x.pth (processing/predictor.py, line 12)"
std::string words_of(const LoadAnswer& answer, const std::string& root) {
  if (!answer.exception) {
    return answer.words;
  }
  std::string words = std::format("{}: {}", answer.exception->kind, answer.exception->message);
  for (auto frame = answer.exception->frames.rbegin(); frame != answer.exception->frames.rend(); ++frame) {
    if (frame->own) {
      std::string_view file = frame->file;
      if (file.starts_with(root + "/")) {
        file.remove_prefix(root.size() + 1);
      }
      return words + std::format(" ({}, line {})", printable(file), frame->line);
    }
  }
  return words;
}

Json load_request(const ModelDeclaration& model, const PythonRequest& python) {
  return {{"do", "load"},
          {"root", encode_text(python.root)},
          {"path", encode(python.path)},
          {"argv", encode(python.arguments)},
          {"as_main", python.as_main},
          {"factory", encode_text(model.factory)},
          {"network", encode_text(model.network)}};
}

void describe(const LoadAnswer& answer, const RuntimeRequest& request, Loaded& out) {
  out.witness = {.library = answer.library,
                 .version = answer.version,
                 .device = answer.device,
                 .form = std::format("`{}` in Python {}", printable(request.model.factory), answer.python)};
  out.load.devices = answer.devices;
  out.load.providers = answer.providers;
  out.load.python = PythonFacts{.version = answer.python,
                                .executable = answer.executable,
                                .stage = answer.stage,
                                .import = answer.times.import,
                                .factory = answer.times.factory,
                                .predictor = answer.predictor,
                                .network = answer.network,
                                .member = answer.member,
                                .training = answer.training,
                                .exception = answer.exception,
                                .words = answer.words,
                                .session_file = answer.session_file,
                                .buffers = answer.buffers,
                                .quantised = answer.quantised};
}

// What the process knows besides.
Result<void> look(PythonChild& child, const PythonRequest& request, PythonFacts& facts) {
  const auto said = child.ask({{"do", "look"},
                               {"survey", request.survey},
                               {"globals", encode(request.globals)},
                               {"numbers", request.numbers >= 0}});
  if (!said) {
    return std::unexpected(said.error());
  }
  auto answer = decode<LookAnswer>(*said);
  if (!answer) {
    return std::unexpected(answer.error());
  }
  facts.opened = std::move(answer->opened);
  facts.connections = std::move(answer->connections);
  facts.installed = std::move(answer->installed);
  facts.globals = std::move(answer->globals);
  facts.no_numbers = std::move(answer->no_numbers);
  return {};
}

// Makes the paths of the request those of the server.
void move_to_server(PythonRequest& request) {
  request.root = path_on_server(request.placed, request.root);
  request.folder = path_on_server(request.placed, request.folder);
  for (std::vector<std::string>* paths : {&request.path, &request.arguments, &request.writable}) {
    for (std::string& path : *paths) {
      path = path_on_server(request.placed, path);
    }
  }
}

// NVIDIA's, AMD's, that of a Windows host.
bool has_gpu() {
  return std::ranges::any_of(std::array{"/dev/nvidiactl", "/dev/kfd", "/dev/dxg"},
                             [](const char* node) { return ::access(node, F_OK) == 0; });
}

// Puts the package where it will stand and the caches into the scratch folder, and shuts the rest. Returns what
// could not be done.
std::vector<std::string> confine(PythonRequest& request) {
  std::vector<std::string> off;
  if (!request.placed.empty()) {
    const std::string root = request.scratch + "/root";
    ::mkdir(root.c_str(), 0700);
    if (const auto entered = enter_view(request.placed, root)) {
      move_to_server(request);
    } else {
      off.push_back(std::format("it ran with the package in `{}`, since `{}` cannot be shown here ({})",
                                request.root, request.placed.back().at, entered.error().describe()));
    }
  }
  const auto set = [](const char* name, const std::string& value) { ::setenv(name, value.c_str(), 1); };
  const std::string home = request.scratch + "/home";
  const std::string temporary = request.scratch + "/tmp";
  ::mkdir(home.c_str(), 0700);
  ::mkdir(temporary.c_str(), 0700);
  set("HOME", home);
  set("TMPDIR", temporary);
  set("PYTHONDONTWRITEBYTECODE", "1");
  for (const char* name : {"XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME"}) {
    ::unsetenv(name);
  }
  std::vector<std::string> writable = request.writable;
  writable.push_back(request.scratch);
  for (std::string& words : enter_sandbox({.writable = writable, .gpu = has_gpu()})) {
    off.push_back(std::move(words));
  }
  return off;
}

Result<void> load(const RuntimeRequest& request, const Experiment* trial, Loaded& out) {
  const Duration started = steady_now();
  PythonRequest python = request.python;
  const std::vector<std::string> unprotected = confine(python);
  if (::chdir(python.folder.c_str()) != 0) {
    return std::unexpected(system_error(std::format("cannot enter `{}`", printable(python.folder)), errno));
  }
  auto child = PythonChild::start(python.interpreter, python.numbers);
  if (!child) {
    return std::unexpected(child.error());
  }
  const auto said = child->ask(load_request(request.model, python));
  if (!said) {
    return std::unexpected(said.error());
  }
  const bool loaded = said->contains("loaded");
  const char* member = loaded ? "loaded" : "failed";
  const auto answer = said->contains(member)
                          ? decode<LoadAnswer>(said->at(member))
                          : fail(ErrorCode::bad_input, "the interpreter's answer says nothing");
  if (!answer) {
    return std::unexpected(answer.error());
  }
  describe(*answer, request, out);
  out.load.python->unprotected = unprotected;
  out.load.took = steady_now() - started;
  if (request.mode == RuntimeMode::experiments) {
    if (const auto looked = look(*child, request.python, *out.load.python); !looked) {
      return std::unexpected(looked.error());
    }
  }
  if (!loaded) {
    // That no network is found says nothing of the model.
    return fail(answer->exception ? ErrorCode::bad_input : ErrorCode::unsupported,
                words_of(*answer, python.root));
  }
  out.model = std::make_unique<PythonModel>(std::make_shared<PythonChild>(std::move(*child)));
  out.load.stage = LoadStage::done;
  if (trial != nullptr) {
    if (const auto inputs = make_inputs(request.model, *trial)) {
      if (auto given = out.model->call(*inputs, Gradients::off)) {
        out.trial = std::move(*given);
      }
    }
  }
  return {};
}

}  // namespace

Loaded load_in_python(const RuntimeRequest& request, const Experiment* trial) {
  Loaded out;
  if (const auto outcome = load(request, trial, out); !outcome) {
    out.load.error = outcome.error().describe();
    out.load.unsupported = outcome.error().code == ErrorCode::unsupported;
    out.model.reset();
  }
  return out;
}

}  // namespace runup
