// SPDX-License-Identifier: Apache-2.0
#include "base/yaml_tree.h"

#include <algorithm>
#include <array>
#include <format>
#include <map>
#include <optional>
#include <sstream>
#include <utility>

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/mark.h>
#include <yaml-cpp/parser.h>

#include "base/duration.h"
#include "base/text.h"

namespace runup {

namespace {

// Carries a diagnostic out of yaml-cpp's callbacks; never leaves this file.
struct Stop {
  Diagnostic diagnostic;
};

// Maps byte positions to the columns that an editor shows.
class SourceText {
 public:
  SourceText(std::string_view text, std::uint32_t source) : text_(text), source_(source) {
    starts_.push_back(0);
    for (std::size_t i = 0; i < text.size(); ++i) {
      if (text[i] == '\n') {
        starts_.push_back(i + 1);
      }
    }
  }

  // `line` and `byte` count from 0.
  Place place(std::size_t line, std::size_t byte) const {
    const std::string_view before = line_text(line).substr(0, byte);
    const auto characters = std::ranges::count_if(
        before, [](char c) { return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U; });
    return {.source = source_, .line = line + 1, .column = static_cast<std::uint64_t>(characters) + 1};
  }
  Place place(const YAML::Mark& mark) const {
    return mark.is_null() ? Place{.source = source_}
                          : place(static_cast<std::size_t>(mark.line), static_cast<std::size_t>(mark.column));
  }
  Place place_of_offset(std::size_t offset) const {
    const auto after = std::ranges::upper_bound(starts_, offset);
    const auto line = static_cast<std::size_t>(after - starts_.begin()) - 1;
    return place(line, offset - starts_[line]);
  }
  std::string_view line_text(std::size_t line) const {
    if (line >= starts_.size()) {
      return {};
    }
    const std::size_t end = line + 1 < starts_.size() ? starts_[line + 1] : text_.size();
    return text_.substr(starts_[line], end - starts_[line]);
  }
  // Does a scalar in quotes start at `mark` (perhaps after an anchor or tag) and reach the end of the
  // text? yaml-cpp lets that pass.
  bool ends_inside_quotes(const YAML::Mark& mark) const {
    std::string_view rest = text_.substr(std::min(
        text_.size(), starts_[static_cast<std::size_t>(mark.line)] + static_cast<std::size_t>(mark.column)));
    while (rest.starts_with('&') || rest.starts_with('!')) {
      rest.remove_prefix(std::min(rest.size(), rest.find_first_of(" \t\r\n")));
      rest.remove_prefix(std::min(rest.size(), rest.find_first_not_of(" \t\r\n")));
    }
    const char quote = rest.empty() ? ' ' : rest.front();
    if (quote != '"' && quote != '\'') {
      return false;
    }
    for (std::size_t i = 1; i < rest.size(); ++i) {
      if (rest[i] == '\\' && quote == '"') {
        ++i;
      } else if (rest[i] == quote) {
        if (quote == '"' || i + 1 >= rest.size() || rest[i + 1] != quote) {
          return false;
        }
        ++i;
      }
    }
    return true;
  }
  // The character there, in backticks.
  std::string character_at(const YAML::Mark& mark) const {
    const std::string_view line = line_text(static_cast<std::size_t>(mark.line));
    const std::string_view rest = line.substr(std::min(line.size(), static_cast<std::size_t>(mark.column)));
    return "`" + std::string(rest.substr(0, std::max<std::size_t>(1, utf8_sequence_length(rest)))) + "`";
  }

 private:
  std::string_view text_;
  std::uint32_t source_;
  std::vector<std::size_t> starts_;
};

std::size_t count_nodes(const YamlNode& node) {
  std::size_t count = 1;
  for (const auto& item : node.items) {
    count += count_nodes(item);
  }
  for (const auto& entry : node.entries) {
    count += 1 + count_nodes(entry.value);
  }
  return count;
}

class TreeBuilder : public YAML::EventHandler {
 public:
  explicit TreeBuilder(const SourceText& source) : source_(source) {}

  YamlNode take_root() { return std::move(root_); }
  // Where the innermost `[` or `{` that is still open stands.
  Place innermost_open() const { return frames_.empty() ? Place{} : frames_.back().node.place; }

  void OnDocumentStart(const YAML::Mark& mark) override {
    if (documents_++ > 0) {
      stop(mark, "a second document starts here; expected one document in this file");
    }
  }
  void OnDocumentEnd() override {}

  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    add({.kind = YamlKind::null, .place = source_.place(mark)}, anchor);
  }
  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    // yaml-cpp gives untagged plain scalars the tag "?" and all other untagged ones "!".
    const bool text = tag == "!" || tag == "tag:yaml.org,2002:str";
    if (!text) {
      refuse_tag(mark, tag);
    }
    if (text && source_.ends_inside_quotes(mark)) {
      stop(mark, "a quote opens here and is never closed");
    }
    add({.kind = text ? YamlKind::quoted : YamlKind::plain, .place = source_.place(mark), .text = value},
        anchor);
  }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    const auto found = anchors_.find(anchor);
    if (found == anchors_.end()) {
      stop(mark, "an alias stands inside the value that it refers to");
    }
    charge(source_.place(mark), count_nodes(found->second));
    add(YamlNode(found->second), 0);
  }
  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    open(mark, tag, anchor, YamlKind::list);
  }
  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    open(mark, tag, anchor, YamlKind::map);
  }
  void OnSequenceEnd() override { close(); }
  void OnMapEnd() override { close(); }

 private:
  struct Frame {
    YamlNode node;
    YAML::anchor_t anchor = 0;
    // of a map: the key whose value comes next
    std::optional<YamlEntry> pending;
  };

  [[noreturn]] void stop(const YAML::Mark& mark, std::string message) const {
    throw Stop{{source_.place(mark), std::move(message)}};
  }
  void refuse_tag(const YAML::Mark& mark, const std::string& tag) const {
    if (tag != "?" && tag != "!") {
      constexpr std::string_view kYaml = "tag:yaml.org,2002:";
      stop(mark, std::format("the tag `{}` is not supported; leave it out",
                             printable(tag.starts_with(kYaml) ? "!!" + tag.substr(kYaml.size()) : tag)));
    }
  }
  void charge(const Place& place, std::size_t nodes) {
    nodes_ += nodes;
    if (nodes_ > kMaxYamlNodes) {
      throw Stop{
          {place, std::format("more than {} values up to here, with aliases written out", kMaxYamlNodes)}};
    }
  }

  void open(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor, YamlKind kind) {
    refuse_tag(mark, tag);
    if (frames_.size() >= kMaxYamlDepth) {
      stop(mark, std::format("nested deeper than {} levels", kMaxYamlDepth));
    }
    refuse_as_key(source_.place(mark), kind);
    frames_.push_back(
        {.node = {.kind = kind, .place = source_.place(mark)}, .anchor = anchor, .pending = {}});
  }
  void close() {
    Frame frame = std::move(frames_.back());
    frames_.pop_back();
    add(std::move(frame.node), frame.anchor);
  }

  // A map's values arrive as key, value, key, value.
  bool expects_key() const {
    return !frames_.empty() && frames_.back().node.kind == YamlKind::map && !frames_.back().pending;
  }
  void refuse_as_key(const Place& place, YamlKind kind) const {
    if (!expects_key() || kind == YamlKind::plain || kind == YamlKind::quoted) {
      return;
    }
    throw Stop{{place, kind == YamlKind::null ? "a key is empty; expected text before the `:`"
                       : kind == YamlKind::map
                           ? "a map cannot be a key; close `{` with `}`, or quote it to mean text"
                           : "a list cannot be a key; close `[` with `]`, or quote it to mean text"}};
  }

  void add(YamlNode node, YAML::anchor_t anchor) {
    charge(node.place, 1);
    if (anchor != 0) {
      charge(node.place, count_nodes(node));
      anchors_.insert_or_assign(anchor, node);
    }
    if (frames_.empty()) {
      root_ = std::move(node);
      return;
    }
    refuse_as_key(node.place, node.kind);
    Frame& frame = frames_.back();
    if (frame.node.kind == YamlKind::list) {
      frame.node.items.push_back(std::move(node));
    } else if (!frame.pending) {
      if (node.text == "<<" && node.kind == YamlKind::plain) {
        throw Stop{{node.place,
                    "the merge key `<<` is not supported; write the keys out, or give each value an alias"}};
      }
      frame.pending = YamlEntry{.key = std::move(node.text), .place = node.place, .value = {}};
    } else {
      // yaml-cpp sees an empty value only where the next thing starts.
      node.place = node.kind == YamlKind::null ? frame.pending->place : node.place;
      frame.pending->value = std::move(node);
      frame.node.entries.push_back(std::move(*frame.pending));
      frame.pending.reset();
    }
  }

  const SourceText& source_;
  std::vector<Frame> frames_;
  std::map<YAML::anchor_t, YamlNode> anchors_;
  YamlNode root_;
  std::size_t nodes_ = 0;
  std::size_t documents_ = 0;
};

// The first byte that text cannot hold, if any.
std::optional<Diagnostic> refuse_bytes(std::string_view text, const SourceText& source) {
  for (std::size_t i = 0; i < text.size();) {
    const auto byte = static_cast<unsigned char>(text[i]);
    if ((byte < 0x20 && byte != '\t' && byte != '\n' && byte != '\r') || byte == 0x7F) {
      return Diagnostic{source.place_of_offset(i),
                        std::format("control character 0x{:02x}; expected a YAML text file", byte)};
    }
    const std::size_t length = utf8_sequence_length(text.substr(i));
    if (length == 0) {
      return Diagnostic{source.place_of_offset(i),
                        std::format("byte 0x{:02x} is not UTF-8; save the file as UTF-8", byte)};
    }
    i += length;
  }
  return std::nullopt;
}

// What yaml-cpp says, in words that name the cure; `{}` becomes the character at the place, or the line
// of the open bracket.
std::string syntax_message(const std::string& said, const std::string& filling) {
  const std::array<std::pair<std::string_view, std::string_view>, 15> words{{
      {YAML::ErrorMsg::END_OF_MAP_FLOW, "the `{` of line {} is not closed; expected `,` or `}` before this"},
      {YAML::ErrorMsg::END_OF_SEQ_FLOW, "the `[` of line {} is not closed; expected `,` or `]` before this"},
      {YAML::ErrorMsg::END_OF_MAP, "this line does not fit the map above it; check its indentation"},
      {YAML::ErrorMsg::END_OF_SEQ, "this line does not fit the list above it; check its indentation"},
      {YAML::ErrorMsg::TAB_IN_INDENTATION, "a tab in the indentation; expected spaces"},
      {YAML::ErrorMsg::FLOW_END, "{} does not close the bracket that is open here"},
      {YAML::ErrorMsg::BLOCK_ENTRY, "`- ` cannot start a list item here; check the indentation"},
      {YAML::ErrorMsg::MAP_VALUE, "`: ` cannot stand here; quote the text if the colon belongs to it"},
      {YAML::ErrorMsg::MAP_KEY, "a key cannot stand here; check the indentation"},
      {YAML::ErrorMsg::EOF_IN_SCALAR, "the file ends inside a quoted text; expected the closing quote"},
      {YAML::ErrorMsg::DOC_IN_SCALAR,
       "`---` or `...` inside a quoted text; expected the closing quote before it"},
      {YAML::ErrorMsg::UNKNOWN_TOKEN, "a value cannot start with {}; quote it"},
      {YAML::ErrorMsg::CHAR_IN_SCALAR, "a value cannot start with {}; quote it"},
      {YAML::ErrorMsg::ALIAS_NOT_FOUND, "`*` starts an alias; quote the text to mean the character"},
      {YAML::ErrorMsg::ANCHOR_NOT_FOUND, "`&` starts an anchor; quote the text to mean the character"},
  }};
  for (const auto& [theirs, ours] : words) {
    if (said == theirs) {
      const std::size_t blank = ours.find("{}");
      return blank == std::string_view::npos ? std::string(ours)
                                             : std::string(ours).replace(blank, 2, filling);
    }
  }
  const auto rest_after = [&](std::string_view start) -> std::optional<std::string> {
    return said.starts_with(start) ? std::optional(printable(said.substr(start.size()))) : std::nullopt;
  };
  if (auto name = rest_after(YAML::ErrorMsg::UNKNOWN_ANCHOR)) {
    return std::format("the alias `*{0}` has no anchor `&{0}` before it", *name);
  }
  if (auto character = rest_after(YAML::ErrorMsg::INVALID_ESCAPE)) {
    return std::format("unknown escape `\\{0}` in double quotes; write `\\\\{0}`, or use single quotes",
                       *character);
  }
  return "not valid YAML: " + printable(said);
}

// A tab before the first character of the line or of the one above it is behind most errors that
// yaml-cpp describes as something else.
Diagnostic syntax_error(const YAML::Exception& error, const SourceText& source, const Place& open) {
  if (error.mark.is_null()) {
    return {source.place(error.mark), syntax_message(error.msg, "it")};
  }
  const auto line = static_cast<std::size_t>(error.mark.line);
  for (std::size_t candidate = line == 0 ? 0 : line - 1; candidate <= line; ++candidate) {
    const std::string_view text = source.line_text(candidate);
    const std::size_t tab = text.find('\t');
    if (tab != std::string_view::npos && text.find_first_not_of(" \t") > tab) {
      return {source.place(candidate, tab), syntax_message(YAML::ErrorMsg::TAB_IN_INDENTATION, "")};
    }
  }
  Place place = source.place(error.mark);
  const bool unclosed =
      error.msg == YAML::ErrorMsg::END_OF_MAP_FLOW || error.msg == YAML::ErrorMsg::END_OF_SEQ_FLOW;
  if (error.msg.starts_with(YAML::ErrorMsg::INVALID_ESCAPE)) {
    // yaml-cpp has read the backslash and the character.
    place.column = place.column > 2 ? place.column - 2 : 1;
  }
  return {place,
          syntax_message(error.msg, unclosed ? std::to_string(open.line) : source.character_at(error.mark))};
}

}  // namespace

std::expected<YamlNode, Diagnostic> parse_yaml(std::string_view text, std::uint32_t source_number) {
  const Place whole{.source = source_number};
  if (text.size() > kMaxConfigBytes) {
    return std::unexpected(
        Diagnostic{whole, std::format("{} long; expected at most {}", format_bytes(text.size()),
                                      format_bytes(kMaxConfigBytes))});
  }
  if (text.starts_with("\xFF\xFE") || text.starts_with("\xFE\xFF")) {
    return std::unexpected(Diagnostic{whole, "the file is UTF-16; save it as UTF-8"});
  }
  if (text.starts_with("\xEF\xBB\xBF")) {
    text.remove_prefix(3);
  }
  const SourceText source(text, source_number);
  if (auto refused = refuse_bytes(text, source)) {
    return std::unexpected(*refused);
  }
  TreeBuilder builder(source);
  try {
    std::istringstream stream{std::string(text)};
    YAML::Parser parser(stream);
    while (parser.HandleNextDocument(builder)) {
    }
    return builder.take_root();
  } catch (const Stop& stop) {
    return std::unexpected(stop.diagnostic);
  } catch (const YAML::Exception& error) {
    return std::unexpected(syntax_error(error, source, builder.innermost_open()));
  } catch (const std::exception& error) {
    return std::unexpected(Diagnostic{whole, std::string("cannot be read as YAML: ") + error.what()});
  }
}

}  // namespace runup
