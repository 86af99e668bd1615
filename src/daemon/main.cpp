// SPDX-License-Identifier: Apache-2.0
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <format>
#include <string>

#include <CLI/CLI.hpp>

#include "daemon/daemon.h"
#include "history/history.h"
#include "program/probe_folder.h"
#include "program/roles.h"

namespace {

constexpr int kBadCommandLine = 64;

// $RUNTIME_DIRECTORY of systemd may be several, separated by `:`.
std::string usual_socket() {
  const char* folder = std::getenv("RUNTIME_DIRECTORY");
  const std::string first =
      folder == nullptr ? "" : std::string(folder).substr(0, std::string(folder).find(':'));
  return (first.empty() ? "/run/runup" : first) + "/runupd.sock";
}

void say(const std::string& text, int fd) {
  [[maybe_unused]] const auto written = ::write(fd, text.data(), text.size());
}

constexpr const char* kFooter =
    "Without --once or --check it stays, audits each target when its `audit:` says so, when a\n"
    "watched file changes and when it is asked to, and answers on its socket:\n"
    "  curl --unix-socket /run/runup/runupd.sock http://runupd/gate/TARGET     200 ready, 503 not\n"
    "  curl --unix-socket /run/runup/runupd.sock http://runupd/metrics         for Prometheus\n"
    "  curl --unix-socket /run/runup/runupd.sock -X POST http://runupd/audit/TARGET\n"
    "SIGHUP reads the configs again; a bad one is reported, and the last good one stays in use.\n"
    "Exit codes of --once: 0 ready, 1 not ready, 2 undecided, 64 bad command line, 78 bad config.\n";

}  // namespace

int main(int argc, char** argv) {
  if (const auto code = runup::run_role(argc, argv)) {
    return *code;
  }
  ::signal(SIGPIPE, SIG_IGN);
  runup::DaemonSettings settings{.history = runup::usual_history_path(),
                                 .socket = usual_socket(),
                                 .probe_folder = runup::find_probe_folder()};
  std::string once;
  bool check = false;
  CLI::App app("runupd: audits the model servers of this host again and again, and says how they are");
  app.footer(kFooter);
  app.set_version_flag("--version", std::string("runupd ") + RUNUP_VERSION);
  app.add_option("--config-dir", settings.config_folder, "folder of configs, one target a file")
      ->capture_default_str()
      ->type_name("DIR");
  app.add_option("--history", settings.history, "file of the history")
      ->capture_default_str()
      ->type_name("FILE");
  app.add_option("--socket", settings.socket, "Unix socket to answer on; `none`: none")
      ->capture_default_str()
      ->type_name("PATH");
  app.add_option("--listen", settings.listen, "loopback address to answer on as well, such as 127.0.0.1:9187")
      ->type_name("ADDRESS");
  auto* once_option =
      app.add_option("--once", once, "audit one target, print the report, and end")->type_name("NAME");
  app.add_flag("--check", check, "say what is wrong with the configs, and end")->excludes(once_option);
  try {
    app.parse(argc, argv);
  } catch (const CLI::CallForHelp&) {
    say(app.help(), STDOUT_FILENO);
    return 0;
  } catch (const CLI::CallForVersion&) {
    say(app.version() + "\n", STDOUT_FILENO);
    return 0;
  } catch (const CLI::ParseError& error) {
    say(std::format("runupd: {}; see `runupd --help`\n", error.what()), STDERR_FILENO);
    return kBadCommandLine;
  }
  settings.socket = settings.socket == "none" ? "" : settings.socket;
  if (check) {
    return runup::check_configs(settings);
  }
  return once.empty() ? runup::run_daemon(settings) : runup::audit_once(settings, once);
}
