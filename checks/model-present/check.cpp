// SPDX-License-Identifier: Apache-2.0
#include "check/check.h"

#include <algorithm>
#include <format>

#include "base/text.h"
#include "check/wording.h"

namespace runup::checks::model_present {

struct Options {
  ByteSize min_size{1024};
  std::string sha256;
  static constexpr auto fields() {
    return std::tuple{
        Field{"min_size", &Options::min_size, "a smaller model file gets a warning"},
        Field{"sha256", &Options::sha256, "the hash that the model file must have, in hex", Rule{.max = 64}}};
  }
};

constexpr std::array kFindings{
    FindingInfo{"package-missing", Severity::error, "the package folder is not there"},
    FindingInfo{"missing", Severity::error, "there is no file at the model's path"},
    FindingInfo{"broken-link", Severity::error, "the model's path is a symbolic link to nothing"},
    FindingInfo{"directory", Severity::error, "the model's path is a folder"},
    FindingInfo{"not-a-file", Severity::error, "the model's path is a device, socket or pipe"},
    FindingInfo{"unreadable", Severity::error, "the system refuses to open the model file"},
    FindingInfo{"outside-package", Severity::error, "the model file is not part of what will be deployed"},
    FindingInfo{"empty", Severity::error, "the model file has no bytes"},
    FindingInfo{"git-lfs-pointer", Severity::error, "the file is a Git LFS pointer, not the model"},
    FindingInfo{"html-page", Severity::error, "the file is a web page, not the model"},
    FindingInfo{"json-document", Severity::error, "the file is JSON, not the model"},
    FindingInfo{"text-file", Severity::error, "the file is text, not the model"},
    FindingInfo{"hash-mismatch", Severity::error, "the file is not the one whose hash was stated"},
    FindingInfo{"companion-missing", Severity::error,
                "a file that the config names for this model cannot be used"},
    FindingInfo{"ignored-by-docker", Severity::error,
                "`.dockerignore` leaves the model file out of the image"},
    FindingInfo{"ignored-by-git", Severity::warning,
                "`.gitignore` leaves the model file out of the repository, and Git LFS does not have it"},
    FindingInfo{"too-small", Severity::warning, "the file is smaller than any real model"}};

namespace {

struct Judge {
  const Facts& facts;
  const Options& options;
  Judgement& judgement;

  void add(std::string_view id, std::string message, std::string fix, Location where) {
    judgement.findings.push_back(
        make_finding(kFindings, id, std::move(message), std::move(fix), std::move(where)));
  }
  void add(std::string_view id, std::string message, std::string fix) {
    add(id, std::move(message), std::move(fix), model_location(facts));
  }
};

std::string parent_of(std::string_view path) {
  const std::size_t slash = path.rfind('/');
  return std::string(slash == std::string_view::npos ? std::string_view(".") : path.substr(0, slash));
}

bool lies_below(std::string_view path, std::string_view folder) {
  while (folder.size() > 1 && folder.ends_with('/')) {
    folder.remove_suffix(1);
  }
  return !folder.empty() && path.starts_with(folder) &&
         (path.size() == folder.size() || path[folder.size()] == '/');
}

// What the deployment mounts is deployed too.
bool is_mounted(const Facts& facts, const PathFacts& path) {
  return std::ranges::any_of(facts.target.mounts, [&](const MountDeclaration& mount) {
    return lies_below(path.real_path.empty() ? path.path : path.real_path, mount.from) ||
           lies_below(path.path, mount.from);
  });
}

// Who keeps files elsewhere and leaves links to them: what to run.
std::string_view fetch_words(std::string_view link_target) {
  return link_target.contains("annex/objects") ? "`git annex get`, then copy"
         : link_target.contains(".dvc/cache")  ? "`dvc pull`, then copy"
                                               : "copy";
}

void judge_broken_link(Judge& judge, const PathFacts& path) {
  judge.add("broken-link",
            std::format("`{}` is a symbolic link to `{}`, which is not there; expected the model {}",
                        shown_path(judge.facts, path.broken_link), path.link_target,
                        path.broken_link == path.path ? "file" : "in it"),
            std::format("{} what the link leads to instead of the link: `cp -L`, `rsync -L`, `tar -h`",
                        fetch_words(path.link_target)));
}

void judge_missing(Judge& judge, const PathFacts& path) {
  if (!path.link_target.empty()) {
    judge_broken_link(judge, path);
    return;
  }
  const std::string name = shown_path(judge.facts, path.path);
  std::string message = std::format("no file at `{}`", name);
  if (path.existing_parent == parent_of(path.path)) {
    message += "; its folder is there, the name is not in it";
  } else if (!path.existing_parent.empty()) {
    message += std::format("; the nearest folder that exists is `{}`",
                           shown_path(judge.facts, path.existing_parent));
  }
  std::string fix = std::format(
      "copy the model to `{}` in the package, and look for a `.dockerignore` or `.gitignore` "
      "pattern that leaves it out",
      name);
  if (std::ranges::any_of(path.similar, [&](const std::string& other) { return other == name + ".dvc"; })) {
    message += std::format("; the package has `{}.dvc`, DVC's pointer to it", name);
    fix = std::format("fetch the model before packaging: `dvc pull {}.dvc`", shell_word(name));
  } else if (!path.similar.empty()) {
    message += std::format("; the package has {}", join_quoted(path.similar));
    fix = std::format("set `{}` to the file that is meant, or copy the model to `{}`",
                      model_key(judge.facts, "path"), name);
  }
  judge.add("missing", std::move(message), std::move(fix));
}

// What stands at the model's path. True when it is a file whose content can be looked at.
bool judge_place(Judge& judge, const PathFacts& path) {
  const std::string name = shown_path(judge.facts, path.path);
  switch (path.kind) {
    case FileKind::missing:
      judge_missing(judge, path);
      return false;
    case FileKind::directory:
      judge.add("directory", std::format("`{}` is a folder; expected the model file", name),
                std::format("set `{}` to the file inside `{}`", model_key(judge.facts, "path"), name));
      return false;
    case FileKind::other:
      judge.add("not-a-file",
                std::format("`{}` is neither a file nor a folder{}; expected a regular file", name,
                            path.error.empty() ? "" : " (" + path.error + ")"),
                std::format("replace `{}` with the model file itself", name));
      return false;
    case FileKind::unreadable:
      judge.add("unreadable",
                std::format("`{}` cannot be opened: {}{}", name,
                            path.error.empty() ? "no reason given" : path.error,
                            path.mode == 0 ? "" : std::format(" (mode {:04o})", path.mode & 07777U)),
                std::format("make it readable for the user that runs the service: `chmod a+r {}`",
                            shell_word(name)));
      return false;
    case FileKind::regular:
      return true;
  }
  return false;
}

void judge_reach(Judge& judge, const PathFacts& path) {
  if (path.inside_package || is_mounted(judge.facts, path)) {
    return;
  }
  judge.add(
      "outside-package",
      std::format("`{}` leads to `{}`, which is outside the package `{}` and in none of its `mounts:`",
                  path.written, path.real_path.empty() ? path.path : path.real_path,
                  judge.facts.target.package),
      "copy the model into the package, or declare the folder that the deployment mounts under `mounts:`");
}

void judge_pointer(Judge& judge, const ArtifactFacts& artifact) {
  const std::string name = model_file(judge.facts);
  std::string message = std::format("`{}` is a Git LFS pointer of {}", name, format_bytes(artifact.bytes));
  if (artifact.lfs) {
    message += std::format("; the model has {} ({} bytes) and oid `{}`", format_bytes(artifact.lfs->bytes),
                           artifact.lfs->bytes, artifact.lfs->oid);
  }
  judge.add(
      "git-lfs-pointer", std::move(message),
      std::format(
          "fetch the model before packaging: `git lfs pull --include={}` (`lfs: true` in the CI's checkout)",
          shell_word(name)));
}

void judge_text(Judge& judge, const ArtifactFacts& artifact) {
  const std::string name = model_file(judge.facts);
  const std::string start = excerpt(artifact.head);
  const std::string again = std::format(
      "download the model again from its raw address and compare its hash; then look at why the server sent "
      "this instead of `{}`",
      name);
  if (artifact.kind == ArtifactKind::html) {
    judge.add("html-page",
              std::format("`{}` is an HTML page of {}: {}; expected a model", name,
                          format_bytes(artifact.bytes), start),
              again);
  } else if (artifact.kind == ArtifactKind::json_text && artifact.head.contains("weight_map")) {
    judge.add("json-document",
              std::format("`{}` is the index of a model in several files: {}; expected one model file", name,
                          start),
              "merge the shards into one file, and set the model's path to it");
  } else if (artifact.kind == ArtifactKind::json_text) {
    judge.add("json-document",
              std::format("`{}` is a JSON document of {}: {}; expected a model", name,
                          format_bytes(artifact.bytes), start),
              again);
  } else {
    const std::string_view head = trim(artifact.head);
    judge.add("text-file",
              std::format("`{}` is {} of {}: {}; expected a model", name,
                          head.starts_with("<") ? "an XML document" : "a text file",
                          format_bytes(artifact.bytes), start),
              again);
  }
}

void judge_hash(Judge& judge, const ArtifactFacts& artifact) {
  if (judge.options.sha256.empty()) {
    return;
  }
  if (artifact.sha256.empty()) {
    judge.judgement.undecided = "the model file was not hashed in this run, so `sha256` cannot be compared";
    return;
  }
  std::string wanted = judge.options.sha256;
  std::ranges::transform(wanted, wanted.begin(),
                         [](char c) { return c >= 'A' && c <= 'F' ? static_cast<char>(c + 32) : c; });
  if (wanted != artifact.sha256) {
    judge.add(
        "hash-mismatch",
        std::format("`{}` has sha256 `{}`; expected `{}`", model_file(judge.facts), artifact.sha256, wanted),
        "deploy the file that was released, or set `sha256` to the hash of the new one");
  }
}

void judge_content(Judge& judge, const ArtifactFacts& artifact) {
  judge.judgement.saw("content", std::string(kind_words(artifact.kind)));
  if (!artifact.sha256.empty()) {
    judge.judgement.saw("sha256", artifact.sha256.substr(0, 12));
  }
  if (artifact.kind == ArtifactKind::git_lfs_pointer) {
    judge_pointer(judge, artifact);
    return;
  }
  if (is_no_model(artifact.kind)) {
    if (artifact.kind != ArtifactKind::empty) {
      judge_text(judge, artifact);
    }
    return;
  }
  judge_hash(judge, artifact);
  if (artifact.bytes < judge.options.min_size.bytes) {
    judge.add("too-small",
              std::format("`{}` has {}; a model has at least {} (`min_size`)", model_file(judge.facts),
                          format_bytes(artifact.bytes), format_bytes(judge.options.min_size.bytes)),
              "compare the size with that of the file you released; set `min_size` if the model is really "
              "this small");
  }
}

// Rules that leave a file of the package out of what is deployed. A package that stands where it is installed is
// deployed already.
void judge_ignored(Judge& judge, const PathFacts& path) {
  if (judge.facts.target.installed_at == judge.facts.package->root || is_mounted(judge.facts, path)) {
    return;
  }
  const std::string name = shown_path(judge.facts, path.path);
  const auto rule_words = [](const IgnoreMatch& rule) {
    return std::format("`{}` in `{}`, line {}", rule.pattern, rule.file, rule.line);
  };
  if (path.docker_ignored) {
    judge.add("ignored-by-docker",
              std::format("`{}` is left out of the image by {}", name, rule_words(*path.docker_ignored)),
              std::format("add `!{}` behind that line, or name what is mounted there in `mounts:`", name),
              {.file = path.docker_ignored->file, .key = {}, .line = path.docker_ignored->line});
  }
  if (path.git_ignored && !path.in_git_lfs) {
    judge.add("ignored-by-git",
              std::format(
                  "`{}` is left out of the repository by {}: who builds from a fresh clone does not have it",
                  name, rule_words(*path.git_ignored)),
              "keep the file in Git LFS, or fetch it in the build from where it is kept",
              {.file = path.git_ignored->file, .key = {}, .line = path.git_ignored->line});
  }
}

// The other files that the config names for this model: without them later checks cannot look.
void judge_companions(Judge& judge, const PackageFacts& package) {
  const std::string own = model_key(judge.facts, "path");
  const std::string prefix = model_key(judge.facts, "");
  // Each of them is judged as a model of its own, and what a file refers to by the checks that read it.
  const std::string conversions = model_key(judge.facts, "conversions[");
  for (const PathFacts& path : package.paths) {
    if (!path.asked_by.starts_with(prefix) || path.asked_by.starts_with(own) ||
        path.asked_by.starts_with(conversions)) {
      continue;
    }
    const std::string name = shown_path(judge.facts, path.path);
    std::string problem;
    if (path.kind == FileKind::missing) {
      problem = path.link_target.empty()
                    ? "which is not there"
                    : std::format("where `{}` is a symbolic link to `{}` that is not there",
                                  shown_path(judge.facts, path.broken_link), path.link_target);
    } else if (path.kind == FileKind::unreadable) {
      problem = "which cannot be opened: " + path.error;
    } else if (path.kind != FileKind::regular) {
      problem = "which is no regular file";
    } else if (path.bytes == 0) {
      problem = "which is empty";
    } else {
      continue;
    }
    std::string fix = std::format("correct `{}`, or put the file at `{}`", path.asked_by, name);
    if (!path.similar.empty()) {
      fix = std::format("correct `{}`: the package has {}", path.asked_by, join_quoted(path.similar));
    }
    judge.add("companion-missing", std::format("`{}` names `{}`, {}", path.asked_by, name, problem),
              std::move(fix), {.file = name, .key = path.asked_by});
  }
}

}  // namespace

Judgement judge(const Facts& facts, const Options& options) {
  if (!facts.package) {
    return Judgement::cannot_tell(absence_text("the package", facts.package.absence.value_or(Absence{})));
  }
  Judgement judgement;
  Judge judge{facts, options, judgement};
  judgement.saw("file", model_file(facts));
  if (facts.package->root_kind != FileKind::directory) {
    judge.add(
        "package-missing",
        std::format("the package `{}` is {}; expected a folder", facts.package->root,
                    facts.package->root_kind == FileKind::missing ? "not there" : "not a readable folder"),
        "set `package:` to the folder that holds the server",
        {.file = facts.package->root, .key = "package"});
    return judgement;
  }
  const PathFacts* path = facts.package->find(model_key(facts, "path"));
  if (path == nullptr) {
    judgement.undecided = std::format("the package probe said nothing of `{}`", model_key(facts, "path"));
    return judgement;
  }
  if (judge_place(judge, *path)) {
    judgement.saw("size", format_bytes(path->bytes));
    judge_reach(judge, *path);
    judge_ignored(judge, *path);
    if (path->bytes == 0) {
      judge.add("empty", std::format("`{}` has 0 bytes; expected a model", model_file(facts)),
                "copy the model again, and look for a full disk or a download that stopped");
    } else if (facts.artifact) {
      judge_content(judge, *facts.artifact);
    } else {
      judgement.undecided =
          absence_text("the content of the model file", facts.artifact.absence.value_or(Absence{}));
    }
  }
  judge_companions(judge, *facts.package);
  return judgement;
}

extern const CheckInfo kCheck;
const CheckInfo kCheck = define_check<Options, judge>(
    "model-present", kFindings, {.package = true, .artifact = true, .conversions = true});

}  // namespace runup::checks::model_present
