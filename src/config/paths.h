// SPDX-License-Identifier: Apache-2.0
#pragma once

// Where the files that a config names are. The working directory never matters, and nothing here
// looks at the file system: `..` is taken out of paths as text, symbolic links are not followed.
//
// - `package`, `mounts[].from`, `architecture`, samples, `service.env_file`, `service.predict.body`
//   and `plugins` are relative to the config file's folder: they lie on the machine that judges
// - `entrypoint` and `python` are relative to the package
// - a model's `path`, `labels.path` and `conversions[].path` are relative to the entry point's folder,
//   as the service opens them
// - what the service opens is seen with the server's eyes: a path under `installed_at` is in the
//   package, one under a mount's `at` is in its `from`; the longest of these places counts

#include <cstddef>
#include <map>
#include <optional>
#include <string>

#include "base/codec.h"
#include "facts/declaration.h"

namespace runup {

// `path` relative to `folder`, unless it is absolute; without `.`, `..` and a slash at the end.
std::string resolve_path(const std::string& folder, const std::string& path);

class PathResolver {
 public:
  // `folder`: absolute path of the config file's folder. Makes the paths of `target` absolute.
  PathResolver(std::string folder, TargetDeclaration& target);

  void resolve_model(const std::string& name, ModelDeclaration& model);
  // `service` is bound JSON of ServiceDeclaration.
  void resolve_service(Json& service);
  std::string resolve_plugin(std::size_t index, const std::string& path);

  // key path -> the text before
  const std::map<std::string, std::string>& written() const { return written_; }

 private:
  void beside_config(const std::string& key, std::string& path);
  void as_service_opens(const std::string& key, std::string& path);
  // Where the server's `server_path` is here, when the package or a mount holds it.
  std::optional<std::string> to_local(const std::string& server_path) const;

  std::string folder_;
  std::string package_;
  std::string installed_at_;
  std::vector<MountDeclaration> mounts_;
  // absolute; without an entry point the package itself
  std::string entry_folder_;
  std::map<std::string, std::string> written_;
};

}  // namespace runup
