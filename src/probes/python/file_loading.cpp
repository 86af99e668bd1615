// SPDX-License-Identifier: Apache-2.0
#include "probes/python/file_loading.h"

#include <sys/mman.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <format>
#include <optional>
#include <utility>

#include "artifact/reader.h"
#include "base/text.h"
#include "facts/state_dict.h"
#include "probes/onnxruntime/error_text.h"
#include "probes/onnxruntime/placements.h"
#include "probes/python/calls.h"
#include "probes/python/state_dict.h"
#include "probes/torch/error_text.h"
#include "probes/torch/key_match.h"

namespace runup {

namespace {

bool is_onnx(const RuntimeRequest& request) { return request.python.kind == enum_name(ArtifactKind::onnx); }

bool is_archive(const RuntimeRequest& request) {
  return request.python.kind == enum_name(ArtifactKind::torchscript);
}

// As the probes of the two runtimes tell the same exceptions.
Error torch_error(const ExceptionFacts& exception) {
  const std::string& words = exception.message.empty() ? exception.kind : exception.message;
  return {.code = is_lack_of_runtime(words) ? ErrorCode::unsupported : ErrorCode::bad_input,
          .message = first_words(words),
          .cause = nullptr};
}

Error onnx_error(const ExceptionFacts& exception) {
  std::string_view words = exception.message;
  // "[ONNXRuntimeError] : 1 : FAIL : Load model from ..."
  if (words.starts_with("[ONNXRuntimeError]")) {
    for (int i = 0; i < 3; ++i) {
      const std::size_t colon = words.find(" : ");
      words.remove_prefix(colon == std::string_view::npos ? 0 : colon + 3);
    }
  }
  const bool lack = exception.kind.ends_with(".NotImplemented") || is_lack_of_ort(words);
  return {.code = lack ? ErrorCode::unsupported : ErrorCode::bad_input,
          .message = first_words_of_ort(words.empty() ? exception.kind : words),
          .cause = nullptr};
}

// Whether the path names the file of descriptor 4.
bool is_same_file(const std::string& path) {
  struct stat by_path{};
  struct stat by_descriptor{};
  return ::stat(path.c_str(), &by_path) == 0 && ::fstat(kFirstPassedFd, &by_descriptor) == 0 &&
         by_path.st_dev == by_descriptor.st_dev && by_path.st_ino == by_descriptor.st_ino;
}

class FileLoader {
 public:
  FileLoader(const RuntimeRequest& request, Bytes file, const FileSession& session, const Experiment* trial)
      : request_(request),
        declaration_(request.model),
        file_(file),
        session_(session),
        trial_(trial),
        started_(steady_now()),
        wording_(is_onnx(request) ? onnx_error : torch_error) {
    const LibraryAnswer& library = session.library;
    out_.witness = {.library = library.library, .version = library.version, .threads = library.threads};
    out_.load.python = PythonFacts{.version = library.python,
                                   .executable = library.executable,
                                   .built_for = library.built_for,
                                   .unprotected = session.python.unprotected};
    set_form(is_onnx(request) ? "ONNX model" : "TorchScript archive");
  }

  Loaded load() {
    Result<void> outcome = run();
    if (outcome || !session_.library.exception) {
      outcome = look_around(std::move(outcome));
    }
    if (!outcome) {
      out_.load.error = outcome.error().describe();
      out_.load.unsupported = outcome.error().code == ErrorCode::unsupported;
      out_.model.reset();
      out_.witness.device.clear();
    }
    out_.load.took = took_.value_or(steady_now() - started_);
    return std::move(out_);
  }

 private:
  void set_form(std::string_view what) {
    out_.witness.form = std::format("{} in Python {}", what, session_.library.python);
  }

  Result<void> run() {
    if (const auto& exception = session_.library.exception) {
      out_.load.python->stage = FactoryStage::import;
      out_.load.python->exception = exception;
      return fail(ErrorCode::unsupported, std::format("{}: {}", exception->kind, exception->message));
    }
    out_.load.python->stage = FactoryStage::factory;
    const std::string path = path_on_server(request_.python.placed, declaration_.path);
    path_ = is_same_file(path) ? path : declaration_.path;
    if (!is_same_file(path_)) {
      return fail(ErrorCode::not_found,
                  std::format("`{}` was replaced during the run", printable(declaration_.path)));
    }
    const bool weights_alone = !is_onnx(request_) && !is_archive(request_);
    if (weights_alone) {
      out_.witness.architecture_unverified = true;
      out_.load.stage = LoadStage::architecture;
      if (declaration_.architecture.empty()) {
        return fail(ErrorCode::bad_input, "the file has weights but no code; `architecture:` is not given");
      }
    }
    const auto said = ask({{"do", "open_file"},
                           {"path", encode_text(path_)},
                           {"kind", request_.python.kind},
                           {"device", encode_text(declaration_.device)},
                           {"architecture", encode_text(architecture())}});
    if (!said) {
      return std::unexpected(said.error());
    }
    if (!weights_alone) {
      return take_loaded(*said);
    }
    const auto wanted = member<WantedAnswer>(*said, "wanted");
    return wanted ? run_state_dict(*wanted) : std::unexpected(wanted.error());
  }

  std::string architecture() const {
    std::string path = path_on_server(request_.python.placed, declaration_.architecture);
    struct stat status{};
    return ::stat(path.c_str(), &status) == 0 ? path : declaration_.architecture;
  }

  template <class Answer>
  static Result<Answer> member(const Json& said, const char* name) {
    return said.contains(name) ? decode<Answer>(said.at(name))
                               : fail(ErrorCode::bad_input, "the interpreter's answer says nothing");
  }

  // One step of loading; where it failed, the facts say which.
  Result<Json> ask(const Json& request) {
    auto said = session_.python.child->ask(request);
    if (!said || !said->contains("failed")) {
      return said;
    }
    const auto failure = decode<FileFailure>(said->at("failed"));
    if (!failure) {
      return std::unexpected(failure.error());
    }
    out_.load.stage = failure->stage;
    if (failure->exception) {
      out_.load.python->exception = failure->exception;
      return std::unexpected(wording_(*failure->exception));
    }
    return fail(failure->lack ? ErrorCode::unsupported : ErrorCode::bad_input, failure->words);
  }

  Result<void> take_loaded(const Json& said) {
    const auto answer = member<FileAnswer>(said, "loaded");
    if (!answer) {
      return std::unexpected(answer.error());
    }
    out_.witness.device = answer->device;
    out_.load.devices = answer->devices;
    out_.load.providers_asked = answer->providers_asked;
    out_.load.inputs = answer->inputs;
    out_.load.outputs = answer->outputs;
    if (is_onnx(request_)) {
      take_providers(*answer);
    }
    PythonFacts& python = *out_.load.python;
    python.stage = FactoryStage::done;
    python.network = answer->network;
    python.training = answer->training;
    python.session_file = answer->session_file;
    python.buffers = answer->buffers;
    python.quantised = answer->quantised;
    out_.model = make_python_model(session_.python.child, wording_);
    out_.load.stage = LoadStage::done;
    took_ = steady_now() - started_;
    return {};
  }

  void take_providers(const FileAnswer& answer) {
    Placements placements;
    for (const std::string& line : answer.placed) {
      placements.read(line);
    }
    bool on_cuda = false;
    for (const auto& [provider, nodes] : placements.nodes()) {
      on_cuda = on_cuda || provider == "CUDAExecutionProvider";
      out_.load.providers.push_back(provider);
    }
    if (placements.nodes().empty() && answer.providers_asked.size() == 1) {
      out_.load.providers = answer.providers_asked;
    }
    const std::size_t colon = declaration_.device.find(':');
    const std::string gpu =
        "cuda:" + (colon == std::string::npos ? std::string("0") : declaration_.device.substr(colon + 1));
    out_.load.devices = {"cpu"};
    if (answer.providers_asked.size() > 1) {
      out_.load.devices.push_back(gpu);
    }
    out_.witness.device = on_cuda ? gpu : "cpu";
  }

  Result<void> run_state_dict(const WantedAnswer& wanted) {
    set_form(wanted.archive ? "TorchScript archive filled by state_dict"
                            : "state_dict in TorchScript source");
    if (auto outcome = place(); !outcome) {
      return outcome;
    }
    const std::vector<TensorKey> present = keys_of(weights_);
    std::vector<WantedKey> keys;
    for (const WantedKeyAnswer& key : wanted.keys) {
      keys.push_back({.key = key.key, .shape = key.shape, .optional = key.optional, .buffer = key.buffer});
    }
    KeyMatchFacts& match = out_.load.keys.emplace(match_keys(state_dict_path_, present, keys, wanted.all));
    // Without inputs to try, names alone must tell what is too many.
    const bool tries = !wanted.archive && trial_ != nullptr && !declaration_.inputs.empty();
    if (!match.missing.empty() || ((wanted.archive || (trial_ != nullptr && !tries)) && differ(match))) {
      return keys_do_not_fit(match);
    }
    const auto said = ask({{"do", "fill"},
                           {"path", encode_text(path_)},
                           {"device", encode_text(declaration_.device)},
                           {"become", wanted.archive ? "" : floating_type(weights_, declaration_)},
                           {"tensors", encode(weights_)}});
    if (!said) {
      return std::unexpected(said.error());
    }
    if (auto outcome = take_loaded(*said); !outcome || !tries) {
      return outcome;
    }
    out_.load.stage = LoadStage::state_dict;
    if (auto outcome = try_keys(wanted, present, match); !outcome) {
      return outcome;
    }
    out_.load.stage = LoadStage::done;
    return {};
  }

  Result<void> place() {
    out_.load.stage = LoadStage::state_dict;
    artifact_ = read_artifact(file_, {.hash = false});
    if (!artifact_.defects.empty()) {
      return fail(ErrorCode::bad_input, artifact_.defects.front().message);
    }
    const StateDictChoice choice = choose_state_dict(artifact_, declaration_);
    if (choice.chosen == nullptr) {
      return fail(ErrorCode::bad_input, choice.why_not);
    }
    if (choice.chosen->other_entries > 0) {
      return fail(ErrorCode::unsupported,
                  std::format("{} entries of the state_dict are no tensors, as in quantised modules",
                              choice.chosen->other_entries));
    }
    state_dict_path_ = choice.chosen->path;
    auto weights = place_weights(file_, artifact_, *choice.chosen, session_.weights.get());
    if (!weights) {
      return std::unexpected(weights.error());
    }
    weights_ = std::move(*weights);
    return {};
  }

  // An inference, and another one in which the interpreter says which tensors an operator reads.
  Result<void> try_keys(const WantedAnswer& wanted, const std::vector<TensorKey>& present,
                        KeyMatchFacts& match) {
    const auto inputs = make_inputs(declaration_, *trial_);
    if (!inputs) {
      return std::unexpected(inputs.error());
    }
    auto answer = out_.model->call(*inputs, Gradients::off);
    if (!answer) {
      if (const std::string key = missing_key(answer.error().message); !key.empty()) {
        match.missing.push_back(key);
      }
      return std::unexpected(answer.error());
    }
    out_.trial = std::move(*answer);
    const auto placed = session_.python.child->place(*inputs);
    if (!placed) {
      return std::unexpected(placed.error());
    }
    const auto said = ask({{"do", "read_keys"}, {"inputs", encode(*placed)}});
    const auto told = said ? decode<ReadAnswer>(*said) : std::unexpected(said.error());
    if (!told) {
      return std::unexpected(told.error());
    }
    if (told->read && told->read->size() == present.size()) {
      std::vector<bool> read = *told->read;
      for (std::size_t i = 0; i < present.size(); ++i) {
        // This call passed its branch by; another may not.
        read[i] = read[i] || std::ranges::contains(wanted.conditional, present[i].key);
      }
      set_unread(match, present, read);
    }
    return differ(match) ? keys_do_not_fit(match) : Result<void>{};
  }

  // What was opened meanwhile, whatever came of it.
  Result<void> look_around(Result<void> outcome) {
    if (request_.mode != RuntimeMode::experiments) {
      return outcome;
    }
    const auto looked = look(session_.python, *out_.load.python);
    return outcome ? looked : outcome;
  }

  const RuntimeRequest& request_;
  const ModelDeclaration& declaration_;
  Bytes file_;
  const FileSession& session_;
  const Experiment* trial_;
  Duration started_;
  Wording wording_;
  std::optional<Duration> took_;
  Loaded out_;
  std::string path_;
  ArtifactFacts artifact_;
  std::string state_dict_path_;
  std::vector<PlacedWeight> weights_;
};

}  // namespace

Result<FileSession> start_for_file(const RuntimeRequest& request) {
  FileDescriptor weights(::memfd_create("runup-weights", MFD_CLOEXEC));
  if (!weights) {
    return std::unexpected(system_error("cannot make a file in memory", errno));
  }
  auto python = start_session(request.python, weights.get());
  if (!python) {
    return std::unexpected(python.error());
  }
  const auto said = python->child->ask({{"do", "get_ready"},
                                        {"root", encode_text(python->request.root)},
                                        {"library", is_onnx(request) ? "onnxruntime" : "torch"}});
  if (!said) {
    return std::unexpected(said.error());
  }
  const char* member = said->contains("ready") ? "ready" : "failed";
  auto library = said->contains(member) ? decode<LibraryAnswer>(said->at(member))
                                        : fail(ErrorCode::bad_input, "the interpreter's answer says nothing");
  if (!library) {
    return std::unexpected(library.error());
  }
  return FileSession{
      .python = std::move(*python), .library = std::move(*library), .weights = std::move(weights)};
}

Loaded load_file_in_python(const RuntimeRequest& request, Bytes file, const FileSession& session,
                           const Experiment* trial) {
  return FileLoader(request, file, session, trial).load();
}

}  // namespace runup
