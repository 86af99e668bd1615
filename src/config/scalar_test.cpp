// SPDX-License-Identifier: Apache-2.0
#include "config/scalar.h"

#include <cmath>
#include <string>

#include <catch2/catch_test_macros.hpp>

namespace runup {
namespace {

Seen plain(std::string text) { return resolve({.kind = YamlKind::plain, .text = std::move(text)}); }

// The tables of https://yaml.org/spec/1.2.2/#103-core-schema.
TEST_CASE("plain scalars mean what the core schema says") {
  for (const char* text : {"null", "Null", "NULL", "~", ""}) {
    CHECK(std::holds_alternative<NullValue>(plain(text)));
  }
  for (const char* text : {"true", "True", "TRUE"}) {
    CHECK(plain(text).index() == Seen{true}.index());
    CHECK(std::get<bool>(plain(text)));
  }
  for (const char* text : {"false", "False", "FALSE"}) {
    CHECK_FALSE(std::get<bool>(plain(text)));
  }
  CHECK(std::get<IntegerValue>(plain("0")).value == 0);
  CHECK(std::get<IntegerValue>(plain("-19")).value == -19);
  CHECK(std::get<IntegerValue>(plain("+12")).value == 12);
  CHECK(std::get<IntegerValue>(plain("0o14")).value == 12);
  CHECK(std::get<IntegerValue>(plain("0x3A")).value == 58);
  CHECK(std::get<IntegerValue>(plain("9223372036854775807")).value == 9223372036854775807);
  CHECK_FALSE(std::get<IntegerValue>(plain("9223372036854775808")).fits);
  CHECK(std::get<IntegerValue>(plain("-9223372036854775808")).fits);
  CHECK(std::get<IntegerValue>(plain("010")).leading_zero);
  CHECK(std::get<NumberValue>(plain("0.")).value == 0.0);
  CHECK(std::get<NumberValue>(plain("-0.0")).value == 0.0);
  CHECK(std::signbit(std::get<NumberValue>(plain("-0.0")).value));
  CHECK(std::get<NumberValue>(plain(".5")).value == 0.5);
  CHECK(std::get<NumberValue>(plain("+12e03")).value == 12000.0);
  CHECK(std::get<NumberValue>(plain("-2E+05")).value == -200000.0);
  CHECK(std::get<NumberValue>(plain("1.0e-3")).value == 1.0e-3);
  CHECK(std::get<NumberValue>(plain("1e-3")).value == 1.0e-3);
  CHECK(std::isinf(std::get<NumberValue>(plain(".inf")).value));
  CHECK(std::get<NumberValue>(plain("-.INF")).value < 0);
  CHECK(std::isnan(std::get<NumberValue>(plain(".nan")).value));
  CHECK(std::isinf(std::get<NumberValue>(plain("1e999")).value));
  CHECK(std::get<NumberValue>(plain("1e-999")).value == 0.0);
}

TEST_CASE("all other plain scalars, and everything in quotes, are text") {
  for (const char* text :
       {"yes", "no", "on", "off", "tRUE", "1_000", "12:30", "0b11", "0x",   "0o9",    "1.2.3",
        ".",   "-",  "+",  "e5",  "1e",   "inf",   "nan",   "--1",  "0x-1", "cuda:0", "500ms"}) {
    INFO(text);
    CHECK(std::holds_alternative<TextValue>(plain(text)));
  }
  CHECK(std::holds_alternative<TextValue>(resolve({.kind = YamlKind::quoted, .text = "1"})));
}

TEST_CASE("text written back reads as the same text") {
  for (const std::string text :
       {"plain", "",           " ",   "a b",  "1",   "true", "~",          "null", "a: b",
        "a #b",  "#a",         "- a", "-",    "?",   "a:",   ":a",         "[x]",  "{host}",
        "it's",  "\"",         "\\",  "a\nb", "\t",  "a\tb", "안녕하세요", "<<",   "*a",
        "&a",    "!a",         "%a",  "@a",   "`a`", "|",    ">",          "0x1F", "1e3",
        ".5",    "2026-11-25", "a ",  "\x01", "a,b", "=",    "...",        "---",  "--- a"}) {
    const auto root = parse_yaml("k: " + yaml_text(text) + "\n");
    INFO(yaml_text(text));
    REQUIRE(root);
    REQUIRE(root->entries.size() == 1);
    CHECK(root->entries[0].value.text == text);
    CHECK(std::holds_alternative<TextValue>(resolve(root->entries[0].value)));
    const auto list = parse_yaml("[" + yaml_text(text) + ", x]\n");
    REQUIRE(list);
    REQUIRE(list->items.size() == 2);
    CHECK(list->items[0].text == text);
    const auto key = parse_yaml(yaml_text(text) + ": 1\n");
    REQUIRE(key);
    REQUIRE(key->entries.size() == 1);
    CHECK(key->entries[0].key == text);
  }
}

TEST_CASE("what a message shows is short and printable") {
  CHECK(shown("abc") == "abc");
  CHECK(shown("a\nb") == "a b");
  CHECK(shown(std::string(100, 'x')) == std::string(60, 'x') + "...");
  CHECK(shown("\x1b[31m").find('\x1b') == std::string::npos);
  // 21 syllables of 3 bytes: cut between two of them
  std::string korean;
  for (int i = 0; i < 21; ++i) {
    korean += "가";
  }
  CHECK(shown(korean) == korean.substr(0, 60) + "...");
}

}  // namespace
}  // namespace runup
