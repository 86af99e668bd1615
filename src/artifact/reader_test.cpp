// SPDX-License-Identifier: Apache-2.0
// The reader on files written by hand and on the bundled examples. tests/artifact holds it against
// Python on some two hundred real files.

#include "artifact/reader.h"

#include <algorithm>
#include <filesystem>

#include <catch2/catch_test_macros.hpp>

#include "artifact_invariants.h"
#include "pickles.h"

using namespace runup;
using namespace runup::test;

namespace {

ArtifactFacts facts_of(const std::string& bytes) { return read_artifact(as_bytes(bytes), {}); }

ArtifactKind kind_of(const std::string& bytes) { return facts_of(bytes).kind; }

bool has(const ArtifactFacts& facts, DefectKind kind, std::string_view member = "") {
  return std::ranges::any_of(facts.defects, [&](const DefectFacts& defect) {
    return defect.kind == kind && (member.empty() || defect.member == member);
  });
}

// A checkpoint around another pickle.
std::string around(const std::string& pickle) {
  return ZipBuilder()
      .add("archive/data.pkl", "\x80\x02" + pickle + ".")
      .add("archive/data/0", four_floats())
      .add("archive/version", "3\n")
      .finish();
}

}  // namespace

TEST_CASE("a checkpoint's tensors, views and scalars") {
  const std::string bytes = torch_zip().finish();
  const ArtifactFacts facts = facts_of(bytes);
  CHECK(facts.kind == ArtifactKind::torch_zip);
  CHECK(facts.defects.empty());
  CHECK(facts.format_version == "3");
  CHECK(facts.byte_order == "little");
  CHECK(facts.pickle_protocol == 2);
  CHECK(facts.root_type == "dict");
  REQUIRE(facts.tensors.size() == 2);
  CHECK(facts.tensors[0].path == "model.fc.weight");
  CHECK(facts.tensors[1].path == "model.fc.bias");
  CHECK(facts.tensors[1].storage_offset == 2);
  CHECK(facts.tensors[1].shape == std::vector<std::int64_t>{2});
  REQUIRE(facts.storages.size() == 1);
  CHECK(
      facts.storages[0] ==
      StorageFacts{
          .key = "0", .dtype = "float32", .device = "cpu", .bytes = 16, .offset = bytes.find(four_floats())});
  const auto content = read_storage(as_bytes(bytes), facts, 0);
  REQUIRE(content);
  CHECK(as_text(content->view) == four_floats());
  REQUIRE(facts.state_dicts.size() == 1);
  CHECK(facts.state_dicts[0].path == "model");
  CHECK(facts.state_dicts[0].role == "weights");
  CHECK(facts.state_dicts[0].bytes == 16);
  REQUIRE(facts.metadata.size() == 1);
  CHECK(facts.metadata[0] == MetadataFacts{.path = "epoch", .type = "int", .value = "3"});
  REQUIRE(facts.objects.size() == 5);
  CHECK(facts.objects[1] ==
        ObjectFacts{.path = "model", .type = "collections.OrderedDict", .items = 2, .bytes = 16});
  REQUIRE(facts.globals.size() == 3);
  CHECK(facts.globals[1].key_path == "model.fc.weight");
  CHECK(facts.globals[1].uses == 2);
  CHECK(facts.sha256 == sha256_hex(as_bytes(bytes)));
}

TEST_CASE("deflated storages are read as copies") {
  const std::string bytes = ZipBuilder()
                                .add_deflated("archive/data.pkl", checkpoint_pickle())
                                .add_deflated("archive/data/0", four_floats())
                                .add("archive/version", "3\n")
                                .finish();
  const ArtifactFacts facts = facts_of(bytes);
  CHECK(facts.defects.empty());
  CHECK(facts.deflated);
  REQUIRE(facts.storages.size() == 1);
  CHECK_FALSE(facts.storages[0].offset);
  const auto content = read_storage(as_bytes(bytes), facts, 0);
  REQUIRE(content);
  CHECK(as_text(content->view) == four_floats());
  CHECK_FALSE(read_storage(as_bytes(bytes), facts, 1));
}

TEST_CASE("legacy checkpoints, safetensors and plain pickles") {
  const std::string legacy = torch_legacy();
  const ArtifactFacts old = facts_of(legacy);
  CHECK(old.kind == ArtifactKind::torch_legacy);
  CHECK(old.defects.empty());
  CHECK(old.byte_order == "little");
  REQUIRE(old.tensors.size() == 1);
  const auto content = read_storage(as_bytes(legacy), old, 0);
  REQUIRE(content);
  CHECK(as_text(content->view) == four_floats());
  const ArtifactFacts cut = facts_of(legacy.substr(0, legacy.size() - 5));
  REQUIRE(has(cut, DefectKind::truncated));
  CHECK(cut.defects[0].missing_bytes == 5);

  const ArtifactFacts safe = facts_of(safetensors());
  CHECK(safe.kind == ArtifactKind::safetensors);
  CHECK(safe.defects.empty());
  REQUIRE(safe.tensors.size() == 1);
  CHECK(safe.tensors[0].stride == std::vector<std::int64_t>{2, 1});
  REQUIRE(safe.state_dicts.size() == 1);

  CHECK(kind_of("\x80\x04N.") == ArtifactKind::pickle);
  CHECK(kind_of("(lp0\nI1\na.") == ArtifactKind::pickle);
}

TEST_CASE("safetensors headers are held to the rules") {
  const auto defect = [](std::string_view header) {
    const ArtifactFacts facts = facts_of(safetensors(header));
    CHECK(facts.kind == ArtifactKind::safetensors);
    return facts.defects.empty() ? std::string("none") : facts.defects[0].message;
  };
  CHECK(defect(R"({"w":{"dtype":"F32","shape":[4],"data_offsets":[0,16]}})") == "none");
  CHECK(defect(R"({"__metadata__":{"a":"b"},"w":{"dtype":"F32","shape":[4],"data_offsets":[0,16]}})") ==
        "none");
  CHECK(
      defect(R"({"w":{"dtype":"F32","shape":[4],"data_offsets":[0,12]}})").contains("data_offsets give 12"));
  CHECK(defect(R"({"w":{"dtype":"F32","shape":[3],"data_offsets":[0,12]}})")
            .contains("4 bytes behind the last tensor"));
  CHECK(defect(R"({"w":{"dtype":"F32","shape":[5],"data_offsets":[0,20]}})")
            .contains("the tensors take 20 bytes"));
  CHECK(defect(R"({"w":{"dtype":"F32","shape":[3],"data_offsets":[4,16]}})").contains("expected 0"));
  CHECK(defect(R"({"w":{"dtype":"F32","shape":[4],"data_offsets":[16,0]}})").contains("no [begin, end]"));
  CHECK(defect(R"({"w":{"dtype":"F33","shape":[4],"data_offsets":[0,16]}})").contains("`F33`"));
  CHECK(defect(R"({"w":{"dtype":"F32","shape":[-4],"data_offsets":[0,16]}})").contains("`w`"));
  CHECK(defect(R"({"w":{"dtype":"F32","shape":[4.0],"data_offsets":[0,16]}})").contains("`w`"));
  CHECK(defect(R"({"w":{"dtype":"F32","shape":[4]}})").contains("without dtype, shape or data_offsets"));
  CHECK(defect(R"({"w":{"dtype":"F32","shape":[4],"data_offsets":[0,16],"x":1}})").contains("`x`"));
  CHECK(defect(R"({"w":{"dtype":"F32","dtype":"F32","shape":[4],"data_offsets":[0,16]}})").contains("twice"));
  CHECK(defect(R"({"w":{"dtype":"F32","shape":[9007199254740993,9007199254740993],"data_offsets":[0,16]}})")
            .contains("more than memory"));
  CHECK(defect(R"({"__metadata__":{"a":1}})").contains("1 in `a`"));
  CHECK(defect("{" + std::string(500, '[') + "}").contains("no valid JSON"));
}

TEST_CASE("impossible tensors are defects and never reach out of their storage") {
  const auto defect = [](const std::string& tensor) {
    const ArtifactFacts facts = facts_of(around("}" + pickle_text("w") + tensor + "s"));
    CHECK(broken_invariant(as_bytes(around("}" + pickle_text("w") + tensor + "s"))).empty());
    return facts.defects.empty() ? std::string("none") : facts.defects[0].message;
  };
  CHECK(defect(pickle_tensor("0", 4, 0, 4)) == "none");
  CHECK(defect(pickle_tensor("0", 4, 4, 0)) == "none");
  CHECK(defect(pickle_tensor("0", 4, 1, 4)).contains("reaches beyond its storage of 4 elements"));
  CHECK(defect(pickle_tensor("0", 4, -1, 2)).contains("starts at element -1"));
  CHECK(defect(pickle_tensor("0", 4, 0, -2)).contains("expected no negative number"));
  CHECK(
      defect(pickle_tensor("0", 40, 0, 4)).contains("storage `0` has 16 bytes; `archive/data.pkl` says 160"));
  CHECK(defect(pickle_tensor("0", 2, 0, 2)).contains("storage `0` has 16 bytes; `archive/data.pkl` says 8"));
  CHECK(defect(pickle_tensor("9", 4, 0, 4)).contains("storage `9` is not in the archive"));
  CHECK(defect("ctorch._utils\n_rebuild_tensor_v2\n)R").contains("from 0 arguments"));
}

TEST_CASE("two members of one name, and a member that lies, are told") {
  ZipBuilder twice = torch_zip();
  twice.add("archive/data.pkl", "\x80\x02}.");
  CHECK(has(facts_of(twice.finish()), DefectKind::contradiction, "archive/data.pkl"));
  const std::string lying = ZipBuilder()
                                .add("archive/data.pkl", checkpoint_pickle())
                                .add("archive/data/0", four_floats(), {.crc = 0x12345678})
                                .add("archive/version", "3\n")
                                .finish();
  CHECK(has(facts_of(lying), DefectKind::corrupt, "archive/data/0"));
  // Checksums are looked at with hashing only.
  CHECK(read_artifact(as_bytes(lying), {.hash = false}).defects.empty());
  const auto of_version = [](std::string_view version) {
    std::string zip = around("}");
    return facts_of(zip.replace(zip.find("3\n"), 2, version));
  };
  CHECK(has(of_version("x9"), DefectKind::malformed, "archive/version"));
  CHECK(has(of_version("00"), DefectKind::malformed, "archive/version"));
  // Whether a loader reads it is that loader's question.
  CHECK_FALSE(has(of_version("99"), DefectKind::malformed, "archive/version"));
}

TEST_CASE("label lists are found where they are plausible") {
  const auto lists = [](const std::string& pickle) { return facts_of(around(pickle)).label_lists; };
  const std::string names = "](" + pickle_text("hello") + pickle_text("thanks") + "e";
  const auto plain = lists("}" + pickle_text("actions") + names + "s");
  REQUIRE(plain.size() == 1);
  CHECK(plain[0].path == "actions");
  CHECK(plain[0].kind == LabelListKind::list);
  CHECK(plain[0].classes == std::vector<std::string>{"hello", "thanks"});
  CHECK(lists("}" + pickle_text("feature_names") + names + "s").empty());
  CHECK(lists("}" + pickle_text("args") + "}" + pickle_text("extra") + names + "ss").empty());
  CHECK(lists("}" + pickle_text("args") + "}" + pickle_text("classes") + names + "ss").size() == 1);
  const auto indexed = lists("}" + pickle_text("idx_to_class") + "}(K\x01" + pickle_text("b") + "K\x00"s +
                             pickle_text("a") + "us");
  REQUIRE(indexed.size() == 1);
  CHECK(indexed[0].kind == LabelListKind::index_to_name);
  CHECK(indexed[0].classes == std::vector<std::string>{"a", "b"});
  const auto named = lists("}" + pickle_text("class_to_idx") + "}(" + pickle_text("b") + "K\x01" +
                           pickle_text("a") + "K\x00us"s);
  REQUIRE(named.size() == 1);
  CHECK(named[0].kind == LabelListKind::name_to_index);
  CHECK(named[0].classes == std::vector<std::string>{"a", "b"});
  // A map that is called after classes and does not number them says which number is wrong.
  const auto gap = lists("}" + pickle_text("class_to_idx") + "}(" + pickle_text("b") + "K\x02" +
                         pickle_text("a") + "K\x00us"s);
  REQUIRE(gap.size() == 1);
  CHECK(gap[0].classes.empty());
  CHECK(gap[0].problem == "index 1 is missing");
  CHECK(lists("}" + pickle_text("counts") + "}(" + pickle_text("b") + "K\x02" + pickle_text("a") + "K\x00us"s)
            .empty());
  const auto unfitted =
      lists("}" + pickle_text("le") + "csklearn.preprocessing._label\nLabelEncoder\n)\x81}" +
            pickle_text("_sklearn_version") + pickle_text("1.4.2") + "sbs");
  REQUIRE(unfitted.size() == 1);
  CHECK(unfitted[0].kind == LabelListKind::label_encoder);
  CHECK(unfitted[0].sklearn_version == "1.4.2");
  CHECK(unfitted[0].problem.contains("never fitted"));
}

TEST_CASE("class names that numpy saved") {
  // np.save of an array of text: two names of three UCS-4 characters.
  const std::string header = "{'descr': '<U3', 'fortran_order': False, 'shape': (2,), }\n";
  const std::string names = "b\0\0\0y\0\0\0e\0\0\0"s + "\xb4\xb1\0\0\0\0\0\0\0\0\0\0"s;
  const std::string file =
      "\x93NUMPY\x01\0"s + little_endian(static_cast<std::uint16_t>(header.size())) + header + names;
  const ArtifactFacts facts = facts_of(file);
  CHECK(facts.kind == ArtifactKind::npy);
  REQUIRE(facts.label_lists.size() == 1);
  CHECK(facts.label_lists[0].classes == std::vector<std::string>{"bye", "\xeb\x86\xb4"});
  CHECK(facts_of(file.substr(0, file.size() - 1)).label_lists.empty());
}

TEST_CASE("mappings of tensors get their role") {
  const auto role = [](std::string_view key, std::string_view name) {
    const ArtifactFacts facts = facts_of(
        around("}" + pickle_text(key) + "}" + pickle_text(name) + pickle_tensor("0", 4, 0, 4) + "ss"));
    return facts.state_dicts.size() == 1 ? facts.state_dicts[0].role : std::string("?");
  };
  CHECK(role("model", "fc.weight") == "weights");
  CHECK(role("state_dict", "x") == "weights");
  CHECK(role("model_ema", "fc.weight") == "ema");
  CHECK(role("emanuel", "fc.weight") == "weights");
  CHECK(role("optimizer", "w") == "optimizer");
  CHECK(role("stuff", "exp_avg") == "optimizer");
  CHECK(role("stuff", "noise") == "other");
}

TEST_CASE("whole modules name their classes") {
  const ArtifactFacts facts =
      facts_of(around("cmodels\nNet\n)\x81}(" + pickle_text("_parameters") + "}" + pickle_text("w") +
                      pickle_tensor("0", 4, 0, 4) + "s" + pickle_text("_modules") + "}ub"));
  CHECK(facts.root_type == "models.Net");
  CHECK(facts.module_classes == std::vector<std::string>{"models.Net"});
  REQUIRE(facts.tensors.size() == 1);
  CHECK(facts.tensors[0].path == "._parameters.w");
  CHECK(facts.state_dicts.empty());
  CHECK(facts.globals[0].key_path.empty());
}

TEST_CASE("files that are no model are named as what they are") {
  CHECK(kind_of("") == ArtifactKind::empty);
  CHECK(kind_of("\n <!DOCTYPE HTML><p>Sign in") == ArtifactKind::html);
  CHECK(kind_of("{\"error\": 404}") == ArtifactKind::json_text);
  CHECK(kind_of("{no json") == ArtifactKind::text);
  CHECK(kind_of("Access denied\n") == ArtifactKind::text);
  CHECK(kind_of(std::string(100, '\0')) == ArtifactKind::unknown);
  CHECK(kind_of("\x1f\x8b\x08rest") == ArtifactKind::gzip);
  CHECK(kind_of("\x89HDF\r\n\x1a\nrest") == ArtifactKind::hdf5);
  CHECK(kind_of("\x18\x00\x00\x00ORTM"s) == ArtifactKind::ort);
  CHECK(kind_of("\x08\x07\x12\x02me\x3a\x04\x12\x02gx") == ArtifactKind::onnx);
  CHECK(kind_of("\x08\x01\x12\x02\x0a\x00"s) == ArtifactKind::tensorflow_saved_model);
  CHECK(kind_of(ZipBuilder().add("readme", "x").finish()) == ArtifactKind::zip);
  const ArtifactFacts pointer =
      facts_of("version https://git-lfs.github.com/spec/v1\noid sha256:abc\nsize 123\n");
  CHECK(pointer.kind == ArtifactKind::git_lfs_pointer);
  CHECK(pointer.lfs == LfsPointerFacts{.oid = "sha256:abc", .bytes = 123});
  const ArtifactFacts cut = facts_of("\x08\x07\x3a\x7f\x12\x02gx");
  CHECK(cut.kind == ArtifactKind::onnx);
  REQUIRE(has(cut, DefectKind::truncated));
  CHECK(cut.defects[0].missing_bytes == 123);
  CHECK(cut.format_version == "7");
}

TEST_CASE("the bundled example") {
  const std::string folder = std::string(RUNUP_SOURCE_DIR) + "/configs/examples/";
  const auto file = MappedFile::open(folder + "sign-language-service/models/cnn_bilstm_attention_model.pth");
  REQUIRE(file);
  const ArtifactFacts facts = read_artifact(file->bytes(), {.hash = true, .release_pages = true});
  CHECK(facts.kind == ArtifactKind::torch_zip);
  CHECK(facts.defects.empty());
  REQUIRE(facts.state_dicts.size() == 1);
  CHECK(facts.state_dicts[0].path == "model_state_dict");
  CHECK(facts.state_dicts[0].has_metadata);
  CHECK(facts.state_dicts[0].tensors == facts.tensors.size());
  REQUIRE(facts.label_lists.size() == 1);
  CHECK(facts.label_lists[0].path == "label_encoder");
  CHECK(facts.label_lists[0].dtype == "str");
  // scikit-learn sorts the classes.
  CHECK(std::ranges::is_sorted(facts.label_lists[0].classes));
  CHECK(std::ranges::contains(facts.label_lists[0].classes, "안녕하세요"));
  // The last layer has one output for each class.
  const auto last =
      std::ranges::find(facts.tensors, "model_state_dict.classifier.3.bias", &TensorFacts::path);
  REQUIRE(last != facts.tensors.end());
  CHECK(last->elements == facts.label_lists[0].classes.size());
}

TEST_CASE("the broken example's models") {
  const std::string folder =
      std::string(RUNUP_SOURCE_DIR) + "/configs/examples/sign-language-service-broken/models/";
  const auto look = [&](const std::string& name) {
    const auto file = MappedFile::open(folder + name);
    REQUIRE(file);
    return read_artifact(file->bytes(), {});
  };
  CHECK(look("sign_lfs.pth").kind == ArtifactKind::git_lfs_pointer);
  CHECK(look("sign_html.pth").kind == ArtifactKind::html);
  CHECK(look("sign_html.pth").head.contains("<html"));
  const ArtifactFacts cut = look("sign_truncated.pth");
  CHECK(cut.kind == ArtifactKind::torch_zip);
  REQUIRE(cut.defects.size() == 1);
  CHECK(cut.defects[0].kind == DefectKind::truncated);
  CHECK(cut.defects[0].missing_bytes.value_or(0) > 0);
  CHECK(std::ranges::contains(look("sign_whole_module.pth").module_classes, "__main__.SignNetwork"));
}

TEST_CASE("damaged forms of small files hold what must hold") {
  const std::vector<std::string> files{torch_zip().finish(),
                                       torch_zip().finish_zip64(),
                                       torch_legacy(),
                                       safetensors(),
                                       "\x80\x02" + checkpoint_pickle().substr(2),
                                       "\x08\x07\x12\x02me\x3a\x04\x12\x02gx",
                                       around("cmodels\nNet\n)\x81}" + pickle_text("_modules") + "}sb")};
  for (const std::string& file : files) {
    for (std::uint32_t seed = 1; seed <= 300; ++seed) {
      const std::string changed = mutated(file, seed);
      INFO("seed " << seed << " of a file of " << file.size() << " bytes");
      CHECK(broken_invariant(as_bytes(changed)).empty());
    }
  }
}
