// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch_test_macros.hpp>

#include "facts_builder.h"

using namespace runup;
using namespace runup::testing;

namespace {

constexpr std::string_view kId = "onnx-graph";
using Words = std::vector<std::string>;

// The sign model as a sound ONNX file: frames [batch, time, 147], batch from 1 to 8.
Facts onnx_facts() {
  Facts facts = sign_facts();
  facts.model.path = "/srv/sign/models/sign.onnx";
  facts.model.axes["batch"] = {.example = 1, .range = {1, 8}};
  ArtifactFacts artifact{.kind = ArtifactKind::onnx, .bytes = 1000, .format_version = "8"};
  artifact.onnx = OnnxFacts{
      .ir_version = 8,
      .graph_name = "main_graph",
      .domains = {{.domain = "", .version = 17, .nodes = 3, .operators = {"LSTM", "MatMul"}}},
      .inputs = {{.name = "frames",
                  .dtype = "float32",
                  .shape = std::vector<OnnxDimensionFacts>{{.name = "batch"}, {.size = 300}, {.size = 147}}},
                 {.name = "weight",
                  .dtype = "float32",
                  .shape = std::vector<OnnxDimensionFacts>{{.size = 147}, {.size = 3}},
                  .initialised = true}},
      .outputs = {{.name = "logits", .dtype = "float32"}},
      .nodes = 3};
  facts.artifact = Observed<ArtifactFacts>::seen(std::move(artifact), {});
  return facts;
}

OnnxFacts& graph(Facts& facts) { return *facts.artifact.value->onnx; }

Words ids(const Facts& facts, const Json& options = Json::object()) {
  return finding_ids(run_check(kId, facts, options));
}

// One tensor of 64 bytes in `location`, and what stands there.
void add_external(Facts& facts, std::string location, FileKind kind, std::uint64_t file_bytes) {
  graph(facts).external.push_back({.tensor = "weight", .location = location, .length = 64, .bytes = 64});
  facts.package.value->paths.push_back({.asked_by = "models.sign.path/external/" + location,
                                        .written = location,
                                        .path = "/srv/sign/models/" + location,
                                        .kind = kind,
                                        .bytes = file_bytes});
}

void add_domain(Facts& facts, std::string name, std::int64_t version, Words operators) {
  graph(facts).domains.push_back(
      {.domain = std::move(name), .version = version, .nodes = 2, .operators = std::move(operators)});
}

void add_state(Facts& facts, std::vector<std::int64_t> shape) {
  graph(facts).remarks.push_back({.kind = OnnxRemarkKind::constant_state,
                                  .op = "LSTM",
                                  .node = "/lstm/LSTM",
                                  .values = shape,
                                  .batch = shape[1]});
}

}  // namespace

TEST_CASE("onnx-graph: a sound graph passes, and it is said what it takes") {
  const Outcome outcome = run_check(kId, onnx_facts());
  CHECK(outcome.status == Status::passed);
  CHECK(outcome.findings.empty());
  CHECK(evidence_of(outcome, "inputs") == "frames: float32 [batch, 300, 147]");
  CHECK(evidence_of(outcome, "versions") == "IR 8 and ai.onnx 17");
  CHECK(evidence_of(outcome, "judged for") == "ONNX Runtime 1.21");
}

TEST_CASE("onnx-graph: other files are skipped, and what was not read or is damaged is not passed") {
  CHECK(run_check(kId, sign_facts()).status == Status::skipped);
  Facts facts = onnx_facts();
  facts.artifact = Observed<ArtifactFacts>::none({.kind = AbsenceKind::crashed, .detail = "it crashed"});
  CHECK(run_check(kId, facts).status == Status::undecided);
  facts = onnx_facts();
  facts.artifact.value->defects.push_back({.kind = DefectKind::truncated, .message = "it ends early"});
  CHECK(run_check(kId, facts).status == Status::undecided);
  facts = onnx_facts();
  facts.artifact.value->onnx.reset();
  CHECK(run_check(kId, facts).status == Status::undecided);
}

TEST_CASE("onnx-graph/input-missing, input-undeclared: names, with what may be meant") {
  Facts facts = onnx_facts();
  graph(facts).inputs[0].name = "frame";
  const Outcome renamed = run_check(kId, facts);
  CHECK(finding_ids(renamed) == Words{"input-missing"});
  CHECK(find_finding(renamed, "input-missing").message ==
        "declared input `frames` is not in the graph, which calls its inputs `frame`; did you mean `frame`?");
  facts = onnx_facts();
  graph(facts).inputs.push_back({.name = "lengths", .dtype = "int64"});
  const Outcome more = run_check(kId, facts);
  CHECK(finding_ids(more) == Words{"input-undeclared"});
  CHECK(find_finding(more, "input-undeclared").message ==
        "the graph needs 1 more input `lengths`, of which `inputs:` declares none");
  facts.model.inputs.clear();
  CHECK(ids(facts).empty());
}

TEST_CASE("onnx-graph/input-dtype, input-rank: what is declared against the graph") {
  Facts facts = onnx_facts();
  graph(facts).inputs[0].dtype = "float16";
  CHECK(find_finding(run_check(kId, facts), "input-dtype").message ==
        "input `frames` is float16 in the graph; declared is float32");
  facts = onnx_facts();
  graph(facts).inputs[0].shape->pop_back();
  CHECK(ids(facts) == Words{"input-rank"});
  graph(facts).inputs[0].shape.reset();
  CHECK(ids(facts).empty());
}

TEST_CASE("onnx-graph/fixed-size, size-mismatch: a size that the graph fixes") {
  Facts facts = onnx_facts();
  (*graph(facts).inputs[0].shape)[0] = {.size = 1};
  const Finding fixed = find_finding(run_check(kId, facts), "fixed-size");
  CHECK(fixed.message ==
        "the graph fixes dimension 0 of input `frames` to 1; declared is `batch` from 1 to 8");
  CHECK(fixed.fix.contains("dynamic_axes={\"frames\": {0: \"batch\"}}"));
  facts.model.axes["batch"].range = {1, 1};
  CHECK(ids(facts).empty());
  (*graph(facts).inputs[0].shape)[1] = {.size = 30};
  CHECK(find_finding(run_check(kId, facts), "size-mismatch").message ==
        "the graph fixes dimension 1 of input `frames` to 30; declared is 300 (`time`)");
  (*graph(facts).inputs[0].shape)[1] = {};
  (*graph(facts).inputs[0].shape)[2] = {.size = 146};
  CHECK(ids(facts) == Words{"size-mismatch"});
}

TEST_CASE("onnx-graph/baked-batch: an initial state is an error where the axis is the batch") {
  Facts facts = onnx_facts();
  add_state(facts, {2, 4, 64});
  const Outcome outcome = run_check(kId, facts);
  CHECK(outcome.status == Status::failed);
  CHECK(find_finding(outcome, "baked-batch").message ==
        "LSTM `/lstm/LSTM` has a constant initial state of shape [2, 4, 64], which bakes the batch size 4; "
        "declared "
        "is `batch` from 1 to 8");
  facts.model.axes["batch"].range.clear();
  CHECK(ids(facts).empty());

  facts = onnx_facts();
  add_state(facts, {-1, 4, 64});
  CHECK(find_finding(run_check(kId, facts), "baked-batch").message.contains("of shape [?, 4, 64]"));
  facts.model.axes["rows"] = {.example = 1, .range = {1, 8}};
  facts.model.inputs[0].shape[0].axis = "rows";
  CHECK(run_check(kId, facts).status == Status::passed);
  CHECK(ids(facts) == Words{"baked-batch"});
}

TEST_CASE("onnx-graph/baked-batch: a Reshape counts when nothing in its shape is open") {
  const auto with_shape = [](std::string op, std::vector<std::int64_t> shape) {
    Facts facts = onnx_facts();
    graph(facts).remarks.push_back({.kind = OnnxRemarkKind::constant_shape,
                                    .op = std::move(op),
                                    .node = "/view",
                                    .values = shape,
                                    .batch = shape[0]});
    return run_check(kId, facts);
  };
  CHECK(finding_ids(with_shape("Reshape", {1, 300, 147})) == Words{"baked-batch"});
  CHECK(with_shape("Reshape", {1, 300, 147}).status == Status::passed);
  CHECK(with_shape("Reshape", {1, -1, 147}).findings.empty());
  CHECK(with_shape("Reshape", {1, 0, 147}).findings.empty());
  CHECK(with_shape("ConstantOfShape", {8, 64}).findings.empty());
}

TEST_CASE("onnx-graph/ir-too-new, opset-too-new: for the release that serves") {
  Facts facts = onnx_facts();
  graph(facts).ir_version = 11;
  CHECK(find_finding(run_check(kId, facts), "ir-too-new").message ==
        "the file has IR version 11; ONNX Runtime 1.21 takes at most 10");
  graph(facts).ir_version = 10;
  CHECK(ids(facts).empty());
  CHECK(ids(facts, {{"onnxruntime", "1.17"}, {"custom_domains", Json::array()}}) == Words{"ir-too-new"});
  const Outcome newer = run_check(kId, facts, {{"onnxruntime", "1.30.1"}, {"custom_domains", Json::array()}});
  CHECK(newer.findings.empty());

  facts = onnx_facts();
  graph(facts).domains[0].version = 23;
  CHECK(find_finding(run_check(kId, facts), "opset-too-new").message ==
        "the model imports `ai.onnx` with version 23; ONNX Runtime 1.21 takes at most 22");
  const Outcome unknown = run_check(kId, facts, {{"onnxruntime", "1.30"}, {"custom_domains", Json::array()}});
  CHECK(unknown.status == Status::passed);
  CHECK(find_finding(unknown, "opset-too-new").severity == Severity::warning);
  CHECK(run_check(kId, onnx_facts(), {{"onnxruntime", "newest"}, {"custom_domains", Json::array()}}).status ==
        Status::undecided);
  facts = onnx_facts();
  add_domain(facts, "ai.onnx.ml", 6, {"TreeEnsemble"});
  CHECK(ids(facts) == Words{"opset-too-new"});
}

TEST_CASE("onnx-graph/custom-operator, opset-missing: domains that need more than ONNX Runtime") {
  Facts facts = onnx_facts();
  add_domain(facts, "com.microsoft", 1, {"FusedGelu"});
  add_domain(facts, "com.microsoft.nchwc", 1, {"Conv"});
  add_domain(facts, "functions", 1, {});
  CHECK(ids(facts).empty());
  add_domain(facts, "my.ops", 1, {"Warp"});
  CHECK(find_finding(run_check(kId, facts), "custom-operator").message ==
        "1 operator of `my.ops` is no part of ONNX or ONNX Runtime, and no function of the file: `Warp`");
  CHECK(ids(facts, {{"onnxruntime", "1.21"}, {"custom_domains", {"my.ops"}}}).empty());

  facts = onnx_facts();
  add_domain(facts, "com.microsoft", 0, {"FusedGelu"});
  CHECK(run_check(kId, facts).status == Status::passed);
  CHECK(ids(facts) == Words{"opset-missing"});
  facts = onnx_facts();
  add_domain(facts, "functions", 0, {});
  CHECK(run_check(kId, facts).status == Status::failed);
  CHECK(find_finding(run_check(kId, facts), "opset-missing").message ==
        "2 nodes use operators of `functions` and no `opset_import` for it");
}

TEST_CASE("onnx-graph/external-data-missing, external-data-short: the file beside the model") {
  Facts facts = onnx_facts();
  add_external(facts, "sign.data", FileKind::regular, 64);
  CHECK(run_check(kId, facts).status == Status::passed);
  CHECK(evidence_of(run_check(kId, facts), "external data") == "64 bytes of 1 tensor in 1 file");
  facts.package.value->paths.back().bytes = 63;
  CHECK(find_finding(run_check(kId, facts), "external-data-short").message ==
        "`models/sign.data` has 63 bytes; tensor `weight` needs 64");
  facts.package.value->paths.back().kind = FileKind::missing;
  CHECK(find_finding(run_check(kId, facts), "external-data-missing").message ==
        "`models/sign.data`, which holds the bytes of tensor `weight`, is not there");
  // Nobody looked.
  facts.package.value->paths.pop_back();
  CHECK(run_check(kId, facts).status == Status::undecided);
}

TEST_CASE("onnx-graph/external-data-size, external-data-overlap: what the model says of the file") {
  Facts facts = onnx_facts();
  add_external(facts, "sign.data", FileKind::regular, 200);
  graph(facts).external[0].length = 60;
  CHECK(find_finding(run_check(kId, facts), "external-data-size").message ==
        "tensor `weight` has 60 bytes in `sign.data`; its shape and type take 64");
  graph(facts).external[0].length.reset();
  graph(facts).external.push_back({.tensor = "bias", .location = "sign.data", .offset = 64, .bytes = 16});
  CHECK(ids(facts).empty());
  graph(facts).external[1].offset = 60;
  CHECK(find_finding(run_check(kId, facts), "external-data-overlap").message ==
        "tensor `bias` starts at byte 60 of `sign.data`, where `weight` goes on to byte 64");
  // Tied weights are written once.
  graph(facts).external[1] = graph(facts).external[0];
  graph(facts).external[1].tensor = "tied";
  CHECK(ids(facts).empty());
}

TEST_CASE("onnx-graph/external-data-outside: a place that is not beside the model") {
  for (const std::string_view place : {"/models/sign.data", "../sign.data", "a/../../sign.data"}) {
    Facts facts = onnx_facts();
    graph(facts).external.push_back({.tensor = "weight", .location = std::string(place), .bytes = 64});
    CHECK(ids(facts) == Words{"external-data-outside"});
    CHECK(run_check(kId, facts).status == Status::passed);
  }
}
