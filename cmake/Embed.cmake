# SPDX-License-Identifier: Apache-2.0
# Writes OUTPUT: one `constexpr std::string_view kEmbeddedN` for each file of INPUTS, in order.
set(text "#include <string_view>\n\nnamespace {\n")
set(index 0)
foreach(input ${INPUTS})
  # In hex, because CMake's own reader would eat semicolons and brackets.
  file(READ ${input} hex HEX)
  string(REGEX REPLACE "([0-9a-f][0-9a-f])" "\\\\x\\1" escaped "${hex}")
  # Literals are cut into pieces, since compilers bound their length.
  string(REGEX REPLACE "(................................................................................)" "\\1\"\n  \"" escaped "${escaped}")
  string(LENGTH "${hex}" digits)
  math(EXPR bytes "${digits} / 2")
  string(APPEND text "constexpr std::string_view kEmbedded${index}{\n  \"${escaped}\", ${bytes}};\n")
  math(EXPR index "${index} + 1")
endforeach()
string(APPEND text "}  // namespace\n")
file(WRITE ${OUTPUT} "${text}")
