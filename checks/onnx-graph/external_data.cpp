// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <format>
#include <map>

#include "base/text.h"
#include "facts/external_data.h"
#include "judge.h"

namespace runup::checks::onnx_graph {

namespace {

using Tensors = std::vector<const OnnxExternalFacts*>;

// A tensor's bytes in its file.
std::uint64_t end_of(const OnnxExternalFacts& tensor) {
  std::uint64_t end = 0;
  return __builtin_add_overflow(tensor.offset, tensor.bytes, &end) ? ~std::uint64_t{0} : end;
}

std::string tensors_words(const Tensors& tensors) {
  return tensors.size() == 1 ? std::format("tensor `{}`", printable(tensors.front()->tensor))
                             : std::format("{} tensors, `{}` the first of them,", tensors.size(),
                                           printable(tensors.front()->tensor));
}

// False when nothing more can be said of the file.
bool judge_presence(Judge& judge, const std::string& location, const Tensors& tensors,
                    const PathFacts& file) {
  const std::string shown = shown_path(judge.facts, file.path);
  std::string state;
  switch (file.kind) {
    case FileKind::regular:
      return true;
    case FileKind::missing:
      state = "is not there";
      break;
    case FileKind::directory:
      state = "is a folder";
      break;
    case FileKind::other:
      state = std::format("is {}", file.error.empty() ? "no regular file" : file.error);
      break;
    case FileKind::unreadable:
      state = std::format("cannot be opened: {}", file.error);
      break;
  }
  judge.add(
      "external-data-missing",
      std::format("`{}`, which holds the bytes of {}{} {}{}", shown, tensors_words(tensors),
                  tensors.size() == 1 ? "," : "", state,
                  file.similar.empty() ? "" : std::format("; there is {}", join_quoted(file.similar, 2))),
      std::format("put `{}` beside the model file, under the name it had when the model was saved; copy both "
                  "together",
                  printable(location)),
      tensors.front()->tensor);
  return false;
}

void judge_extent(Judge& judge, const Tensors& tensors, const PathFacts& file) {
  Tensors behind;
  std::uint64_t needed = 0;
  for (const OnnxExternalFacts* tensor : tensors) {
    needed = std::max(needed, end_of(*tensor));
    if (end_of(*tensor) > file.bytes) {
      behind.push_back(tensor);
    }
  }
  if (!behind.empty()) {
    judge.add("external-data-short",
              std::format("`{}` has {} bytes; {} {} {}", shown_path(judge.facts, file.path), file.bytes,
                          tensors_words(behind), behind.size() == 1 ? "needs" : "need", needed),
              "copy the file again together with its model file, and compare the sha256 of both with the "
              "originals'",
              behind.front()->tensor);
  }
}

void judge_lengths(Judge& judge, const Tensors& tensors) {
  Tensors wrong;
  std::ranges::copy_if(tensors, std::back_inserter(wrong), [](const OnnxExternalFacts* tensor) {
    return tensor->length && *tensor->length != tensor->bytes;
  });
  if (wrong.empty()) {
    return;
  }
  const OnnxExternalFacts& first = *wrong.front();
  Finding& finding =
      judge.add("external-data-size",
                std::format("tensor `{}` has {} bytes in `{}`; its shape and type take {}{}",
                            printable(first.tensor), *first.length, printable(first.location), first.bytes,
                            wrong.size() > 1 ? std::format(" (and {} more tensors)", wrong.size() - 1) : ""),
                "save the model and its external data again in one go", first.tensor);
  for (std::size_t i = 1; i < std::min(wrong.size(), kRows); ++i) {
    finding.evidence.push_back(
        {.name = wrong[i]->tensor,
         .value = std::format("{} bytes; expected {}", *wrong[i]->length, wrong[i]->bytes)});
  }
}

// Tensors that share all of their bytes are written once on purpose.
void judge_overlap(Judge& judge, Tensors tensors) {
  std::erase_if(tensors, [](const OnnxExternalFacts* tensor) { return tensor->bytes == 0; });
  std::ranges::stable_sort(tensors, {},
                           [](const auto* tensor) { return std::pair(tensor->offset, end_of(*tensor)); });
  const OnnxExternalFacts* before = nullptr;
  for (const OnnxExternalFacts* tensor : tensors) {
    const bool same = before != nullptr && before->offset == tensor->offset && before->bytes == tensor->bytes;
    if (before != nullptr && !same && tensor->offset < end_of(*before)) {
      judge.add("external-data-overlap",
                std::format("tensor `{}` starts at byte {} of `{}`, where `{}` goes on to byte {}",
                            printable(tensor->tensor), tensor->offset, printable(tensor->location),
                            printable(before->tensor), end_of(*before)),
                "save the model and its external data again in one go, into a file that does not exist yet",
                tensor->tensor);
      return;
    }
    before = before == nullptr || end_of(*tensor) > end_of(*before) ? tensor : before;
  }
}

}  // namespace

void judge_external_data(Judge& judge) {
  std::map<std::string, Tensors> files;
  std::uint64_t bytes = 0;
  for (const OnnxExternalFacts& tensor : judge.onnx.external) {
    files[tensor.location].push_back(&tensor);
    bytes += tensor.bytes;
  }
  std::size_t unseen = 0;
  for (const auto& [location, tensors] : files) {
    judge_lengths(judge, tensors);
    judge_overlap(judge, tensors);
    if (!external_data_path(judge.facts.model.path, location)) {
      judge.add(
          "external-data-outside",
          std::format("the bytes of {} are in `{}`; expected a place in the model file's folder",
                      tensors_words(tensors), printable(location)),
          "save the model again with a plain file name as the location; loaders that follow the ONNX rules "
          "refuse any other",
          tensors.front()->tensor);
      continue;
    }
    const PathFacts* file = judge.facts.package
                                ? judge.facts.package->find(
                                      std::format("{}/external/{}", model_key(judge.facts, "path"), location))
                                : nullptr;
    if (file == nullptr) {
      ++unseen;
    } else if (judge_presence(judge, location, tensors, *file)) {
      judge_extent(judge, tensors, *file);
    }
  }
  if (!files.empty()) {
    judge.judgement.saw(
        "external data",
        std::format("{} bytes of {} in {}", bytes, count_of(judge.onnx.external.size(), "tensor", "tensors"),
                    count_of(files.size(), "file", "files")));
  }
  if (unseen > 0) {
    judge.judgement.undecided = std::format("{} with tensors' bytes {} not looked at",
                                            count_of(unseen, "file", "files"), unseen == 1 ? "was" : "were");
  }
}

}  // namespace runup::checks::onnx_graph
