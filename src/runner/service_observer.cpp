// SPDX-License-Identifier: Apache-2.0
#include "runner/service_observer.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <cctype>
#include <format>
#include <functional>
#include <future>
#include <map>
#include <optional>
#include <string_view>
#include <system_error>
#include <thread>
#include <utility>

#include "base/bytes.h"
#include "base/key_path.h"
#include "base/text.h"
#include "check/served.h"
#include "probes/protocol/service_request.h"
#include "runner/core_probes.h"
#include "runner/interpreter.h"
#include "runner/packed_package.h"
#include "runner/questions.h"
#include "runner/runtime_programs.h"
#include "runner/service_starts.h"

namespace runup {

namespace {

constexpr std::size_t kMostEnvironmentBytes = std::size_t{1} << 20U;
constexpr std::uint64_t kMostOtherBytes = std::uint64_t{256} << 20U;
// Answers other than the first prediction.
constexpr Duration kAnswerPatience = Duration::from_milliseconds(10'000);
// How much longer than its grace a stop is waited for, so that one that is late is seen to end.
constexpr Duration kBeyondGrace = Duration::from_milliseconds(2'000);
// A start while others run may take more memory than the healthy one had when it was measured.
constexpr double kMemoryRoom = 1.25;
constexpr std::array kModelDamages{Damage::missing, Damage::truncated, Damage::lfs_pointer, Damage::zeros,
                                   Damage::unreadable};

// A file that damage is done to.
struct DamagedFile {
  std::string path;
  std::uint64_t bytes = 0;
  bool labels = false;
};

// `module:attribute` of a command such as `uvicorn app.main:app --port 80`; empty when there is none.
std::string application_in(const std::string& command) {
  for (const std::string& word : split(command, ' ')) {
    const std::size_t colon = word.find(':');
    if (colon != std::string::npos && colon > 0 && colon + 1 < word.size() && !word.starts_with('-') &&
        word.find_first_of("/{") == std::string::npos &&
        !std::isdigit(static_cast<unsigned char>(word.front()))) {
      return word;
    }
  }
  return {};
}

// `NAME=value` lines; comments, blank lines and what is no such line are left out, quotes around a value too.
void read_environment_lines(std::string_view text, std::map<std::string, std::string>& variables) {
  for (const std::string& line : split(text, '\n')) {
    std::string_view rest = trim(line);
    rest.remove_prefix(rest.starts_with("export ") ? 7 : 0);
    const std::size_t equals = rest.find('=');
    if (rest.starts_with('#') || equals == std::string_view::npos || equals == 0) {
      continue;
    }
    std::string_view value = trim(rest.substr(equals + 1));
    if (value.size() >= 2 && (value.front() == '"' || value.front() == '\'') &&
        value.back() == value.front()) {
      value = value.substr(1, value.size() - 2);
    }
    variables[std::string(trim(rest.substr(0, equals)))] = value;
  }
}

class ServiceObserver {
 public:
  ServiceObserver(RunContext& context, const TargetFacts& target)
      : context_(context), target_(target), service_(*context.plan.service) {}

  std::vector<Observed<ServiceFacts>> observe() {
    const Duration start = steady_now();
    if (auto obstacle = prepare()) {
      return for_all(Observed<ServiceFacts>::none(*obstacle));
    }
    context_.progress("starting the server");
    starts_.emplace(context_, StartLimits{.environment = environment_,
                                          .memory = runtime_memory(context_.settings, target_.host),
                                          .file_bytes = model_bytes_ + kMostOtherBytes});
    ServiceStart healthy = starts_->start(request_for({}), true);
    if (!healthy.answer) {
      return for_all(Observed<ServiceFacts>::none(*healthy.absence, steady_now() - start));
    }
    healthy_ = std::move(*healthy.answer);
    std::vector<Observed<ServiceFacts>> all;
    const bool goes_on = healthy_.start.ready && !healthy_.start.ended;
    for (const PlannedModel& model : context_.plan.models) {
      all.push_back(is_judged_elsewhere(model) ? Observed<ServiceFacts>::none(judged_elsewhere(model))
                                               : Observed<ServiceFacts>::seen(facts_of_healthy(), {}));
    }
    if (goes_on) {
      start_with_damages(all);
    }
    for (Observed<ServiceFacts>& one : all) {
      one.took = steady_now() - start;
    }
    return all;
  }

 private:
  std::vector<Observed<ServiceFacts>> for_all(const Observed<ServiceFacts>& one) const {
    return std::vector<Observed<ServiceFacts>>(context_.plan.models.size(), one);
  }

  // What every start has in common; why the server cannot be started.
  std::optional<Absence> prepare() {
    const auto refused = [](std::string why) {
      return Absence{.kind = AbsenceKind::refused, .detail = std::move(why)};
    };
    const TargetDeclaration& target = context_.plan.target;
    if (is_locked_away(target_.archive)) {
      return target_.package.absence;
    }
    if (service_.predict) {
      auto body = read_predict_body(*service_.predict);
      if (!body) {
        return refused(body.error().describe());
      }
      common_.predict = service_.predict->path;
      common_.predict_body = std::move(*body);
    }
    if (auto obstacle = read_environment()) {
      return refused(*obstacle);
    }
    const auto interpreter = find_interpreter(target, environment_);
    common_.interpreter = interpreter ? interpreter->path : "";
    common_.command = service_.command.empty() ? usual_command() : service_.command;
    if (common_.command.empty()) {
      return refused(
          "the config names no `command:`, and the sources of the entry point have no web application that "
          "uvicorn "
          "could be given; name it in `service: command:`");
    }
    if (!interpreter && common_.command.contains("python")) {
      return Absence{.kind = AbsenceKind::missing, .detail = interpreter.error().message};
    }
    add_path();
    common_.root = target.package;
    const std::string application = application_in(common_.command);
    common_.folder =
        import_roots(target,
                     application.empty() ? context_.plan.models.front().declaration.factory : application)
            .front();
    common_.placed = placed_folders(target);
    common_.writable = target.writable;
    common_.allow = service_.network.allow;
    common_.stubs = service_.stubs;
    common_.readiness = service_.readiness;
    common_.liveness = service_.liveness;
    common_.answer_patience = std::min(kAnswerPatience, context_.settings.step_timeout);
    common_.stop_patience = longest_grace() + kBeyondGrace;
    find_files();
    common_.ready_patience = context_.settings.step_timeout + reading_time(model_bytes_);
    return std::nullopt;
  }

  std::optional<std::string> read_environment() {
    std::map<std::string, std::string> variables{{"LANG", "C.UTF-8"}};
    if (!service_.env_file.empty()) {
      auto text = read_file(service_.env_file, kMostEnvironmentBytes);
      if (!text) {
        return std::format("`service.env_file` cannot be read: {}", text.error().describe());
      }
      read_environment_lines(*text, variables);
    }
    for (const auto& [name, value] : service_.env) {
      variables[name] = value;
    }
    for (const auto& [name, value] : variables) {
      environment_.push_back(name + "=" + value);
    }
    return std::nullopt;
  }

  void add_path() {
    if (std::ranges::any_of(environment_,
                            [](const std::string& entry) { return entry.starts_with("PATH="); })) {
      return;
    }
    const std::string own = common_.interpreter.substr(0, common_.interpreter.rfind('/') + 1);
    environment_.push_back(
        std::format("PATH={}{}/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", own,
                    own.empty() ? "" : ":"));
  }

  // uvicorn with the application of the entry point; empty when the sources have none.
  std::string usual_command() {
    const SourceFacts* sources = nullptr;
    const auto seen = observe_source(context_, context_.plan.models.front().declaration, nullptr);
    sources = seen ? &*seen : nullptr;
    if (sources == nullptr || sources->applications.empty()) {
      return "";
    }
    const SourceApplicationFacts& application = sources->applications.front();
    return std::format("uvicorn {}:{} --host {{host}} --port {{port}}", application.module, application.name);
  }

  // The longest that a judged `service-stop` may be asked about.
  Duration longest_grace() const {
    Duration grace = kDockerGrace;
    for (const PlannedModel& model : context_.plan.models) {
      const auto check = std::ranges::find(model.checks, std::string("service-stop"), &PlannedCheck::id);
      if (check != model.checks.end() && check->options.contains("grace") &&
          check->options["grace"].is_number()) {
        return Duration::from_seconds(check->options["grace"].get<double>());
      }
    }
    std::optional<Duration> shortest;
    for (const PatienceFacts& one :
         target_.package ? target_.package->patience : std::vector<PatienceFacts>{}) {
      if (one.kind == PatienceKind::stop) {
        shortest = std::min(shortest.value_or(one.time), one.time);
      }
    }
    return std::max(grace, shortest.value_or(grace));
  }

  // A regular file that the config names, with what the package probe saw of it.
  const PathFacts* file_named(const std::string& key) const {
    const PathFacts* path = target_.package ? target_.package->find(key) : nullptr;
    return path != nullptr && path->kind == FileKind::regular ? path : nullptr;
  }

  void find_files() {
    const auto watch = [&](const std::string& key) {
      const PathFacts* path = file_named(key);
      if (path != nullptr && std::ranges::find(common_.watched, path->path) == common_.watched.end()) {
        common_.watched.push_back(path->path);
        model_bytes_ += path->bytes;
      }
    };
    for (const PlannedModel& model : context_.plan.models) {
      const std::string key = child_path("models", model.name);
      watch(child_path(key, "path"));
      watch(child_path(child_path(key, "labels"), "path"));
      for (std::size_t i = 0; i < model.declaration.conversions.size(); ++i) {
        watch(child_path(item_path(child_path(key, "conversions"), i), "path"));
      }
    }
  }

  std::vector<DamagedFile> damaged_files(const PlannedModel& model) const {
    std::vector<DamagedFile> files;
    const std::string key = child_path("models", model.name);
    const auto add = [&](const std::string& path_key, bool labels) {
      if (const PathFacts* path = file_named(path_key)) {
        files.push_back({.path = path->path, .bytes = path->bytes, .labels = labels});
      }
    };
    add(child_path(key, "path"), false);
    if (model.declaration.labels && model.declaration.labels->from == LabelSource::file) {
      add(child_path(child_path(key, "labels"), "path"), true);
    }
    return files;
  }

  bool opened(const std::string& path) const {
    return std::ranges::contains(healthy_.start.opened, path, &OpenedByServiceFacts::path);
  }

  bool opens_file_of(const PlannedModel& model) const {
    const std::string key = child_path("models", model.name);
    std::vector<std::string> keys{child_path(key, "path")};
    for (std::size_t i = 0; i < model.declaration.conversions.size(); ++i) {
      keys.push_back(child_path(item_path(child_path(key, "conversions"), i), "path"));
    }
    return std::ranges::any_of(keys, [&](const std::string& one) {
      const PathFacts* path = file_named(one);
      return path != nullptr && opened(path->path);
    });
  }

  bool is_judged_elsewhere(const PlannedModel& model) const {
    return !opens_file_of(model) && std::ranges::any_of(context_.plan.models, [&](const PlannedModel& other) {
      return opens_file_of(other);
    });
  }

  Absence judged_elsewhere(const PlannedModel& model) const {
    const auto other = std::ranges::find_if(context_.plan.models,
                                            [&](const PlannedModel& one) { return opens_file_of(one); });
    return {.kind = AbsenceKind::not_requested,
            .detail = std::format("the server is judged with `{}`; it did not open the file of `{}`",
                                  printable(other->name), printable(model.name))};
  }

  ServiceFacts facts_of_healthy() const {
    return {.command = healthy_.command,
            .readiness = healthy_.readiness,
            .liveness = service_.liveness,
            .readiness_found = healthy_.readiness_found,
            .unprotected = healthy_.unprotected,
            .healthy = healthy_.start,
            .interrupted = Observed<StartFacts>::none(blocked("the server was not started for it"))};
  }

  ServiceRequest request_for(const DamagedFile& file, Damage damage = Damage::none) const {
    ServiceRequest request = common_;
    request.damage = damage;
    request.file = damage == Damage::none ? "" : file.path;
    request.labels = file.labels;
    if (!healthy_.readiness.empty()) {
      request.readiness = healthy_.readiness;
    }
    request.usual_start = healthy_.start.ready.value_or(Duration{});
    request.loads_first = std::ranges::any_of(healthy_.start.opened, [&](const OpenedByServiceFacts& opened) {
      return opened.path == file.path && healthy_.start.listening && opened.at < *healthy_.start.listening;
    });
    return request;
  }

  // As many starts at a time as there are cores and memory for.
  std::size_t side_by_side() const {
    const auto jobs = static_cast<std::uint64_t>(std::max(context_.plan.jobs, 1));
    const std::uint64_t memory = runtime_memory(context_.settings, target_.host);
    const auto each = static_cast<std::uint64_t>(kMemoryRoom * static_cast<double>(healthy_.start.memory));
    return static_cast<std::size_t>(
        memory == 0 || each == 0 ? jobs : std::clamp<std::uint64_t>(memory / each, 1, jobs));
  }

  // One of the damaged starts, and where its facts go.
  struct Planned {
    DamagedStart* start = nullptr;
    std::string model;
  };

  void start_with_damages(std::vector<Observed<ServiceFacts>>& all) {
    std::vector<std::vector<DamagedStart>> damaged(all.size());
    std::vector<Planned> planned;
    for (std::size_t i = 0; i < all.size(); ++i) {
      const PlannedModel& model = context_.plan.models[i];
      for (const DamagedFile& file : all[i] ? damaged_files(model) : std::vector<DamagedFile>{}) {
        for (const Damage damage : kModelDamages) {
          if (!file.labels || damage == Damage::missing) {
            damaged[i].push_back({.damage = damage, .file = file.path, .labels = file.labels});
          }
        }
      }
      for (DamagedStart& start : damaged[i]) {
        planned.push_back({.start = &start, .model = model.name});
      }
    }
    Observed<StartFacts> interrupted = Observed<StartFacts>::none({});
    make_starts(planned, interrupted);
    starts_->close_fork_server();
    if (is_late(interrupted) && !context_.interrupted()) {
      // On busy cores nothing is quick: once more, alone.
      interrupted = start_interrupted(false, true);
    }
    for (std::size_t i = 0; i < all.size(); ++i) {
      if (all[i]) {
        all[i].value->damaged = std::move(damaged[i]);
        all[i].value->interrupted = interrupted;
        all[i].value->in_copy = in_copy_;
      }
    }
  }

  // The first damage is shown both ways, by a start of its own and by a fork: unless both show the same, what forks
  // showed is shown again by starts of their own.
  void make_starts(const std::vector<Planned>& planned, Observed<StartFacts>& interrupted) {
    const std::size_t at_a_time = side_by_side();
    std::promise<bool> opened;
    const std::shared_future<bool> can_fork = opened.get_future().share();
    DamagedStart compared;
    std::vector<std::function<void()>> work;
    if (!planned.empty()) {
      compared = *planned.front().start;
      work.emplace_back([&] { start_damaged(planned.front(), false); });
    }
    work.emplace_back([&] { opened.set_value(planned.size() > 1 && open_fork_server(at_a_time)); });
    work.emplace_back([&] { interrupted = start_interrupted(can_fork.get()); });
    if (!planned.empty()) {
      work.emplace_back([&] {
        if (can_fork.get() && !fork_failed_) {
          start_damaged({.start = &compared, .model = planned.front().model}, true);
        }
      });
    }
    for (std::size_t i = 1; i < planned.size(); ++i) {
      work.emplace_back([&, i] { start_damaged(planned[i], can_fork.get()); });
    }
    run_side_by_side(work, at_a_time);
    if (planned.empty() ||
        (is_forked(compared.start) && is_alike(planned.front().start->start, compared.start))) {
      return;
    }
    work.clear();
    if (is_forked(interrupted)) {
      work.emplace_back([&] { interrupted = start_interrupted(false); });
    }
    for (const Planned& one : planned) {
      if (is_forked(one.start->start)) {
        work.emplace_back([&] { start_damaged(one, false); });
      }
    }
    run_side_by_side(work, at_a_time);
  }

  static bool is_forked(const Observed<StartFacts>& start) { return start && start->forked; }

  bool open_fork_server(std::size_t at_a_time) {
    return starts_->open_fork_server(request_for({}),
                                     at_a_time * runtime_memory(context_.settings, target_.host));
  }

  static bool is_alike(const Observed<StartFacts>& one, const Observed<StartFacts>& other) {
    const auto ways = [](const StartFacts& start) {
      std::map<AskedFor, std::uint32_t> last;
      for (const AnswerFacts& answer : start.answers) {
        last[answer.asked_for] = answer.status;
      }
      return std::tuple{
          start.ready.has_value(), start.listening.has_value(), start.opened.empty(),
          start.ended ? std::optional(std::pair(start.ended->status, start.ended->signal)) : std::nullopt,
          last};
    };
    return one && other && ways(*one.value) == ways(*other.value);
  }

  static bool is_late(const Observed<StartFacts>& start) {
    return start && std::ranges::any_of(start->stops, [](const StopFacts& stop) { return !stop.took; });
  }

  static void run_side_by_side(const std::vector<std::function<void()>>& work, std::size_t at_a_time) {
    std::atomic<std::size_t> next = 0;
    const auto take = [&] {
      for (std::size_t i = next++; i < work.size(); i = next++) {
        work[i]();
      }
    };
    std::vector<std::jthread> helpers;
    for (std::size_t i = 1; i < std::min(at_a_time, work.size()); ++i) {
      try {
        helpers.emplace_back(take);
      } catch (const std::system_error&) {
        break;
      }
    }
    take();
  }

  // By a fork, and by a start of its own where that gives no facts; then no more is asked of the fork server.
  ServiceStart start_service(const ServiceRequest& request, bool by_fork, bool alone) {
    if (by_fork && !fork_failed_) {
      ServiceStart start = starts_->fork(request);
      if (start.answer || context_.interrupted()) {
        return start;
      }
      fork_failed_ = true;
    }
    return starts_->start(request, alone);
  }

  Observed<StartFacts> start_interrupted(bool by_fork, bool alone = false) {
    context_.progress("stopping the server while it loads");
    ServiceRequest request = request_for({});
    request.stop_while_loading = true;
    // Without a file that is opened, when it loads is only known of a start of its own.
    ServiceStart start = start_service(request, by_fork && !healthy_.start.opened.empty(), alone);
    return start.answer ? Observed<StartFacts>::seen(std::move(start.answer->start), start.took)
                        : Observed<StartFacts>::none(*start.absence, start.took);
  }

  void start_damaged(const Planned& planned, bool by_fork) {
    DamagedStart& damaged = *planned.start;
    context_.progress(std::format("{}: starting the server with {} {}", planned.model,
                                  damaged.labels ? "its label file" : "its model file",
                                  damage_words(damaged.damage)));
    if (context_.interrupted()) {
      damaged.start = Observed<StartFacts>::none(
          {.kind = AbsenceKind::blocked, .detail = std::string(kInterruptedWords)});
      return;
    }
    ServiceStart start = start_service(
        request_for({.path = damaged.file, .labels = damaged.labels}, damaged.damage), by_fork, false);
    if (start.answer) {
      in_copy_ = in_copy_ || start.answer->in_copy;
      damaged.start = Observed<StartFacts>::seen(std::move(start.answer->start), start.took);
    } else {
      damaged.start = Observed<StartFacts>::none(*start.absence, start.took);
    }
  }

  RunContext& context_;
  const TargetFacts& target_;
  const ServiceDeclaration& service_;
  std::vector<std::string> environment_;
  ServiceRequest common_;
  std::uint64_t model_bytes_ = 0;
  std::optional<ServiceStarts> starts_;
  ServiceAnswer healthy_;
  std::atomic<bool> in_copy_ = false;
  std::atomic<bool> fork_failed_ = false;
};

}  // namespace

std::vector<Observed<ServiceFacts>> observe_service(RunContext& context, const TargetFacts& target) {
  const bool wanted = context.plan.service.has_value() && !context.plan.models.empty() &&
                      std::ranges::any_of(context.plan.models,
                                          [](const PlannedModel& model) { return needs_of(model).service; });
  if (!wanted) {
    return std::vector<Observed<ServiceFacts>>(context.plan.models.size());
  }
  return ServiceObserver(context, target).observe();
}

}  // namespace runup
