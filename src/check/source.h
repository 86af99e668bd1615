// SPDX-License-Identifier: Apache-2.0
#pragma once

// What the service's sources say, for the checks that read them.

#include <optional>
#include <string>
#include <vector>

#include "check/outcome.h"
#include "facts/facts.h"

namespace runup {

// "processing/predictor.py:83"
std::string place_words(const SourcePlace& place);
Location location_of(const SourcePlace& place);

// Where a path of the sources leads on this machine, absolute; nothing when it depends on what is not known.
std::optional<std::string> source_path_here(const TargetDeclaration& target, const SourcePathFacts& path);

// The key of PackageFacts::paths under which runup looked at a file that the service opens. `path` is absolute.
std::string opened_key(std::string_view path);

// The calls that read the model file; when there is none, those that may, since what they read is not known.
std::vector<const SourceLoadFacts*> model_loads(const Facts& facts);

// How the image starts the server.
enum class StartKind {
  // `python main.py`, `python -m main`: the entry point is the module `__main__`
  script,
  // uvicorn, gunicorn and others import it
  server,
  // no Dockerfile says so
  unknown,
};
struct StartWay {
  StartKind kind = StartKind::unknown;
  // the command: `uvicorn main:app --port 80`
  std::string words;
  Location where;
};
StartWay start_way(const TargetDeclaration& target, const Observed<PackageFacts>& package);

}  // namespace runup
