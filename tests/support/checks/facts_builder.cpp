// SPDX-License-Identifier: Apache-2.0
#include "facts_builder.h"

namespace runup::testing {

const CheckInfo& built_in_check(std::string_view id) {
  for (const CatalogueEntry& entry : built_in_checks()) {
    if (entry.info->id == id) {
      return *entry.info;
    }
  }
  std::abort();
}

Outcome run_check(std::string_view id, const Facts& facts, const Json& options, bool strict) {
  return settle(built_in_check(id).judge(facts, options), {}, strict);
}

std::vector<std::string> finding_ids(const Outcome& outcome) {
  std::vector<std::string> ids;
  for (const Finding& finding : outcome.findings) {
    ids.push_back(finding.id);
  }
  return ids;
}

Finding find_finding(const Outcome& outcome, std::string_view id) {
  for (const Finding& finding : outcome.findings) {
    if (finding.id == id) {
      return finding;
    }
  }
  FAIL("no finding `" << id << "`; the reason is: " << outcome.reason);
  return {};
}

std::string evidence_of(const Outcome& outcome, std::string_view name) {
  for (const Evidence& evidence : outcome.evidence) {
    if (evidence.name == name) {
      return evidence.value;
    }
  }
  return {};
}

void add_tensor(ArtifactFacts& artifact, std::string path, std::vector<std::int64_t> shape, std::string dtype,
                std::string device) {
  const std::uint64_t item = dtype == "float16" || dtype == "bfloat16" ? 2
                             : dtype == "float64" || dtype == "int64"  ? 8
                                                                       : 4;
  TensorFacts tensor{.path = std::move(path), .dtype = dtype, .shape = std::move(shape)};
  tensor.elements = 1;
  for (const std::int64_t size : tensor.shape) {
    tensor.elements *= static_cast<std::uint64_t>(size);
  }
  tensor.bytes = tensor.elements * item;
  tensor.values = ValueFacts{.min = -0.5, .max = 0.75};
  tensor.storage = static_cast<std::int64_t>(artifact.storages.size());
  artifact.storages.push_back({.key = std::to_string(artifact.storages.size()),
                               .dtype = std::move(dtype),
                               .device = std::move(device),
                               .bytes = tensor.bytes});
  artifact.tensors.push_back(std::move(tensor));
}

void add_state_dict(ArtifactFacts& artifact, std::string path, std::string role) {
  StateDictFacts mapping{.path = std::move(path), .has_metadata = true, .role = std::move(role)};
  const std::string prefix = mapping.path.empty() ? "" : mapping.path + ".";
  for (const TensorFacts& tensor : artifact.tensors) {
    if (tensor.path.starts_with(prefix)) {
      ++mapping.tensors;
      mapping.bytes +=
          tensor.storage < 0 ? 0 : artifact.storages[static_cast<std::size_t>(tensor.storage)].bytes;
    }
  }
  artifact.objects.push_back({.path = mapping.path,
                              .type = "collections.OrderedDict",
                              .items = mapping.tensors,
                              .bytes = mapping.bytes});
  artifact.state_dicts.push_back(std::move(mapping));
}

ArtifactFacts sign_artifact() {
  ArtifactFacts artifact{.kind = ArtifactKind::torch_zip,
                         .bytes = 968'290,
                         .sha256 = "4be1d3a0c1f2e3d4b5a6978869504132231405f6e7d8c9bab0a1928374655647",
                         .format_version = "3",
                         .byte_order = "little",
                         .pickle_protocol = 2,
                         .opcodes = {"BINPUT", "BINUNICODE", "BUILD", "GLOBAL", "PROTO", "REDUCE", "STOP"},
                         .members = 8,
                         .root_type = "dict"};
  add_tensor(artifact, "model_state_dict.conv1.weight", {16, 147, 3});
  add_tensor(artifact, "model_state_dict.conv1.bias", {16});
  add_tensor(artifact, "model_state_dict.classifier.weight", {3, 16});
  add_tensor(artifact, "model_state_dict.classifier.bias", {3});
  add_state_dict(artifact, "model_state_dict");
  artifact.objects.push_back({.path = "label_encoder", .type = "sklearn.preprocessing._label.LabelEncoder"});
  artifact.objects.push_back({.path = "epoch", .type = "int"});
  artifact.globals = {{.module = "collections",
                       .name = "OrderedDict",
                       .member = "data.pkl",
                       .key_path = "model_state_dict",
                       .uses = 1},
                      {.module = "torch._utils",
                       .name = "_rebuild_tensor_v2",
                       .member = "data.pkl",
                       .key_path = "model_state_dict.conv1.weight",
                       .uses = 4},
                      {.module = "torch",
                       .name = "FloatStorage",
                       .member = "data.pkl",
                       .key_path = "model_state_dict.conv1.weight",
                       .uses = 4}};
  artifact.label_lists.push_back({.path = "label_encoder",
                                  .kind = LabelListKind::label_encoder,
                                  .type = "sklearn.preprocessing._label.LabelEncoder",
                                  .classes = {"감사합니다", "미안합니다", "안녕하세요"},
                                  .dtype = "str",
                                  .sklearn_version = "1.4.2"});
  artifact.metadata.push_back({.path = "epoch", .type = "int", .value = "40"});
  return artifact;
}

OutputFacts logits(std::vector<double> values, std::string sha256) {
  OutputFacts output{.name = "output[0]",
                     .dtype = "float32",
                     .shape = {1, static_cast<std::int64_t>(values.size())},
                     .elements = values.size(),
                     .first = values,
                     .sha256 = std::move(sha256)};
  const auto [low, high] = std::ranges::minmax_element(values);
  output.min = *low;
  output.max = *high;
  output.top1 = {high - values.begin()};
  output.top1_probability = 0.97;
  return output;
}

ExperimentFacts answer_to(const Experiment& asked) {
  ExperimentFacts answer{.asked = asked};
  switch (asked.kind) {
    case ExperimentKind::infer: {
      const double shift =
          0.1 * static_cast<double>(asked.seed + asked.sample) + static_cast<double>(asked.fill);
      const std::string sha256 =
          std::string(enum_name(asked.fill)) + std::to_string(asked.seed) + std::to_string(asked.sample);
      answer.outputs.push_back(logits({-1.5 - shift, 0.25, 2.5 + shift}, sha256));
      break;
    }
    case ExperimentKind::latency:
      for (std::uint64_t i = 0; i < asked.count; ++i) {
        answer.calls.push_back(Duration{10'000'000 + static_cast<std::int64_t>(i % 3) * 100'000});
      }
      break;
    case ExperimentKind::limit:
      answer.limit = LimitFacts{.end = LimitEnd::most_reached, .largest = asked.most};
      answer.limit->tried = {{.size = asked.from, .works = true}, {.size = asked.most, .works = true}};
      break;
    case ExperimentKind::cold_start:
      for (std::uint64_t i = 0; i < asked.count; ++i) {
        const auto jitter = static_cast<std::int64_t>(i) * 1'000'000;
        answer.cold_starts.push_back({.runtime_start = Duration::from_milliseconds(300),
                                      .load = Duration{80'000'000 + jitter},
                                      .first = Duration{40'000'000 + jitter},
                                      .cached = 1,
                                      .peak_resident_bytes = 300U << 20U});
      }
      break;
  }
  return answer;
}

void ask_runtime(Facts& facts, std::string_view check, const Json& options) {
  RuntimeFacts& runtime = *facts.runtimes.front().value;
  runtime.experiments.clear();
  for (const Experiment& asked : built_in_check(check).plan(facts.model, options)) {
    ExperimentFacts answer = answer_to(asked);
    if (asked.fill == Fill::sample && !facts.model.samples[asked.sample].output.empty()) {
      answer.outputs.front().comparison = ComparisonFacts{
          .same_shape = true, .expected_shape = {1, 3}, .max_abs = 2e-7, .rtol = 1e-3, .atol = 1e-5};
    }
    runtime.experiments.push_back(std::move(answer));
  }
}

Facts sign_facts() {
  Facts facts{.target = {.target = "sign-language-service",
                         .package = "/srv/sign",
                         .entrypoint = "/srv/sign/main.py"},
              .model_name = "sign"};
  facts.model = {
      .path = "/srv/sign/models/sign.pth",
      .state_dict = "model_state_dict",
      .architecture = "/srv/sign/architectures/sign.py",
      .labels = LabelsDeclaration{.from = LabelSource::checkpoint, .key = "label_encoder"},
      .inputs = {{.name = "frames", .shape = {{.axis = "batch"}, {.axis = "time"}, {.size = 147}}}},
      .axes = {{"batch", {.example = 1}}, {"time", {.example = 300}}},
      .samples = {{.input = "/srv/sign/samples/hello.npy",
                   .output = "/srv/sign/samples/hello.out.npy",
                   .label = "안녕하세요"}}};
  PackageFacts package{
      .root = "/srv/sign", .root_kind = FileKind::directory, .file_count = 12, .total_bytes = 1'200'000};
  package.paths.push_back({.asked_by = "models.sign.path",
                           .written = "models/sign.pth",
                           .path = "/srv/sign/models/sign.pth",
                           .real_path = "/srv/sign/models/sign.pth",
                           .kind = FileKind::regular,
                           .bytes = 968'290,
                           .mode = 0644});
  facts.package = Observed<PackageFacts>::seen(std::move(package), {});
  facts.artifact = Observed<ArtifactFacts>::seen(sign_artifact(), {});
  facts.host = Observed<HostFacts>::seen({.name = "gate-1", .architecture = "x86_64", .cpus_online = 2}, {});
  RuntimeFacts runtime{.witness = {.library = "libtorch",
                                   .version = "2.6.0",
                                   .device = "cpu",
                                   .form = "state_dict in TorchScript source",
                                   .threads = 1}};
  runtime.load = {.stage = LoadStage::done,
                  .keys = KeyMatchFacts{.state_dict = "model_state_dict", .matched = 4},
                  .devices = {"cpu"}};
  facts.runtimes.push_back(Observed<RuntimeFacts>::seen(std::move(runtime), {}));
  std::vector<ExperimentFacts> all;
  for (const std::string_view check : {"inference", "warmup-budget"}) {
    ask_runtime(facts, check);
    std::ranges::move(facts.runtimes.front().value->experiments, std::back_inserter(all));
  }
  facts.runtimes.front().value->experiments = std::move(all);
  return facts;
}

Facts predictor_facts_of_sign() {
  Facts facts = sign_facts();
  facts.model.factory = "processing.predictor:get_predictor";
  RuntimeFacts runtime = *facts.runtimes.front();
  runtime.witness = {.library = "torch",
                     .version = "2.6.0+cpu",
                     .device = "cpu",
                     .form = "`processing.predictor:get_predictor` in Python 3.11.9"};
  runtime.load = {.stage = LoadStage::done, .devices = {"cpu"}};
  runtime.load.python = PythonFacts{
      .version = "3.11.9",
      .executable = "/srv/sign/.venv/bin/python",
      .stage = FactoryStage::done,
      .import = Duration::from_seconds(2),
      .factory = Duration::from_milliseconds(250),
      .predictor = "processing.predictor.Predictor",
      .network = "processing.network.Net",
      .member = ".model",
      .opened = {{.path = "/srv/sign/models/sign.pth",
                  .absolute = "/srv/sign/models/sign.pth",
                  .exists = true,
                  .file = "/srv/sign/processing/predictor.py",
                  .line = 12}},
      .installed = {{"numpy", "2.1.0"}, {"scikit-learn", "1.5.2"}, {"torch", "2.6.0+cpu"}},
      .elsewhere = Observed<ElsewhereFacts>::seen({.folder = "/", .stage = FactoryStage::done}, {})};
  for (const GlobalFacts& global : facts.artifact->globals) {
    runtime.load.python->globals.push_back(
        {.module = global.module, .name = global.name, .found = true, .has_module = true});
  }
  facts.runtimes.insert(facts.runtimes.begin(), Observed<RuntimeFacts>::seen(std::move(runtime), {}));
  facts.predictor_weights = Observed<WeightParityFacts>::seen({.tensors = 4, .by_name = 4}, {});
  return facts;
}

SourceFacts& give_source(Facts& facts) {
  const SourcePlace place{
      .file = "processing/predictor.py", .line = 12, .function = "load", .when = ReachedWhen::startup};
  facts.source = Observed<SourceFacts>::seen(
      {.version = "3.11.9",
       .factory = {.found = true, .file = "processing/predictor.py", .line = 40},
       .modules = {{.name = "main", .file = "main.py", .names = {"app", "Net"}},
                   {.name = "processing.predictor", .file = "processing/predictor.py", .names = {"load"}}},
       .paths =
           {{.call = "torch.load", .anchor = PathAnchor::file, .value = "models/sign.pth", .place = place}},
       .loads = {{.call = "torch.load", .path = 0, .callers = {"main.py:3"}, .place = place}}},
      {});
  return *facts.source.value;
}

void lose_runtime(Facts& facts, const Absence& why) { facts.runtimes = {Observed<RuntimeFacts>::none(why)}; }

}  // namespace runup::testing
