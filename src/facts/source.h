// SPDX-License-Identifier: Apache-2.0
#pragma once

// What the Python sources of a service say, none of which was run: read_source.py's answer (probes/python), which has
// the rules. Lists are in the order of the sources, the entry point first; each has at most 5000 entries.

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include "base/codec.h"
#include "facts/observed.h"

namespace runup {

// The earliest time that a place is reached.
enum class ReachedWhen {
  // importing the entry point, or the factory's module, runs it
  import,
  // a start-up function of the web framework runs it
  startup,
  // a later call alone: of a route, of the factory, of anything else
  call,
  // `python main.py` alone: it is reached from `if __name__ == "__main__"`
  main,
};
constexpr auto enum_names(ReachedWhen) {
  using enum ReachedWhen;
  return std::array<std::pair<ReachedWhen, std::string_view>, 4>{
      {{import, "import"}, {startup, "startup"}, {call, "call"}, {main, "main"}}};
}

// What a path is relative to, and how it is made.
enum class PathAnchor {
  // made from `__file__`: the same wherever the server is started; relative to the package
  file,
  // the working directory
  cwd,
  absolute,
  // begins with what a variable of the environment holds
  environment,
  unknown,
};
constexpr auto enum_names(PathAnchor) {
  using enum PathAnchor;
  return std::array<std::pair<PathAnchor, std::string_view>, 5>{{{file, "file"},
                                                                 {cwd, "cwd"},
                                                                 {absolute, "absolute"},
                                                                 {environment, "environment"},
                                                                 {unknown, "unknown"}}};
}

// How a service goes on after a model could not be loaded.
enum class FallbackKind {
  // with another model that it loads
  loads,
  // with something else in the model's place
  replaces,
  // with `None` in its place
  none,
  continues,
};
constexpr auto enum_names(FallbackKind) {
  using enum FallbackKind;
  return std::array<std::pair<FallbackKind, std::string_view>, 4>{
      {{loads, "loads"}, {replaces, "replaces"}, {none, "none"}, {continues, "continues"}}};
}

// Where in the package's sources.
struct SourcePlace {
  // relative to the package
  std::string file;
  // counts from 1
  std::uint64_t line = 0;
  // `Predictor.load`; empty in a module's body
  std::string function;
  ReachedWhen when = ReachedWhen::call;
  bool operator==(const SourcePlace&) const = default;
  static constexpr auto fields() {
    return std::tuple{Field{"file", &SourcePlace::file}, Field{"line", &SourcePlace::line},
                      Field{"function", &SourcePlace::function}, Field{"when", &SourcePlace::when}};
  }
};

// What makes the predictor, as the config names it.
struct SourceFactoryFacts {
  bool found = false;
  std::string file;
  std::uint64_t line = 0;
  bool is_async = false;
  // names of its parameters without a default
  std::vector<std::string> required;
  bool operator==(const SourceFactoryFacts&) const = default;
  static constexpr auto fields() {
    return std::tuple{Field{"found", &SourceFactoryFacts::found}, Field{"file", &SourceFactoryFacts::file},
                      Field{"line", &SourceFactoryFacts::line},
                      Field{"is_async", &SourceFactoryFacts::is_async},
                      Field{"required", &SourceFactoryFacts::required}};
  }
};

struct SourceModuleFacts {
  std::string name;
  // relative to the package; empty when there is none
  std::string file;
  // why it was not read
  std::string error;
  // what its body binds, imports included; `*` when an `import *` from outside adds more
  std::vector<std::string> names;
  bool operator==(const SourceModuleFacts&) const = default;
  static constexpr auto fields() {
    return std::tuple{Field{"name", &SourceModuleFacts::name}, Field{"file", &SourceModuleFacts::file},
                      Field{"error", &SourceModuleFacts::error}, Field{"names", &SourceModuleFacts::names}};
  }
};

// A module that the package does not have, and that is none of Python's own.
struct SourceImportFacts {
  std::string name;
  // the code goes on without it
  bool optional = false;
  // the package should have it: it has the folder or module that the name starts with
  bool missing = false;
  SourcePlace place;
  bool operator==(const SourceImportFacts&) const = default;
  static constexpr auto fields() {
    return std::tuple{
        Field{"name", &SourceImportFacts::name}, Field{"optional", &SourceImportFacts::optional},
        Field{"missing", &SourceImportFacts::missing}, Field{"place", &SourceImportFacts::place}};
  }
};

// A file or folder that is opened. A place has one for each path that it may be.
struct SourcePathFacts {
  // by what: `open`
  std::string call;
  // the source of the path
  std::string text;
  PathAnchor anchor = PathAnchor::unknown;
  // without the anchor; `{NAME}` is what a variable of the environment holds, `{}` what could not be found out
  std::string value;
  bool writes = false;
  SourcePlace place;
  bool operator==(const SourcePathFacts&) const = default;
  static constexpr auto fields() {
    return std::tuple{Field{"call", &SourcePathFacts::call},     Field{"text", &SourcePathFacts::text},
                      Field{"anchor", &SourcePathFacts::anchor}, Field{"value", &SourcePathFacts::value},
                      Field{"writes", &SourcePathFacts::writes}, Field{"place", &SourcePathFacts::place}};
  }
};

// A call that reads a model. Arguments are Python source, a literal where the value is known, empty where not given.
struct SourceLoadFacts {
  // `torch.load`
  std::string call;
  // index into SourceFacts::paths, -1 when unknown
  std::int64_t path = 0;
  std::string map_location;
  std::string weights_only;
  // code of the package, or a `pickle_module`, finds the classes that the pickle names
  bool find_class = false;
  // the calls that lead there, the outermost first: `main.py:3`
  std::vector<std::string> callers;
  SourcePlace place;
  bool operator==(const SourceLoadFacts&) const = default;
  static constexpr auto fields() {
    return std::tuple{Field{"call", &SourceLoadFacts::call},
                      Field{"path", &SourceLoadFacts::path},
                      Field{"map_location", &SourceLoadFacts::map_location},
                      Field{"weights_only", &SourceLoadFacts::weights_only},
                      Field{"find_class", &SourceLoadFacts::find_class},
                      Field{"callers", &SourceLoadFacts::callers},
                      Field{"place", &SourceLoadFacts::place}};
  }
};

// A call of `load_state_dict`.
struct SourceStateDictFacts {
  // source, empty where not given
  std::string strict;
  // the code looks at what the call returns
  bool used = false;
  SourcePlace place;
  bool operator==(const SourceStateDictFacts&) const = default;
  static constexpr auto fields() {
    return std::tuple{Field{"strict", &SourceStateDictFacts::strict},
                      Field{"used", &SourceStateDictFacts::used},
                      Field{"place", &SourceStateDictFacts::place}};
  }
};

// An `except` branch around a load after which the code goes on.
struct SourceFallbackFacts {
  // names of exceptions
  std::vector<std::string> catches;
  FallbackKind then = FallbackKind::continues;
  SourcePlace place;
  bool operator==(const SourceFallbackFacts&) const = default;
  static constexpr auto fields() {
    return std::tuple{Field{"catches", &SourceFallbackFacts::catches},
                      Field{"then", &SourceFallbackFacts::then}, Field{"place", &SourceFallbackFacts::place}};
  }
};

struct SourceClassFacts {
  std::string module;
  // `Outer.Inner`
  std::string name;
  // absolute names, empty for an unknown one
  std::vector<std::string> bases;
  SourcePlace place;
  bool operator==(const SourceClassFacts&) const = default;
  static constexpr auto fields() {
    return std::tuple{Field{"module", &SourceClassFacts::module}, Field{"name", &SourceClassFacts::name},
                      Field{"bases", &SourceClassFacts::bases}, Field{"place", &SourceClassFacts::place}};
  }
};

// What is put into a module by hand, so that a pickle finds it: `sys.modules["__main__"].Net = Net`.
struct SourceInjectionFacts {
  std::string module;
  // `*` is the whole module
  std::string name;
  // absolute name, empty when unknown
  std::string value;
  // it comes before all loads; nothing when unknown
  std::optional<bool> before_load;
  SourcePlace place;
  bool operator==(const SourceInjectionFacts&) const = default;
  static constexpr auto fields() {
    return std::tuple{Field{"module", &SourceInjectionFacts::module},
                      Field{"name", &SourceInjectionFacts::name},
                      Field{"value", &SourceInjectionFacts::value},
                      Field{"before_load", &SourceInjectionFacts::before_load},
                      Field{"place", &SourceInjectionFacts::place}};
  }
};

// Names allowed for `torch.load(weights_only=True)`.
struct SourceSafeGlobalsFacts {
  // absolute, empty for an unknown one
  std::vector<std::string> names;
  SourcePlace place;
  bool operator==(const SourceSafeGlobalsFacts&) const = default;
  static constexpr auto fields() {
    return std::tuple{Field{"names", &SourceSafeGlobalsFacts::names},
                      Field{"place", &SourceSafeGlobalsFacts::place}};
  }
};

// A function that the web framework calls as it starts.
struct SourceStartupFacts {
  // `lifespan` or `on_event`
  std::string kind;
  // it loads a model
  bool loads = false;
  SourcePlace place;
  bool operator==(const SourceStartupFacts&) const = default;
  static constexpr auto fields() {
    return std::tuple{Field{"kind", &SourceStartupFacts::kind}, Field{"loads", &SourceStartupFacts::loads},
                      Field{"place", &SourceStartupFacts::place}};
  }
};

// An endpoint.
struct SourceRouteFacts {
  // of HTTP
  std::string method;
  std::string path;
  bool is_async = false;
  SourcePlace place;
  bool operator==(const SourceRouteFacts&) const = default;
  static constexpr auto fields() {
    return std::tuple{Field{"method", &SourceRouteFacts::method}, Field{"path", &SourceRouteFacts::path},
                      Field{"is_async", &SourceRouteFacts::is_async},
                      Field{"place", &SourceRouteFacts::place}};
  }
};

// A call that starts a server.
struct SourceServerFacts {
  // `uvicorn.run`
  std::string call;
  std::string text;
  SourcePlace place;
  bool operator==(const SourceServerFacts&) const = default;
  static constexpr auto fields() {
    return std::tuple{Field{"call", &SourceServerFacts::call}, Field{"text", &SourceServerFacts::text},
                      Field{"place", &SourceServerFacts::place}};
  }
};

// A name of a module that holds a web application.
struct SourceApplicationFacts {
  std::string module;
  // `app`
  std::string name;
  // `fastapi.FastAPI`
  std::string kind;
  SourcePlace place;
  bool operator==(const SourceApplicationFacts&) const = default;
  static constexpr auto fields() {
    return std::tuple{
        Field{"module", &SourceApplicationFacts::module}, Field{"name", &SourceApplicationFacts::name},
        Field{"kind", &SourceApplicationFacts::kind}, Field{"place", &SourceApplicationFacts::place}};
  }
};

// A function or class that can be called without arguments and then loads a model: perhaps a factory.
struct SourceMakerFacts {
  std::string module;
  std::string name;
  // absolute name of the class of what it returns, empty when unknown
  std::string makes;
  SourcePlace place;
  bool operator==(const SourceMakerFacts&) const = default;
  static constexpr auto fields() {
    return std::tuple{Field{"module", &SourceMakerFacts::module}, Field{"name", &SourceMakerFacts::name},
                      Field{"makes", &SourceMakerFacts::makes}, Field{"place", &SourceMakerFacts::place}};
  }
};

// A change of the working directory, or a folder that modules are imported from.
struct SourceFolderFacts {
  PathAnchor anchor = PathAnchor::unknown;
  std::string value;
  SourcePlace place;
  bool operator==(const SourceFolderFacts&) const = default;
  static constexpr auto fields() {
    return std::tuple{Field{"anchor", &SourceFolderFacts::anchor}, Field{"value", &SourceFolderFacts::value},
                      Field{"place", &SourceFolderFacts::place}};
  }
};

struct SourceFacts {
  // of the interpreter that read them: "3.11.7"
  std::string version;
  // what was left out and why; empty when everything was looked at
  std::vector<std::string> cut;
  SourceFactoryFacts factory;
  // the entry point first
  std::vector<SourceModuleFacts> modules;
  std::vector<SourceImportFacts> imports;
  std::vector<SourcePathFacts> paths;
  std::vector<SourceLoadFacts> loads;
  std::vector<SourceStateDictFacts> state_dicts;
  std::vector<SourceFallbackFacts> fallbacks;
  std::vector<SourceClassFacts> classes;
  std::vector<SourceInjectionFacts> injected;
  std::vector<SourceSafeGlobalsFacts> safe_globals;
  std::vector<SourceStartupFacts> startup;
  std::vector<SourceRouteFacts> routes;
  std::vector<SourceServerFacts> servers;
  std::vector<SourceApplicationFacts> applications;
  std::vector<SourceMakerFacts> makers;
  std::vector<SourceFolderFacts> chdir;
  std::vector<SourceFolderFacts> sys_path;
  bool operator==(const SourceFacts&) const = default;
  static constexpr auto fields() {
    return std::tuple{
        Field{"version", &SourceFacts::version},     Field{"cut", &SourceFacts::cut},
        Field{"factory", &SourceFacts::factory},     Field{"modules", &SourceFacts::modules},
        Field{"imports", &SourceFacts::imports},     Field{"paths", &SourceFacts::paths},
        Field{"loads", &SourceFacts::loads},         Field{"state_dicts", &SourceFacts::state_dicts},
        Field{"fallbacks", &SourceFacts::fallbacks}, Field{"classes", &SourceFacts::classes},
        Field{"injected", &SourceFacts::injected},   Field{"safe_globals", &SourceFacts::safe_globals},
        Field{"startup", &SourceFacts::startup},     Field{"routes", &SourceFacts::routes},
        Field{"servers", &SourceFacts::servers},     Field{"applications", &SourceFacts::applications},
        Field{"makers", &SourceFacts::makers},       Field{"chdir", &SourceFacts::chdir},
        Field{"sys_path", &SourceFacts::sys_path}};
  }
};

extern template struct Observed<SourceFacts>;
extern template struct StructCodec<SourceFacts>;

}  // namespace runup
