// SPDX-License-Identifier: Apache-2.0
#include "probes/onnxruntime/error_text.h"

#include <algorithm>
#include <array>

#include "base/text.h"

namespace runup {

namespace {

constexpr std::size_t kLongestError = 1024;

constexpr std::array<std::string_view, 9> kLacks{
    "Unsupported model IR version",
    "is under development and support for this is limited",
    "is not a registered function/op",
    "Could not find an implementation for",
    "No opset import for domain",
    "not enabled in this build",
    "is not enabled",
    "not supported in this build",
    "Batchwise recurrent operations",
};

// The text behind the last `mark`, or all of it.
std::string_view behind(std::string_view text, std::string_view mark) {
  const std::size_t at = text.rfind(mark);
  return at == std::string_view::npos ? text : text.substr(at + mark.size());
}

// The text between two marks; empty when either is missing.
std::string_view between(std::string_view text, std::string_view from, std::string_view to) {
  const std::size_t start = text.find(from);
  if (start == std::string_view::npos) {
    return {};
  }
  const std::size_t end = text.find(to, start + from.size());
  return end == std::string_view::npos ? std::string_view()
                                       : text.substr(start + from.size(), end - start - from.size());
}

bool is_word(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

// Where the end of "reshape_helper.h:45 " is when the text starts like that, else 0.
std::size_t end_of_place(std::string_view text) {
  const std::size_t space = text.find(' ');
  const std::string_view place = text.substr(0, space);
  const std::size_t colon = place.rfind(':');
  const bool is_place = space != std::string_view::npos && colon != std::string_view::npos &&
                        colon + 1 < place.size() &&
                        place.find_first_not_of("0123456789", colon + 1) == std::string_view::npos &&
                        (place.substr(0, colon).ends_with(".h") || place.substr(0, colon).ends_with(".cc"));
  return is_place ? space + 1 : 0;
}

// What follows the function's name, its signature when it has one, and a condition's own source:
// "void Iterator::Init(ptrdiff_t, ptrdiff_t) axis == 1 was false. Attempting to ..."
std::string_view behind_function(std::string_view text) {
  std::size_t at = text.find('(');
  if (at == std::string_view::npos) {
    const std::size_t space = text.find(' ');
    return space == std::string_view::npos ? text : text.substr(space + 1);
  }
  for (std::size_t depth = 0; at < text.size(); ++at) {
    depth += text[at] == '(' ? 1U : 0U;
    if (text[at] == ')' && --depth == 0) {
      text.remove_prefix(at + 1);
      break;
    }
  }
  if (constexpr std::string_view kFalse = " was false. "; text.contains(kFalse)) {
    text.remove_prefix(text.find(kFalse) + kFalse.size());
  }
  return text;
}

std::string_view without_source(std::string_view text) {
  const std::size_t end = end_of_place(text);
  return end == 0 ? text : behind_function(text.substr(end));
}

std::string one_line(std::string_view text) {
  std::string line;
  for (const char c : text) {
    const bool space = c == '\n' || c == '\r' || c == '\t' || c == ' ';
    if (!space) {
      line += c;
    } else if (!line.empty() && line.back() != ' ') {
      line += ' ';
    }
  }
  while (!line.empty() && (line.back() == ' ' || line.back() == '.')) {
    line.pop_back();
  }
  line.erase(0, line.find_first_not_of(" :"));
  return line;
}

// "Load model from /a/b.onnx failed:..." names a file that is named already.
std::string_view without_path(std::string_view text) {
  if (constexpr std::string_view kStart = "Exception during initialization: "; text.starts_with(kStart)) {
    text.remove_prefix(kStart.size());
  }
  constexpr std::string_view kLoad = "Load model from ";
  constexpr std::string_view kFailed = " failed:";
  if (!text.starts_with(kLoad)) {
    return text;
  }
  const std::size_t end = text.find(kFailed);
  return end == std::string_view::npos ? text : text.substr(end + kFailed.size());
}

std::string where(std::string_view message) {
  // "Non-zero status code returned while running Reshape node. Name:'/Reshape_1' Status Message: ..."
  std::string_view op = between(message, "while running ", " node. Name:'");
  const std::string_view name = between(message, " node. Name:'", "'");
  while (!op.empty() && !is_word(op.front())) {
    op.remove_prefix(1);
  }
  if (op.empty()) {
    return {};
  }
  std::string words = ", in a `" + printable(op) + "` node";
  if (!name.empty()) {
    words += " (`" + printable(name) + "`)";
  }
  return words;
}

}  // namespace

std::string first_words_of_ort(std::string_view message) {
  std::string place = where(message);
  std::string_view text = behind(message, "Status Message: ");
  text = without_source(without_path(text));
  std::string line = one_line(text);
  // Its advice to whoever wrote the graph, not to whoever deploys it.
  for (const std::string_view advice : {" Please fix either the inputs/outputs or the model"}) {
    if (line.ends_with(advice)) {
      line.resize(line.size() - advice.size());
    }
  }
  line = one_line(line);
  if (place.size() > kLongestError / 2) {
    place.resize(kLongestError / 2);
  }
  if (line.size() + place.size() > kLongestError) {
    line.resize(kLongestError - place.size());
  }
  return line + place;
}

bool is_lack_of_ort(std::string_view message) {
  return std::ranges::any_of(kLacks, [&](std::string_view lack) { return message.contains(lack); });
}

}  // namespace runup
