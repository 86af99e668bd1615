// SPDX-License-Identifier: Apache-2.0
#include "init/names.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <filesystem>
#include <format>

#include "base/text.h"
#include "facts/lines.h"

namespace runup::init {

namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_letter_or_digit(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || is_digit(c); }

template <std::size_t n>
bool ends_with_any(std::string_view text, const std::array<std::string_view, n>& endings) {
  return std::ranges::any_of(endings, [&](std::string_view ending) { return text.ends_with(ending); });
}

constexpr std::array<std::string_view, 9> kModelEndings{
    ".pth", ".pt", ".ckpt", ".safetensors", ".onnx", ".torchscript", ".ptl", ".pt2", ".ort"};
constexpr std::array<std::string_view, 5> kPerhapsModelEndings{".bin", ".ts", ".pkl", ".pickle", ".joblib"};
// What is put behind a model's name for a conversion of it, or for a weaker one.
constexpr std::array<std::string_view, 17> kConverted{
    "traced", "trace",  "scripted", "script",     "jit", "ts",        "torchscript", "onnx", "opt",
    "ort",    "export", "exported", "simplified", "sim", "optimized", "optimised",   "fp32"};
constexpr std::array<std::string_view, 14> kReduced{"fp16",      "half",      "bf16",  "float16", "int8",
                                                    "uint8",     "int4",      "quant", "q8",      "q4",
                                                    "quantized", "quantised", "bnb4",  "dynamic"};

std::vector<std::string> words_of(std::string_view name) {
  std::vector<std::string> words{""};
  for (const char c : name) {
    if (c == '.' || c == '_' || c == '-') {
      words.emplace_back();
    } else {
      words.back() += c;
    }
  }
  return words;
}

std::string without_endings(std::string name) {
  for (bool again = true; again;) {
    again = false;
    for (const auto& ending : kModelEndings) {
      if (name.size() > ending.size() && name.ends_with(ending)) {
        name.resize(name.size() - ending.size());
        again = true;
      }
    }
    for (const auto& ending : kPerhapsModelEndings) {
      if (name.size() > ending.size() && name.ends_with(ending)) {
        name.resize(name.size() - ending.size());
        again = true;
      }
    }
  }
  return name;
}

// Of one character, where a comment must not have it: controls, and what some readers take for the end of a line.
bool is_hidden(std::string_view sequence) {
  return sequence == "\xE2\x80\xA8" || sequence == "\xE2\x80\xA9" || sequence == "\xEF\xBB\xBF" ||
         (sequence.size() == 2 && sequence[0] == '\xC2' && static_cast<unsigned char>(sequence[1]) < 0xA0);
}

}  // namespace

std::string folder_of(std::string_view path) {
  const std::size_t slash = path.rfind('/');
  return slash == std::string_view::npos ? "" : std::string(path.substr(0, slash));
}

std::string name_of(std::string_view path) { return std::string(path.substr(path.rfind('/') + 1)); }

std::string joined(std::string_view folder, std::string_view path) {
  std::string normal = (std::filesystem::path(folder) / path).lexically_normal().string();
  while (normal.size() > 1 && normal.ends_with('/')) {
    normal.pop_back();
  }
  return normal == "." ? "" : normal;
}

std::string relative_to(std::string_view folder, std::string_view path) {
  const std::filesystem::path root("/");
  return (root / path).lexically_relative(root / folder).string();
}

std::string one_line(std::string_view text) {
  std::string out;
  const std::string clean = printable(text);
  for (std::size_t i = 0; i < clean.size();) {
    const std::string_view sequence = std::string_view(clean).substr(
        i, std::max<std::size_t>(1, utf8_sequence_length(std::string_view(clean).substr(i))));
    if (sequence == "\n" || sequence == "\t") {
      out += sequence == "\n" ? "\\n" : "\\t";
    } else {
      out += is_hidden(sequence) ? std::string_view("\xEF\xBF\xBD") : sequence;
    }
    i += sequence.size();
  }
  return out;
}

Family family_of(ArtifactKind kind) {
  switch (kind) {
    case ArtifactKind::torch_zip:
    case ArtifactKind::torch_legacy:
    case ArtifactKind::torch_tar:
      return Family::checkpoint;
    case ArtifactKind::safetensors:
      return Family::safetensors;
    case ArtifactKind::torchscript:
      return Family::torchscript;
    case ArtifactKind::onnx:
    case ArtifactKind::ort:
      return Family::onnx;
    default:
      return Family::other;
  }
}

Family family_of(std::string_view path) {
  const std::string name = lower(name_of(path));
  if (name.ends_with(".safetensors")) {
    return Family::safetensors;
  }
  if (name.ends_with(".onnx") || name.ends_with(".ort")) {
    return Family::onnx;
  }
  const std::vector<std::string> words = words_of(name);
  const auto says = [&](std::string_view word) { return std::ranges::find(words, word) != words.end(); };
  if (says("ts") || says("torchscript") || says("traced") || says("scripted") || says("jit") || says("ptl")) {
    return Family::torchscript;
  }
  return is_named_like_model(path) ? Family::checkpoint : Family::other;
}

std::string_view family_words(Family family) {
  switch (family) {
    case Family::checkpoint:
      return "a PyTorch checkpoint";
    case Family::safetensors:
      return "safetensors";
    case Family::torchscript:
      return "a TorchScript archive";
    case Family::onnx:
      return "an ONNX model";
    case Family::other:
      break;
  }
  return "a file";
}

bool is_surely_named_like_model(std::string_view path) {
  return ends_with_any(lower(name_of(path)), kModelEndings);
}

bool is_named_like_model(std::string_view path) {
  return is_surely_named_like_model(path) || ends_with_any(lower(name_of(path)), kPerhapsModelEndings);
}

bool is_named_like_training_state(std::string_view path) {
  constexpr std::array<std::string_view, 6> kStems{"optimizer",     "optimiser", "scheduler",
                                                   "training_args", "rng_state", "scaler"};
  const std::string name = lower(name_of(path));
  return std::ranges::any_of(kStems, [&](std::string_view stem) { return name.starts_with(stem); });
}

bool is_shard(std::string_view path) {
  const std::string name = name_of(path);
  const std::size_t of = name.find("-of-");
  return of != std::string::npos && of >= 5 && of + 9 <= name.size() &&
         std::ranges::all_of(name.substr(of - 5, 5), is_digit) &&
         std::ranges::all_of(name.substr(of + 4, 5), is_digit);
}

bool has_label_ending(std::string_view path) {
  constexpr std::array<std::string_view, 9> kEndings{".json", ".txt", ".npy",   ".csv",   ".yaml",
                                                     ".yml",  ".pkl", ".names", ".joblib"};
  return ends_with_any(lower(name_of(path)), kEndings);
}

bool is_named_like_labels(std::string_view path) {
  constexpr std::array<std::string_view, 8> kWords{"label", "labels",     "classes", "class",
                                                   "vocab", "categories", "names",   "encoder"};
  constexpr std::array<std::string_view, 5> kWhole{"id2label", "label2id", "idx2class", "class2idx",
                                                   "synset"};
  const std::string name = lower(name_of(path));
  if (!has_label_ending(name)) {
    return false;
  }
  const std::vector<std::string> words = words_of(name);
  return std::ranges::any_of(words, [&](const std::string& word) {
    return std::ranges::contains(kWords, word) || std::ranges::contains(kWhole, word);
  });
}

bool is_array(std::string_view path) { return path.ends_with(".npy") || path.ends_with(".npz"); }

std::string answered_sample(std::string_view path) {
  constexpr std::array<std::string_view, 3> kAnswers{".out", ".output", ".expected"};
  if (is_array(path)) {
    const std::string_view stem = path.substr(0, path.size() - 4);
    for (const std::string_view ending : kAnswers) {
      if (stem.ends_with(ending)) {
        return std::string(stem.substr(0, stem.size() - ending.size()));
      }
    }
  }
  return {};
}

bool is_sample_folder(std::string_view folder) {
  constexpr std::array<std::string_view, 8> kNames{"samples", "sample",    "examples", "example",
                                                   "golden",  "test_data", "testdata", "fixtures"};
  return std::ranges::contains(kNames, lower(name_of(folder)));
}

std::string common_stem(std::string_view path) {
  std::string stem = without_endings(lower(name_of(path)));
  for (bool again = true; again;) {
    again = false;
    const std::size_t cut = stem.find_last_of("._-");
    if (cut != std::string::npos && cut > 0) {
      const std::string_view word = std::string_view(stem).substr(cut + 1);
      if (std::ranges::contains(kConverted, word) || std::ranges::contains(kReduced, word)) {
        stem.resize(cut);
        again = true;
      }
    }
  }
  return stem;
}

bool is_reduced(std::string_view path) {
  const std::vector<std::string> words = words_of(without_endings(lower(name_of(path))));
  return std::any_of(words.begin() + 1, words.end(),
                     [](const std::string& word) { return std::ranges::contains(kReduced, word); });
}

std::string as_id(std::string_view text, std::string_view otherwise) {
  constexpr std::size_t kMost = 60;
  std::string id;
  for (const char c : text) {
    const bool good = is_letter_or_digit(c) || c == '.' || c == '_' || c == '-';
    if (good || (!id.empty() && id.back() != '-')) {
      id += good ? c : '-';
    }
  }
  id.erase(0, std::min(id.size(), id.find_first_not_of("._-")));
  id.resize(std::min(id.size(), kMost));
  while (!id.empty() && !is_letter_or_digit(id.back())) {
    id.pop_back();
  }
  return id.empty() ? std::string(otherwise) : id;
}

std::string unique_id(std::string_view text, std::string_view otherwise, std::vector<std::string>& taken) {
  const std::string first = as_id(text, otherwise);
  std::string id = first;
  for (int number = 2; std::ranges::contains(taken, id); ++number) {
    id = std::format("{}-{}", first, number);
  }
  taken.push_back(id);
  return id;
}

}  // namespace runup::init
