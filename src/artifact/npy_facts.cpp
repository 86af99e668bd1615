// SPDX-License-Identifier: Apache-2.0
#include "artifact/npy_facts.h"

#include <format>

#include "artifact/fact_lists.h"
#include "artifact/npy.h"
#include "artifact/npy_labels.h"
#include "base/text.h"

namespace runup::artifact {

namespace {

constexpr std::uint64_t kMostUnpackedArray = std::uint64_t{64} << 20U;
constexpr std::size_t kMostArrays = 1000;

void add_array(ArtifactFacts& facts, const std::string& path, std::string value) {
  facts.metadata.push_back({.path = path, .type = "numpy.ndarray", .value = std::move(value)});
}

}  // namespace

bool looks_like_npy(Bytes file) { return as_text(file).starts_with("\x93NUMPY"); }

void describe_npy(Bytes file, const std::string& path, const std::string& member, ArtifactFacts& facts,
                  Defects& defects) {
  if (file.size() >= 8) {
    facts.format_version = std::format("{}.{}", std::to_integer<int>(file[6]), std::to_integer<int>(file[7]));
  }
  const auto array = read_npy(file);
  if (array) {
    add_array(facts, path, std::format("{} {}", array->dtype, shape_text(array->shape)));
  } else if (array.error().code == ErrorCode::unsupported) {
    const auto labels = read_npy_labels(file, path, facts);
    add_array(facts, path, labels ? *labels : array.error().message);
  } else {
    defects.add(DefectKind::malformed, array.error().message, member);
  }
}

void describe_npz(const ZipArchive& zip, ArtifactFacts& facts, Defects& defects) {
  std::size_t count = 0;
  for (const ZipMember& member : zip.members()) {
    if (++count > kMostArrays) {
      note_cut(facts, std::format("arrays beyond {}", kMostArrays));
      return;
    }
    const std::string path = member.name.substr(0, member.name.size() - 4);
    if (member.deflated() && member.unpacked > kMostUnpackedArray) {
      add_array(facts, path, std::format("{} bytes", member.unpacked));
      continue;
    }
    const auto content = zip.read(member, member.unpacked);
    if (content) {
      describe_npy(content->view, path, printable(member.name), facts, defects);
    } else if (member.readable) {
      defects.add(content.error(), printable(member.name));
    }
  }
}

}  // namespace runup::artifact
