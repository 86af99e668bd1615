// SPDX-License-Identifier: Apache-2.0
#include "cli/inspect_text.h"

#include <algorithm>
#include <format>
#include <limits>
#include <map>
#include <set>

#include "base/duration.h"
#include "base/text.h"
#include "cli/inspect_onnx.h"
#include "cli/inspect_torchscript.h"
#include "cli/inspect_tree.h"
#include "cli/inspect_words.h"
#include "report/layout.h"

namespace runup {

namespace {

constexpr std::size_t kDefaultWidth = 100;
constexpr std::size_t kLongestRow = 2000;
constexpr std::size_t kNoLimit = std::numeric_limits<std::size_t>::max() / 2;

class Inspection {
 public:
  Inspection(const ArtifactFacts& facts, bool all, const Terminal& terminal)
      : facts_(facts),
        all_(all),
        colour_(terminal.colour),
        width_(terminal.width > 40 ? static_cast<std::size_t>(terminal.width) : kDefaultWidth) {
    for (const OnnxExternalFacts& tensor :
         facts.onnx ? facts.onnx->external : std::vector<OnnxExternalFacts>{}) {
      external_.insert(tensor.tensor);
    }
  }

  std::string render(const std::string& file) {
    head(file);
    defects();
    graph();
    out_ += facts_.torchscript ? torchscript_text(*facts_.torchscript, most(6), width_, colour_) : "";
    state_dicts();
    tensors();
    labels();
    values();
    globals();
    opcodes();
    left_out();
    return std::move(out_);
  }

 private:
  std::size_t most(std::size_t usual) const { return all_ ? kNoLimit : usual; }
  std::string toned(Tone tone, std::string_view text) const { return paint(tone, text, colour_); }

  void line(std::string_view text) { out_.append(text).append("\n"); }
  void section(std::string_view name, std::string_view summary) {
    line("");
    line(std::format("{}  {}", toned(Tone::strong, name), toned(Tone::faint, summary)));
  }
  void more(std::size_t count, std::string_view what) {
    if (count > 0) {
      line(toned(Tone::faint, std::format("  and {} more {}; --all shows them", count, what)));
    }
  }
  void property(std::string_view name, std::string_view value) {
    if (!value.empty()) {
      append_wrapped(out_, std::format("  {}", toned(Tone::faint, pad(name, kLabelColumns - 2))),
                     kLabelColumns, one_line(value), width_);
    }
  }

  void head(const std::string& file) {
    line(toned(Tone::strong, one_line(file)));
    property("is", std::format("{}, {}", kind_in_words(facts_.kind), format_bytes(facts_.bytes)));
    if (facts_.lfs) {
      property("stands for", std::format("{}, {}; `git lfs pull` fetches it", facts_.lfs->oid,
                                         format_bytes(facts_.lfs->bytes)));
    } else {
      property("starts with", facts_.head.empty() ? "" : std::format("`{}`", facts_.head));
    }
    property("format", format());
    property("written by", facts_.producer);
    property("sha256", facts_.sha256);
    for (const auto& [name, value] : facts_.onnx ? onnx_graph_rows(*facts_.onnx) : InspectRows{}) {
      property(name, value);
    }
    property("holds", content());
    property("classes", facts_.module_classes.empty()
                            ? ""
                            : std::format("whole modules, whose code must be there to load them: {}",
                                          join_quoted(facts_.module_classes, most(5))));
    // An ONNX file says nothing of devices.
    property("devices", facts_.onnx ? "" : devices());
    property("dtypes", dtypes());
  }

  std::string format() const {
    std::vector<std::string> parts;
    if (!facts_.format_version.empty()) {
      parts.push_back((facts_.kind == ArtifactKind::onnx ? "IR version " : "version ") +
                      facts_.format_version);
    }
    if (!facts_.byte_order.empty()) {
      parts.push_back(facts_.byte_order + "-endian");
    }
    if (facts_.pickle_protocol >= 0) {
      parts.push_back(std::format("pickle protocol {}", facts_.pickle_protocol));
    }
    if (facts_.members > 0) {
      parts.push_back(count_of(facts_.members, "member", "members") +
                      (facts_.deflated ? ", some compressed" : ""));
    }
    return join(parts, ", ");
  }

  std::string content() const {
    std::vector<std::string> parts;
    if (!facts_.root_type.empty()) {
      const bool counted = !facts_.objects.empty() && facts_.objects.front().items > 0;
      parts.push_back(counted ? std::format("a {} of {}", facts_.root_type,
                                            count_of(facts_.objects.front().items, "item", "items"))
                              : "a " + facts_.root_type);
    }
    if (!facts_.tensors.empty()) {
      std::uint64_t bytes = 0;
      for (const StorageFacts& storage : facts_.storages) {
        bytes += storage.bytes;
      }
      parts.push_back(std::format("{} in {} of {}", count_of(facts_.tensors.size(), "tensor", "tensors"),
                                  count_of(facts_.storages.size(), "storage", "storages"),
                                  format_bytes(bytes)));
    }
    return join(parts, ", ");
  }

  template <class Range, class Key, class Size>
  std::string totals(const Range& range, Key key, Size size) const {
    std::map<std::string, std::pair<std::uint64_t, std::uint64_t>> sums;
    for (const auto& item : range) {
      auto& [count, bytes] = sums[key(item)];
      ++count;
      bytes += size(item);
    }
    std::vector<std::string> parts;
    for (const auto& [name, sum] : sums) {
      parts.push_back(
          std::format("{} ({}, {})", name.empty() ? "?" : name, sum.first, format_bytes(sum.second)));
    }
    return join_words(parts, most(12));
  }
  std::string devices() const {
    return totals(
        facts_.storages, [](const auto& item) { return item.device; },
        [](const auto& item) { return item.bytes; });
  }
  std::string dtypes() const {
    return totals(
        facts_.tensors, [](const auto& item) { return item.dtype; },
        [](const auto& item) { return item.bytes; });
  }

  void defects() {
    if (facts_.defects.empty()) {
      return;
    }
    section("defects",
            count_of(facts_.defects.size(), "thing is wrong", "things are wrong") + " with the file");
    const std::size_t shown = std::min(facts_.defects.size(), most(12));
    for (const DefectFacts& defect : std::span(facts_.defects).first(shown)) {
      const std::string name(enum_name(defect.kind));
      constexpr std::size_t kIndent = 18;
      const std::string first = std::format("  {}", toned(Tone::bad, pad(name, kIndent - 2)));
      append_wrapped(out_, first, kIndent, one_line(defect.message), width_);
      std::string where = defect.member.empty() ? "" : std::format("`{}`", one_line(defect.member));
      if (defect.offset) {
        where += std::format("{}at byte {}", where.empty() ? "" : ", ", *defect.offset);
      }
      if (!where.empty()) {
        append_wrapped(out_, std::string(kIndent, ' '), kIndent, where, width_);
      }
      const std::string blank(kIndent, ' ');
      append_wrapped(out_, blank, kIndent, meaning_of(defect.kind), width_);
    }
    more(facts_.defects.size() - shown, "defects");
  }

  void graph() {
    if (!facts_.onnx) {
      return;
    }
    section("graph", "-> what it takes, <- what it gives");
    table(onnx_value_rows(*facts_.onnx), 40, "inputs and outputs");
    if (const Rows files = onnx_external_rows(*facts_.onnx); !files.empty()) {
      section("external data", "files beside this one that hold tensors' bytes");
      table(files, 10, "files");
    }
    if (const Rows remarks = onnx_remark_rows(*facts_.onnx); !remarks.empty()) {
      section("remarks", "nodes that deserve a look");
      table(remarks, 20, "kinds of nodes");
    }
  }

  static std::string named(const std::string& path) { return path.empty() ? "(root)" : one_line(path); }

  void state_dicts() {
    if (facts_.state_dicts.empty()) {
      return;
    }
    section("state_dicts", "mappings of names to tensors");
    std::size_t columns = 0;
    const std::size_t shown = std::min(facts_.state_dicts.size(), most(20));
    const auto list = std::span(facts_.state_dicts).first(shown);
    for (const StateDictFacts& mapping : list) {
      columns = std::max(columns, display_width(named(mapping.path)));
    }
    columns = std::min(columns, width_ / 2);
    for (const StateDictFacts& mapping : list) {
      line(std::format("  {}  {}  {}  {}{}",
                       toned(Tone::name, pad(clipped(named(mapping.path), columns), columns)),
                       pad(mapping.role, 9), pad_left(count_of(mapping.tensors, "tensor", "tensors"), 13),
                       pad_left(format_bytes(mapping.bytes), 9),
                       mapping.has_metadata ? toned(Tone::faint, "  from Module.state_dict()") : ""));
    }
    more(facts_.state_dicts.size() - shown, "mappings");
  }

  // Names are cut to fit a terminal; elsewhere they stay whole.
  std::string clipped(const std::string& text, std::size_t columns) const {
    return all_ ? text : clip(text, columns);
  }

  // Its bytes should be in the file and are not there.
  bool is_missing(const TensorFacts& tensor) const {
    // ONNX tensors may be in another file, or written in a way that has no plain bytes.
    return !facts_.onnx && tensor.storage >= 0 && !facts_.deflated &&
           !facts_.storages[static_cast<std::size_t>(tensor.storage)].offset;
  }

  std::string tensor_notes(const TensorFacts& tensor) const {
    std::vector<std::string> notes;
    if (tensor.layout != "strided") {
      notes.push_back(tensor.layout);
    }
    if (tensor.quantisation) {
      notes.push_back(tensor.quantisation->scheme);
    }
    if (tensor.storage < 0 && tensor.layout == "strided") {
      notes.emplace_back("no data");
    }
    if (external_.contains(tensor.path)) {
      notes.emplace_back("external");
    }
    if (is_missing(tensor)) {
      notes.emplace_back("bytes missing");
    }
    if (tensor.conjugate || tensor.negative) {
      notes.emplace_back(tensor.conjugate ? "conjugate" : "negative");
    }
    if (tensor.values) {
      notes.push_back(values_in_words(*tensor.values));
    }
    return join(notes, ", ");
  }

  void tensors() {
    if (facts_.tensors.empty()) {
      return;
    }
    section("tensors", "by name; a group's bytes count shared storages once");
    const std::vector<TreeLine> tree = tensor_tree(facts_, most(16));
    const std::size_t shown = std::min(tree.size(), most(120));
    std::size_t names = 0;
    std::size_t shapes = 0;
    for (const TreeLine& entry : std::span(tree).first(shown)) {
      names = std::max(names, 2 * entry.depth + display_width(one_line(entry.name)));
      if (entry.tensor != nullptr) {
        shapes = std::max(shapes, display_width(shape_text(entry.tensor->shape)));
      }
    }
    names = std::min(names, width_ / 2);
    shapes = std::min(shapes, width_ / 3);
    for (const TreeLine& entry : std::span(tree).first(shown)) {
      tensor_line(entry, names, shapes);
    }
    std::uint64_t hidden = 0;
    for (const TreeLine& entry : std::span(tree).subspan(shown)) {
      hidden += entry.tensor != nullptr ? 1 : entry.is_note ? entry.tensors : 0;
    }
    more(hidden, "tensors");
  }

  void tensor_line(const TreeLine& entry, std::size_t names, std::size_t shapes) {
    const std::string indent(2 + 2 * entry.depth, ' ');
    const std::size_t columns = names > 2 * entry.depth ? names - 2 * entry.depth : 1;
    const std::string name = pad(clipped(one_line(entry.name), columns), columns);
    if (entry.is_note) {
      line(toned(Tone::faint,
                 std::format("{}{}: {}, {}", indent, one_line(entry.name),
                             count_of(entry.tensors, "tensor", "tensors"), format_bytes(entry.bytes))));
      return;
    }
    if (entry.tensor == nullptr) {
      line(std::format(
          "{}{}  {}", indent, toned(Tone::name, name),
          toned(Tone::faint,
                std::format("{} {}", pad(count_of(entry.tensors, "tensor", "tensors"), 9 + shapes),
                            pad_left(format_bytes(entry.bytes), 10)))));
      return;
    }
    const std::string notes = tensor_notes(*entry.tensor);
    line(std::format("{}{}  {} {} {}{}", indent, name, pad(entry.tensor->dtype, 8),
                     pad(clipped(shape_text(entry.tensor->shape), shapes), shapes),
                     pad_left(format_bytes(entry.tensor->bytes), 10),
                     notes.empty() ? "" : "  " + toned(Tone::faint, notes)));
  }

  void labels() {
    for (const LabelListFacts& list : facts_.label_lists) {
      std::string summary = count_of(list.classes.size(), "class", "classes");
      if (list.kind == LabelListKind::label_encoder) {
        summary += list.sklearn_version.empty() ? ", label encoder"
                                                : ", label encoder of scikit-learn " + list.sklearn_version;
      } else {
        summary += std::format(", {} ({})", enum_name(list.kind), list.type);
      }
      section("classes", std::format("`{}`: {}", named(list.path), summary));
      if (!list.problem.empty()) {
        append_wrapped(out_, "  ", 2, toned(Tone::bad, list.problem), width_);
      }
      class_columns(list);
    }
  }

  // "0 a   1 b   2 c", as many beside each other as fit.
  void class_columns(const LabelListFacts& list) {
    const std::size_t shown = std::min(list.classes.size(), most(60));
    std::vector<std::string> cells;
    std::size_t widest = 0;
    for (std::size_t i = 0; i < shown; ++i) {
      const std::string name = list.classes[i].empty() ? "''" : one_line(list.classes[i]);
      cells.push_back(
          std::format("{} {}", pad_left(std::to_string(i), std::to_string(shown).size()), clipped(name, 40)));
      widest = std::max(widest, display_width(cells.back()));
    }
    const std::size_t beside = std::max<std::size_t>(1, (width_ - 2) / (widest + 3));
    std::string row;
    for (std::size_t i = 0; i < cells.size(); ++i) {
      const bool last = (i + 1) % beside == 0 || i + 1 == cells.size();
      row += last ? cells[i] : pad(cells[i], widest + 3);
      if (last) {
        line("  " + row);
        row.clear();
      }
    }
    more(list.classes.size() - shown, "classes");
  }

  using Rows = std::vector<std::pair<std::string, std::string>>;

  // Two columns: a name, and what is said of it.
  void table(const Rows& rows, std::size_t usual, std::string_view what) {
    const std::size_t shown = std::min(rows.size(), most(usual));
    std::size_t columns = 0;
    for (const auto& row : std::span(rows).first(shown)) {
      columns = std::max(columns, display_width(row.first));
    }
    columns = std::min(columns, width_ / 2);
    for (const auto& [name, value] : std::span(rows).first(shown)) {
      const std::size_t left = width_ > columns + 4 ? width_ - columns - 4 : 20;
      line(std::format("  {}  {}", pad(clipped(name, columns), columns), clipped(value, left)));
    }
    more(rows.size() - shown, what);
  }

  // `betas[0]`, `betas[1]` become one row `betas`: they are long lists of little interest.
  static Rows joined_lists(const std::vector<MetadataFacts>& items) {
    Rows rows;
    std::string list;
    for (const MetadataFacts& item : items) {
      const std::size_t bracket = item.path.rfind('[');
      const bool in_list = item.path.ends_with(']') && bracket != std::string::npos && bracket > 0;
      const std::string parent = in_list ? item.path.substr(0, bracket) : std::string();
      if (in_list && parent == list) {
        if (rows.back().second.size() < kLongestRow) {
          rows.back().second += ", " + one_line(item.value);
        }
        continue;
      }
      list = parent;
      // The type of plain values shows in how they are written.
      const bool plain = item.type.find_first_of("._") == std::string::npos && item.type != "set";
      rows.emplace_back(
          in_list ? one_line(parent) + "[]" : named(item.path),
          plain ? one_line(item.value) : std::format("{}  ({})", one_line(item.value), item.type));
    }
    return rows;
  }

  void values() {
    if (facts_.metadata.empty()) {
      return;
    }
    Rows rows = joined_lists(facts_.metadata);
    // What stands at the top was put there to be read.
    std::ranges::stable_partition(
        rows, [](const auto& row) { return row.first.find_first_of(".[", 1) == std::string::npos; });
    section("values",
            count_of(facts_.metadata.size(), "scalar or small object", "scalars and small objects"));
    table(rows, 24, "values");
  }

  void globals() {
    if (facts_.globals.empty()) {
      return;
    }
    section("globals", "what unpickling looks up, and the first key that needs it");
    Rows rows;
    for (const GlobalFacts& global : facts_.globals) {
      const std::string where = global.key_path.empty() ? std::string("(root)") : one_line(global.key_path);
      rows.emplace_back(one_line(std::format("{}.{}", global.module, global.name)),
                        global.uses > 1 ? std::format("{}, {} uses", where, global.uses) : where);
    }
    table(rows, 40, "globals");
  }

  void opcodes() {
    if (all_ && !facts_.opcodes.empty()) {
      section("opcodes", count_of(facts_.opcodes.size(), "kind of pickle opcode", "kinds of pickle opcodes"));
      append_wrapped(out_, "  ", 2, join(facts_.opcodes, " "), width_);
    }
  }

  void left_out() {
    for (const std::string& what : facts_.cut) {
      line("");
      append_wrapped(out_, "", 0, "not read: " + what, width_);
    }
  }

  const ArtifactFacts& facts_;
  bool all_;
  bool colour_;
  std::size_t width_;
  // tensors whose bytes are in another file
  std::set<std::string> external_;
  std::string out_;
};

}  // namespace

std::string render_inspection(const ArtifactFacts& facts, const std::string& file, bool all,
                              const Terminal& terminal) {
  return Inspection(facts, all, terminal).render(file);
}

}  // namespace runup
