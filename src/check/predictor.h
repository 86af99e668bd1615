// SPDX-License-Identifier: Apache-2.0
#pragma once

// What checks of the service's own predictor have in common.

#include <span>
#include <string>
#include <string_view>

#include "check/outcome.h"
#include "facts/facts.h"

namespace runup {

// What the service's own interpreter said of the model's factory; null when it was not asked, or died.
const PythonFacts* predictor_facts(const Facts& facts);
// What it said of itself, also where the config names no factory and it ran the model file; null when it was not asked,
// and without a factory for one that is perhaps not the service's.
const PythonFacts* interpreter_facts(const Facts& facts);

// The judgement where there is none: the config names no `factory:` (skipped), or why it could not be told.
Judgement without_predictor(const Facts& facts);

// The innermost line of the package's own code in a traceback; null when the package has no part in it.
const FrameFacts* own_frame(const ExceptionFacts& exception);
Location location_of(const Facts& facts, const FrameFacts& frame);

// "`FileNotFoundError`: [Errno 2] No such file or directory: 'models/x.pth'", on one line
std::string exception_words(const ExceptionFacts& exception);

// The model file's own path, with links followed where it was looked at.
std::string real_model_path(const Facts& facts);
// `path`, as the service's interpreter says it, is the model file's.
bool is_model_file(const Facts& facts, const std::string& path);
// The service opened the model file and made its predictor: the file can be loaded, whatever it needs.
bool predictor_loads_file(const Facts& facts);
// Its network holds the file's numbers, all that could be compared.
bool predictor_holds_weights(const Facts& facts);
// Findings with these ids foretell that loading fails, which the service's own loading refuted: they become notes.
void refute(Judgement& judgement, std::span<const std::string_view> ids);

// The predictor was made, so that whatever its loading needs was there.
bool predictor_is_made(const PythonFacts& python);

}  // namespace runup
