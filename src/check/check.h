// SPDX-License-Identifier: Apache-2.0
#pragma once

// What a check is. Each folder checks/ID/ defines one constant `kCheck` of type CheckInfo in the
// namespace named like the folder with underscores:
//
//   namespace runup::checks::model_present {
//   struct Options { ...; static constexpr auto fields() {...} };
//   constexpr std::array kFindings{FindingInfo{"missing", Severity::error, "the file is not there"}};
//   std::vector<Experiment> plan(const ModelDeclaration& model, const Options& options);   // optional
//   Judgement judge(const Facts& facts, const Options& options);
//   extern const CheckInfo kCheck;
//   const CheckInfo kCheck = define_check<Options, judge>("model-present", kFindings, {.package = true});
//   // or define_check<Options, judge, plan>(...) when it asks for experiments
//   }
//
// CMake finds the folders and generates one sorted table of them; there is no other registration.

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/schema.h"
#include "check/outcome.h"
#include "facts/facts.h"

namespace runup {

// A finding that a check may report, with its default severity.
struct FindingInfo {
  std::string_view id;
  Severity severity = Severity::error;
  // a clause for lists and pages: "the file is a Git LFS pointer, not the model"
  std::string_view summary;
};

// Which facts a check reads. The plan starts only the probes that a selected check needs.
struct Needs {
  bool package = false;
  bool artifact = false;
  // what the numbers of the model file's tensors are like (TensorFacts::values): a pass over all of them
  bool values = false;
  bool host = false;
  // Facts::source
  bool source = false;
  bool runtime = false;
  // what the service's own interpreter made by the model's `factory:`, and in another folder once more
  // (LoadFacts::python of the first witness)
  bool predictor = false;
  // Facts::predictor_weights
  bool predictor_weights = false;
  // every conversion is judged as well, each as if it were the model (see Facts::conversions and
  // runner/conversions.h): the check itself sees one file at a time
  bool conversions = false;
  // Facts::parity and the conversions' `weights`; the check sees all files at once
  bool parity = false;
  // Facts::served: the started server, with the model's files as they are and damaged
  bool service = false;
  // Facts::standing: an audit's alone
  bool standing = false;
};

struct NoOptions {
  bool operator==(const NoOptions&) const = default;
  static constexpr auto fields() { return std::tuple{}; }
};

// A check with its option type erased. `options` is always JSON that passed validation against
// `option_type()`, with defaults filled in.
struct CheckInfo {
  std::string_view id;
  std::span<const FindingInfo> findings;
  Needs needs;
  TypeInfo (*option_type)() = nullptr;
  std::vector<Experiment> (*plan)(const ModelDeclaration& model, const Json& options) = nullptr;
  Judgement (*judge)(const Facts& facts, const Json& options) = nullptr;
};

namespace check_detail {
// The definition's functions as template arguments, so that erasing needs no state.
template <class Options, auto Plan>
std::vector<Experiment> erased_plan(const ModelDeclaration& model, const Json& options) {
  auto typed = decode<Options>(options);
  return typed ? Plan(model, *typed) : std::vector<Experiment>{};
}
template <class Options, auto Judge>
Judgement erased_judge(const Facts& facts, const Json& options) {
  auto typed = decode<Options>(options);
  return typed ? Judge(facts, *typed)
               : Judgement::cannot_tell("the options do not fit the check: " + typed.error().describe());
}
template <class Options>
std::vector<Experiment> no_plan(const ModelDeclaration&, const Options&) {
  return {};
}
}  // namespace check_detail

template <class Options, auto Judge, auto Plan = check_detail::no_plan<Options>>
constexpr CheckInfo define_check(std::string_view id, std::span<const FindingInfo> findings, Needs needs) {
  return CheckInfo{.id = id,
                   .findings = findings,
                   .needs = needs,
                   .option_type = type_info<Options>,
                   .plan = check_detail::erased_plan<Options, Plan>,
                   .judge = check_detail::erased_judge<Options, Judge>};
}

// A finding of `table` with its default severity. The id must be in the table: anything else is a
// bug and aborts.
Finding make_finding(std::span<const FindingInfo> table, std::string_view id, std::string message,
                     std::string fix, Location where = {});

// The absence in words, for Judgement::undecided: "the host could not be observed: ...", or "blocked: ..."
// when something else is in the way.
std::string absence_text(std::string_view what, const Absence& absence);

}  // namespace runup
