// SPDX-License-Identifier: Apache-2.0
#pragma once

// What torch.save wrote before PyTorch 0.1.10: a tar of `storages`, `tensors`, `pickle` and `sys_info`,
// in which the object names its tensors by number. torch/serialization.py, legacy_load.

#include "artifact/storages.h"
#include "artifact/tar.h"

namespace runup::artifact {

bool is_torch_tar(const std::vector<TarMember>& members);
void read_torch_tar(Bytes file, const std::vector<TarMember>& members, ArtifactFacts& facts,
                    Defects& defects);

}  // namespace runup::artifact
