// SPDX-License-Identifier: Apache-2.0
#include "check/check.h"

#include <algorithm>
#include <charconv>
#include <format>

#include "base/text.h"
#include "check/wording.h"
#include "judge.h"

namespace runup::checks::torchscript_archive {

struct Options {
  std::string torch;
  std::vector<std::string> operators;
  static constexpr auto fields() {
    return std::tuple{
        Field{"torch", &Options::torch,
              "the PyTorch release that loads the archive, such as `2.6`; without it that of the witness"},
        Field{"operators", &Options::operators,
              "libraries or namespaces whose operators the service registers, such as `torchvision`"}};
  }
};

constexpr std::array kFindings{
    FindingInfo{"forward-missing", Severity::error, "the archive's module has no `forward`"},
    FindingInfo{"device-constant", Severity::error, "the code makes tensors on another device"},
    FindingInfo{"unreached-device-constant", Severity::warning,
                "code that `forward` does not reach names another device"},
    FindingInfo{"cpu-constant", Severity::warning,
                "the code makes tensors on the CPU, the model is served elsewhere"},
    FindingInfo{"baked-size", Severity::warning, "a trace wrote the size of a dynamic axis into the code"},
    FindingInfo{"foreign-operator", Severity::warning, "an operator is not one of PyTorch's own"},
    FindingInfo{"newer-format", Severity::error, "the archive is newer than the PyTorch that loads it"},
    FindingInfo{"quantised-engine", Severity::warning, "this CPU has no default engine for quantised layers"},
    FindingInfo{"deprecated-format", Severity::note, "TorchScript is deprecated since PyTorch 2.11"}};

namespace {

constexpr std::size_t kRows = 8;
constexpr std::size_t kNamed = 3;
// "TorchScript has been deprecated in favor of torch.export as of 2.11" (its maintainers)
constexpr Release kDeprecated{2, 11};

struct Device {
  std::string type;
  int index = -1;
};

Device read_device(std::string_view text) {
  const std::size_t colon = text.find(':');
  Device device{.type = std::string(text.substr(0, colon))};
  if (colon != std::string_view::npos) {
    std::from_chars(text.data() + colon + 1, text.data() + text.size(), device.index);
  }
  return device;
}

struct Judge {
  const Facts& facts;
  const Options& options;
  Judgement& judgement;
  const TorchScriptFacts& script;

  Remarks remarks(CodeRemarkKind kind) const {
    Remarks found;
    for (const CodeRemarkFacts& remark : script.remarks) {
      if (remark.kind == kind) {
        found.push_back(&remark);
      }
    }
    return found;
  }

  Finding& add(std::string_view id, std::string message, std::string fix, const Remarks& places = {}) {
    Location where = model_location(facts, places.empty() ? "" : places.front()->file);
    if (!places.empty() && places.front()->line > 0) {
      where.line = places.front()->line;
    }
    judgement.findings.push_back(
        make_finding(kFindings, id, std::move(message), std::move(fix), std::move(where)));
    Finding& finding = judgement.findings.back();
    for (std::size_t i = 0; i < std::min(places.size(), kRows); ++i) {
      const CodeRemarkFacts& place = *places[i];
      finding.evidence.push_back(
          {.name = place.line > 0 ? std::format("{}:{}, `{}`", place.file, place.line, place.function)
                                  : place.file,
           .value = std::format("`{}`", place.text.empty() ? place.what : place.text)});
    }
    if (places.size() > kRows) {
      finding.evidence.push_back(
          {.name = "more", .value = count_of(places.size() - kRows, "place", "places")});
    }
    return finding;
  }
};

std::string words_of(const Remarks& places) {
  std::vector<std::string> words;
  for (const CodeRemarkFacts* place : places) {
    if (!std::ranges::contains(words, place->what)) {
      words.push_back(place->what);
    }
  }
  return join_quoted(words, kNamed);
}

void judge_forward(Judge& judge) {
  if (judge.script.has_forward) {
    judge.judgement.saw(
        "forward", judge.script.arguments.empty() ? "no arguments" : join_words(judge.script.arguments, 8));
  } else if (judge.script.incomplete.empty()) {
    judge.add("forward-missing",
              judge.script.code_files == 0
                  ? "the archive has no code; expected a module with `forward`"
                  : std::format("class `{}` has no method `forward`; expected one", judge.script.root_class),
              "define `forward` and script or trace the module again");
  }
}

// Whether a constant is where the model is; `cuda` is whichever GPU is the current one.
bool is_at(const Device& constant, const Device& target) {
  const bool same = constant.index < 0 || std::max(constant.index, 0) == std::max(target.index, 0);
  return constant.type == "meta" || (constant.type == target.type && same);
}

// Copying to the CPU is what an answer ends with.
bool is_copy(const CodeRemarkFacts& remark) {
  return remark.op == "torch.to" || remark.op == "torch._to_copy";
}

void judge_devices(Judge& judge) {
  const Device target = read_device(judge.facts.model.device);
  Remarks elsewhere;
  Remarks unreached;
  Remarks on_cpu;
  for (const CodeRemarkFacts* remark : judge.remarks(CodeRemarkKind::device_constant)) {
    const Device constant = read_device(remark->what);
    // Of tensors among the constants device-mapping speaks, like of all others of the file.
    if (remark->line == 0 || is_at(constant, target)) {
      continue;
    }
    if (constant.type == "cpu") {
      if (remark->reached && !is_copy(*remark)) {
        on_cpu.push_back(remark);
      }
    } else {
      (remark->reached ? elsewhere : unreached).push_back(remark);
    }
  }
  const std::string fix = std::format(
      "take the device from an input (`x.new_zeros(...)`, `device=x.device`), script the function that makes "
      "the tensor, or export the model on `{}`",
      judge.facts.model.device);
  const auto message = [&](const Remarks& places, std::string_view what) {
    return std::format("the code makes tensors on {} in {}{}; the model is served on `{}`", words_of(places),
                       count_of(places.size(), "place", "places"), what, judge.facts.model.device);
  };
  if (!elsewhere.empty()) {
    judge.add("device-constant", message(elsewhere, ""), fix, elsewhere);
  }
  if (!unreached.empty()) {
    judge.add("unreached-device-constant", message(unreached, " that `forward` does not reach"), fix,
              unreached);
  }
  if (!on_cpu.empty()) {
    judge.add("cpu-constant", message(on_cpu, ""), fix, on_cpu);
  }
}

void judge_sizes(Judge& judge) {
  for (const BakedAxis& baked : find_baked_axes(judge.facts)) {
    Finding& finding = judge.add(
        "baked-size",
        std::format(
            "{} of the traced code {} the size {}, which the dynamic axis `{}` had in the trace; expected "
            "none",
            count_of(baked.places.size(), "line", "lines"), baked.places.size() == 1 ? "has" : "have",
            baked.size, baked.axis),
        "take the size from the input (`x.size(0)`, not `len(x)` or a number), or script the module; "
        "`input-shape` tries other sizes",
        baked.places);
    if (baked.ambiguous) {
      finding.severity = Severity::note;
    }
  }
}

void judge_operators(Judge& judge) {
  Remarks foreign;
  std::vector<std::string> libraries;
  for (const CodeRemarkFacts* remark : judge.remarks(CodeRemarkKind::foreign_operator)) {
    const std::string library = library_of(remark->what);
    const std::string space = remark->what.substr(0, remark->what.find('.'));
    const auto accepted = [&](const std::string& name) { return name == library || name == space; };
    if (std::ranges::any_of(judge.options.operators, accepted)) {
      continue;
    }
    foreign.push_back(remark);
    if (!std::ranges::contains(libraries, library)) {
      libraries.push_back(library);
    }
  }
  if (foreign.empty()) {
    return;
  }
  judge.add(
      "foreign-operator",
      std::format("the code needs {} of {}; PyTorch alone has no such operator", words_of(foreign),
                  join_quoted(libraries, kNamed)),
      std::format("install and import the library in the service before `torch.jit.load`, and say so with "
                  "`checks: {{torchscript-archive: {{operators: [{}]}}}}`",
                  join(libraries, ", ")),
      foreign);
}

// The release by the option, or else by whoever ran the model.
std::optional<Release> loading_release(Judge& judge, std::string& words) {
  if (!judge.options.torch.empty()) {
    words = "torch " + judge.options.torch;
    const auto release = read_release(judge.options.torch);
    if (!release) {
      judge.judgement.undecided =
          std::format("option `torch` is `{}`; expected a release such as `2.6`", judge.options.torch);
    }
    return release;
  }
  for (const auto& runtime : judge.facts.runtimes) {
    if (runtime && runtime->witness.library.contains("torch")) {
      words = std::format("{} {}", runtime->witness.library, runtime->witness.version);
      return read_release(runtime->witness.version);
    }
  }
  return std::nullopt;
}

void judge_format(Judge& judge) {
  const std::string& text = judge.facts.artifact->format_version;
  std::uint64_t version = 0;
  std::from_chars(text.data(), text.data() + text.size(), version);
  std::string words;
  const auto release = loading_release(judge, words);
  const std::uint64_t newest = newest_format(release.value_or(kDeprecated));
  judge.judgement.saw("format",
                      std::format("version {}{}", text.empty() ? "unknown" : text,
                                  release ? std::format("; {} reads up to {}", words, newest) : ""));
  if (version > newest) {
    Finding& finding =
        judge.add("newer-format",
                  std::format("the archive has format version {}; {} reads up to {}", version,
                              release ? words : "any PyTorch that this version of runup knows", newest),
                  "export the model with the release that serves it, or raise the service's `torch`");
    if (!release) {
      finding.severity = Severity::warning;
    }
  }
  if (release && *release >= kDeprecated) {
    judge.add("deprecated-format",
              std::format("the model is a TorchScript archive; {} has TorchScript as deprecated", words),
              "plan the move to `torch.export`");
  }
}

// fbgemm, the default engine, is there on x86 with AVX2 alone; elsewhere the service has to choose one.
std::string engine_obstacle(const HostFacts& host) {
  const bool x86 =
      host.architecture == "x86_64" || host.architecture == "i686" || host.architecture == "AMD64";
  if (!x86) {
    return std::format("is {}", host.architecture.empty() ? "of an unknown kind" : host.architecture);
  }
  const bool known = !host.cpu_flags.empty();
  return known && !std::ranges::contains(host.cpu_flags, "avx2") ? "has no AVX2" : "";
}

void judge_engine(Judge& judge) {
  Remarks reached = judge.remarks(CodeRemarkKind::quantised_engine);
  std::erase_if(reached, [](const CodeRemarkFacts* remark) { return !remark->reached; });
  if (reached.empty()) {
    return;
  }
  judge.judgement.saw("quantised layers", words_of(reached));
  if (!judge.facts.host) {
    judge.judgement.undecided = absence_text("the host, whose CPU decides about quantised layers,",
                                             judge.facts.host.absence.value_or(Absence{}));
    return;
  }
  const std::string obstacle = engine_obstacle(*judge.facts.host);
  if (!obstacle.empty()) {
    judge.add(
        "quantised-engine",
        std::format("the model needs {} and this host {}, where the engine `fbgemm` does not exist",
                    words_of(reached), obstacle),
        "set `torch.backends.quantized.engine = \"qnnpack\"` in the service before loading, and quantise the "
        "model with it",
        reached);
  }
}

}  // namespace

Judgement judge(const Facts& facts, const Options& options) {
  if (const auto obstacle = inside_obstacle(facts)) {
    return Judgement::cannot_tell(*obstacle);
  }
  if (facts.artifact->kind != ArtifactKind::torchscript) {
    return Judgement::skip(std::format("`{}` is {}, no TorchScript archive", model_file(facts),
                                       kind_words(facts.artifact->kind)));
  }
  if (!facts.artifact->torchscript) {
    return Judgement::cannot_tell(damage_obstacle(facts).value_or("the archive's code could not be read"));
  }
  Judgement judgement;
  Judge judge{facts, options, judgement, *facts.artifact->torchscript};
  judgement.saw("code", std::format("{}, {}{}", count_of(judge.script.code_files, "file", "files"),
                                    judge.script.traced ? "traced" : "scripted",
                                    judge.script.incomplete.empty()
                                        ? ""
                                        : "; not all was followed: " + judge.script.incomplete));
  judge_forward(judge);
  judge_devices(judge);
  judge_sizes(judge);
  judge_operators(judge);
  judge_format(judge);
  judge_engine(judge);
  if (const auto damage = damage_obstacle(facts)) {
    judgement.undecided = *damage;
  } else if (!judge.script.has_forward && !judge.script.incomplete.empty()) {
    judgement.undecided = "no `forward` was found: " + judge.script.incomplete;
  }
  return judgement;
}

extern const CheckInfo kCheck;
const CheckInfo kCheck = define_check<Options, judge>("torchscript-archive", kFindings,
                                                      {.artifact = true, .host = true, .conversions = true});

}  // namespace runup::checks::torchscript_archive
