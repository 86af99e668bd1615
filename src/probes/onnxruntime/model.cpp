// SPDX-License-Identifier: Apache-2.0
#include "probes/onnxruntime/model.h"

#include <algorithm>
#include <format>

#include "base/text.h"
#include "probes/onnxruntime/wrapper.h"

namespace runup {

namespace {

class SessionModel : public Model {
 public:
  explicit SessionModel(LoadedSession loaded) : loaded_(std::move(loaded)) {
    for (const std::string& name : loaded_.outputs) {
      output_names_.push_back(name.c_str());
    }
  }

  Result<Answer> call(const std::vector<InputValues>& inputs, Gradients) override {
    return guarded([&]() -> Result<Answer> {
      const auto feeds = prepare(inputs);
      if (!feeds) {
        return std::unexpected(feeds.error());
      }
      const Duration started = steady_now();
      std::vector<Ort::Value> values = run(*feeds);
      Answer answer{.took = steady_now() - started, .outputs = {}};
      for (std::size_t i = 0; i < values.size(); ++i) {
        if (auto added = add_output(loaded_.outputs[i], std::move(values[i]), answer.outputs); !added) {
          return std::unexpected(added.error());
        }
      }
      return answer;
    });
  }

  Result<std::vector<Duration>> time_calls(const std::vector<InputValues>& inputs,
                                           std::uint64_t count) override {
    return guarded([&]() -> Result<std::vector<Duration>> {
      const auto feeds = prepare(inputs);
      if (!feeds) {
        return std::unexpected(feeds.error());
      }
      std::vector<Duration> calls;
      calls.reserve(count);
      for (std::uint64_t i = 0; i < count; ++i) {
        const Duration started = steady_now();
        const std::vector<Ort::Value> values = run(*feeds);
        calls.push_back(steady_now() - started);
      }
      return calls;
    });
  }

  std::uint64_t calls() const override { return calls_; }

 private:
  struct Feeds {
    std::vector<const char*> names;
    std::vector<Ort::Value> values;
  };

  bool knows(const std::string& name) const {
    return std::ranges::find(loaded_.inputs, name) != loaded_.inputs.end();
  }

  Result<Feeds> prepare(const std::vector<InputValues>& inputs) const {
    const bool in_order =
        inputs.size() == loaded_.inputs.size() &&
        std::ranges::none_of(inputs, [&](const InputValues& input) { return knows(input.name); });
    Feeds feeds;
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      auto value = input_tensor(inputs[i]);
      if (!value) {
        return std::unexpected(value.error());
      }
      feeds.names.push_back(in_order ? loaded_.inputs[i].c_str() : inputs[i].name.c_str());
      feeds.values.push_back(std::move(*value));
    }
    return feeds;
  }

  std::vector<Ort::Value> run(const Feeds& feeds) {
    auto values = loaded_.session.Run(options_, feeds.names.data(), feeds.values.data(), feeds.values.size(),
                                      output_names_.data(), output_names_.size());
    ++calls_;
    return values;
  }

  LoadedSession loaded_;
  std::vector<const char*> output_names_;
  Ort::RunOptions options_;
  std::uint64_t calls_ = 0;
};

}  // namespace

std::unique_ptr<Model> make_model(LoadedSession session) {
  return std::make_unique<SessionModel>(std::move(session));
}

}  // namespace runup
