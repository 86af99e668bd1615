// SPDX-License-Identifier: Apache-2.0
#include "init/text.h"

#include <algorithm>
#include <format>
#include <utility>

#include "base/text.h"
#include "config/scalar.h"
#include "init/names.h"

namespace runup::init {

namespace {

// Columns where comments stand at most, and that a line has at most, before the comment goes above it.
constexpr std::size_t kMostIndent = 72;
constexpr std::size_t kMostColumns = 118;
constexpr std::size_t kMostComment = 160;
constexpr std::size_t kGap = 2;

std::string shortened(const std::string& text) {
  if (display_width(text) <= kMostComment) {
    return text;
  }
  std::string out;
  for (std::size_t i = 0; i < text.size() && display_width(out) < kMostComment - 1;) {
    const std::size_t step = std::max<std::size_t>(1, utf8_sequence_length(std::string_view(text).substr(i)));
    out += text.substr(i, step);
    i += step;
  }
  return out + "…";
}

std::string comment_of(std::string_view text) { return shortened(one_line(text)); }

// Text whose plain form some readers take for something else is quoted, with its odd characters escaped.
std::string scalar(const std::string& text) {
  const std::string plain = yaml_text(text);
  if (one_line(text) == text && !text.contains("\xEF\xBF\xBD")) {
    return plain;
  }
  std::string quoted = "\"";
  for (std::size_t i = 0; i < text.size();) {
    const std::string_view rest = std::string_view(text).substr(i);
    const std::size_t length = std::max<std::size_t>(1, utf8_sequence_length(rest));
    const std::string_view sequence = rest.substr(0, length);
    if (sequence == "\"" || sequence == "\\") {
      quoted += '\\';
      quoted += sequence;
    } else if (length == 1 && (static_cast<unsigned char>(sequence[0]) < 0x20 || sequence[0] == 0x7F)) {
      quoted += std::format("\\x{:02x}", static_cast<unsigned char>(sequence[0]));
    } else if (one_line(sequence) == sequence) {
      quoted += sequence;
    } else if (length == 2) {
      quoted += std::format("\\x{:02x}", ((static_cast<unsigned>(sequence[0]) & 0x1FU) << 6U) |
                                             (static_cast<unsigned>(sequence[1]) & 0x3FU));
    } else {
      quoted += std::format("\\u{:04x}", ((static_cast<unsigned>(sequence[0]) & 0x0FU) << 12U) |
                                             ((static_cast<unsigned>(sequence[1]) & 0x3FU) << 6U) |
                                             (static_cast<unsigned>(sequence[2]) & 0x3FU));
    }
    i += length;
  }
  return quoted + "\"";
}

// The same after `key: ` on a line of its own, where braces in the middle and commas mean nothing.
std::string block_scalar(const std::string& text) {
  std::string without = text;
  std::ranges::replace_if(without, [](char c) { return std::string_view(",[]{}").contains(c); }, 'x');
  const bool plain =
      !text.empty() && !std::string_view("[]{},").contains(text.front()) && scalar(without) == without;
  return plain ? text : scalar(text);
}

struct Line {
  std::string text;
  std::string comment;
};

std::string indent_of(std::string_view line) {
  return std::string(line.substr(0, std::min(line.size(), line.find_first_not_of(' '))));
}

// Writes lines in blocks, whose comments stand below each other.
class Writer {
 public:
  void line(std::string text, std::string_view comment = {}) {
    block_.push_back({.text = std::move(text), .comment = comment_of(comment)});
  }

  void remark(std::string_view indent, std::string_view text) {
    line(std::format("{}# {}", indent, comment_of(text)));
  }

  // A key with its value, and what is said of it.
  void key(const std::string& indent, const std::string& key, const std::string& value,
           const Comments& comments) {
    if (!value.empty()) {
      line(std::format("{}{}: {}", indent, key, value), why(comments, key));
    }
    hints(indent, key, comments);
  }

  void hints(const std::string& indent, const std::string& key, const Comments& comments) {
    const auto found = comments.below.find(key);
    for (const Hint& hint : found == comments.below.end() ? std::vector<Hint>{} : found->second) {
      line(std::format("{}# {}", indent, comment_of(hint.text)), hint.why);
    }
  }

  static std::string why(const Comments& comments, const std::string& key) {
    const auto found = comments.why.find(key);
    return found == comments.why.end() ? "" : found->second;
  }

  void end_block() {
    std::size_t column = 0;
    for (const Line& line : block_) {
      const std::size_t width = display_width(line.text) + kGap;
      if (!line.comment.empty() && fits(line, width) && width <= kMostIndent) {
        column = std::max(column, width);
      }
    }
    for (const Line& line : block_) {
      write(line, column);
    }
    block_.clear();
  }

  std::string take() {
    end_block();
    return std::move(out_);
  }

 private:
  static bool fits(const Line& line, std::size_t column) {
    return column + 2 + display_width(line.comment) <= kMostColumns;
  }

  void write(const Line& line, std::size_t column) {
    const std::size_t width = display_width(line.text);
    if (line.comment.empty()) {
      out_ += line.text + "\n";
    } else if (fits(line, std::max(column, width + kGap))) {
      out_ +=
          line.text + std::string(std::max(column, width + kGap) - width, ' ') + "# " + line.comment + "\n";
    } else if (fits(line, width + kGap)) {
      out_ += line.text + std::string(kGap, ' ') + "# " + line.comment + "\n";
    } else {
      out_ += indent_of(line.text) + "# " + line.comment + "\n" + line.text + "\n";
    }
  }

  std::vector<Line> block_;
  std::string out_;
};

std::string in_braces(const std::vector<std::string>& members) { return "{" + join(members, ", ") + "}"; }

std::string member(std::string_view key, const std::string& value) {
  return std::format("{}: {}", key, scalar(value));
}

std::string labels_text(const std::optional<LabelsDeclaration>& labels) {
  if (!labels) {
    return {};
  }
  std::vector<std::string> members{std::format("from: {}", enum_name(labels->from))};
  if (!labels->key.empty()) {
    members.push_back(member("key", labels->key));
  }
  if (!labels->path.empty()) {
    members.push_back(member("path", labels->path));
  }
  return in_braces(members);
}

std::string input_text(const InputDeclaration& input) {
  std::vector<std::string> shape;
  for (const Dimension& dimension : input.shape) {
    shape.push_back(dimension.axis.empty() ? std::format("{}", dimension.size) : scalar(dimension.axis));
  }
  std::vector<std::string> members{member("name", input.name),
                                   std::format("dtype: {}", enum_name(input.dtype)),
                                   std::format("shape: [{}]", join(shape, ", "))};
  if (input.range) {
    members.push_back(std::format("range: {{low: {}, high: {}}}", input.range->low, input.range->high));
  }
  return in_braces(members);
}

std::string axis_text(const AxisDeclaration& axis) {
  return axis.range.size() == 2
             ? std::format("{{example: {}, range: [{}, {}]}}", axis.example, axis.range[0], axis.range[1])
             : std::format("{{example: {}}}", axis.example);
}

std::string sample_text(const SampleDeclaration& sample) {
  std::vector<std::string> members{member("input", sample.input)};
  if (!sample.output.empty()) {
    members.push_back(member("output", sample.output));
  }
  if (!sample.label.empty()) {
    members.push_back(member("label", sample.label));
  }
  return in_braces(members);
}

std::string value(const std::string& text) { return text.empty() ? "" : block_scalar(text); }

void write_target(Writer& writer, const Draft& draft) {
  const TargetDeclaration& target = draft.target;
  const Comments& comments = draft.comments;
  writer.line("version: 1");
  writer.key("", "target", value(target.target), comments);
  writer.key("", "package", value(target.package), comments);
  writer.key("", "installed_at", value(target.installed_at), comments);
  std::vector<std::string> mounts;
  for (const MountDeclaration& mount : target.mounts) {
    mounts.push_back(in_braces({member("at", mount.at), member("from", mount.from)}));
  }
  writer.key("", "mounts", mounts.empty() ? "" : "[" + join(mounts, ", ") + "]", comments);
  writer.key("", "entrypoint", value(target.entrypoint), comments);
  writer.key("", "python", value(target.python), comments);
  writer.end_block();
}

void write_inputs(Writer& writer, const DraftModel& model) {
  const ModelDeclaration& declared = model.declared;
  const Comments& comments = model.comments;
  const std::string indent(4, ' ');
  if (!declared.inputs.empty()) {
    writer.line(indent + "inputs:", Writer::why(comments, "inputs"));
    for (std::size_t i = 0; i < declared.inputs.size(); ++i) {
      writer.line(indent + "  - " + input_text(declared.inputs[i]),
                  Writer::why(comments, std::format("inputs[{}]", i)));
    }
  }
  writer.hints(indent, "inputs", comments);
  if (!declared.axes.empty()) {
    writer.line(indent + "axes:");
    for (const auto& [name, axis] : declared.axes) {
      writer.line(std::format("{}  {}: {}", indent, scalar(name), axis_text(axis)),
                  Writer::why(comments, "axes." + name));
    }
  }
  if (!declared.samples.empty()) {
    writer.line(indent + "samples:", Writer::why(comments, "samples"));
    for (const SampleDeclaration& sample : declared.samples) {
      writer.line(indent + "  - " + sample_text(sample));
    }
  }
}

void write_conversions(Writer& writer, const DraftModel& model) {
  const std::string indent(4, ' ');
  const bool hinted = model.comments.below.contains("conversions");
  if (!model.declared.conversions.empty()) {
    writer.line(indent + "conversions:", Writer::why(model.comments, "conversions"));
  } else if (hinted) {
    writer.line(indent + "# conversions:");
  }
  for (const ConversionDeclaration& conversion : model.declared.conversions) {
    writer.line(indent + "  - " + in_braces({member("path", conversion.path)}));
  }
  writer.hints(indent + "  ", "conversions", model.comments);
}

void write_model(Writer& writer, const DraftModel& model) {
  const ModelDeclaration& declared = model.declared;
  const std::string indent(4, ' ');
  writer.line(std::format("  {}:", scalar(model.name)));
  for (const auto& [key, text] :
       {std::pair{"path", value(declared.path)}, std::pair{"factory", value(declared.factory)},
        std::pair{"state_dict", value(declared.state_dict)},
        std::pair{"architecture", value(declared.architecture)}, std::pair{"device", value(declared.device)},
        std::pair{"labels", labels_text(declared.labels)}}) {
    writer.key(indent, key, text, model.comments);
  }
  writer.end_block();
  write_inputs(writer, model);
  write_conversions(writer, model);
  writer.end_block();
}

void write_service(Writer& writer, const Draft& draft) {
  if (!draft.service) {
    writer.hints("", "service", draft.comments);
    return;
  }
  const ServiceDeclaration& service = *draft.service;
  const std::string indent(2, ' ');
  writer.line("service:");
  writer.key(indent, "command", value(service.command), draft.service_comments);
  writer.key(indent, "liveness", value(service.liveness), draft.service_comments);
  writer.key(indent, "readiness", value(service.readiness), draft.service_comments);
  writer.key(indent, "predict",
             service.predict
                 ? in_braces({member("path", service.predict->path), member("body", service.predict->body)})
                 : "",
             draft.service_comments);
  writer.key(indent, "on_missing_model", "", draft.service_comments);
}

}  // namespace

std::string render_draft(const Draft& draft) {
  Writer writer;
  writer.line("# What has to hold before this service is deployed; judge it with `runup run`.");
  writer.line(
      "# Written by `runup init`: what is a guess says so, and what it could not tell waits in comments.");
  write_target(writer, draft);
  writer.line("models:");
  for (const DraftModel& model : draft.models) {
    write_model(writer, model);
  }
  for (const std::string& note : draft.notes) {
    writer.remark("  ", note);
  }
  writer.end_block();
  write_service(writer, draft);
  return writer.take();
}

}  // namespace runup::init
