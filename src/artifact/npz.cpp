// SPDX-License-Identifier: Apache-2.0
#include "artifact/npz.h"

#include <utility>

#include "artifact/inflate.h"
#include "artifact/zip.h"
#include "base/duration.h"
#include "base/text.h"

namespace runup {

namespace {

constexpr std::size_t kMostArrays = 1000;
constexpr std::string_view kEnding = ".npy";

Result<NpzArray> read_array(const artifact::ZipArchive& zip, const artifact::ZipMember& member,
                            std::uint64_t most_bytes) {
  if (!member.name.ends_with(kEnding)) {
    return fail(ErrorCode::bad_input, "member `" + printable(member.name) + "` is no .npy file");
  }
  auto content = zip.read(member, most_bytes);
  if (!content) {
    return fail(ErrorCode::bad_input, content.error().message);
  }
  if (artifact::crc32_of(content->view) != member.crc) {
    return fail(ErrorCode::bad_input, "its checksum differs from the one that the archive states");
  }
  auto array = read_npy(content->view);
  if (!array) {
    return std::unexpected(array.error());
  }
  return NpzArray{.name = member.name.substr(0, member.name.size() - kEnding.size()),
                  .array = std::move(*array),
                  .owned = std::move(content->owned)};
}

}  // namespace

bool looks_like_npz(Bytes file) { return artifact::ZipArchive::looks_like_zip(file); }

Result<std::vector<NpzArray>> read_npz(Bytes file, std::uint64_t most_bytes) {
  std::vector<DefectFacts> list;
  artifact::Defects defects(list);
  const auto zip = artifact::ZipArchive::open(file, defects, artifact::PageRelease());
  if (!list.empty()) {
    return fail(ErrorCode::bad_input, "the archive is damaged: " + list.front().message);
  }
  if (zip.members().empty() || zip.members().size() > kMostArrays) {
    return fail(ErrorCode::bad_input, "the archive has " +
                                          count_of(zip.members().size(), "member", "members") +
                                          "; expected 1 to " + std::to_string(kMostArrays) + " arrays");
  }
  std::vector<NpzArray> arrays;
  std::uint64_t left = most_bytes;
  for (const artifact::ZipMember& member : zip.members()) {
    if (member.unpacked > left) {
      return fail(ErrorCode::limit, "the arrays are larger than " + format_bytes(most_bytes));
    }
    auto array = read_array(zip, member, left);
    if (!array) {
      return wrap(array.error(), "cannot read its array `" + printable(member.name) + "`");
    }
    left -= member.unpacked;
    arrays.push_back(std::move(*array));
  }
  return arrays;
}

}  // namespace runup
