// SPDX-License-Identifier: Apache-2.0
#include "artifact/weight_forms.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
#include <span>
#include <string_view>

#include "artifact/weight_names.h"
#include "facts/state_dict.h"

namespace runup::artifact {

namespace {

constexpr std::string_view kReverse = "_reverse";

// One direction of one layer: indices in the pool.
struct Direction {
  std::optional<std::size_t> weight_ih;
  std::optional<std::size_t> weight_hh;
  std::optional<std::size_t> bias_ih;
  std::optional<std::size_t> bias_hh;
  std::optional<std::size_t> weight_hr;

  std::optional<std::size_t>* member(std::string_view name) {
    return name == "weight_ih"   ? &weight_ih
           : name == "weight_hh" ? &weight_hh
           : name == "bias_ih"   ? &bias_ih
           : name == "bias_hh"   ? &bias_hh
           : name == "weight_hr" ? &weight_hr
                                 : nullptr;
  }
};

struct Layer {
  std::array<Direction, 2> directions;
};

using Layers = std::map<std::pair<std::string, std::uint64_t>, Layer>;

// `weight_ih_l0_reverse`
void add_name(Layers& layers, std::string_view name, std::size_t index) {
  std::string_view last = last_name(name);
  const bool reverse = last.ends_with(kReverse);
  if (reverse) {
    last.remove_suffix(kReverse.size());
  }
  const std::size_t at = last.rfind("_l");
  if (at == std::string_view::npos) {
    return;
  }
  std::uint64_t layer = 0;
  const std::string_view number = last.substr(at + 2);
  const auto read = std::from_chars(number.data(), number.data() + number.size(), layer);
  Direction unused;
  if (read.ec != std::errc() || read.ptr != number.data() + number.size() ||
      unused.member(last.substr(0, at)) == nullptr) {
    return;
  }
  Direction& direction = layers[{std::string(module_of(name)), layer}].directions[reverse ? 1 : 0];
  *direction.member(last.substr(0, at)) = index;
}

// PyTorch's gates in ONNX's order.
std::span<const std::uint64_t> gates_of(std::uint64_t count) {
  static constexpr std::array<std::uint64_t, 4> kLstm{0, 3, 1, 2};
  static constexpr std::array<std::uint64_t, 3> kGru{1, 0, 2};
  static constexpr std::array<std::uint64_t, 1> kRnn{0};
  return count == 4   ? std::span<const std::uint64_t>(kLstm)
         : count == 3 ? std::span<const std::uint64_t>(kGru)
         : count == 1 ? std::span<const std::uint64_t>(kRnn)
                      : std::span<const std::uint64_t>();
}

class LayerForms {
 public:
  LayerForms(const WeightPool& pool, const Layer& layer) : pool_(pool), layer_(layer) {}

  bool make(RecurrentForms& forms) {
    directions_ = layer_.directions[1].weight_ih ? 2 : 1;
    for (std::uint64_t i = 0; i < directions_; ++i) {
      if (!add(layer_.directions[i], forms)) {
        return false;
      }
    }
    for (Form* form : {&forms.weights, &forms.recurrence, &forms.bias}) {
      form->relation = WeightRelation::reordered;
      form->shape = squeezed(form->shape);
    }
    return true;
  }

 private:
  std::uint64_t rows(std::size_t index) const {
    return static_cast<std::uint64_t>(pool_.tensors[index].shape[0]);
  }

  bool add(const Direction& direction, RecurrentForms& forms) {
    if (!direction.weight_ih || !direction.weight_hh ||
        pool_.tensors[*direction.weight_ih].shape.size() != 2 ||
        pool_.tensors[*direction.weight_hh].shape.size() != 2) {
      return false;
    }
    const std::vector<std::int64_t>& state = pool_.tensors[*direction.weight_hh].shape;
    std::int64_t hidden = state[1];
    if (direction.weight_hr && pool_.tensors[*direction.weight_hr].shape.size() == 2) {
      hidden = pool_.tensors[*direction.weight_hr].shape[1];
    }
    const std::uint64_t all = rows(*direction.weight_ih);
    if (all % static_cast<std::uint64_t>(hidden) != 0 || rows(*direction.weight_hh) != all) {
      return false;
    }
    gates_ = gates_of(all / static_cast<std::uint64_t>(hidden));
    if (gates_.empty()) {
      return false;
    }
    append(forms.weights, *direction.weight_ih);
    append(forms.recurrence, *direction.weight_hh);
    const auto count = static_cast<std::int64_t>(directions_);
    forms.weights.shape = {count, static_cast<std::int64_t>(all),
                           pool_.tensors[*direction.weight_ih].shape[1]};
    forms.recurrence.shape = {count, static_cast<std::int64_t>(all), state[1]};
    if (direction.bias_ih && direction.bias_hh && pool_.views[*direction.bias_ih].elements() == all &&
        pool_.views[*direction.bias_hh].elements() == all) {
      append(forms.bias, *direction.bias_ih);
      append(forms.bias, *direction.bias_hh);
      forms.bias.shape = {count, static_cast<std::int64_t>(2 * all)};
    }
    return true;
  }

  void append(Form& form, std::size_t index) const {
    const std::uint64_t part = pool_.views[index].elements() / gates_.size();
    for (const std::uint64_t gate : gates_) {
      form.segments.push_back({.reference = index, .begin = gate * part, .count = part});
    }
  }

  const WeightPool& pool_;
  const Layer& layer_;
  std::uint64_t directions_ = 1;
  std::span<const std::uint64_t> gates_;
};

void add_both_ways(std::vector<Form>& forms, Form form) {
  form.shape = squeezed(form.shape);
  forms.push_back(form);
  if (form.shape.size() == 2) {
    form.transposed = true;
    form.relation = WeightRelation::transposed;
    forms.push_back(std::move(form));
  }
}

// Parts of a tensor whose first axis is three times as long as each of its parts.
void add_parts(std::vector<Form>& forms, const WeightPool& pool, std::size_t index) {
  const std::vector<std::int64_t>& shape = pool.tensors[index].shape;
  if (shape.empty() || shape.size() > 2 || shape[0] % 3 != 0) {
    return;
  }
  const std::uint64_t third = pool.views[index].elements() / 3;
  for (const auto& [first, count] : {std::pair{0U, 1U}, {1U, 1U}, {2U, 1U}, {1U, 2U}, {0U, 2U}}) {
    Form form{.segments = {{.reference = index, .begin = first * third, .count = count * third}},
              .shape = shape};
    form.shape[0] = shape[0] / 3 * count;
    add_both_ways(forms, std::move(form));
  }
}

constexpr std::array<std::array<std::string_view, 3>, 6> kJoined{{{"query", "key", "value"},
                                                                  {"q_proj", "k_proj", "v_proj"},
                                                                  {"to_q", "to_k", "to_v"},
                                                                  {"q_lin", "k_lin", "v_lin"},
                                                                  {"wq", "wk", "wv"},
                                                                  {"q", "k", "v"}}};

void add_joined(std::vector<Form>& forms, const WeightPool& pool,
                const std::map<std::string_view, std::size_t>& by_name, std::size_t query) {
  const std::string_view name = pool.tensors[query].name;
  const std::string_view module = module_of(name);
  const std::string_view field = last_name(module);
  for (const auto& names : kJoined) {
    if (field != names[0]) {
      continue;
    }
    Form form{.shape = pool.tensors[query].shape};
    for (const std::string_view part : names) {
      const std::string key = std::string(module.substr(0, module.size() - field.size())) +
                              std::string(part) + "." + std::string(last_name(name));
      const auto found = by_name.find(key);
      if (found == by_name.end() || pool.tensors[found->second].shape.size() != form.shape.size()) {
        return;
      }
      const std::vector<std::int64_t>& shape = pool.tensors[found->second].shape;
      if (shape.empty() || !std::equal(shape.begin() + 1, shape.end(), form.shape.begin() + 1)) {
        return;
      }
      form.shape[0] += form.segments.empty() ? 0 : shape[0];
      form.segments.push_back(
          {.reference = found->second, .begin = 0, .count = pool.views[found->second].elements()});
    }
    add_both_ways(forms, std::move(form));
  }
}

}  // namespace

std::vector<RecurrentForms> recurrent_forms(const WeightPool& pool) {
  Layers layers;
  for (std::size_t i = 0; i < pool.tensors.size(); ++i) {
    add_name(layers, pool.tensors[i].name, i);
  }
  std::vector<RecurrentForms> all;
  for (const auto& [place, layer] : layers) {
    RecurrentForms forms{.module = place.first, .layer = place.second};
    if (LayerForms(pool, layer).make(forms)) {
      all.push_back(std::move(forms));
    }
  }
  return all;
}

std::vector<Form> attention_forms(const WeightPool& pool) {
  std::map<std::string_view, std::size_t> by_name;
  for (std::size_t i = 0; i < pool.tensors.size(); ++i) {
    by_name.emplace(pool.tensors[i].name, i);
  }
  std::vector<Form> forms;
  for (std::size_t i = 0; i < pool.tensors.size(); ++i) {
    const std::string_view last = last_name(pool.tensors[i].name);
    if (last == "in_proj_weight" || last == "in_proj_bias") {
      add_parts(forms, pool, i);
    } else if (pool.tensors[i].shape.size() <= 2) {
      add_joined(forms, pool, by_name, i);
    }
  }
  return forms;
}

}  // namespace runup::artifact
