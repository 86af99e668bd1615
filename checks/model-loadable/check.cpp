// SPDX-License-Identifier: Apache-2.0
#include "check/check.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <format>

#include "base/text.h"
#include "check/predictor.h"
#include "check/wording.h"
#include "facts/weights_only.h"
#include "format_rules.h"

namespace runup::checks::model_loadable {

constexpr std::array kFindings{
    FindingInfo{"truncated", Severity::error, "the file ends before its own tables say it should"},
    FindingInfo{"contradictory-archive", Severity::error, "parts of the archive contradict each other"},
    FindingInfo{"corrupt-content", Severity::error, "a checksum differs: bytes were changed"},
    FindingInfo{"malformed", Severity::error, "the file breaks the rules of its format"},
    FindingInfo{"missing-part", Severity::error, "the content refers to a part that is not there"},
    FindingInfo{"wrong-format", Severity::error,
                "the content is not what the file's name promises its loader"},
    FindingInfo{"newer-format", Severity::error, "the file's format version is newer than any PyTorch reads"},
    FindingInfo{"main-class", Severity::error,
                "the pickle needs a class of the script that saved it (`__main__`)"},
    FindingInfo{"blocked-global", Severity::error,
                "the pickle names a function that a safe load always refuses"},
    FindingInfo{"other-system-path", Severity::error,
                "the pickle holds a path object of another operating system"},
    FindingInfo{"foreign-class", Severity::warning,
                "the pickle needs classes that must be importable on the server"},
    FindingInfo{"code-by-value", Severity::warning,
                "the pickle holds Python bytecode, bound to one Python version"},
    FindingInfo{"import-first", Severity::warning, "the pickle needs a module imported before `torch.load`"},
    FindingInfo{"pickle-protocol", Severity::warning, "the pickle has opcodes that a safe load refuses"},
    FindingInfo{"byte-order", Severity::warning, "the tensors are big-endian"},
    FindingInfo{"tar-format", Severity::warning, "the file is a tar checkpoint that a safe load refuses"},
    FindingInfo{"torchscript-archive", Severity::warning, "a TorchScript archive is used as a checkpoint"},
    FindingInfo{"needs-allow-listing", Severity::note, "a safe load needs an allow-list for this file"},
    FindingInfo{"legacy-format", Severity::note, "the file is in the format before PyTorch 1.6"}};

namespace {

// Highest zip format version that PyTorch reads: kMaxSupportedFileFormatVersion in
// caffe2/serialize/versions.h, 10 since PyTorch 1.12.
constexpr int kNewestFormat = 10;
constexpr std::size_t kShownDefects = 10;

struct Judge {
  const Facts& facts;
  const ArtifactFacts& artifact;
  Judgement& judgement;

  void add(std::string_view id, std::string message, std::string fix, std::string key = "") {
    judgement.findings.push_back(make_finding(kFindings, id, std::move(message), std::move(fix),
                                              model_location(facts, std::move(key))));
  }
  bool is_checkpoint() const {
    return artifact.kind == ArtifactKind::torch_zip || artifact.kind == ArtifactKind::torch_legacy ||
           artifact.kind == ArtifactKind::torch_tar;
  }
};

struct DefectRule {
  DefectKind kind;
  std::string_view id;
  // completes "`x.pth` "
  std::string_view words;
  std::string_view fix;
};

constexpr std::array<DefectRule, 5> kDefectRules{
    {{DefectKind::truncated, "truncated", "ends early",
      "copy or download the file again and compare its sha256 with the original's; write checkpoints to a "
      "temporary name "
      "and rename them when they are complete"},
     {DefectKind::contradiction, "contradictory-archive", "contradicts itself",
      "save the model again with `torch.save`; do not deploy this file, since two readers can see two "
      "different models in "
      "it"},
     {DefectKind::corrupt, "corrupt-content", "was changed after it was written",
      "copy the file again from where it was saved and compare its sha256; check the disk or transfer that "
      "changed it"},
     {DefectKind::malformed, "malformed", "breaks its format's rules",
      "save the model again, and copy it in binary mode"},
     {DefectKind::missing_part, "missing-part", "lacks a part",
      "save the model again with all of its parts"}}};

void judge_defects(Judge& judge) {
  const std::string name = model_file(judge.facts);
  for (const DefectRule& rule : kDefectRules) {
    std::vector<const DefectFacts*> defects;
    for (const DefectFacts& defect : judge.artifact.defects) {
      if (defect.kind == rule.kind) {
        defects.push_back(&defect);
      }
    }
    if (defects.empty()) {
      continue;
    }
    const DefectFacts& first = *defects.front();
    std::string message = std::format("`{}` {}: {}", name, rule.words, first.message);
    if (first.missing_bytes) {
      message += std::format(" ({} missing)", count_of(*first.missing_bytes, "byte", "bytes"));
    }
    if (defects.size() > 1) {
      message += std::format(" (and {} more of this kind)", defects.size() - 1);
    }
    judge.add(rule.id, std::move(message), std::string(rule.fix), first.member);
    // The message has the first one.
    for (std::size_t i = 1; i < std::min<std::size_t>(defects.size(), kShownDefects); ++i) {
      judge.judgement.findings.back().evidence.push_back(
          {.name = defects[i]->member.empty() ? "file" : defects[i]->member, .value = defects[i]->message});
    }
  }
  for (const DefectFacts& defect : judge.artifact.defects) {
    if (defect.kind == DefectKind::over_limit) {
      judge.judgement.undecided = std::format("`{}` was not read to its end: {}", name, defect.message);
    }
  }
}

void judge_kind(Judge& judge) {
  const std::string name = model_file(judge.facts);
  const ArtifactKind kind = judge.artifact.kind;
  const std::string_view extension = promising_extension(name);
  // A damaged file that is nothing recognisable any more has its finding already.
  const bool damaged_beyond_telling =
      !judge.artifact.defects.empty() && (kind == ArtifactKind::unknown || kind == ArtifactKind::zip);
  if (!extension_fits(extension, kind) && !damaged_beyond_telling) {
    std::string message = std::format("`{}` {}; {}, which its name promises, cannot read it", name,
                                      content_words(judge.artifact), loader_of(extension));
    judge.add("wrong-format", std::move(message), conversion_hint(kind, name));
    return;
  }
  if (kind == ArtifactKind::torch_tar) {
    judge.add("tar-format",
              std::format("`{}` is a tar checkpoint, as PyTorch wrote before 0.1.10; `torch.load` refuses it "
                          "unless `weights_only=False`",
                          name),
              conversion_hint(kind, name));
  }
  if (!is_read(kind) && judge.artifact.defects.empty()) {
    judge.judgement.undecided = std::format("`{}` is {}, which this version of runup cannot load; {}", name,
                                            kind_words(kind), conversion_hint(kind, name));
  }
}

void judge_versions(Judge& judge) {
  const ArtifactFacts& artifact = judge.artifact;
  const std::string name = model_file(judge.facts);
  int version = 0;
  const char* end = artifact.format_version.data() + artifact.format_version.size();
  const bool is_zip = artifact.kind == ArtifactKind::torch_zip || artifact.kind == ArtifactKind::torchscript;
  if (is_zip && std::from_chars(artifact.format_version.data(), end, version).ptr == end &&
      version > kNewestFormat) {
    judge.add("newer-format",
              std::format("`{}` has format version {}; PyTorch reads up to {}", name, version, kNewestFormat),
              "save the model with the PyTorch release that the service runs");
  }
  if (artifact.byte_order == "big") {
    judge.add(
        "byte-order",
        std::format("the tensors of `{}` are big-endian; PyTorch before 2.1 reads them wrongly on this host",
                    name),
        "save the model again on a little-endian machine");
  }
  if (artifact.kind == ArtifactKind::torch_legacy) {
    judge.add(
        "legacy-format",
        std::format("`{}` is in the format that PyTorch wrote before 1.6; it loads, but not with `mmap=True`",
                    name),
        "load it once and write it again with `torch.save`");
  }
  const std::vector<std::string> refused =
      judge.is_checkpoint() ? refused_opcodes(artifact.opcodes) : std::vector<std::string>{};
  if (!refused.empty()) {
    judge.add("pickle-protocol",
              std::format("`{}` has pickle protocol {} with {}; `torch.load` with `weights_only` (the "
                          "default since PyTorch "
                          "2.6) reads protocol 2 alone and answers \"Unsupported operand\"",
                          name, artifact.pickle_protocol, join_quoted(refused)),
              "save it again with `torch.save(obj, path)`, without `pickle_protocol=`");
  }
}

void judge_use(Judge& judge) {
  const ModelDeclaration& model = judge.facts.model;
  const bool used_as_checkpoint =
      !model.state_dict.empty() || (model.labels && model.labels->from == LabelSource::checkpoint);
  if (judge.artifact.kind != ArtifactKind::torchscript) {
    return;
  }
  judge.judgement.saw("loads with", "`torch.jit.load`; `torch.load` refuses it");
  if (used_as_checkpoint) {
    judge.add("torchscript-archive",
              std::format("`{}` is a TorchScript archive, which `torch.load` refuses and which holds no "
                          "checkpoint keys; the "
                          "config reads `{}` from it",
                          model_file(judge.facts), model.state_dict.empty() ? "labels" : model.state_dict),
              "load it with `torch.jit.load` and drop `state_dict:` and `labels: {from: checkpoint}`, or set "
              "the model's "
              "path to the checkpoint");
  }
}

// A global that has its own reason not to load.
struct GlobalRule {
  // `module.` prefix or full name
  std::string_view name;
  std::string_view id;
};
constexpr std::array<GlobalRule, 13> kGlobalRules{{{"pathlib.WindowsPath", "other-system-path"},
                                                   {"pathlib._local.WindowsPath", "other-system-path"},
                                                   {"dill.", "code-by-value"},
                                                   {"cloudpickle.", "code-by-value"},
                                                   {"types.CodeType", "code-by-value"},
                                                   {"marshal.", "code-by-value"},
                                                   {"torch.distributed.tensor.", "import-first"},
                                                   {"torch.distributed._tensor.", "import-first"},
                                                   {"torch.distributed.device_mesh.", "import-first"},
                                                   {"torch.nested.", "import-first"},
                                                   {"torchao.", "import-first"},
                                                   {"torch.ao.", "import-first"},
                                                   {"torchvision.tv_tensors.", "import-first"}}};

// The finding that a global belongs to; empty when a safe load takes it as it is.
std::string_view finding_for(const GlobalFacts& global) {
  const std::string full = global_name(global.module, global.name);
  for (const GlobalRule& rule : kGlobalRules) {
    if (rule.name.ends_with('.') ? full.starts_with(rule.name) : full == rule.name) {
      return rule.id;
    }
  }
  switch (standing_of(global.module, global.name)) {
    case GlobalStanding::allowed:
      return {};
    case GlobalStanding::known_data:
      return "needs-allow-listing";
    case GlobalStanding::foreign:
      return "foreign-class";
    case GlobalStanding::main_module:
      return "main-class";
    case GlobalStanding::blocked:
      return "blocked-global";
  }
  return {};
}

// "`models.Net` (for `model`)"
std::string named_with_need(const GlobalFacts& global) {
  const std::string full = global_name(global.module, global.name);
  return global.key_path.empty() ? std::format("`{}`", full)
                                 : std::format("`{}` (for `{}`)", full, global.key_path);
}

// NumPy element types of the arrays in the file, whose dtype classes a safe load checks too.
std::vector<std::string> array_types(const ArtifactFacts& artifact) {
  std::vector<std::string> types;
  for (const LabelListFacts& list : artifact.label_lists) {
    types.push_back(list.dtype);
  }
  for (const MetadataFacts& item : artifact.metadata) {
    if (item.type.starts_with("numpy.")) {
      types.push_back(item.type.substr(6));
    }
  }
  return types;
}

struct GlobalWords {
  std::string_view id;
  // between the names and what follows from them
  std::string_view consequence;
  std::string_view fix;
  // no allow-list helps
  bool hopeless = false;
};
constexpr std::array<GlobalWords, 6> kGlobalWords{
    {{"main-class",
      "of the script that saved the file; on the server `__main__` is the server, which has no such name",
      "save `model.state_dict()` instead of the object, or move the class into a module that the service "
      "imports and save again",
      true},
     {"blocked-global",
      "which `torch.load` with `weights_only` refuses even when allow-listed: loading it would run code",
      "do not load this file; ask where it came from, and save the weights alone as a `state_dict`", true},
     {"other-system-path", "which cannot be built on Linux", "save paths as text: `str(path)`"},
     {"foreign-class",
      "which must be importable under these names where the service loads the file, in fitting versions",
      "save `model.state_dict()` and plain values instead of objects"},
     {"code-by-value", "which rebuilds functions from bytecode of one Python version",
      "save `model.state_dict()` instead of functions and objects", true},
     {"import-first", "which `torch.load` finds only when their module was imported before",
      "import the module before `torch.load`, or save plain tensors (`tensor.full_tensor()`, "
      "`tensor.cpu()`)"}}};

// True when the pickle cannot be loaded safely whatever is allow-listed.
bool judge_refused_globals(Judge& judge) {
  bool hopeless = false;
  for (const GlobalWords& words : kGlobalWords) {
    std::vector<std::string> names;
    std::string key;
    for (const GlobalFacts& global : judge.artifact.globals) {
      if (finding_for(global) == words.id) {
        key = names.empty() ? global.key_path : key;
        names.push_back(named_with_need(global));
      }
    }
    if (names.empty()) {
      continue;
    }
    judge.add(words.id,
              std::format("`{}` needs {}, {}", model_file(judge.facts), join_words(names), words.consequence),
              std::string(words.fix), std::move(key));
    hopeless = hopeless || words.hopeless;
  }
  return hopeless;
}

void judge_allow_list(Judge& judge) {
  std::vector<Evidence> names;
  std::vector<std::string> keys;
  for (const GlobalFacts& global : judge.artifact.globals) {
    if (finding_for(global) != "needs-allow-listing") {
      continue;
    }
    names.push_back({.name = global.key_path.empty() ? "root" : global.key_path,
                     .value = global_name(global.module, global.name)});
    const std::string key = global.key_path.substr(0, global.key_path.find_first_of(".[", 1));
    if (std::ranges::find(keys, key) == keys.end()) {
      keys.push_back(key);
    }
  }
  if (names.empty()) {
    return;
  }
  const bool whole = std::ranges::find(keys, "") != keys.end();
  judge.add("needs-allow-listing",
            std::format("`torch.load` with `weights_only` (the default since PyTorch 2.6) refuses {} unless "
                        "{} allow-listed",
                        whole ? "the file" : join_quoted(keys),
                        names.size() == 1 ? "1 global is" : std::format("{} globals are", names.size())),
            std::format("before `torch.load`: `{}`",
                        allow_line(judge.artifact.globals, array_types(judge.artifact))),
            whole ? "" : keys.front());
  judge.judgement.findings.back().evidence = std::move(names);
}

void judge_globals(Judge& judge) {
  if (!judge_refused_globals(judge)) {
    judge_allow_list(judge);
  }
  judge.judgement.saw(
      "globals", judge.artifact.globals.empty() ? "none" : std::to_string(judge.artifact.globals.size()));
}

std::string format_words(const ArtifactFacts& artifact) {
  std::string words(kind_words(artifact.kind));
  if (!artifact.format_version.empty()) {
    words += ", version " + artifact.format_version;
  }
  if (artifact.pickle_protocol >= 0) {
    words += std::format(", pickle protocol {}", artifact.pickle_protocol);
  }
  if (!artifact.producer.empty()) {
    words += ", by " + printable(artifact.producer);
  }
  return words;
}

}  // namespace

Judgement judge(const Facts& facts, const NoOptions&) {
  if (const auto obstacle = content_obstacle(facts)) {
    return Judgement::cannot_tell(*obstacle);
  }
  Judgement judgement;
  Judge judge{facts, *facts.artifact, judgement};
  judgement.saw("format", format_words(judge.artifact));
  judgement.saw("defects",
                judge.artifact.defects.empty() ? "none" : std::to_string(judge.artifact.defects.size()));
  judge_defects(judge);
  judge_kind(judge);
  judge_versions(judge);
  judge_use(judge);
  if (judge.is_checkpoint()) {
    judge_globals(judge);
  }
  if (predictor_loads_file(facts)) {
    constexpr std::array<std::string_view, 4> kForetold{"main-class", "foreign-class", "import-first",
                                                        "pickle-protocol"};
    refute(judgement, kForetold);
  }
  return judgement;
}

extern const CheckInfo kCheck;
const CheckInfo kCheck =
    define_check<NoOptions, judge>("model-loadable", kFindings, {.artifact = true, .conversions = true});

}  // namespace runup::checks::model_loadable
