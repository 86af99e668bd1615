// SPDX-License-Identifier: Apache-2.0
#include "check/check.h"

#include <algorithm>
#include <array>
#include <format>

#include "base/text.h"
#include "check/predictor.h"
#include "check/wording.h"

namespace runup::checks::path_handling {

struct Options {
  std::vector<std::string> outside;
  static constexpr auto fields() {
    return std::tuple{Field{"outside", &Options::outside,
                            "folders beside the package that the server has, such as `/opt/fonts`"}};
  }
};

constexpr std::array kFindings{
    FindingInfo{"relative-path", Severity::error,
                "a file is opened by a path that depends on the folder of start"},
    FindingInfo{"foreign-path", Severity::error,
                "a path leads to a folder that is not the package's, and nothing is there"},
    FindingInfo{"outside-package", Severity::warning,
                "a file is read that lies outside the package and the mounts"}};

namespace {

constexpr std::size_t kShown = 5;
constexpr std::string_view kAnchor =
    "build the path from the source's own place: `Path(__file__).resolve().parent / ...`";

bool is_below(std::string_view path, std::string_view folder) {
  return !folder.empty() && path.starts_with(folder) &&
         (path.size() == folder.size() || folder.ends_with('/') || path[folder.size()] == '/');
}

// The package and what the deployment mounts, here and where they will stand.
bool is_ours(const Facts& facts, const Options& options, std::string_view path) {
  const auto holds = [&](std::string_view folder) { return is_below(path, folder); };
  const std::string& root = facts.package ? facts.package->root : facts.target.package;
  return holds(root) || holds(facts.target.package) || holds(facts.target.installed_at) ||
         std::ranges::any_of(options.outside, holds) ||
         std::ranges::any_of(facts.target.mounts, [&](const MountDeclaration& mount) {
           return holds(mount.at) || holds(mount.from);
         });
}

void add(const Facts& facts, Judgement& judgement, std::string_view id,
         const std::vector<const OpenedFileFacts*>& files, std::string message, std::string fix) {
  const OpenedFileFacts& first = *files.front();
  judgement.findings.push_back(make_finding(
      kFindings, id, std::move(message), std::move(fix),
      first.file.empty() ? Location{.file = {}, .key = model_key(facts, "factory"), .line = {}}
                         : Location{.file = shown_path(facts, first.file), .key = {}, .line = first.line}));
  for (std::size_t i = 0; i < std::min(files.size(), kShown); ++i) {
    if (!files[i]->file.empty()) {
      judgement.findings.back().evidence.push_back(
          {.name = files[i]->path,
           .value = std::format("{}:{}", shown_path(facts, files[i]->file), files[i]->line)});
    }
  }
}

std::vector<std::string> paths_of(const std::vector<const OpenedFileFacts*>& files) {
  std::vector<std::string> paths;
  for (const OpenedFileFacts* file : files) {
    paths.push_back(file->path);
  }
  return paths;
}

}  // namespace

Judgement judge(const Facts& facts, const Options& options) {
  const PythonFacts* python = predictor_facts(facts);
  if (python == nullptr) {
    return without_predictor(facts);
  }
  std::vector<const OpenedFileFacts*> relative;
  std::vector<const OpenedFileFacts*> foreign;
  std::vector<const OpenedFileFacts*> outside;
  std::size_t read = 0;
  for (const OpenedFileFacts& file : python->opened) {
    if (file.writing) {
      continue;
    }
    ++read;
    if (!file.path.starts_with('/')) {
      relative.push_back(&file);
    } else if (!is_ours(facts, options, file.absolute)) {
      (file.exists ? outside : foreign).push_back(&file);
    }
  }
  Judgement judgement;
  judgement.saw("opened while the predictor is made", count_of(read, "file", "files"));
  if (!relative.empty()) {
    add(facts, judgement, "relative-path", relative,
        std::format(
            "{} {} opened relative to the folder that the server is started in, which is another one under "
            "systemd, in a container or in CI",
            join_quoted(paths_of(relative), kShown), relative.size() == 1 ? "is" : "are"),
        std::string(kAnchor));
  }
  if (!foreign.empty()) {
    // A service that goes on without the file looked for something optional.
    const bool failed = python->exception.has_value();
    add(facts, judgement, "foreign-path", foreign,
        std::format("{} {} opened, outside the package, where nothing is",
                    join_quoted(paths_of(foreign), kShown), foreign.size() == 1 ? "is" : "are"),
        std::string(kAnchor) + ", or name what is mounted there in `mounts:`");
    judgement.findings.back().severity = failed ? Severity::error : Severity::note;
  }
  if (!outside.empty()) {
    add(facts, judgement, "outside-package", outside,
        std::format("{} {} read, outside the package: it is here, and perhaps not on the server",
                    join_quoted(paths_of(outside), kShown), outside.size() == 1 ? "is" : "are"),
        "ship the file in the package, name what is mounted there in `mounts:`, or say in `outside:` that "
        "the server "
        "has it");
  }
  const bool anywhere = !python->exception && python->elsewhere && python->elsewhere->stage == python->stage;
  if (anywhere) {
    judgement.saw(std::format("started in `{}`", python->elsewhere->folder), "loads too");
  } else if (read == 0 && judgement.findings.empty()) {
    // What a C++ library opens itself is not seen.
    judgement.undecided =
        python->exception ? "blocked: nothing was opened before the predictor failed; see `predictor-load`"
                          : "no file was seen to be opened, and in another folder it does not load; see "
                            "`predictor-load`";
  }
  return judgement;
}

extern const CheckInfo kCheck;
const CheckInfo kCheck = define_check<Options, judge>("path-handling", kFindings,
                                                      {.package = true, .artifact = true, .predictor = true});

}  // namespace runup::checks::path_handling
