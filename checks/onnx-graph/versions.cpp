// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <charconv>
#include <format>
#include <optional>

#include "base/text.h"
#include "judge.h"

namespace runup::checks::onnx_graph {

namespace {

// The newest of each that an ONNX Runtime release takes. It takes what the ONNX release has that it was built
// with (onnxruntime's release notes name it; the versions are those of VERSION_TABLE in onnx/helper.py), and
// refuses what is newer when loading: model.cc and model_load_utils.h. The row of 1.21 was measured with
// Debian's.
struct Release {
  int minor = 0;
  std::int64_t ir = 0;
  std::int64_t onnx = 0;
  std::int64_t ml = 0;
};
constexpr std::array<Release, 14> kReleases{{{8, 7, 14, 2},
                                             {9, 8, 15, 2},
                                             {10, 8, 15, 2},
                                             {11, 8, 16, 3},
                                             {12, 8, 17, 3},
                                             {13, 8, 17, 3},
                                             {14, 8, 18, 3},
                                             {15, 9, 19, 3},
                                             {16, 9, 19, 3},
                                             {17, 9, 20, 4},
                                             {18, 10, 21, 5},
                                             {19, 10, 21, 5},
                                             {20, 10, 21, 5},
                                             {21, 10, 22, 5}}};

struct Chosen {
  const Release* row = nullptr;
  // the release is newer than the last row: what is too new for that one may be right for it
  bool guessed = false;
};

// `1.21` or `1.21.0`.
std::optional<Chosen> release_of(std::string_view text) {
  const std::vector<std::string> parts = split(text, '.');
  std::array<int, 2> numbers{};
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    if (parts.size() < 2) {
      return std::nullopt;
    }
    const char* end = parts[i].data() + parts[i].size();
    if (parts[i].empty() || std::from_chars(parts[i].data(), end, numbers[i]).ptr != end || numbers[i] < 0) {
      return std::nullopt;
    }
  }
  if (numbers[0] != 1) {
    return numbers[0] > 1 ? std::optional(Chosen{.row = &kReleases.back(), .guessed = true}) : std::nullopt;
  }
  if (numbers[1] > kReleases.back().minor) {
    return Chosen{.row = &kReleases.back(), .guessed = true};
  }
  const auto found = std::ranges::find(kReleases, numbers[1], &Release::minor);
  return found == kReleases.end() ? std::nullopt : std::optional(Chosen{.row = &*found});
}

void too_new(Judge& judge, const Chosen& chosen, std::string_view id, const std::string& what,
             std::int64_t version, std::int64_t newest, std::string fix) {
  const std::string reads = std::format("ONNX Runtime 1.{} takes at most {}", chosen.row->minor, newest);
  Finding& finding = judge.add(
      id,
      std::format("{} {}; {}{}", what, version, reads,
                  chosen.guessed ? std::format(", and what {} takes is not known to this version of runup",
                                               judge.options.onnxruntime)
                                 : ""),
      std::move(fix));
  if (chosen.guessed) {
    finding.severity = Severity::warning;
  }
}

struct KnownDomain {
  std::string_view name;
  std::int64_t Release::* newest = nullptr;
  // where it is the same in all releases
  std::int64_t constant = 0;
};
constexpr std::array<KnownDomain, 4> kVersioned{{{"", &Release::onnx},
                                                 {"ai.onnx.ml", &Release::ml},
                                                 {"ai.onnx.training", nullptr, 1},
                                                 {"com.microsoft", nullptr, 1}}};

// ONNX's own domains and those of ONNX Runtime: no library has to be registered.
bool is_built_in(std::string_view domain) {
  constexpr std::array<std::string_view, 5> kNames{"", "ai.onnx.ml", "ai.onnx.training",
                                                   "ai.onnx.preview.training", "com.microsoft"};
  return std::ranges::contains(kNames, domain) || domain.starts_with("com.microsoft.");
}

std::string domain_words(std::string_view domain) {
  return std::format("`{}`", domain.empty() ? "ai.onnx" : printable(domain));
}

}  // namespace

void judge_versions(Judge& judge) {
  const auto chosen = release_of(judge.options.onnxruntime);
  if (!chosen) {
    judge.judgement.undecided = std::format(
        "what ONNX Runtime `{}` takes is not known; expected a release from 1.{} on, such as `1.{}`",
        judge.options.onnxruntime, kReleases.front().minor, kReleases.back().minor);
    return;
  }
  judge.judgement.saw("judged for", "ONNX Runtime " + judge.options.onnxruntime);
  if (judge.onnx.ir_version > chosen->row->ir) {
    too_new(
        judge, *chosen, "ir-too-new", "the file has IR version", judge.onnx.ir_version, chosen->row->ir,
        std::format("set `model.ir_version = {}` with the `onnx` package and save the model again, or serve "
                    "with a newer ONNX Runtime and name its release in `onnxruntime:`",
                    chosen->row->ir));
  }
  for (const OnnxDomainFacts& domain : judge.onnx.domains) {
    const auto known = std::ranges::find(kVersioned, domain.domain, &KnownDomain::name);
    if (known == kVersioned.end()) {
      continue;
    }
    const std::int64_t newest = known->newest == nullptr ? known->constant : chosen->row->*(known->newest);
    if (domain.version > newest) {
      too_new(
          judge, *chosen, "opset-too-new",
          std::format("the model imports {} with version", domain_words(domain.domain)), domain.version,
          newest,
          std::format("export the model again with `opset_version={}` or lower, or serve with a newer ONNX "
                      "Runtime and name its release in `onnxruntime:`",
                      newest));
    }
  }
}

void judge_domains(Judge& judge) {
  for (const OnnxDomainFacts& domain : judge.onnx.domains) {
    if (domain.nodes == 0) {
      continue;
    }
    const bool built_in = is_built_in(domain.domain);
    const bool accepted = std::ranges::contains(judge.options.custom_domains, domain.domain);
    if (!built_in && !accepted && !domain.operators.empty()) {
      judge.add(
          "custom-operator",
          std::format("{} of {} {} no part of ONNX or ONNX Runtime, and no function of the file: {}",
                      count_of(domain.operators.size(), "operator", "operators"), domain_words(domain.domain),
                      domain.operators.size() == 1 ? "is" : "are", join_quoted(domain.operators)),
          "register the library of these operators (`SessionOptions.register_custom_ops_library`) in the "
          "service and name the domain in `custom_domains`, or export the model without them",
          domain.domain);
    }
    // Without any import the file is damaged, which is told elsewhere.
    const bool any_import =
        std::ranges::any_of(judge.onnx.domains, [](const auto& other) { return other.version > 0; });
    if (domain.version == 0 && any_import) {
      Finding& finding = judge.add(
          "opset-missing",
          std::format("{} of {} and no `opset_import` for it",
                      count_of(domain.nodes, "node uses operators", "nodes use operators"),
                      domain_words(domain.domain)),
          "add the domain with its version to `opset_import` and save the model again", domain.domain);
      // ONNX Runtime takes its newest version of what it has itself.
      if (built_in) {
        finding.severity = Severity::warning;
      }
    }
  }
}

}  // namespace runup::checks::onnx_graph
