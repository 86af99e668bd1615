// SPDX-License-Identifier: Apache-2.0
#include "runner/saved_answers.h"

#include <array>
#include <cerrno>
#include <filesystem>
#include <format>
#include <fstream>

#include "base/text.h"
#include "check/wording.h"
#include "facts/model_files.h"
#include "probes/runtime/inputs.h"
#include "probes/runtime/values.h"

namespace runup {

namespace {

namespace fs = std::filesystem;

constexpr std::string_view kRepeat = R"(#!/usr/bin/env python3
"""Repeats runup's comparison of a model's files, with the runtimes of this Python.

    repeat.py        runs each conversion on the saved inputs; needs numpy, and onnxruntime or torch

A file whose runtime is not installed, and weights without code, are taken from the saved outputs.
"""
import json
import sys
from pathlib import Path

import numpy

HERE = Path(__file__).resolve().parent


def arrays(folder, names):
    return [numpy.load(folder / name) for name in names]


def run(file, inputs):
    """The outputs in order, or None when they must be taken from the saved ones."""
    try:
        if file["kind"] == "onnx":
            import onnxruntime

            session = onnxruntime.InferenceSession(file["path"])
            names = [value.name for value in session.get_inputs()]
            feeds = {n if n in names else names[i]: a for i, (n, a) in enumerate(zip(file["inputs"], inputs))}
            return session.run(None, feeds)
        if file["kind"] == "torchscript":
            import torch

            with torch.no_grad():
                answer = torch.jit.load(file["path"])(*[torch.from_numpy(array) for array in inputs])
            answer = list(answer.values()) if isinstance(answer, dict) else answer
            return [part.numpy() for part in (answer if isinstance(answer, (list, tuple)) else [answer])]
    except ImportError as error:
        print(f"{file['name']}: {error}; its saved outputs are used")
    return None


def main():
    files = json.loads((HERE / "files.json").read_text(encoding="utf-8"))
    worst = 0
    for folder in sorted(path.parent for path in HERE.glob("*/inputs.json")):
        inputs = arrays(folder / "inputs", json.loads((folder / "inputs.json").read_text(encoding="utf-8")))
        answers = {}
        for number, file in enumerate(files):
            order = folder / str(number) / "outputs.json"
            saved = json.loads(order.read_text(encoding="utf-8")) if order.exists() else None
            answer = run(file, inputs) if number else None
            if answer is None and saved is not None:
                answer = arrays(folder / str(number), saved)
            if answer is not None:
                answers[number] = answer
        first = min(answers, default=None)
        for number, answer in answers.items():
            if number == first:
                continue
            file = files[number]
            for i, (actual, expected) in enumerate(zip(answer, answers[first])):
                if actual.shape != expected.shape:
                    print(f"{folder.name}: {file['name']}, output {i}: {actual.shape}, not {expected.shape}")
                    worst = 1
                    continue
                apart = numpy.abs(actual.astype(float) - expected.astype(float))
                bad = ~(apart <= file["atol"] + file["rtol"] * numpy.abs(expected.astype(float)))
                bad &= ~(numpy.isnan(actual) & numpy.isnan(expected))
                print(
                    f"{folder.name}: {file['name']}, output {i}: largest difference {apart.max(initial=0):.3g}, "
                    f"{int(bad.sum())} of {bad.size} beyond rtol {file['rtol']:g} and atol {file['atol']:g}"
                )
                worst |= bool(bad.any())
    sys.exit(worst)


if __name__ == "__main__":
    main()
)";

// A name as a file's: whatever a path or a shell could take for something else becomes `_`.
std::string file_name(std::string_view name) {
  std::string safe;
  for (const char c : name.substr(0, 100)) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       std::string_view("-_.[]").contains(c);
    safe += plain ? c : '_';
  }
  return safe.empty() || safe.front() == '.' ? "_" + safe : safe;
}

std::string input_name(const Experiment& asked) {
  std::string name(enum_name(asked.fill));
  return asked.fill == Fill::random   ? std::format("{}-{}", name, asked.seed)
         : asked.fill == Fill::sample ? std::format("{}-{}", name, asked.sample + 1)
                                      : name;
}

Result<void> write_file(const fs::path& path, std::string_view content) {
  std::ofstream out(path, std::ios::binary | std::ios::trunc);
  out.write(content.data(), static_cast<std::streamsize>(content.size()));
  out.close();
  if (!out) {
    return std::unexpected(system_error(std::format("cannot write `{}`", path.string()), errno));
  }
  return {};
}

Result<void> make_folder(const fs::path& path) {
  std::error_code error;
  fs::create_directories(path, error);
  if (error) {
    return fail(ErrorCode::system,
                std::format("cannot make the folder `{}`: {}", path.string(), error.message()));
  }
  return {};
}

std::string_view descr_of(std::string_view dtype) {
  constexpr std::array<std::pair<std::string_view, std::string_view>, 12> kDescr{{{"float32", "<f4"},
                                                                                  {"float64", "<f8"},
                                                                                  {"float16", "<f2"},
                                                                                  {"int64", "<i8"},
                                                                                  {"int32", "<i4"},
                                                                                  {"int16", "<i2"},
                                                                                  {"int8", "|i1"},
                                                                                  {"uint64", "<u8"},
                                                                                  {"uint32", "<u4"},
                                                                                  {"uint16", "<u2"},
                                                                                  {"uint8", "|u1"},
                                                                                  {"bool", "|b1"}}};
  for (const auto& [name, descr] : kDescr) {
    if (name == dtype) {
      return descr;
    }
  }
  return {};
}

// .npy, version 1: https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html
Result<void> write_npy(const fs::path& path, std::string_view dtype, const std::vector<std::int64_t>& shape,
                       Bytes bytes) {
  std::vector<float> widened;
  if (dtype == "bfloat16") {
    for (std::size_t i = 0; i < bytes.size() / sizeof(BFloat16); ++i) {
      widened.push_back(static_cast<float>(to_double(load_element<BFloat16>(bytes, i))));
    }
    dtype = "float32";
    bytes = std::as_bytes(std::span(widened));
  }
  const std::string_view descr = descr_of(dtype);
  if (descr.empty()) {
    return {};
  }
  std::string sizes;
  for (const std::int64_t size : shape) {
    sizes += std::format("{}, ", size);
  }
  std::string header =
      std::format("{{'descr': '{}', 'fortran_order': False, 'shape': ({}), }}", descr, sizes);
  constexpr std::size_t kPrefix = 10;
  constexpr std::size_t kAlignment = 64;
  header.append(kAlignment - (kPrefix + header.size() + 1) % kAlignment, ' ');
  header += '\n';
  std::string content("\x93NUMPY\x01\x00", 8);
  content += static_cast<char>(header.size() & 0xFFU);
  content += static_cast<char>(header.size() >> 8U);
  content += header;
  content += as_text(bytes);
  return write_file(path, content);
}

class Saver {
 public:
  Saver(fs::path folder, const Facts& facts, const std::vector<FileAnswers>& files)
      : folder_(std::move(folder)), facts_(facts), files_(files) {}

  Result<void> save(const std::vector<Experiment>& asked) const {
    if (auto made = make_folder(folder_); !made) {
      return made;
    }
    if (auto written = write_file(folder_ / "files.json", describe_files().dump(2) + "\n"); !written) {
      return written;
    }
    if (auto written = write_file(folder_ / "repeat.py", kRepeat); !written) {
      return written;
    }
    for (const Experiment& experiment : asked) {
      if (auto saved = save(experiment); !saved) {
        return saved;
      }
    }
    return {};
  }

 private:
  const Observed<ArtifactFacts>& artifact_of(std::size_t file) const {
    return file == 0 ? facts_.artifact : facts_.conversions[file - 1].artifact;
  }

  Json describe_files() const {
    Json all = Json::array();
    for (std::size_t i = 0; i < files_.size(); ++i) {
      const ModelDeclaration view = i == 0 ? facts_.model : as_model(facts_.model, i - 1);
      Json file = Json::object();
      file["name"] = encode_text(shown_path(facts_, view.path));
      file["path"] = encode_text(view.path);
      file["kind"] = artifact_of(i) ? std::string(enum_name(artifact_of(i)->kind)) : "unknown";
      file["rtol"] = i == 0 ? 0.0 : facts_.model.conversions[i - 1].rtol;
      file["atol"] = i == 0 ? 0.0 : facts_.model.conversions[i - 1].atol;
      file["inputs"] = Json::array();
      for (const InputDeclaration& input : view.inputs) {
        file["inputs"].push_back(encode_text(input.name));
      }
      all.push_back(std::move(file));
    }
    return all;
  }

  Result<void> save(const Experiment& experiment) const {
    const fs::path folder = folder_ / input_name(experiment);
    const auto inputs = make_inputs(facts_.model, experiment);
    if (!inputs) {
      return std::unexpected(inputs.error());
    }
    if (auto made = make_folder(folder / "inputs"); !made) {
      return made;
    }
    Json names = Json::array();
    for (const InputValues& input : *inputs) {
      const std::string name = file_name(input.name) + ".npy";
      names.push_back(name);
      if (auto written =
              write_npy(folder / "inputs" / name, enum_name(input.dtype), input.shape, input.bytes);
          !written) {
        return written;
      }
    }
    if (auto written = write_file(folder / "inputs.json", names.dump() + "\n"); !written) {
      return written;
    }
    for (std::size_t i = 0; i < files_.size(); ++i) {
      const Observed<RuntimeFacts>* runtime = files_[i].runtime;
      const ExperimentFacts* answer = runtime != nullptr && *runtime ? (*runtime)->find(experiment) : nullptr;
      if (answer != nullptr && !answer->outputs.empty()) {
        if (auto saved = save(folder / std::to_string(i), *answer, *files_[i].store); !saved) {
          return saved;
        }
      }
    }
    return {};
  }

  static Result<void> save(const fs::path& folder, const ExperimentFacts& answer, const OutputStore& store) {
    if (auto made = make_folder(folder); !made) {
      return made;
    }
    Json names = Json::array();
    for (std::size_t i = 0; i < answer.outputs.size(); ++i) {
      const auto values = store.find(answer.outputs[i]);
      if (!values) {
        continue;
      }
      const std::string name = std::format("{}-{}.npy", i, file_name(values->name));
      names.push_back(name);
      if (auto written = write_npy(folder / name, values->dtype, values->shape, values->bytes); !written) {
        return written;
      }
    }
    return write_file(folder / "outputs.json", names.dump() + "\n");
  }

  fs::path folder_;
  const Facts& facts_;
  const std::vector<FileAnswers>& files_;
};

}  // namespace

Result<std::string> save_answers(const std::string& folder, const Facts& facts,
                                 const std::vector<FileAnswers>& files,
                                 const std::vector<Experiment>& asked) {
  const fs::path own = fs::path(folder) / file_name(facts.model_name);
  if (auto saved = Saver(own, facts, files).save(asked); !saved) {
    return std::unexpected(saved.error());
  }
  return own.string();
}

}  // namespace runup
