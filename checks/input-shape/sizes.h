// SPDX-License-Identifier: Apache-2.0
#pragma once

// Which sizes a model is called with, from its declaration alone. plan() and judge() both ask here, so that
// they speak of the same experiments.

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include "base/fields.h"
#include "facts/declaration.h"
#include "facts/experiment.h"

namespace runup::checks::input_shape {

struct Options {
  std::uint64_t between = 0;
  bool limit = true;
  std::int64_t most = 0;
  std::map<std::string, std::int64_t> step;
  std::vector<std::string> refuse;
  static constexpr auto fields() {
    return std::tuple{
        Field{"between", &Options::between,
              "how many more sizes of each dynamic axis to try, drawn from its range", Rule{.max = 50}},
        Field{"limit", &Options::limit, "also look how far beyond its range each dynamic axis can grow"},
        Field{"most", &Options::most, "largest size tried for that (0: 8 times the range's largest)",
              Rule{.min = 0, .max = 1e9}},
        Field{"step", &Options::step,
              "axes of which the service sends only multiples, such as `{height: 32}`"},
        Field{
            "refuse", &Options::refuse,
            "dimensions such as `frames[2]`, and axes, of which the model must refuse every other size; of a "
            "dynamic axis, those beyond its range"}};
  }
};

// Sizes by the name of an axis (`time`) or of a dimension (`frames[2]`).
using Sizes = std::map<std::string, std::int64_t>;

// A dynamic axis: one that an input uses and that has a range of more than one size.
struct AxisPlan {
  std::string name;
  std::int64_t low = 0;
  std::int64_t high = 0;
  std::int64_t example = 0;
  std::int64_t step = 1;
  // sizes that the other dynamic axes have meanwhile: small ones, for the time's sake, but not 1, which
  // broadcasting might hide something behind
  Sizes beside;
  // ascending; the example is among them
  std::vector<std::int64_t> sizes;
  // ends that are not tried
  std::vector<std::int64_t> left_out;
  std::optional<Experiment> limit;
};

// A dimension or axis that has one size, or of which `refuse` says that it ends with its range.
struct FixedPlan {
  std::string name;
  // the size; of a dynamic axis the largest of its range
  std::int64_t declared = 0;
  // sizes to try instead
  std::vector<std::int64_t> sizes;
  bool is_axis = false;
  // a dynamic axis
  bool beyond = false;
  // `refuse` names it
  bool must_refuse = false;
  // a leading dimension of 1: a batch that nobody made an axis of
  bool is_batch = false;
};

struct SizePlan {
  std::vector<AxisPlan> axes;
  // all dynamic axes at their smallest together, and at their largest
  std::vector<Sizes> corners;
  std::vector<FixedPlan> fixed;
  // sizes of all dynamic axes while the size of a fixed dimension is another one
  Sizes beside;
  // in words: combinations that are too large
  std::vector<std::string> not_tried;
};

// At most 24 calls, those included that `inference` makes anyway; `between` asks for more.
SizePlan plan_sizes(const ModelDeclaration& model, const Options& options);

// Random values (the same as those of `inference`) with these sizes of axes and of dimensions; sizes that the
// model has anyway are left out, so that equal questions are equal experiments.
Experiment experiment_of(const ModelDeclaration& model, const Sizes& axes, const Sizes& dimensions = {});
Experiment experiment_of(const ModelDeclaration& model, const AxisPlan& axis, std::int64_t size);
Experiment experiment_of(const ModelDeclaration& model, const SizePlan& plan, const FixedPlan& fixed,
                         std::int64_t size);

// The dimensions and axes that inputs use, as `refuse` names them.
std::vector<std::string> dimension_names(const ModelDeclaration& model);

}  // namespace runup::checks::input_shape
