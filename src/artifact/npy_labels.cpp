// SPDX-License-Identifier: Apache-2.0
#include "artifact/npy_labels.h"

#include <charconv>
#include <format>

#include "artifact/global_paths.h"
#include "artifact/label_lists.h"
#include "artifact/numpy_values.h"
#include "artifact/pickle_machine.h"

namespace runup::artifact {

namespace {

constexpr std::uint64_t kMostTextHeader = 10'000;

struct TextHeader {
  NumpyType type;
  std::uint64_t count = 0;
  std::uint64_t data = 0;
};

// The text behind `key` in the header's dict, which numpy writes without escapes.
std::string_view behind(std::string_view header, std::string_view key) {
  const std::size_t at = header.find(key);
  if (at == std::string_view::npos) {
    return {};
  }
  header.remove_prefix(at + key.size());
  return header.substr(std::min(header.find_first_not_of(": "), header.size()));
}

// https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html
std::optional<TextHeader> read_header(Bytes file) {
  const bool wide = file.size() > 6 && file[6] > std::byte{1};
  const std::uint64_t start = wide ? 12 : 10;
  const auto length = wide ? read_little_endian<std::uint32_t>(file, 8)
                           : std::optional<std::uint32_t>(read_little_endian<std::uint16_t>(file, 8));
  if (!length || *length > kMostTextHeader || start + *length > file.size()) {
    return std::nullopt;
  }
  const std::string_view header = as_text(file.subspan(start, *length));
  const std::string_view descr = behind(header, "'descr'");
  const std::string_view shape = behind(header, "'shape'");
  const std::size_t end = descr.find('\'', 1);
  if (!descr.starts_with('\'') || end == std::string_view::npos || !shape.starts_with('(')) {
    return std::nullopt;
  }
  const auto type = parse_numpy_type(descr.substr(1, end - 1));
  TextHeader result{.data = start + *length};
  const auto [stop, error] = std::from_chars(shape.data() + 1, shape.data() + shape.size(), result.count);
  if (!type || error != std::errc() ||
      !std::string_view(stop, shape.data() + shape.size()).starts_with(",)")) {
    return std::nullopt;
  }
  result.type = *type;
  return result;
}

}  // namespace

std::optional<std::string> read_npy_labels(Bytes file, const std::string& path, ArtifactFacts& facts) {
  const auto header = read_header(file);
  if (!header || header->count > kMostClasses) {
    return std::nullopt;
  }
  if (header->type.kind == 'O') {
    const Pickle pickle = read_pickle(file, header->data);
    note_pickle(pickle, facts);
    note_globals(pickle, path, facts);
    const ObjectGraph graph(pickle);
    auto labels = pickle.root == kNoValue ? std::nullopt : read_label_list(graph, pickle.root, path);
    if (labels) {
      facts.label_lists.push_back(std::move(*labels));
    }
    return std::format("object [{}]", header->count);
  }
  const std::uint64_t item = header->type.item_bytes;
  const Bytes data = file.subspan(header->data);
  if ((header->type.kind != 'U' && header->type.kind != 'S') || item == 0 || data.size() % item != 0 ||
      data.size() / item != header->count) {
    return std::nullopt;
  }
  const NumpyArray array{.type = header->type,
                         .shape = {static_cast<std::int64_t>(header->count)},
                         .elements = header->count,
                         .data = as_text(data)};
  const Pickle nothing;
  const ObjectGraph graph(nothing);
  LabelListFacts labels{.path = path, .type = "numpy.ndarray", .dtype = header->type.name()};
  for (std::uint64_t i = 0; i < array.elements; ++i) {
    labels.classes.push_back(numpy_label(graph, array, i));
  }
  facts.label_lists.push_back(std::move(labels));
  return array.describe();
}

}  // namespace runup::artifact
