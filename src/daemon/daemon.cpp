// SPDX-License-Identifier: Apache-2.0
#include "daemon/daemon.h"

#include <sys/timerfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <format>
#include <functional>

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>

#include "base/text.h"
#include "daemon/api.h"
#include "daemon/audit.h"
#include "daemon/audit_journal.h"
#include "daemon/http_server.h"
#include "daemon/journal.h"
#include "daemon/notify.h"
#include "daemon/targets.h"

namespace runup {

namespace {

namespace asio = boost::asio;

constexpr int kCannotListen = 1;
// The runner bounds each step of an audit; this bounds an audit that goes on for ever all the same.
constexpr Duration kMostAudit = Duration::from_milliseconds(std::int64_t{2} * 3'600'000);
constexpr Duration kMostEnd = Duration::from_milliseconds(60'000);

void arm(int timer, int flags, std::int64_t nanoseconds) {
  const itimerspec when{
      .it_interval = {},
      .it_value = {.tv_sec = nanoseconds / 1'000'000'000, .tv_nsec = nanoseconds % 1'000'000'000}};
  ::timerfd_settime(timer, flags, &when, nullptr);
}

class Daemon {
 public:
  explicit Daemon(const DaemonSettings& settings)
      : settings_(settings),
        targets_(settings.history),
        signals_(io_, SIGTERM, SIGINT, SIGHUP),
        due_(io_, ::timerfd_create(CLOCK_BOOTTIME, TFD_NONBLOCK | TFD_CLOEXEC)),
        clock_set_(io_, ::timerfd_create(CLOCK_REALTIME, TFD_NONBLOCK | TFD_CLOEXEC)),
        watchdog_(io_),
        server_(io_, [this](const HttpQuestion& question) { return answer(question); }) {
    if (watcher_.fd() >= 0) {
      changes_.emplace(io_, ::dup(watcher_.fd()));
    }
  }

  int run(std::vector<ConfigFile> files) {
    if (auto listening = listen(); !listening) {
      journal(Priority::error, listening.error().describe());
      return kCannotListen;
    }
    targets_.take(std::move(files), moment());
    watch();
    on_signal();
    on_due();
    on_clock_set();
    on_change();
    keep_alive();
    go_on();
    notify_ready(status());
    for (const auto& target : targets_.all()) {
      journal(Priority::info,
              std::format("{}: {}", target->state.name, gate_of(target->state, moment()).reason),
              {{"RUNUP_TARGET", target->state.name}});
    }
    io_.run();
    return 0;
  }

 private:
  Result<void> listen() {
    if (!settings_.socket.empty()) {
      if (auto done = server_.listen_unix(settings_.socket); !done) {
        return done;
      }
    }
    return settings_.listen.empty() ? Result<void>{} : server_.listen_tcp(settings_.listen);
  }

  void watch() {
    watcher_.watch(targets_.watched());
    if (watcher_.problem() != watch_problem_) {
      watch_problem_ = watcher_.problem();
      journal(Priority::warning, watch_problem_);
    }
  }

  Moment moment() const { return settings_.clock(); }

  // ---- events ----

  void on_signal() {
    signals_.async_wait([this](const boost::system::error_code& error, int number) {
      if (error) {
        return;
      }
      if (number == SIGHUP) {
        reload();
        on_signal();
      } else {
        stop();
      }
    });
  }

  void on_due() {
    due_.async_wait(asio::posix::stream_descriptor::wait_read,
                    [this](const boost::system::error_code& error) {
                      if (!error) {
                        std::uint64_t times = 0;
                        [[maybe_unused]] const auto got = ::read(due_.native_handle(), &times, sizeof times);
                        go_on();
                        on_due();
                      }
                    });
  }

  // A timer that never rings, and is cancelled when somebody sets the clock (timerfd_create(2)).
  void on_clock_set() {
    arm(clock_set_.native_handle(), TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, INT64_MAX / 2);
    clock_set_.async_wait(
        asio::posix::stream_descriptor::wait_read, [this](const boost::system::error_code& error) {
          if (error) {
            return;
          }
          std::uint64_t times = 0;
          [[maybe_unused]] const auto got = ::read(clock_set_.native_handle(), &times, sizeof times);
          for (const auto& target : targets_.all()) {
            if (target->schedule) {
              target->schedule->clock_was_set(moment());
            }
          }
          go_on();
          on_clock_set();
        });
  }

  void on_change() {
    if (!changes_) {
      return;
    }
    changes_->async_wait(asio::posix::stream_descriptor::wait_read,
                         [this](const boost::system::error_code& error) {
                           if (error) {
                             return;
                           }
                           const Moment at = moment();
                           for (const std::string& name : watcher_.take_changes()) {
                             if (Target* target = targets_.find(name)) {
                               target->change.happened(at.boot);
                             }
                           }
                           go_on();
                           on_change();
                         });
  }

  void keep_alive() {
    if (const auto interval = watchdog_interval()) {
      notify_watchdog();
      watchdog_.expires_after(std::chrono::nanoseconds(interval->nanoseconds));
      watchdog_.async_wait([this](const boost::system::error_code& error) {
        if (!error) {
          keep_alive();
        }
      });
    }
  }

  // ---- what there is to do ----

  // Everything that is due now, and the timer for what is next.
  void go_on() {
    const Moment at = moment();
    for (const auto& target : targets_.all()) {
      if (target->change.is_waiting() && target->change.due() <= at.boot) {
        settle_change(*target);
      }
      if (target->plan && target->schedule && target->schedule->is_due(at) && target->wanted.empty()) {
        target->wanted = "its time";
      }
      tell(*target, at);
    }
    Duration wait = Duration::from_seconds(24.0 * 3600);
    start_next();
    end_endless(at, wait);
    for (const auto& target : targets_.all()) {
      if (target->change.is_waiting()) {
        wait = std::min(wait, Duration{std::max<std::int64_t>(target->change.due() - at.boot, 0)});
      }
      if (target->schedule && target->wanted.empty() && audited_ != target.get()) {
        wait = std::min(wait, target->schedule->wait(at));
      }
    }
    const double real = static_cast<double>(wait.nanoseconds) / settings_.clock_speed;
    arm(due_.native_handle(), 0, std::max<std::int64_t>(static_cast<std::int64_t>(real), 1));
  }

  // `wait` is shortened to when it has to be looked at again.
  void end_endless(const Moment& at, Duration& wait) {
    if (!process_) {
      return;
    }
    const Duration runs{at.boot - audit_began_};
    if (runs >= kMostAudit + kMostEnd) {
      wait = {};
      answer_.reset();
      process_.reset();
      audited_ = nullptr;
      if (Target* target = targets_.find(audited_name_)) {
        fail_audit(*target,
                   Error{.code = ErrorCode::limit,
                         .message = std::format("it did not end within {}", format_duration(kMostAudit))});
      }
    } else if (runs >= kMostAudit) {
      process_->interrupt();
      wait = std::min(wait, kMostAudit + kMostEnd - runs);
    } else {
      wait = std::min(wait, kMostAudit - runs);
    }
  }

  static void tell(Target& target, const Moment& at) {
    target.state.pending = target.state.running ? target.state.pending : target.wanted;
    target.state.next_wall = target.schedule ? at.wall + target.schedule->wait(at).nanoseconds : 0;
  }

  void settle_change(Target& target) {
    target.change.clear();
    target.wanted = "a watched file changed";
    // Whatever changed, the file is read again: that is quick, and the same config is the same plan.
    targets_.take_one(load_file(target.state.config), moment());
    watch();
  }

  void start_next() {
    if (process_) {
      return;
    }
    // The one that waits longest: those that were asked for come before those whose time it is.
    const auto waits = [](const auto& target) { return !target->wanted.empty() && target->plan; };
    auto next = std::ranges::find_if(
        targets_.all(), [&](const auto& target) { return waits(target) && target->wanted != "its time"; });
    next = next == targets_.all().end() ? std::ranges::find_if(targets_.all(), waits) : next;
    if (next == targets_.all().end()) {
      return;
    }
    Target& target = **next;
    target.state.pending = std::exchange(target.wanted, "");
    target.schedule->begin(moment());
    auto started = AuditProcess::start(
        *target.plan, {.probe_folder = settings_.probe_folder, .history = settings_.history});
    if (!started) {
      fail_audit(target, started.error());
      return;
    }
    target.state.running = true;
    audited_ = &target;
    audited_name_ = target.state.name;
    audit_began_ = moment().boot;
    process_.emplace(std::move(*started));
    answer_.emplace(io_, ::dup(process_->fd()));
    on_answer();
  }

  void on_answer() {
    answer_->async_wait(asio::posix::stream_descriptor::wait_read,
                        [this](const boost::system::error_code& error) {
                          if (error) {
                            return;
                          }
                          auto result = process_->take();
                          if (!result) {
                            on_answer();
                            return;
                          }
                          answer_.reset();
                          process_.reset();
                          audited_ = nullptr;
                          // It may be gone after a reload.
                          if (Target* target = targets_.find(audited_name_)) {
                            target->state.running = false;
                            target->state.pending.clear();
                            if (*result) {
                              end_audit(*target, std::move(**result));
                            } else {
                              fail_audit(*target, result->error());
                            }
                          }
                          notify_status(status());
                          go_on();
                        });
  }

  void end_audit(Target& target, AuditResult result) {
    TargetState& state = target.state;
    journal_audit(state, result);
    history_works_ = result.history_problem.empty();
    ++state.audits[result.verdict];
    state.audit_problem.clear();
    state.last_boot = moment().boot;
    state.last = std::move(result);
  }

  static void fail_audit(Target& target, const Error& error) {
    TargetState& state = target.state;
    ++state.failed_audits;
    state.running = false;
    state.pending.clear();
    state.audit_problem = "the last audit gave no report: " + error.describe();
    journal(Priority::error, std::format("{}: {}", state.name, state.audit_problem),
            {{"RUNUP_TARGET", state.name}});
  }

  void reload() {
    notify_reloading();
    auto files = load_folder(settings_.config_folder);
    if (!files) {
      journal(Priority::error, files.error().describe() + "; what was read before stays in use");
    } else {
      targets_.take(std::move(*files), moment());
      // The one that is audited may have gone.
      Target* audited = process_ ? targets_.find(audited_name_) : nullptr;
      audited_ = audited;
      watch();
    }
    journal(Priority::info, std::format("read `{}` again: {}", settings_.config_folder, status()));
    notify_ready(status());
    go_on();
  }

  void stop() {
    notify_stopping();
    server_.close();
    // The audit's process goes with it.
    process_.reset();
    io_.stop();
  }

  HttpReply answer(const HttpQuestion& question) {
    return answer_api(question, targets_, moment(), history_works_, [this](Target& target) {
      if (target.wanted.empty() && !target.state.running) {
        target.wanted = "POST /audit";
        go_on();
      }
    });
  }

  // "3 targets: 2 open, 1 closed"
  std::string status() {
    std::size_t open = 0;
    for (const auto& target : targets_.all()) {
      open += gate_of(target->state, moment()).open ? 1 : 0;
    }
    const std::size_t all = targets_.all().size();
    return std::format("{}: {} ready, {} not", count_of(all, "target", "targets"), open, all - open);
  }

  const DaemonSettings& settings_;
  Targets targets_;
  FileWatcher watcher_;
  std::string watch_problem_;
  asio::io_context io_{1};
  asio::signal_set signals_;
  asio::posix::stream_descriptor due_;
  asio::posix::stream_descriptor clock_set_;
  std::optional<asio::posix::stream_descriptor> changes_;
  asio::steady_timer watchdog_;
  HttpServer server_;
  std::optional<AuditProcess> process_;
  std::optional<asio::posix::stream_descriptor> answer_;
  const Target* audited_ = nullptr;
  std::string audited_name_;
  std::int64_t audit_began_ = 0;
  bool history_works_ = true;
};

}  // namespace

int run_daemon(const DaemonSettings& settings) {
  auto files = load_folder(settings.config_folder);
  if (!files) {
    journal(Priority::error, files.error().describe());
    return static_cast<int>(ExitCode::bad_config);
  }
  return Daemon(settings).run(std::move(*files));
}

}  // namespace runup
