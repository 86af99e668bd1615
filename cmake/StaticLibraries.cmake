# SPDX-License-Identifier: Apache-2.0
# Debian's packages describe their shared libraries to CMake; a static executable needs the archives
# that lie beside them. To be included after all find_package().

find_library(RUNUP_YAML_ARCHIVE NAMES libyaml-cpp.a REQUIRED)
set(RUNUP_YAML ${RUNUP_YAML_ARCHIVE})
find_library(RUNUP_SECCOMP_ARCHIVE NAMES libseccomp.a REQUIRED)
set(RUNUP_SECCOMP ${RUNUP_SECCOMP_ARCHIVE})
find_library(RUNUP_SQLITE_ARCHIVE NAMES libsqlite3.a REQUIRED)
set(RUNUP_SQLITE ${RUNUP_SQLITE_ARCHIVE} m)
# Of libarchive only the streams xz, zstd and bzip2 are used; what its formats need is not linked in.
set(RUNUP_ARCHIVE)
foreach(library archive lzma zstd bz2)
  find_library(RUNUP_${library}_ARCHIVE NAMES lib${library}.a REQUIRED)
  list(APPEND RUNUP_ARCHIVE ${RUNUP_${library}_ARCHIVE})
endforeach()
set_target_properties(pugixml::pugixml PROPERTIES INTERFACE_LINK_LIBRARIES pugixml::static)
# Only hashes are used of libcrypto; what its compressors need is not linked in, and often not installed.
set_target_properties(OpenSSL::Crypto PROPERTIES INTERFACE_LINK_LIBRARIES "Threads::Threads;${CMAKE_DL_LIBS}")
# fmt has no archive; its headers alone will do.
set_target_properties(spdlog::spdlog_header_only PROPERTIES
  INTERFACE_LINK_LIBRARIES "Threads::Threads;fmt::fmt-header-only")
