// SPDX-License-Identifier: Apache-2.0
#include "base/yaml_tree.h"

#include <chrono>
#include <format>
#include <string>

#include <catch2/catch_test_macros.hpp>

namespace runup {
namespace {

std::string error_of(std::string_view text) {
  const auto parsed = parse_yaml(text);
  return parsed ? "no error"
                : std::format("{}:{}: {}", parsed.error().place.line, parsed.error().place.column,
                              parsed.error().message);
}

TEST_CASE("keys and values keep their places") {
  const auto root = parse_yaml("a: 1\nbb:\n  - x\n  - {c: \"2\"}\n");
  REQUIRE(root);
  REQUIRE(root->kind == YamlKind::map);
  REQUIRE(root->entries.size() == 2);
  CHECK(root->entries[0].key == "a");
  CHECK(root->entries[0].place == Place{0, 1, 1});
  CHECK(root->entries[0].value.place == Place{0, 1, 4});
  CHECK(root->entries[0].value.kind == YamlKind::plain);
  const YamlNode& list = root->entries[1].value;
  REQUIRE(list.items.size() == 2);
  CHECK(list.items[0].place == Place{0, 3, 5});
  REQUIRE(list.items[1].entries.size() == 1);
  CHECK(list.items[1].entries[0].place == Place{0, 4, 6});
  CHECK(list.items[1].entries[0].value.place == Place{0, 4, 9});
  CHECK(list.items[1].entries[0].value.kind == YamlKind::quoted);
}

TEST_CASE("columns count characters, not bytes") {
  const auto root = parse_yaml("{라벨: 안녕하세요, next: x}\n");
  REQUIRE(root);
  REQUIRE(root->entries.size() == 2);
  CHECK(root->entries[0].key == "라벨");
  CHECK(root->entries[0].value.text == "안녕하세요");
  CHECK(root->entries[0].value.place.column == 6);
  CHECK(root->entries[1].place.column == 13);
}

TEST_CASE("a byte order mark and CRLF line ends change no place") {
  const auto root = parse_yaml(
      "\xEF\xBB\xBF"
      "a: 1\r\nb:\r\n  c: x\r\n");
  REQUIRE(root);
  REQUIRE(root->entries.size() == 2);
  CHECK(root->entries[0].place == Place{0, 1, 1});
  CHECK(root->entries[0].value.text == "1");
  REQUIRE(root->entries[1].value.entries.size() == 1);
  CHECK(root->entries[1].value.entries[0].place == Place{0, 3, 3});
  CHECK(root->entries[1].value.entries[0].value.text == "x");
}

TEST_CASE("duplicate keys are kept") {
  const auto root = parse_yaml("a: 1\na: 2\n");
  REQUIRE(root);
  REQUIRE(root->entries.size() == 2);
  CHECK(root->entries[1].place == Place{0, 2, 1});
}

TEST_CASE("an alias is a copy with the places of its anchor") {
  const auto root = parse_yaml("a: &x {k: v}\nb: *x\n");
  REQUIRE(root);
  const YamlNode& copy = root->entries[1].value;
  REQUIRE(copy.entries.size() == 1);
  CHECK(copy.entries[0].value.text == "v");
  CHECK(copy.entries[0].place == Place{0, 1, 8});
}

TEST_CASE("an empty value has its key's place") {
  const auto root = parse_yaml("a:\nb: ~\n");
  REQUIRE(root);
  CHECK(root->entries[0].value.kind == YamlKind::null);
  CHECK(root->entries[0].value.place == Place{0, 1, 1});
  CHECK(root->entries[1].value.kind == YamlKind::null);
}

TEST_CASE("text in quotes and blocks, and what is tagged as text, is text") {
  const auto root = parse_yaml("a: '1'\nb: |\n  2\nc: !!str 3\nd: \"\"\n");
  REQUIRE(root);
  for (const YamlEntry& entry : root->entries) {
    CHECK(entry.value.kind == YamlKind::quoted);
  }
  CHECK(root->entries[1].value.text == "2\n");
}

TEST_CASE("nothing and comments are a null document") {
  for (const std::string_view text : {"", "\n\n", "# only a comment\n", "---\n", "\xEF\xBB\xBF"}) {
    const auto root = parse_yaml(text);
    REQUIRE(root);
    CHECK(root->kind == YamlKind::null);
  }
}

TEST_CASE("syntax errors have a place and name the cure") {
  CHECK(error_of("a:\n\tb: 1\n") == "2:1: a tab in the indentation; expected spaces");
  CHECK(error_of("a: {b: 1\nc: 2\n") ==
        "2:2: the `{` of line 1 is not closed; expected `,` or `}` before this");
  CHECK(error_of("a: [b, c}\n") == "1:9: `}` does not close the bracket that is open here");
  CHECK(error_of("a: b: c\n") == "1:5: `: ` cannot stand here; quote the text if the colon belongs to it");
  CHECK(error_of("a: @b\n") == "1:4: a value cannot start with `@`; quote it");
  CHECK(error_of("a: \"b\n") == "1:4: a quote opens here and is never closed");
  CHECK(error_of("a: &x 'it''s\nb: 1\n") == "1:4: a quote opens here and is never closed");
  CHECK(error_of("a:\n  b: 1\n c: 2\n") ==
        "3:2: this line does not fit the map above it; check its indentation");
  CHECK(error_of("a: *x\n") == "1:4: the alias `*x` has no anchor `&x` before it");
  CHECK(error_of("a: \"\\q\"\n") ==
        "1:5: unknown escape `\\q` in double quotes; write `\\\\q`, or use single quotes");
  CHECK(error_of("a: 1\n---\nb: 2\n") ==
        "2:1: a second document starts here; expected one document in this file");
  CHECK(error_of("[a\n") == "1:1: a list cannot be a key; close `[` with `]`, or quote it to mean text");
  CHECK(error_of(": 1\n") == "1:1: a key is empty; expected text before the `:`");
  CHECK(error_of("a: !!python/object:os.system x\n") ==
        "1:4: the tag `!!python/object:os.system` is not supported; leave it out");
  CHECK(error_of("a: {<<: 1}\n") ==
        "1:5: the merge key `<<` is not supported; write the keys out, or give each value an alias");
  CHECK(error_of("a: &x [*x]\n") == "1:8: an alias stands inside the value that it refers to");
}

TEST_CASE("quotes that are closed are no error") {
  CHECK(parse_yaml("a: &x \"b \\\" c\"\nb: 'it''s'\nc: !!str \"\"\n"));
}

TEST_CASE("binary files and other encodings are refused with a place") {
  CHECK(error_of(std::string_view("PK\x03\x04", 4)) ==
        "1:3: control character 0x03; expected a YAML text file");
  CHECK(error_of(std::string_view("a: \0b", 5)) == "1:4: control character 0x00; expected a YAML text file");
  CHECK(error_of("\xFF\xFE"
                 "a") == "0:0: the file is UTF-16; save it as UTF-8");
  // "안녕" in EUC-KR
  CHECK(error_of("a: 1\nlabel: \xBE\xC8\xB3\xE7\n") == "2:8: byte 0xbe is not UTF-8; save the file as UTF-8");
  // an overlong slash and a surrogate
  CHECK(error_of("a: \xC0\xAF\n") == "1:4: byte 0xc0 is not UTF-8; save the file as UTF-8");
  CHECK(error_of("a: \xED\xA0\x80\n") == "1:4: byte 0xed is not UTF-8; save the file as UTF-8");
}

std::string repeated(std::string_view part, std::size_t times) {
  std::string text;
  for (std::size_t i = 0; i < times; ++i) {
    text += part;
  }
  return text;
}

TEST_CASE("nesting is bounded") {
  CHECK(parse_yaml(repeated("[", kMaxYamlDepth) + repeated("]", kMaxYamlDepth)));
  const std::size_t deep = kMaxYamlDepth + 1;
  CHECK(error_of(repeated("[", deep) + repeated("]", deep)) == "1:65: nested deeper than 64 levels");
  CHECK(error_of(repeated("{a: ", 125'000)).find("close `{`") != std::string::npos);
  CHECK(error_of(repeated("{a: ", 70) + "1" + repeated("}", 70)) == "1:257: nested deeper than 64 levels");
  CHECK(error_of(repeated("- ", 300)).find("nested deeper than 64 levels") != std::string::npos);
  std::string block;
  for (std::size_t i = 0; i < 200; ++i) {
    block += repeated(" ", i) + "a:\n";
  }
  CHECK(error_of(block).find("nested deeper than 64 levels") != std::string::npos);
}

TEST_CASE("what aliases expand to is bounded") {
  std::string bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n";
  for (int i = 1; i < 10; ++i) {
    bomb += std::format("a{0}: &a{0} [", i);
    for (int j = 0; j < 10; ++j) {
      bomb += std::format("*a{}{}", i - 1, j < 9 ? ", " : "]\n");
    }
  }
  CHECK(error_of(bomb).find("more than 100000 values up to here, with aliases written out") !=
        std::string::npos);
}

TEST_CASE("the number of values and the size are bounded") {
  CHECK(parse_yaml(repeated("- a\n", 90'000)));
  CHECK(error_of(repeated("- a\n", 110'000)).find("more than 100000 values") != std::string::npos);
  const std::string large(kMaxConfigBytes + 1, '#');
  CHECK(error_of(large) == "0:0: 1.00 MiB long; expected at most 1.00 MiB");
  CHECK(parse_yaml(std::string_view(large).substr(1)));
}

TEST_CASE("hostile texts of the largest size end within seconds") {
  for (const std::string_view part :
       {"[",  "{", "? ", "- ", "a: ", "&a ", "*a ",  "'",    "\"",   "!",    "%",  "|\n",
        "\t", ":", "-",  ",",  "[]",  "{}",  "\"\\", "# \n", "a:\n", "[a, ", "!<", "---\n"}) {
    const auto start = std::chrono::steady_clock::now();
    (void)parse_yaml(repeated(part, kMaxConfigBytes / part.size()));
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
    INFO("`" << part << "` took " << took.count() << " s");
    CHECK(took.count() < 10.0);
  }
}

TEST_CASE("every prefix of a config parses or fails in order") {
  const std::string text =
      "version: 1\nmodels: &m\n  sign: {path: 'a', inputs: [{name: \"x\\n\", shape: [batch, 3]}]}\n  b: |\n  "
      "  c\nd: *m\n";
  for (std::size_t length = 0; length <= text.size(); ++length) {
    const auto parsed = parse_yaml(std::string_view(text).substr(0, length));
    CHECK((parsed || !parsed.error().message.empty()));
  }
}

}  // namespace
}  // namespace runup
