// SPDX-License-Identifier: Apache-2.0
// Streams are written by hand after CPython's pickletools; what they mean was taken from pickle.loads.

#include "artifact/pickle_machine.h"

#include <catch2/catch_test_macros.hpp>

#include "artifact/object_graph.h"
#include "artifact/python_repr.h"
#include "pickles.h"

using namespace runup;
using namespace runup::artifact;
using namespace runup::test;

namespace {

// What Python's repr would print of the loaded object.
std::string loaded(const std::string& stream) {
  const Pickle pickle = read_pickle(as_bytes(stream));
  return pickle.problem ? "problem: " + pickle.problem->message
                        : value_repr(ObjectGraph(pickle), pickle.root);
}

Problem problem_of(const std::string& stream) {
  return read_pickle(as_bytes(stream)).problem.value_or(Problem{.message = "none"});
}

std::vector<std::string> globals_of(const std::string& stream) {
  std::vector<std::string> names;
  for (const GlobalValue& global : read_pickle(as_bytes(stream)).globals) {
    names.push_back(global.module + "." + global.name);
  }
  return names;
}

}  // namespace

TEST_CASE("scalars of every protocol read as Python reads them") {
  CHECK(loaded("I42\n.") == "42");
  CHECK(loaded("I-7\n.") == "-7");
  CHECK(loaded("I01\n.") == "True");
  CHECK(loaded("I00\n.") == "False");
  CHECK(loaded("L123456789012345678901234567890L\n.") == "123456789012345678901234567890");
  CHECK(loaded("F2.5\n.") == "2.5");
  CHECK(loaded("F-inf\n.") == "-inf");
  CHECK(loaded("N.") == "None");
  CHECK(loaded("K\xff.") == "255");
  CHECK(loaded("M\x34\x12.") == "4660");
  CHECK(loaded("J\xff\xff\xff\xff.") == "-1");
  CHECK(loaded("\x88.") == "True");
  CHECK(loaded("\x8a\x01\x80.") == "-128");
  CHECK(loaded("\x8a\x00."s) == "0");
  CHECK(loaded("\x8a\x09\xff\xff\xff\xff\xff\xff\xff\xff\x00."s) == "18446744073709551615");
  CHECK(loaded("\x8b\x02\x00\x00\x00\x00\x80."s) == "-32768");
  CHECK(loaded("G\x3f\xb9\x99\x99\x99\x99\x99\x9a.") == "0.1");
  CHECK(loaded("S'a\\x41\\n'\n.") == "'aA\\n'");
  CHECK(loaded("V\\uc548\\ub155\xe9\n.") == "'안녕é'");
  CHECK(loaded("U\x02hi.") == "'hi'");
  CHECK(loaded("T\x02\x00\x00\x00hi."s) == "'hi'");
  CHECK(loaded("\x8c\x02hi.") == "'hi'");
  CHECK(loaded("\x8d\x02\x00\x00\x00\x00\x00\x00\x00hi."s) == "'hi'");
  CHECK(loaded("C\x02\x00\xff."s) == "b'\\x00\\xff'");
  CHECK(loaded("B\x01\x00\x00\x00z."s) == "b'z'");
  CHECK(loaded("\x8e\x01\x00\x00\x00\x00\x00\x00\x00z."s) == "b'z'");
  CHECK(loaded("\x80\x05\x96\x01\x00\x00\x00\x00\x00\x00\x00z."s) == "bytearray(b'z')");
}

TEST_CASE("containers are built by their marks") {
  CHECK(loaded("(K\x01K\x02t.") == "(1, 2)");
  CHECK(loaded("K\x01\x85.") == "(1,)");
  CHECK(loaded("K\x01K\x02K\x03\x87.") == "(1, 2, 3)");
  CHECK(loaded(").") == "()");
  CHECK(loaded("(lK\x01"
               "a.") == "[1]");
  CHECK(loaded("](K\x01K\x02"
               "e.") == "[1, 2]");
  CHECK(loaded("(K\x01K\x02"
               "d.") == "{1: 2}");
  CHECK(loaded("}(K\x01K\x02K\x03K\x04u.") == "{1: 2, 3: 4}");
  CHECK(loaded("\x8f(K\x01\x90.") == "{1}");
  CHECK(loaded("(K\x01\x91.") == "frozenset({1})");
  // POP takes the mark itself when nothing is above it; POP_MARK takes all above the mark.
  CHECK(loaded("K\x01(0.") == "1");
  CHECK(loaded("K\x01(K\x02K\x03"
               "1.") == "1");
  CHECK(loaded("K\x05"
               "2\x86.") == "(5, 5)");
}

TEST_CASE("the memo holds objects, not copies") {
  // l = []; d = {1: l, 2: l}; l.append(7)
  const std::string stream =
      "]q\x00}(K\x01h\x00K\x02h\x00u0h\x00K\x07"
      "a0}K\x01h\x00s."s;
  CHECK(loaded(stream) == "{1: [7]}");
  // MEMOIZE counts the filled slots: after PUT 5 it fills slot 1.
  CHECK(loaded("\x80\x04K\x09q\x05\x94"
               "0h\x01.") == "9");
  // A slot may be filled again.
  CHECK(loaded("K\x01q\x00K\x02q\x00"
               "00h\x00."s) == "2");
  CHECK(loaded("p0\n.") == "problem: PUT: nothing is on the stack");
  CHECK(loaded("K\x01r\xff\xff\xff\x7f"
               "0j\xff\xff\xff\x7f.") == "1");
  // A list in itself.
  const std::string cyclic =
      "]q\x00h\x00"
      "a."s;
  const Pickle pickle = read_pickle(as_bytes(cyclic));
  REQUIRE(pickle.root != kNoValue);
  CHECK(pickle.at(pickle.root).items == std::vector<ValueId>{pickle.root});
}

TEST_CASE("globals are found however they are named") {
  CHECK(globals_of("cos\nsystem\n.") == std::vector<std::string>{"os.system"});
  CHECK(globals_of("(S'id'\nios\nsystem\n.") == std::vector<std::string>{"os.system"});
  CHECK(globals_of("\x80\x04\x8c\x02os\x8c\x06system\x93.") == std::vector<std::string>{"os.system"});
  // Names from the memo, and put there in the other order.
  CHECK(globals_of("\x80\x04\x8c\x06system\x94\x8c\x02os\x94"
                   "00h\x01h\x00\x93."s) == std::vector<std::string>{"os.system"});
  // One that is dropped again was looked up all the same.
  CHECK(globals_of("cos\nsystem\n0N.") == std::vector<std::string>{"os.system"});
  // The class of OBJ comes from the stack.
  CHECK(loaded("(cbuiltins\nint\nK\x07o.") == "int(7)");
}

TEST_CASE("calls keep callee, arguments and state") {
  const std::string stream = "cmodels\nNet\n)\x81}" + pickle_text("width") + "K\x08sb.";
  const Pickle pickle = read_pickle(as_bytes(stream));
  const ObjectValue* object = pickle.object(pickle.root);
  REQUIRE(object != nullptr);
  CHECK(object->form == CallForm::new_object);
  CHECK(pickle.global(object->callee)->name == "Net");
  REQUIRE(object->states.size() == 1);
  CHECK(pickle.integer(pickle.entry(object->states[0], "width")) == 8);
  CHECK(loaded("cm\nf\nK\x01\x85R.") == "m.f(1)");
  CHECK(loaded("\x80\x04"
               "cm\nC\n)}\x92.") == "m.C()");
  // copyreg's ways to say the same
  CHECK(loaded("ccopy_reg\n_reconstructor\n(cm\nC\nc__builtin__\nobject\nNtR.") == "m.C()");
}

TEST_CASE("what Python refuses is refused, with the place") {
  struct Row {
    std::string stream;
    DefectKind kind;
    std::string_view words;
  };
  const std::vector<Row> rows{
      {"", DefectKind::truncated, "without a STOP"},
      {"}", DefectKind::truncated, "without a STOP"},
      {".", DefectKind::malformed, "nothing is on the stack"},
      {"X\x05\x00\x00\x00"
       "ab."s,
       DefectKind::truncated, "5 bytes is announced; 3 are left"},
      {"X\x01\x00\x00\x00\xff."s, DefectKind::malformed, "UTF-8"},
      {"\xff.", DefectKind::malformed, "no pickle opcode"},
      {"\x80\x09.", DefectKind::malformed, "protocol 9"},
      {"R.", DefectKind::malformed, "2 values are needed; 0 are on the stack"},
      {"}t.", DefectKind::malformed, "no mark"},
      {"K\x01(K\x02s.", DefectKind::malformed, "2 values are needed; 1 are"},
      {"}(K\x01u.", DefectKind::malformed, "a key without its value"},
      {"}]K\x01s.", DefectKind::malformed, "a list as a key"},
      {"K\x01K\x02"
       "a.",
       DefectKind::malformed, "holds a int there"},
      {"K\x01}b.", DefectKind::malformed, "no state to set"},
      {"K\x01)R.", DefectKind::malformed, "a int cannot be called"},
      {"cm\nf\nK\x01R.", DefectKind::malformed, "expected a tuple"},
      {"h\x07.", DefectKind::malformed, "slot 7 was never filled"},
      {"K\x01K\x02\x93.", DefectKind::malformed, "must be text"},
      {"\x95\xff\x00\x00\x00\x00\x00\x00\x00.", DefectKind::truncated, "inside"},
      {"\x80\x04\x95\xff\x00\x00\x00\x00\x00\x00\x00N."s, DefectKind::truncated, "a frame of 255 bytes"},
      {"T\xff\xff\xff\xff"
       "a.",
       DefectKind::malformed, "a length of -1"},
      {"\x8b\xff\xff\xff\xff.", DefectKind::malformed, "a length of -1"},
      {"I0x\n.", DefectKind::malformed, "no decimal number"},
      {"I1", DefectKind::truncated, "inside a line"},
      {"I" + std::string(5000, '9') + "\n.", DefectKind::over_limit, "5000 digits"},
      {"\x82\x01.", DefectKind::malformed, "extension code"},
      {"\x97.", DefectKind::malformed, "a buffer"},
      {"c" + std::string(5000, 'm') + "\nf\n.", DefectKind::over_limit, "at most 4096"},
  };
  for (const Row& row : rows) {
    const Problem seen = problem_of(row.stream);
    INFO(row.words << " / " << seen.message);
    CHECK(seen.kind == row.kind);
    CHECK(seen.message.contains(row.words));
  }
  CHECK(problem_of("N0h\x07.").offset == 2);
}

TEST_CASE("deep and wide streams stay within bounds") {
  const std::string deep = std::string(100'000, ']') + std::string(99'999, 'a') + ".";
  CHECK_FALSE(read_pickle(as_bytes(deep)).problem);
  const std::string marks = std::string(1'000'000, '(') + ".";
  CHECK(read_pickle(as_bytes(marks)).problem->kind == DefectKind::malformed);
  CHECK(problem_of(std::string(5'100'000, ']') + ".").kind == DefectKind::over_limit);
}
