// SPDX-License-Identifier: Apache-2.0
#include "artifact/text_labels.h"

#include <catch2/catch_test_macros.hpp>

#include "artifact/index_map.h"
#include "artifact/reader.h"

using namespace runup;
using runup::artifact::order_by_index;

namespace {

using Words = std::vector<std::string>;

// As the whole reader sees it, so that the kind is recognised too.
std::vector<LabelListFacts> lists_of(std::string_view text) {
  return read_artifact(as_bytes(text), {.hash = false}).label_lists;
}

LabelListFacts only_list(std::string_view text) {
  const auto lists = lists_of(text);
  REQUIRE(lists.size() == 1);
  return lists.front();
}

}  // namespace

TEST_CASE("label files: JSON lists and maps, both ways") {
  CHECK(only_list(R"(["감사합니다", "안녕하세요"])").classes == Words{"감사합니다", "안녕하세요"});
  CHECK(only_list(R"(["a", "b"])").kind == LabelListKind::list);
  const LabelListFacts by_index = only_list(R"({"1": "b", "0": "a", "10": "k", "2": "c", "3": "d", "4": "e",
                                               "5": "f", "6": "g", "7": "h", "8": "i", "9": "j"})");
  CHECK(by_index.kind == LabelListKind::index_to_name);
  CHECK(by_index.classes == Words{"a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k"});
  const LabelListFacts by_name = only_list(R"({"cat": 1, "dog": 0})");
  CHECK(by_name.kind == LabelListKind::name_to_index);
  CHECK(by_name.classes == Words{"dog", "cat"});
  CHECK(only_list(R"([{"id": 0, "name": "cat"}, {"id": 1, "name": "dog"}])").classes == Words{"cat", "dog"});
}

TEST_CASE("label files: JSON below the root has key paths") {
  // The form of a Hugging Face config.json.
  const auto lists = lists_of(R"({"hidden_size": 768, "id2label": {"0": "NEG", "1": "POS"},
                                  "label2id": {"NEG": 0, "POS": 1}, "sizes": {"a": 7, "b": 9}})");
  REQUIRE(lists.size() == 2);
  CHECK(lists[0].path == "id2label");
  CHECK(lists[1].path == "label2id");
  CHECK(lists[0].classes == lists[1].classes);
  CHECK(only_list(R"({"meta": {"classes": ["a"]}})").path == "meta.classes");
}

TEST_CASE("label files: gaps and repeated indices are said") {
  CHECK(only_list(R"({"0": "a", "2": "c"})").problem == "index 1 is missing");
  CHECK(only_list(R"({"a": 1, "b": 2})").problem == "index 0 is missing");
  CHECK(only_list(R"({"a": 0, "b": 0})").problem == "index 0 is there twice");
  CHECK(only_list(R"({"a": -1, "b": 0})").problem == "index -1 is negative");
  CHECK(only_list(R"({"0": "a", "2": "c"})").classes.empty());
}

TEST_CASE("label files: lines of text, with and without indices") {
  const LabelListFacts plain = only_list("cat\r\ndog\r\n\r\n");
  CHECK(plain.kind == LabelListKind::list);
  CHECK(plain.classes == Words{"cat", "dog"});
  // A blank line between names is a class without a name.
  CHECK(only_list("cat\n\ndog\n").classes == Words{"cat", "", "dog"});
  CHECK(only_list("0 big cat\n1 dog\n").classes == Words{"big cat", "dog"});
  CHECK(only_list("1: dog\n0: cat\n").classes == Words{"cat", "dog"});
  CHECK(only_list("cat,0\ndog,1\n").kind == LabelListKind::name_to_index);
  CHECK(only_list("cat,0\ndog,1\n").classes == Words{"cat", "dog"});
  // Numbers that are no indices belong to the names, and numbers alone are names.
  CHECK(only_list("7 days\n3 days\n").classes == Words{"7 days", "3 days"});
  CHECK(only_list("0\n1\n2\n").classes == Words{"0", "1", "2"});
  CHECK(only_list("0,\n1,dog\n").classes == Words{"", "dog"});
  CHECK(only_list("0 \n1 dog\n").classes == Words{"0 ", "1 dog"});
}

TEST_CASE("label files: other documents have no class names") {
  CHECK(lists_of(R"({"error": {"code": 403, "message": "quota"}})").empty());
  CHECK(lists_of("[]").empty());
  CHECK(lists_of("<!DOCTYPE html><html></html>").empty());
}

TEST_CASE("names in the order of their indices") {
  CHECK(order_by_index({{1, "b"}, {0, "a"}}).names == Words{"a", "b"});
  CHECK(order_by_index({}).names.empty());
  CHECK(order_by_index({{0, "a"}, {0, "b"}}).problem == "index 0 is there twice");
}
