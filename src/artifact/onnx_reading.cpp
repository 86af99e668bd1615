// SPDX-License-Identifier: Apache-2.0
#include "artifact/onnx_reading.h"

#include "base/text.h"

namespace runup::artifact {

std::optional<ProtobufField> OnnxReading::next(ProtobufFields& fields, std::string_view message,
                                               const std::string& where) {
  if (stopped_ || !within(++fields_ <= kMostFields, "parts of messages", kMostFields)) {
    return std::nullopt;
  }
  auto field = fields.next();
  const bool at_file_end = message.data() + message.size() == as_text(file_).data() + file_.size();
  if (field && (field->missing == 0 || (at_file_end && truncated_))) {
    return field;
  }
  if (field) {
    defects.add(DefectKind::malformed,
                std::format("a part of {} bytes reaches {} bytes beyond the message that it belongs to",
                            field->value, field->missing),
                printable(where), offset_of(fields.position()));
  } else if (!fields.cut_off() || !at_file_end || !truncated_) {
    defects.add(DefectKind::malformed, "no protobuf field starts here", printable(where),
                offset_of(fields.position()));
  }
  return std::nullopt;
}

bool OnnxReading::within(bool fits, std::string_view what, std::uint64_t most) {
  if (!fits && !stopped_) {
    stopped_ = true;
    defects.add(DefectKind::over_limit, std::format("the model has more than {} {}", most, what));
  }
  return fits;
}

}  // namespace runup::artifact
