// SPDX-License-Identifier: Apache-2.0
#pragma once

// Messages with a file descriptor, over a Unix socket that keeps messages apart.

#include <string>
#include <string_view>

#include "base/bytes.h"

namespace runup {

// A message of at least one byte, and `descriptor` with it unless it is -1. False when the other end is gone.
bool send_message(int socket, std::string_view text, int descriptor = -1);

struct PassedMessage {
  // empty when the other end is gone, or nothing came in the socket's time
  std::string text;
  FileDescriptor descriptor;
};
// At most `most` bytes of the next message. `flags` are those of recvmsg().
PassedMessage receive_message(int socket, std::size_t most, int flags = 0);

}  // namespace runup
