// SPDX-License-Identifier: Apache-2.0
// Files that real NumPy wrote are read in tests/torch; here is what NumPy would not write, too.

#include "artifact/npy.h"

#include <format>

#include <catch2/catch_test_macros.hpp>

using namespace runup;

namespace {

std::string npy(std::string_view header, std::string_view data, char version = 1) {
  std::string file = "\x93NUMPY";
  file += version;
  file += '\0';
  for (int i = 0; i < (version == 1 ? 2 : 4); ++i) {
    file += static_cast<char>((header.size() >> (8 * i)) & 0xFF);
  }
  return file + std::string(header) + std::string(data);
}

std::string refused(const std::string& file) {
  const auto array = read_npy(as_bytes(file));
  REQUIRE(!array);
  return array.error().message;
}

const std::string kTwoFloats("\x00\x00\x80\x3F\x00\x00\x00\x40", 8);

}  // namespace

TEST_CASE("a header as numpy.save writes it") {
  const std::string file =
      npy("{'descr': '<f4', 'fortran_order': False, 'shape': (1, 2), }        \n", kTwoFloats);
  const auto array = read_npy(as_bytes(file));
  REQUIRE(array);
  CHECK(array->dtype == "float32");
  CHECK(array->shape == std::vector<std::int64_t>{1, 2});
  CHECK(array->elements == 2);
  CHECK(!array->fortran_order);
  CHECK(as_text(array->data) == kTwoFloats);
}

TEST_CASE("a scalar, an empty array, one axis, and headers of version 2 and 3") {
  for (const auto& [shape, elements] : {std::pair{"()", 1U}, {"(0, 3)", 0U}, {"(1,)", 1U}, {"(1L,)", 1U}}) {
    for (const char version : {'\1', '\2', '\3'}) {
      CAPTURE(shape, static_cast<int>(version));
      const std::string header =
          std::format("{{'descr': '|u1', 'fortran_order': False, 'shape': {}}}", shape);
      const std::string file = npy(header, std::string(elements, 'x'), version);
      const auto array = read_npy(as_bytes(file));
      REQUIRE(array);
      CHECK(array->elements == elements);
    }
  }
}

TEST_CASE("Fortran order becomes row-major") {
  // [[0, 1, 2], [3, 4, 5]] by columns
  const std::string file = npy("{'descr': '|u1', 'fortran_order': True, 'shape': (2, 3)}",
                               std::string("\x00\x03\x01\x04\x02\x05", 6));
  const auto array = read_npy(as_bytes(file));
  REQUIRE(array);
  CHECK(as_text(row_major(*array)) == std::string_view("\x00\x01\x02\x03\x04\x05", 6));
}

TEST_CASE("Fortran order with three axes") {
  std::string by_columns;
  for (int c = 0; c < 4; ++c) {
    for (int b = 0; b < 3; ++b) {
      for (int a = 0; a < 2; ++a) {
        by_columns += static_cast<char>(a * 12 + b * 4 + c);
      }
    }
  }
  const std::string file = npy("{'descr': '|u1', 'fortran_order': True, 'shape': (2, 3, 4)}", by_columns);
  const auto array = read_npy(as_bytes(file));
  REQUIRE(array);
  const std::vector<std::byte> rows = row_major(*array);
  for (std::size_t i = 0; i < 24; ++i) {
    CHECK(rows[i] == static_cast<std::byte>(i));
  }
}

TEST_CASE("what is no plain little-endian array is refused by its name") {
  CHECK(refused("PK\x03\x04 and more bytes").contains("not a .npy file"));
  CHECK(refused(npy("{}", "", '\4')).contains("version 4"));
  CHECK(refused(npy("{'descr': '>f4', 'fortran_order': False, 'shape': ()}", "1234")).contains("big-endian"));
  CHECK(refused(npy("{'descr': '|O', 'fortran_order': False, 'shape': ()}", "")).contains("`|O`"));
  CHECK(refused(npy("{'descr': '<c8', 'fortran_order': False, 'shape': ()}", "12345678")).contains("`<c8`"));
  CHECK(refused(npy("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': ()}", "1234"))
            .contains("structured"));
}

TEST_CASE("sizes that contradict the file are refused") {
  const auto with_shape = [](std::string_view shape) {
    return npy(std::format("{{'descr': '<f4', 'fortran_order': False, 'shape': {}}}", shape), kTwoFloats);
  };
  CHECK(refused(with_shape("(3,)")).contains("8 bytes of elements; its shape [3] of float32 takes 12"));
  CHECK(refused(with_shape("(1,)")).contains("takes 4"));
  CHECK(refused(with_shape("(-2,)")).contains("`shape`"));
  CHECK(refused(with_shape("(4294967296, 4294967296, 4294967296)")).contains("counted"));
  CHECK(refused(with_shape("(9223372036854775807, 2)")).contains("takes"));
  CHECK(refused(with_shape("(2,")).contains("`shape`"));
}

TEST_CASE("every cut of a good file is refused") {
  const std::string file = npy("{'descr': '<f4', 'fortran_order': False, 'shape': (2,)}", kTwoFloats);
  REQUIRE(read_npy(as_bytes(file)));
  for (std::size_t size = 0; size < file.size(); ++size) {
    CAPTURE(size);
    CHECK(!read_npy(as_bytes(std::string_view(file).substr(0, size))));
  }
}
