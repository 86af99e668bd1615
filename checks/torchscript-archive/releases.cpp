// SPDX-License-Identifier: Apache-2.0
#include <array>
#include <charconv>

#include "judge.h"

namespace runup::checks::torchscript_archive {

namespace {

// kMaxSupportedFileFormatVersion of caffe2/serialize/versions.h. Releases between two rows read at most what
// the later one reads, and get its number: a file is not called too new on a guess.
struct Reads {
  Release last;
  std::uint64_t format = 0;
};
constexpr std::array kReads{Reads{{1, 3}, 1}, Reads{{1, 4}, 2}, Reads{{1, 5}, 3}, Reads{{1, 9}, 6}};
constexpr std::uint64_t kNewest = 10;

struct Library {
  std::string_view name;
  std::string_view package;
};
constexpr std::array kLibraries{Library{"torchvision", "torchvision"},
                                Library{"image", "torchvision"},
                                Library{"video_reader", "torchvision"},
                                Library{"torchaudio", "torchaudio"},
                                Library{"torchtext", "torchtext"},
                                Library{"torch_scatter", "torch-scatter"},
                                Library{"torch_sparse", "torch-sparse"},
                                Library{"torch_cluster", "torch-cluster"},
                                Library{"torch_spline_conv", "torch-spline-conv"},
                                Library{"pyg", "pyg-lib"},
                                Library{"detectron2", "detectron2"},
                                Library{"fbgemm", "fbgemm-gpu"},
                                Library{"tensorrt", "torch-tensorrt"},
                                Library{"torch_ipex", "intel-extension-for-pytorch"}};

}  // namespace

std::optional<Release> read_release(std::string_view text) {
  Release release;
  const char* end = text.data() + text.size();
  const auto major = std::from_chars(text.data(), text.data() + text.size(), release.major);
  if (major.ec != std::errc() || major.ptr == end || *major.ptr != '.') {
    return std::nullopt;
  }
  const auto minor = std::from_chars(major.ptr + 1, end, release.minor);
  return minor.ec == std::errc() ? std::optional(release) : std::nullopt;
}

std::uint64_t newest_format(const Release& release) {
  for (const Reads& row : kReads) {
    if (release <= row.last) {
      return row.format;
    }
  }
  return kNewest;
}

std::string library_of(std::string_view foreign) {
  const std::string_view space = foreign.substr(0, foreign.find('.'));
  for (const Library& library : kLibraries) {
    if (library.name == space) {
      return std::string(library.package);
    }
  }
  return std::string(space);
}

}  // namespace runup::checks::torchscript_archive
