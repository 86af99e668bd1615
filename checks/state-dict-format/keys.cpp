// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <set>
#include <utility>

#include "base/glob.h"
#include "facts/state_dict.h"
#include "judge.h"
#include "key_names.h"

namespace runup::checks::state_dict_format {

namespace {

// How the weights fit the architecture, from the first runtime that compared them.
struct Fit {
  const KeyMatchFacts* keys = nullptr;
  // what was compared is source, which says only what it reads
  bool source = false;
  // of source: an inference with these weights worked, which no other thing says of their shapes
  bool ran = false;
  bool complete() const {
    return keys != nullptr && keys->missing.empty() && keys->unexpected.empty() && keys->misshapen.empty();
  }
};

Fit find_fit(const Facts& facts) {
  for (const auto& runtime : facts.runtimes) {
    if (!runtime) {
      continue;
    }
    if (const auto& keys = runtime->load.keys) {
      return {.keys = &*keys,
              .source = runtime->witness.form.contains("source"),
              .ran = runtime->load.stage == LoadStage::done};
    }
  }
  return {};
}

// Says why the keys were not compared, where that matters.
void judge_no_fit(Judge& judge) {
  if (judge.facts.model.architecture.empty()) {
    judge.judgement.saw("architecture", "none is given, so the keys were compared with nothing");
    return;
  }
  for (const auto& runtime : judge.facts.runtimes) {
    // what the service's factory makes has its own architecture
    if (runtime && runtime->load.stage == LoadStage::done) {
      continue;
    }
    if (runtime) {
      judge.judgement.undecided = std::format(
          "the keys were not compared with the architecture: {} stopped before ({}); see `inference`",
          witness_words(runtime->witness), first_line(runtime->load.error, 160));
      return;
    }
    if (runtime.absence && runtime.absence->kind != AbsenceKind::not_requested) {
      judge.judgement.undecided = "the keys were not compared with the architecture: " +
                                  absence_text("the model's run", *runtime.absence);
      return;
    }
  }
  judge.judgement.saw("architecture", "not compared in this run");
}

std::string strip_fix(std::string_view chain) {
  return std::format(
      "save the inner model's `state_dict()`, or strip the prefix when loading: "
      "`{{k.removeprefix(\"{}\"): v for k, v in state_dict.items()}}`",
      chain);
}

void judge_wrapping(Judge& judge, const std::vector<std::string>& keys, bool refuted) {
  const Wrapping wrapping = find_wrapping(keys);
  if (!wrapping.chain.empty()) {
    const std::string makers = wrapper_makers(wrapping.chain);
    if (wrapping.bare == 0 && wrapping.other_chain == 0) {
      judge.add("wrapper-prefix",
                std::format("all {} of {} begin with `{}` ({}); the model without its wrapper has none",
                            count_of(keys.size(), "key", "keys"), judge.name(), wrapping.chain, makers),
                strip_fix(wrapping.chain));
    } else {
      judge.add("mixed-prefix",
                std::format("{} of {} keys of {} begin with `{}` ({}), others do not, such as `{}`",
                            wrapping.with_chain, keys.size(), judge.name(), wrapping.chain, makers,
                            wrapping.bare > 0 ? wrapping.bare_example : "keys with another wrapper"),
                "save one unwrapped model's `state_dict()`; this one was put together from two");
    }
    judge.judgement.findings.back().evidence.push_back({.name = "example", .value = wrapping.example});
  }
  if (wrapping.inner > 0) {
    const std::string_view chain = inner_wrapper(wrapping.inner_example);
    judge.add(
        "inner-prefix",
        std::format("{} of {} have `{}` inside ({}), such as `{}`", count_of(wrapping.inner, "key", "keys"),
                    judge.name(), chain, wrapper_makers(chain), wrapping.inner_example),
        std::format("save the submodule without its wrapper, or drop the part when loading: "
                    "`k.replace(\".{}\", \".\")`",
                    chain));
    // An architecture that wants other keys shows that the part is a wrapper's, and no module's name.
    if (refuted) {
      judge.judgement.findings.back().severity = Severity::error;
    }
  }
}

void judge_misshapen(Judge& judge, const KeyMatchFacts& keys) {
  if (keys.misshapen.empty()) {
    return;
  }
  std::vector<std::string> words;
  for (const ShapeMismatchFacts& key : keys.misshapen) {
    words.push_back(std::format("`{}` is {}, the architecture wants {}", key.key, shape_text(key.actual),
                                shape_text(key.expected)));
  }
  judge.add("misshapen-keys",
            std::format("{} of {} {} another shape: {}", count_of(words.size(), "tensor", "tensors"),
                        judge.name(), words.size() == 1 ? "has" : "have", join_words(words, 3)),
            "build the model with the sizes it was trained with (classes, features, hidden units), best read "
            "from the weights");
}

// Takes out the keys that differ by wrapper parts alone: those have findings of their own.
void drop_wrapped(std::vector<std::string>& missing, std::vector<std::string>& unexpected) {
  std::set<std::string> explained;
  const std::set<std::string> wanted(missing.begin(), missing.end());
  std::erase_if(unexpected, [&](const std::string& key) {
    const std::string bare = without_wrappers(key);
    const bool wrapped = bare != key && wanted.contains(bare);
    if (wrapped) {
      explained.insert(bare);
    }
    return wrapped;
  });
  std::erase_if(missing, [&](const std::string& key) { return explained.contains(key); });
}

// Buffers of the architecture that the file lacks: those that nobody said are never saved. One whose name
// the file has at another place is no such buffer, but a key that is missing.
std::vector<std::string> unexplained_buffers(const Judge& judge, const KeyMatchFacts& keys,
                                             std::vector<std::string>& missing) {
  std::vector<std::string> unexplained;
  for (const std::string& buffer : keys.absent_buffers) {
    const auto names_it = [&](const std::string& pattern) { return matches_glob(pattern, buffer); };
    const auto is_it = [&](const std::string& key) { return last_name(key) == last_name(buffer); };
    if (std::ranges::any_of(keys.unexpected, is_it)) {
      missing.push_back(buffer);
    } else if (std::ranges::any_of(judge.options.non_persistent, names_it)) {
      judge.judgement.saw("buffer that is never saved", buffer);
    } else {
      unexplained.push_back(buffer);
    }
  }
  return unexplained;
}

void judge_absent_buffers(Judge& judge, const std::vector<std::string>& buffers) {
  if (buffers.empty()) {
    return;
  }
  judge.judgement.undecided = std::format(
      "{} lacks {} of the architecture ({}). If the model registers {} with `persistent=False`, say so: "
      "`checks: {{state-dict-format: {{non_persistent: [{}]}}}}`; otherwise `load_state_dict` refuses the "
      "file",
      judge.name(), count_of(buffers.size(), "buffer", "buffers"), join_quoted(buffers, kNamed),
      buffers.size() == 1 ? "it" : "them", join(buffers, ", "));
}

void judge_fit(Judge& judge, const Fit& fit) {
  const KeyMatchFacts& keys = *fit.keys;
  judge.judgement.saw(
      "architecture",
      fit.complete()
          ? std::format("all {} as it wants them", count_of(keys.matched, "key", "keys"))
          : std::format("{} of its keys matched, {} missing, {} unexpected, {} of another shape",
                        keys.matched, keys.missing.size(), keys.unexpected.size(), keys.misshapen.size()));
  std::vector<std::string> missing = keys.missing;
  std::vector<std::string> unexpected = keys.unexpected;
  judge_absent_buffers(judge, unexplained_buffers(judge, keys, missing));
  drop_wrapped(missing, unexpected);
  if (auto explanation = explain_by_prefix(missing, unexpected)) {
    judge.add(
        "prefix-mismatch",
        std::format("{} of {} differ from the architecture's only by the prefix `{}`, which {}",
                    count_of(missing.size() - explanation->missing.size(), "key", "keys"), judge.name(),
                    explanation->prefix, explanation->in_file ? "the file has" : "the architecture has"),
        explanation->in_file
            ? strip_fix(explanation->prefix)
            : "load the weights into the submodule that they were saved from, or save the whole "
              "model's `state_dict()`");
    missing = std::move(explanation->missing);
    unexpected = std::move(explanation->unexpected);
  }
  std::string renames;
  for (const auto& [in_file, wanted] : guess_renames(missing, unexpected, 3)) {
    renames += std::format("; `{}` may be the architecture's `{}`", in_file, wanted);
  }
  if (!missing.empty()) {
    judge.add("missing-keys",
              std::format("{} {} {} that the architecture wants: {}{}", judge.name(), "lacks",
                          count_of(missing.size(), "key", "keys"), join_quoted(missing, kNamed), renames),
              "deploy the weights that belong to this version of the model; with `strict=False` these layers "
              "would be served "
              "untrained");
  }
  if (!unexpected.empty()) {
    judge.add(
        "unexpected-keys",
        std::format("{} has {} that the architecture {}: {}", judge.name(),
                    count_of(unexpected.size(), "key", "keys"), fit.source ? "never reads" : "does not have",
                    join_quoted(unexpected, kNamed)),
        fit.source
            ? "deploy the weights that belong to this version of the model, or complete the source; a key "
              "that the service's own module has and never uses may be named in a branch that is not taken"
            : "deploy the weights that belong to this version of the model, or drop the keys before saving");
  }
  judge_misshapen(judge, keys);
  if (fit.source && fit.complete() && !fit.ran) {
    judge.judgement.undecided =
        "the keys are those that the architecture reads; whether their shapes fit shows only in an "
        "inference, "
        "and the one that was tried failed; see `inference`";
  }
}

}  // namespace

void judge_keys(Judge& judge, const std::vector<std::string>& keys) {
  const Fit fit = find_fit(judge.facts);
  // Keys that the architecture wants as they are, are right whatever they look like.
  if (!fit.complete()) {
    judge_wrapping(judge, keys, fit.keys != nullptr);
  }
  if (fit.keys != nullptr) {
    judge_fit(judge, fit);
  } else {
    judge_no_fit(judge);
  }
}

}  // namespace runup::checks::state_dict_format
