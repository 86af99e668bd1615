// SPDX-License-Identifier: Apache-2.0
#pragma once

// Small pickles written opcode by opcode (CPython's pickletools), and the files around them.

#include <string>
#include <string_view>

#include "zip_builder.h"

namespace runup::test {

using namespace std::string_literals;

inline std::string pickle_text(std::string_view text) {
  return "X" + little_endian(static_cast<std::uint32_t>(text.size())) + std::string(text);
}

inline std::string pickle_int(std::int32_t value) { return "J" + little_endian(value); }

// ("storage", torch.FloatStorage, key, location, elements) as a persistent id
inline std::string pickle_storage(std::string_view key, std::int32_t elements,
                                  std::string_view location = "cpu") {
  return "(" + pickle_text("storage") + "ctorch\nFloatStorage\n" + pickle_text(key) + pickle_text(location) +
         pickle_int(elements) + "tQ";
}

// torch._utils._rebuild_tensor_v2(storage, offset, (size,), (1,), False, OrderedDict())
inline std::string pickle_tensor(std::string_view key, std::int32_t elements, std::int32_t offset,
                                 std::int32_t size) {
  return "ctorch._utils\n_rebuild_tensor_v2\n(" + pickle_storage(key, elements) + pickle_int(offset) +
         pickle_int(size) + "\x85" + pickle_int(1) + "\x85\x89" + "ccollections\nOrderedDict\n)RtR";
}

// {"fc.weight": tensor of 4 floats, "fc.bias": its last 2, "epoch": 3}
inline std::string checkpoint_pickle() {
  return "\x80\x02}("s + pickle_text("model") + "ccollections\nOrderedDict\n)R(" + pickle_text("fc.weight") +
         pickle_tensor("0", 4, 0, 4) + pickle_text("fc.bias") + pickle_tensor("0", 4, 2, 2) + "u" +
         pickle_text("epoch") + "K\x03u.";
}

// The floats 1, 2, 3, 4.
inline std::string four_floats() {
  return little_endian<std::uint32_t>(0x3F800000) + little_endian<std::uint32_t>(0x40000000) +
         little_endian<std::uint32_t>(0x40400000) + little_endian<std::uint32_t>(0x40800000);
}

// A checkpoint as torch.save writes it.
inline ZipBuilder torch_zip() {
  ZipBuilder zip;
  zip.add_with_descriptor("archive/data.pkl", checkpoint_pickle());
  zip.add_with_descriptor("archive/byteorder", "little");
  zip.add_with_descriptor("archive/data/0", four_floats());
  zip.add_with_descriptor("archive/version", "3\n");
  return zip;
}

// The same in the format before PyTorch 1.6.
inline std::string torch_legacy() {
  return "\x80\x02\x8a\x0al\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.\x80\x02M\xe9\x03.\x80\x02}("s +
         pickle_text("protocol_version") + "M\xe9\x03" + pickle_text("little_endian") + "\x88u." +
         "\x80\x02}(" + pickle_text("w") + "ctorch._utils\n_rebuild_tensor_v2\n((" + pickle_text("storage") +
         "ctorch\nFloatStorage\n" + pickle_text("77") + pickle_text("cpu") + pickle_int(4) + "NtQ" +
         pickle_int(0) + pickle_int(4) + "\x85" + pickle_int(1) + "\x85\x89" +
         "ccollections\nOrderedDict\n)RtRu." + "\x80\x02](" + pickle_text("77") + "e." +
         little_endian<std::uint64_t>(4) + four_floats();
}

// A file of safetensors with one tensor of 4 floats.
inline std::string safetensors(
    std::string_view header = R"({"w":{"dtype":"F32","shape":[2,2],"data_offsets":[0,16]}})") {
  return little_endian<std::uint64_t>(header.size()) + std::string(header) + four_floats();
}

}  // namespace runup::test
