// SPDX-License-Identifier: Apache-2.0
#include "probes/python/model.h"

#include <format>
#include <utility>

#include "base/text.h"
#include "probes/python/answers.h"
#include "probes/python/calls.h"
#include "probes/python/session.h"

namespace runup {

namespace {

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
                                .built_for = answer.built_for,
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

Result<void> load(const RuntimeRequest& request, const Experiment* trial, Loaded& out) {
  const Duration started = steady_now();
  const auto session = start_session(request.python, request.python.numbers);
  if (!session) {
    return std::unexpected(session.error());
  }
  const auto said = session->child->ask(load_request(request.model, session->request));
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
  out.load.python->unprotected = session->unprotected;
  out.load.took = steady_now() - started;
  if (request.mode == RuntimeMode::experiments) {
    if (const auto looked = look(*session, *out.load.python); !looked) {
      return std::unexpected(looked.error());
    }
  }
  if (!loaded) {
    // That no network is found says nothing of the model.
    return fail(answer->exception ? ErrorCode::bad_input : ErrorCode::unsupported,
                words_of(*answer, session->request.root));
  }
  if (!request.python.structure.empty()) {
    const auto inputs = trial != nullptr ? make_inputs(request.model, *trial) : std::vector<InputValues>{};
    const auto written = inputs ? write_structure(*session->child, request.python.structure, *inputs)
                                : std::unexpected(inputs.error());
    out.load.python->no_numbers = written ? "" : written.error().describe();
  }
  out.model = make_python_model(session->child);
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
