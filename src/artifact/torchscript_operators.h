// SPDX-License-Identifier: Apache-2.0
#pragma once

// What an operator that the code calls means for a deployment, by libtorch's schemas
// (aten/src/ATen/native/native_functions.yaml).

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "artifact/torchscript_value.h"
#include "facts/torchscript.h"

namespace runup::artifact::script {

// One call: `torch.dropout(x, 0.5, True)`.
struct Call {
  std::string_view name;
  std::span<const Fact> arguments;
  std::span<const std::pair<std::string_view, Fact>> keywords;

  // By its place or its name; nothing known of one that is not given.
  Fact argument(std::size_t place, std::string_view keyword) const;
};

// Dropout or batch norm as in training: training_dropout, training_batch_norm or batch_statistics.
std::optional<CodeRemarkKind> mode_of(const Call& call);
// Its numbers come from a generator, whatever the mode.
bool is_random(std::string_view name);
// `my_ops.roi_align` for one outside of libtorch's own namespaces, else empty.
std::string foreign_operator(std::string_view name);
// Classes of C++, `__torch__.torch.classes.NAMESPACE.NAME`, the same.
std::string foreign_class(std::string_view name);
// It is computed by fbgemm, QNNPACK or oneDNN.
bool needs_quantised_engine(std::string_view name);
bool is_engine_class(std::string_view name);
// The sizes that it makes a tensor of, -1 where they are no literal; nothing when it makes none of sizes
// or none of them is a literal.
std::vector<std::int64_t> literal_sizes(const Call& call);
// The device of `torch.device("cuda", 0)` or `torch.cuda(x)`; empty for others.
std::string named_device(const Call& call);

// Names without `torch.` or `ops.aten.`.
std::string_view base_name(std::string_view name);

}  // namespace runup::artifact::script
