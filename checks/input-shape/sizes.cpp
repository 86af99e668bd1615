// SPDX-License-Identifier: Apache-2.0
#include "sizes.h"

#include <algorithm>
#include <format>
#include <limits>
#include <set>
#include <utility>

#include "base/text.h"

namespace runup::checks::input_shape {

namespace {

constexpr std::size_t kMostCalls = 24;
// Elements of all inputs of one call; noise for more takes seconds to draw.
constexpr double kMostElements = 1U << 26U;
// Elements of one call, and of all calls that are no ends of a range, as a multiple of the usual input's.
constexpr double kMostOfCorner = 64;
constexpr double kMostOfBetween = 40;
// How far beyond its range an axis is grown.
constexpr std::int64_t kGrowth = 8;
constexpr std::int64_t kMostSize = 1'000'000'000;
constexpr int kPowers = 6;

// What is tried first when not everything can be.
enum class Rank { base, end, corner, wrong, near, other };

bool is_used(const ModelDeclaration& model, const std::string& axis) {
  return std::ranges::any_of(model.inputs, [&](const InputDeclaration& input) {
    return std::ranges::find(input.shape, axis, &Dimension::axis) != input.shape.end();
  });
}

bool is_dynamic(const AxisDeclaration& axis) {
  return axis.range.size() == 2 && axis.range[0] < axis.range[1];
}

double elements_of(const ModelDeclaration& model, const Experiment& experiment) {
  double all = 0;
  for (const InputDeclaration& input : model.inputs) {
    double elements = 1;
    for (std::size_t i = 0; i < input.shape.size(); ++i) {
      const Dimension& dimension = input.shape[i];
      const bool named = !dimension.axis.empty();
      const Sizes& asked = named ? experiment.axes : experiment.sizes;
      const auto other = asked.find(named ? dimension.axis : std::format("{}[{}]", input.name, i));
      const auto declared = model.axes.find(dimension.axis);
      const std::int64_t usual = !named                         ? dimension.size
                                 : declared == model.axes.end() ? 1
                                                                : declared->second.example;
      elements *= static_cast<double>(other == asked.end() ? usual : other->second);
    }
    all += elements;
  }
  return all;
}

// A size of an axis that is cheap, and still like others.
std::int64_t small_size(const AxisPlan& axis) {
  const std::int64_t two = std::max<std::int64_t>(axis.low, std::min<std::int64_t>(2, axis.high));
  return std::min(axis.example, (two + axis.step - 1) / axis.step * axis.step);
}

std::vector<AxisPlan> dynamic_axes(const ModelDeclaration& model, const Options& options, SizePlan& plan) {
  std::vector<AxisPlan> axes;
  for (const auto& [name, declared] : model.axes) {
    if (!is_used(model, name) || !is_dynamic(declared)) {
      continue;
    }
    AxisPlan axis{.name = name,
                  .low = std::max<std::int64_t>(declared.range[0], 1),
                  .high = std::min(declared.range[1], kMostSize),
                  .example = declared.example};
    if (const auto step = options.step.find(name); step != options.step.end() && step->second > 1) {
      axis.step = step->second;
      axis.low = (axis.low + axis.step - 1) / axis.step * axis.step;
      axis.high = axis.high / axis.step * axis.step;
    }
    if (axis.low > axis.high) {
      plan.not_tried.push_back(std::format("`{}` has no multiple of {} in its range", name, axis.step));
      continue;
    }
    axis.sizes = {axis.example};
    axes.push_back(std::move(axis));
  }
  for (AxisPlan& axis : axes) {
    for (const AxisPlan& other : axes) {
      if (&other != &axis) {
        axis.beside[other.name] = small_size(other);
      }
    }
  }
  return axes;
}

// The smallest size beyond `low` that 2^power divides and 2^(power+1) does not, and that is no power of two.
// Layers that halve a size again and again take multiples of some power of two only.
std::int64_t multiple_beyond(std::int64_t low, int power) {
  const std::int64_t unit = std::int64_t{1} << power;
  const std::int64_t odd = std::max<std::int64_t>(3, (low / unit + 1) | 1);
  return odd * unit;
}

// Sizes between the ends, the most telling first.
std::vector<std::int64_t> sizes_between(const AxisPlan& axis) {
  const std::int64_t step = axis.step;
  const std::int64_t middle = (axis.low + (axis.high - axis.low) / 2) / step;
  std::vector<std::int64_t> sizes{axis.low + step, (middle | 1) * step, axis.high - step};
  for (int power = 1; step == 1 && power <= kPowers; ++power) {
    sizes.push_back(multiple_beyond(axis.low + 1, power));
  }
  std::erase_if(sizes, [&](std::int64_t size) { return size <= axis.low || size >= axis.high; });
  return sizes;
}

// `count` sizes of the range, the same in every run.
std::vector<std::int64_t> drawn_sizes(const AxisPlan& axis, std::uint64_t count) {
  std::uint64_t state = 0xCBF29CE484222325U;
  for (const char c : axis.name) {
    state = (state ^ static_cast<unsigned char>(c)) * 0x100000001B3U;
  }
  std::vector<std::int64_t> sizes;
  const auto choices = static_cast<std::uint64_t>((axis.high - axis.low) / axis.step + 1);
  for (std::uint64_t i = 0; i < count; ++i) {
    state = state * 6364136223846793005U + 1442695040888963407U;
    sizes.push_back(axis.low + axis.step * static_cast<std::int64_t>((state >> 24U) % choices));
  }
  return sizes;
}

std::vector<FixedPlan> fixed_dimensions(const ModelDeclaration& model, const Options& options) {
  std::vector<FixedPlan> all;
  const auto must = [&](const std::string& name) {
    return std::ranges::find(options.refuse, name) != options.refuse.end();
  };
  for (const InputDeclaration& input : model.inputs) {
    for (std::size_t i = 0; i < input.shape.size(); ++i) {
      if (!input.shape[i].axis.empty()) {
        continue;
      }
      const std::string name = std::format("{}[{}]", input.name, i);
      all.push_back({.name = name,
                     .declared = input.shape[i].size,
                     .must_refuse = must(name),
                     .is_batch = i == 0 && input.shape[i].size == 1});
    }
  }
  for (const auto& [name, axis] : model.axes) {
    if (!is_used(model, name)) {
      continue;
    }
    if (!is_dynamic(axis)) {
      all.push_back({.name = name, .declared = axis.example, .is_axis = true, .must_refuse = must(name)});
    } else if (must(name)) {
      all.push_back(
          {.name = name, .declared = axis.range[1], .is_axis = true, .beyond = true, .must_refuse = true});
    }
  }
  return all;
}

// Sizes to try instead, the most telling first.
std::vector<std::int64_t> wrong_sizes(const FixedPlan& fixed) {
  std::vector<std::int64_t> sizes;
  if (fixed.declared < kMostSize) {
    sizes.push_back(fixed.declared + 1);
  }
  if (fixed.declared > 1 && !fixed.beyond) {
    sizes.push_back(fixed.declared - 1);
  }
  // What broadcasting turns into any size.
  if (fixed.declared > 2 && !fixed.is_axis) {
    sizes.push_back(1);
  }
  return sizes;
}

// Chooses among candidates within the bounds.
class Chooser {
 public:
  Chooser(const ModelDeclaration& model, std::size_t most)
      : model_(model), most_(most), usual_(std::max(1.0, elements_of(model, experiment_of(model, {})))) {}

  double share(const Experiment& experiment) const { return elements_of(model_, experiment) / usual_; }

  bool take(const Experiment& experiment, Rank rank, bool asked_for = false) {
    if (std::ranges::find(chosen_, experiment) != chosen_.end()) {
      return true;
    }
    const double elements = elements_of(model_, experiment);
    const bool optional = rank >= Rank::near && !asked_for;
    if (elements > kMostElements || chosen_.size() >= most_ ||
        (optional && between_ + elements / usual_ > kMostOfBetween)) {
      return false;
    }
    between_ += optional ? elements / usual_ : 0;
    chosen_.push_back(experiment);
    return true;
  }

 private:
  const ModelDeclaration& model_;
  std::size_t most_;
  double usual_;
  double between_ = 0;
  std::vector<Experiment> chosen_;
};

std::string combination(const Sizes& sizes) {
  std::vector<std::string> words;
  for (const auto& [name, size] : sizes) {
    words.push_back(std::format("`{}` {}", name, size));
  }
  return join_words(words);
}

void choose_corners(const ModelDeclaration& model, SizePlan& plan, Chooser& chooser) {
  if (plan.axes.size() < 2) {
    return;
  }
  for (const auto end : {&AxisPlan::low, &AxisPlan::high}) {
    Sizes corner;
    for (const AxisPlan& axis : plan.axes) {
      corner[axis.name] = axis.*end;
    }
    const Experiment experiment = experiment_of(model, corner);
    const double share = chooser.share(experiment);
    if (share <= kMostOfCorner && chooser.take(experiment, Rank::corner)) {
      plan.corners.push_back(std::move(corner));
    } else {
      plan.not_tried.push_back(
          std::format("{} together ({:.0f} times the usual input)", combination(corner), share));
    }
  }
}

// Of the sizes of each fixed dimension those from number `begin` up to, not including, `end`.
void choose_wrong(const ModelDeclaration& model, SizePlan& plan, Chooser& chooser, std::size_t begin,
                  std::size_t end) {
  for (FixedPlan& fixed : plan.fixed) {
    const std::vector<std::int64_t> sizes = wrong_sizes(fixed);
    for (std::size_t i = begin; i < std::min(end, sizes.size()); ++i) {
      if (chooser.take(experiment_of(model, plan, fixed, sizes[i]), Rank::wrong)) {
        fixed.sizes.push_back(sizes[i]);
      }
    }
  }
}

void choose_size(const ModelDeclaration& model, AxisPlan& axis, std::int64_t size, Rank rank,
                 Chooser& chooser, bool asked_for = false) {
  if (chooser.take(experiment_of(model, axis, size), rank, asked_for)) {
    axis.sizes.push_back(size);
  } else if (rank == Rank::end) {
    axis.left_out.push_back(size);
  }
}

// The same rank of all axes before the next of any.
void choose_between(const ModelDeclaration& model, SizePlan& plan, Chooser& chooser) {
  constexpr std::size_t kMostOfAxis = 3 + kPowers;
  for (std::size_t i = 0; i < kMostOfAxis; ++i) {
    for (AxisPlan& axis : plan.axes) {
      const std::vector<std::int64_t> sizes = sizes_between(axis);
      if (i < sizes.size()) {
        choose_size(model, axis, sizes[i], i < 2 ? Rank::near : Rank::other, chooser);
      }
    }
  }
}

void plan_limit(const Options& options, AxisPlan& axis) {
  const bool high_tried = std::ranges::find(axis.sizes, axis.high) != axis.sizes.end();
  const std::int64_t most = options.most > 0 ? options.most : std::min(kMostSize, axis.high * kGrowth);
  // With steps, the first size beyond is one that nobody sends.
  if (!options.limit || !high_tried || most <= axis.high || axis.step > 1) {
    return;
  }
  axis.limit = Experiment{.kind = ExperimentKind::limit,
                          .fill = Fill::random,
                          .seed = 1,
                          .axis = axis.name,
                          .from = axis.high,
                          .most = most};
  axis.limit->axes = axis.beside;
}

}  // namespace

Experiment experiment_of(const ModelDeclaration& model, const Sizes& axes, const Sizes& dimensions) {
  Experiment experiment{.fill = Fill::random, .seed = 1};
  for (const auto& [name, size] : axes) {
    const auto declared = model.axes.find(name);
    if (declared == model.axes.end() || declared->second.example != size) {
      experiment.axes[name] = size;
    }
  }
  experiment.sizes = dimensions;
  return experiment;
}

Experiment experiment_of(const ModelDeclaration& model, const AxisPlan& axis, std::int64_t size) {
  Sizes sizes = axis.beside;
  sizes[axis.name] = size;
  return experiment_of(model, sizes);
}

Experiment experiment_of(const ModelDeclaration& model, const SizePlan& plan, const FixedPlan& fixed,
                         std::int64_t size) {
  Sizes axes = plan.beside;
  if (!fixed.is_axis) {
    return experiment_of(model, axes, {{fixed.name, size}});
  }
  axes[fixed.name] = size;
  return experiment_of(model, axes);
}

std::vector<std::string> dimension_names(const ModelDeclaration& model) {
  std::set<std::string> names;
  for (const InputDeclaration& input : model.inputs) {
    for (std::size_t i = 0; i < input.shape.size(); ++i) {
      names.insert(input.shape[i].axis.empty() ? std::format("{}[{}]", input.name, i) : input.shape[i].axis);
    }
  }
  return {names.begin(), names.end()};
}

SizePlan plan_sizes(const ModelDeclaration& model, const Options& options) {
  SizePlan plan;
  if (model.inputs.empty()) {
    return plan;
  }
  plan.axes = dynamic_axes(model, options, plan);
  plan.fixed = fixed_dimensions(model, options);
  for (const AxisPlan& axis : plan.axes) {
    plan.beside[axis.name] = small_size(axis);
  }
  Chooser chooser(model, kMostCalls + options.between * plan.axes.size());
  chooser.take(experiment_of(model, {}), Rank::base);
  for (const AxisPlan& axis : plan.axes) {
    chooser.take(experiment_of(model, axis, axis.example), Rank::base);
  }
  if (!plan.fixed.empty()) {
    chooser.take(experiment_of(model, plan.beside), Rank::base);
  }
  for (const auto end : {&AxisPlan::low, &AxisPlan::high}) {
    for (AxisPlan& axis : plan.axes) {
      choose_size(model, axis, axis.*end, Rank::end, chooser);
    }
  }
  choose_corners(model, plan, chooser);
  choose_wrong(model, plan, chooser, 0, 1);
  choose_wrong(model, plan, chooser, 1, 3);
  choose_between(model, plan, chooser);
  for (AxisPlan& axis : plan.axes) {
    for (const std::int64_t size : drawn_sizes(axis, options.between)) {
      choose_size(model, axis, size, Rank::other, chooser, true);
    }
    std::ranges::sort(axis.sizes);
    const auto same = std::ranges::unique(axis.sizes);
    axis.sizes.erase(same.begin(), same.end());
    plan_limit(options, axis);
  }
  return plan;
}

}  // namespace runup::checks::input_shape
