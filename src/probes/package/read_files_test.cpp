// SPDX-License-Identifier: Apache-2.0
#include "probes/package/read_files.h"

#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include <catch2/catch_test_macros.hpp>

using namespace runup;

namespace {

namespace fs = std::filesystem;

// A folder with the given files; "stop" facts tell which of them were read.
class WaitingPackage {
 public:
  WaitingPackage() {
    std::string pattern = (fs::temp_directory_path() / "runup-patience.XXXXXX").string();
    path_ = fs::canonical(::mkdtemp(pattern.data())).string();
  }
  ~WaitingPackage() { fs::remove_all(path_); }
  WaitingPackage(const WaitingPackage&) = delete;
  WaitingPackage& operator=(const WaitingPackage&) = delete;

  const std::string& path() const { return path_; }
  void write(const std::string& name, const std::string& content) const {
    fs::create_directories(fs::path(path_ + "/" + name).parent_path());
    std::ofstream(path_ + "/" + name, std::ios::binary) << content;
  }
  std::vector<std::string> files() const {
    PackageFacts facts;
    read_package_files(path_, facts);
    std::vector<std::string> names;
    for (const PatienceFacts& fact : facts.patience) {
      names.push_back(fact.file);
    }
    return names;
  }

 private:
  std::string path_;
};

const std::string kPod = "kind: Pod\nspec:\n  terminationGracePeriodSeconds: 7\n";

}  // namespace

TEST_CASE("patience: the files that are read") {
  const WaitingPackage package;
  package.write("Dockerfile", "FROM a\nCMD gunicorn -c conf/gunicorn_conf.py a:b\n");
  package.write("conf/gunicorn_conf.py", "timeout = 9\ngraceful_timeout = 8\n");
  package.write("Procfile", "web: gunicorn -t 5 a:b\n");
  package.write("docker-compose.prod.yml", "services:\n  a:\n    stop_grace_period: 3s\n");
  package.write("deploy/compose.yaml", "services:\n  a:\n    stop_grace_period: 3s\n");
  package.write("pod.yml", kPod);
  package.write("a/b/c/d/pod.yaml", kPod);
  package.write("a/b/c/d/e/pod.yaml", kPod);
  package.write("node_modules/pod.yaml", kPod);
  package.write("own/pyvenv.cfg", "");
  package.write("own/pod.yaml", kPod);
  package.write("large.yaml", kPod + std::string(std::size_t{1} << 20U, '#'));
  fs::create_symlink("/", package.path() + "/root");
  fs::create_symlink("pod.yml", package.path() + "/link.yaml");
  CHECK(package.files() == std::vector<std::string>{"conf/gunicorn_conf.py", "conf/gunicorn_conf.py",
                                                    "Procfile", "docker-compose.prod.yml", "pod.yml",
                                                    "a/b/c/d/pod.yaml"});
}

TEST_CASE("patience: at most 200 entries of at most 200 files") {
  const WaitingPackage package;
  for (int i = 0; i < 210; ++i) {
    package.write("pods/" + std::to_string(i) + ".yaml", i == 0 ? kPod + "---\n" + kPod : kPod);
  }
  CHECK(package.files().size() == 200);
}
