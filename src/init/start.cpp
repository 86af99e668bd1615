// SPDX-License-Identifier: Apache-2.0
#include "init/start.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <string_view>

#include "base/text.h"
#include "init/names.h"

namespace runup::init {

namespace {

constexpr std::array<std::string_view, 5> kServers{"uvicorn", "gunicorn", "hypercorn", "granian", "daphne"};

bool is_server(std::string_view word) {
  const std::string name = name_of(word);
  return std::ranges::find(kServers, name) != kServers.end() || name == "fastapi" || name == "flask" ||
         name == "waitress-serve";
}

bool is_python(std::string_view word) {
  const std::string name = name_of(word);
  return name.starts_with("python") && name.find_first_not_of("0123456789.", 6) == std::string::npos;
}

bool is_identifier(std::string_view text) {
  return !text.empty() && std::isdigit(static_cast<unsigned char>(text.front())) == 0 &&
         std::ranges::all_of(
             text, [](char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_'; });
}

bool is_module(std::string_view text) {
  return !text.empty() &&
         std::ranges::all_of(split(text, '.'), [](const std::string& part) { return is_identifier(part); });
}

// "pkg.main" of "pkg.main:app", "pkg.main:create()"
std::string started_module(std::string_view word) {
  const std::size_t colon = word.find(':');
  if (colon == std::string_view::npos || !is_module(word.substr(0, colon))) {
    return {};
  }
  std::string_view object = word.substr(colon + 1);
  if (object.ends_with("()")) {
    object.remove_suffix(2);
  }
  return is_module(object) ? std::string(word.substr(0, colon)) : "";
}

bool has(const std::vector<std::string>& files, const std::string& path) {
  return std::ranges::binary_search(files, path);
}

// The file at `path` as the image has it: in the package under this name, or under the only one that ends so.
std::string find_file(const std::vector<std::string>& files, std::string path) {
  path = joined("/", path).substr(1);
  for (std::string tail = path; !tail.empty();
       tail = tail.contains('/') ? tail.substr(tail.find('/') + 1) : "") {
    if (has(files, tail)) {
      return tail;
    }
  }
  std::vector<std::string> found;
  for (const std::string& file : files) {
    if (file.ends_with("/" + path)) {
      found.push_back(file);
    }
  }
  return found.size() == 1 ? found.front() : "";
}

std::string file_of_module(const std::vector<std::string>& files, std::string module) {
  std::ranges::replace(module, '.', '/');
  for (const std::string ending : {".py", "/__main__.py", "/__init__.py"}) {
    if (std::string file = find_file(files, module + ending); !file.empty()) {
      return file;
    }
  }
  return {};
}

std::string started_file(const std::vector<std::string>& files, const std::vector<std::string>& words) {
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (const std::string module = started_module(words[i]); !module.empty()) {
      return file_of_module(files, module);
    }
    if (words[i].ends_with(".py")) {
      return find_file(files, words[i]);
    }
    const bool names_module = words[i] == "--app" || (words[i] == "-m" && i > 0 && is_python(words[i - 1]));
    if (names_module && i + 1 < words.size() && is_module(words[i + 1]) && !is_server(words[i + 1])) {
      return file_of_module(files, words[i + 1]);
    }
  }
  return {};
}

bool has_shell_signs(std::string_view text) {
  return text.find_first_of("$&|;<>`\"'\\(){}*?#~\n") != std::string_view::npos;
}

// Its words, and whether nothing but them is in it.
bool add_words(const std::optional<CommandFacts>& command, std::vector<std::string>& words) {
  if (!command) {
    return true;
  }
  const std::vector<std::string> parts =
      command->exec ? command->words : std::vector<std::string>{command->text};
  bool plain = true;
  for (const std::string& part : parts) {
    plain = plain && !has_shell_signs(part) && (!command->exec || !part.contains(' '));
    for (std::string& word : split(part, ' ')) {
      if (!word.empty() && word != "exec") {
        words.push_back(std::move(word));
      }
    }
  }
  return plain;
}

}  // namespace

std::optional<StartCommand> start_command(const std::vector<std::string>& files,
                                          const PackageFacts& package) {
  if (!package.dockerfile) {
    return std::nullopt;
  }
  const StageFacts& image = package.dockerfile->built;
  StartCommand start;
  start.plain = add_words(image.entrypoint, start.words);
  if (!image.entrypoint || image.entrypoint->exec) {
    start.plain = add_words(image.command, start.words) && start.plain;
  }
  if (start.words.empty()) {
    return std::nullopt;
  }
  start.line = image.command ? image.command->line : image.entrypoint->line;
  start.file = started_file(files, start.words);
  return start;
}

std::vector<std::string> usual_entries(const std::vector<std::string>& files) {
  constexpr std::array<std::string_view, 8> kNames{"main.py", "app.py",  "server.py", "api.py",
                                                   "asgi.py", "wsgi.py", "serve.py",  "service.py"};
  // the root, `src`, `app`, below `src`, below the root
  const auto rank_of = [](std::string_view folder) {
    return folder.empty()                                                  ? 0
           : folder == "src"                                               ? 1
           : folder == "app"                                               ? 2
           : folder.starts_with("src/") && !folder.substr(4).contains('/') ? 3
           : folder.contains('/')                                          ? -1
                                                                           : 4;
  };
  std::vector<std::pair<std::size_t, std::string>> found;
  for (const std::string& file : files) {
    const auto name = std::ranges::find(kNames, name_of(file));
    const int rank = rank_of(folder_of(file));
    if (name != kNames.end() && rank >= 0) {
      found.emplace_back(
          static_cast<std::size_t>(rank) * kNames.size() + static_cast<std::size_t>(name - kNames.begin()),
          file);
    }
  }
  std::ranges::sort(found);
  std::vector<std::string> entries;
  for (auto& [rank, file] : found) {
    entries.push_back(std::move(file));
  }
  return entries;
}

std::string installed_at(const PackageFacts& package, const std::string& entrypoint) {
  if (!package.dockerfile) {
    return {};
  }
  const std::string top = entrypoint.substr(0, entrypoint.find('/'));
  std::string place;
  for (const CopyFacts& copy : package.dockerfile->built.copies) {
    if (!copy.from.empty() || !copy.destination.starts_with('/') || copy.destination.contains('$')) {
      continue;
    }
    for (const std::string& source : copy.sources) {
      const std::string from = joined("", source);
      if (from.empty() || (source == "." || source == "./")) {
        place = joined("/", copy.destination);
      } else if (!top.empty() && from == top &&
                 (from != entrypoint || copy.destination.ends_with('/') || copy.sources.size() > 1)) {
        // a folder's content goes into the destination, a file goes into it as it is
        const bool folder = from != entrypoint;
        const std::string destination = joined("/", copy.destination);
        if (!folder) {
          place = destination;
        } else if (name_of(destination) == top) {
          place = joined("/", folder_of(destination));
        }
      }
    }
  }
  return place == "/" ? "" : place;
}

std::string service_command(const StartCommand& start) {
  constexpr std::array<std::string_view, 5> kWithPlace{"--host", "--port", "--bind", "-b", "-p"};
  const auto server = std::ranges::find_if(start.words, is_server);
  if (start.plain && server == start.words.end() && !start.file.empty() &&
      start.words.front().contains("python")) {
    // A script that starts its server itself, on a port of its own.
    return join(start.words, " ");
  }
  if (!start.plain || server == start.words.end()) {
    return {};
  }
  const std::string name = name_of(*server);
  std::vector<std::string> words;
  bool skips = false;
  for (auto word = start.words.begin(); word != start.words.end(); ++word) {
    const std::string option = word->substr(0, word->find('='));
    const bool place = word > server && std::ranges::find(kWithPlace, option) != kWithPlace.end();
    if (!skips && !place && *word != "--reload") {
      words.push_back(*word);
    }
    skips = place && !word->contains('=');
  }
  const bool binds = name == "gunicorn" || name == "hypercorn";
  words.emplace_back(binds              ? "--bind {host}:{port}"
                     : name == "daphne" ? "-b {host} -p {port}"
                                        : "--host {host} --port {port}");
  return join(words, " ");
}

}  // namespace runup::init
