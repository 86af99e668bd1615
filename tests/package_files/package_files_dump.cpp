// SPDX-License-Identifier: Apache-2.0
// Answers questions to the readers of src/package_files: one JSON object a line on stdin, one on stdout.
// The tests of this folder compare the answers with those of git, moby and Python's packaging.

#include <iostream>
#include <map>
#include <string>
#include <vector>

#include "base/codec.h"
#include "facts/marker.h"
#include "facts/version.h"
#include "package_files/dockerfile.h"
#include "package_files/ignore.h"
#include "package_files/lock_files.h"
#include "package_files/project_files.h"
#include "package_files/requirements.h"

namespace {

using namespace runup;

using Answer = Json (*)(const Json&);

std::vector<IgnoreFile> files_of(const Json& question) {
  std::vector<IgnoreFile> files;
  for (const Json& file : question.at("files")) {
    files.push_back({.folder = file.at(0), .name = file.at(1), .text = file.at(2)});
  }
  return files;
}

// `paths`: names, those of folders with a `/` at the end
Json rules_for_paths(const Json& question, const IgnoreRules& rules) {
  Json answer{{"problems", encode(rules.problems())}, {"rules", Json::array()}};
  for (const Json& item : question.at("paths")) {
    auto path = item.get<std::string>();
    const bool is_directory = path.ends_with('/');
    path.erase(path.size() - (is_directory ? 1 : 0));
    answer["rules"].push_back(encode(rules.deciding_rule(path, is_directory)));
  }
  return answer;
}

Json ask_docker(const Json& question) {
  return rules_for_paths(question, IgnoreRules::docker(question.at("text").get<std::string>()));
}

Json ask_git(const Json& question) { return rules_for_paths(question, IgnoreRules::git(files_of(question))); }

Json ask_lfs(const Json& question) {
  const LfsRules rules = LfsRules::git_attributes(files_of(question));
  Json answer = Json::array();
  for (const Json& path : question.at("paths")) {
    answer.push_back(encode(rules.stores(path.get<std::string>())));
  }
  return answer;
}

// `versions`: for each its normal spelling, or null
Json ask_versions(const Json& question) {
  Json answer = Json::array();
  for (const Json& text : question.at("versions")) {
    const auto version = Version::parse(text.get<std::string>());
    answer.push_back(version ? Json{version->text(), version->is_prerelease(), version->base().text()}
                             : Json());
  }
  return answer;
}

// `pairs`: -1, 0 or 1 for each
Json ask_order(const Json& question) {
  Json answer = Json::array();
  for (const Json& pair : question.at("pairs")) {
    const auto order =
        *Version::parse(pair.at(0).get<std::string>()) <=> *Version::parse(pair.at(1).get<std::string>());
    answer.push_back(order < 0 ? -1 : order > 0 ? 1 : 0);
  }
  return answer;
}

// `specifiers` against each of `versions`: whether they hold with pre-releases, and without; null when
// the specifiers are refused
Json ask_specifiers(const Json& question) {
  const auto specifiers = Specifiers::parse(question.at("specifiers").get<std::string>());
  if (!specifiers) {
    return nullptr;
  }
  Json answer = Json::array();
  for (const Json& text : question.at("versions")) {
    const Version version = *Version::parse(text.get<std::string>());
    answer.push_back(Json{specifiers->hold_for(version), specifiers->hold_for(version, false)});
  }
  return answer;
}

Json ask_marker(const Json& question) {
  const auto value = [&](const char* name) { return question.at("environment").value(name, std::string()); };
  const MarkerEnvironment environment{
      .python_full_version = value("python_full_version"),
      .platform_machine = value("platform_machine"),
      .sys_platform = value("sys_platform"),
      .os_name = value("os_name"),
      .platform_system = value("platform_system"),
      .platform_python_implementation = value("platform_python_implementation"),
      .implementation_name = value("implementation_name"),
      .platform_release = value("platform_release"),
      .platform_version = value("platform_version"),
      .extra = value("extra")};
  const auto marker = question.at("marker").get<std::string>();
  return Json{{"valid", is_marker(marker)}, {"holds", encode(marker_holds(marker, environment))}};
}

Json ask_requirement(const Json& question) {
  const auto facts = parse_requirement(question.at("text").get<std::string>());
  return facts ? encode(*facts) : Json();
}

Json ask_requirements(const Json& question) {
  return encode(read_requirements(question.at("text").get<std::string>(), "requirements.txt"));
}

std::string from_hex(const std::string& hex) {
  std::string bytes;
  for (std::size_t i = 0; i + 1 < hex.size(); i += 2) {
    bytes += static_cast<char>(std::stoi(hex.substr(i, 2), nullptr, 16));
  }
  return bytes;
}

// `name` decides how the bytes in `hex` are read.
Json ask_file(const Json& question) {
  const auto name = question.at("name").get<std::string>();
  const std::string bytes = from_hex(question.at("hex").get<std::string>());
  if (const auto kind = lock_file_kind(name)) {
    return encode(read_lock_file(*kind, bytes, name));
  }
  if (name == "pyproject.toml") {
    return encode(read_pyproject(bytes, name));
  }
  if (name == "setup.cfg") {
    return encode(read_setup_cfg(bytes, name));
  }
  if (name == "environment.yml") {
    return encode(read_conda_environment(bytes, name));
  }
  if (name == "Dockerfile") {
    return encode(read_dockerfile(bytes, name));
  }
  if (name == ".dockerignore") {
    const IgnoreRules rules = IgnoreRules::docker(bytes);
    return Json{encode(rules.problems()), encode(rules.deciding_rule("models/x.pth", false))};
  }
  if (name == ".gitignore" || name == ".gitattributes") {
    const std::vector<IgnoreFile> files{{.name = name, .text = bytes}};
    return Json{encode(IgnoreRules::git(files).deciding_rule("models/x.pth", false)),
                encode(LfsRules::git_attributes(files).stores("models/x.pth"))};
  }
  return encode(read_requirements(bytes, name));
}

const std::map<std::string, Answer> kAnswers{{"docker", ask_docker},
                                             {"git", ask_git},
                                             {"lfs", ask_lfs},
                                             {"versions", ask_versions},
                                             {"order", ask_order},
                                             {"specifiers", ask_specifiers},
                                             {"marker", ask_marker},
                                             {"requirement", ask_requirement},
                                             {"requirements", ask_requirements},
                                             {"file", ask_file}};

}  // namespace

int main() {
  for (std::string line; std::getline(std::cin, line);) {
    const Json question = Json::parse(line);
    std::cout << dump_json(kAnswers.at(question.at("ask").get<std::string>())(question)) << '\n';
  }
  return 0;
}
