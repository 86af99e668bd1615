// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch_test_macros.hpp>

#include "facts_builder.h"

using namespace runup;
using namespace runup::testing;

namespace {

constexpr std::string_view kId = "predictor-load";
using Words = std::vector<std::string>;

// The innermost frame is PyTorch's, as it usually is.
ExceptionFacts exception_of(std::string kind, std::string message, std::vector<std::string> bases = {}) {
  bases.insert(bases.begin(), kind.substr(kind.rfind('.') + 1));
  return {.kind = std::move(kind),
          .message = std::move(message),
          .bases = std::move(bases),
          .frames = {{.file = "/srv/sign/processing/predictor.py",
                      .line = 31,
                      .function = "get_predictor",
                      .text = "return Predictor(MODEL)",
                      .own = true},
                     {.file = "/srv/sign/processing/predictor.py",
                      .line = 12,
                      .function = "__init__",
                      .text = "state = torch.load(path)",
                      .own = true},
                     {.file = "/usr/lib/python3/dist-packages/torch/serialization.py",
                      .line = 1400,
                      .function = "load",
                      .text = "opened_file = open(f)"}}};
}

Facts raising(ExceptionFacts exception, FactoryStage stage = FactoryStage::factory) {
  Facts facts = predictor_facts_of_sign();
  RuntimeFacts& runtime = *facts.runtimes.front().value;
  runtime.load.stage = LoadStage::artifact;
  runtime.load.error = exception.kind;
  runtime.load.python->stage = stage;
  runtime.load.python->exception = std::move(exception);
  return facts;
}

Finding only_finding(const Outcome& outcome) {
  REQUIRE(outcome.findings.size() == 1);
  CHECK(outcome.status == Status::failed);
  return outcome.findings.front();
}

}  // namespace

TEST_CASE("predictor-load: what was made and how long it took") {
  const Outcome outcome = run_check(kId, predictor_facts_of_sign());
  CHECK(outcome.status == Status::passed);
  CHECK(outcome.findings.empty());
  CHECK(evidence_of(outcome, "interpreter") == "Python 3.11.9 (`/srv/sign/.venv/bin/python`)");
  CHECK(evidence_of(outcome, "network") == "`processing.network.Net` in `.model`");
  CHECK(evidence_of(outcome, "import") == "2.00 s");
  CHECK(evidence_of(outcome, "load") == "250 ms");
}

TEST_CASE("predictor-load/file-missing: relative to another folder, or not in the package") {
  ExceptionFacts exception =
      exception_of("FileNotFoundError", "[Errno 2] No such file or directory: 'models/sign.pth'",
                   {"OSError", "Exception"});
  exception.path = "models/sign.pth";
  Finding finding = only_finding(run_check(kId, raising(exception)));
  CHECK(finding.id == "file-missing");
  CHECK(finding.message ==
        "`processing.predictor:get_predictor`: it raises `FileNotFoundError`: [Errno 2] No such file or "
        "directory: "
        "'models/sign.pth'; `models/sign.pth` is looked for in the folder that the server was started in");
  CHECK(finding.fix.contains("Path(__file__)"));
  CHECK(finding.where.file == "processing/predictor.py");
  CHECK(finding.where.line == 12);
  REQUIRE(finding.evidence.size() == 2);
  CHECK(finding.evidence[1].name == "processing/predictor.py:12");
  CHECK(finding.evidence[1].value == "state = torch.load(path)");

  exception.path = "/srv/sign/models/old.pth";
  finding = only_finding(run_check(kId, raising(exception)));
  CHECK(finding.message.ends_with("; nothing is at `models/old.pth`"));
  CHECK(finding.fix == "put the file there, or open `models/sign.pth`, which the config names");
  exception.path = "/srv/sign/models/sign.pth";
  CHECK(only_finding(run_check(kId, raising(exception))).fix == "put the model file into the package");

  // ONNX Runtime's and torch.jit's own words.
  exception = exception_of(
      "onnxruntime.capi.onnxruntime_pybind11_state.NoSuchFile",
      "[ONNXRuntimeError] : 3 : NO_SUCHFILE : Load model from m.onnx failed: File doesn't exist");
  CHECK(only_finding(run_check(kId, raising(exception))).id == "file-missing");
  exception = exception_of("ValueError", "The provided filename m.pt does not exist");
  CHECK(only_finding(run_check(kId, raising(exception))).id == "file-missing");
}

TEST_CASE("predictor-load/file-unreadable: permissions, pointers and halves") {
  ExceptionFacts exception = exception_of(
      "PermissionError", "[Errno 13] Permission denied: '/srv/sign/models/sign.pth'", {"OSError"});
  exception.path = "/srv/sign/models/sign.pth";
  const Finding finding = only_finding(run_check(kId, raising(exception)));
  CHECK(finding.id == "file-unreadable");
  CHECK(finding.message.ends_with("`models/sign.pth` may not be opened"));
  for (const auto& [kind, message] :
       {std::pair{"_pickle.UnpicklingError", "invalid load key, 'v'."},
        std::pair{"EOFError", "Ran out of input"},
        std::pair{"RuntimeError",
                  "PytorchStreamReader failed reading zip archive: failed finding central directory"}}) {
    CHECK(only_finding(run_check(kId, raising(exception_of(kind, message)))).id == "file-unreadable");
  }
}

TEST_CASE("predictor-load: what may not be written is undecided, since a server may write it") {
  ExceptionFacts exception =
      exception_of("PermissionError", "[Errno 13] Permission denied: '/srv/sign/logs/app.log'");
  exception.path = "/srv/sign/logs/app.log";
  exception.writing = true;
  const Outcome outcome = run_check(kId, raising(exception));
  CHECK(outcome.status == Status::undecided);
  CHECK(outcome.reason.contains("writes to `logs/app.log`"));
  CHECK(outcome.reason.contains("`writable:`"));

  Facts facts = predictor_facts_of_sign();
  python_of(facts).unprotected = {"it can write everywhere (no Landlock: Function not implemented)"};
  CHECK(evidence_of(run_check(kId, facts), "not protected").starts_with("it can write everywhere"));
}

TEST_CASE("predictor-load/class-missing: of `__main__`, of another release, of a module that is not there") {
  Finding finding = only_finding(
      run_check(kId, raising(exception_of("AttributeError",
                                          "Can't get attribute 'Net' on <module '__main__' (built-in)>"))));
  CHECK(finding.id == "class-missing");
  CHECK(finding.message.ends_with("the model file was pickled with the class `__main__.Net`"));
  CHECK(finding.fix.contains("sys.modules[\"__main__\"].Net = Net"));
  finding = only_finding(run_check(
      kId, raising(exception_of("AttributeError",
                                "Can't get attribute 'Net' on <module 'net' from '/srv/sign/net.py'>"))));
  CHECK(finding.message.ends_with("the class `net.Net`"));
  CHECK(finding.fix.contains("ship the release of `net` that has the class"));
  finding = only_finding(run_check(
      kId, raising(exception_of("ModuleNotFoundError", "No module named 'sklearn'", {"ImportError"}))));
  CHECK(finding.id == "class-missing");
  CHECK(finding.message.ends_with("classes of the module `sklearn`"));
}

TEST_CASE("predictor-load/module-missing: an import of the service's own") {
  ExceptionFacts exception = exception_of("ModuleNotFoundError", "No module named 'cv2'", {"ImportError"});
  exception.frames.pop_back();
  Finding finding = only_finding(run_check(kId, raising(exception, FactoryStage::import)));
  CHECK(finding.id == "module-missing");
  CHECK(finding.message.contains("importing its module raises `ModuleNotFoundError`"));
  CHECK(finding.message.ends_with("the service's interpreter has no module `cv2`"));
  exception = exception_of("ImportError", "cannot import name 'x' from 'y'");
  CHECK(only_finding(run_check(kId, raising(exception, FactoryStage::import))).id == "module-missing");
}

TEST_CASE("predictor-load/factory-missing: no such module, no such function") {
  ExceptionFacts exception =
      exception_of("ModuleNotFoundError", "No module named 'processing'", {"ImportError", "Exception"});
  exception.frames.clear();
  const Finding finding = only_finding(run_check(kId, raising(exception, FactoryStage::import)));
  CHECK(finding.id == "factory-missing");
  CHECK(finding.where.key == "models.sign.factory");
  exception =
      exception_of("AttributeError", "module 'processing.predictor' has no attribute 'get_predictor'");
  exception.frames.clear();
  CHECK(only_finding(run_check(kId, raising(exception, FactoryStage::lookup))).id == "factory-missing");
}

TEST_CASE("predictor-load: refused, mismatched, without a device, out of memory, exits, raises") {
  for (const auto& [id, kind, message] : std::vector<std::array<std::string, 3>>{
           {"refused-by-weights-only", "_pickle.UnpicklingError",
            "Weights only load failed. ... Unsupported global: GLOBAL "
            "sklearn.preprocessing._label.LabelEncoder was not "
            "an allowed global by default."},
           {"state-dict-mismatch", "RuntimeError",
            "Error(s) in loading state_dict for Net:\n\tsize mismatch for classifier.weight"},
           {"device-missing", "RuntimeError",
            "Attempting to deserialize object on a CUDA device but torch.cuda.is_available() is False."},
           {"device-missing", "AssertionError", "Torch not compiled with CUDA enabled"},
           {"out-of-memory", "MemoryError", ""},
           {"out-of-memory", "RuntimeError",
            "[enforce fail at alloc_cpu.cpp:119] err == 0. DefaultCPUAllocator: "
            "can't allocate memory: you tried to allocate 100 bytes."},
           {"exits", "SystemExit", "3"},
           {"raises", "KeyError", "'model_state_dict'"}}) {
    INFO(kind << ": " << message);
    CHECK(only_finding(run_check(kId, raising(exception_of(kind, message)))).id == id);
  }
  const Finding refused = only_finding(
      run_check(kId, raising(exception_of("_pickle.UnpicklingError",
                                          "Weights only load failed. Unsupported global: GLOBAL "
                                          "numpy._core.multiarray._reconstruct was not an allowed"))));
  CHECK(refused.message.ends_with("`weights_only` does not take `numpy._core.multiarray._reconstruct`"));
  const Finding mismatch = only_finding(
      run_check(kId, raising(exception_of("RuntimeError",
                                          "Error(s) in loading state_dict for Net:\n\tsize mismatch for "
                                          "head.weight: copying a param"))));
  CHECK(mismatch.message.contains("for Net: size mismatch for head.weight: copying a param"));
  // What is no model at all is refused too.
  Facts pointer =
      raising(exception_of("_pickle.UnpicklingError", "Weights only load failed. Unsupported operand 118"));
  pointer.artifact.value->kind = ArtifactKind::git_lfs_pointer;
  CHECK(only_finding(run_check(kId, pointer)).id == "file-unreadable");
  CHECK(only_finding(run_check(kId, pointer)).message.contains("is a Git LFS pointer"));
  ExceptionFacts chained = exception_of("RuntimeError", "no labels");
  chained.cause = "FileNotFoundError: labels.json";
  CHECK(only_finding(run_check(kId, raising(chained))).evidence.back().value ==
        "FileNotFoundError: labels.json");
}

TEST_CASE("predictor-load/returns-nothing") {
  Facts facts = predictor_facts_of_sign();
  python_of(facts).stage = FactoryStage::network;
  python_of(facts).predictor = "NoneType";
  CHECK(only_finding(run_check(kId, facts)).id == "returns-nothing");
  // What has no network may be a predictor all the same.
  python_of(facts).predictor = "processing.predictor.Predictor";
  python_of(facts).elsewhere.value->stage = FactoryStage::network;
  CHECK(run_check(kId, facts).status == Status::passed);
}

TEST_CASE("predictor-load/loads-here-only: by a relative path") {
  Facts facts = predictor_facts_of_sign();
  PythonFacts& python = python_of(facts);
  python.opened[0].path = "models/sign.pth";
  python.elsewhere.value->stage = FactoryStage::factory;
  python.elsewhere.value->exception =
      exception_of("FileNotFoundError", "[Errno 2] No such file or directory: 'models/sign.pth'");
  const Finding finding = only_finding(run_check(kId, facts));
  CHECK(finding.id == "loads-here-only");
  CHECK(
      finding.message ==
      "`processing.predictor:get_predictor` works in the folder of the entry point; started in `/` it raises "
      "`FileNotFoundError`: [Errno 2] No such file or directory: 'models/sign.pth'; `models/sign.pth` is "
      "opened by a "
      "relative path");
  CHECK(finding.where.line == 12);

  python.elsewhere =
      Observed<ElsewhereFacts>::none({.kind = AbsenceKind::timed_out, .detail = "it took too long"});
  CHECK(run_check(kId, facts).status == Status::undecided);
  CHECK(run_check(kId, facts).reason.contains("it took too long"));
}

TEST_CASE("predictor-load/network-needed: told beside what came of it") {
  Facts facts = predictor_facts_of_sign();
  python_of(facts).connections = {"huggingface.co:443"};
  const Outcome outcome = run_check(kId, facts);
  CHECK(outcome.status == Status::passed);
  CHECK(find_finding(outcome, "network-needed").severity == Severity::warning);
  CHECK(find_finding(outcome, "network-needed").message.contains("`huggingface.co:443`"));
}

TEST_CASE("predictor-load: no factory is none to call; no interpreter is undecided") {
  Facts facts = sign_facts();
  CHECK(run_check(kId, facts).status == Status::skipped);
  facts = predictor_facts_of_sign();
  lose_runtime(facts, {.kind = AbsenceKind::missing, .detail = "no Python interpreter was found"});
  CHECK(run_check(kId, facts).status == Status::undecided);
  CHECK(run_check(kId, facts).reason ==
        "what `factory:` makes could not be observed: no Python interpreter was found");
}

TEST_CASE("predictor-load/fallback, loads-at-import: by the sources") {
  Facts facts = predictor_facts_of_sign();
  SourceFacts& source = give_source(facts);
  CHECK(finding_ids(run_check(kId, facts)).empty());
  source.fallbacks = {{.catches = {"Exception"},
                       .then = FallbackKind::none,
                       .place = {.file = "main.py", .line = 30, .function = "lifespan"}}};
  CHECK(finding_ids(run_check(kId, facts)).empty());
  source.fallbacks.front().then = FallbackKind::replaces;
  Finding finding = find_finding(run_check(kId, facts), "fallback");
  CHECK(finding.severity == Severity::warning);
  CHECK(finding.message ==
        "where loading raises `Exception`, `lifespan` goes on with something else in the model's place: the "
        "server then "
        "answers, and not from `models/sign.pth`");
  CHECK(finding.where == Location{.file = "main.py", .key = {}, .line = 30});
  source.fallbacks.clear();
  source.loads.front().place.when = ReachedWhen::import;
  finding = find_finding(run_check(kId, facts), "loads-at-import");
  CHECK(finding.severity == Severity::note);
  CHECK(finding.message.contains("(main.py:3)"));
}
