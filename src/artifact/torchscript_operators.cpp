// SPDX-License-Identifier: Apache-2.0
#include "artifact/torchscript_operators.h"

#include <algorithm>
#include <array>
#include <format>

namespace runup::artifact::script {

namespace {

using Names = std::string_view;

// Place of the probability and of the flag.
struct Dropout {
  std::string_view name;
  std::size_t probability = 1;
  std::size_t train = 2;
};
constexpr std::array kDropouts{Dropout{"dropout"}, Dropout{"feature_dropout"}, Dropout{"alpha_dropout"},
                               Dropout{"feature_alpha_dropout"}, Dropout{"native_dropout"}};
constexpr std::array<Names, 4> kRecurrent{"lstm", "gru", "rnn_tanh", "rnn_relu"};
// Place 3 is the running mean, place 5 the flag.
constexpr std::array<Names, 7> kBatchNorms{
    "batch_norm",        "native_batch_norm",        "cudnn_batch_norm",
    "miopen_batch_norm", "_native_batch_norm_legit", "_batch_norm_impl_index",
    "instance_norm"};
constexpr std::array<Names, 23> kRandom{"rand",
                                        "randn",
                                        "randint",
                                        "randperm",
                                        "rand_like",
                                        "randn_like",
                                        "randint_like",
                                        "bernoulli",
                                        "multinomial",
                                        "normal",
                                        "poisson",
                                        "uniform",
                                        "random",
                                        "exponential",
                                        "geometric",
                                        "cauchy",
                                        "log_normal",
                                        "binomial",
                                        "_fused_dropout",
                                        "_sample_dirichlet",
                                        "_standard_gamma",
                                        "normal_functional",
                                        "rrelu_with_noise"};

// Of libtorch 2.6 (`torch._C._jit_get_all_schemas()`), of older releases and of builds for other devices.
constexpr std::array<Names, 36> kNamespaces{"aten",
                                            "prim",
                                            "prims",
                                            "quantized",
                                            "_quantized",
                                            "quantization",
                                            "mkldnn",
                                            "mkldnn_prepacked",
                                            "prepacked",
                                            "xnnpack",
                                            "onednn",
                                            "inductor",
                                            "profiler",
                                            "rngprims",
                                            "debugprims",
                                            "sparse",
                                            "static_runtime",
                                            "c10d",
                                            "_c10d_functional",
                                            "_c10d_functional_autograd",
                                            "symm_mem",
                                            "_dtensor",
                                            "vulkan",
                                            "vulkan_prepack",
                                            "vulkan_quantized",
                                            "metal",
                                            "metal_prepack",
                                            "cuda",
                                            "cudnn",
                                            "mps",
                                            "tensorexpr",
                                            "onnx",
                                            "_test",
                                            "dist",
                                            "_caffe2",
                                            "upgraders"};
constexpr std::array<Names, 12> kClassNamespaces{"quantized", "rnn",    "xnnpack",   "sparse",
                                                 "mkldnn",    "onednn", "prepacked", "c10d",
                                                 "profiling", "cuda",   "vulkan",    "metal"};

// Operators of `quantized` that need an engine begin so.
constexpr std::array<Names, 5> kEngineOperators{"linear", "conv", "quantized_lstm", "quantized_gru",
                                                "make_quantized_cell"};

struct Sized {
  std::string_view name;
  std::size_t place = 0;
  std::string_view keyword = "size";
};
constexpr std::array kSized{Sized{"view", 1},
                            Sized{"_unsafe_view", 1},
                            Sized{"reshape", 1, "shape"},
                            Sized{"expand", 1},
                            Sized{"broadcast_to", 1},
                            Sized{"repeat", 1, "repeats"},
                            Sized{"tile", 1, "dims"},
                            Sized{"resize", 1},
                            Sized{"new_zeros", 1},
                            Sized{"new_ones", 1},
                            Sized{"new_full", 1},
                            Sized{"new_empty", 1},
                            Sized{"zeros"},
                            Sized{"ones"},
                            Sized{"full"},
                            Sized{"empty"},
                            Sized{"rand"},
                            Sized{"randn"}};

constexpr std::size_t kMostSizes = 32;
constexpr double kNever = 0;

template <class List>
bool has(const List& list, std::string_view name) {
  return std::ranges::find(list, name) != std::end(list);
}

// In-place forms have an underscore behind their name.
std::string_view without_underscore(std::string_view name) {
  return name.ends_with('_') && !name.ends_with("__") ? name.substr(0, name.size() - 1) : name;
}

// A probability that is known to be 0 drops nothing.
bool may_drop(const Fact& probability) { return !probability.is_number() || probability.number() > kNever; }

// (input, hx, params, has_biases, num_layers, dropout, train, ...), or with `batch_sizes` in second place.
bool recurrent_dropout(const Call& call) {
  const std::size_t shift = call.argument(3, "has_biases").is(Known::boolean) ? 0 : 1;
  const Fact layers = call.argument(4 + shift, "num_layers");
  const bool single = layers.is(Known::integer) && layers.integer < 2;
  return !single && call.argument(6 + shift, "train").is_true() &&
         may_drop(call.argument(5 + shift, "dropout"));
}

bool attention_dropout(const Call& call) {
  const Fact probability = call.argument(4, "dropout_p");
  return probability.is_number() && probability.number() > kNever;
}

std::optional<CodeRemarkKind> norm_mode(const Call& call, std::string_view name) {
  const bool instance = name == "instance_norm";
  if (!call.argument(5, instance ? "use_input_stats" : "training").is_true()) {
    return std::nullopt;
  }
  const Fact mean = call.argument(3, "running_mean");
  if (!mean.may_be_none()) {
    return CodeRemarkKind::training_batch_norm;
  }
  // An instance norm without running statistics looks at each row by itself, in any mode.
  return instance ? std::nullopt : std::optional(CodeRemarkKind::batch_statistics);
}

}  // namespace

Fact Call::argument(std::size_t place, std::string_view keyword) const {
  if (place < arguments.size()) {
    return arguments[place];
  }
  const auto found = std::ranges::find(keywords, keyword, &std::pair<std::string_view, Fact>::first);
  return found == keywords.end() ? Fact{} : found->second;
}

std::string_view base_name(std::string_view name) {
  for (const std::string_view prefix : {"ops.aten.", "torch."}) {
    if (name.starts_with(prefix)) {
      const std::string_view base = name.substr(prefix.size());
      return base.contains('.') ? std::string_view() : base;
    }
  }
  return {};
}

std::optional<CodeRemarkKind> mode_of(const Call& call) {
  const std::string_view name = without_underscore(base_name(call.name));
  if (name.empty()) {
    return std::nullopt;
  }
  const auto dropout = std::ranges::find(kDropouts, name, &Dropout::name);
  if (dropout != kDropouts.end()) {
    const bool active = call.argument(dropout->train, "train").is_true() &&
                        may_drop(call.argument(dropout->probability, "p"));
    return active ? std::optional(CodeRemarkKind::training_dropout) : std::nullopt;
  }
  const bool rrelu = name == "rrelu" && call.argument(3, "training").is_true();
  if (rrelu || (has(kRecurrent, name) && recurrent_dropout(call)) ||
      (name == "scaled_dot_product_attention" && attention_dropout(call))) {
    return CodeRemarkKind::training_dropout;
  }
  return has(kBatchNorms, name) ? norm_mode(call, name) : std::nullopt;
}

bool is_random(std::string_view name) {
  const std::string_view base = base_name(name);
  return !base.empty() && has(kRandom, without_underscore(base));
}

std::string foreign_operator(std::string_view name) {
  if (!name.starts_with("ops.")) {
    return {};
  }
  const std::string_view rest = name.substr(4);
  const std::size_t dot = rest.find('.');
  return dot == std::string_view::npos || has(kNamespaces, rest.substr(0, dot)) ? std::string()
                                                                                : std::string(rest);
}

std::string foreign_class(std::string_view name) {
  constexpr std::string_view kPrefix = "__torch__.torch.classes.";
  if (!name.starts_with(kPrefix)) {
    return {};
  }
  const std::string_view rest = name.substr(kPrefix.size());
  return has(kClassNamespaces, rest.substr(0, rest.find('.'))) ? std::string() : std::string(rest);
}

bool needs_quantised_engine(std::string_view name) {
  for (const std::string_view prefix : {"ops.quantized.", "ops._quantized.", "ops.aten.", "torch."}) {
    if (name.starts_with(prefix)) {
      const bool own = prefix.contains("quantized");
      const std::string_view base = name.substr(prefix.size());
      const auto begins = [&](std::string_view start) { return base.starts_with(start); };
      return own ? std::ranges::any_of(kEngineOperators, begins)
                 : base == "quantized_lstm" || base == "quantized_gru";
    }
  }
  return false;
}

bool is_engine_class(std::string_view name) {
  const bool packed = name.starts_with("__torch__.torch.classes.quantized.") &&
                      (name.contains("LinearPackedParams") || name.contains("PackedParamsBase")) &&
                      !name.contains("Embedding");
  return packed || name.starts_with("__torch__.torch.classes.rnn.");
}

std::vector<std::int64_t> literal_sizes(const Call& call) {
  const std::string_view name = without_underscore(base_name(call.name));
  const auto sized = std::ranges::find(kSized, name, &Sized::name);
  std::vector<std::int64_t> sizes;
  if (name == "arange") {
    for (const Fact& argument : call.arguments.first(std::min<std::size_t>(call.arguments.size(), 3))) {
      sizes.push_back(argument.is(Known::integer) ? argument.integer : -1);
    }
  } else if (sized != kSized.end()) {
    const Fact list = call.argument(sized->place, sized->keyword);
    if (!list.is(Known::list) || list.items->size() > kMostSizes) {
      return {};
    }
    for (const Fact& item : *list.items) {
      sizes.push_back(item.is(Known::integer) ? item.integer : -1);
    }
  }
  const bool literal = std::ranges::any_of(sizes, [](std::int64_t size) { return size > 0; });
  return literal ? sizes : std::vector<std::int64_t>();
}

std::string named_device(const Call& call) {
  if (call.name == "torch.cuda" || call.name == "ops.aten.cuda") {
    return "cuda";
  }
  const Fact type = call.argument(0, "type");
  if (call.name != "torch.device" || !type.is(Known::text) || type.text().size() > 40) {
    return {};
  }
  const Fact index = call.argument(1, "index");
  return index.is(Known::integer) && !type.text().contains(':')
             ? std::format("{}:{}", type.text(), index.integer)
             : std::string(type.text());
}

}  // namespace runup::artifact::script
