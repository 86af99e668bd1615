// SPDX-License-Identifier: Apache-2.0
// Expected texts are what CPython 3.13 prints.

#include "artifact/python_text.h"

#include <limits>

#include <catch2/catch_test_macros.hpp>

using namespace runup;
using namespace runup::artifact;
using namespace std::string_literals;

TEST_CASE("floats print as Python prints them") {
  CHECK(python_repr(0.1) == "0.1");
  CHECK(python_repr(1.0) == "1.0");
  CHECK(python_repr(-0.0) == "-0.0");
  CHECK(python_repr(1e15) == "1000000000000000.0");
  CHECK(python_repr(1e16) == "1e+16");
  CHECK(python_repr(123456789012345680.0) == "1.2345678901234568e+17");
  CHECK(python_repr(0.0001) == "0.0001");
  CHECK(python_repr(0.00001) == "1e-05");
  CHECK(python_repr(5e-324) == "5e-324");
  CHECK(python_repr(1.7976931348623157e308) == "1.7976931348623157e+308");
  CHECK(python_repr(std::numeric_limits<double>::quiet_NaN()) == "nan");
  CHECK(python_repr(-std::numeric_limits<double>::infinity()) == "-inf");
}

TEST_CASE("texts print as Python prints them") {
  CHECK(python_repr_text("plain") == "'plain'");
  CHECK(python_repr_text("it's") == "\"it's\"");
  CHECK(python_repr_text("it's \"quoted\" \\") == "'it\\'s \"quoted\" \\\\'");
  CHECK(python_repr_text("a\nb\t\x01\x7f") == "'a\\nb\\t\\x01\\x7f'");
  CHECK(python_repr_text("안녕 \xe2\x80\x8d\xc2\xa0") == "'안녕 \\u200d\\xa0'");
  CHECK(python_repr_text("\xed\xa0\x80") == "'\\ud800'");
  CHECK(python_repr_bytes("\x00'\xff"s) == "b\"\\x00'\\xff\"");
  const std::string cut = python_repr_text(std::string(300, 'x'));
  CHECK(cut.size() == 200);
  CHECK(cut.ends_with("x..."));
}

TEST_CASE("integers of any size print in decimal") {
  CHECK(decimal_of({}) == "0");
  CHECK(decimal_of(as_bytes("\xff\xff\xff\xff\xff\xff\xff\xff\x00"s)) == "18446744073709551615");
  CHECK(decimal_of(as_bytes("\x00\x00\x00\x00\x00\x00\x00\x00\xff"s)) == "-18446744073709551616");
  CHECK(decimal_of(as_bytes(std::string(12, '\0') + "\x01")) == "79228162514264337593543950336");
  CHECK(decimal_of(as_bytes(std::string(2000, '\x01'))) == "<integer of 2000 bytes>");
}

TEST_CASE("escapes of protocol 0") {
  CHECK(decode_raw_unicode_escape("a\\u0041\\U0001f600\\n\\\\u") == "aA\xf0\x9f\x98\x80\\n\\\\u");
  CHECK(decode_raw_unicode_escape("\xe9") == "\xc3\xa9");
  CHECK_FALSE(decode_raw_unicode_escape("\\u12"));
  CHECK_FALSE(decode_raw_unicode_escape("\\U00110000"));
  CHECK(decode_string_literal("'a\\'b\\101\\x41\\q'") == "a'bAA\\q");
  CHECK(decode_string_literal("\"\"") == "");
  CHECK_FALSE(decode_string_literal("'abc"));
  CHECK_FALSE(decode_string_literal("abc"));
  CHECK_FALSE(decode_string_literal("'\\x4'"));
  CHECK(latin1_of("a\xc3\xbf") == "a\xff");
  CHECK_FALSE(latin1_of("네"));
}
