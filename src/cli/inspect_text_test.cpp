// SPDX-License-Identifier: Apache-2.0
#include "cli/inspect_text.h"

#include <algorithm>

#include <catch2/catch_test_macros.hpp>

#include "base/text.h"
#include "cli/inspect_tree.h"
#include "cli/inspect_words.h"

using namespace runup;

namespace {

ArtifactFacts with_tensors(const std::vector<std::string>& paths) {
  ArtifactFacts facts{.kind = ArtifactKind::torch_zip, .bytes = 4096};
  for (const std::string& path : paths) {
    facts.storages.push_back({.key = std::to_string(facts.storages.size()),
                              .dtype = "float32",
                              .device = "cpu",
                              .bytes = 8,
                              .offset = 0});
    facts.tensors.push_back({.path = path,
                             .dtype = "float32",
                             .shape = {2},
                             .stride = {1},
                             .storage = static_cast<std::int64_t>(facts.storages.size()) - 1,
                             .elements = 2,
                             .bytes = 8});
  }
  return facts;
}

std::vector<std::string> names(const std::vector<TreeLine>& lines) {
  std::vector<std::string> out;
  for (const TreeLine& line : lines) {
    out.push_back(std::string(line.depth, ' ') + line.name);
  }
  return out;
}

std::string render(const ArtifactFacts& facts, bool all = false) {
  return render_inspection(facts, "models/sign.pth", all, {.width = 80});
}

}  // namespace

TEST_CASE("tensors are grouped by the parts of their names") {
  const ArtifactFacts facts =
      with_tensors({"model.fc.weight", "model.fc.bias", "model.head.0.weight", "step"});
  CHECK(names(tensor_tree(facts, 16)) ==
        std::vector<std::string>{"model", " fc", "  weight", "  bias", " head.0.weight", "step"});
  const std::vector<TreeLine> tree = tensor_tree(facts, 16);
  CHECK(tree[0].tensors == 3);
  CHECK(tree[0].bytes == 24);
  CHECK(tree[1].tensor == nullptr);
  CHECK(tree[2].tensor == facts.tensors.data());
  // A tensor with attributes is a group, too.
  CHECK(names(tensor_tree(with_tensors({"w", "w.scale", "w.zero"}), 16)) ==
        std::vector<std::string>{"w", " scale", " zero"});
  CHECK(names(tensor_tree(with_tensors({"", "[0]"}), 16)).size() == 2);
}

TEST_CASE("a group's bytes count a shared storage once") {
  ArtifactFacts facts = with_tensors({"m.a", "m.b"});
  facts.tensors[1].storage = 0;
  CHECK(tensor_tree(facts, 16)[0].bytes == 8);
}

TEST_CASE("long groups are shortened and say by how much") {
  std::vector<std::string> paths;
  for (int i = 0; i < 30; ++i) {
    paths.push_back("m.layer" + std::to_string(i));
    paths.push_back("o[" + std::to_string(i) + "]");
  }
  const std::vector<TreeLine> tree = tensor_tree(with_tensors(paths), 16);
  // m, 16 of its members and a note; o, 4 of its members and a note
  REQUIRE(tree.size() == 18 + 6);
  CHECK(tree[17].is_note);
  CHECK(tree[17].name == "and 14 more");
  CHECK(tree[17].bytes == 14 * 8);
  CHECK(tree.back().name == "and 26 more");
  CHECK(tensor_tree(with_tensors(paths), 1'000).size() == 62);
}

TEST_CASE("the text tells what the file is and what is wrong with it") {
  ArtifactFacts facts = with_tensors({"model.fc.weight"});
  facts.defects.push_back({.kind = DefectKind::truncated,
                           .message = "the end is gone",
                           .member = "archive/data/3",
                           .offset = 99});
  facts.storages[0].offset.reset();
  facts.label_lists.push_back({.path = "le",
                               .kind = LabelListKind::label_encoder,
                               .classes = {"안녕하세요", "", "네"},
                               .sklearn_version = "1.4.2"});
  facts.metadata.push_back({.path = "betas[0]", .type = "float", .value = "0.9"});
  facts.metadata.push_back({.path = "betas[1]", .type = "float", .value = "0.999"});
  facts.metadata.push_back({.path = "epoch", .type = "int", .value = "17"});
  facts.globals.push_back(
      {.module = "models", .name = "Net", .member = "data.pkl", .key_path = "model", .uses = 1});
  facts.cut.emplace_back("objects beyond 20000");
  const std::string text = render(facts);
  for (const std::string_view part :
       {"models/sign.pth\n", "a PyTorch checkpoint (torch.save, zip format), 4.00 KiB", "the end is gone",
        "`archive/data/3`, at byte 99", "copy or download the file again", "model.fc.weight", "bytes missing",
        "label encoder of scikit-learn 1.4.2", "0 안녕하세요", "1 ''", "betas[]  0.9, 0.999",
        "models.Net  model", "not read: objects beyond 20000"}) {
    INFO(part);
    CHECK(text.contains(part));
  }
  // What stands at the top comes before what is below it.
  CHECK(text.find("epoch") < text.find("betas[]"));
}

TEST_CASE("hostile names neither reach the terminal nor break lines") {
  ArtifactFacts facts = with_tensors({"a\x1b[31m\nb", std::string(3000, 'x'), "\xff\xfe"});
  facts.metadata.push_back({.path = "\x1b]0;title\x07", .type = "str", .value = "'\xe2\x80\xae'"});
  facts.globals.push_back({.module = "os\n", .name = "system\x1b[2J", .member = "", .key_path = "\r\n"});
  facts.label_lists.push_back({.path = "\x1b[1m", .classes = {"\x1b[1m", "a\nb", std::string(2000, 'y')}});
  facts.defects.push_back({.kind = DefectKind::malformed, .message = "\x1b[31m", .member = "\x1b[31m\n"});
  facts.head = "\x1b[31m";
  facts.producer = "\x1b[31m";
  const std::string text = render(facts);
  CHECK(is_valid_utf8(text));
  CHECK_FALSE(text.contains('\x1b'));
  CHECK_FALSE(text.contains('\r'));
  CHECK_FALSE(text.contains("\xe2\x80\xae"));
  for (const std::string& line : split(text, '\n')) {
    INFO(line);
    CHECK(display_width(line) <= 80);
  }
}

TEST_CASE("long lists are shortened unless all is asked for") {
  ArtifactFacts facts = with_tensors({});
  for (int i = 0; i < 500; ++i) {
    facts.metadata.push_back({.path = "m.v" + std::to_string(i), .type = "int", .value = "1"});
    facts.globals.push_back({.module = "m", .name = "g" + std::to_string(i)});
    facts.defects.push_back({.message = "broken"});
  }
  const std::string brief = render(facts);
  CHECK(std::ranges::count(brief, '\n') < 150);
  CHECK(brief.contains("and 476 more values; --all shows them"));
  CHECK(brief.contains("and 460 more globals"));
  const std::string whole = render(facts, true);
  CHECK(whole.contains("m.v499"));
  CHECK(whole.contains("m.g499"));
  CHECK_FALSE(whole.contains("--all"));
}

TEST_CASE("what numbers are like, in words") {
  CHECK(values_in_words({.min = -0.25, .max = 3.5}) == "-0.25 to 3.5");
  CHECK(values_in_words({.min = 1, .max = 1, .constant = true}) == "all 1");
  CHECK(values_in_words({.nan_count = 2, .negative_infinities = 1, .min = -1, .max = 1}) ==
        "2 NaN and 1 -infinity, else -1 to 1");
  CHECK(values_in_words({.nan_count = 9, .constant = true}) == "9 NaN");
}

TEST_CASE("every kind and defect has its words") {
  for (const auto& [kind, name] : enum_names(ArtifactKind{})) {
    CHECK(kind_in_words(kind) != "?");
  }
  for (const auto& [kind, name] : enum_names(DefectKind{})) {
    CHECK(meaning_of(kind) != "?");
  }
}
