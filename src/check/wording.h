// SPDX-License-Identifier: Apache-2.0
#pragma once

// Words that several checks use for the same thing, so that reports speak with one voice.

#include <optional>
#include <string>
#include <string_view>

#include "check/outcome.h"
#include "facts/facts.h"

namespace runup {

// An absolute path as people know it: relative to the package when it lies inside.
std::string shown_path(const Facts& facts, std::string_view path);
// The model file, as shown_path() shows it.
std::string model_file(const Facts& facts);
// A place in the model file; `key` is a key path in it.
Location model_location(const Facts& facts, std::string key = "");

// The config's key of something about this model: `models.sign.device` for "device".
std::string model_key(const Facts& facts, std::string_view key);

// What a file of this kind is, with its article: "a Git LFS pointer", "a PyTorch checkpoint (zip)".
std::string_view kind_words(ArtifactKind kind);
// Kinds that no loader of models takes: pages, pointers, text, nothing at all.
bool is_no_model(ArtifactKind kind);

// Files that no runtime runs without an `architecture:`.
bool holds_weights_without_code(ArtifactKind kind);

// Why the content of the model file cannot be judged: it was not observed, or it is no model. Empty
// when it can be. model-present says what is wrong and how to fix it; other checks stop here.
std::optional<std::string> content_obstacle(const Facts& facts);
// The same for checks that look inside: also files whose content is not read at all.
std::optional<std::string> inside_obstacle(const Facts& facts);
// "`x.pth` is damaged (...); see `model-loadable`", or empty when the file has no defect.
std::optional<std::string> damage_obstacle(const Facts& facts);

// "libtorch 2.6.0 on `cpu`"; without a place when the model was not loaded
std::string witness_words(const WitnessFacts& witness);
// What services call the runtime of this witness: "PyTorch", "ONNX Runtime".
std::string_view service_runtime(const WitnessFacts& witness);
// Why no runtime gave facts, and what to give when the config is what is missing.
std::string no_witness_words(const Facts& facts);

// The same where no witness loaded the model, though one may have tried.
std::string not_loaded_words(const Facts& facts);

// "2 NaN and 1 -infinity"; empty when all numbers are finite
std::string non_finite_words(const ValueFacts& values);

// A runtime was started and died, ran out of time or memory, or answered garbage. That no witness ran is
// then nothing that a config can accept.
bool runtime_died(const Facts& facts);
bool died(const Observed<RuntimeFacts>& runtime);

// `text` for a POSIX shell: as it is when that is safe, else in single quotes.
std::string shell_word(std::string_view text);
// The beginning of `text` on one line, in double quotes, at most `most` bytes.
std::string excerpt(std::string_view text, std::size_t most = 60);
// The first line of what a runtime said, which is where it says what happened.
std::string first_line(std::string_view text, std::size_t most = 300);

}  // namespace runup
