// SPDX-License-Identifier: Apache-2.0
#pragma once

// Which files of a package are left out of an image, a commit or a Git LFS store, and by which rule.
//
// Paths are relative to the root (the build context, the work tree), with `/` between folders and
// without a leading one.

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "facts/package_files.h"
#include "package_files/path_pattern.h"

namespace runup {

// Of one file; what is longer is cut at a line, and told as a problem.
inline constexpr std::size_t kMaxIgnoreBytes = std::size_t{128} * 1024;
// Of one path.
inline constexpr std::size_t kMaxPathParts = 256;

// One .gitignore or .gitattributes.
struct IgnoreFile {
  // where it lies, relative to the root; empty for the root itself
  std::string folder;
  // what matches and problems call it, such as `models/.gitignore`
  std::string name;
  std::string text;
};

class IgnoreRules {
 public:
  // `.dockerignore` as BuildKit applies it. Rules are tried in order, each only when it would change
  // what was decided before; a rule that holds for a folder holds for all below it. One consequence
  // differs from Docker's documentation: after `**/*.pth`, a rule `!models` does not bring back
  // `models/x.pth`, because nothing had been left out yet when `models` itself was looked at.
  static IgnoreRules docker(std::string_view text, std::string_view name = ".dockerignore");
  // `.gitignore` of one or more folders. A deeper folder's file has more to say than one above it; of
  // two files for one folder the later one (`.git/info/exclude` comes before `.gitignore`). Nothing
  // below a folder that is left out can be brought back. What git already tracks is not known here.
  static IgnoreRules git(std::span<const IgnoreFile> files);

  // The rule that decides for `path`: when it is `negated`, it keeps the path. Nothing when no rule
  // speaks of it, and then it is kept. `is_directory` matters for git alone.
  std::optional<IgnoreMatch> deciding_rule(std::string_view path, bool is_directory) const;
  // The same, when the path is left out.
  std::optional<IgnoreMatch> excludes(std::string_view path, bool is_directory) const;

  // Lines that are left out here. Docker's build fails at one, at the latest when a path comes to it that
  // no earlier rule has decided; git passes such lines over.
  const std::vector<FileProblem>& problems() const { return problems_; }

 private:
  struct Rule {
    IgnoreMatch match;
    PathPattern pattern;
    // of git: the folder of its file with a `/` behind it, or empty
    std::string base;
    bool only_directories = false;
    bool name_only = false;
  };

  void add_docker(std::string_view line, std::string_view name, std::uint64_t number);
  void add_git(const IgnoreFile& file);
  const Rule* docker_rule(std::string_view path) const;
  const Rule* git_rule(std::string_view path, bool is_directory) const;

  bool is_docker_ = false;
  // of git: those with less to say first
  std::vector<Rule> rules_;
  std::vector<FileProblem> problems_;
};

// Which files Git LFS keeps: those whose `filter` attribute is `lfs`.
class LfsRules {
 public:
  // `.gitattributes` of one or more folders, in the order of IgnoreRules::git. Macros of the root's
  // file (`[attr]model filter=lfs`) are followed.
  static LfsRules git_attributes(std::span<const IgnoreFile> files);

  // The line that sets `filter=lfs` for the file `path`; nothing when another line has the last word
  // or none speaks of it.
  std::optional<IgnoreMatch> stores(std::string_view path) const;

 private:
  struct Rule {
    IgnoreMatch match;
    PathPattern pattern;
    std::string base;
    bool name_only = false;
    bool lfs = false;
  };

  std::vector<Rule> rules_;
};

}  // namespace runup
