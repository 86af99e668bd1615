// SPDX-License-Identifier: Apache-2.0
#pragma once

// The model file itself, run by the service's own torch or onnxruntime where the config names no factory.

#include "base/bytes.h"
#include "probes/protocol/channel.h"
#include "probes/python/answers.h"
#include "probes/python/session.h"
#include "probes/runtime/model.h"

namespace runup {

struct FileSession {
  PythonSession python;
  // with an exception, the interpreter lacks what the file needs
  LibraryAnswer library;
  // what of a state_dict's bytes the interpreter cannot take from the file
  FileDescriptor weights;
};

// An interpreter that has imported the library for files of `request.python.kind`.
Result<FileSession> start_for_file(const RuntimeRequest& request);

// By the same ways as the probes of libtorch and ONNX Runtime (see there), and with the same facts: a TorchScript
// archive, an ONNX model, or a state_dict with its architecture. `file` is the artifact, mapped; the interpreter opens
// it by its name on the server.
Loaded load_file_in_python(const RuntimeRequest& request, Bytes file, const FileSession& session,
                           const Experiment* trial);

}  // namespace runup
