// SPDX-License-Identifier: Apache-2.0
#include "cli/inspect_torchscript.h"

#include <algorithm>
#include <format>
#include <map>

#include "base/text.h"
#include "report/layout.h"

namespace runup {

namespace {

std::string_view words_of(CodeRemarkKind kind) {
  switch (kind) {
    case CodeRemarkKind::device_constant:
      return "devices named in the code";
    case CodeRemarkKind::size_literal:
      return "sizes written in the code";
    case CodeRemarkKind::training_dropout:
      return "dropout as in training";
    case CodeRemarkKind::training_batch_norm:
      return "batch norm as in training";
    case CodeRemarkKind::batch_statistics:
      return "batch norm without running statistics";
    case CodeRemarkKind::random:
      return "random numbers";
    case CodeRemarkKind::foreign_operator:
      return "operators of other libraries";
    case CodeRemarkKind::quantised_engine:
      return "quantised layers";
  }
  return "remarks";
}

class ScriptText {
 public:
  ScriptText(const TorchScriptFacts& script, std::size_t most, std::size_t width, bool colour)
      : script_(script), most_(most), width_(width), colour_(colour) {}

  std::string render() {
    out_ += std::format(
        "\n{}  {}\n", paint(Tone::strong, "code", colour_),
        paint(Tone::faint,
              std::format("{} of {}, {}", count_of(script_.code_files, "file", "files"),
                          format_bytes(script_.code_bytes), script_.traced ? "traced" : "scripted"),
              colour_));
    property("module", script_.root_class);
    property("forward",
             script_.has_forward ? std::format("({})", join(script_.arguments, ", ")) : std::string("none"));
    std::vector<std::string> shapes;
    for (const auto& shape : script_.traced_shapes) {
      shapes.push_back(shape_text(shape));
    }
    property("traced with", join(shapes, ", "));
    std::vector<std::string> training;
    for (const std::string& path : script_.training_modules) {
      training.push_back(path.empty() ? "(root)" : path);
    }
    property("training", training.empty()
                             ? std::string("no module has the flag")
                             : std::format("the flag of {} of {}: {}", training.size(),
                                           count_of(script_.modules, "module", "modules"),
                                           join_words(training, std::min<std::size_t>(most_, 5))));
    property("not followed", script_.incomplete);
    std::map<CodeRemarkKind, std::vector<const CodeRemarkFacts*>> kinds;
    for (const CodeRemarkFacts& remark : script_.remarks) {
      kinds[remark.kind].push_back(&remark);
    }
    for (const auto& [kind, places] : kinds) {
      list(kind, places);
    }
    return std::move(out_);
  }

 private:
  void property(std::string_view name, std::string_view value) {
    if (!value.empty()) {
      append_wrapped(out_, std::format("  {}", paint(Tone::faint, pad(name, kLabelColumns - 2), colour_)),
                     kLabelColumns, one_line(value), width_);
    }
  }

  void list(CodeRemarkKind kind, const std::vector<const CodeRemarkFacts*>& places) {
    out_ += std::format("  {}\n", paint(Tone::name, words_of(kind), colour_));
    const std::size_t shown = std::min(places.size(), most_);
    for (const CodeRemarkFacts* place : std::span(places).first(shown)) {
      std::string where = one_line(place->file);
      if (place->line > 0) {
        where += std::format(":{}", place->line);
      }
      if (!place->module.empty()) {
        where += std::format(" ({})", one_line(place->module));
      }
      const std::string what = kind == CodeRemarkKind::size_literal
                                   ? std::format("{} {}", place->what, shape_text(place->values))
                                   : place->what;
      append_wrapped(out_, "    ", 4,
                     std::format("{}  {}{}", where, one_line(what), place->reached ? "" : ", not reached"),
                     width_);
    }
    if (shown < places.size()) {
      out_ +=
          paint(Tone::faint, std::format("    and {} more places; --all shows them\n", places.size() - shown),
                colour_);
    }
  }

  const TorchScriptFacts& script_;
  std::size_t most_;
  std::size_t width_;
  bool colour_;
  std::string out_;
};

}  // namespace

std::string torchscript_text(const TorchScriptFacts& script, std::size_t most, std::size_t width,
                             bool colour) {
  return ScriptText(script, most, width, colour).render();
}

}  // namespace runup
