// SPDX-License-Identifier: Apache-2.0
#pragma once

// The targets of the config folder: their plans, when they are due, and what is known of them.

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "config/plan.h"
#include "daemon/config_folder.h"
#include "daemon/schedule.h"
#include "daemon/target.h"
#include "daemon/watch.h"

namespace runup {

struct Target {
  TargetState state;
  // the last good one
  std::optional<Plan> plan;
  std::optional<Schedule> schedule;
  // waiting for its turn, and why; empty: it is not
  std::string wanted;
  // a file changed, and has not settled
  Debounce change{Duration::from_milliseconds(2'000), Duration::from_milliseconds(30'000)};
  std::string changed;
  bool config_changed = false;
};

class Targets {
 public:
  // `history`: the path; empty: none.
  explicit Targets(std::string history) : history_(std::move(history)) {}

  // Takes the files' plans. A file that is bad keeps its last good plan, one that is gone takes its target along. What is
  // known of a target's audits stays; of a new one the history may know.
  void take(std::vector<ConfigFile> files, const Moment& now);
  // The same of one file that changed.
  void take_one(ConfigFile file, const Moment& now);

  std::vector<std::unique_ptr<Target>>& all() { return all_; }
  // null: there is none of this name
  Target* find(const std::string& name);
  std::vector<const TargetState*> states() const;
  // what is watched for each target: path -> names
  std::map<std::string, std::set<std::string>> watched() const;

 private:
  void apply(Target& target, ConfigFile file, const Moment& now);
  void remember(Target& target, const Moment& now) const;

  std::string history_;
  std::vector<std::unique_ptr<Target>> all_;
};

// A host's own part of a splay: the same for the same target on the same host.
Duration own_offset(Duration splay, const std::string& target);

}  // namespace runup
