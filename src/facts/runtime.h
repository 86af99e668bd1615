// SPDX-License-Identifier: Apache-2.0
#pragma once

// What a runtime said and did with a loaded model. Every runtime probe returns these same facts.

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "facts/experiment.h"
#include "facts/observed.h"
#include "facts/python.h"

namespace runup {

// Who gave the answers.
struct WitnessFacts {
  // `libtorch`, `ONNX Runtime`; of the service's own interpreter `torch`, `onnxruntime`
  std::string library;
  std::string version;
  // where the model was really run, read back after loading: `cpu`, `cuda:0`
  std::string device;
  // what was run: `state_dict in TorchScript source`, `TorchScript archive filled by state_dict`,
  // `TorchScript archive`
  std::string form;
  // the architecture was never compared with the service's own module
  bool architecture_unverified = false;
  // 0: as many as the runtime chooses by itself
  std::uint32_t threads = 0;
  bool operator==(const WitnessFacts&) const = default;
  static constexpr auto fields() {
    return std::tuple{Field{"library", &WitnessFacts::library},
                      Field{"version", &WitnessFacts::version},
                      Field{"device", &WitnessFacts::device},
                      Field{"form", &WitnessFacts::form},
                      Field{"architecture_unverified", &WitnessFacts::architecture_unverified},
                      Field{"threads", &WitnessFacts::threads}};
  }
};

// A key whose tensor in the checkpoint has another shape than the architecture wants.
struct ShapeMismatchFacts {
  std::string key;
  std::vector<std::int64_t> expected;
  std::vector<std::int64_t> actual;
  bool operator==(const ShapeMismatchFacts&) const = default;
  static constexpr auto fields() {
    return std::tuple{Field{"key", &ShapeMismatchFacts::key},
                      Field{"expected", &ShapeMismatchFacts::expected},
                      Field{"actual", &ShapeMismatchFacts::actual}};
  }
};

// How the chosen state_dict fits the architecture.
struct KeyMatchFacts {
  std::string state_dict;
  std::uint64_t matched = 0;
  // wanted by the architecture, absent in the state_dict
  std::vector<std::string> missing;
  // buffers of an archive that the state_dict lacks, so that the archive's own values are used. They may be
  // ones that PyTorch never saves (`register_buffer(..., persistent=False)`); TorchScript keeps no mark
  // of that. Batch-norm statistics, which are always saved, are under `missing`
  std::vector<std::string> absent_buffers;
  // in the state_dict, not wanted by the architecture. For TorchScript source: tensors that no
  // operator ever read during an inference; batch-norm counters (`num_batches_tracked`) excepted
  std::vector<std::string> unexpected;
  std::vector<ShapeMismatchFacts> misshapen;
  bool operator==(const KeyMatchFacts&) const = default;
  static constexpr auto fields() {
    return std::tuple{Field{"state_dict", &KeyMatchFacts::state_dict},
                      Field{"matched", &KeyMatchFacts::matched},
                      Field{"missing", &KeyMatchFacts::missing},
                      Field{"absent_buffers", &KeyMatchFacts::absent_buffers},
                      Field{"unexpected", &KeyMatchFacts::unexpected},
                      Field{"misshapen", &KeyMatchFacts::misshapen}};
  }
};

enum class LoadStage { artifact, architecture, state_dict, device, done };
constexpr auto enum_names(LoadStage) {
  using enum LoadStage;
  return std::array<std::pair<LoadStage, std::string_view>, 5>{{{artifact, "artifact"},
                                                                {architecture, "architecture"},
                                                                {state_dict, "state-dict"},
                                                                {device, "device"},
                                                                {done, "done"}}};
}

// One input or output as the runtime declares it (ONNX Runtime does, TorchScript does not).
struct DeclaredValueFacts {
  std::string name;
  // PyTorch's name
  std::string dtype;
  // -1 for a size that is not fixed
  std::vector<std::int64_t> shape;
  bool operator==(const DeclaredValueFacts&) const = default;
  static constexpr auto fields() {
    return std::tuple{Field{"name", &DeclaredValueFacts::name}, Field{"dtype", &DeclaredValueFacts::dtype},
                      Field{"shape", &DeclaredValueFacts::shape}};
  }
};

struct LoadFacts {
  // how far loading came; `done` means that the model is ready to be called
  LoadStage stage = LoadStage::artifact;
  // the runtime's own words, first lines, when it failed
  std::string error;
  // it failed for want of something that another build or release of the runtime, or the service's own
  // process, may have: an operator, a class, a file format, a kind of tensor. Says nothing of the model
  bool unsupported = false;
  std::optional<KeyMatchFacts> keys;
  // devices that this runtime has: `cpu`, `cuda:0`
  std::vector<std::string> devices;
  // ONNX Runtime's execution providers: asked for, and in the session by its own word, in order of preference
  std::vector<std::string> providers_asked;
  std::vector<std::string> providers;
  // as the runtime declares them; empty where it does not (TorchScript)
  std::vector<DeclaredValueFacts> inputs;
  std::vector<DeclaredValueFacts> outputs;
  // of the python probe
  std::optional<PythonFacts> python;
  Duration took;
  bool operator==(const LoadFacts&) const = default;
  static constexpr auto fields() {
    return std::tuple{Field{"stage", &LoadFacts::stage},
                      Field{"error", &LoadFacts::error},
                      Field{"unsupported", &LoadFacts::unsupported},
                      Field{"keys", &LoadFacts::keys},
                      Field{"devices", &LoadFacts::devices},
                      Field{"providers_asked", &LoadFacts::providers_asked},
                      Field{"providers", &LoadFacts::providers},
                      Field{"inputs", &LoadFacts::inputs},
                      Field{"outputs", &LoadFacts::outputs},
                      Field{"python", &LoadFacts::python},
                      Field{"took", &LoadFacts::took}};
  }
};

// Distance between an output and what was expected: |a-b| <= atol + rtol*|b| for each element,
// NaN equal to NaN.
struct ComparisonFacts {
  bool same_shape = false;
  std::vector<std::int64_t> expected_shape;
  double max_abs = 0;
  double mean_abs = 0;
  std::vector<std::int64_t> worst_index;
  double worst_actual = 0;
  double worst_expected = 0;
  std::uint64_t beyond_tolerance = 0;
  // smallest rtol that would have passed with the stated atol
  double passing_rtol = 0;
  double rtol = 0;
  double atol = 0;
  bool operator==(const ComparisonFacts&) const = default;
  static constexpr auto fields() {
    return std::tuple{Field{"same_shape", &ComparisonFacts::same_shape},
                      Field{"expected_shape", &ComparisonFacts::expected_shape},
                      Field{"max_abs", &ComparisonFacts::max_abs},
                      Field{"mean_abs", &ComparisonFacts::mean_abs},
                      Field{"worst_index", &ComparisonFacts::worst_index},
                      Field{"worst_actual", &ComparisonFacts::worst_actual},
                      Field{"worst_expected", &ComparisonFacts::worst_expected},
                      Field{"beyond_tolerance", &ComparisonFacts::beyond_tolerance},
                      Field{"passing_rtol", &ComparisonFacts::passing_rtol},
                      Field{"rtol", &ComparisonFacts::rtol},
                      Field{"atol", &ComparisonFacts::atol}};
  }
};

// One output tensor of one call.
struct OutputFacts {
  // the output's name, or `output[0]`
  std::string name;
  std::string dtype;
  std::vector<std::int64_t> shape;
  std::uint64_t elements = 0;
  std::uint64_t nan_count = 0;
  std::uint64_t inf_count = 0;
  // of the finite elements
  double min = 0;
  double max = 0;
  double mean = 0;
  // the first elements in row-major order, at most 64
  std::vector<double> first;
  // index of the largest element along the last axis, one for each row, at most 64
  std::vector<std::int64_t> top1;
  // of row 0: softmax probability of its top1 if the row were logits
  double top1_probability = 0;
  // of the contiguous little-endian bytes
  std::string sha256;
  // where its bytes begin among the answers that runup compares; nothing when they are not kept
  std::optional<std::uint64_t> kept_at;
  std::optional<ComparisonFacts> comparison;
  bool operator==(const OutputFacts&) const = default;
  static constexpr auto fields() {
    return std::tuple{Field{"name", &OutputFacts::name},
                      Field{"dtype", &OutputFacts::dtype},
                      Field{"shape", &OutputFacts::shape},
                      Field{"elements", &OutputFacts::elements},
                      Field{"nan_count", &OutputFacts::nan_count},
                      Field{"inf_count", &OutputFacts::inf_count},
                      Field{"min", &OutputFacts::min},
                      Field{"max", &OutputFacts::max},
                      Field{"mean", &OutputFacts::mean},
                      Field{"first", &OutputFacts::first},
                      Field{"top1", &OutputFacts::top1},
                      Field{"top1_probability", &OutputFacts::top1_probability},
                      Field{"sha256", &OutputFacts::sha256},
                      Field{"kept_at", &OutputFacts::kept_at},
                      Field{"comparison", &OutputFacts::comparison}};
  }
};

// One fresh process of `cold_start`.
struct ColdStartFacts {
  // from exec until the runtime's libraries were there
  Duration runtime_start;
  // opening, reading and building the model
  Duration load;
  // the first inference of the process
  Duration first;
  // share of the model file in the page cache before loading, 0..1
  double cached = 0;
  std::uint64_t peak_resident_bytes = 0;
  bool operator==(const ColdStartFacts&) const = default;
  static constexpr auto fields() {
    return std::tuple{Field{"runtime_start", &ColdStartFacts::runtime_start},
                      Field{"load", &ColdStartFacts::load}, Field{"first", &ColdStartFacts::first},
                      Field{"cached", &ColdStartFacts::cached},
                      Field{"peak_resident_bytes", &ColdStartFacts::peak_resident_bytes}};
  }
};

enum class LimitEnd {
  // `refused` is one more than `largest`
  found,
  // `most` works
  most_reached,
  // stopped by a bound: on the time, on the size of the inputs, on the number of calls
  time,
  size,
  calls,
  // the next size did not fit the memory that this process may have
  memory,
  // this runtime lacks what the model calls at the next size
  unsupported,
  // no size was seen to work
  none,
};
constexpr auto enum_names(LimitEnd) {
  using enum LimitEnd;
  return std::array<std::pair<LimitEnd, std::string_view>, 8>{{{found, "found"},
                                                               {most_reached, "most-reached"},
                                                               {time, "time"},
                                                               {size, "size"},
                                                               {calls, "calls"},
                                                               {memory, "memory"},
                                                               {unsupported, "unsupported"},
                                                               {none, "none"}}};
}

// One size that was tried.
struct LimitCallFacts {
  std::int64_t size = 0;
  bool works = false;
  Duration took;
  bool operator==(const LimitCallFacts&) const = default;
  static constexpr auto fields() {
    return std::tuple{Field{"size", &LimitCallFacts::size}, Field{"works", &LimitCallFacts::works},
                      Field{"took", &LimitCallFacts::took}};
  }
};

// How far an axis can grow, if all sizes up to a limit work and none beyond it does. `tried` is what that
// conclusion rests on.
struct LimitFacts {
  LimitEnd end = LimitEnd::none;
  // largest size that was seen to work, 0 when none was
  std::int64_t largest = 0;
  // smallest size above it that the model was seen to refuse, 0 when none was, and the runtime's words; of
  // `memory`, `unsupported` and `none` the words alone
  std::int64_t refused = 0;
  std::string error;
  // calls of the model, in order
  std::vector<LimitCallFacts> tried;
  bool operator==(const LimitFacts&) const = default;
  static constexpr auto fields() {
    return std::tuple{Field{"end", &LimitFacts::end}, Field{"largest", &LimitFacts::largest},
                      Field{"refused", &LimitFacts::refused}, Field{"error", &LimitFacts::error},
                      Field{"tried", &LimitFacts::tried}};
  }
};

// The answer to one experiment.
struct ExperimentFacts {
  Experiment asked;
  // set when the runtime itself refused (a Python or C++ exception): its own words
  std::string error;
  // set when there is no answer at all: the process died or ran out of time
  std::optional<Absence> absence;
  std::vector<OutputFacts> outputs;
  // of `latency`: one for each call, in order
  std::vector<Duration> calls;
  std::vector<ColdStartFacts> cold_starts;
  std::optional<LimitFacts> limit;
  Duration took;
  bool operator==(const ExperimentFacts&) const = default;
  static constexpr auto fields() {
    return std::tuple{
        Field{"asked", &ExperimentFacts::asked},     Field{"error", &ExperimentFacts::error},
        Field{"absence", &ExperimentFacts::absence}, Field{"outputs", &ExperimentFacts::outputs},
        Field{"calls", &ExperimentFacts::calls},     Field{"cold_starts", &ExperimentFacts::cold_starts},
        Field{"limit", &ExperimentFacts::limit},     Field{"took", &ExperimentFacts::took}};
  }
};

struct RuntimeFacts {
  WitnessFacts witness;
  LoadFacts load;
  std::vector<ExperimentFacts> experiments;
  bool operator==(const RuntimeFacts&) const = default;
  static constexpr auto fields() {
    return std::tuple{Field{"witness", &RuntimeFacts::witness}, Field{"load", &RuntimeFacts::load},
                      Field{"experiments", &RuntimeFacts::experiments}};
  }
  // the answer to an experiment equal to `asked`, or null
  const ExperimentFacts* find(const Experiment& asked) const {
    for (const ExperimentFacts& candidate : experiments) {
      if (candidate.asked == asked) {
        return &candidate;
      }
    }
    return nullptr;
  }
};

extern template struct Observed<RuntimeFacts>;
extern template struct StructCodec<LoadFacts>;
extern template struct StructCodec<ColdStartFacts>;
extern template struct StructCodec<LimitFacts>;
extern template struct StructCodec<ExperimentFacts>;
extern template struct StructCodec<RuntimeFacts>;

}  // namespace runup
