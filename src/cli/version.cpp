// SPDX-License-Identifier: Apache-2.0
#include "cli/version.h"

#include <openssl/opensslv.h>
#include <spdlog/version.h>
#include <sqlite3.h>
#include <zlib.h>

#include <CLI/Version.hpp>
#include <filesystem>
#include <format>
#include <nlohmann/json.hpp>
#include <pugixml.hpp>

#include "program/probe_folder.h"

namespace runup {

std::string version_text() {
  std::string text = std::format("runup {}\n", RUNUP_VERSION);
  const auto add = [&](std::string_view name, std::string_view version) {
    text += std::format("  {:<14} {}\n", name, version);
  };
  add("CLI11", CLI11_VERSION);
  add("libcrypto", OPENSSL_VERSION_STR);
  add("nlohmann-json", std::format("{}.{}.{}", NLOHMANN_JSON_VERSION_MAJOR, NLOHMANN_JSON_VERSION_MINOR,
                                   NLOHMANN_JSON_VERSION_PATCH));
  add("pugixml", std::format("{}.{}", PUGIXML_VERSION / 1000, PUGIXML_VERSION % 1000 / 10));
  add("spdlog", std::format("{}.{}.{}", SPDLOG_VER_MAJOR, SPDLOG_VER_MINOR, SPDLOG_VER_PATCH));
  add("SQLite", sqlite3_libversion());
  add("zlib", zlibVersion());
  const std::string folder = find_probe_folder();
  std::error_code error;
  for (const auto& [name, program, models] :
       {std::tuple{"torch probe", kTorchProbe, "PyTorch and TorchScript models"},
        std::tuple{"ort probe", kOnnxRuntimeProbe, "ONNX models"}}) {
    add(name, std::filesystem::exists(std::filesystem::path(folder) / program, error)
                  ? std::format("{}/{}", folder, program)
                  : std::format("not installed: {} cannot be run", models));
  }
  return text;
}

}  // namespace runup
