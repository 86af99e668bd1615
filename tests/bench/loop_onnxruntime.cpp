// SPDX-License-Identifier: Apache-2.0
// An ONNX model, called by ONNX Runtime and nothing else.
#include <onnxruntime_cxx_api.h>

#include "loop.h"

int main(int count, char** arguments) {
  if (count != 3) {
    return 1;
  }
  Ort::Env environment(ORT_LOGGING_LEVEL_ERROR);
  Ort::Session session(environment, arguments[1], Ort::SessionOptions());
  const Ort::AllocatorWithDefaultOptions allocator;
  const auto input = session.GetInputNameAllocated(0, allocator);
  const auto output = session.GetOutputNameAllocated(0, allocator);
  const char* inputs[] = {input.get()};
  const char* outputs[] = {output.get()};
  std::vector<float> values = bench::noise();
  const Ort::Value clip =
      Ort::Value::CreateTensor<float>(Ort::MemoryInfo::CreateCpu(OrtArenaAllocator, OrtMemTypeDefault),
                                      values.data(), values.size(), bench::kShape, std::size(bench::kShape));
  bench::time_calls(arguments[2], [&] { session.Run(Ort::RunOptions(), inputs, &clip, 1, outputs, 1); });
  return 0;
}
