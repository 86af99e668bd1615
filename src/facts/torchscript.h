// SPDX-License-Identifier: Apache-2.0
#pragma once

// What the code of a TorchScript archive says, read from its `code/` members and pickles; nothing is
// compiled or executed.

#include <cstdint>
#include <string>
#include <vector>

#include "base/codec.h"

namespace runup {

enum class CodeRemarkKind {
  // `torch.device("cuda:0")`, or a device among the archive's constants
  device_constant,
  // a literal size in view, reshape, expand, zeros, ones, full, ...; `value` holds the sizes
  size_literal,
  // dropout with `training` true and a probability above 0
  training_dropout,
  // batch_norm or instance_norm that has running statistics and uses the batch's own
  training_batch_norm,
  // batch_norm that has no running statistics, in eval mode neither
  batch_statistics,
  // rand, randn, bernoulli, multinomial, ...
  random,
  // an operator outside libtorch's own namespaces
  foreign_operator,
  // an operator that needs a quantised engine (`quantized.linear_prepack`, packed parameters)
  quantised_engine,
};
constexpr auto enum_names(CodeRemarkKind) {
  using enum CodeRemarkKind;
  return std::array<std::pair<CodeRemarkKind, std::string_view>, 8>{
      {{device_constant, "device-constant"},
       {size_literal, "size-literal"},
       {training_dropout, "training-dropout"},
       {training_batch_norm, "training-batch-norm"},
       {batch_statistics, "batch-statistics"},
       {random, "random"},
       {foreign_operator, "foreign-operator"},
       {quantised_engine, "quantised-engine"}}};
}

// One place in the code that deserves a word; at most 200 of a kind are kept. What depends on the mode
// (training_dropout, training_batch_norm, batch_statistics) is there once for each module in which it is
// reached, the others once for each place.
struct CodeRemarkFacts {
  CodeRemarkKind kind = CodeRemarkKind::random;
  // the member without the archive's folder: `code/__torch__/models.py`; `constants.pkl`
  std::string file;
  // from 1; 0 when the place is no line
  std::uint64_t line = 0;
  // the function or method around it: `Encoder.forward`
  std::string function;
  // what was seen: `cuda:0`, `torch.zeros`, `my_ops.roi_align`
  std::string what;
  // the operator whose argument a device is: `torch.zeros`; empty when it is none's
  std::string op;
  // the line itself, trimmed, at most 200 bytes
  std::string text;
  // of `size_literal`: the sizes, -1 for those that are no literal
  std::vector<std::int64_t> values;
  // path of the module in whose method it is first reached: `encoder.layers.0`; the root's is empty
  std::string module;
  // the root module's `forward` comes here, as far as values that are known decide
  bool reached = false;
  bool operator==(const CodeRemarkFacts&) const = default;
  static constexpr auto fields() {
    return std::tuple{
        Field{"kind", &CodeRemarkFacts::kind},     Field{"file", &CodeRemarkFacts::file},
        Field{"line", &CodeRemarkFacts::line},     Field{"function", &CodeRemarkFacts::function},
        Field{"what", &CodeRemarkFacts::what},     Field{"op", &CodeRemarkFacts::op},
        Field{"text", &CodeRemarkFacts::text},     Field{"values", &CodeRemarkFacts::values},
        Field{"module", &CodeRemarkFacts::module}, Field{"reached", &CodeRemarkFacts::reached}};
  }
};

struct TorchScriptFacts {
  // members below `code/` and the bytes of their source
  std::uint64_t code_files = 0;
  std::uint64_t code_bytes = 0;
  // the root module's class: `__torch__.models.Net`
  std::string root_class;
  // arguments of the root module's `forward`, without self, with their types: `x: Tensor`
  std::vector<std::string> arguments;
  bool has_forward = false;
  // the forward was traced: the archive has the trace's inputs, or the source looks so
  bool traced = false;
  // shapes of the tensors that it was traced with, in order; not every release keeps them
  std::vector<std::vector<std::int64_t>> traced_shapes;
  // paths of modules whose attribute `training` is true; the root module's is empty. At most 1000
  std::vector<std::string> training_modules;
  std::uint64_t modules = 0;
  std::vector<CodeRemarkFacts> remarks;
  // why more may be in the code than `remarks` tells; empty when all of it was followed
  std::string incomplete;
  bool operator==(const TorchScriptFacts&) const = default;
  static constexpr auto fields() {
    return std::tuple{Field{"code_files", &TorchScriptFacts::code_files},
                      Field{"code_bytes", &TorchScriptFacts::code_bytes},
                      Field{"root_class", &TorchScriptFacts::root_class},
                      Field{"arguments", &TorchScriptFacts::arguments},
                      Field{"has_forward", &TorchScriptFacts::has_forward},
                      Field{"traced", &TorchScriptFacts::traced},
                      Field{"traced_shapes", &TorchScriptFacts::traced_shapes},
                      Field{"training_modules", &TorchScriptFacts::training_modules},
                      Field{"modules", &TorchScriptFacts::modules},
                      Field{"remarks", &TorchScriptFacts::remarks},
                      Field{"incomplete", &TorchScriptFacts::incomplete}};
  }
};

}  // namespace runup
