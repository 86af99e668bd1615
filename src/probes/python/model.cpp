// SPDX-License-Identifier: Apache-2.0
#include "probes/python/model.h"

#include <unistd.h>

#include <cerrno>
#include <format>
#include <memory>
#include <utility>

#include "base/text.h"
#include "probes/python/child.h"
#include "probes/runtime/process.h"
#include "probes/runtime/values.h"

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
  static constexpr auto fields() {
    return std::tuple{Field{"library", &LoadAnswer::library},     Field{"version", &LoadAnswer::version},
                      Field{"device", &LoadAnswer::device},       Field{"devices", &LoadAnswer::devices},
                      Field{"providers", &LoadAnswer::providers}, Field{"training", &LoadAnswer::training},
                      Field{"class", &LoadAnswer::network},       Field{"predictor", &LoadAnswer::predictor},
                      Field{"member", &LoadAnswer::member},       Field{"times", &LoadAnswer::times},
                      Field{"stage", &LoadAnswer::stage},         Field{"words", &LoadAnswer::words},
                      Field{"exception", &LoadAnswer::exception}, Field{"python", &LoadAnswer::python},
                      Field{"executable", &LoadAnswer::executable}};
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

  Result<std::vector<Duration>> time_calls(const std::vector<InputValues>& inputs, std::uint64_t count) override {
    auto answer = ask(inputs, Json{{"do", "time"}, {"count", count}});
    if (!answer) {
      return std::unexpected(answer.error());
    }
    if (answer->calls.size() != count) {
      return fail(ErrorCode::bad_input, std::format("{} times came; {} were asked for", answer->calls.size(), count));
    }
    calls_ += count;
    return std::move(answer->calls);
  }

  std::uint64_t calls() const override { return calls_; }

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
      sound = sound && size >= 0 && !__builtin_mul_overflow(wanted, static_cast<std::uint64_t>(size), &wanted);
    }
    if (!sound || (element_bytes(tensor.dtype) > 0 && wanted != tensor.bytes)) {
      return fail(ErrorCode::bad_input, std::format("output `{}` of shape {} has {} bytes", printable(tensor.name),
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

Json load_request(const RuntimeRequest& request) {
  return {{"do", "load"},
          {"root", encode_text(request.python.root)},
          {"path", encode(request.python.path)},
          {"argv", encode(request.python.arguments)},
          {"factory", encode_text(request.model.factory)}};
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
                                .exception = answer.exception};
}

Result<void> load(const RuntimeRequest& request, const Experiment* trial, Loaded& out) {
  if (::chdir(request.python.folder.c_str()) != 0) {
    return std::unexpected(system_error(std::format("cannot enter `{}`", printable(request.python.folder)), errno));
  }
  auto child = PythonChild::start(request.python.interpreter);
  if (!child) {
    return std::unexpected(child.error());
  }
  const auto said = child->ask(load_request(request));
  if (!said) {
    return std::unexpected(said.error());
  }
  const bool loaded = said->contains("loaded");
  const char* member = loaded ? "loaded" : "failed";
  const auto answer = said->contains(member) ? decode<LoadAnswer>(said->at(member))
                                             : fail(ErrorCode::bad_input, "the interpreter's answer says nothing");
  if (!answer) {
    return std::unexpected(answer.error());
  }
  describe(*answer, request, out);
  if (!loaded) {
    // That no network is found says nothing of the model.
    return fail(answer->exception ? ErrorCode::bad_input : ErrorCode::unsupported,
                words_of(*answer, request.python.root));
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
  const Duration started = steady_now();
  Loaded out;
  if (const auto outcome = load(request, trial, out); !outcome) {
    out.load.error = outcome.error().describe();
    out.load.unsupported = outcome.error().code == ErrorCode::unsupported;
    out.model.reset();
  }
  out.load.took = steady_now() - started;
  return out;
}

}  // namespace runup
