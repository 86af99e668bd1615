// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <expected>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

namespace runup {

// What kind of thing went wrong; callers branch on it, people read the message.
enum class ErrorCode {
  // the input breaks its own format's rules
  bad_input,
  // a file, key or program is not there
  not_found,
  // there, but the system refuses to read it
  unreadable,
  // a bound of ours (size, depth, count, time) was reached
  limit,
  // well-formed, but of a kind that this version does not handle
  unsupported,
  // the system refused something else (disk full, no descriptors, ...)
  system,
};

// A failure as a value. `message` says what was seen and what was expected, lower-case and without
// a final period; `cause` is the failure below it, if any.
struct [[nodiscard]] Error {
  ErrorCode code = ErrorCode::bad_input;
  std::string message;
  std::shared_ptr<const Error> cause;

  // The whole chain on one line: "cannot read `x.pth` <- member `data/0` is cut off".
  std::string describe() const;
};

template <class T>
using Result = std::expected<T, Error>;

inline std::unexpected<Error> fail(ErrorCode code, std::string message) {
  return std::unexpected(Error{.code = code, .message = std::move(message), .cause = nullptr});
}

// The same failure with the caller's view put in front of it; the code stays that of the cause.
std::unexpected<Error> wrap(Error cause, std::string message);

// "cannot open `x`: No such file or directory" with the code that fits `errno_value`.
Error system_error(std::string_view doing, int errno_value);

}  // namespace runup
