// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <deque>
#include <filesystem>
#include <format>
#include <string_view>
#include <system_error>
#include <utility>

#include "base/text.h"
#include "init/survey.h"

namespace runup::init {

namespace {

namespace fs = std::filesystem;

// What no service keeps its models in, and what would only be slow.
bool is_passed_over(const fs::path& folder) {
  constexpr std::array<std::string_view, 5> kOthers{"node_modules", "__pycache__", "site-packages",
                                                    "dist-packages", "__pypackages__"};
  const std::string name = folder.filename().string();
  if (name.starts_with('.') || std::ranges::find(kOthers, name) != kOthers.end()) {
    return true;
  }
  std::error_code error;
  return fs::exists(folder / "pyvenv.cfg", error) || fs::exists(folder / "conda-meta", error);
}

// Folders in the order of their depth, so that a large one deep down hides nothing above it.
class Walk {
 public:
  Walk(const std::string& root, const Bounds& bounds)
      : root_(root), bounds_(bounds), end_(steady_now() + bounds.walk) {}

  Names take() {
    folders_.emplace_back("", 0);
    while (!folders_.empty() && !stopped_) {
      const auto [below, depth] = std::move(folders_.front());
      folders_.pop_front();
      list(below, depth);
    }
    std::ranges::sort(names_.files);
    return std::move(names_);
  }

 private:
  void stop(std::string why) {
    names_.cut.push_back(std::move(why));
    stopped_ = true;
  }

  void list(const std::string& below, std::size_t depth) {
    std::error_code error;
    for (fs::directory_iterator at(root_ / below, error), end; !error && at != end; at.increment(error)) {
      if (++seen_ > bounds_.names) {
        return stop(std::format("files and folders beyond {}", bounds_.names));
      }
      if (steady_now() > end_) {
        return stop(std::format("what could not be listed within {}", format_duration(bounds_.walk)));
      }
      note(*at, below + at->path().filename().string(), depth);
    }
    if (error) {
      names_.cut.push_back(std::format("`{}`, which cannot be listed ({})",
                                       below.empty() ? "." : printable(below), error.message()));
    }
  }

  void note(const fs::directory_entry& entry, const std::string& name, std::size_t depth) {
    std::error_code error;
    if (entry.is_regular_file(error)) {
      names_.files.push_back(name);
    } else if (entry.is_directory(error) && !entry.is_symlink(error) && !is_passed_over(entry.path())) {
      if (depth + 1 > bounds_.depth) {
        names_.cut.push_back(std::format("`{}`, which is too deep", printable(name)));
      } else {
        folders_.emplace_back(name + "/", depth + 1);
      }
    }
  }

  const fs::path root_;
  const Bounds& bounds_;
  Duration end_;
  // with how many are above each
  std::deque<std::pair<std::string, std::size_t>> folders_;
  Names names_;
  std::size_t seen_ = 0;
  bool stopped_ = false;
};

}  // namespace

Names walk_package(const std::string& root, const Bounds& bounds) { return Walk(root, bounds).take(); }

}  // namespace runup::init
