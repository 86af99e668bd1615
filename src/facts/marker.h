// SPDX-License-Identifier: Apache-2.0
#pragma once

// Environment markers of PEP 508: `python_version < "3.9" and sys_platform == "linux"`.

#include <optional>
#include <string>
#include <string_view>

namespace runup {

// Where a requirement would be installed, as Python's `platform` and `sys` call it. What is empty is not
// known. The defaults are CPython on Linux.
struct MarkerEnvironment {
  // `3.11.9`; `python_version` is its first two numbers
  std::string python_full_version;
  // `x86_64`, `aarch64`
  std::string platform_machine;
  std::string sys_platform = "linux";
  std::string os_name = "posix";
  std::string platform_system = "Linux";
  std::string platform_python_implementation = "CPython";
  std::string implementation_name = "cpython";
  std::string platform_release;
  std::string platform_version;
  // the extra that is being installed; empty is none, which is known
  std::string extra;
};

// Whether a marker is one: nothing else follows, names are known, depth at most 32.
bool is_marker(std::string_view marker);

// Whether the marker holds there; nothing when that depends on what is not known, or when it is no
// marker. An empty one holds everywhere.
std::optional<bool> marker_holds(std::string_view marker, const MarkerEnvironment& environment);

}  // namespace runup
