// SPDX-License-Identifier: Apache-2.0
#include "artifact/pickle_opcodes.h"

#include <array>
#include <utility>

namespace runup::artifact {

namespace {

constexpr std::array kNames{
    std::pair{Op::mark, "MARK"},
    std::pair{Op::stop, "STOP"},
    std::pair{Op::pop, "POP"},
    std::pair{Op::pop_mark, "POP_MARK"},
    std::pair{Op::dup, "DUP"},
    std::pair{Op::float_text, "FLOAT"},
    std::pair{Op::int_text, "INT"},
    std::pair{Op::binint, "BININT"},
    std::pair{Op::binint1, "BININT1"},
    std::pair{Op::long_text, "LONG"},
    std::pair{Op::binint2, "BININT2"},
    std::pair{Op::none, "NONE"},
    std::pair{Op::persid, "PERSID"},
    std::pair{Op::binpersid, "BINPERSID"},
    std::pair{Op::reduce, "REDUCE"},
    std::pair{Op::string_text, "STRING"},
    std::pair{Op::binstring, "BINSTRING"},
    std::pair{Op::short_binstring, "SHORT_BINSTRING"},
    std::pair{Op::unicode_text, "UNICODE"},
    std::pair{Op::binunicode, "BINUNICODE"},
    std::pair{Op::append, "APPEND"},
    std::pair{Op::build, "BUILD"},
    std::pair{Op::global, "GLOBAL"},
    std::pair{Op::dict, "DICT"},
    std::pair{Op::empty_dict, "EMPTY_DICT"},
    std::pair{Op::appends, "APPENDS"},
    std::pair{Op::get, "GET"},
    std::pair{Op::binget, "BINGET"},
    std::pair{Op::inst, "INST"},
    std::pair{Op::long_binget, "LONG_BINGET"},
    std::pair{Op::list, "LIST"},
    std::pair{Op::empty_list, "EMPTY_LIST"},
    std::pair{Op::obj, "OBJ"},
    std::pair{Op::put, "PUT"},
    std::pair{Op::binput, "BINPUT"},
    std::pair{Op::long_binput, "LONG_BINPUT"},
    std::pair{Op::setitem, "SETITEM"},
    std::pair{Op::tuple, "TUPLE"},
    std::pair{Op::empty_tuple, "EMPTY_TUPLE"},
    std::pair{Op::setitems, "SETITEMS"},
    std::pair{Op::binfloat, "BINFLOAT"},
    std::pair{Op::proto, "PROTO"},
    std::pair{Op::newobj, "NEWOBJ"},
    std::pair{Op::ext1, "EXT1"},
    std::pair{Op::ext2, "EXT2"},
    std::pair{Op::ext4, "EXT4"},
    std::pair{Op::tuple1, "TUPLE1"},
    std::pair{Op::tuple2, "TUPLE2"},
    std::pair{Op::tuple3, "TUPLE3"},
    std::pair{Op::newtrue, "NEWTRUE"},
    std::pair{Op::newfalse, "NEWFALSE"},
    std::pair{Op::long1, "LONG1"},
    std::pair{Op::long4, "LONG4"},
    std::pair{Op::binbytes, "BINBYTES"},
    std::pair{Op::short_binbytes, "SHORT_BINBYTES"},
    std::pair{Op::short_binunicode, "SHORT_BINUNICODE"},
    std::pair{Op::binunicode8, "BINUNICODE8"},
    std::pair{Op::binbytes8, "BINBYTES8"},
    std::pair{Op::empty_set, "EMPTY_SET"},
    std::pair{Op::additems, "ADDITEMS"},
    std::pair{Op::frozenset, "FROZENSET"},
    std::pair{Op::newobj_ex, "NEWOBJ_EX"},
    std::pair{Op::stack_global, "STACK_GLOBAL"},
    std::pair{Op::memoize, "MEMOIZE"},
    std::pair{Op::frame, "FRAME"},
    std::pair{Op::bytearray8, "BYTEARRAY8"},
    std::pair{Op::next_buffer, "NEXT_BUFFER"},
    std::pair{Op::readonly_buffer, "READONLY_BUFFER"},
};

constexpr auto kByByte = [] {
  std::array<std::string_view, 256> names{};
  for (const auto& [op, name] : kNames) {
    names[static_cast<unsigned char>(op)] = name;
  }
  return names;
}();

}  // namespace

std::string_view opcode_name(unsigned char byte) { return kByByte[byte]; }

}  // namespace runup::artifact
