// SPDX-License-Identifier: Apache-2.0
#pragma once

// What the names of files say. Paths are relative to the package, with `/`.

#include <string>
#include <string_view>
#include <vector>

#include "facts/artifact.h"

namespace runup::init {

// "models" of "models/x.pth"; empty at the top
std::string folder_of(std::string_view path);
// "x.pth"
std::string name_of(std::string_view path);
// `path` below `folder` (empty: the package itself), without `.`, `..` and a slash at the end
std::string joined(std::string_view folder, std::string_view path);
// `path` as it is written relative to `folder`: both relative to the package
std::string relative_to(std::string_view folder, std::string_view path);
// One line that a comment can hold: what is no printable UTF-8 becomes visible.
std::string one_line(std::string_view text);

// How a model is stored, by what opens it; in the order in which models are originals of others.
enum class Family { checkpoint, safetensors, torchscript, onnx, other };
Family family_of(ArtifactKind kind);
// The same by the name, for a file whose content is none.
Family family_of(std::string_view path);
std::string_view family_words(Family family);

// An ending that models have.
bool is_named_like_model(std::string_view path);
// An ending that nothing else has.
bool is_surely_named_like_model(std::string_view path);
// What training keeps beside a model: optimizer.pt, training_args.bin.
bool is_named_like_training_state(std::string_view path);
// One of several parts: model-00001-of-00003.safetensors.
bool is_shard(std::string_view path);
bool is_named_like_labels(std::string_view path);
// `labels.json`, `classes.txt`: an ending that lists of names have.
bool has_label_ending(std::string_view path);
// An array of numpy, .npy or .npz.
bool is_array(std::string_view path);
// "samples/x" of samples/x.out.npy, the recorded answer to samples/x.npy; empty for what is none.
std::string answered_sample(std::string_view path);
// A folder that recorded inputs lie in.
bool is_sample_folder(std::string_view folder);

// What a file and its conversions have in common: "net" of net.pth, net.onnx, net_traced.pt and net.ts.pt.
std::string common_stem(std::string_view path);
// The name tells of less precision: net_fp16.onnx, net.int8.onnx.
bool is_reduced(std::string_view path);

// An id that the config allows, made of `text`: "net-v1"; `otherwise` when nothing of it is left.
std::string as_id(std::string_view text, std::string_view otherwise);
// The same, and none of `taken`, to which it is added.
std::string unique_id(std::string_view text, std::string_view otherwise, std::vector<std::string>& taken);

}  // namespace runup::init
