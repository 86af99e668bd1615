// SPDX-License-Identifier: Apache-2.0
#include "probes/python/session.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <format>
#include <utility>

#include "base/text.h"
#include "probes/sandbox/sandbox.h"
#include "probes/sandbox/view.h"

namespace runup {

namespace {

// run_model.py's answer, see there.
struct LookAnswer {
  std::vector<OpenedFileFacts> opened;
  std::vector<std::string> connections;
  std::vector<InstalledFacts> installed;
  std::vector<ResolvedFacts> globals;
  std::string no_numbers;
  static constexpr auto fields() {
    return std::tuple{Field{"opened", &LookAnswer::opened}, Field{"connections", &LookAnswer::connections},
                      Field{"installed", &LookAnswer::installed}, Field{"globals", &LookAnswer::globals},
                      Field{"no_numbers", &LookAnswer::no_numbers}};
  }
};

// Makes the paths of the request those of the server.
void move_to_server(PythonRequest& request) {
  request.root = path_on_server(request.placed, request.root);
  request.folder = path_on_server(request.placed, request.folder);
  for (std::vector<std::string>* paths : {&request.path, &request.arguments, &request.writable}) {
    for (std::string& path : *paths) {
      path = path_on_server(request.placed, path);
    }
  }
}

// NVIDIA's, AMD's, that of a Windows host.
bool has_gpu() {
  return std::ranges::any_of(std::array{"/dev/nvidiactl", "/dev/kfd", "/dev/dxg"},
                             [](const char* node) { return ::access(node, F_OK) == 0; });
}

// Puts the package where it will stand and the caches into the scratch folder, and shuts the rest. Returns what
// could not be done.
std::vector<std::string> confine(PythonRequest& request) {
  std::vector<std::string> off;
  if (!request.placed.empty()) {
    const std::string root = request.scratch + "/root";
    ::mkdir(root.c_str(), 0700);
    if (const auto entered = enter_view(request.placed, root)) {
      move_to_server(request);
    } else {
      off.push_back(std::format("it ran with the package in `{}`, since `{}` cannot be shown here ({})",
                                request.root, request.placed.back().at, entered.error().describe()));
    }
  }
  const auto set = [](const char* name, const std::string& value) { ::setenv(name, value.c_str(), 1); };
  const std::string home = request.scratch + "/home";
  const std::string temporary = request.scratch + "/tmp";
  ::mkdir(home.c_str(), 0700);
  ::mkdir(temporary.c_str(), 0700);
  set("HOME", home);
  set("TMPDIR", temporary);
  set("PYTHONDONTWRITEBYTECODE", "1");
  for (const char* name : {"XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME"}) {
    ::unsetenv(name);
  }
  std::vector<std::string> writable = request.writable;
  writable.push_back(request.scratch);
  for (std::string& words : enter_sandbox({.writable = writable, .gpu = has_gpu()})) {
    off.push_back(std::move(words));
  }
  return off;
}

}  // namespace

Result<PythonSession> start_session(PythonRequest request, int numbers) {
  PythonSession session{.request = std::move(request), .unprotected = {}, .child = {}};
  session.unprotected = confine(session.request);
  if (::chdir(session.request.folder.c_str()) != 0) {
    return std::unexpected(
        system_error(std::format("cannot enter `{}`", printable(session.request.folder)), errno));
  }
  auto child = PythonChild::start(session.request.interpreter, numbers);
  if (!child) {
    return std::unexpected(child.error());
  }
  session.child = std::make_shared<PythonChild>(std::move(*child));
  return session;
}

Result<void> look(const PythonSession& session, PythonFacts& facts) {
  const PythonRequest& request = session.request;
  const auto said = session.child->ask({{"do", "look"},
                                        {"survey", request.survey},
                                        {"globals", encode(request.globals)},
                                        {"numbers", request.numbers >= 0 && request.structure.empty()}});
  if (!said) {
    return std::unexpected(said.error());
  }
  auto answer = decode<LookAnswer>(*said);
  if (!answer) {
    return std::unexpected(answer.error());
  }
  facts.opened = std::move(answer->opened);
  facts.connections = std::move(answer->connections);
  facts.installed = std::move(answer->installed);
  facts.globals = std::move(answer->globals);
  facts.no_numbers = std::move(answer->no_numbers);
  return {};
}

}  // namespace runup
