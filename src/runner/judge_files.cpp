// SPDX-License-Identifier: Apache-2.0
#include "runner/judge_files.h"

#include <algorithm>
#include <format>

#include "base/text.h"
#include "check/wording.h"
#include "facts/model_files.h"

namespace runup {

namespace {

struct FilePart {
  // empty for the model's own file
  std::string file;
  std::string key;
  Judgement judgement;
};

bool has_finding(const Judgement& judgement, const Finding& finding) {
  return std::ranges::any_of(judgement.findings, [&](const Finding& other) {
    return other.id == finding.id && other.message == finding.message && other.where.key == finding.where.key;
  });
}

// A finding of a conversion: its message names the file, its key is that of the conversion.
Finding of_conversion(Finding finding, const FilePart& part, const std::string& own_key) {
  if (!finding.message.contains(part.file)) {
    finding.message = std::format("`{}`: {}", part.file, finding.message);
  }
  if (finding.where.key == own_key) {
    finding.where.key = part.key;
  }
  return finding;
}

class Merger {
 public:
  explicit Merger(std::string own_key) : own_key_(std::move(own_key)) {}

  void add(FilePart part) {
    if (part.judgement.skipped && part.judgement.findings.empty()) {
      skips_.push_back(*part.judgement.skipped);
      return;
    }
    ++applied_;
    for (Evidence& evidence : part.judgement.looked_at) {
      if (!part.file.empty()) {
        evidence.name = std::format("{}: {}", part.file, evidence.name);
      }
      merged_.looked_at.push_back(std::move(evidence));
    }
    for (Finding& finding : part.judgement.findings) {
      // What a check says of the config rather than of a file, it says of every file.
      if (!part.file.empty() && has_finding(merged_, finding)) {
        continue;
      }
      merged_.findings.push_back(part.file.empty() ? std::move(finding)
                                                   : of_conversion(std::move(finding), part, own_key_));
    }
    if (part.judgement.undecided) {
      reasons_.push_back(part.file.empty() || part.judgement.undecided->contains(part.file)
                             ? *part.judgement.undecided
                             : std::format("`{}`: {}", part.file, *part.judgement.undecided));
    }
  }

  Judgement take() {
    if (applied_ == 0 && !skips_.empty()) {
      merged_.skipped = skips_.front();
    }
    if (!reasons_.empty()) {
      merged_.undecided = join(reasons_, "; ");
    }
    return std::move(merged_);
  }

 private:
  std::string own_key_;
  Judgement merged_;
  std::vector<std::string> skips_;
  std::vector<std::string> reasons_;
  std::size_t applied_ = 0;
};

bool is_code_missing(const Facts& facts) {
  return facts.artifact && facts.model.architecture.empty() &&
         holds_weights_without_code(facts.artifact->kind);
}

bool told_something(const Judgement& judgement) {
  return !judgement.undecided && !judgement.skipped && !judgement.looked_at.empty();
}

}  // namespace

Judgement judge_files(const Facts& facts, bool conversions,
                      const std::function<Judgement(const Facts&)>& judge) {
  Judgement own = judge(facts);
  if (!conversions || facts.conversions.empty()) {
    return own;
  }
  std::vector<FilePart> parts;
  for (std::size_t i = 0; i < facts.conversions.size(); ++i) {
    const Facts view = as_model(facts, i);
    parts.push_back(
        {.file = model_file(view), .key = path_key(facts.model_name, i), .judgement = judge(view)});
  }
  const bool replaced =
      is_code_missing(facts) && own.undecided && own.findings.empty() &&
      std::ranges::any_of(parts, [](const FilePart& part) { return told_something(part.judgement); });
  if (replaced) {
    own.looked_at.push_back(
        {.name = model_file(facts), .value = "not run: it holds weights without code; a conversion was run"});
    own.undecided.reset();
  }
  Merger merger(path_key(facts.model_name));
  merger.add({.file = {}, .key = {}, .judgement = std::move(own)});
  for (FilePart& part : parts) {
    merger.add(std::move(part));
  }
  return merger.take();
}

}  // namespace runup
