// SPDX-License-Identifier: Apache-2.0
#include "probes/artifact/external_files.h"

#include <utility>

#include "base/text.h"

namespace runup {

Result<ExternalFiles> map_external(const std::vector<std::string>& locations, int first) {
  ExternalFiles external;
  for (const std::string& location : locations) {
    auto file = MappedFile::from_descriptor(first++);
    if (!file) {
      return wrap(file.error(), "cannot map the external data `" + printable(location) + "`");
    }
    external.files.push_back(std::move(*file));
    external.by_location.insert_or_assign(location, external.files.back().bytes());
  }
  return external;
}

}  // namespace runup
