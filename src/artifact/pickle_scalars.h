// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>

#include "artifact/pickle_builder.h"
#include "artifact/pickle_opcodes.h"
#include "artifact/pickle_stream.h"

namespace runup::artifact {

// The value that an opcode for a number, a text or bytes stands for; nothing for other opcodes.
std::optional<Read<ValueId>> read_scalar(Op op, PickleStream& stream, PickleBuilder& build);

// The decimal index of GET and PUT.
Read<std::uint32_t> read_index_line(PickleStream& stream);

}  // namespace runup::artifact
