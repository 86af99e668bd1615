// SPDX-License-Identifier: Apache-2.0
#include "base/result.h"

#include <cerrno>
#include <system_error>

namespace runup {

std::string Error::describe() const {
  std::string text = message;
  for (const Error* next = cause.get(); next != nullptr; next = next->cause.get()) {
    text += " <- ";
    text += next->message;
  }
  return text;
}

std::unexpected<Error> wrap(Error cause, std::string message) {
  const ErrorCode code = cause.code;
  return std::unexpected(
      Error{.code = code, .message = std::move(message), .cause = std::make_shared<Error>(std::move(cause))});
}

Error system_error(std::string_view doing, int errno_value) {
  ErrorCode code = ErrorCode::system;
  if (errno_value == ENOENT || errno_value == ENOTDIR) {
    code = ErrorCode::not_found;
  } else if (errno_value == EACCES || errno_value == EPERM) {
    code = ErrorCode::unreadable;
  }
  return Error{.code = code,
               .message = std::string(doing) + ": " + std::generic_category().message(errno_value),
               .cause = nullptr};
}

}  // namespace runup
