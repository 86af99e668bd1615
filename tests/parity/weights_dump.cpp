// SPDX-License-Identifier: Apache-2.0
// Prints WeightParityFacts of two model files as JSON, one line for each pair of lines on stdin: the path of
// the original, a tab, the path of the conversion, and external data files, each as `\tLOCATION=PATH`.

#include <iostream>
#include <map>
#include <string>
#include <vector>

#include "artifact/reader.h"
#include "artifact/weight_parity.h"
#include "base/codec.h"
#include "base/text.h"

using namespace runup;

int main() {
  std::string line;
  while (std::getline(std::cin, line)) {
    std::vector<std::string> fields = split(line, '\t');
    std::vector<MappedFile> files;
    for (const std::string& path : {fields.at(0), fields.at(1)}) {
      auto file = MappedFile::open(path);
      if (!file) {
        std::cerr << file.error().describe() << '\n';
        return 1;
      }
      files.push_back(std::move(*file));
    }
    const ArtifactFacts original = read_artifact(files[0].bytes(), {.hash = false});
    const ArtifactFacts conversion = read_artifact(files[1].bytes(), {.hash = false});
    WeightSource other{.file = files[1].bytes(), .facts = &conversion, .release_pages = true};
    for (std::size_t i = 2; i < fields.size(); ++i) {
      const std::size_t at = fields[i].find('=');
      auto file = MappedFile::open(fields[i].substr(at + 1));
      if (!file) {
        std::cerr << file.error().describe() << '\n';
        return 1;
      }
      files.push_back(std::move(*file));
      other.external.emplace(fields[i].substr(0, at), files.back().bytes());
    }
    const WeightParityFacts facts =
        compare_weights({.file = files[0].bytes(), .facts = &original, .release_pages = true}, other);
    std::cout << dump_json(encode(facts)) << std::endl;
  }
  return 0;
}
