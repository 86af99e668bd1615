// SPDX-License-Identifier: Apache-2.0
#pragma once

// What torch.save (PyTorch 1.6 and later) and torch.jit.save write: a zip whose members lie in one
// root folder. `data.pkl` is the object, `data/KEY` each storage, `version` the format, `byteorder`
// the byte order (since 2.1); a TorchScript archive adds `code/` and `constants.pkl` with
// `constants/KEY`. torch/serialization.py, caffe2/serialize/inline_container.h.

#include "artifact/zip.h"

namespace runup::artifact {

// The records of one archive, by their names below the root folder.
class TorchRecords {
 public:
  TorchRecords(Bytes file, const ZipArchive& zip) : file_(file), zip_(zip), root_(zip.root()) {}

  const ZipMember* find(std::string_view record) const { return zip_.find(root_ + std::string(record)); }
  // Some record's name starts so.
  bool has_folder(std::string_view prefix) const;
  // A small text record without its newline; empty when it is not there.
  std::string text(std::string_view record) const;
  // The member of a storage: `data/KEY`, or KEY itself when it starts with `constants/`.
  static std::string storage_record(std::string_view key);

  const std::string& root() const { return root_; }
  const ZipArchive& zip() const { return zip_; }
  Bytes file() const { return file_; }

 private:
  Bytes file_;
  const ZipArchive& zip_;
  std::string root_;
};

// Fills everything but sizes and hashes of the kinds torch_zip and torchscript.
void read_torch_zip(const TorchRecords& records, ArtifactFacts& facts, Defects& defects);

}  // namespace runup::artifact
