// SPDX-License-Identifier: Apache-2.0
#include "check/check.h"

#include <algorithm>
#include <format>

#include "base/text.h"
#include "check/wording.h"
#include "class_names.h"
#include "facts/labels.h"

namespace runup::checks::label_encoder {

constexpr std::array kFindings{
    FindingInfo{"missing", Severity::error, "the class names are not where the config says"},
    FindingInfo{"several-lists", Severity::error,
                "several lists of class names, and nothing says which one is used"},
    FindingInfo{"not-an-encoder", Severity::error, "what stands at the key names no classes"},
    FindingInfo{"not-fitted", Severity::error, "the LabelEncoder was never fitted"},
    FindingInfo{"empty-list", Severity::error, "the list of class names is empty"},
    FindingInfo{"index-gap", Severity::error, "the indices of the map are not 0, 1, 2, ..."},
    FindingInfo{"class-count-mismatch", Severity::error,
                "there are more or fewer classes than the model has outputs"},
    FindingInfo{"declared-count-mismatch", Severity::error,
                "there are more or fewer classes than `labels: count:` says"},
    FindingInfo{"duplicate-class", Severity::error, "two classes have the same name"},
    FindingInfo{"unsorted-encoder", Severity::warning,
                "the classes of a LabelEncoder are not in the order that `fit` gives"},
    FindingInfo{"plain-list", Severity::warning, "a key named like an encoder holds a plain list or map"},
    FindingInfo{"blank-class", Severity::warning, "a class has no name"},
    FindingInfo{"padded-class", Severity::warning, "a class name begins or ends with blanks"},
    FindingInfo{"unprintable-class", Severity::warning,
                "a class name has invisible characters or is not UTF-8"},
    FindingInfo{"lookalike-classes", Severity::warning, "two class names look the same and are not"},
    FindingInfo{"lexical-order", Severity::warning, "numbers are in the order of text: '10' before '2'"},
    FindingInfo{"decomposed-class", Severity::note, "a class name is not in composed Unicode form (NFC)"}};

namespace {

constexpr std::string_view kRefit =
    "save the encoder that was fitted on the labels the model was trained with, in the same run that writes "
    "the weights";

struct Judge {
  const Facts& facts;
  const LabelChoice& choice;
  Judgement& judgement;

  void add(std::string_view id, std::string message, std::string fix) {
    judgement.findings.push_back(make_finding(kFindings, id, std::move(message), std::move(fix),
                                              {.file = shown_path(facts, choice.file),
                                               .key = choice.chosen != nullptr ? choice.chosen->path : ""}));
  }
  void add(std::string_view id, Severity severity, std::string message, std::string fix) {
    add(id, std::move(message), std::move(fix));
    judgement.findings.back().severity = severity;
  }
  const LabelListFacts& list() const { return *choice.chosen; }
};

// "class 3" or "classes 3, 4 and 7"
std::string classes_at(const std::vector<std::size_t>& indices) {
  std::vector<std::string> words;
  for (const std::size_t index : indices) {
    words.push_back(std::to_string(index));
  }
  return (indices.size() == 1 ? "class " : "classes ") + join_words(words, 8);
}

std::string quoted_at(const std::vector<std::string>& classes, const std::vector<std::size_t>& indices) {
  std::vector<std::string> words;
  for (const std::size_t index : indices) {
    words.push_back(printable(classes[index]));
  }
  return join_quoted(words);
}

std::string pairs_of(const std::vector<std::string>& classes,
                     const std::vector<std::pair<std::size_t, std::size_t>>& pairs) {
  std::vector<std::string> words;
  for (const auto& [later, earlier] : pairs) {
    words.push_back(std::format("{} and {} (`{}`)", earlier, later, printable(classes[later])));
  }
  return join_words(words, 4);
}

// The file has no list to judge: which finding that is, or why it cannot be told.
void judge_no_choice(Judge& judge) {
  switch (judge.choice.problem) {
    case LabelProblem::not_wanted:
      judge.judgement.skipped = judge.choice.why_not;
      return;
    case LabelProblem::not_observed:
      judge.judgement.undecided =
          absence_text("the label file", judge.facts.label_file.absence.value_or(Absence{}));
      return;
    case LabelProblem::not_understood:
      judge.judgement.undecided = judge.choice.why_not;
      return;
    case LabelProblem::several:
      judge.add("several-lists", judge.choice.why_not,
                std::format("name one in the config: `labels: {{from: checkpoint, key: {}}}`",
                            judge.choice.candidates.front()));
      return;
    case LabelProblem::not_labels:
      judge.add("not-an-encoder", judge.choice.why_not, std::string(kRefit));
      return;
    case LabelProblem::not_found:
    case LabelProblem::none:
      break;
  }
  if (const auto damage = damage_obstacle(judge.facts);
      damage && judge.choice.file == judge.facts.model.path) {
    judge.judgement.undecided = *damage;
    return;
  }
  judge.add("missing", judge.choice.why_not,
            judge.choice.candidates.empty()
                ? "save the class names with the weights (`\"label_encoder\": encoder` or `\"classes\": "
                  "list(names)`), so that "
                  "the service never has to invent them"
                : std::format("set `labels.key` to `{}`", judge.choice.candidates.front()));
}

// What keeps the list from being read. True when there are classes to look at.
bool judge_readable(Judge& judge) {
  const LabelListFacts& list = judge.list();
  if (!list.problem.empty()) {
    if (list.kind == LabelListKind::label_encoder && list.problem.contains("fitted")) {
      judge.add("not-fitted", std::format("{} names no class: {}", judge.choice.name, list.problem),
                std::string(kRefit));
    } else if (list.kind == LabelListKind::index_to_name || list.kind == LabelListKind::name_to_index) {
      judge.add("index-gap",
                std::format("{} does not name the classes one by one: {}", judge.choice.name, list.problem),
                "number the classes from 0 without gaps, in the order of the model's outputs");
    } else {
      judge.judgement.undecided =
          std::format("the classes of {} could not be read: {}", judge.choice.name, list.problem);
    }
    return !list.classes.empty();
  }
  if (list.classes.empty()) {
    judge.add("empty-list", std::format("{} has 0 classes; expected one for each output", judge.choice.name),
              std::string(kRefit));
  }
  return !list.classes.empty();
}

void judge_names(Judge& judge) {
  const std::vector<std::string>& classes = judge.list().classes;
  const std::string& name = judge.choice.name;
  const NameProblems problems = find_name_problems(classes);
  if (!problems.duplicates.empty()) {
    // fit() gives every name once; a plain list may repeat one on purpose.
    judge.add(
        "duplicate-class",
        judge.list().kind == LabelListKind::label_encoder ? Severity::error : Severity::warning,
        std::format("{} gives the same name to classes {}", name, pairs_of(classes, problems.duplicates)),
        "give each class a name of its own, and fit the encoder again");
  }
  if (!problems.lookalikes.empty()) {
    judge.add("lookalike-classes",
              std::format("{} has names that differ only in blanks or Unicode form: {}", name,
                          pairs_of(classes, problems.lookalikes)),
              "write the names in one form (`unicodedata.normalize(\"NFC\", name.strip())`) before fitting, "
              "and train again if "
              "they mean one class");
  }
  if (!problems.blank.empty()) {
    judge.add("blank-class",
              std::format("{} of {} {} blank; expected a name", classes_at(problems.blank), name,
                          problems.blank.size() == 1 ? "is" : "are"),
              "name every class, or drop its samples and train again");
  }
  if (!problems.padded.empty()) {
    judge.add("padded-class",
              std::format("{} of {} ({}) begin or end with blanks, which comparisons see and people do not",
                          classes_at(problems.padded), name, quoted_at(classes, problems.padded)),
              "strip the names before fitting: `encoder.classes_ = numpy.char.strip(encoder.classes_)`");
  }
  if (!problems.unprintable.empty()) {
    judge.add("unprintable-class",
              std::format("{} of {} ({}) have invisible characters or bytes that are no UTF-8",
                          classes_at(problems.unprintable), name, quoted_at(classes, problems.unprintable)),
              "decode the label file as UTF-8, and split it into lines before fitting");
  }
  if (!problems.decomposed.empty()) {
    judge.add("decomposed-class",
              std::format("{} of {} ({}) are written in decomposed Unicode form, as macOS file names are; "
                          "comparing them with "
                          "typed text fails",
                          classes_at(problems.decomposed), name, quoted_at(classes, problems.decomposed)),
              "normalise the names: `unicodedata.normalize(\"NFC\", name)`");
  }
}

void judge_order(Judge& judge) {
  const LabelListFacts& list = judge.list();
  if (const auto order = find_lexical_order(list.classes)) {
    judge.add("lexical-order", order->plain_numbers ? Severity::warning : Severity::note,
              std::format("{} is in the order of text, `{}` before `{}`: output {} is not class {} by number",
                          judge.choice.name, order->before, order->after,
                          std::ranges::find(list.classes, order->after) - list.classes.begin(), order->after),
              "store the map with the weights (`class_to_idx`), and never rebuild it by sorting numbers");
  }
  const bool as_text =
      list.dtype.starts_with("str") || list.dtype.starts_with("object") || list.dtype.starts_with("<U");
  if (list.kind == LabelListKind::label_encoder && as_text && !std::ranges::is_sorted(list.classes)) {
    const auto at = std::ranges::is_sorted_until(list.classes) - list.classes.begin();
    judge.add("unsorted-encoder",
              std::format("the classes of {} are not sorted: class {} (`{}`) comes after `{}`; `fit` sorts "
                          "them, so they were "
                          "put in by hand",
                          judge.choice.name, at, printable(list.classes[static_cast<std::size_t>(at)]),
                          printable(list.classes[static_cast<std::size_t>(at) - 1])),
              "compare a known sample's label (`samples:`), and save the encoder that `fit` made");
  }
}

void judge_declared_count(Judge& judge) {
  const auto count = static_cast<std::int64_t>(judge.list().classes.size());
  const std::int64_t declared = judge.facts.model.labels ? judge.facts.model.labels->count : 0;
  if (declared > 0 && declared != count) {
    judge.add("declared-count-mismatch",
              std::format("{} has {}; `labels: count:` says {}", judge.choice.name,
                          count_of(static_cast<std::uint64_t>(count), "class", "classes"), declared),
              "correct `count`, or deploy the encoder that belongs to this model");
  }
}

void judge_output_count(Judge& judge) {
  const auto count = static_cast<std::int64_t>(judge.list().classes.size());
  const bool declared = judge.facts.model.labels && judge.facts.model.labels->count > 0;
  const auto width = output_width(judge.facts);
  if (!width) {
    if (!declared) {
      judge.judgement.undecided =
          "no run and no weights tell how many outputs the model has; give `architecture:`, or `labels: "
          "{count: ...}`";
    }
    return;
  }
  judge.judgement.saw(
      "outputs", std::format("{} ({}{})", width->classes, width->source, width->observed ? "" : ", no run"));
  // One output tells two classes apart.
  if (width->classes == count || (width->classes == 1 && count == 2)) {
    return;
  }
  if (!width->observed && weights_can_have(judge.facts, count)) {
    judge.judgement.undecided = std::format(
        "{} has {} classes; the last layer in the file is {} with {} rows, but which layer is the output "
        "shows "
        "only in a run; {}",
        judge.choice.name, count, width->source, width->classes,
        judge.facts.model.architecture.empty() ? "give `architecture:`" : "see `inference`");
    return;
  }
  const std::string head = head_tensor(judge.facts, width->classes);
  judge.add(
      "class-count-mismatch", declared ? Severity::warning : Severity::error,
      std::format("{} has {}; {} has {}", judge.choice.name,
                  count_of(static_cast<std::uint64_t>(count), "class", "classes"),
                  head.empty() ? (width->observed ? "the model's output" : width->source) : "`" + head + "`",
                  count_of(static_cast<std::uint64_t>(width->classes), "output", "outputs")),
      std::string(kRefit));
}

void judge_list(Judge& judge) {
  const LabelListFacts& list = judge.list();
  const std::string_view key = std::string_view(list.path).substr(list.path.rfind('.') + 1);
  if (list.kind != LabelListKind::label_encoder && key.contains("encoder")) {
    judge.add("plain-list",
              std::format("{} is a `{}`, not a LabelEncoder; code that reads `.classes_` or calls "
                          "`inverse_transform` fails",
                          judge.choice.name, list.type),
              "name the key for what it holds (`classes`), or save the LabelEncoder itself");
  }
  if (!judge_readable(judge)) {
    return;
  }
  judge.judgement.saw("classes", std::to_string(list.classes.size()));
  judge_names(judge);
  judge_order(judge);
  judge_declared_count(judge);
  judge_output_count(judge);
  judge.judgement.saw("names",
                      std::format("{}, {}", judge.choice.name,
                                  list.type.empty() ? std::string(enum_name(list.kind)) : list.type));
  if (!list.sklearn_version.empty()) {
    judge.judgement.saw("scikit-learn", list.sklearn_version);
  }
}

}  // namespace

// One inference tells how many outputs there are; the inference check asks for the same one.
std::vector<Experiment> plan(const ModelDeclaration& model, const NoOptions&) {
  if (model.inputs.empty()) {
    return {};
  }
  return {{.kind = ExperimentKind::infer, .fill = Fill::random, .seed = 1}};
}

Judgement judge(const Facts& facts, const NoOptions&) {
  const LabelSource source = facts.model.labels ? facts.model.labels->from : LabelSource::checkpoint;
  if (source == LabelSource::checkpoint) {
    if (const auto obstacle = inside_obstacle(facts)) {
      return Judgement::cannot_tell(*obstacle);
    }
  }
  Judgement judgement;
  const LabelChoice choice = choose_labels(facts);
  Judge judge{facts, choice, judgement};
  if (choice.chosen == nullptr) {
    judge_no_choice(judge);
  } else {
    judge_list(judge);
  }
  return judgement;
}

extern const CheckInfo kCheck;
const CheckInfo kCheck =
    define_check<NoOptions, judge, plan>("label-encoder", kFindings, {.artifact = true, .runtime = true});

}  // namespace runup::checks::label_encoder
