// SPDX-License-Identifier: Apache-2.0
#include "probes/python/calls.h"

#include <format>
#include <optional>
#include <utility>

#include "base/text.h"
#include "probes/runtime/process.h"
#include "probes/runtime/values.h"

namespace runup {

namespace {

struct CallAnswer {
  Duration took;
  std::vector<PlacedTensor> outputs;
  std::vector<Duration> calls;
  std::string refused;
  bool unsupported = false;
  std::optional<ExceptionFacts> exception;
  static constexpr auto fields() {
    return std::tuple{Field{"took", &CallAnswer::took},
                      Field{"outputs", &CallAnswer::outputs},
                      Field{"calls", &CallAnswer::calls},
                      Field{"refused", &CallAnswer::refused},
                      Field{"unsupported", &CallAnswer::unsupported},
                      Field{"exception", &CallAnswer::exception}};
  }
};

class PythonModel : public Model {
 public:
  PythonModel(std::shared_ptr<PythonChild> child, Wording wording)
      : child_(std::move(child)), wording_(std::move(wording)) {}

  Result<Answer> call(const std::vector<InputValues>& inputs, Gradients gradients) override {
    auto answer = ask(inputs, Json{{"do", "call"}, {"gradients", gradients == Gradients::on}});
    if (!answer) {
      return std::unexpected(answer.error());
    }
    ++calls_;
    Answer given{.took = answer->took, .outputs = {}};
    for (const PlacedTensor& tensor : answer->outputs) {
      auto bytes = content(tensor);
      if (!bytes) {
        return std::unexpected(bytes.error());
      }
      const auto owner = std::make_shared<const std::vector<std::byte>>(std::move(*bytes));
      given.outputs.push_back(
          {.values = {.name = tensor.name, .dtype = tensor.dtype, .shape = tensor.shape, .bytes = *owner},
           .owner = owner});
    }
    return given;
  }

  Result<std::vector<Duration>> time_calls(const std::vector<InputValues>& inputs,
                                           std::uint64_t count) override {
    auto answer = ask(inputs, Json{{"do", "time"}, {"count", count}});
    if (!answer) {
      return std::unexpected(answer.error());
    }
    if (answer->calls.size() != count) {
      return fail(ErrorCode::bad_input,
                  std::format("{} times came; {} were asked for", answer->calls.size(), count));
    }
    calls_ += count;
    return std::move(answer->calls);
  }

  std::uint64_t calls() const override { return calls_; }
  std::uint64_t peak_memory() const override { return peak_resident_bytes_of(child_->process()); }

 private:
  Result<CallAnswer> ask(const std::vector<InputValues>& inputs, Json request) {
    const auto placed = child_->place(inputs);
    if (!placed) {
      return std::unexpected(placed.error());
    }
    request["inputs"] = encode(*placed);
    const auto said = child_->ask(request);
    if (!said) {
      return std::unexpected(said.error());
    }
    auto answer = decode<CallAnswer>(*said);
    if (answer && answer->exception && wording_) {
      return std::unexpected(wording_(*answer->exception));
    }
    if (answer && !answer->refused.empty()) {
      return fail(answer->unsupported ? ErrorCode::unsupported : ErrorCode::bad_input, answer->refused);
    }
    return answer;
  }

  // The output's bytes, if they are as many as its shape needs.
  Result<std::vector<std::byte>> content(const PlacedTensor& tensor) const {
    std::uint64_t wanted = element_bytes(tensor.dtype);
    bool sound = true;
    for (const std::int64_t size : tensor.shape) {
      sound =
          sound && size >= 0 && !__builtin_mul_overflow(wanted, static_cast<std::uint64_t>(size), &wanted);
    }
    if (!sound || (element_bytes(tensor.dtype) > 0 && wanted != tensor.bytes)) {
      return fail(ErrorCode::bad_input,
                  std::format("output `{}` of shape {} has {} bytes", printable(tensor.name),
                              shape_text(tensor.shape), tensor.bytes));
    }
    return child_->output(tensor);
  }

  std::shared_ptr<PythonChild> child_;
  Wording wording_;
  std::uint64_t calls_ = 0;
};

}  // namespace

std::unique_ptr<Model> make_python_model(std::shared_ptr<PythonChild> child, Wording wording) {
  return std::make_unique<PythonModel>(std::move(child), std::move(wording));
}

Result<void> write_structure(PythonChild& child, std::string_view how,
                             const std::vector<InputValues>& inputs) {
  const auto placed = child.place(inputs);
  if (!placed) {
    return std::unexpected(placed.error());
  }
  const auto said = child.ask({{"do", "structure"}, {"how", how}, {"inputs", encode(*placed)}});
  const auto answer = said ? decode<CallAnswer>(*said) : std::unexpected(said.error());
  if (!answer) {
    return std::unexpected(answer.error());
  }
  return answer->refused.empty() ? Result<void>{} : fail(ErrorCode::bad_input, answer->refused);
}

}  // namespace runup
