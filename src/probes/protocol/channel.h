// SPDX-License-Identifier: Apache-2.0
#pragma once

// How runup and its probes talk: frames of a 32-bit little-endian length and that many bytes of
// JSON, over a socketpair. The probe's end is always descriptor 3 (kProbeChannelFd); files that the
// probe may read are opened by the caller and passed as descriptors from 4 on, in the order that the
// probe's request struct documents. A probe first receives one request, then sends messages, the
// last of which is `done`; the end of the channel without it means that the probe died.

#include <optional>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/codec.h"
#include "facts/facts.h"

namespace runup {

inline constexpr int kProbeChannelFd = 3;
inline constexpr int kFirstPassedFd = 4;
inline constexpr std::uint32_t kProtocolVersion = 1;
inline constexpr std::size_t kMaxFrameBytes = std::size_t{256} * 1024 * 1024;

class Channel {
 public:
  explicit Channel(FileDescriptor fd) : fd_(std::move(fd)) {}

  // Blocks until everything is written. A peer that is gone is ErrorCode::system, never SIGPIPE.
  Result<void> send(const Json& message);
  // Blocks until a whole frame is there, at most until `deadline` on the monotonic clock (0: for
  // ever). Nothing at a clean end of the channel; ErrorCode::limit when the deadline passes;
  // ErrorCode::bad_input for a frame that is too long, cut off or not JSON.
  Result<std::optional<Json>> receive(Duration deadline = {});

  int fd() const { return fd_.get(); }

 private:
  FileDescriptor fd_;
};

enum class MessageType {
  package,
  artifact,
  weights,
  host,
  source,
  archive,
  witness,
  load,
  experiment,
  cold_start,
  service,
  running,
  refused,
  done
};
constexpr auto enum_names(MessageType) {
  using enum MessageType;
  return std::array<std::pair<MessageType, std::string_view>, 14>{{{package, "package"},
                                                                   {artifact, "artifact"},
                                                                   {weights, "weights"},
                                                                   {host, "host"},
                                                                   {source, "source"},
                                                                   {archive, "archive"},
                                                                   {witness, "witness"},
                                                                   {load, "load"},
                                                                   {experiment, "experiment"},
                                                                   {cold_start, "cold-start"},
                                                                   {service, "service"},
                                                                   {running, "running"},
                                                                   {refused, "refused"},
                                                                   {done, "done"}}};
}

// One frame from a probe. `facts` is the encoded struct of that name (PackageFacts, ArtifactFacts, WeightParityFacts,
// HostFacts, SourceFacts, ArchiveFacts, WitnessFacts, LoadFacts, ExperimentFacts, ColdStartFacts, ServiceAnswer, RunningFacts; for `refused` a text: why the
// probe cannot do its work at all; null for `done`).
struct ProbeMessage {
  MessageType type = MessageType::done;
  Json facts;
  static constexpr auto fields() {
    return std::tuple{Field{"type", &ProbeMessage::type, "", kRequired},
                      Field{"facts", &ProbeMessage::facts}};
  }
};

// Descriptor 4: the artifact; from 5 on its external data files, in the order of `external`.
struct ArtifactRequest {
  std::uint32_t protocol = kProtocolVersion;
  // ReadOptions of artifact/reader.h
  bool hash = true;
  bool values = false;
  std::vector<std::string> external;
  static constexpr auto fields() {
    return std::tuple{Field{"protocol", &ArtifactRequest::protocol}, Field{"hash", &ArtifactRequest::hash},
                      Field{"values", &ArtifactRequest::values},
                      Field{"external", &ArtifactRequest::external}};
  }
};

// Descriptor 4: the original; 5: the conversion; from 6 on the external data files of the original and then
// those of the conversion, in the order of the lists.
struct WeightsRequest {
  std::uint32_t protocol = kProtocolVersion;
  // key path of the original's state_dict, as the config has it; may be empty
  std::string state_dict;
  // locations as the two files write them
  std::vector<std::string> original_external;
  std::vector<std::string> external;
  static constexpr auto fields() {
    return std::tuple{Field{"protocol", &WeightsRequest::protocol},
                      Field{"state_dict", &WeightsRequest::state_dict},
                      Field{"original_external", &WeightsRequest::original_external},
                      Field{"external", &WeightsRequest::external}};
  }
};

// One path that the config names and the package probe shall look at.
struct PathQuestion {
  // `models.sign.path`
  std::string asked_by;
  std::string written;
  // absolute
  std::string path;
  static constexpr auto fields() {
    return std::tuple{Field{"asked_by", &PathQuestion::asked_by}, Field{"written", &PathQuestion::written},
                      Field{"path", &PathQuestion::path}};
  }
};

struct PackageRequest {
  std::uint32_t protocol = kProtocolVersion;
  // absolute
  std::string root;
  std::vector<PathQuestion> paths;
  static constexpr auto fields() {
    return std::tuple{Field{"protocol", &PackageRequest::protocol}, Field{"root", &PackageRequest::root},
                      Field{"paths", &PackageRequest::paths}};
  }
};

// Descriptor 4: the archive. It is unpacked into `folder`, an empty one of its own; nothing else is written.
struct ArchiveRequest {
  std::uint32_t protocol = kProtocolVersion;
  // of the archive, for messages
  std::string path;
  // absolute
  std::string folder;
  // what the config names in the package, relative to its root: tells ArchiveFacts::top_folder
  std::vector<std::string> wanted;
  static constexpr auto fields() {
    return std::tuple{Field{"protocol", &ArchiveRequest::protocol}, Field{"path", &ArchiveRequest::path},
                      Field{"folder", &ArchiveRequest::folder}, Field{"wanted", &ArchiveRequest::wanted}};
  }
};

// Sources are read by an interpreter's own `ast`; see probes/python/read_source.py.
struct SourceRequest {
  std::uint32_t protocol = kProtocolVersion;
  // absolute
  std::string interpreter;
  std::string root;
  // relative to root
  std::string entrypoint;
  // `module:function`, may be empty
  std::string factory;
  // further import roots, absolute
  std::vector<std::string> search;
  // modules to read as well
  std::vector<std::string> modules;
  static constexpr auto fields() {
    return std::tuple{
        Field{"protocol", &SourceRequest::protocol}, Field{"interpreter", &SourceRequest::interpreter},
        Field{"root", &SourceRequest::root},         Field{"entrypoint", &SourceRequest::entrypoint},
        Field{"factory", &SourceRequest::factory},   Field{"search", &SourceRequest::search},
        Field{"modules", &SourceRequest::modules}};
  }
};

struct HostRequest {
  std::uint32_t protocol = kProtocolVersion;
  static constexpr auto fields() { return std::tuple{Field{"protocol", &HostRequest::protocol}}; }
};

enum class RuntimeMode {
  // send witness, load, then one `experiment` for each that is asked, in order, as each ends
  experiments,
  // load, run `experiments[0]` once, send one `cold-start`
  cold_start,
};
constexpr auto enum_names(RuntimeMode) {
  using enum RuntimeMode;
  return std::array<std::pair<RuntimeMode, std::string_view>, 2>{
      {{experiments, "experiments"}, {cold_start, "cold-start"}}};
}

inline constexpr int kOutputStoreFd = kFirstPassedFd + 1;
inline constexpr std::uint64_t kMostKeptBytes = std::uint64_t{256} << 20U;

// How the service's own interpreter is started.
struct PythonRequest {
  // absolute, or a name that is found in PATH
  std::string interpreter;
  // of the package, absolute
  std::string root;
  // the folder it is started in, and what comes first in `sys.path`; absolute
  std::string folder;
  std::vector<std::string> path;
  // `sys.argv`
  std::vector<std::string> arguments;
  // the first of them is started as `python FILE`, so that it is the module `__main__`
  bool as_main = false;
  // of the model file, where the config names no factory: ArtifactFacts::kind by name
  std::string kind;
  // what stands elsewhere on the server
  std::vector<MountDeclaration> placed;
  // a folder of its own: HOME, TMPDIR and the caches lie there; and what else it may write below. All
  // other files are read-only, and there is no network
  std::string scratch;
  std::vector<std::string> writable;
  // say what is installed, and look up these globals, each {module, name}; importing them may have effects,
  // so that this process is asked for nothing else
  bool survey = false;
  std::vector<std::vector<std::string>> globals;
  // `script` or `trace`: how the network is made an archive without numbers, which is then written in the place of
  // the numbers; empty: it is not
  std::string structure;
  // the descriptor that the network's numbers are written to, as a safetensors file; -1: they are not
  std::int32_t numbers = -1;
  static constexpr auto fields() {
    return std::tuple{Field{"interpreter", &PythonRequest::interpreter},
                      Field{"root", &PythonRequest::root},
                      Field{"folder", &PythonRequest::folder},
                      Field{"path", &PythonRequest::path},
                      Field{"arguments", &PythonRequest::arguments},
                      Field{"as_main", &PythonRequest::as_main},
                      Field{"kind", &PythonRequest::kind},
                      Field{"placed", &PythonRequest::placed},
                      Field{"scratch", &PythonRequest::scratch},
                      Field{"writable", &PythonRequest::writable},
                      Field{"survey", &PythonRequest::survey},
                      Field{"globals", &PythonRequest::globals},
                      Field{"structure", &PythonRequest::structure},
                      Field{"numbers", &PythonRequest::numbers}};
  }
};

// For every runtime probe. Descriptor 4: the artifact. Descriptor 5, with a `keep`: the output store, see
// probes/runtime/serve.h. The architecture and sample files are opened by their (absolute) names in
// `model`.
struct RuntimeRequest {
  std::uint32_t protocol = kProtocolVersion;
  RuntimeMode mode = RuntimeMode::experiments;
  ModelDeclaration model;
  std::vector<Experiment> experiments;
  // those of them whose outputs are kept in the output store
  std::vector<Experiment> keep;
  // the shared library to use instead of the system's, absolute; of probes that load one
  std::string library;
  // of the python probe
  PythonRequest python;
  // monotonic clock when the caller asked for the process
  Duration spawned_at;
  static constexpr auto fields() {
    return std::tuple{
        Field{"protocol", &RuntimeRequest::protocol}, Field{"mode", &RuntimeRequest::mode},
        Field{"model", &RuntimeRequest::model},       Field{"experiments", &RuntimeRequest::experiments},
        Field{"keep", &RuntimeRequest::keep},         Field{"library", &RuntimeRequest::library},
        Field{"python", &RuntimeRequest::python},     Field{"spawned_at", &RuntimeRequest::spawned_at}};
  }
};

// What every probe's main does: receives the request from descriptor 3, runs `work`, which sends its
// messages, then sends `done`, or `refused` with the error's words. Returns the process's exit code.
template <class Request, class Work>
int serve_probe(const Work& work) {
  Channel channel{FileDescriptor(kProbeChannelFd)};
  auto frame = channel.receive();
  if (!frame || !*frame) {
    return 70;
  }
  auto request = decode<Request>(**frame);
  Result<void> outcome =
      !request ? std::unexpected(request.error())
      : request->protocol != kProtocolVersion
          ? fail(ErrorCode::unsupported, "protocol " + std::to_string(request->protocol) +
                                             "; this probe speaks " + std::to_string(kProtocolVersion))
          : work(channel, *request);
  const ProbeMessage last =
      outcome ? ProbeMessage{.type = MessageType::done, .facts = nullptr}
              : ProbeMessage{.type = MessageType::refused, .facts = encode(outcome.error().describe())};
  return channel.send(encode(last)) ? 0 : 74;
}

extern template struct StructCodec<ProbeMessage>;
extern template struct StructCodec<ArtifactRequest>;
extern template struct StructCodec<WeightsRequest>;
extern template struct StructCodec<PackageRequest>;
extern template struct StructCodec<ArchiveRequest>;
extern template struct StructCodec<SourceRequest>;
extern template struct StructCodec<HostRequest>;
extern template struct StructCodec<RuntimeRequest>;

}  // namespace runup
