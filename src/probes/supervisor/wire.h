// SPDX-License-Identifier: Apache-2.0
#pragma once

// How runup and its supervisor talk: packets of one word over a SOCK_SEQPACKET socket pair, with
// everything else in the descriptors that travel along. Larger content is a sealed-off anonymous file
// (memfd), so that no packet is ever partial and nobody has to read and write at the same time.
//
//   runup -> supervisor, control socket:    start_job [reply socket, request, (stdin), descriptors...]
//                                           end_all   []
//   runup -> supervisor, reply socket:      end_job   []
//   supervisor -> runup, reply socket:      job_end   [JobEnd]

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "probes/supervisor/supervisor.h"

namespace runup {

// The control socket, in the supervisor.
inline constexpr int kControlFd = 3;

enum class PacketKind : std::uint32_t { start_job = 1, end_all, end_job, job_end };

struct Packet {
  PacketKind kind{};
  // close-on-exec
  std::vector<FileDescriptor> descriptors;
};

// A peer that is gone is ErrorCode::not_found; everything else ErrorCode::system.
Result<void> send_packet(int socket, PacketKind kind, std::span<const int> descriptors = {});
// Blocks unless the socket has something or is at its end; nothing at the end.
Result<std::optional<Packet>> receive_packet(int socket);

// An anonymous file with this content, positioned at its start.
Result<FileDescriptor> make_blob(std::string_view content);
Result<std::string> read_blob(int fd, std::size_t max_bytes);

// What a start_job packet's request says; the rest of a Job is descriptors.
struct JobRequest {
  std::vector<std::string> argv;
  std::vector<std::string> environment;
  std::string working_folder;
  bool has_input = false;
  Limits limits;
  static constexpr auto fields() {
    return std::tuple{Field{"argv", &JobRequest::argv}, Field{"environment", &JobRequest::environment},
                      Field{"working_folder", &JobRequest::working_folder},
                      Field{"has_input", &JobRequest::has_input}, Field{"limits", &JobRequest::limits}};
  }
};

inline constexpr std::size_t kMaxRequestBytes = std::size_t{16} * 1024 * 1024;
// Kept output is bounded by the limits of the job; this bounds their encoded form.
inline constexpr std::size_t kMaxEndBytes = std::size_t{256} * 1024 * 1024;

}  // namespace runup
