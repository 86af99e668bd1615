// SPDX-License-Identifier: Apache-2.0
#pragma once

// For tests of this folder: three checks that exist nowhere else, and config files on disk.

#include <array>
#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <span>
#include <string>
#include <tuple>
#include <vector>

#include "check/catalogue.h"
#include "config/load.h"

namespace runup::test {

struct BudgetOptions {
  Duration load = Duration::from_seconds(30);
  Duration first = Duration::from_seconds(1);
  ByteSize memory{.bytes = 1024};
  std::uint32_t processes = 3;
  static constexpr auto fields() {
    return std::tuple{
        Field{"load", &BudgetOptions::load, "most that loading may take"},
        Field{"first", &BudgetOptions::first, "most that the first answer may take",
              Rule{.min = 0.001, .max = 60}},
        Field{"memory", &BudgetOptions::memory, "most that may be resident"},
        Field{"processes", &BudgetOptions::processes, "fresh processes", Rule{.min = 1, .max = 20}}};
  }
};

struct InferenceOptions {
  bool required = true;
  static constexpr auto fields() {
    return std::tuple{Field{"required", &InferenceOptions::required, "a witness must run an inference"}};
  }
};

template <class Options>
Judgement judge_nothing(const Facts&, const Options&) {
  return Judgement::skip("a test's check");
}

inline constexpr std::array kLabelFindings{
    FindingInfo{"class-count-mismatch", Severity::error, "classes and outputs differ"},
    FindingInfo{"duplicate-class", Severity::warning, "a class is there twice"}};

inline const CheckInfo kBudget =
    define_check<BudgetOptions, judge_nothing<BudgetOptions>>("a-budget", {}, {});
inline const CheckInfo kInference =
    define_check<InferenceOptions, judge_nothing<InferenceOptions>>("inference", {}, {});
inline const CheckInfo kLabels =
    define_check<NoOptions, judge_nothing<NoOptions>>("label-encoder", kLabelFindings, {});

// In order of ids; the pages give the reading order label-encoder, inference, a-budget.
inline const std::array kCatalogue{
    CatalogueEntry{&kBudget, "---\nsummary: is it quick\norder: 30\n---\n"},
    CatalogueEntry{&kInference, "---\nsummary: does it run\norder: 20\n---\n"},
    CatalogueEntry{&kLabels, "---\nsummary: do the labels fit\norder: 10\n---\n"}};

// A folder that is gone at the end of the test.
class TemporaryFolder {
 public:
  TemporaryFolder() {
    std::string name = (std::filesystem::temp_directory_path() / "runup-config-XXXXXX").string();
    path_ = ::mkdtemp(name.data()) == nullptr ? "" : name;
  }
  ~TemporaryFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  TemporaryFolder(TemporaryFolder&&) = delete;
  TemporaryFolder& operator=(TemporaryFolder&&) = delete;

  const std::string& path() const { return path_; }
  std::string write(const std::string& name, std::string_view content) const {
    const std::filesystem::path file = std::filesystem::path(path_) / name;
    std::filesystem::create_directories(file.parent_path());
    std::ofstream(file, std::ios::binary) << content;
    return file.string();
  }

 private:
  std::string path_;
};

using Loaded = std::expected<Plan, std::vector<ConfigError>>;

// Loads `text` as FOLDER/runup.yaml with the checks above; `request` gives everything else.
inline Loaded load_text(const TemporaryFolder& folder, std::string_view text, LoadRequest request = {}) {
  request.config = folder.write("runup.yaml", text);
  request.catalogue = kCatalogue;
  return load_config(request);
}

// One line for each error, with the config's name without its folder.
inline std::string errors_text(const Loaded& loaded) {
  if (loaded) {
    return "";
  }
  std::string text;
  for (ConfigError error : loaded.error()) {
    if (!error.command_line) {
      error.source = std::filesystem::path(error.source).filename().string();
    }
    text += error.text() + "\n";
  }
  return text;
}

}  // namespace runup::test
