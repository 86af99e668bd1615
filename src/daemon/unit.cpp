// SPDX-License-Identifier: Apache-2.0
#include "daemon/unit.h"

#include <systemd/sd-bus.h>

#include <cstdlib>
#include <cstring>
#include <format>
#include <memory>

namespace runup {

namespace {

constexpr const char* kSystemd = "org.freedesktop.systemd1";
constexpr const char* kUnit = "org.freedesktop.systemd1.Unit";
constexpr const char* kService = "org.freedesktop.systemd1.Service";
constexpr std::int64_t kNanosecondsPerMicrosecond = 1000;
constexpr std::uint64_t kPatienceMicroseconds = 5'000'000;

struct BusEnd {
  void operator()(sd_bus* bus) const { ::sd_bus_flush_close_unref(bus); }
};
struct TextEnd {
  void operator()(char* text) const { std::free(text); }
};

Observed<UnitFacts> unknown(std::string_view what, int error) {
  return Observed<UnitFacts>::none(
      {.kind = AbsenceKind::refused, .detail = std::format("{}: {}", what, std::strerror(-error))});
}

// An error's own words where the bus gave some.
class BusError {
 public:
  BusError() = default;
  ~BusError() { ::sd_bus_error_free(&error_); }
  BusError(const BusError&) = delete;
  BusError& operator=(const BusError&) = delete;
  BusError(BusError&&) = delete;
  BusError& operator=(BusError&&) = delete;
  sd_bus_error* get() { return &error_; }

 private:
  sd_bus_error error_ = SD_BUS_ERROR_NULL;
};

class Properties {
 public:
  Properties(sd_bus* bus, std::string path) : bus_(bus), path_(std::move(path)) {}

  std::string text(const char* interface, const char* name) {
    BusError error;
    char* value = nullptr;
    note(::sd_bus_get_property_string(bus_, kSystemd, path_.c_str(), interface, name, error.get(), &value));
    const std::unique_ptr<char, TextEnd> owner(value);
    return value == nullptr ? "" : value;
  }
  template <class Number>
  Number number(const char* interface, const char* name, char type) {
    BusError error;
    Number value{};
    note(::sd_bus_get_property_trivial(bus_, kSystemd, path_.c_str(), interface, name, error.get(), type,
                                       &value));
    return value;
  }
  // the first failure, negative; 0: none
  int problem() const { return problem_; }

 private:
  void note(int result) { problem_ = problem_ == 0 && result < 0 ? result : problem_; }
  sd_bus* bus_;
  std::string path_;
  int problem_ = 0;
};

}  // namespace

Observed<UnitFacts> ask_systemd(const std::string& unit) {
  const Duration start = steady_now();
  sd_bus* opened = nullptr;
  if (const int error = ::sd_bus_open_system(&opened); error < 0) {
    return unknown("the system bus cannot be reached", error);
  }
  const std::unique_ptr<sd_bus, BusEnd> bus(opened);
  ::sd_bus_set_method_call_timeout(bus.get(), kPatienceMicroseconds);
  char* made = nullptr;
  if (const int error = ::sd_bus_path_encode("/org/freedesktop/systemd1/unit", unit.c_str(), &made);
      error < 0) {
    return unknown(std::format("`{}` is no name of a unit", unit), error);
  }
  const std::unique_ptr<char, TextEnd> path(made);
  Properties properties(bus.get(), path.get());
  if (const std::string loaded = properties.text(kUnit, "LoadState");
      loaded != "loaded" && properties.problem() == 0) {
    return Observed<UnitFacts>::none(
        {.kind = AbsenceKind::refused,
         .detail = std::format("systemd has no unit `{}` ({}); correct `audit: unit:`", unit, loaded)});
  }
  UnitFacts facts{.name = unit,
                  .active = properties.text(kUnit, "ActiveState"),
                  .sub = properties.text(kUnit, "SubState"),
                  .main_pid = properties.number<std::uint32_t>(kService, "MainPID", 'u'),
                  .restarts = properties.number<std::uint32_t>(kService, "NRestarts", 'u')};
  const auto started = properties.number<std::uint64_t>(kService, "ExecMainStartTimestamp", 't');
  facts.started_ns =
      facts.main_pid == 0 ? 0 : static_cast<std::int64_t>(started) * kNanosecondsPerMicrosecond;
  if (properties.problem() < 0) {
    return unknown(std::format("systemd did not tell of `{}`", unit), properties.problem());
  }
  return Observed<UnitFacts>::seen(std::move(facts), steady_now() - start);
}

}  // namespace runup
