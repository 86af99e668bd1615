// SPDX-License-Identifier: Apache-2.0
#include "packed_report.h"

#include <zlib.h>

#include <format>

namespace runup {

namespace {

constexpr std::uint64_t kMostJson = std::uint64_t{256} << 20U;
// Deflate makes at most 1032 bytes of one.
constexpr std::uint64_t kMostRatio = 1032;

}  // namespace

Result<PackedReport> pack(const Report& report) {
  const std::string json = dump_json(encode(report));
  if (json.size() > kMostJson) {
    return fail(ErrorCode::limit, std::format("the report has {}; the history takes at most {}",
                                              format_bytes(json.size()), format_bytes(kMostJson)));
  }
  PackedReport packed{.bytes = json.size(), .deflated = std::string(::compressBound(json.size()), '\0')};
  uLongf size = packed.deflated.size();
  const int code = ::compress2(reinterpret_cast<Bytef*>(packed.deflated.data()), &size,
                               reinterpret_cast<const Bytef*>(json.data()), json.size(), 6);
  if (code != Z_OK) {
    return fail(ErrorCode::limit, std::format("cannot compress the report: {}", ::zError(code)));
  }
  packed.deflated.resize(size);
  return packed;
}

Result<Report> unpack(std::uint64_t bytes, Bytes deflated) {
  if (bytes > kMostJson || bytes / kMostRatio > deflated.size()) {
    return fail(ErrorCode::bad_input, std::format("{} claim to be a report of {}",
                                                  format_bytes(deflated.size()), format_bytes(bytes)));
  }
  std::string json(bytes, '\0');
  uLongf size = json.size();
  const int code = ::uncompress(reinterpret_cast<Bytef*>(json.data()), &size,
                                reinterpret_cast<const Bytef*>(deflated.data()), deflated.size());
  if (code != Z_OK || size != bytes) {
    return fail(ErrorCode::bad_input, std::format("cannot decompress it: {}",
                                                  code == Z_OK ? "it is shorter than told" : ::zError(code)));
  }
  const auto parsed = parse_json(json, kMostJson);
  return parsed ? decode<Report>(*parsed) : std::unexpected(parsed.error());
}

}  // namespace runup
