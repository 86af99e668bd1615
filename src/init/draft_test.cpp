// SPDX-License-Identifier: Apache-2.0
#include "init/draft.h"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <catch2/catch_test_macros.hpp>

#include "init/names.h"
#include "init/start.h"
#include "init/text.h"

namespace runup::init {
namespace {

template <class T>
Observed<T> seen(T value) {
  return Observed<T>::seen(std::move(value), {});
}

// A package in /p with files and sources; nothing of it is on a disk.
class Package {
 public:
  Package() {
    survey_.root = "/p";
    survey_.package = seen(PackageFacts{.root = "/p"});
  }

  Package& file(const std::string& path) {
    survey_.files.push_back(path);
    std::ranges::sort(survey_.files);
    return *this;
  }

  Package& file(const std::string& path, ArtifactFacts content) {
    survey_.contents.push_back({.path = path, .content = seen(std::move(content))});
    return file(path);
  }

  Package& checkpoint(const std::string& path) {
    return file(path, {.kind = ArtifactKind::torch_zip,
                       .state_dicts = {{.path = "model", .tensors = 1, .role = "weights"}},
                       .tensors = {{.path = "model.fc.weight", .dtype = "float32", .shape = {4, 8}}}});
  }

  Package& onnx(const std::string& path, std::vector<OnnxValueFacts> inputs) {
    ArtifactFacts facts{.kind = ArtifactKind::onnx};
    facts.onnx = OnnxFacts{.inputs = std::move(inputs)};
    return file(path, std::move(facts));
  }

  Package& array(const std::string& path, const std::string& value) {
    return file(path, {.kind = ArtifactKind::npy,
                       .metadata = {{.path = "", .type = "numpy.ndarray", .value = value}}});
  }

  // main.py with an application
  SourceFacts& main(const std::string& path = "main.py") {
    file(path);
    SourceFacts source;
    source.modules.push_back({.name = "main", .file = path, .names = {"app", "get_net"}});
    source.applications.push_back(
        {.module = "main", .name = "app", .kind = "fastapi.FastAPI", .place = {.file = path, .line = 5}});
    survey_.entries.push_back({.path = path, .source = seen(std::move(source))});
    return *survey_.entries.back().source.value;
  }

  // ... that reads this path in `function` of net.py
  Package& load(PathAnchor anchor, const std::string& path, const std::string& function = "get_net") {
    SourceFacts& source = *survey_.entries.back().source.value;
    const SourcePlace place{.file = "net.py", .line = 10 + source.loads.size(), .function = function};
    source.paths.push_back(
        {.call = "torch.load", .text = {}, .anchor = anchor, .value = path, .place = place});
    source.loads.push_back(
        {.call = "torch.load", .path = static_cast<std::int64_t>(source.paths.size()) - 1, .place = place});
    return *this;
  }

  Package& maker(const std::string& name, std::size_t load = 0) {
    SourceFacts& source = *survey_.entries.back().source.value;
    source.makers.push_back(
        {.module = "net", .name = name, .makes = {}, .place = source.loads.at(load).place});
    return *this;
  }

  Package& docker(std::vector<std::string> command, std::vector<CopyFacts> copies = {}) {
    StageFacts built{.copies = std::move(copies),
                     .command = CommandFacts{.exec = true, .words = std::move(command), .line = 9}};
    survey_.package.value->dockerfile = DockerfileFacts{.file = "Dockerfile", .built = std::move(built)};
    return *this;
  }

  Survey& survey() { return survey_; }

  Draft draft() const {
    auto made = make_draft(survey_, {.name = "some service"});
    REQUIRE(made);
    return *made;
  }

  ModelDeclaration only_model() const {
    const Draft made = draft();
    REQUIRE(made.models.size() == 1);
    return made.models.front().declared;
  }

 private:
  Survey survey_;
};

std::vector<std::string> paths_of(const Draft& draft) {
  std::vector<std::string> paths;
  for (const DraftModel& model : draft.models) {
    paths.push_back(model.declared.path);
  }
  return paths;
}

using Texts = std::vector<std::string>;

TEST_CASE("stems, ids and endings") {
  CHECK(common_stem("models/Net.pth") == "net");
  CHECK(common_stem("net.ts.pt") == "net");
  CHECK(common_stem("net_traced_fp16.pt") == "net");
  CHECK(common_stem("onnx.onnx") == "onnx");
  CHECK(is_reduced("net_fp16.onnx"));
  CHECK(is_reduced("net.int8.onnx"));
  CHECK_FALSE(is_reduced("half.onnx"));
  CHECK(is_shard("model-00001-of-00003.safetensors"));
  CHECK_FALSE(is_shard("day-of-week.pt"));
  CHECK(family_of("net.ts.pt") == Family::torchscript);
  CHECK(family_of("net.pt") == Family::checkpoint);
  CHECK(is_named_like_labels("models/class_names.txt"));
  CHECK_FALSE(is_named_like_labels("models/config.json"));
  CHECK_FALSE(is_named_like_labels("labels.py"));
  CHECK(as_id("손짓", "model") == "model");
  CHECK(as_id("..a b\n#c", "model") == "a-b-c");
  Texts taken;
  CHECK(unique_id("a", "model", taken) == "a");
  CHECK(unique_id("a", "model", taken) == "a-2");
  CHECK(relative_to("src", "models/x.pth") == "../models/x.pth");
  CHECK(relative_to("", "models/x.pth") == "models/x.pth");
  CHECK(one_line("a\nb\xFF\xE2\x80\xA8") == "a\\nb\xEF\xBF\xBD\xEF\xBF\xBD");
  CHECK(answered_sample("samples/x.out.npy") == "samples/x");
  CHECK(answered_sample("samples/x.npy").empty());
}

std::optional<StartCommand> started(std::vector<std::string> files, std::vector<std::string> command) {
  Package package;
  package.docker(std::move(command));
  std::ranges::sort(files);
  return start_command(files, *package.survey().package);
}

TEST_CASE("a Dockerfile's command names the file that it starts") {
  const Texts files{"main.py", "app/main.py", "src/pkg/server.py", "pkg2/__main__.py"};
  const auto file = [&](Texts command) { return started(files, std::move(command))->file; };
  CHECK(file({"uvicorn", "main:app", "--port", "80"}) == "main.py");
  CHECK(file({"uvicorn", "app.main:app"}) == "app/main.py");
  CHECK(file({"gunicorn", "-k", "uvicorn.workers.UvicornWorker", "pkg.server:create()"}) ==
        "src/pkg/server.py");
  CHECK(file({"python", "/app/main.py"}) == "app/main.py");
  CHECK(file({"python", "-m", "pkg2"}) == "pkg2/__main__.py");
  CHECK(file({"python", "-m", "uvicorn", "main:app"}) == "main.py");
  CHECK(file({"sh", "-c", "exec uvicorn main:app --port $PORT"}) == "main.py");
  CHECK(file({"flask", "--app", "main", "run"}) == "main.py");
  CHECK(file({"java", "-jar", "x.jar"}).empty());
  CHECK(file({"uvicorn", "nowhere:app"}).empty());
}

TEST_CASE("the service's command keeps all but the place that it listens at") {
  const Texts files{"main.py"};
  const auto command = [&](Texts words) { return service_command(*started(files, std::move(words))); };
  CHECK(command({"uvicorn", "main:app", "--host", "0.0.0.0", "--port=80", "--workers", "2"}) ==
        "uvicorn main:app --workers 2 --host {host} --port {port}");
  CHECK(command({"gunicorn", "-b", "0.0.0.0:80", "main:app"}) == "gunicorn main:app --bind {host}:{port}");
  CHECK(command({"sh", "-c", "uvicorn main:app --port $PORT"}).empty());
  CHECK(command({"python", "main.py"}) == "python main.py");
  CHECK(command({"python", "elsewhere.py"}).empty());
}

TEST_CASE("usual names in usual places, the most usual first") {
  CHECK(usual_entries({"a/b/main.py", "app.py", "app/main.py", "lib/api.py", "src/main.py", "src/pkg/app.py",
                       "x.py"}) ==
        Texts{"app.py", "src/main.py", "app/main.py", "src/pkg/app.py", "lib/api.py"});
}

TEST_CASE("where the image has the package") {
  const auto at = [](std::vector<CopyFacts> copies, const std::string& entry) {
    Package package;
    package.docker({"true"}, std::move(copies));
    return installed_at(*package.survey().package, entry);
  };
  CHECK(at({{.sources = {"."}, .destination = "/app/"}}, "main.py") == "/app");
  CHECK(at({{.sources = {"requirements.txt"}, .destination = "/app/"}}, "main.py").empty());
  CHECK(at({{.sources = {"main.py", "x.py"}, .destination = "/srv/"}}, "main.py") == "/srv");
  CHECK(at({{.sources = {"src"}, .destination = "/app/src"}}, "src/main.py") == "/app");
  CHECK(at({{.sources = {"src/"}, .destination = "/app/"}}, "src/main.py").empty());
  CHECK(at({{.sources = {"."}, .destination = "$HOME/app"}}, "main.py").empty());
  CHECK(at({{.sources = {"/app"}, .destination = "/app", .from = "build"}}, "main.py").empty());
}

TEST_CASE("the entry point: the Dockerfile's word, then an application, then a name") {
  Package package;
  package.main("app.py").applications.clear();
  package.main("serve.py");
  CHECK(package.draft().target.entrypoint == "serve.py");
  package.survey().entries.front().started = true;
  package.docker({"python", "app.py"});
  CHECK(package.draft().target.entrypoint == "app.py");

  Package unread;
  unread.file("main.py").checkpoint("x.pth");
  unread.survey().entries.push_back({.path = "main.py"});
  const Draft draft = unread.draft();
  CHECK(draft.target.entrypoint == "main.py");
  CHECK(std::ranges::contains(draft.guessed, "`entrypoint`"));

  Package none;
  none.checkpoint("x.pth");
  CHECK(none.draft().target.entrypoint.empty());
  CHECK(none.draft().comments.below.contains("entrypoint"));
}

TEST_CASE("nothing is made of nothing") {
  CHECK_FALSE(make_draft(Package().survey(), {}));
  Package text;
  text.file("readme.md");
  CHECK_FALSE(make_draft(text.survey(), {}));
}

TEST_CASE("a server without a model file has a model to be named") {
  Package package;
  package.main();
  const Draft draft = package.draft();
  CHECK(paths_of(draft) == Texts{"models/model.pth"});
  CHECK(std::ranges::contains(draft.to_fill, "the model's `path`"));
}

TEST_CASE("what the sources read is the model, also when it is missing") {
  Package package;
  package.main();
  package.load(PathAnchor::file, "models/net.pth").checkpoint("models/other.pth");
  const Draft draft = package.draft();
  CHECK(paths_of(draft) == Texts{"models/net.pth"});
  CHECK(draft.models.front().comments.why.at("path") == "read in net.py:10; there is no such file");
  CHECK(draft.notes == Texts{"models/other.pth: a PyTorch checkpoint that no source reads"});
}

TEST_CASE("paths are relative to the entry point's folder") {
  Package package;
  package.main("src/main.py");
  package.load(PathAnchor::file, "models/net.pth").checkpoint("models/net.pth");
  CHECK(package.only_model().path == "../models/net.pth");
  Package cwd;
  cwd.main("src/main.py");
  cwd.load(PathAnchor::cwd, "net.pth").checkpoint("src/net.pth");
  CHECK(cwd.only_model().path == "net.pth");
}

TEST_CASE("without a known load every model file is a model") {
  Package package;
  package.main();
  package.load(PathAnchor::environment, "{NET}").checkpoint("a.pth").checkpoint("b.pth");
  package.file("optimizer.pt", {.kind = ArtifactKind::torch_zip})
      .file("notes.bin", {.kind = ArtifactKind::unknown});
  package.file("model-00001-of-00002.safetensors", {.kind = ArtifactKind::safetensors});
  const Draft draft = package.draft();
  CHECK(paths_of(draft) == Texts{"a.pth", "b.pth"});
  CHECK(draft.models.front().comments.why.at("path") == "net.py:10 opens what the variable NET names");
  CHECK(draft.notes.size() == 2);
}

TEST_CASE("a folder that is read stands for the models in it") {
  Package package;
  package.main();
  package.load(PathAnchor::file, "bert").file("bert/model.safetensors", {.kind = ArtifactKind::safetensors});
  package.checkpoint("old.pth");
  CHECK(package.only_model().path == "bert/model.safetensors");
}

TEST_CASE("a file with the name of a model in another format is its conversion") {
  Package package;
  package.checkpoint("models/net.pth")
      .onnx("models/net.onnx", {})
      .onnx("models/net_fp16.onnx", {})
      .file("models/net_traced.pt", {.kind = ArtifactKind::torchscript})
      .file("net.safetensors", {.kind = ArtifactKind::safetensors});
  const Draft draft = package.draft();
  REQUIRE(paths_of(draft) == Texts{"models/net.pth"});
  const DraftModel& model = draft.models.front();
  Texts conversions;
  for (const ConversionDeclaration& conversion : model.declared.conversions) {
    conversions.push_back(conversion.path);
  }
  std::ranges::sort(conversions);
  CHECK(conversions == Texts{"models/net.onnx", "models/net_traced.pt"});
  // less precision, and weights that nothing could run
  CHECK(model.comments.below.at("conversions").size() == 2);
}

TEST_CASE("a conversion lies beside its model") {
  Package package;
  package.checkpoint("a/model.pth").checkpoint("b/model.pth").onnx("b/model.onnx", {}).onnx("model.onnx", {});
  const Draft draft = package.draft();
  CHECK(paths_of(draft) == Texts{"a/model.pth", "b/model.pth", "model.onnx"});
  CHECK(draft.models[1].declared.conversions.front().path == "b/model.onnx");
  CHECK(draft.models[1].name == "model-2");
}

TEST_CASE("what is loaded when another model cannot be is no model of its own") {
  Package package;
  package.main().fallbacks.push_back({.catches = {},
                                      .then = FallbackKind::loads,
                                      .place = {.file = "net.py", .line = 10, .function = "get_net"}});
  package.load(PathAnchor::file, "new.pth")
      .load(PathAnchor::file, "old.pth")
      .checkpoint("new.pth")
      .checkpoint("old.pth");
  const Draft draft = package.draft();
  CHECK(paths_of(draft) == Texts{"new.pth"});
  CHECK(draft.notes == Texts{"old.pth: read in net.py:11 when another model cannot be"});
}

TEST_CASE("an absolute path is the package's, a mount's, or nobody's") {
  Package installed;
  installed.main();
  installed.load(PathAnchor::absolute, "/srv/net/models/net.pth").checkpoint("models/net.pth");
  CHECK(installed.draft().target.installed_at == "/srv/net");
  CHECK(installed.only_model().path == "models/net.pth");

  Package mounted;
  mounted.main();
  mounted.load(PathAnchor::absolute, "/models/net.pth").checkpoint("store/net.pth");
  CHECK(mounted.draft().target.mounts == std::vector<MountDeclaration>{{.at = "/models", .from = "store"}});
  CHECK(paths_of(mounted.draft()) == Texts{"/models/net.pth"});

  Package home;
  home.main();
  home.load(PathAnchor::absolute, "/home/kim/net/models/net.pth").checkpoint("models/net.pth");
  CHECK(home.draft().target.installed_at.empty());
  CHECK(home.draft().models.front().comments.why.at("path") ==
        "read in net.py:10, there as /home/kim/net/models/net.pth");

  Package elsewhere;
  elsewhere.main();
  elsewhere.load(PathAnchor::absolute, "/models/net.pth");
  CHECK(paths_of(elsewhere.draft()) == Texts{"/models/net.pth"});
  CHECK(elsewhere.draft().comments.below.contains("mounts"));
}

TEST_CASE("models are bounded, and the rest is named") {
  Package package;
  for (int i = 0; i < 30; ++i) {
    package.checkpoint("m" + std::to_string(i) + ".pth");
  }
  const Draft draft = package.draft();
  CHECK(draft.models.size() == 20);
  CHECK(draft.notes.size() == 10);
  CHECK(draft.notes.back().contains("left out, as there are 20 models already"));
}

TEST_CASE("the factory is what the entry point uses, then a function with a telling name") {
  Package package;
  SourceFacts& source = package.main();
  package.load(PathAnchor::file, "net.pth").checkpoint("net.pth");
  CHECK(package.only_model().factory.empty());
  source.classes.push_back({.module = "net", .name = "Net"});
  package.maker("Net");
  CHECK(package.only_model().factory == "net:Net");
  package.maker("load_net");
  CHECK(package.only_model().factory == "net:load_net");
  package.maker("get_net");
  CHECK(package.only_model().factory == "net:get_net");

  Package even;
  even.main();
  even.load(PathAnchor::file, "net.pth").maker("load_a").maker("load_b").checkpoint("net.pth");
  const Draft draft = even.draft();
  CHECK(draft.models.front().declared.factory == "net:load_a");
  CHECK(draft.models.front().comments.why.at("factory") == "or net:load_b");
}

TEST_CASE("a factory that the config could not name is none") {
  Package package;
  package.main();
  package.load(PathAnchor::file, "net.pth").maker("get_net").checkpoint("net.pth");
  package.survey().entries.front().source.value->makers.front().module = "my-main";
  CHECK(package.only_model().factory.empty());
}

TEST_CASE("each model has the factory that reads it") {
  Package package;
  package.main();
  package.load(PathAnchor::file, "a.pth", "load_a").load(PathAnchor::file, "b.pth", "load_b");
  package.maker("load_a", 0).maker("load_b", 1).checkpoint("a.pth").checkpoint("b.pth");
  const Draft draft = package.draft();
  REQUIRE(paths_of(draft) == Texts{"a.pth", "b.pth"});
  CHECK(draft.models[0].declared.factory == "net:load_a");
  CHECK(draft.models[1].declared.factory == "net:load_b");
}

TEST_CASE("what is loaded at import is given by the function that the entry point imports") {
  Package package;
  SourceFacts& source = package.main();
  source.modules.front().names = {"app", "get_predictor"};
  source.modules.push_back({.name = "net", .file = "net.py", .names = {"get_predictor", "load_net"}});
  package.load(PathAnchor::file, "net.pth").checkpoint("net.pth");
  source.loads.front().place.when = ReachedWhen::import;
  package.maker("load_net");
  CHECK(package.only_model().factory == "net:get_predictor");
}

TEST_CASE("the state_dict's key is written when it is nested, and asked for when there are several") {
  Package package;
  package.checkpoint("net.pth");
  CHECK(package.only_model().state_dict == "model");
  package.survey().contents.front().content.value->state_dicts.push_back(
      {.path = "teacher", .tensors = 1, .role = "weights"});
  CHECK(package.only_model().state_dict.empty());
  CHECK(package.draft().models.front().comments.below.contains("state_dict"));
}

TEST_CASE("labels are in the checkpoint, in what the sources open, or beside the model") {
  const LabelListFacts list{.path = "", .type = "list", .classes = {"a", "b"}};
  Package package;
  package.main();
  package.load(PathAnchor::file, "models/net.pth").checkpoint("models/net.pth");
  CHECK_FALSE(package.only_model().labels);
  package.file("models/labels.json", {.kind = ArtifactKind::json_text, .label_lists = {list}});
  REQUIRE(package.only_model().labels);
  CHECK(package.only_model().labels->path == "models/labels.json");
  SourceFacts& source = *package.survey().entries.front().source.value;
  source.paths.push_back(
      {.call = "open", .text = {}, .anchor = PathAnchor::file, .value = "names/classes.txt"});
  CHECK(package.only_model().labels->path == "names/classes.txt");
  ArtifactFacts& content = *package.survey().contents.front().content.value;
  content.label_lists = {{.path = "classes", .type = "list", .classes = {"a", "b"}}};
  CHECK(*package.only_model().labels == LabelsDeclaration{.from = LabelSource::checkpoint, .key = "classes"});
}

TEST_CASE("an ONNX graph declares the inputs, samples the sizes that it leaves open") {
  Package package;
  package.checkpoint("net.pth").onnx(
      "net.onnx", {{.name = "x",
                    .dtype = "float32",
                    .shape = std::vector<OnnxDimensionFacts>{{.name = "n"}, {.name = "time"}, {.size = 8}}}});
  const std::vector<InputDeclaration> inputs{
      {.name = "x", .shape = {{.axis = "n"}, {.axis = "time"}, {.size = 8}}}};
  CHECK(package.only_model().inputs == inputs);
  CHECK(package.only_model().axes.at("n") == AxisDeclaration{.example = 1, .range = {1, 8}});
  CHECK(package.only_model().axes.at("time") == AxisDeclaration{.example = 16});
  package.array("samples/a.npy", "float32 [1, 30, 8]").array("samples/b.npy", "float32 [1, 50, 8]");
  package.file("samples/a.out.npy")
      .array("samples/c.npy", "float32 [1, 50, 9]")
      .array("samples/d.npy", "int64 [1, 5, 8]");
  CHECK(package.only_model().axes.at("time") == AxisDeclaration{.example = 30, .range = {30, 50}});
  CHECK(package.only_model().samples ==
        std::vector<SampleDeclaration>{{.input = "samples/a.npy", .output = "samples/a.out.npy"},
                                       {.input = "samples/b.npy"}});
}

TEST_CASE("integers have a range: the rows of an embedding, or a guess") {
  const std::vector<OnnxDimensionFacts> shape{{.name = "batch"}, {.size = 16}};
  Package package;
  package.onnx("net.onnx", {{.name = "input_ids", .dtype = "int64", .shape = shape},
                            {.name = "attention_mask", .dtype = "int64", .shape = shape}});
  CHECK(package.only_model().inputs[0].range == ValueRange{.low = 0, .high = 2});
  CHECK(std::ranges::contains(package.draft().to_fill, "`range` of the input `input_ids` of `net`"));
  package.survey().contents.front().content.value->tensors = {
      {.path = "embeddings.position_embeddings.weight", .shape = {512, 4}},
      {.path = "embeddings.word_embeddings.weight", .shape = {300, 4}}};
  CHECK(package.only_model().inputs[0].range == ValueRange{.low = 0, .high = 300});
  CHECK(package.only_model().inputs[1].range == ValueRange{.low = 0, .high = 2});
}

TEST_CASE("samples alone tell the inputs, with the architecture's name for them") {
  Package package;
  package.checkpoint("net.pth").array("samples/x.npy", "float32 [1, 8]").file("samples/x.output.npy");
  CHECK(package.only_model().inputs ==
        std::vector<InputDeclaration>{{.name = "input", .shape = {{.axis = "batch"}, {.size = 8}}}});
  package.survey().architectures.push_back(
      {.path = "architectures/net.py",
       .text = "def forward(state_dict: Dict[str, Tensor], frames: Tensor) -> Tensor:\n    return "
               "state_dict[\"fc.weight\"]\n"});
  CHECK(package.only_model().architecture == "architectures/net.py");
  CHECK(package.only_model().inputs.front().name == "frames");
  CHECK(package.only_model().samples.front().output == "samples/x.output.npy");
}

TEST_CASE("a trace tells the shapes, and nothing the dtype") {
  ArtifactFacts facts{.kind = ArtifactKind::torchscript};
  facts.torchscript = TorchScriptFacts{.arguments = {"x: Tensor"}, .traced_shapes = {{1, 3, 32, 32}}};
  Package package;
  package.file("net.pt", facts);
  CHECK(package.only_model().inputs ==
        std::vector<InputDeclaration>{
            {.name = "x", .shape = {{.axis = "batch"}, {.size = 3}, {.size = 32}, {.size = 32}}}});
}

TEST_CASE("what tells nothing leaves a sketch") {
  Package package;
  package.checkpoint("net.pth");
  const Draft draft = package.draft();
  CHECK(draft.models.front().declared.inputs.empty());
  CHECK(draft.models.front().comments.below.contains("inputs"));
  CHECK(draft.models.front().comments.below.contains("architecture"));
  CHECK_FALSE(draft.service);
  CHECK(draft.comments.below.contains("service"));
}

TEST_CASE("the service's endpoints by their names") {
  Package package;
  SourceFacts& source = package.main();
  for (const auto& [method, path] :
       {std::pair{"GET", "/v1/healthz"}, std::pair{"GET", "/ping"}, std::pair{"GET", "/ready/{id}"},
        std::pair{"POST", "/v1/predict"}, std::pair{"POST", "/health"}}) {
    source.routes.push_back({.method = method, .path = path});
  }
  const Draft draft = package.draft();
  REQUIRE(draft.service);
  CHECK(draft.service->command == "uvicorn main:app --host {host} --port {port}");
  CHECK(draft.service->readiness == "/v1/healthz");
  CHECK(draft.service->liveness == "/ping");
  CHECK_FALSE(draft.service->predict);
  package.file("samples/predict.json");
  CHECK(package.draft().service->predict->body == "samples/predict.json");
}

}  // namespace
}  // namespace runup::init
