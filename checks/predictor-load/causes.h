// SPDX-License-Identifier: Apache-2.0
#pragma once

// Why a factory raised: its exception, told apart by what has to be done about it.

#include <string>
#include <string_view>

#include "check/outcome.h"
#include "facts/facts.h"

namespace runup::checks::predictor_load {

// A finding without its place: the id, what happened beyond the exception's own words (a clause, or empty),
// and what to do.
struct Cause {
  std::string_view id;
  std::string what;
  std::string fix;
};

// `stage` is how far the factory came.
Cause cause_of(const Facts& facts, FactoryStage stage, const ExceptionFacts& exception);

// The first text in single or double quotes after `before`: the file, class or module that a message is about.
std::string quoted_after(std::string_view message, std::string_view before);

}  // namespace runup::checks::predictor_load
