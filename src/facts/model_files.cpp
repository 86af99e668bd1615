// SPDX-License-Identifier: Apache-2.0
#include "facts/model_files.h"

#include <algorithm>

#include "base/key_path.h"
#include "facts/labels.h"

namespace runup {

namespace {

// Below `key`: itself, or what is written behind it.
bool is_below(std::string_view path, std::string_view key) {
  return path.starts_with(key) &&
         (path.size() == key.size() || std::string_view("./[").contains(path[key.size()]));
}

Observed<PackageFacts> package_of(const Facts& facts, std::size_t index) {
  Observed<PackageFacts> package = facts.package;
  if (!package) {
    return package;
  }
  const std::string own = path_key(facts.model_name);
  const std::string conversion = path_key(facts.model_name, index);
  std::vector<PathFacts>& paths = package.value->paths;
  std::erase_if(paths, [&](const PathFacts& path) { return is_below(path.asked_by, own); });
  for (PathFacts& path : paths) {
    if (is_below(path.asked_by, conversion)) {
      path.asked_by = own + path.asked_by.substr(conversion.size());
    }
  }
  return package;
}

// The original's class names, as a file of their own.
void hand_over_labels(const Facts& facts, Facts& view) {
  const bool separate = facts.model.labels && facts.model.labels->from == LabelSource::file;
  if (separate) {
    return;
  }
  const LabelChoice labels = choose_labels(facts);
  if (labels.chosen == nullptr) {
    // Whatever is wrong with them is told of the original.
    view.model.labels = LabelsDeclaration{.from = LabelSource::none};
    return;
  }
  view.label_file = facts.artifact;
  view.model.labels = LabelsDeclaration{.from = LabelSource::file,
                                        .key = labels.chosen->path,
                                        .path = facts.model.path,
                                        .count = facts.model.labels ? facts.model.labels->count : 0};
}

}  // namespace

std::string path_key(const std::string& model_name) {
  return child_path(child_path("models", model_name), "path");
}

std::string path_key(const std::string& model_name, std::size_t conversion) {
  return child_path(item_path(child_path(child_path("models", model_name), "conversions"), conversion),
                    "path");
}

ModelDeclaration as_model(const ModelDeclaration& model, std::size_t index) {
  const ConversionDeclaration& conversion = model.conversions.at(index);
  ModelDeclaration view = model;
  view.path = conversion.path;
  view.state_dict.clear();
  view.conversions.clear();
  const auto own_name = [&](const std::string& name) {
    const auto renamed = conversion.inputs.find(name);
    return renamed == conversion.inputs.end() ? name : renamed->second;
  };
  for (InputDeclaration& input : view.inputs) {
    input.name = own_name(input.name);
  }
  for (SampleDeclaration& sample : view.samples) {
    sample.rtol = std::max(sample.rtol, conversion.rtol);
    sample.atol = std::max(sample.atol, conversion.atol);
    std::map<std::string, std::string> files;
    for (const auto& [name, file] : sample.inputs) {
      files.emplace(own_name(name), file);
    }
    sample.inputs = std::move(files);
  }
  return view;
}

Facts as_model(const Facts& facts, std::size_t index) {
  const ConversionFacts none;
  const ConversionFacts& conversion = index < facts.conversions.size() ? facts.conversions[index] : none;
  Facts view{.target = facts.target,
             .model_name = facts.model_name,
             .model = as_model(facts.model, index),
             .package = package_of(facts, index),
             .artifact = conversion.artifact,
             .label_file = facts.label_file,
             .host = facts.host,
             .runtimes = conversion.runtimes};
  hand_over_labels(facts, view);
  return view;
}

}  // namespace runup
