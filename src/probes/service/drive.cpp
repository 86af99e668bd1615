// SPDX-License-Identifier: Apache-2.0
#include "probes/service/drive.h"

#include <sys/wait.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <csignal>
#include <functional>
#include <mutex>
#include <thread>
#include <utility>

#include "probes/service/http.h"
#include "probes/service/questions.h"
#include "probes/supervisor/processes.h"

namespace runup {

namespace {

constexpr Duration kTick = Duration::from_milliseconds(20);
// Between two questions before the server is ready: a tenth of the time that it took so far, within these.
constexpr Duration kSoonest = Duration::from_milliseconds(50);
constexpr Duration kLatest = Duration::from_milliseconds(500);
// How long predictions run beside health, and how many at a time.
constexpr Duration kBusyTime = Duration::from_milliseconds(400);
constexpr std::size_t kConcurrent = 4;
constexpr std::uint64_t kMostPredictions = 200;
constexpr Duration kHealthInterval = Duration::from_milliseconds(100);
constexpr std::size_t kMostRoutes = 50;
constexpr Duration kRoutesTime = Duration::from_milliseconds(20'000);
constexpr std::size_t kMostAnswers = 40;
constexpr std::size_t kMostLeft = 10;
// A damaged start says its last word within this many times the healthy start, and a bit: cores are shared then.
constexpr double kSettled = 2.0;
constexpr double kHangs = 4.0;
constexpr Duration kSettleRoom = Duration::from_milliseconds(500);
constexpr Duration kHangRoom = Duration::from_milliseconds(5'000);
// A start is stopped while it loads when the model is opened, else after this part of the usual time.
constexpr double kLoading = 0.6;

Duration times(double factor, Duration time) { return Duration::from_seconds(factor * time.seconds()); }

class Drive {
 public:
  Drive(const ServiceRequest& request, LaunchedService service, FileWatch files,
        const Surroundings& surroundings, std::uint16_t port, Duration started)
      : request_(request),
        surroundings_(surroundings),
        port_(port),
        started_(started),
        main_(service.process),
        processes_(service.process, std::move(service.forked_by)),
        files_(std::move(files)),
        log_(std::move(service.output)),
        own_ports_(surroundings.own_network() ? std::vector<std::uint16_t>{}
                                              : listening_ports(surroundings)) {
    answer_.command = std::move(service.command);
    answer_.readiness = request.readiness;
    facts().damage = request.damage;
    facts().file = request.file;
    facts().labels = request.labels;
    facts().interrupted = request.stop_while_loading;
  }

  ServiceAnswer run() {
    if (request_.stop_while_loading) {
      wait_until_it_loads();
      stop(StopMoment::loading, {});
    } else {
      wait_until_it_answers();
      take_stock();
      if (!facts().ended && facts().listening) {
        ask_everything();
      }
      note_end();
      if (is_healthy_start() && !facts().ended && facts().listening) {
        stop_while_predicting();
      }
    }
    end_everything();
    return std::move(answer_);
  }

 private:
  StartFacts& facts() { return answer_.start; }
  Duration now() const { return steady_now() - started_; }
  bool is_healthy_start() const { return request_.damage == Damage::none; }

  // Looks at processes and files; false once the server has ended by itself.
  bool tick() {
    files_.look(now());
    note_end();
    return !facts().ended;
  }

  void pause() const { std::this_thread::sleep_for(std::chrono::nanoseconds(kTick.nanoseconds)); }

  void note_end() {
    processes_.look();
    const auto& status = processes_.main_status();
    if (status && !facts().ended && !stopping_) {
      facts().ended = ServiceEndFacts{.status = WIFEXITED(*status) ? WEXITSTATUS(*status) : 0,
                                      .signal = WIFSIGNALED(*status) ? WTERMSIG(*status) : 0,
                                      .at = now()};
    }
  }

  // The server's port, once it listens: the one that it was given, else the only new one, or the first that is not
  // the port of a health path.
  bool is_listening() {
    if (facts().listening) {
      return true;
    }
    std::vector<std::uint16_t> ports = listening_ports(surroundings_);
    std::erase_if(
        ports, [&](std::uint16_t port) { return std::ranges::find(own_ports_, port) != own_ports_.end(); });
    if (std::ranges::find(ports, port_) == ports.end()) {
      if (request_.command.contains("{port}")) {
        return false;
      }
      std::erase_if(ports, [&](std::uint16_t port) {
        return port == read_url_path(request_.readiness).port ||
               port == read_url_path(request_.liveness).port;
      });
      if (ports.empty()) {
        return false;
      }
      port_ = ports.front();
    }
    facts().listening = now();
    return true;
  }

  // Health on another port may answer before the server itself listens.
  bool can_ask_readiness() {
    const std::uint16_t port = read_url_path(request_.readiness).port;
    return is_listening() || (port != 0 && std::ranges::contains(listening_ports(surroundings_), port));
  }

  AnswerFacts put(AskedFor asked_for, const std::string& path, Duration patience) const {
    return ask({.asked_for = asked_for, .path = path, .patience = patience}, port_, started_);
  }

  AnswerFacts predict(Duration patience) const {
    return ask({.asked_for = AskedFor::predict,
                .path = request_.predict,
                .post = true,
                .body = request_.predict_body,
                .patience = patience},
               port_, started_);
  }

  // Answers that repeat are kept once, as the last one.
  void keep(AnswerFacts answer) {
    auto& answers = facts().answers;
    const auto same = [&](const AnswerFacts& other) {
      return other.asked_for == answer.asked_for && other.path == answer.path &&
             other.status == answer.status && other.error == answer.error && other.body == answer.body;
    };
    if (answers.size() >= 2 && same(answers.back()) && same(answers[answers.size() - 2])) {
      answers.back() = std::move(answer);
    } else if (answers.size() < kMostAnswers || answer.asked_for != AskedFor::readiness) {
      answers.push_back(std::move(answer));
    } else {
      answers.back() = std::move(answer);
    }
  }

  // Asks readiness once; true when the server says that it is ready.
  bool ask_readiness() {
    const Duration left = request_.ready_patience - now();
    const Duration patience = std::max(std::min(request_.answer_patience, left), kSoonest);
    if (answer_.readiness.empty()) {
      return find_readiness(patience);
    }
    AnswerFacts answer = put(AskedFor::readiness, answer_.readiness, patience);
    const bool ready = is_2xx(answer);
    keep(std::move(answer));
    return ready;
  }

  // No readiness is named: the first usual path that the server has, else any answer at all.
  bool find_readiness(Duration patience) {
    for (const std::string_view path : kUsualReadiness) {
      AnswerFacts answer = put(AskedFor::readiness, std::string(path), patience);
      if (answer.status == 0) {
        return false;
      }
      if (answer.status != 404 && answer.status != 405) {
        answer_.readiness = path;
        answer_.readiness_found = true;
        const bool ready = is_2xx(answer);
        keep(std::move(answer));
        return ready;
      }
    }
    return true;
  }

  // How long this start may take before it says its last word, and until it is told a hang.
  Duration patience_to_answer() const {
    if (is_healthy_start()) {
      return request_.ready_patience;
    }
    // What a busy host keeps from it is no hang.
    const Duration usual = times(kHangs, request_.usual_start) + kHangRoom;
    return std::min(request_.ready_patience, usual + std::min(processes_.queued(), usual + usual));
  }
  // One that answers is waited for until it had the time to load what it loads beside answering.
  Duration settled_after() const {
    if (is_healthy_start()) {
      return request_.ready_patience;
    }
    return request_.loads_first
               ? Duration{}
               : std::min(patience_to_answer(), times(kSettled, request_.usual_start) + kSettleRoom);
  }

  void wait_until_it_answers() {
    Duration next;
    bool answered = false;
    while (tick() && now() < (answered ? settled_after() : patience_to_answer())) {
      if (now() < next || !can_ask_readiness()) {
        pause();
        continue;
      }
      // Health on another port may be there before the server is.
      if (ask_readiness() && is_listening()) {
        facts().ready = now();
        if (is_healthy_start() || now() >= settled_after()) {
          break;
        }
      } else {
        facts().ready.reset();
      }
      answered =
          answered || (facts().listening && !facts().answers.empty() && facts().answers.back().status != 0);
      next = now() + std::clamp(times(0.1, now()), kSoonest, is_healthy_start() ? kSoonest : kLatest);
    }
    facts().waited = now();
  }

  void take_stock() {
    processes_.look();
    facts().processes = processes_.running().size();
    facts().memory = is_healthy_start() ? shared_tree_memory(main_) : tree_memory(main_);
  }

  void ask_everything() {
    if (!request_.predict.empty()) {
      AnswerFacts answer = predict(is_healthy_start() ? request_.ready_patience : request_.answer_patience);
      prediction_took_ = answer.took;
      if (is_2xx(answer)) {
        facts().predicted = now();
      }
      keep(std::move(answer));
    }
    tick();
    if (!answer_.readiness.empty()) {
      keep(put(AskedFor::readiness, answer_.readiness, request_.answer_patience));
    }
    if (!request_.liveness.empty()) {
      keep(put(AskedFor::liveness, request_.liveness, request_.answer_patience));
    }
    if (is_healthy_start() && facts().ready) {
      ask_routes();
      if (facts().predicted && !answer_.readiness.empty()) {
        ask_while_busy();
      }
    }
    tick();
  }

  void ask_routes() {
    const HttpAnswer document =
        ask_http({.port = port_, .path = "/openapi.json", .patience = request_.answer_patience});
    const Duration end = now() + kRoutesTime;
    for (const std::string& route : document.status == 200 ? routes_of_openapi(document.body, kMostRoutes)
                                                           : std::vector<std::string>{}) {
      if (route != answer_.readiness && route != request_.liveness && now() < end) {
        facts().answers.push_back(put(AskedFor::route, route, request_.answer_patience));
      }
    }
  }

  // Predictions, as many at a time as there are threads, and readiness beside them.
  void ask_while_busy() {
    BusyHealthFacts busy{.concurrent = kConcurrent};
    std::mutex mutex;
    std::atomic<std::uint64_t> asked = 0;
    const Duration end = steady_now() + kBusyTime;
    std::atomic<std::size_t> running = kConcurrent;
    std::vector<std::jthread> threads;
    for (std::size_t i = 0; i < kConcurrent; ++i) {
      threads.emplace_back([&] {
        do {
          const AnswerFacts answer = predict(request_.ready_patience);
          const std::lock_guard lock(mutex);
          busy.predictions += is_2xx(answer) ? 1 : 0;
          busy.slowest_prediction = std::max(busy.slowest_prediction, answer.took);
        } while (steady_now() < end && ++asked < kMostPredictions);
        --running;
      });
    }
    while (running > 0) {
      const AnswerFacts answer = put(AskedFor::readiness, answer_.readiness, request_.answer_patience);
      ++busy.asked;
      busy.failed += is_2xx(answer) ? 0 : 1;
      busy.slowest = std::max(busy.slowest, answer.took);
      if (answer.took < kHealthInterval) {
        std::this_thread::sleep_for(std::chrono::nanoseconds((kHealthInterval - answer.took).nanoseconds));
      }
    }
    threads.clear();
    facts().busy = busy;
  }

  void wait_until_it_loads() {
    const Duration latest = times(kLoading, request_.usual_start);
    const bool by_file = !request_.watched.empty();
    while (tick() && now() < request_.ready_patience) {
      const bool opened = !files_.opened().empty();
      if (opened || (now() >= latest && !by_file) || now() >= times(2.0, request_.usual_start)) {
        break;
      }
      pause();
    }
  }

  void stop_while_predicting() {
    if (!facts().predicted) {
      stop(StopMoment::idle, {});
      return;
    }
    AnswerFacts answer;
    std::jthread asker([&] { answer = predict(request_.stop_patience); });
    // Somewhere in the middle of it.
    std::this_thread::sleep_for(std::chrono::nanoseconds(prediction_took_.nanoseconds / 2));
    stop(StopMoment::prediction, [&] {
      asker.join();
      facts().stops.back().answer = answer;
    });
  }

  void stop(StopMoment moment, const std::function<void()>& afterwards) {
    processes_.look();
    if (processes_.main_status()) {
      note_end();
      if (afterwards) {
        facts().stops.push_back({.moment = moment, .patience = request_.stop_patience});
        afterwards();
        facts().stops.pop_back();
      }
      return;
    }
    stopping_ = true;
    ::kill(main_, SIGTERM);
    const Duration sent = steady_now();
    StopFacts stop{.moment = moment, .patience = request_.stop_patience};
    while (true) {
      processes_.look();
      if (processes_.running().empty()) {
        stop.took = steady_now() - sent;
        break;
      }
      if (steady_now() - sent >= request_.stop_patience) {
        for (const pid_t process : processes_.running()) {
          if (stop.left.size() < kMostLeft) {
            stop.left.push_back(process_name(process));
          }
        }
        break;
      }
      pause();
    }
    facts().stops.push_back(std::move(stop));
    if (afterwards) {
      afterwards();
    }
  }

  void end_everything() {
    stopping_ = true;
    files_.look(now());
    for (int i = 0; i < 100; ++i) {
      processes_.look();
      if (processes_.running().empty()) {
        break;
      }
      for (const pid_t process : processes_.running()) {
        ::kill(process, SIGKILL);
      }
      pause();
    }
    facts().opened = files_.opened();
    facts().processes_seen = processes_.seen();
    facts().log = log_.text();
    facts().log_bytes = log_.bytes();
  }

  const ServiceRequest& request_;
  const Surroundings& surroundings_;
  std::uint16_t port_;
  Duration started_;
  pid_t main_;
  ProcessWatch processes_;
  FileWatch files_;
  LogReader log_;
  std::vector<std::uint16_t> own_ports_;
  ServiceAnswer answer_;
  Duration prediction_took_;
  bool stopping_ = false;
};

}  // namespace

ServiceAnswer drive(const ServiceRequest& request, LaunchedService service, FileWatch files,
                    const Surroundings& surroundings, std::uint16_t port, Duration started) {
  return Drive(request, std::move(service), std::move(files), surroundings, port, started).run();
}

}  // namespace runup
