// SPDX-License-Identifier: Apache-2.0
#include "probes/package/similar_names.h"

#include <algorithm>
#include <array>
#include <numeric>

namespace runup {

namespace {

// What a model, its labels or its samples may end with: `model.py` beside `model.pth` is no candidate.
constexpr std::array<std::string_view, 16> kEndings{".pth", ".pt",   ".ckpt", ".bin", ".safetensors", ".onnx",
                                                    ".ort", ".ts",   ".npy",  ".npz", ".joblib",      ".pkl",
                                                    ".h5",  ".json", ".txt",  ".pt2"};
// A file name on Linux has at most 255 bytes.
constexpr std::size_t kMaxName = 255;

// Distances of candidates that are not typing mistakes; those come after them.
constexpr std::size_t kSameName = 0;
constexpr std::size_t kOtherCase = 1;
constexpr std::size_t kOtherEnding = 2;
constexpr std::size_t kTypingMistake = 2;

std::string_view folder_of(std::string_view path) {
  const std::size_t slash = path.rfind('/');
  return slash == std::string_view::npos ? std::string_view{} : path.substr(0, slash);
}

std::string_view base_of(std::string_view path) { return path.substr(path.rfind('/') + 1); }

// Letters that U+00C0 to U+017F are composed of, in lower case; a space where there is none.
constexpr std::string_view kLatin =
    "aaaaaa ceeeeiiii nooooo  uuuuy  aaaaaa ceeeeiiii nooooo  uuuuy yaaaaaaccccccccdd  eeeeeeeeeegggg"
    "gggghh  iiiiiiiii   jjkk llllll    nnnnnn   oooooo  rrrrrrsssssssstttt  uuuuuuuuuuuuwwyyyzzzzzz ";
static_assert(kLatin.size() == 0x180 - 0xC0);

// The character at `at`, which moves behind it; a byte that begins none stands for itself.
char32_t next_character(std::string_view text, std::size_t& at) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned first = byte(at);
  const std::size_t length = first >= 0xF8   ? 1
                             : first >= 0xF0 ? 4
                             : first >= 0xE0 ? 3
                             : first >= 0xC0 ? 2
                                             : 1;
  char32_t character = first & (0xFFU >> (length + 1));
  for (std::size_t i = 1; i < length; ++i) {
    if (at + i >= text.size() || (byte(at + i) & 0xC0U) != 0x80U) {
      return byte(at++);
    }
    character = character << 6U | (byte(at + i) & 0x3FU);
  }
  if (length == 1) {
    return byte(at++);
  }
  at += length;
  return character;
}

// A name as it is compared: without case, and the same for the composed and the decomposed form of Unicode (macOS
// writes `한` as three letters). Hangul by the arithmetic of the Unicode Standard, chapter 3.12; Latin letters and kana
// lose their marks. What is not ASCII becomes two bytes, enough to tell names of one folder apart.
std::string folded(std::string_view text) {
  std::string out;
  const auto put = [&](char32_t c) {
    out += static_cast<char>(0x80U | (c >> 7U & 0x7FU));
    out += static_cast<char>(0x80U | (c & 0x7FU));
  };
  for (std::size_t at = 0; at < text.size();) {
    const char32_t c = next_character(text, at);
    if (c < 0x80) {
      out += c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : static_cast<char>(c);
    } else if (c >= 0xC0 && c < 0x180 && kLatin[c - 0xC0] != ' ') {
      out += kLatin[c - 0xC0];
    } else if (c >= 0xAC00 && c <= 0xD7A3) {
      const char32_t index = c - 0xAC00;
      put(0x1100 + index / (21 * 28));
      put(0x1161 + index / 28 % 21);
      if (index % 28 != 0) {
        put(0x11A7 + index % 28);
      }
    } else if ((c < 0x300 || c > 0x36F) && c != 0x3099 && c != 0x309A) {
      put(c);
    }
  }
  return out;
}

std::string_view ending_of(std::string_view base) {
  const std::size_t dot = base.rfind('.');
  return dot == std::string_view::npos || dot == 0 ? std::string_view{} : base.substr(dot);
}

bool is_data(std::string_view ending) { return std::ranges::find(kEndings, ending) != kEndings.end(); }

}  // namespace

std::size_t edit_distance(std::string_view from, std::string_view to, std::size_t most) {
  from = from.substr(0, kMaxName);
  to = to.substr(0, kMaxName);
  if (std::max(from.size(), to.size()) - std::min(from.size(), to.size()) > most) {
    return most + 1;
  }
  std::vector<std::size_t> before_last;
  std::vector<std::size_t> last(to.size() + 1);
  std::vector<std::size_t> row(to.size() + 1);
  std::iota(last.begin(), last.end(), std::size_t{0});
  for (std::size_t i = 1; i <= from.size(); ++i) {
    row[0] = i;
    for (std::size_t j = 1; j <= to.size(); ++j) {
      const std::size_t replace = last[j - 1] + (from[i - 1] == to[j - 1] ? 0 : 1);
      row[j] = std::min({last[j] + 1, row[j - 1] + 1, replace});
      if (i > 1 && j > 1 && from[i - 1] == to[j - 2] && from[i - 2] == to[j - 1]) {
        row[j] = std::min(row[j], before_last[j - 2] + 1);
      }
    }
    before_last = last;
    std::swap(last, row);
  }
  return std::min(last[to.size()], most + 1);
}

SimilarNames::SimilarNames(std::string wanted) : wanted_(std::move(wanted)), base_(folded(base_of(wanted_))) {
  ending_ = ending_of(base_);
  stem_ = base_.substr(0, base_.size() - ending_.size());
}

std::optional<std::size_t> SimilarNames::distance_to(std::string_view base) const {
  if (base == base_of(wanted_)) {
    return kSameName;
  }
  const std::string folded_base = folded(base);
  if (folded_base == base_) {
    return kOtherCase;
  }
  const std::string_view ending = ending_of(folded_base);
  const std::string_view stem = std::string_view(folded_base).substr(0, folded_base.size() - ending.size());
  if (ending != ending_ && !(is_data(ending) && is_data(ending_))) {
    return std::nullopt;
  }
  if (stem == stem_) {
    return kOtherEnding;
  }
  const std::size_t most = std::max<std::size_t>(1, stem_.size() / 3);
  const std::size_t edits = edit_distance(stem_, stem, most) + (ending == ending_ ? 0 : 1);
  return edits <= most ? std::optional(kTypingMistake + edits) : std::nullopt;
}

void SimilarNames::consider(const std::string& name) {
  const auto distance = distance_to(base_of(name));
  if (!distance) {
    return;
  }
  Candidate candidate{
      .distance = *distance, .other_folder = folder_of(name) != folder_of(wanted_), .name = name};
  best_.insert(std::ranges::upper_bound(best_, candidate), std::move(candidate));
  if (best_.size() > kMost) {
    best_.pop_back();
  }
}

std::vector<std::string> SimilarNames::best() const {
  std::vector<std::string> names;
  for (const Candidate& candidate : best_) {
    names.push_back(candidate.name);
  }
  return names;
}

}  // namespace runup
