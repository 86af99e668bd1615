// SPDX-License-Identifier: Apache-2.0
#pragma once

// What all parts of the ONNX reader share: where facts and defects go, and the bounds of the work.

#include <format>
#include <memory>
#include <string>
#include <string_view>

#include "artifact/defects.h"
#include "artifact/fact_lists.h"
#include "artifact/protobuf.h"
#include "base/bytes.h"

namespace runup::artifact {

class OnnxReading {
 public:
  // `facts` has its `onnx`. `truncated`: that the file ends in the middle of a message is said already.
  OnnxReading(Bytes file, ArtifactFacts& facts, Defects& defects, bool truncated)
      : facts(facts), onnx(*facts.onnx), defects(defects), lists(facts), file_(file), truncated_(truncated) {}

  ArtifactFacts& facts;
  OnnxFacts& onnx;
  Defects& defects;
  FactLists lists;

  std::uint64_t offset_of(const char* place) const {
    return static_cast<std::uint64_t>(place - as_text(file_).data());
  }
  // Of a part of the file.
  std::uint64_t offset_of(std::string_view part) const { return offset_of(std::to_address(part.begin())); }

  // Calls `visit` with each field of a message that is whole, in the file's order. False when one could not be
  // read, or is cut off; then the defect is among the others. `where` names the message's owner.
  template <class Visit>
  bool each_field(std::string_view message, const std::string& where, Visit&& visit) {
    ProtobufFields fields(message);
    while (!fields.at_end()) {
      const auto field = next(fields, message, where);
      if (!field) {
        return false;
      }
      visit(*field);
      if (field->missing > 0) {
        return false;
      }
    }
    return true;
  }

  // Room in the facts for one more text; false when all of them together are at their bound.
  bool may_add(std::size_t bytes) {
    text_ += bytes;
    if (text_ > kMostText) {
      note_cut(facts, "names of the graph behind the first 64 MiB of them");
    }
    return text_ <= kMostText;
  }
  // One more node; false, with a defect, beyond the bound.
  bool may_add_node() { return within(++onnx.nodes <= kMostNodes, "nodes", kMostNodes); }
  // Graphs inside each other; false, with a defect, beyond the bound.
  bool may_enter(std::size_t depth) {
    return within(depth <= kMostDepth, "levels of graphs inside each other", kMostDepth);
  }
  // Varints are counted by looking at each byte, so not of very large tensors.
  bool may_count(std::size_t bytes) {
    counted_ += bytes;
    return counted_ <= kMostCounted;
  }
  // The bound on work was reached: nothing more is to be read.
  bool stopped() const { return stopped_; }

  // A name as the facts hold it: as it is, but for its length.
  static std::string name(std::string_view text) {
    return std::string(text.substr(0, kMostName)) + (text.size() > kMostName ? "..." : "");
  }

 private:
  static constexpr std::size_t kMostText = std::size_t{64} << 20U;
  static constexpr std::size_t kMostName = 1024;
  static constexpr std::uint64_t kMostNodes = 1'000'000;
  static constexpr std::size_t kMostDepth = 32;
  static constexpr std::uint64_t kMostFields = 64'000'000;
  static constexpr std::uint64_t kMostCounted = std::uint64_t{64} << 20U;

  std::optional<ProtobufField> next(ProtobufFields& fields, std::string_view message,
                                    const std::string& where);
  bool within(bool fits, std::string_view what, std::uint64_t most);

  Bytes file_;
  bool truncated_ = false;
  bool stopped_ = false;
  std::size_t text_ = 0;
  std::uint64_t fields_ = 0;
  std::uint64_t counted_ = 0;
};

}  // namespace runup::artifact
