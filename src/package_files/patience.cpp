// SPDX-License-Identifier: Apache-2.0
#include "package_files/patience.h"

#include <algorithm>
#include <array>
#include <format>
#include <iterator>
#include <string>
#include <utility>

#include "base/text.h"
#include "base/yaml_tree.h"
#include "facts/lines.h"
#include "package_files/dockerfile_syntax.h"
#include "package_files/waiting_times.h"

namespace runup {

namespace {

// of one file
constexpr std::size_t kMaxDocuments = 200;
constexpr std::size_t kMaxServices = 100;
constexpr std::size_t kMaxContainers = 100;
constexpr std::size_t kMaxPatience = 200;
constexpr std::size_t kMaxProcfile = std::size_t{64} * 1024;

std::optional<std::string> no_variable(std::string_view) { return std::nullopt; }

// ---------------------------------------------------------------------------------------------- YAML

struct YamlDocument {
  YamlNode root;
  // lines of the file before its first
  std::uint64_t offset = 0;
};

// A merge key as text: the tree has no merging, and `value_of` does it.
std::string with_quoted_merge(std::string_view line) {
  const std::size_t start = std::min(line.find_first_not_of(" -"), line.size());
  const bool merges = line.substr(start).starts_with("<<:");
  return merges ? std::format("{}\"<<\"{}", line.substr(0, start), line.substr(start + 2))
                : std::string(line);
}

// The documents that hold the text `needed` and can be read.
std::vector<YamlDocument> documents_of(std::string_view bytes, std::string_view needed) {
  std::vector<YamlDocument> documents;
  const std::string utf8 = to_utf8(bytes);
  if (utf8.size() > kMaxConfigBytes || !utf8.contains(needed)) {
    return documents;
  }
  std::string text;
  std::uint64_t offset = 0;
  std::uint64_t number = 0;
  std::size_t tried = 0;
  const auto close = [&] {
    if (text.contains(needed) && tried++ < kMaxDocuments) {
      if (auto root = parse_yaml(text)) {
        documents.push_back({.root = std::move(*root), .offset = offset});
      }
    }
    text.clear();
    offset = number;
  };
  for (const std::string_view line : lines_of(utf8, kMaxConfigBytes)) {
    if (line == "---" || line.starts_with("--- ")) {
      close();
    }
    text += with_quoted_merge(line);
    text += '\n';
    ++number;
  }
  close();
  return documents;
}

// What stands under `key` in `map`, or in what it merges; null when there is nothing.
const YamlEntry* entry_of(const YamlNode& map, std::string_view key) {
  if (const auto found = std::ranges::find(map.entries, key, &YamlEntry::key); found != map.entries.end()) {
    return found->value.kind == YamlKind::null ? nullptr : &*found;
  }
  for (const YamlEntry& entry : map.entries) {
    if (entry.key != "<<") {
      continue;
    }
    if (const YamlEntry* merged = entry_of(entry.value, key)) {
      return merged;
    }
    for (const YamlNode& item : entry.value.items) {
      if (const YamlEntry* merged = entry_of(item, key)) {
        return merged;
      }
    }
  }
  return nullptr;
}

const YamlNode* value_of(const YamlNode& map, std::string_view key) {
  const YamlEntry* entry = entry_of(map, key);
  return entry == nullptr ? nullptr : &entry->value;
}

const YamlNode* value_at(const YamlNode& map, std::span<const std::string_view> path) {
  const YamlNode* value = &map;
  for (std::size_t i = 0; i < path.size() && value != nullptr; ++i) {
    value = value_of(*value, path[i]);
  }
  return value;
}

std::string_view text_of(const YamlNode& map, std::string_view key) {
  const YamlNode* value = value_of(map, key);
  return value == nullptr ? std::string_view() : std::string_view(value->text);
}

bool is_scalar(const YamlNode& node) { return node.kind == YamlKind::plain || node.kind == YamlKind::quoted; }

// ------------------------------------------------------------------------------------------ Dockerfile

// What ENTRYPOINT and CMD start together.
std::optional<CommandFacts> started_command(const StageFacts& stage) {
  if (!stage.entrypoint || !stage.entrypoint->exec || !stage.command) {
    return stage.entrypoint ? stage.entrypoint : stage.command;
  }
  CommandFacts both = *stage.entrypoint;
  both.line = stage.command->line;
  if (stage.command->exec) {
    both.words.insert(both.words.end(), stage.command->words.begin(), stage.command->words.end());
  } else {
    both.words.insert(both.words.end(), {"/bin/sh", "-c", stage.command->text});
  }
  return both;
}

// The two times of a container's health check, which `name` calls.
void add_healthcheck(std::vector<PatienceFacts>& facts, const HealthcheckTimes& times, std::string_view name,
                     std::string_view file, std::uint64_t line) {
  facts.push_back({.kind = PatienceKind::start,
                   .file = std::string(file),
                   .line = line,
                   .words = std::format("{}: start period {}, {} x {}", name, plain_time(times.start_period),
                                        times.retries, plain_time(times.interval)),
                   .time = plus_times(times.start_period, times.retries, times.interval)});
  facts.push_back({.kind = PatienceKind::answer,
                   .file = std::string(file),
                   .line = line,
                   .words = std::format("{}: timeout {}", name, plain_time(times.timeout)),
                   .time = times.timeout});
}

// --------------------------------------------------------------------------------------------- Compose

bool is_foreign_image(std::string_view image) {
  constexpr std::array<std::string_view, 26> kForeign{
      "postgres", "postgresql",    "postgis",    "timescaledb", "pgvector", "mysql",    "mariadb",
      "mongo",    "mongodb",       "redis",      "redis-stack", "valkey",   "rabbitmq", "memcached",
      "kafka",    "zookeeper",     "nats",       "minio",       "nginx",    "traefik",  "haproxy",
      "caddy",    "elasticsearch", "prometheus", "grafana",     "qdrant"};
  image = image.substr(0, image.find('@'));
  image = image.substr(image.rfind('/') + 1);
  return std::ranges::contains(kForeign, image.substr(0, image.find(':')));
}

class ComposeReader {
 public:
  ComposeReader(std::string_view file, const std::optional<HealthcheckTimes>& image,
                std::span<const GunicornConfig> configs)
      : file_(file), image_(image), configs_(configs) {}

  std::vector<PatienceFacts> read(const YamlDocument& document) {
    offset_ = document.offset;
    const YamlNode* services = value_of(document.root, "services");
    if (services == nullptr) {
      return {};
    }
    const auto is_built = [](const YamlEntry& service) {
      return value_of(service.value, "build") != nullptr;
    };
    const bool some_are_built = std::ranges::any_of(services->entries, is_built);
    std::size_t count = 0;
    for (const YamlEntry& service : services->entries) {
      const bool is_ours =
          some_are_built ? is_built(service) : !is_foreign_image(filled(text_of(service.value, "image")));
      if (is_ours && count++ < kMaxServices) {
        read_service(service);
      }
    }
    return std::move(facts_);
  }

 private:
  // `${WAIT:-30s}` is `30s`; what has no default stays as written.
  static std::string filled(std::string_view text) { return expand_word(text, '\\', no_variable); }

  std::uint64_t line_of(const YamlEntry& entry) const { return entry.place.line + offset_; }

  void read_service(const YamlEntry& service) {
    const std::string name = printable(service.key);
    if (const YamlEntry* check = entry_of(service.value, "healthcheck")) {
      const bool has_image = image_ && entry_of(service.value, "build") != nullptr;
      read_healthcheck(*check, name, has_image ? *image_ : HealthcheckTimes());
    }
    const YamlEntry* grace = entry_of(service.value, "stop_grace_period");
    const auto time = grace == nullptr ? std::nullopt : parse_go_duration(filled(grace->value.text));
    if (time) {
      facts_.push_back({.kind = PatienceKind::stop,
                        .file = file_,
                        .line = line_of(*grace),
                        .words = std::format("`stop_grace_period` of `{}`: {}", name, plain_time(*time)),
                        .time = *time});
    }
    read_command(service.value);
  }

  static bool is_disabled(const YamlNode& check) {
    const YamlNode* test = value_of(check, "test");
    const bool is_none = test != nullptr && (test->text == "NONE" ||
                                             (!test->items.empty() && test->items.front().text == "NONE"));
    return is_none || lower(text_of(check, "disable")) == "true";
  }

  // `times` are those of the image.
  void read_healthcheck(const YamlEntry& entry, const std::string& name, HealthcheckTimes times) {
    const YamlNode& check = entry.value;
    constexpr std::array<std::pair<std::string_view, Duration HealthcheckTimes::*>, 3> kKeys{
        {{"start_period", &HealthcheckTimes::start_period},
         {"interval", &HealthcheckTimes::interval},
         {"timeout", &HealthcheckTimes::timeout}}};
    bool is_clear = check.kind == YamlKind::map && !is_disabled(check);
    for (const auto& [key, member] : kKeys) {
      if (const YamlNode* value = value_of(check, key)) {
        const auto time = parse_go_duration(filled(value->text));
        is_clear = is_clear && time.has_value();
        times.*member = time && time->nanoseconds > 0 ? *time : times.*member;
      }
    }
    if (const YamlNode* value = value_of(check, "retries")) {
      const auto retries = parse_count(filled(value->text));
      is_clear = is_clear && retries.has_value();
      times.retries = retries && *retries > 0 ? *retries : times.retries;
    }
    if (is_clear) {
      add_healthcheck(facts_, times, std::format("`healthcheck` of `{}`", name), file_, line_of(entry));
    }
  }

  // Compose fills in variables and splits text into words, without a shell.
  static std::vector<std::string> words_of_value(const YamlNode& value) {
    std::vector<std::string> words;
    const std::vector<std::string> split =
        is_scalar(value) ? split_words(value.text, '\\') : std::vector<std::string>();
    for (const std::string& word : split) {
      words.push_back(filled(word));
    }
    for (const YamlNode& item : value.items) {
      // A text for a shell is filled in when it is taken apart.
      words.push_back(item.text.contains(' ') ? item.text : filled(item.text));
    }
    return words;
  }

  static std::vector<SettingFacts> environment_of(const YamlNode& service) {
    constexpr std::size_t kMaxEnvironment = 1'000;
    std::vector<SettingFacts> settings;
    const YamlNode* environment = value_of(service, "environment");
    if (environment == nullptr || environment->entries.size() + environment->items.size() > kMaxEnvironment) {
      return settings;
    }
    // A name without a value gets that of whoever starts Compose.
    for (const YamlEntry& entry : environment->entries) {
      const bool is_passed = entry.value.kind == YamlKind::null;
      settings.push_back(
          {.name = entry.key, .value = is_passed ? "$" + entry.key : filled(entry.value.text)});
    }
    for (const YamlNode& item : environment->items) {
      const std::size_t equals = item.text.find('=');
      const bool is_passed = equals == std::string::npos;
      settings.push_back({.name = item.text.substr(0, equals),
                          .value = is_passed ? "$" + item.text : filled(item.text.substr(equals + 1))});
    }
    return settings;
  }

  void read_command(const YamlNode& service) {
    GunicornStart start{.command = {.exec = true}, .file = file_, .environment = environment_of(service)};
    for (const std::string_view key : {"entrypoint", "command"}) {
      if (const YamlEntry* entry = entry_of(service, key)) {
        std::ranges::move(words_of_value(entry->value), std::back_inserter(start.command.words));
        start.command.line = line_of(*entry);
      }
    }
    std::ranges::move(patience_of_gunicorn(start, configs_), std::back_inserter(facts_));
  }

  std::string file_;
  const std::optional<HealthcheckTimes>& image_;
  std::span<const GunicornConfig> configs_;
  std::uint64_t offset_ = 0;
  std::vector<PatienceFacts> facts_;
};

// ------------------------------------------------------------------------------------------ Kubernetes

// A probe's numbers, with Kubernetes' values for what is left out or 0.
struct ProbeTimes {
  std::uint64_t initial_delay = 0;
  std::uint64_t failures = 3;
  std::uint64_t period = 10;
  std::uint64_t timeout = 1;
};

Duration whole_seconds(std::uint64_t seconds) { return Duration::from_seconds(static_cast<double>(seconds)); }

// Nothing when a number is not one.
std::optional<ProbeTimes> probe_times(const YamlNode& probe) {
  ProbeTimes times;
  constexpr std::array<std::pair<std::string_view, std::uint64_t ProbeTimes::*>, 4> kKeys{
      {{"initialDelaySeconds", &ProbeTimes::initial_delay},
       {"failureThreshold", &ProbeTimes::failures},
       {"periodSeconds", &ProbeTimes::period},
       {"timeoutSeconds", &ProbeTimes::timeout}}};
  for (const auto& [key, member] : kKeys) {
    const YamlNode* value = value_of(probe, key);
    if (value == nullptr) {
      continue;
    }
    const auto count = parse_count(value->text);
    if (!count) {
      return std::nullopt;
    }
    times.*member = *count > 0 ? *count : times.*member;
  }
  return probe.kind == YamlKind::map ? std::optional(times) : std::nullopt;
}

class ManifestReader {
 public:
  ManifestReader(std::string_view file, std::span<const GunicornConfig> configs)
      : file_(file), configs_(configs) {}

  void read(const YamlDocument& document) {
    offset_ = document.offset;
    read_object(document.root);
    if (const YamlNode* items =
            text_of(document.root, "kind") == "List" ? value_of(document.root, "items") : nullptr) {
      for (const YamlNode& item : items->items) {
        read_object(item);
      }
    }
  }

  std::vector<PatienceFacts> take() { return std::move(facts_); }

 private:
  std::uint64_t line_of(const YamlEntry& entry) const { return entry.place.line + offset_; }

  // The `spec:` of the pods that `object` makes.
  static const YamlEntry* pod_of(const YamlNode& object, bool is_knative) {
    constexpr std::array<std::string_view, 6> kTemplated{"Deployment", "StatefulSet", "DaemonSet",
                                                         "ReplicaSet", "Job",         "Service"};
    constexpr std::array<std::string_view, 4> kPath{"spec", "jobTemplate", "spec", "template"};
    const std::string_view kind = text_of(object, "kind");
    const bool is_templated = std::ranges::contains(kTemplated, kind) && (kind != "Service" || is_knative);
    const YamlNode* owner = kind == "Pod"       ? &object
                            : kind == "CronJob" ? value_at(object, kPath)
                            : is_templated      ? value_at(object, std::span(kPath).last(2))
                                                : nullptr;
    return owner == nullptr ? nullptr : entry_of(*owner, "spec");
  }

  void read_object(const YamlNode& object) {
    const bool is_knative = text_of(object, "apiVersion").starts_with("serving.knative.dev/");
    const YamlEntry* pod = pod_of(object, is_knative);
    if (pod == nullptr || facts_.size() >= kMaxPatience) {
      return;
    }
    const YamlNode* containers = value_of(pod->value, "containers");
    bool is_whole = false;
    for (std::size_t i = 0; containers != nullptr && i < containers->items.size(); ++i) {
      const YamlNode& container = containers->items[i];
      if (value_of(container, "image") != nullptr && containers_++ < kMaxContainers) {
        is_whole = true;
        read_container(container);
      }
    }
    if (!is_knative) {
      read_grace(object, *pod, is_whole);
    }
  }

  void read_grace(const YamlNode& object, const YamlEntry& pod, bool is_whole) {
    constexpr std::string_view kKey = "terminationGracePeriodSeconds";
    const YamlNode* metadata = value_of(object, "metadata");
    const std::string name = metadata == nullptr ? "" : printable(text_of(*metadata, "name"));
    const YamlEntry* grace = entry_of(pod.value, kKey);
    const auto seconds = grace == nullptr ? std::optional<std::uint64_t>(30) : parse_count(grace->value.text);
    if (!seconds || (grace == nullptr && !is_whole)) {
      return;
    }
    add(PatienceKind::stop, grace == nullptr ? pod : *grace,
        std::format("`{}`{}: {} s{}", kKey, name.empty() ? "" : std::format(" of `{}`", name), *seconds,
                    grace == nullptr ? " by default" : ""),
        whole_seconds(*seconds));
  }

  void read_container(const YamlNode& container) {
    const std::string name = printable(text_of(container, "name"));
    const YamlEntry* startup = entry_of(container, "startupProbe");
    const YamlEntry* liveness = entry_of(container, "livenessProbe");
    if (const YamlEntry* probe = startup != nullptr ? startup : liveness) {
      add_start(*probe, name);
    }
    for (const YamlEntry* probe : {liveness, entry_of(container, "readinessProbe")}) {
      if (probe != nullptr) {
        add_answer(*probe, name);
      }
    }
    read_command(container);
  }

  void add_start(const YamlEntry& probe, const std::string& container) {
    if (const auto times = probe_times(probe.value)) {
      add(PatienceKind::start, probe,
          std::format("`{}` of `{}`: {} s + {} x {} s", probe.key, container, times->initial_delay,
                      times->failures, times->period),
          plus_times(whole_seconds(times->initial_delay), times->failures, whole_seconds(times->period)));
    }
  }

  void add_answer(const YamlEntry& probe, const std::string& container) {
    if (const auto times = probe_times(probe.value)) {
      add(PatienceKind::answer, probe,
          std::format("`{}` of `{}`: timeout {} s", probe.key, container, times->timeout),
          whole_seconds(times->timeout));
    }
  }

  void add(PatienceKind kind, const YamlEntry& where, std::string words, Duration time) {
    facts_.push_back(
        {.kind = kind, .file = file_, .line = line_of(where), .words = std::move(words), .time = time});
  }

  void read_command(const YamlNode& container) {
    GunicornStart start{.command = {.exec = true}, .file = file_};
    for (const std::string_view key : {"command", "args"}) {
      const YamlEntry* entry = entry_of(container, key);
      for (std::size_t i = 0; entry != nullptr && i < entry->value.items.size(); ++i) {
        start.command.words.push_back(entry->value.items[i].text);
        start.command.line = line_of(*entry);
      }
    }
    const YamlNode* environment = value_of(container, "env");
    for (std::size_t i = 0; environment != nullptr && i < environment->items.size(); ++i) {
      const YamlNode& item = environment->items[i];
      const YamlNode* value = value_of(item, "value");
      // What comes from a secret or a map of settings is any text.
      start.environment.push_back(
          {.name = std::string(text_of(item, "name")), .value = value == nullptr ? "$VALUE" : value->text});
    }
    std::ranges::move(patience_of_gunicorn(start, configs_), std::back_inserter(facts_));
  }

  std::string file_;
  std::span<const GunicornConfig> configs_;
  std::uint64_t offset_ = 0;
  std::size_t containers_ = 0;
  std::vector<PatienceFacts> facts_;
};

}  // namespace

std::vector<PatienceFacts> patience_of_dockerfile(const DockerfileFacts& dockerfile,
                                                  std::span<const GunicornConfig> configs) {
  const StageFacts& built = dockerfile.built;
  std::vector<PatienceFacts> facts;
  if (built.healthcheck && built.healthcheck_times) {
    add_healthcheck(facts, *built.healthcheck_times, "`HEALTHCHECK`", dockerfile.file,
                    built.healthcheck->line);
  }
  if (auto command = started_command(built)) {
    std::ranges::move(
        patience_of_gunicorn(
            {.command = std::move(*command), .file = dockerfile.file, .environment = built.environment},
            configs),
        std::back_inserter(facts));
  }
  return facts;
}

std::vector<PatienceFacts> patience_of_compose(std::string_view bytes, std::string_view file,
                                               const std::optional<HealthcheckTimes>& image,
                                               std::span<const GunicornConfig> configs) {
  std::vector<PatienceFacts> facts;
  for (const YamlDocument& document : documents_of(bytes, "services")) {
    std::ranges::move(ComposeReader(file, image, configs).read(document), std::back_inserter(facts));
  }
  return facts;
}

std::vector<PatienceFacts> patience_of_manifest(std::string_view bytes, std::string_view file,
                                                std::span<const GunicornConfig> configs) {
  ManifestReader reader(file, configs);
  for (const YamlDocument& document : documents_of(bytes, "spec")) {
    if (value_of(document.root, "kind") != nullptr) {
      reader.read(document);
    }
  }
  return reader.take();
}

std::vector<PatienceFacts> patience_of_procfile(std::string_view bytes, std::string_view file,
                                                std::span<const GunicornConfig> configs) {
  std::vector<PatienceFacts> facts;
  const std::string text = to_utf8(bytes);
  std::uint64_t number = 0;
  for (const std::string_view line : lines_of(text, kMaxProcfile)) {
    ++number;
    const std::size_t colon = line.find(':');
    if (colon == std::string_view::npos || trim(line).starts_with('#') || facts.size() >= kMaxPatience) {
      continue;
    }
    const CommandFacts command{.text = std::string(line.substr(colon + 1)), .line = number};
    std::ranges::move(patience_of_gunicorn({.command = command, .file = std::string(file)}, configs),
                      std::back_inserter(facts));
  }
  return facts;
}

}  // namespace runup
