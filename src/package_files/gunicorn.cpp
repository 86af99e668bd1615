// SPDX-License-Identifier: Apache-2.0
#include "package_files/gunicorn.h"

#include <algorithm>
#include <array>
#include <format>
#include <iterator>
#include <optional>
#include <string_view>
#include <utility>

#include "base/text.h"
#include "facts/lines.h"
#include "package_files/dockerfile_syntax.h"
#include "package_files/waiting_times.h"

namespace runup {

namespace {

using GunicornWords = std::vector<std::string>;

constexpr std::size_t kMaxGunicornConfig = std::size_t{256} * 1024;
// More is no command that somebody wrote.
constexpr std::size_t kMaxShellWords = 1'000;
constexpr std::size_t kMaxShellBytes = std::size_t{256} * 1024;
constexpr std::string_view kGunicornVariable = "GUNICORN_CMD_ARGS";

std::string_view program_name(std::string_view path) { return path.substr(path.rfind('/') + 1); }

bool ends_command(std::string_view word) {
  constexpr std::array<std::string_view, 5> kOperators{"&&", "||", ";", "|", "&"};
  return std::ranges::contains(kOperators, word);
}

// `text` in one line: what goes on is joined, other lines are parted by `;`.
std::string in_one_line(std::string_view text) {
  std::string line;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\' && i + 1 < text.size() && text[i + 1] == '\n') {
      line += ' ';
      ++i;
    } else if (text[i] == '\n') {
      line += " ; ";
    } else {
      line += text[i];
    }
  }
  return line;
}

// The words of a shell's text with variables filled in; commands are parted by words of operators alone.
GunicornWords words_of_shell(std::string_view text, const VariableLookup& lookup) {
  GunicornWords words;
  std::size_t bytes = 0;
  for (std::string& raw : split_words(in_one_line(text), '\\')) {
    if (words.size() >= kMaxShellWords || bytes >= kMaxShellBytes) {
      break;
    }
    const bool ends = raw.size() > 1 && raw.ends_with(';');
    if (ends) {
      raw.pop_back();
    }
    std::string word = expand_word(raw, '\\', lookup);
    bytes += word.size();
    if (raw.starts_with('$')) {
      // the shell splits what it fills in outside of quotes
      std::ranges::move(split_words(word, '\\'), std::back_inserter(words));
    } else {
      words.push_back(std::move(word));
    }
    if (ends) {
      words.emplace_back(";");
    }
  }
  return words;
}

// `sh -c TEXT` becomes the words of TEXT.
GunicornWords without_shell(const GunicornWords& words, const VariableLookup& lookup) {
  constexpr std::array<std::string_view, 4> kShells{"sh", "bash", "ash", "dash"};
  for (std::size_t i = 0; i + 2 < words.size(); ++i) {
    if (!std::ranges::contains(kShells, program_name(words[i]))) {
      continue;
    }
    std::size_t flag = i + 1;
    while (flag + 2 < words.size() && words[flag].starts_with('-') && !words[flag].contains('c')) {
      ++flag;
    }
    if (words[flag].starts_with('-') && words[flag].contains('c')) {
      return words_of_shell(words[flag + 1], lookup);
    }
  }
  return words;
}

// What stands behind the first `gunicorn` that is a program, up to the command's end.
std::optional<std::span<const std::string>> gunicorn_arguments(std::span<const std::string> words) {
  // programs and subcommands to which gunicorn is only a name
  constexpr std::array<std::string_view, 7> kTalkers{"install", "add",   "echo",   "pkill",
                                                     "killall", "which", "command"};
  bool is_name = false;
  for (std::size_t i = 0; i < words.size(); ++i) {
    const std::string_view program = program_name(words[i]);
    is_name = !ends_command(words[i]) && (is_name || std::ranges::contains(kTalkers, program));
    if (!is_name && (program == "gunicorn" || program == "gunicorn.app.wsgiapp")) {
      const auto rest = words.subspan(i + 1);
      const auto end = std::ranges::find_if(rest, ends_command);
      return rest.first(static_cast<std::size_t>(end - rest.begin()));
    }
  }
  return std::nullopt;
}

struct GunicornOptions {
  std::optional<std::string> timeout;
  std::optional<std::string> graceful_timeout;
  std::optional<std::string> config;
  std::optional<std::string> worker_class;
  std::optional<std::string> threads;
  // a variable without a known value may stand for any options
  bool open = false;

  std::optional<std::string>* named(std::string_view name) {
    if (name == "--timeout" || name == "-t") {
      return &timeout;
    }
    if (name == "--config" || name == "-c") {
      return &config;
    }
    if (name == "--worker-class" || name == "-k") {
      return &worker_class;
    }
    if (name == "--threads") {
      return &threads;
    }
    return name == "--graceful-timeout" ? &graceful_timeout : nullptr;
  }
};

// Does `word` take the next one as its value? Of gunicorn's options these are all but a few.
bool wants_value(std::string_view word) {
  constexpr std::array<std::string_view, 11> kFlags{
      "--preload",        "--reload",         "--daemon",       "-D",
      "--capture-output", "--check-config",   "--spew",         "--print-config",
      "--no-sendfile",    "--proxy-protocol", "--no-reuse-port"};
  return word.starts_with('-') && !word.contains('=') && !std::ranges::contains(kFlags, word);
}

GunicornOptions read_gunicorn_options(std::span<const std::string> words) {
  GunicornOptions options;
  for (std::size_t i = 0; i < words.size(); ++i) {
    const std::string_view word = words[i];
    const bool is_value = i > 0 && wants_value(words[i - 1]);
    options.open = options.open || (word.starts_with('$') && !is_value);
    const bool is_long = word.starts_with("--");
    const std::size_t length =
        is_long ? std::min(word.find('='), word.size()) : std::min<std::size_t>(2, word.size());
    std::optional<std::string>* value =
        word.starts_with('-') ? options.named(word.substr(0, length)) : nullptr;
    if (value == nullptr) {
      continue;
    }
    if (length < word.size()) {
      // `--timeout=60`, `-t60`
      *value = word.substr(length + (is_long ? 1 : 0));
    } else {
      *value = i + 1 < words.size() ? words[i + 1] : "";
    }
  }
  return options;
}

// The right side when `line` is an assignment to `name`: `timeout = 60`, `timeout: int = 60`.
std::optional<std::string_view> assigned(std::string_view line, std::string_view name) {
  if (!line.starts_with(name)) {
    return std::nullopt;
  }
  std::string_view rest = trim(line.substr(name.size()));
  if (rest.starts_with(':')) {
    rest.remove_prefix(std::min(rest.find('='), rest.size()));
  }
  if (!rest.starts_with('=') || rest.starts_with("==")) {
    return std::nullopt;
  }
  rest.remove_prefix(1);
  return trim(rest.substr(0, rest.find('#')));
}

GunicornConfigValue config_value(std::span<const std::string_view> lines, std::string_view name) {
  GunicornConfigValue value;
  bool in_block = false;
  for (std::size_t i = 0; i < lines.size(); ++i) {
    if (const auto right = assigned(trim(lines[i]), name)) {
      in_block = in_block || !lines[i].starts_with(name);
      value = {.is_set = true, .text = in_block ? "" : std::string(*right), .line = i + 1};
    }
  }
  return value;
}

// The config file that gunicorn reads: none, one of the package, or one that is not known.
struct ChosenConfig {
  const GunicornConfig* file = nullptr;
  bool is_unknown = false;
};

ChosenConfig choose_config(const std::optional<std::string>& option,
                           std::span<const GunicornConfig> configs) {
  const std::string usual = "gunicorn.conf.py";
  std::string_view path = option ? std::string_view(*option) : usual;
  path = path.starts_with("file:") ? path.substr(5) : path;
  const std::string wanted = "/" + clean_path(path);
  ChosenConfig chosen{.is_unknown = option.has_value()};
  for (const GunicornConfig& config : configs) {
    // `/app/conf/gunicorn.py` of the image is `conf/gunicorn.py` of the package
    const bool fits = option ? wanted.ends_with("/" + config.file) : config.file == usual;
    if (fits && (chosen.file == nullptr || config.file.size() > chosen.file->file.size())) {
      chosen.file = &config;
    }
    chosen.is_unknown = chosen.is_unknown || config.file.ends_with("/" + usual);
  }
  chosen.is_unknown = chosen.is_unknown && chosen.file == nullptr;
  return chosen;
}

class GunicornReader {
 public:
  GunicornReader(const GunicornStart& start, std::span<const std::string> arguments,
                 std::span<const std::string> variable, std::span<const GunicornConfig> configs)
      : start_(start), line_(read_gunicorn_options(arguments)), variable_(read_gunicorn_options(variable)) {
    config_ = choose_config(line_.config ? line_.config : variable_.config, configs);
    // `ENTRYPOINT ["gunicorn"]` alone gets its arguments when the container is started.
    const bool is_bare = arguments.empty() && variable.empty() && config_.file == nullptr;
    config_.is_unknown = config_.is_unknown || line_.open || variable_.open || is_bare;
  }

  std::vector<PatienceFacts> read() const {
    std::vector<PatienceFacts> facts;
    const auto request =
        settle(PatienceKind::request, "timeout", &GunicornOptions::timeout, &GunicornConfig::timeout);
    // 0 is for ever
    if (request && request->time.nanoseconds > 0 && has_sync_workers()) {
      facts.push_back(*request);
    }
    if (const auto stop = settle(PatienceKind::stop, "graceful-timeout", &GunicornOptions::graceful_timeout,
                                 &GunicornConfig::graceful_timeout)) {
      facts.push_back(*stop);
    }
    return facts;
  }

 private:
  bool has_sync_workers() const {
    const bool in_config =
        config_.file != nullptr && (config_.file->worker_class.is_set || config_.file->threads.is_set);
    for (const GunicornOptions* options : {&line_, &variable_}) {
      if (options->worker_class.value_or("sync") != "sync" || options->threads.value_or("1") != "1") {
        return false;
      }
    }
    return !in_config;
  }

  std::optional<PatienceFacts> settle(PatienceKind kind, std::string_view option,
                                      std::optional<std::string> GunicornOptions::* written,
                                      GunicornConfigValue GunicornConfig::* configured) const {
    if (const auto& value = line_.*written) {
      return fact(kind, *value, std::format("gunicorn's `--{} {}`", option, *value));
    }
    if (const auto& value = variable_.*written) {
      return fact(kind, *value,
                  std::format("gunicorn's `--{} {}` of `{}`", option, *value, kGunicornVariable));
    }
    if (config_.is_unknown) {
      return std::nullopt;
    }
    if (config_.file != nullptr && (config_.file->*configured).is_set) {
      const GunicornConfigValue& value = config_.file->*configured;
      std::string name(option);
      std::ranges::replace(name, '-', '_');
      return fact(kind, value.text, std::format("gunicorn's `{} = {}`", name, value.text), value.line);
    }
    // The default time to stop is longer than what any platform gives.
    return kind == PatienceKind::stop
               ? std::nullopt
               : fact(kind, "30", std::format("gunicorn's `--{} 30` by default", option));
  }

  // `config_line` is 0 for what the start says.
  std::optional<PatienceFacts> fact(PatienceKind kind, std::string_view seconds, std::string words,
                                    std::uint64_t config_line = 0) const {
    const auto count = parse_count(seconds);
    if (!count) {
      return std::nullopt;
    }
    return PatienceFacts{.kind = kind,
                         .file = config_line > 0 ? config_.file->file : start_.file,
                         .line = config_line > 0 ? config_line : start_.command.line,
                         .words = std::move(words),
                         .time = Duration::from_seconds(static_cast<double>(*count))};
  }

  const GunicornStart& start_;
  GunicornOptions line_;
  GunicornOptions variable_;
  ChosenConfig config_;
};

}  // namespace

GunicornConfig read_gunicorn_config(std::string_view bytes, std::string_view file) {
  if (bytes.size() > kMaxGunicornConfig) {
    const GunicornConfigValue unknown{.is_set = true};
    return {.file = std::string(file),
            .timeout = unknown,
            .graceful_timeout = unknown,
            .worker_class = unknown,
            .threads = unknown};
  }
  const std::string text = to_utf8(bytes);
  const std::vector<std::string_view> lines = lines_of(text, text.size());
  return {.file = std::string(file),
          .timeout = config_value(lines, "timeout"),
          .graceful_timeout = config_value(lines, "graceful_timeout"),
          .worker_class = config_value(lines, "worker_class"),
          .threads = config_value(lines, "threads")};
}

std::vector<PatienceFacts> patience_of_gunicorn(const GunicornStart& start,
                                                std::span<const GunicornConfig> configs) {
  const VariableLookup lookup = [&](std::string_view name) -> std::optional<std::string> {
    const auto found = std::ranges::find(start.environment, name, &SettingFacts::name);
    return found == start.environment.end() ? std::nullopt : std::optional(found->value);
  };
  const GunicornWords words = start.command.exec ? without_shell(start.command.words, lookup)
                                                 : words_of_shell(start.command.text, lookup);
  const auto arguments = gunicorn_arguments(words);
  if (!arguments) {
    return {};
  }
  const GunicornWords variable = words_of_shell(lookup(kGunicornVariable).value_or(""), lookup);
  return GunicornReader(start, *arguments, variable, configs).read();
}

}  // namespace runup
