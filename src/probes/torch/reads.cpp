// SPDX-License-Identifier: Apache-2.0
#include "probes/torch/reads.h"

#include <cstdint>
#include <memory>
#include <mutex>
#include <unordered_map>

#include <ATen/core/List.h>
#include <ATen/core/ivalue.h>
#include <ATen/record_function.h>

namespace runup {

namespace {

struct MemoryRange {
  const char* begin = nullptr;
  const char* end = nullptr;
};

class Tracker {
 public:
  explicit Tracker(const std::vector<at::Tensor>& tensors) : read_(tensors.size(), false) {
    for (std::size_t i = 0; i < tensors.size(); ++i) {
      // A view has the storage object of what it looks into.
      by_storage_.emplace(tensors[i].storage().unsafeGetStorageImpl(), i);
    }
  }

  void note(const c10::IValue& value) {
    if (value.isTensor()) {
      note(value.toTensor());
    } else if (value.isTensorList()) {
      for (const at::Tensor& tensor : value.toTensorVector()) {
        note(tensor);
      }
    } else if (value.isList()) {
      for (const c10::IValue& item : value.toListRef()) {
        note(item);
      }
    } else if (value.isTuple()) {
      for (const c10::IValue& item : value.toTupleRef().elements()) {
        note(item);
      }
    }
  }

  std::vector<bool> take_read() { return std::move(read_); }

 private:
  void note(const at::Tensor& tensor) {
    if (!tensor.defined() || !tensor.has_storage()) {
      return;
    }
    if (const auto found = by_storage_.find(tensor.storage().unsafeGetStorageImpl());
        found != by_storage_.end()) {
      const std::scoped_lock lock(mutex_);
      read_[found->second] = true;
    }
  }

  std::unordered_map<const c10::StorageImpl*, std::size_t> by_storage_;
  // a model may fork, and its operators then run in several threads
  std::mutex mutex_;
  std::vector<bool> read_;
};

// libtorch's callbacks are plain functions without state.
Tracker* current_tracker = nullptr;

std::unique_ptr<at::ObserverContext> on_operator(const at::RecordFunction& function) {
  for (const c10::IValue& input : function.inputs()) {
    current_tracker->note(input);
  }
  return nullptr;
}

// Takes the callback away also when an operator throws.
class CallbackGuard {
 public:
  explicit CallbackGuard(Tracker& tracker) {
    current_tracker = &tracker;
    handle_ = at::addGlobalCallback(
        at::RecordFunctionCallback(on_operator).needsInputs(true).scopes({at::RecordScope::FUNCTION}));
  }
  ~CallbackGuard() {
    at::removeCallback(handle_);
    current_tracker = nullptr;
  }
  CallbackGuard(const CallbackGuard&) = delete;
  CallbackGuard& operator=(const CallbackGuard&) = delete;

 private:
  at::CallbackHandle handle_;
};

MemoryRange range_of(const at::Tensor& tensor) {
  const auto* begin = static_cast<const char*>(tensor.const_data_ptr());
  std::int64_t last = 0;
  for (std::int64_t axis = 0; axis < tensor.dim(); ++axis) {
    last += (tensor.size(axis) - 1) * tensor.stride(axis);
  }
  const auto bytes = tensor.numel() == 0 ? 0 : static_cast<std::size_t>((last + 1) * tensor.element_size());
  return {.begin = begin, .end = begin + bytes};
}

// Tied weights are separate tensors over the same bytes; only one of them may have been an input.
void spread_over_shared_memory(const std::vector<at::Tensor>& tensors, std::vector<bool>& read) {
  std::vector<MemoryRange> ranges;
  ranges.reserve(tensors.size());
  for (const at::Tensor& tensor : tensors) {
    ranges.push_back(range_of(tensor));
  }
  const std::vector<bool> direct = read;
  for (std::size_t i = 0; i < ranges.size(); ++i) {
    for (std::size_t j = 0; j < ranges.size() && !read[i]; ++j) {
      read[i] = direct[j] && ranges[i].begin < ranges[j].end && ranges[j].begin < ranges[i].end;
    }
  }
}

}  // namespace

std::vector<bool> tensors_read_during(const std::vector<at::Tensor>& tensors,
                                      const std::function<void()>& run) {
  Tracker tracker(tensors);
  {
    const CallbackGuard guard(tracker);
    run();
  }
  std::vector<bool> read = tracker.take_read();
  spread_over_shared_memory(tensors, read);
  return read;
}

}  // namespace runup
