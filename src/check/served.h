// SPDX-License-Identifier: Apache-2.0
#pragma once

// What the started server said, read for the checks that judge Facts::served: its answers, the bodies of them, and its
// log. Logs and bodies are other people's text: everything here takes any of it.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "check/outcome.h"
#include "facts/facts.h"

namespace runup {

// The judgement where no server was started (skipped: no `service:`) or none could be observed (undecided).
std::optional<Judgement> without_served(const Facts& facts);
// "blocked: ...; see `service-health`" when the undamaged server never became ready.
std::optional<std::string> blocked_by_health(const Facts& facts);

// The last of the answers to this kind of question, or null.
const AnswerFacts* last_answer(const StartFacts& start, AskedFor asked_for);
// The first and the last with 2xx, or null.
const AnswerFacts* first_good_answer(const StartFacts& start, AskedFor asked_for);
// How this start opened `path`, or null.
const OpenedByServiceFacts* opened(const StartFacts& start, std::string_view path);
// What stands for the model, absolute: its file and its conversions.
std::vector<std::string> files_of_model(const Facts& facts);
// The one of files_of_model() that was opened first, or null.
const OpenedByServiceFacts* opened_model(const Facts& facts, const StartFacts& start);

// "`/health` answered 200 `{"ok":false}`", "`/health` gave no answer: the connection was refused"
std::string answer_words(const AnswerFacts& answer);
// "exit status 3", "signal 11"
std::string end_words(const ServiceEndFacts& end);
// What was done to the file, as an adjective: "missing", "a Git LFS pointer".
std::string_view damage_words(Damage damage);
// What is after the last `/`.
std::string_view base_name(std::string_view path);

// ---- bodies ----

// Of a body with several models: whether all of them must be denied, or one is enough.
enum class Denial { of_all, of_any };
// What in the body of a 2xx answer to a health question says "not ok": "`model_loaded` is `false`"; empty when nothing
// does. Understands JSON (the usual keys, at the top and in what is about the model or its state) and short plain text.
std::string body_denies(std::string_view body, Denial denial = Denial::of_all);
// The same for the body of a 2xx answer to a prediction, where only `success`, `ok`, `error` and `status` say so.
std::string prediction_denies(std::string_view body);
// The texts of a JSON body, without keys, at most 10,000; numbers as they are written when `numbers`. A body that
// is not JSON is one text.
std::vector<std::string> body_texts(std::string_view body, bool numbers = false);

// ---- logs ----

// Lines without terminal colours and blanks around them; the indentation is kept.
std::vector<std::string> log_lines(std::string_view log);
// The lines that end Python tracebacks: "_pickle.UnpicklingError: invalid load key, 'v'."; in order. Where a
// message ends in a colon its next line is added.
std::vector<std::string> exception_lines(std::string_view log);
// "UnpicklingError" of an exception's line
std::string_view exception_kind(std::string_view line);
// The line that says why it failed: the end of the last traceback, else the last line with a word of failure. Lines
// that the healthy start's log has too, access logs, and lines that say of no cause ("Application startup failed.
// Exiting.") are none. Empty when there is none.
std::string failure_line(std::string_view log, std::string_view healthy_log = {});
// The last line that is not empty, whatever it says.
std::string last_line(std::string_view log);

// What kept a start from something that runup does not give, and what to give: the network, or writing. Empty when
// the log has no such line. `damaged_file` is the file whose opening is refused on purpose.
std::string outside_reason(std::string_view log, std::string_view damaged_file = {});
// The log has a line of failure that is about the file, or about reading one.
bool tells_of_damage(std::string_view log, std::string_view healthy_log, std::string_view file);

}  // namespace runup
