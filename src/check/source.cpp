// SPDX-License-Identifier: Apache-2.0
#include "check/source.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <filesystem>
#include <format>

#include "base/text.h"
#include "check/predictor.h"

namespace runup {

namespace {

std::string folder_of(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  return slash == std::string::npos ? "" : path.substr(0, slash);
}

std::string_view name_in(std::string_view path) { return path.substr(path.rfind('/') + 1); }

std::string joined(const std::string& folder, const std::string& path) {
  return std::filesystem::path(folder + "/" + path).lexically_normal().string();
}

// The words of a command; of the shell form as far as it has no quotes.
std::vector<std::string> words_of(const std::optional<CommandFacts>& command) {
  if (!command) {
    return {};
  }
  if (command->exec) {
    return command->words;
  }
  std::vector<std::string> words;
  for (std::string& word : split(command->text, ' ')) {
    if (!word.empty() && word != "exec") {
      words.push_back(std::move(word));
    }
  }
  return words;
}

bool is_python(std::string_view word) {
  const std::string_view name = name_in(word);
  return name.starts_with("python") && std::ranges::all_of(name.substr(6), [](char letter) {
           return letter == '.' || std::isdigit(static_cast<unsigned char>(letter)) != 0;
         });
}

bool is_server(std::string_view word) {
  constexpr std::array<std::string_view, 9> kServers{
      "uvicorn", "gunicorn", "hypercorn", "daphne", "granian", "fastapi", "flask", "waitress-serve", "uwsgi"};
  return std::ranges::find(kServers, name_in(word)) != kServers.end();
}

// "main" for main.py
std::string module_of(std::string_view entrypoint) {
  std::string_view name = name_in(entrypoint);
  if (name.ends_with(".py")) {
    name.remove_suffix(3);
  }
  return std::string(name);
}

StartKind kind_of(const std::vector<std::string>& words, const std::string& entrypoint) {
  constexpr std::array<std::string_view, 3> kWithValue{"-W", "-X", "--check-hash-based-pycs"};
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (is_server(words[i])) {
      return StartKind::server;
    }
    if (!is_python(words[i])) {
      continue;
    }
    for (++i; i < words.size() && words[i].starts_with('-') && words[i] != "-m"; ++i) {
      i += std::ranges::find(kWithValue, words[i]) != kWithValue.end() ? 1 : 0;
    }
    if (i + 1 < words.size() && words[i] == "-m") {
      const std::string& module = words[i + 1];
      const std::string own = module_of(entrypoint);
      return module == own || module.ends_with("." + own) ? StartKind::script
             : is_server(module)                          ? StartKind::server
                                                          : StartKind::unknown;
    }
    return i < words.size() && name_in(words[i]) == name_in(entrypoint) ? StartKind::script
                                                                        : StartKind::unknown;
  }
  return StartKind::unknown;
}

}  // namespace

std::string place_words(const SourcePlace& place) { return std::format("{}:{}", place.file, place.line); }

Location location_of(const SourcePlace& place) { return {.file = place.file, .key = {}, .line = place.line}; }

std::optional<std::string> source_path_here(const TargetDeclaration& target, const SourcePathFacts& path) {
  if (path.value.contains('{')) {
    return std::nullopt;
  }
  switch (path.anchor) {
    case PathAnchor::file:
      return joined(target.package, path.value);
    case PathAnchor::cwd:
      return joined(target.entrypoint.empty() ? target.package : folder_of(target.entrypoint), path.value);
    case PathAnchor::absolute:
      return path.value.starts_with('/') ? std::optional(path_here(placed_folders(target), path.value))
                                         : std::nullopt;
    case PathAnchor::environment:
    case PathAnchor::unknown:
      break;
  }
  return std::nullopt;
}

std::string opened_key(std::string_view path) { return std::format("opened:{}", path); }

std::vector<const SourceLoadFacts*> model_loads(const Facts& facts) {
  std::vector<const SourceLoadFacts*> loads;
  std::vector<const SourceLoadFacts*> possible;
  if (!facts.source) {
    return loads;
  }
  for (const SourceLoadFacts& load : facts.source->loads) {
    const bool known = load.path >= 0 && static_cast<std::size_t>(load.path) < facts.source->paths.size();
    const auto path =
        known ? source_path_here(facts.target, facts.source->paths[static_cast<std::size_t>(load.path)])
              : std::nullopt;
    if (!path) {
      possible.push_back(&load);
    } else if (is_model_file(facts, *path)) {
      loads.push_back(&load);
    }
  }
  return loads.empty() ? possible : loads;
}

StartWay start_way(const TargetDeclaration& target, const Observed<PackageFacts>& package) {
  StartWay way;
  if (!package || !package->dockerfile || target.entrypoint.empty()) {
    return way;
  }
  const StageFacts& image = package->dockerfile->built;
  std::vector<std::string> words = words_of(image.entrypoint);
  const bool takes_command = !image.entrypoint || image.entrypoint->exec;
  if (takes_command) {
    for (std::string& word : words_of(image.command)) {
      words.push_back(std::move(word));
    }
  }
  if (words.empty()) {
    return way;
  }
  const std::uint64_t line = takes_command && image.command ? image.command->line
                             : image.entrypoint             ? image.entrypoint->line
                                                            : 0;
  return {.kind = kind_of(words, target.entrypoint),
          .words = printable(join(words, " ")),
          .where = {.file = package->dockerfile->file, .key = {}, .line = line}};
}

}  // namespace runup
