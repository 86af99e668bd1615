# SPDX-License-Identifier: Apache-2.0
# The folder is the registration: sources, tests, checks and reports are found, never listed.

# The headers that nearly every source needs, parsed once for all targets: half of the compile time of a small library.
function(runup_precompile target)
  if(target STREQUAL runup_base)
    target_precompile_headers(runup_base PRIVATE ${CMAKE_SOURCE_DIR}/src/facts/facts.h
      <algorithm> <format> <ranges> <set> <span>)
  else()
    target_precompile_headers(${target} REUSE_FROM runup_base)
  endif()
  # -fpch-preprocess: for ccache, which compares preprocessed sources. From precompiled headers GCC 14 at -O2 warns of
  # bounds inside the standard library.
  target_compile_options(${target} PRIVATE -fpch-preprocess
    -Wno-array-bounds -Wno-stringop-overflow -Wno-stringop-overread)
endfunction()

# runup_library(FOLDER ...): the library runup_FOLDER of src/FOLDER/*.cpp, and its unit tests
# (*_test.cpp) as the executable FOLDER_tests. main.cpp belongs to an executable and is left out.
function(runup_library folder)
  string(REPLACE "/" "_" name ${folder})
  file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/src/${folder}/*.cpp)
  file(GLOB tests CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/src/${folder}/*_test.cpp)
  list(REMOVE_ITEM sources ${tests} ${CMAKE_SOURCE_DIR}/src/${folder}/main.cpp)
  if(sources)
    add_library(runup_${name} STATIC ${sources})
    target_link_libraries(runup_${name} PRIVATE runup_options)
    target_link_libraries(runup_${name} ${ARGN})
    runup_precompile(runup_${name})
  else()
    # A folder of headers alone.
    add_library(runup_${name} INTERFACE)
    set(links ${ARGN})
    list(REMOVE_ITEM links PUBLIC PRIVATE)
    target_link_libraries(runup_${name} INTERFACE ${links})
  endif()
  runup_tests(${name} "${tests}" runup_${name})
endfunction()

# The headers that nearly every test needs, parsed once for all.
function(runup_test_headers)
  file(WRITE ${CMAKE_BINARY_DIR}/generated/test_headers.cpp "// made by CMake: the owner of the tests' headers\n")
  add_library(runup_test_headers STATIC ${CMAKE_BINARY_DIR}/generated/test_headers.cpp)
  target_link_libraries(runup_test_headers PRIVATE runup_options Catch2::Catch2 nlohmann_json::nlohmann_json)
  target_compile_options(runup_test_headers PRIVATE $<$<CONFIG:Release>:-O0> -fpch-preprocess)
  target_precompile_headers(runup_test_headers PRIVATE ${CMAKE_SOURCE_DIR}/src/facts/facts.h
    <catch2/catch_test_macros.hpp> <algorithm> <filesystem> <format> <fstream> <ranges> <set> <span>)
endfunction()

# One test executable; each test case is a ctest test named FOLDER: CASE, with the label `unit`. A test is compiled
# more often than its time matters, so its own sources are not optimised; what it tests is.
function(runup_tests name sources)
  if(NOT RUNUP_TESTS OR NOT RUNUP_UNIT_TESTS OR NOT sources)
    return()
  endif()
  if(NOT TARGET runup_test_headers)
    runup_test_headers()
  endif()
  # what the tests of this folder build their facts with, compiled once
  file(GLOB support CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/tests/support/${name}/*.cpp)
  add_executable(${name}_tests ${sources} ${support})
  target_link_libraries(${name}_tests PRIVATE runup_options Catch2::Catch2WithMain ${ARGN})
  target_include_directories(${name}_tests PRIVATE ${CMAKE_SOURCE_DIR}/tests/support
    ${CMAKE_SOURCE_DIR}/tests/support/${name})
  target_compile_definitions(${name}_tests PRIVATE
    RUNUP_SOURCE_DIR="${CMAKE_SOURCE_DIR}" RUNUP_BINARY_DIR="${CMAKE_BINARY_DIR}"
    RUNUP_FIXTURES="${CMAKE_BINARY_DIR}/fixtures")
  target_compile_options(${name}_tests PRIVATE $<$<CONFIG:Release>:-O0> -fpch-preprocess)
  target_precompile_headers(${name}_tests REUSE_FROM runup_test_headers)
  # Tests say `using namespace`, and the same names for the same things.
  set_target_properties(${name}_tests PROPERTIES UNITY_BUILD OFF)
  catch_discover_tests(${name}_tests TEST_PREFIX "${name}: " PROPERTIES LABELS unit)
endfunction()

# Turns text files into a C++ source of string constants (build time, not configure time).
function(runup_embed output)
  add_custom_command(OUTPUT ${output}
    COMMAND ${CMAKE_COMMAND} "-DOUTPUT=${output}" "-DINPUTS=${ARGN}" -P ${CMAKE_SOURCE_DIR}/cmake/Embed.cmake
    DEPENDS ${ARGN} ${CMAKE_SOURCE_DIR}/cmake/Embed.cmake VERBATIM)
endfunction()

# The folders FOLDER/*/ that hold SOURCE become the library LIBRARY with a generated sorted table:
# SOURCE defines runup::FOLDER::NAME::CONSTANT (dashes become underscores) of type INFO, PAGE is the
# folder's Markdown page, and FUNCTION() returns the rows of type ROW.
function(runup_folder_table folder)
  cmake_parse_arguments(arg "" "SOURCE;PAGE;CONSTANT;INFO;ROW;FUNCTION;HEADER;LIBRARY" "LINK" ${ARGN})
  file(GLOB folders CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/${folder}/*/${arg_SOURCE})
  list(SORT folders)
  set(sources)
  set(tests)
  set(pages)
  set(RUNUP_TABLE_COUNT 0)
  foreach(source ${folders})
    get_filename_component(place ${source} DIRECTORY)
    get_filename_component(id ${place} NAME)
    string(REPLACE "-" "_" space ${id})
    file(GLOB own CONFIGURE_DEPENDS ${place}/*.cpp)
    file(GLOB own_tests CONFIGURE_DEPENDS ${place}/*_test.cpp)
    list(REMOVE_ITEM own ${own_tests})
    list(APPEND sources ${own})
    list(APPEND tests ${own_tests})
    list(APPEND pages ${place}/${arg_PAGE})
    string(APPEND RUNUP_TABLE_DECLARATIONS
      "namespace ${folder}::${space} { extern const ${arg_INFO} ${arg_CONSTANT}; }\n")
    string(APPEND RUNUP_TABLE_ROWS
      "    {&${folder}::${space}::${arg_CONSTANT}, kEmbedded${RUNUP_TABLE_COUNT}},\n")
    math(EXPR RUNUP_TABLE_COUNT "${RUNUP_TABLE_COUNT} + 1")
  endforeach()
  set(generated ${CMAKE_BINARY_DIR}/generated/${folder})
  runup_embed(${generated}/pages.inc ${pages})
  configure_file(${CMAKE_SOURCE_DIR}/cmake/table.cpp.in ${generated}/table.cpp @ONLY)
  set_source_files_properties(${generated}/table.cpp PROPERTIES OBJECT_DEPENDS ${generated}/pages.inc)
  add_library(${arg_LIBRARY} STATIC ${sources} ${generated}/table.cpp ${generated}/pages.inc)
  target_link_libraries(${arg_LIBRARY} PRIVATE runup_options PUBLIC ${arg_LINK})
  runup_precompile(${arg_LIBRARY})
  runup_tests(${folder} "${tests}" ${arg_LIBRARY})
endfunction()
