// SPDX-License-Identifier: Apache-2.0
#include "runner/packed_package.h"

#include <sys/stat.h>

#include <algorithm>
#include <functional>
#include <utility>
#include <vector>

#include "runner/core_probes.h"
#include "runner/questions.h"

namespace runup {

namespace {

// The part of `path` below `folder`; nothing when it is not below.
std::optional<std::string> below(const std::string& path, const std::string& folder) {
  return path.size() > folder.size() + 1 && path.starts_with(folder) && path[folder.size()] == '/'
             ? std::optional(path.substr(folder.size() + 1))
             : std::nullopt;
}

// What the config names in the package, the entry point alone where there is one: where that is, the package is.
std::vector<std::string> wanted_paths(const Plan& plan) {
  if (const auto entry = below(plan.target.entrypoint, plan.target.package)) {
    return {*entry};
  }
  std::vector<std::string> wanted;
  for (const PlannedModel& model : plan.models) {
    if (auto path = below(model.declaration.path, plan.target.package)) {
      wanted.push_back(std::move(*path));
    }
  }
  return wanted;
}

void each_path(Plan& plan, const std::function<void(std::string&)>& act) {
  TargetDeclaration& target = plan.target;
  for (std::string* path : {&target.package, &target.entrypoint, &target.python, &target.onnxruntime}) {
    act(*path);
  }
  std::ranges::for_each(target.writable, act);
  for (MountDeclaration& mount : target.mounts) {
    act(mount.from);
  }
  for (PlannedModel& model : plan.models) {
    ModelDeclaration& declared = model.declaration;
    act(declared.path);
    act(declared.architecture);
    if (declared.labels) {
      act(declared.labels->path);
    }
    for (ConversionDeclaration& conversion : declared.conversions) {
      act(conversion.path);
    }
    for (SampleDeclaration& sample : declared.samples) {
      act(sample.input);
      act(sample.output);
      for (auto& [name, file] : sample.inputs) {
        act(file);
      }
    }
  }
}

void each_text(std::vector<Evidence>& evidence, const std::function<void(std::string&)>& act) {
  for (Evidence& item : evidence) {
    act(item.name);
    act(item.value);
  }
}

void each_text(Report& report, const std::function<void(std::string&)>& act) {
  for (CheckResult& result : report.results) {
    act(result.outcome.reason);
    each_text(result.outcome.evidence, act);
    for (Finding& finding : result.outcome.findings) {
      act(finding.message);
      act(finding.fix);
      act(finding.where.file);
      act(finding.where.key);
      each_text(finding.evidence, act);
    }
  }
  for (ReportWitness& witness : report.witnesses) {
    act(witness.form);
    act(witness.file);
  }
  std::ranges::for_each(report.remarks, act);
}

void replace_all(std::string& text, const std::string& from, const std::string& to) {
  for (std::size_t at = text.find(from); at != std::string::npos; at = text.find(from, at + to.size())) {
    text.replace(at, from.size(), to);
  }
}

}  // namespace

std::string PackedPackage::root() const {
  if (!folder || !archive || !archive->whole) {
    return "";
  }
  std::string path = folder->path() + "/" + archive->top_folder;
  path.pop_back();
  return path;
}

PackedPackage unpack_package(RunContext& context) {
  PackedPackage package;
  const std::string& path = context.plan.target.package;
  struct stat status{};
  if (::stat(path.c_str(), &status) != 0 || !S_ISREG(status.st_mode)) {
    return package;
  }
  auto folder = ScratchFolder::make("runup-package");
  if (!folder) {
    package.archive =
        Observed<ArchiveFacts>::none({.kind = AbsenceKind::refused, .detail = folder.error().describe()});
    return package;
  }
  context.progress("unpacking the package");
  package.folder = std::move(*folder);
  package.archive = observe_archive(context, package.folder->path(), wanted_paths(context.plan));
  return package;
}

bool is_locked_away(const Observed<ArchiveFacts>& archive) {
  return archive ? !archive->whole : archive.absence && archive.absence->kind != AbsenceKind::not_requested;
}

Absence locked_away(const Observed<ArchiveFacts>& archive) {
  return {.kind = AbsenceKind::blocked,
          .detail = archive ? "the package was not unpacked; see `package-archive`"
                            : "the package could not be unpacked; see `package-archive`"};
}

void move_paths(Plan& plan, const std::string& from, const std::string& to) {
  each_path(plan, [&](std::string& path) {
    if (path == from) {
      path = to;
    } else if (const auto rest = below(path, from)) {
      path = to + "/" + *rest;
    }
  });
}

void name_archive(Report& report, const PackedPackage& package) {
  if (!package.folder || !package.archive) {
    return;
  }
  const std::string root = package.root();
  each_text(report, [&](std::string& text) {
    if (!root.empty()) {
      replace_all(text, root, package.archive->path);
    }
    replace_all(text, package.folder->path(), package.archive->path);
  });
}

}  // namespace runup
