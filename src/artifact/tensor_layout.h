// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "artifact/defects.h"

namespace runup::artifact {

// Sets `elements` and `bytes` from shape and dtype.
Read<void> set_tensor_size(TensorFacts& facts);

// Puts the tensor into storage `index` of `storage_bytes`, when size, stride and offset (none of
// them negative) keep it inside; sets its size too.
Read<void> place_tensor(TensorFacts& facts, std::int64_t index, std::uint64_t storage_bytes);

}  // namespace runup::artifact
