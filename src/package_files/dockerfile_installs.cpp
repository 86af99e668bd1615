// SPDX-License-Identifier: Apache-2.0
#include "package_files/dockerfile_installs.h"

#include <algorithm>
#include <array>
#include <optional>
#include <span>
#include <string>
#include <utility>

#include "base/text.h"
#include "package_files/requirements.h"

namespace runup {

namespace {

using Words = std::vector<std::string>;
constexpr std::size_t kMaxCommands = 2'000;

// Splits a shell text into simple commands: at `;`, `&`, `|`, line ends and brackets outside of quotes.
class CommandSplitter {
 public:
  explicit CommandSplitter(std::string_view text) : text_(text) {}

  std::vector<std::string> split() {
    while (at_ < text_.size() && commands_.size() < kMaxCommands) {
      step();
    }
    close();
    return std::move(commands_);
  }

 private:
  void close() {
    if (!trim(command_).empty()) {
      commands_.push_back(std::move(command_));
    }
    command_.clear();
  }

  void step() {
    const char c = text_[at_];
    if (quote_ != '\0') {
      quote_ = c == quote_ ? '\0' : quote_;
    } else if (c == '"' || c == '\'') {
      quote_ = c;
    } else if (c == '#' && (command_.empty() || command_.ends_with(' ') || command_.ends_with('\t'))) {
      at_ = std::min(text_.size(), text_.find('\n', at_));
      return;
    } else if (c == '$' && at_ + 1 < text_.size() && text_[at_ + 1] == '{') {
      const std::size_t end = std::min(text_.size() - 1, text_.find('}', at_));
      command_ += text_.substr(at_, end - at_ + 1);
      at_ = end + 1;
      return;
    } else if (std::string_view(";&|\n(){}").contains(c) && !is_redirection(c)) {
      close();
      ++at_;
      return;
    }
    if (c == '\\' && quote_ != '\'' && at_ + 1 < text_.size()) {
      // a line that goes on
      command_ += text_[at_ + 1] == '\n' ? std::string_view(" ") : text_.substr(at_, 2);
      at_ += 2;
      return;
    }
    command_ += c;
    ++at_;
  }

  // `2>&1`
  bool is_redirection(char c) const {
    return c == '&' && (command_.ends_with('>') || command_.ends_with('<'));
  }

  std::string_view text_;
  std::size_t at_ = 0;
  char quote_ = '\0';
  std::string command_;
  std::vector<std::string> commands_;
};

template <std::size_t N>
bool is_one_of(std::string_view word, const std::array<std::string_view, N>& words) {
  return std::ranges::find(words, word) != words.end();
}

bool is_assignment(std::string_view word) {
  const std::size_t equals = word.find('=');
  return equals != std::string_view::npos && equals > 0 &&
         word.substr(0, equals).find_first_of("-/.<>!~") == std::string_view::npos;
}

// `pip`, `pip3`, `pip3.11`
bool is_versioned(std::string_view program, std::string_view name) {
  return program.starts_with(name) &&
         program.find_first_not_of("0123456789.", name.size()) == std::string_view::npos;
}

std::string_view base_name(std::string_view path) { return path.substr(path.rfind('/') + 1); }

// How a package manager is called.
struct Manager {
  std::string_view tool;
  // one of these must come before packages
  std::array<std::string_view, 3> verbs;
  // options with a value of their own
  std::span<const std::string_view> valued;
};

constexpr std::array<std::string_view, 32> kPipValued{"-t",
                                                      "--target",
                                                      "--root",
                                                      "--prefix",
                                                      "--python",
                                                      "--platform",
                                                      "--abi",
                                                      "--python-version",
                                                      "--timeout",
                                                      "--retries",
                                                      "--cache-dir",
                                                      "--trusted-host",
                                                      "--proxy",
                                                      "--no-binary",
                                                      "--only-binary",
                                                      "--progress-bar",
                                                      "--log",
                                                      "--implementation",
                                                      "--src",
                                                      "--config-settings",
                                                      "--upgrade-strategy",
                                                      "--global-option",
                                                      "--exists-action",
                                                      "--cert",
                                                      "-c",
                                                      "--constraint",
                                                      "--index-strategy",
                                                      "-p",
                                                      "--extra",
                                                      "--group",
                                                      "--no-group",
                                                      "--torch-backend"};
constexpr std::array<std::string_view, 6> kAptValued{"-o", "-t",       "--target-release",
                                                     "-c", "--option", "--config-file"};
constexpr std::array<std::string_view, 5> kApkValued{"-t", "--virtual", "-X", "--repository", "-p"};
constexpr std::array<std::string_view, 4> kDnfValued{"--enablerepo", "--disablerepo", "--releasever", "-x"};
constexpr std::array<std::string_view, 5> kCondaValued{"-n", "--name", "-p", "--prefix", "--solver"};

constexpr std::array<std::string_view, 7> kPoetryValued{"--only",   "--with", "--without", "-E",
                                                        "--extras", "-G",     "--group"};

constexpr Manager kPip{"pip", {"install", "", ""}, kPipValued};
constexpr Manager kUv{"uv", {"install", "add", "sync"}, kPipValued};
constexpr Manager kConda{"conda", {"install", "create", "update"}, kCondaValued};
constexpr Manager kApt{"apt", {"install", "", ""}, kAptValued};
constexpr Manager kApk{"apk", {"add", "", ""}, kApkValued};
constexpr Manager kDnf{"dnf", {"install", "", ""}, kDnfValued};
constexpr Manager kPoetry{"poetry", {"install", "add", "sync"}, kPoetryValued};
constexpr Manager kPdm{"pdm", {"install", "add", "sync"}, kPoetryValued};
constexpr Manager kPipenv{"pipenv", {"install", "sync", ""}, {}};

const Manager* manager_of(std::string_view program) {
  if (is_versioned(program, "pip")) {
    return &kPip;
  }
  constexpr std::array<std::pair<std::string_view, const Manager*>, 13> kManagers{{{"uv", &kUv},
                                                                                   {"conda", &kConda},
                                                                                   {"mamba", &kConda},
                                                                                   {"micromamba", &kConda},
                                                                                   {"apt", &kApt},
                                                                                   {"apt-get", &kApt},
                                                                                   {"apk", &kApk},
                                                                                   {"dnf", &kDnf},
                                                                                   {"yum", &kDnf},
                                                                                   {"microdnf", &kDnf},
                                                                                   {"poetry", &kPoetry},
                                                                                   {"pdm", &kPdm},
                                                                                   {"pipenv", &kPipenv}}};
  const auto found =
      std::ranges::find(kManagers, program, &std::pair<std::string_view, const Manager*>::first);
  return found == kManagers.end() ? nullptr : found->second;
}

// Leaves the package manager's own words: without `sudo`, `X=1`, `python -m`, shell keywords.
std::span<const std::string> without_prefix(std::span<const std::string> words) {
  constexpr std::array<std::string_view, 15> kPrefixes{"sudo", "exec", "env", "command", "time",
                                                       "then", "else", "do",  "if",      "!",
                                                       "nice", "-E",   "-H",  "while",   "--"};
  while (!words.empty() && (is_one_of(words[0], kPrefixes) || is_assignment(words[0]))) {
    words = words.subspan(1);
  }
  const bool is_module = words.size() > 2 && is_versioned(base_name(words[0]), "python");
  if (!is_module) {
    return words;
  }
  const auto module = std::ranges::find(words, "-m");
  return module == words.end() ? words : words.subspan(static_cast<std::size_t>(module - words.begin()) + 1);
}

class InstallReader {
 public:
  InstallReader(const Manager& manager, std::uint64_t line)
      : manager_(manager), facts_{.tool = std::string(manager.tool), .line = line} {}

  // `words` behind the program's name.
  std::optional<InstallFacts> read(std::span<const std::string> words) {
    std::size_t i = 0;
    while (i < words.size() && !is_one_of(words[i], manager_.verbs)) {
      const bool has_value = is_valued(words[i]);
      const bool may_precede = words[i].starts_with('-') || words[i] == "pip" || words[i] == "env";
      if (!may_precede) {
        return std::nullopt;
      }
      i += has_value ? 2 : 1;
    }
    if (i >= words.size()) {
      return std::nullopt;
    }
    for (++i; i < words.size(); ++i) {
      const std::string& word = words[i];
      // what follows goes to a file or comes from one
      if (word.starts_with('>') || word.starts_with('<') || word.starts_with("2>") ||
          word.starts_with("1>")) {
        break;
      }
      i += read_word(word, i + 1 < words.size() ? words[i + 1] : "") ? 1 : 0;
    }
    return facts_;
  }

 private:
  bool is_valued(std::string_view word) const {
    return std::ranges::find(manager_.valued, word) != manager_.valued.end();
  }
  bool is_python() const {
    return manager_.tool == "pip" || manager_.tool == "uv" || manager_.tool == "pipenv";
  }

  // True when it took `next` too.
  bool read_word(std::string_view word, const std::string& next) {
    if (!word.starts_with('-')) {
      if (!word.empty()) {
        facts_.packages.emplace_back(word);
      }
      return false;
    }
    const std::size_t equals = word.starts_with("--") ? word.find('=') : std::string_view::npos;
    const std::string_view name = word.substr(0, equals);
    const bool attached = equals != std::string_view::npos;
    const std::string value = attached ? std::string(word.substr(equals + 1)) : next;
    if (take(name, value)) {
      return !attached;
    }
    // `-rrequirements.txt`
    if (is_python() && word.size() > 2 && !word.starts_with("--") &&
        take(word.substr(0, 2), std::string(word.substr(2)))) {
      return false;
    }
    return !attached && is_valued(name);
  }

  bool take(std::string_view option, const std::string& value) {
    if (is_python() && (option == "-r" || option == "--requirement" || option == "--requirements")) {
      facts_.files.push_back(value);
    } else if (is_python() && (option == "-e" || option == "--editable")) {
      facts_.packages.push_back(value);
    } else if (is_python() && (option == "-i" || option == "--index-url" || option == "--default-index")) {
      add_index(IndexKind::index, value);
    } else if (is_python() && (option == "--extra-index-url" || option == "--index")) {
      add_index(IndexKind::extra_index, value);
    } else if (is_python() && (option == "-f" || option == "--find-links")) {
      add_index(IndexKind::find_links, value);
    } else if (manager_.tool == "conda" && (option == "-f" || option == "--file")) {
      facts_.files.push_back(value);
    } else if (manager_.tool == "conda" && (option == "-c" || option == "--channel")) {
      add_index(IndexKind::channel, value);
    } else {
      return false;
    }
    return true;
  }

  void add_index(IndexKind kind, const std::string& url) {
    facts_.indexes.push_back(
        {.kind = kind, .url = url, .torch_build = torch_build_of(url), .line = facts_.line});
  }

  const Manager& manager_;
  InstallFacts facts_;
};

}  // namespace

std::vector<InstallFacts> installs_of_words(const std::vector<std::string>& command, std::uint64_t line) {
  const std::span<const std::string> words = without_prefix(command);
  if (words.empty()) {
    return {};
  }
  // `sh -c "..."` in the exec form
  const std::string_view program = base_name(words[0]);
  const bool is_shell = program == "sh" || program == "bash" || program == "ash" || program == "dash";
  if (is_shell && words.size() > 2 && words[1].starts_with('-') && words[1].contains('c')) {
    return installs_of_shell(words[2], line, [](std::string_view) { return std::nullopt; });
  }
  const Manager* manager = manager_of(program);
  auto found = manager == nullptr ? std::nullopt : InstallReader(*manager, line).read(words.subspan(1));
  return found ? std::vector{std::move(*found)} : std::vector<InstallFacts>();
}

std::vector<InstallFacts> installs_of_shell(std::string_view text, std::uint64_t line,
                                            const VariableLookup& lookup) {
  std::vector<InstallFacts> found;
  for (const std::string& command : CommandSplitter(text).split()) {
    Words words;
    for (const std::string& word : split_words(command, '\\')) {
      words.push_back(expand_word(word, '\\', lookup));
    }
    for (InstallFacts& install : installs_of_words(words, line)) {
      found.push_back(std::move(install));
    }
  }
  return found;
}

}  // namespace runup
