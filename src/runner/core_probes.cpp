// SPDX-License-Identifier: Apache-2.0
#include "runner/core_probes.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>
#include <charconv>
#include <cstdlib>
#include <format>
#include <mutex>
#include <set>

#include "base/bytes.h"
#include "probes/protocol/service_request.h"
#include "runner/interpreter.h"
#include "runner/probe_call.h"
#include "runner/questions.h"
#include "runner/runtime_programs.h"

namespace runup {

namespace {

// What a core probe may reserve beside the file that it maps.
constexpr std::uint64_t kRoomBesideTheFile = std::uint64_t{1} << 30U;
// What the source probe hands over in files of memory.
constexpr std::uint64_t kMostSourceBytes = std::uint64_t{64} << 20U;
constexpr std::size_t kMostModules = 200;
// libarchive takes up to 1 GiB for the window of xz.
constexpr std::uint64_t kRoomToUnpack = std::uint64_t{3} << 30U;
// UnpackBounds counts as well.
constexpr std::uint64_t kMostWritten = std::uint64_t{64} << 30U;
constexpr std::size_t kMostPredictBytes = std::size_t{16} << 20U;
constexpr double kSlowDiskBytesPerSecond = 50e6;

// A sanitiser's options are all that a core probe may need of the environment.
std::vector<std::string> core_environment() {
  std::vector<std::string> environment;
  for (const char* name : {"ASAN_OPTIONS", "UBSAN_OPTIONS", "LSAN_OPTIONS"}) {
    if (const char* value = std::getenv(name)) {
      environment.push_back(std::string(name) + "=" + value);
    }
  }
  return environment;
}

// What a core probe may do.
struct Allowance {
  Duration patience;
  std::uint64_t address_space_bytes = 0;
  // of each file that it writes
  std::uint64_t written_bytes = 0;
};

// Calls a core probe, which gives one message of type `wanted`.
template <class Facts, class Request>
Observed<Facts> observe(RunContext& context, const char* role, MessageType wanted, const Request& request,
                        std::vector<int> descriptors, const Allowance& allowance) {
  const std::shared_lock slot(context.quiet);
  const Duration start = steady_now();
  const Duration patience = allowance.patience;
  std::optional<Facts> facts;
  auto absence =
      call_probe(context, {.who = std::format("the {} probe", role),
                           .job = {.argv = {"/proc/self/exe", kProbeRole, role},
                                   .environment = core_environment(),
                                   .descriptors = std::move(descriptors),
                                   .limits = {.deadline = patience + patience,
                                              .address_space_bytes = allowance.address_space_bytes,
                                              .file_bytes = allowance.written_bytes}},
                           .request = encode(request),
                           .patience = [patience] { return patience; },
                           .take = [&](const ProbeMessage& message) -> Result<void> {
                             if (message.type != wanted) {
                               return fail(ErrorCode::bad_input,
                                           std::format("a `{}` message came; expected `{}`",
                                                       enum_name(message.type), enum_name(wanted)));
                             }
                             auto read = read_facts<Facts>(message);
                             if (!read) {
                               return std::unexpected(read.error());
                             }
                             facts = std::move(*read);
                             return {};
                           }});
  const Duration took = steady_now() - start;
  if (facts && !absence) {
    return Observed<Facts>::seen(std::move(*facts), took);
  }
  return Observed<Facts>::none(
      absence.value_or(Absence{.kind = AbsenceKind::garbled,
                               .detail = std::format("the {} probe ended without facts", role)}),
      took);
}

template <class Facts, class Request>
Observed<Facts> observe(RunContext& context, const char* role, MessageType wanted, const Request& request,
                        std::vector<int> descriptors, std::uint64_t file_bytes) {
  return observe<Facts>(context, role, wanted, request, std::move(descriptors),
                        Allowance{.patience = context.settings.step_timeout + reading_time(file_bytes),
                                  .address_space_bytes = file_bytes + kRoomBesideTheFile});
}

std::string state_of(const PathFacts& path) {
  switch (path.kind) {
    case FileKind::missing:
      return std::format("there is no file at `{}`", path.path);
    case FileKind::directory:
      return std::format("`{}` is a folder", path.path);
    case FileKind::other:
      return std::format("`{}` is no regular file", path.path);
    case FileKind::unreadable:
      return std::format("`{}` cannot be opened: {}", path.path, path.error);
    case FileKind::regular:
      break;
  }
  return std::format("`{}` is a regular file", path.path);
}

std::int64_t nanoseconds(const timespec& time) {
  return std::int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec;
}

JudgedFile identity_of(const std::string& path, const struct stat& status) {
  return {.path = path,
          .bytes = static_cast<std::uint64_t>(status.st_size),
          .modified_ns = nanoseconds(status.st_mtim),
          .changed_ns = nanoseconds(status.st_ctim),
          .inode = status.st_ino};
}

// Adds the files that are open to a request and its descriptors; their bytes.
std::uint64_t pass_on(const std::vector<ExternalFile>& external, std::vector<std::string>& locations,
                      std::vector<int>& descriptors) {
  std::uint64_t bytes = 0;
  for (const ExternalFile& file : external) {
    if (!file.opened.absence) {
      locations.push_back(file.location);
      descriptors.push_back(file.opened.file.get());
      bytes += file.opened.bytes;
    }
  }
  return bytes;
}

}  // namespace

Duration reading_time(std::uint64_t bytes) {
  return Duration::from_seconds(static_cast<double>(bytes) / kSlowDiskBytesPerSecond);
}

Observed<PackageFacts> observe_package(RunContext& context) {
  context.progress("looking at the package");
  return observe_paths(context, path_questions(context.plan));
}

Observed<PackageFacts> observe_paths(RunContext& context, std::vector<PathQuestion> questions) {
  return observe<PackageFacts>(
      context, "package", MessageType::package,
      PackageRequest{.root = context.plan.target.package, .paths = std::move(questions)}, {}, 0);
}

Observed<ArchiveFacts> observe_archive(RunContext& context, const std::string& folder,
                                       std::vector<std::string> wanted) {
  const std::string& path = context.plan.target.package;
  const FileDescriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  struct stat status{};
  if (!file || ::fstat(file.get(), &status) != 0) {
    return Observed<ArchiveFacts>::none(
        {.kind = AbsenceKind::refused,
         .detail = system_error(std::format("cannot open `{}`", path), errno).message});
  }
  const auto bytes = static_cast<std::uint64_t>(status.st_size);
  // Reading, unpacking and writing what may be a few times as much.
  const Duration work = reading_time(bytes);
  const Duration step = context.settings.step_timeout;
  return observe<ArchiveFacts>(context, "archive", MessageType::archive,
                               ArchiveRequest{.path = path, .folder = folder, .wanted = std::move(wanted)},
                               {file.get()},
                               Allowance{.patience = step + step + step + work + work + work,
                                         .address_space_bytes = bytes + kRoomToUnpack,
                                         .written_bytes = kMostWritten});
}

Observed<HostFacts> observe_host(RunContext& context) {
  return observe<HostFacts>(context, "host", MessageType::host, HostRequest{}, {}, 0);
}

std::optional<JudgedFile> file_identity(const std::string& path) {
  struct stat status{};
  return ::stat(path.c_str(), &status) == 0 ? std::optional(identity_of(path, status)) : std::nullopt;
}

OpenedFile open_named_file(const Observed<PackageFacts>& package, const std::string& key) {
  if (!package) {
    const Absence why = package.absence.value_or(Absence{});
    return {.absence = Absence{.kind = why.kind, .detail = why.detail, .log = why.log}};
  }
  const PathFacts* path = package->find(key);
  if (path == nullptr) {
    return {.absence = blocked(std::format("the package probe said nothing of `{}`", key))};
  }
  if (path->kind != FileKind::regular) {
    return {.absence = blocked(state_of(*path))};
  }
  OpenedFile opened{
      .file = FileDescriptor(::open(path->path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY))};
  struct stat status{};
  if (!opened.file || ::fstat(opened.file.get(), &status) != 0) {
    opened.absence = blocked(system_error(std::format("cannot open `{}`", path->path), errno).message);
  } else if (!S_ISREG(status.st_mode)) {
    opened.absence = blocked(std::format("`{}` was replaced during the run", path->path));
  } else {
    opened.bytes = static_cast<std::uint64_t>(status.st_size);
    opened.identity = identity_of(path->path, status);
  }
  return opened;
}

Observed<ArtifactFacts> observe_artifact(RunContext& context, const OpenedFile& opened,
                                         ArtifactRequest request, const std::vector<ExternalFile>& external) {
  if (opened.absence) {
    return Observed<ArtifactFacts>::none(*opened.absence);
  }
  // Hashing and the numbers are a pass each, and a disk slower than its cache gives both.
  const std::uint64_t passes = 1 + (request.hash && request.values ? 1 : 0);
  std::vector<int> descriptors{opened.file.get()};
  const std::uint64_t outside = pass_on(external, request.external, descriptors);
  return observe<ArtifactFacts>(context, "artifact", MessageType::artifact, request, std::move(descriptors),
                                passes * opened.bytes + outside);
}

Result<std::string> read_predict_body(const PredictDeclaration& predict) {
  auto body = read_file(predict.body, kMostPredictBytes);
  return body ? std::move(body)
              : fail(body.error().code,
                     std::format("`service.predict.body` cannot be read: {}", body.error().describe()));
}

Observed<RunningFacts> observe_running(RunContext& context, const ServiceDeclaration& service,
                                       const std::string& url) {
  RunningRequest request{.url = url, .readiness = service.readiness, .liveness = service.liveness};
  const std::size_t colon = url.rfind(':');
  std::from_chars(url.data() + colon + 1, url.data() + url.size(), request.port);
  if (service.predict) {
    auto body = read_predict_body(*service.predict);
    if (!body) {
      return Observed<RunningFacts>::none({.kind = AbsenceKind::refused, .detail = body.error().describe()});
    }
    request.predict = service.predict->path;
    request.predict_body = std::move(*body);
  }
  return observe<RunningFacts>(context, "running", MessageType::running, request, {}, 0);
}

Observed<SourceFacts> observe_source(RunContext& context, const ModelDeclaration& model,
                                     const ArtifactFacts* content) {
  const TargetDeclaration& target = context.plan.target;
  if (target.entrypoint.empty() && model.factory.empty()) {
    return Observed<SourceFacts>::none({.kind = AbsenceKind::not_requested,
                                        .detail = "the config names neither `entrypoint:` nor `factory:`"});
  }
  const auto interpreter = find_interpreter(target, runtime_environment(context.plan));
  if (!interpreter) {
    return Observed<SourceFacts>::none({.kind = AbsenceKind::missing, .detail = interpreter.error().message});
  }
  std::set<std::string> modules;
  for (const GlobalFacts& global : content != nullptr ? content->globals : std::vector<GlobalFacts>{}) {
    if (global.module != "__main__" && modules.size() < kMostModules) {
      modules.insert(global.module);
    }
  }
  std::string_view entrypoint = target.entrypoint;
  if (entrypoint.starts_with(target.package + "/")) {
    entrypoint.remove_prefix(target.package.size() + 1);
  }
  return observe<SourceFacts>(context, "source", MessageType::source,
                              SourceRequest{.interpreter = interpreter->path,
                                            .root = target.package,
                                            .entrypoint = std::string(entrypoint),
                                            .factory = model.factory,
                                            .search = import_roots(target, model.factory),
                                            .modules = {modules.begin(), modules.end()}},
                              {},
                              Allowance{.patience = context.settings.step_timeout,
                                        .address_space_bytes = kRoomBesideTheFile,
                                        .written_bytes = kMostSourceBytes});
}

Observed<WeightParityFacts> observe_weights(RunContext& context, const ModelDeclaration& model,
                                            const WeightFile& original, const WeightFile& conversion) {
  for (const WeightFile* file : {&original, &conversion}) {
    if (file->opened.absence) {
      return Observed<WeightParityFacts>::none(*file->opened.absence);
    }
  }
  WeightsRequest request{.state_dict = model.state_dict, .original_external = {}, .external = {}};
  std::vector<int> descriptors{original.opened.file.get(), conversion.opened.file.get()};
  std::uint64_t bytes = original.opened.bytes + conversion.opened.bytes;
  bytes += pass_on(original.external, request.original_external, descriptors);
  bytes += pass_on(conversion.external, request.external, descriptors);
  // A few passes over what differs, the first of which fills the cache.
  return observe<WeightParityFacts>(context, "weights", MessageType::weights, request, std::move(descriptors),
                                    2 * bytes);
}

}  // namespace runup
