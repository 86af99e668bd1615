// SPDX-License-Identifier: Apache-2.0
#include "artifact/safetensors.h"

#include <algorithm>
#include <array>
#include <format>

#include "artifact/python_text.h"
#include "artifact/safetensors_header.h"
#include "artifact/state_dict_role.h"
#include "artifact/tensor_layout.h"
#include "artifact/torch_types.h"
#include "base/text.h"

namespace runup::artifact {

namespace {

constexpr std::uint64_t kLengthBytes = 8;
constexpr std::uint64_t kMostHeader = 100'000'000;

constexpr std::array<std::pair<std::string_view, std::string_view>, 18> kDtypes{
    {{"F64", "float64"},
     {"F32", "float32"},
     {"F16", "float16"},
     {"BF16", "bfloat16"},
     {"I64", "int64"},
     {"I32", "int32"},
     {"I16", "int16"},
     {"I8", "int8"},
     {"U64", "uint64"},
     {"U32", "uint32"},
     {"U16", "uint16"},
     {"U8", "uint8"},
     {"BOOL", "bool"},
     {"C64", "complex64"},
     {"F8_E4M3", "float8_e4m3fn"},
     {"F8_E5M2", "float8_e5m2"},
     {"F8_E8M0", "float8_e8m0fnu"},
     {"F4", "float4_e2m1fn_x2"}}};

class SafetensorsReader {
 public:
  SafetensorsReader(Bytes file, ArtifactFacts& facts, Defects& defects)
      : file_(file), facts_(facts), defects_(defects) {}

  void read() {
    const auto length = read_little_endian<std::uint64_t>(file_, 0);
    if (!length || *length > kMostHeader) {
      defects_.add(DefectKind::over_limit, std::format("a header of {} bytes; at most {} are allowed",
                                                       length.value_or(0), kMostHeader));
      return;
    }
    const std::uint64_t there = file_.size() - kLengthBytes;
    if (*length > there) {
      defects_.add(Problem{
          .kind = DefectKind::truncated,
          .message = std::format("the header has {} bytes; the file ends after {} of them", *length, there),
          .offset = kLengthBytes,
          .missing_bytes = *length - there});
      return;
    }
    auto header = read_safetensors_header(as_text(file_.subspan(kLengthBytes, *length)));
    if (!header) {
      defects_.add(header.error());
      return;
    }
    data_ = kLengthBytes + *length;
    for (const auto& [key, value] : header->metadata) {
      facts_.metadata.push_back(
          {.path = "__metadata__." + key, .type = "str", .value = python_repr_text(value)});
    }
    std::ranges::sort(header->tensors, {}, &SafetensorsEntry::offsets);
    for (const SafetensorsEntry& entry : header->tensors) {
      add(entry);
    }
    check_end();
    add_state_dict();
  }

 private:
  void add(const SafetensorsEntry& entry) {
    const std::string member = printable(entry.name);
    if (entry.offsets.size() != 2 || entry.offsets[0] > entry.offsets[1]) {
      defects_.add(DefectKind::malformed, "data_offsets are no [begin, end]", member);
      return;
    }
    const auto type = std::ranges::find(kDtypes, entry.dtype, [](const auto& row) { return row.first; });
    if (type == kDtypes.end()) {
      defects_.add(DefectKind::malformed, std::format("dtype `{}` is not known", printable(entry.dtype)),
                   member);
      return;
    }
    const std::uint64_t begin = entry.offsets[0];
    const std::uint64_t size = entry.offsets[1] - begin;
    if (begin != covered_) {
      defects_.add(
          begin < covered_ ? DefectKind::contradiction : DefectKind::malformed,
          std::format("its bytes start at {}; expected {}, where the tensor before it ends", begin, covered_),
          member);
    }
    covered_ = std::max(covered_, entry.offsets[1]);
    TensorFacts tensor{.path = entry.name, .dtype = std::string(type->second)};
    tensor.shape.assign(entry.shape.begin(), entry.shape.end());
    const bool fits = std::ranges::all_of(tensor.shape, [](std::int64_t length) { return length >= 0; }) &&
                      set_tensor_size(tensor).has_value();
    if (!fits || stored_bytes(tensor) != size) {
      defects_.add(DefectKind::contradiction,
                   std::format("shape {} of {} takes {} bytes; data_offsets give {}",
                               shape_text(tensor.shape), tensor.dtype,
                               fits ? std::to_string(stored_bytes(tensor)) : "more than memory has", size),
                   member);
      return;
    }
    // Row-major.
    tensor.stride.assign(tensor.shape.size(), 1);
    for (std::size_t i = tensor.shape.size(); i >= 2; --i) {
      tensor.stride[i - 2] = tensor.stride[i - 1] * std::max<std::int64_t>(tensor.shape[i - 1], 1);
    }
    StorageFacts storage{.key = entry.name, .dtype = tensor.dtype, .device = "cpu", .bytes = size};
    if (entry.offsets[1] <= file_.size() - data_) {
      storage.offset = data_ + begin;
    }
    tensor.storage = static_cast<std::int64_t>(facts_.storages.size());
    total_ += size;
    facts_.storages.push_back(std::move(storage));
    facts_.tensors.push_back(std::move(tensor));
  }

  // Two 4-bit numbers share a byte.
  static std::uint64_t stored_bytes(const TensorFacts& tensor) {
    return tensor.dtype == "float4_e2m1fn_x2" ? tensor.bytes / 2 : tensor.bytes;
  }

  void check_end() {
    const std::uint64_t there = file_.size() - data_;
    if (covered_ > there) {
      defects_.add(Problem{
          .kind = DefectKind::truncated,
          .message =
              std::format("the tensors take {} bytes; the file has {} behind its header", covered_, there),
          .offset = file_.size(),
          .missing_bytes = covered_ - there});
    } else if (covered_ < there) {
      defects_.add(DefectKind::malformed, std::format("{} bytes behind the last tensor", there - covered_),
                   {}, data_ + covered_);
    }
  }

  void add_state_dict() {
    if (!facts_.tensors.empty()) {
      facts_.state_dicts.push_back(
          {.path = "", .tensors = facts_.tensors.size(), .bytes = total_, .role = "weights"});
    }
  }

  Bytes file_;
  ArtifactFacts& facts_;
  Defects& defects_;
  // where the tensors' bytes start
  std::uint64_t data_ = 0;
  // how many of them belong to the tensors so far
  std::uint64_t covered_ = 0;
  std::uint64_t total_ = 0;
};

}  // namespace

bool looks_like_safetensors(Bytes file) {
  if (file.size() < kLengthBytes + 1 || file[kLengthBytes] != std::byte{'{'}) {
    return false;
  }
  // A length that could be read as text has eight letters; no header is that long.
  return std::ranges::any_of(file.first(kLengthBytes),
                             [](std::byte b) { return b < std::byte{0x09} || b >= std::byte{0x7F}; });
}

void read_safetensors(Bytes file, ArtifactFacts& facts, Defects& defects) {
  SafetensorsReader(file, facts, defects).read();
}

}  // namespace runup::artifact
