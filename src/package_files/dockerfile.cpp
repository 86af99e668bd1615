// SPDX-License-Identifier: Apache-2.0
#include "package_files/dockerfile.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <format>
#include <optional>
#include <utility>
#include <vector>

#include "base/text.h"
#include "facts/lines.h"
#include "package_files/dockerfile_installs.h"
#include "package_files/dockerfile_syntax.h"
#include "package_files/waiting_times.h"

namespace runup {

namespace {

constexpr std::size_t kMaxStages = 64;
// of one stage
constexpr std::size_t kMaxSettings = 1'000;
// Values that are filled in, all together: each may hold others several times over.
constexpr std::size_t kMaxFilledBytes = std::size_t{4} * 1024 * 1024;

using Variables = std::map<std::string, std::string, std::less<>>;

// What a stage hands on to those that start from it.
struct State {
  Variables arguments;
  Variables environment;
  std::string workdir;
};

void set(std::vector<SettingFacts>& settings, SettingFacts setting) {
  const auto found = std::ranges::find(settings, setting.name, &SettingFacts::name);
  if (found == settings.end()) {
    settings.push_back(std::move(setting));
  } else {
    *found = std::move(setting);
  }
}

// Of a path in the image; a `/` at its end stays, since it makes a folder of a destination.
std::string resolve(std::string_view workdir, std::string_view path) {
  if (path.starts_with('$')) {
    return std::string(path);
  }
  const bool is_folder = path.ends_with('/') || path == "." || path.ends_with("/.") || path == "..";
  const std::string joined =
      path.starts_with('/') ? std::string(path) : std::format("{}/{}", workdir.empty() ? "" : workdir, path);
  const std::string cleaned = joined.starts_with('$') ? joined : clean_path(joined);
  return is_folder && !cleaned.ends_with('/') ? cleaned + "/" : cleaned;
}

template <class T>
void append(std::vector<T>& to, const std::vector<T>& from) {
  to.insert(to.end(), from.begin(), from.end());
}

// `stage` upon what it starts from.
StageFacts upon(StageFacts base, const StageFacts& stage) {
  base.name = stage.name;
  base.platform = stage.platform.empty() ? base.platform : stage.platform;
  base.line = stage.line;
  if (!stage.user.empty()) {
    base.user = stage.user;
    base.user_line = stage.user_line;
  }
  if (!stage.workdir.empty()) {
    base.workdir = stage.workdir;
    base.workdir_line = stage.workdir_line;
  }
  for (const SettingFacts& setting : stage.environment) {
    set(base.environment, setting);
  }
  for (const SettingFacts& setting : stage.arguments) {
    set(base.arguments, setting);
  }
  append(base.exposed, stage.exposed);
  append(base.copies, stage.copies);
  append(base.runs, stage.runs);
  append(base.installs, stage.installs);
  base.shell = stage.shell.empty() ? base.shell : stage.shell;
  // An ENTRYPOINT takes back the CMD of what the stage starts from.
  base.command = stage.command || stage.entrypoint ? stage.command : base.command;
  base.entrypoint = stage.entrypoint ? stage.entrypoint : base.entrypoint;
  base.healthcheck_times = stage.healthcheck ? stage.healthcheck_times : base.healthcheck_times;
  base.healthcheck = stage.healthcheck ? stage.healthcheck : base.healthcheck;
  return base;
}

// One option of HEALTHCHECK, `interval=5s`, into `times`; false when Docker would refuse it. 0 leaves Docker's value.
bool read_healthcheck_option(std::string_view flag, HealthcheckTimes& times) {
  const std::size_t equals = std::min(flag.find('='), flag.size());
  const std::string_view name = flag.substr(0, equals);
  const std::string_view value = flag.substr(std::min(equals + 1, flag.size()));
  if (name == "retries") {
    const auto retries = parse_count(value);
    times.retries = retries && *retries > 0 ? *retries : times.retries;
    return retries.has_value();
  }
  constexpr std::array<std::pair<std::string_view, Duration HealthcheckTimes::*>, 3> kTimes{
      {{"start-period", &HealthcheckTimes::start_period},
       {"interval", &HealthcheckTimes::interval},
       {"timeout", &HealthcheckTimes::timeout}}};
  const auto found =
      std::ranges::find(kTimes, name, &std::pair<std::string_view, Duration HealthcheckTimes::*>::first);
  const auto time = parse_go_duration(value);
  if (found != kTimes.end() && time && time->nanoseconds > 0) {
    times.*found->second = *time;
  }
  return time.has_value() && (found != kTimes.end() || name == "start-interval");
}

class DockerfileReader {
 public:
  DockerfileReader(std::string_view file, const DockerfileOptions& options) : options_(options) {
    facts_.file = file;
  }

  DockerfileFacts read(std::string_view bytes) {
    DockerfileSyntax syntax = parse_dockerfile_syntax(to_utf8(bytes), facts_.file);
    facts_.problems = std::move(syntax.problems);
    escape_ = syntax.escape;
    for (const Instruction& instruction : syntax.instructions) {
      read_one(instruction);
    }
    choose_built();
    return std::move(facts_);
  }

 private:
  using Reading = void (DockerfileReader::*)(const Instruction&);

  void problem(const Instruction& instruction, std::string message) {
    facts_.problems.push_back({.file = facts_.file, .line = instruction.line, .message = std::move(message)});
  }

  StageFacts& stage() { return facts_.stages.back(); }
  State& state() { return states_.back(); }

  std::string expand(std::string_view word) { return expand_word(word, escape_, values_of(state())); }

  // The variables of `scope`, which must live as long; ENV wins over ARG.
  VariableLookup values_of(const State& scope) {
    return [this, &scope](std::string_view name) -> std::optional<std::string> {
      for (const Variables* variables : {&scope.environment, &scope.arguments}) {
        const auto found = variables->find(name);
        if (found != variables->end() && filled_bytes_ <= kMaxFilledBytes) {
          filled_bytes_ += found->second.size();
          return found->second;
        }
      }
      return std::nullopt;
    };
  }

  void read_one(const Instruction& instruction) {
    static constexpr std::array<std::pair<std::string_view, Reading>, 13> kReadings{
        {{"ENV", &DockerfileReader::read_env},
         {"COPY", &DockerfileReader::read_copy},
         {"ADD", &DockerfileReader::read_copy},
         {"RUN", &DockerfileReader::read_run},
         {"USER", &DockerfileReader::read_user},
         {"WORKDIR", &DockerfileReader::read_workdir},
         {"CMD", &DockerfileReader::read_cmd},
         {"ENTRYPOINT", &DockerfileReader::read_entrypoint},
         {"HEALTHCHECK", &DockerfileReader::read_healthcheck},
         {"EXPOSE", &DockerfileReader::read_expose},
         {"SHELL", &DockerfileReader::read_shell},
         {"FROM", &DockerfileReader::read_from},
         {"ARG", &DockerfileReader::read_arg}}};
    constexpr std::array<std::string_view, 5> kOthers{"LABEL", "MAINTAINER", "STOPSIGNAL", "VOLUME",
                                                      "ONBUILD"};
    const auto reading =
        std::ranges::find(kReadings, instruction.name, &std::pair<std::string_view, Reading>::first);
    const bool is_other = std::ranges::find(kOthers, instruction.name) != kOthers.end();
    if (reading == kReadings.end() && !is_other) {
      problem(instruction,
              std::format("`{}` is no instruction that Docker knows", printable(instruction.name)));
      return;
    }
    const bool may_come_first = instruction.name == "FROM" || instruction.name == "ARG";
    if (facts_.stages.empty() && !may_come_first) {
      problem(instruction, std::format("`{}` before the first `FROM`", instruction.name));
      return;
    }
    if (instruction.text.empty() && instruction.documents.empty()) {
      problem(instruction, std::format("`{}` with nothing behind it", instruction.name));
      return;
    }
    if (!is_other) {
      (this->*reading->second)(instruction);
    }
  }

  void read_from(const Instruction& instruction) {
    if (facts_.stages.size() >= kMaxStages) {
      problem(instruction, std::format("more than {} stages", kMaxStages));
      return;
    }
    const VariableLookup global = values_of(global_);
    StageFacts fresh{.line = instruction.line};
    std::vector<std::string> words = split_words(instruction.text, escape_);
    const bool is_named = words.size() == 3 && lower(words[1]) == "as";
    if (words.size() != 1 && !is_named) {
      problem(instruction, std::format("`FROM {}`; expected `FROM IMAGE` or `FROM IMAGE AS NAME`",
                                       printable(instruction.text)));
    }
    fresh.image = expand_word(words[0], escape_, global);
    fresh.name = is_named ? lower(words[2]) : "";
    for (const std::string& flag : instruction.flags) {
      if (flag.starts_with("platform=")) {
        fresh.platform = expand_word(std::string_view(flag).substr(9), escape_, global);
      }
    }
    fresh.based_on = stage_named(lower(fresh.image));
    states_.push_back(fresh.based_on >= 0 ? states_[static_cast<std::size_t>(fresh.based_on)] : State{});
    facts_.stages.push_back(std::move(fresh));
  }

  // The last one of that name; -1 when there is none.
  std::int64_t stage_named(std::string_view name) const {
    for (std::size_t i = facts_.stages.size(); i-- > 0 && !name.empty();) {
      if (facts_.stages[i].name == name) {
        return static_cast<std::int64_t>(i);
      }
    }
    return -1;
  }

  std::int64_t stage_numbered(std::string_view text) const {
    std::size_t number = 0;
    const auto read = std::from_chars(text.data(), text.data() + text.size(), number);
    const bool is_number = !text.empty() && read.ec == std::errc() && read.ptr == text.data() + text.size();
    return is_number && number < facts_.stages.size() ? static_cast<std::int64_t>(number) : -1;
  }

  void read_arg(const Instruction& instruction) {
    for (const std::string& word : split_words(instruction.text, escape_)) {
      const std::size_t equals = word.find('=');
      const std::string name = word.substr(0, equals);
      std::optional<std::string> value;
      if (equals != std::string::npos) {
        const State& scope = facts_.stages.empty() ? global_ : state();
        value = expand_word(std::string_view(word).substr(equals + 1), escape_, values_of(scope));
      }
      if (const auto given = options_.arguments.find(name); given != options_.arguments.end()) {
        value = given->second;
      }
      declare(name, std::move(value), instruction.line);
    }
  }

  void declare(const std::string& name, std::optional<std::string> value, std::uint64_t line) {
    if (facts_.stages.empty()) {
      if (value) {
        global_.arguments[name] = *value;
      }
      return;
    }
    // Without a default here, that of an ARG before the first FROM counts.
    if (const auto outer = global_.arguments.find(name); !value && outer != global_.arguments.end()) {
      value = outer->second;
    }
    if (stage().arguments.size() >= kMaxSettings) {
      return;
    }
    set(stage().arguments, {.name = name, .value = value.value_or(""), .line = line});
    if (value) {
      state().arguments[name] = *value;
    }
  }

  void read_env(const Instruction& instruction) {
    const std::vector<std::string> words = split_words(instruction.text, escape_);
    if (words.size() + stage().environment.size() > kMaxSettings) {
      problem(instruction,
              std::format("more than {} variables; those of this line were not read", kMaxSettings));
      return;
    }
    std::vector<std::pair<std::string, std::string>> settings;
    if (!words.front().contains('=')) {
      // the old form: a name, and the rest of the line is its value
      settings.emplace_back(words.front(),
                            trim(std::string_view(instruction.text).substr(words.front().size())));
    } else {
      for (const std::string& word : words) {
        const std::size_t equals = word.find('=');
        if (equals == std::string::npos) {
          problem(instruction, std::format("`{}` in ENV; expected `NAME=VALUE`", printable(word)));
          continue;
        }
        settings.emplace_back(word.substr(0, equals), word.substr(equals + 1));
      }
    }
    // All values of a line see the variables as they were before it.
    for (auto& [name, value] : settings) {
      name = expand(name);
      value = expand(value);
    }
    for (const auto& [name, value] : settings) {
      state().environment[name] = value;
      set(stage().environment, {.name = name, .value = value, .line = instruction.line});
    }
  }

  void read_copy(const Instruction& instruction) {
    CopyFacts copy{.add = instruction.name == "ADD", .line = instruction.line};
    std::vector<std::string> words =
        exec_form(instruction.text).value_or(split_words(instruction.text, escape_));
    for (std::string& word : words) {
      word = expand(word);
    }
    for (const std::string& flag : instruction.flags) {
      if (flag.starts_with("from=")) {
        copy.from = expand(std::string_view(flag).substr(5));
        copy.from_stage = stage_named(lower(copy.from));
        copy.from_stage = copy.from_stage < 0 ? stage_numbered(copy.from) : copy.from_stage;
      } else if (flag.starts_with("exclude=")) {
        copy.excludes.push_back(expand(std::string_view(flag).substr(8)));
      } else if (flag == "parents" || flag == "parents=true") {
        copy.parents = true;
      }
    }
    if (words.size() < 2) {
      problem(instruction, std::format("`{} {}`; expected a source and a destination", instruction.name,
                                       printable(instruction.text)));
      return;
    }
    copy.destination = resolve(state().workdir, words.back());
    words.pop_back();
    std::erase_if(words, [&](const std::string& word) {
      return std::ranges::any_of(instruction.documents, [&](const HereDocument& document) {
        return word.starts_with("<<") && word.ends_with(document.name);
      });
    });
    copy.sources = std::move(words);
    stage().copies.push_back(std::move(copy));
  }

  static CommandFacts command_of(std::string_view text, std::uint64_t line) {
    if (auto words = exec_form(text)) {
      return {.exec = true, .words = std::move(*words), .line = line};
    }
    return {.text = std::string(text), .line = line};
  }

  void read_run(const Instruction& instruction) {
    CommandFacts run = command_of(instruction.text, instruction.line);
    // `RUN <<EOF` is a script of its own; after other words it is what the command reads
    const bool is_script = instruction.text.starts_with("<<") && !instruction.text.contains(' ');
    std::string script = is_script ? "" : run.text;
    for (const HereDocument& document : instruction.documents) {
      script += is_script ? "" : "\n";
      script += document.content;
    }
    run.text = script;
    append(stage().installs, run.exec ? installs_of_words(run.words, run.line)
                                      : installs_of_shell(run.text, run.line, values_of(state())));
    stage().runs.push_back(std::move(run));
  }

  void read_user(const Instruction& instruction) {
    stage().user = expand(instruction.text);
    stage().user_line = instruction.line;
  }

  void read_workdir(const Instruction& instruction) {
    std::string folder = resolve(state().workdir, expand(instruction.text));
    if (folder.size() > 1 && folder.ends_with('/')) {
      folder.pop_back();
    }
    state().workdir = folder;
    stage().workdir = std::move(folder);
    stage().workdir_line = instruction.line;
  }

  void read_cmd(const Instruction& instruction) {
    stage().command = command_of(instruction.text, instruction.line);
  }
  void read_entrypoint(const Instruction& instruction) {
    stage().entrypoint = command_of(instruction.text, instruction.line);
  }

  void read_healthcheck(const Instruction& instruction) {
    const std::string_view text = instruction.text;
    const std::string keyword = lower(text.substr(0, text.find(' ')));
    if (keyword == "none") {
      stage().healthcheck = CommandFacts{.line = instruction.line};
      stage().healthcheck_times = std::nullopt;
    } else if (keyword == "cmd") {
      stage().healthcheck = command_of(trim(text.substr(3)), instruction.line);
      stage().healthcheck_times = healthcheck_times(instruction);
    } else {
      problem(instruction, "`HEALTHCHECK` without `CMD` or `NONE`");
    }
  }

  std::optional<HealthcheckTimes> healthcheck_times(const Instruction& instruction) {
    HealthcheckTimes times;
    for (const std::string& flag : instruction.flags) {
      if (!read_healthcheck_option(flag, times)) {
        problem(instruction,
                std::format("`--{}` of `HEALTHCHECK`; expected an option that Docker knows, with "
                            "a time such as `30s` or a number of retries",
                            printable(flag)));
        return std::nullopt;
      }
    }
    return times;
  }

  void read_expose(const Instruction& instruction) {
    for (const std::string& word : split_words(instruction.text, escape_)) {
      stage().exposed.push_back(expand(word));
    }
  }

  void read_shell(const Instruction& instruction) {
    if (auto words = exec_form(instruction.text)) {
      stage().shell = std::move(*words);
    } else {
      problem(instruction, "`SHELL` without a JSON list");
    }
  }

  void choose_built() {
    if (facts_.stages.empty()) {
      facts_.problems.push_back({.file = facts_.file, .message = "no `FROM`; expected at least one"});
      return;
    }
    std::int64_t built = static_cast<std::int64_t>(facts_.stages.size()) - 1;
    if (!options_.target.empty()) {
      built = stage_named(lower(options_.target));
      built = built < 0 ? stage_numbered(options_.target) : built;
      if (built < 0) {
        facts_.problems.push_back(
            {.file = facts_.file, .message = std::format("no stage `{}`", printable(options_.target))});
        return;
      }
    }
    facts_.built_stage = built;
    std::vector<const StageFacts*> chain;
    for (std::int64_t at = built; at >= 0; at = chain.back()->based_on) {
      chain.push_back(&facts_.stages[static_cast<std::size_t>(at)]);
    }
    facts_.built = *chain.back();
    for (std::size_t i = chain.size() - 1; i-- > 0;) {
      facts_.built = upon(std::move(facts_.built), *chain[i]);
    }
  }

  const DockerfileOptions& options_;
  DockerfileFacts facts_;
  char escape_ = '\\';
  std::size_t filled_bytes_ = 0;
  // of ARG before the first FROM
  State global_;
  // one for each stage
  std::vector<State> states_;
};

}  // namespace

DockerfileFacts read_dockerfile(std::string_view bytes, std::string_view file,
                                const DockerfileOptions& options) {
  return DockerfileReader(file, options).read(bytes);
}

}  // namespace runup
