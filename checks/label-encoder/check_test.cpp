// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch_test_macros.hpp>

#include "class_names.h"
#include "facts_builder.h"

using namespace runup;
using namespace runup::testing;
using namespace runup::checks::label_encoder;

namespace {

constexpr std::string_view kId = "label-encoder";
using Words = std::vector<std::string>;

LabelListFacts& list_of(Facts& facts) { return facts.artifact.value->label_lists.front(); }

// Labels under test, with a model of as many outputs.
Facts with_classes(Words classes, LabelListKind kind = LabelListKind::label_encoder) {
  Facts facts = sign_facts();
  list_of(facts).kind = kind;
  for (ExperimentFacts& answer : facts.runtimes.front().value->experiments) {
    for (OutputFacts& output : answer.outputs) {
      output.shape = {1, static_cast<std::int64_t>(classes.size())};
    }
  }
  list_of(facts).classes = std::move(classes);
  return facts;
}

Facts without_run() {
  Facts facts = sign_facts();
  facts.runtimes.clear();
  return facts;
}

// Class names in a file of their own.
Facts in_file(std::vector<LabelListFacts> lists) {
  Facts facts = sign_facts();
  facts.model.labels = LabelsDeclaration{.from = LabelSource::file, .path = "/srv/sign/labels.json"};
  ArtifactFacts file{.kind = ArtifactKind::json_text, .bytes = 60};
  file.label_lists = std::move(lists);
  facts.label_file = Observed<ArtifactFacts>::seen(std::move(file), {});
  return facts;
}

}  // namespace

TEST_CASE("label-encoder: as many sorted names as outputs pass without findings") {
  const Outcome outcome = run_check(kId, sign_facts());
  CHECK(outcome.status == Status::passed);
  CHECK(outcome.findings.empty());
  CHECK(evidence_of(outcome, "classes") == "3");
  CHECK(evidence_of(outcome, "outputs") == "3 (output[0])");
  CHECK(evidence_of(outcome, "scikit-learn") == "1.4.2");
  CHECK(evidence_of(outcome, "names") == "`label_encoder`, sklearn.preprocessing._label.LabelEncoder");
}

TEST_CASE("label-encoder: lists, maps and separate files pass without findings") {
  Facts facts = sign_facts();
  for (const auto kind : {LabelListKind::list, LabelListKind::index_to_name, LabelListKind::name_to_index}) {
    list_of(facts).kind = kind;
    list_of(facts).path = "classes";
    // Only fit() sorts.
    list_of(facts).classes = {"b", "a", "c"};
    facts.model.labels->key = "classes";
    CHECK(run_check(kId, facts).findings.empty());
  }
  const Outcome outcome =
      run_check(kId, in_file({{.kind = LabelListKind::list, .type = "list", .classes = {"a", "b", "c"}}}));
  CHECK(outcome.status == Status::passed);
  CHECK(outcome.findings.empty());
  CHECK(evidence_of(outcome, "names") == "`labels.json`, list");
}

TEST_CASE("label-encoder: one output tells two classes apart") {
  Facts facts = with_classes({"no", "yes"});
  for (ExperimentFacts& answer : facts.runtimes.front().value->experiments) {
    for (OutputFacts& output : answer.outputs) {
      output.shape = {1, 1};
    }
  }
  CHECK(run_check(kId, facts).findings.empty());
}

TEST_CASE("label-encoder: without `labels:` an encoder in the checkpoint is judged, other lists are not") {
  Facts facts = sign_facts();
  facts.model.labels.reset();
  CHECK(run_check(kId, facts).status == Status::passed);
  list_of(facts).classes.pop_back();
  CHECK(run_check(kId, facts).status == Status::failed);
  list_of(facts) = {.path = "history.loss",
                    .kind = LabelListKind::list,
                    .type = "list",
                    .classes = {"0.5", "0.4"},
                    .dtype = "float"};
  facts.artifact.value->objects.erase(facts.artifact.value->objects.begin() + 1);
  const Outcome outcome = run_check(kId, facts);
  CHECK(outcome.status == Status::skipped);
  CHECK(outcome.reason == "the config has no `labels:` and the model file holds no class names");
  facts.model.labels = LabelsDeclaration{.from = LabelSource::none};
  CHECK(run_check(kId, facts).reason == "the config says `labels: {from: none}`");
}

TEST_CASE("label-encoder/missing: similar keys and other lists are named") {
  Facts facts = sign_facts();
  facts.model.labels->key = "lable_encoder";
  Outcome outcome = run_check(kId, facts);
  CHECK(outcome.status == Status::failed);
  CHECK(find_finding(outcome, "missing").message ==
        "`sign.pth` has no key `lable_encoder`; did you mean `label_encoder`?");
  CHECK(find_finding(outcome, "missing").fix == "set `labels.key` to `label_encoder`");
  facts.model.labels->key = "names";
  CHECK(find_finding(run_check(kId, facts), "missing")
            .message.ends_with("it has class names at `label_encoder`"));
  facts.artifact.value->label_lists.clear();
  facts.model.labels->key.clear();
  CHECK(find_finding(run_check(kId, facts), "missing").message ==
        "`sign.pth` (torch-zip) holds no list of class names");
  CHECK(find_finding(run_check(kId, in_file({})), "missing").message ==
        "`labels.json` (json) holds no list of class names");
}

TEST_CASE("label-encoder/several-lists: one must be named") {
  Facts facts = sign_facts();
  facts.model.labels->key.clear();
  CHECK(run_check(kId, facts).status == Status::passed);
  facts.artifact.value->label_lists.push_back(
      {.path = "class_names", .kind = LabelListKind::list, .classes = {"a", "b", "c"}});
  CHECK(find_finding(run_check(kId, facts), "several-lists").message ==
        "`sign.pth` has 2 lists of class names (`label_encoder` and `class_names`); `labels: {key: ...}` "
        "must name one");
}

TEST_CASE("label-encoder/not-an-encoder: another object at the key") {
  Facts facts = sign_facts();
  facts.artifact.value->label_lists.clear();
  facts.artifact.value->objects[1].type = "sklearn.preprocessing._data.StandardScaler";
  CHECK(find_finding(run_check(kId, facts), "not-an-encoder").message ==
        "`label_encoder` is a `sklearn.preprocessing._data.StandardScaler`; expected a LabelEncoder, a list "
        "of names or a map between "
        "names and indices");
}

TEST_CASE("label-encoder: what cannot be understood is undecided, and says what to give") {
  Facts facts = sign_facts();
  facts.model.labels.reset();
  facts.artifact.value->label_lists.clear();
  ObjectFacts& object = facts.artifact.value->objects[1];
  REQUIRE(object.path == "label_encoder");
  object.type = "sklearn.preprocessing._encoders.OneHotEncoder";
  const Outcome other = run_check(kId, facts);
  CHECK(other.status == Status::undecided);
  CHECK(other.reason ==
        "`label_encoder` is a `sklearn.preprocessing._encoders.OneHotEncoder`, from which class names cannot "
        "be "
        "read; say where they are with `labels:`, or `labels: {from: none}` when it names no classes");
  // weights under such a key are no names
  object.type = "collections.OrderedDict";
  CHECK(run_check(kId, facts).status == Status::skipped);
  object.type = "torch.Tensor";
  CHECK(run_check(kId, facts).status == Status::skipped);

  Facts file = in_file({});
  file.label_file.value->kind = ArtifactKind::unknown;
  CHECK(run_check(kId, file).status == Status::undecided);
  CHECK(run_check(kId, file).reason.starts_with(
      "`labels.json` is of no format that runup reads class names from: JSON or text in UTF-8"));
}

TEST_CASE("label-encoder/plain-list: a list where code expects `.classes_`") {
  Facts facts = sign_facts();
  list_of(facts).kind = LabelListKind::list;
  list_of(facts).type = "list";
  const Outcome outcome = run_check(kId, facts);
  CHECK(outcome.status == Status::passed);
  CHECK(finding_ids(outcome) == Words{"plain-list"});
}

TEST_CASE("label-encoder/not-fitted, empty-list, index-gap: lists without usable names") {
  Facts facts = with_classes({});
  list_of(facts).problem = "the encoder was never fitted";
  CHECK(finding_ids(run_check(kId, facts)) == Words{"not-fitted"});
  list_of(facts).problem.clear();
  CHECK(finding_ids(run_check(kId, facts)) == Words{"empty-list"});
  list_of(facts).kind = LabelListKind::index_to_name;
  list_of(facts).problem = "index 2 is missing";
  CHECK(find_finding(run_check(kId, facts), "index-gap").message.ends_with("index 2 is missing"));
  list_of(facts).kind = LabelListKind::list;
  list_of(facts).problem = "more than 100000 classes";
  CHECK(run_check(kId, facts).status == Status::undecided);
}

TEST_CASE("label-encoder/class-count-mismatch: against a run") {
  Facts facts = sign_facts();
  list_of(facts).classes.pop_back();
  Outcome outcome = run_check(kId, facts);
  CHECK(outcome.status == Status::failed);
  CHECK(find_finding(outcome, "class-count-mismatch").message ==
        "`label_encoder` has 2 classes; `model_state_dict.classifier.bias` has 3 outputs");
  // Whoever states the count has thought of it.
  facts.model.labels->count = 2;
  outcome = run_check(kId, facts);
  CHECK(outcome.status == Status::passed);
  CHECK(find_finding(outcome, "class-count-mismatch").severity == Severity::warning);
}

TEST_CASE("label-encoder/class-count-mismatch: against the weights alone") {
  Facts facts = without_run();
  CHECK(run_check(kId, facts).status == Status::passed);
  CHECK(evidence_of(run_check(kId, facts), "outputs") == "3 (`model_state_dict.classifier.weight`, no run)");
  list_of(facts).classes.push_back("잘 지내");
  CHECK(find_finding(run_check(kId, facts), "class-count-mismatch").message ==
        "`label_encoder` has 4 classes; `model_state_dict.classifier.bias` has 3 outputs");
  // Another layer has as many rows: then which one comes last is a guess.
  add_tensor(*facts.artifact.value, "model_state_dict.aux.weight", {4, 16});
  std::swap(facts.artifact.value->tensors[4], facts.artifact.value->tensors[2]);
  const Outcome outcome = run_check(kId, facts);
  CHECK(outcome.status == Status::undecided);
  CHECK(outcome.reason.contains("shows only in a run; see `inference`"));
}

TEST_CASE("label-encoder: outputs that nothing tells are undecided, unless the count is stated") {
  Facts facts = without_run();
  facts.artifact.value->state_dicts.clear();
  CHECK(run_check(kId, facts).status == Status::undecided);
  facts.model.labels->count = 3;
  CHECK(run_check(kId, facts).status == Status::passed);
}

TEST_CASE("label-encoder/declared-count-mismatch: against the config") {
  Facts facts = sign_facts();
  facts.model.labels->count = 4;
  CHECK(find_finding(run_check(kId, facts), "declared-count-mismatch").message ==
        "`label_encoder` has 3 classes; `labels: count:` says 4");
}

TEST_CASE(
    "label-encoder/duplicate-class, blank-class, padded-class, unprintable-class: names that people cannot "
    "use") {
  Outcome outcome = run_check(kId, with_classes({"a", "b", "b"}));
  CHECK(outcome.status == Status::failed);
  CHECK(find_finding(outcome, "duplicate-class").message ==
        "`label_encoder` gives the same name to classes 1 and 2 (`b`)");
  outcome = run_check(kId, with_classes({"a", "b", "b"}, LabelListKind::list));
  CHECK(find_finding(outcome, "duplicate-class").severity == Severity::warning);

  outcome = run_check(kId, with_classes({" ", "a", "b"}));
  CHECK(finding_ids(outcome) == Words{"blank-class"});
  CHECK(find_finding(outcome, "blank-class").message ==
        "class 0 of `label_encoder` is blank; expected a name");
  CHECK(find_finding(run_check(kId, with_classes({"", " ", "b"})), "blank-class").message ==
        "classes 0 and 1 of `label_encoder` are blank; expected a name");

  outcome = run_check(kId, with_classes({"a", "b ", "c"}));
  CHECK(finding_ids(outcome) == Words{"padded-class"});
  outcome = run_check(kId, with_classes({"a", "b\x07", "c"}));
  CHECK(finding_ids(outcome) == Words{"unprintable-class"});
  CHECK(finding_ids(run_check(kId, with_classes({"a", "b\xff", "c"}))) == Words{"unprintable-class"});
  CHECK(finding_ids(run_check(kId, with_classes({"\ufeffcat", "dog"}, LabelListKind::list))) ==
        Words{"plain-list", "unprintable-class"});
}

TEST_CASE("label-encoder/lookalike-classes, decomposed-class: names in two Unicode forms") {
  // unicodedata.normalize("NFD", "\uac01") and the composed syllable
  Outcome outcome = run_check(kId, with_classes({"\u1100\u1161\u11a8", "\uac01"}));
  CHECK(outcome.status == Status::passed);
  CHECK(find_finding(outcome, "lookalike-classes").message.contains("0 and 1"));
  CHECK(find_finding(outcome, "decomposed-class").severity == Severity::note);
  CHECK(finding_ids(run_check(kId, with_classes({"a", "a "}))) == Words{"lookalike-classes", "padded-class"});
}

TEST_CASE("label-encoder/lexical-order: numbers sorted as text") {
  Outcome outcome = run_check(kId, with_classes({"0", "1", "10", "2"}));
  CHECK(outcome.status == Status::passed);
  CHECK(find_finding(outcome, "lexical-order").message ==
        "`label_encoder` is in the order of text, `10` before `2`: output 3 is not class 2 by number");
  CHECK(find_finding(outcome, "lexical-order").severity == Severity::warning);
  CHECK(
      find_finding(run_check(kId, with_classes({"sign_1", "sign_10", "sign_2"})), "lexical-order").severity ==
      Severity::note);
  for (const Words& fine :
       {Words{"0", "1", "2"}, Words{"00", "01", "10"}, Words{"a1", "b10", "c2"}, Words{"1", "10", "x"}}) {
    CHECK(run_check(kId, with_classes(fine)).findings.empty());
  }
}

TEST_CASE("label-encoder/unsorted-encoder: fit sorts, hands do not") {
  Outcome outcome = run_check(kId, with_classes({"b", "a", "c"}));
  CHECK(outcome.status == Status::passed);
  CHECK(find_finding(outcome, "unsorted-encoder").message.contains("class 1 (`a`) comes after `b`"));
  Facts numbers = with_classes({"1", "2", "10"});
  list_of(numbers).dtype = "int64";
  CHECK(run_check(kId, numbers).findings.empty());
}

TEST_CASE("label-encoder: what was not observed is undecided") {
  Facts unread = sign_facts();
  unread.artifact = Observed<ArtifactFacts>::seen({.kind = ArtifactKind::unknown, .bytes = 5000}, {});
  CHECK(run_check(kId, unread).status == Status::undecided);
  CHECK(run_check(kId, unread).reason ==
        "`models/sign.pth` is of no format that runup knows; see `model-loadable`");

  Facts facts = in_file({});
  facts.label_file =
      Observed<ArtifactFacts>::none({.kind = AbsenceKind::blocked, .detail = "`labels.json` is not there"});
  CHECK(run_check(kId, facts).status == Status::undecided);
  CHECK(run_check(kId, facts).reason == "blocked: `labels.json` is not there");

  facts = sign_facts();
  facts.artifact =
      Observed<ArtifactFacts>::none({.kind = AbsenceKind::blocked, .detail = "the model file is not there"});
  CHECK(run_check(kId, facts).status == Status::undecided);

  facts = sign_facts();
  facts.artifact.value->label_lists.clear();
  facts.artifact.value->objects.clear();
  facts.artifact.value->defects.push_back({.kind = DefectKind::truncated, .message = "no central directory"});
  CHECK(run_check(kId, facts).status == Status::undecided);
  CHECK(run_check(kId, facts).findings.empty());
}

TEST_CASE("label-encoder: composed forms are those of unicodedata.normalize('NFC', ...)") {
  // The left sides are unicodedata.normalize("NFD", right side), Python 3.13.
  const std::array<std::pair<std::string, std::string>, 8> pairs{
      {{"\u1112\u1161\u11ab\u1100\u116e\u11a8\u110b\u1165", "한국어"},
       {"e\u0301te\u0301", "été"},
       {"u\u0308ber", "über"},
       {"n\u0303", "ñ"},
       {"c\u0327", "ç"},
       {"s\u030c", "š"},
       {"か\u3099", "が"},
       {"ハ\u309a", "パ"}}};
  for (const auto& [decomposed, expected] : pairs) {
    CHECK(composed(decomposed) == expected);
    CHECK(composed(expected) == expected);
  }
  CHECK(composed("plain") == "plain");
  CHECK(composed("\xff") == "\xff");
}
