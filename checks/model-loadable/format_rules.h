// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

#include "facts/artifact.h"

namespace runup::checks::model_loadable {

// The content of such a file is read, so that loading it can be judged.
bool is_read(ArtifactKind kind);

// The extension that says what a file is (`.pth`, `.pth.tar`, `.safetensors`), lower-case; empty
// when the name ends in none that promises a format.
std::string_view promising_extension(std::string_view path);
// What loads files of this extension, in words: "`torch.load`". Empty without a promise.
std::string_view loader_of(std::string_view extension);
// Whether loaders that go by this extension can read this kind. True without a promise.
bool extension_fits(std::string_view extension, ArtifactKind kind);

// What the file is, for after its name: "is a gzip file".
std::string content_words(const ArtifactFacts& artifact);

// What to do with a file of this kind to have a model that runup and its runtimes can load.
std::string conversion_hint(ArtifactKind kind, std::string_view path);

}  // namespace runup::checks::model_loadable
