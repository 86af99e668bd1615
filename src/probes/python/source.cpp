// SPDX-License-Identifier: Apache-2.0
#include "probes/python/source.h"

#include <sys/stat.h>
#include <sys/wait.h>

#include <cerrno>
#include <format>
#include <span>

#include "base/text.h"
#include "probes/python/memory_file.h"
#include "probes/python/script.h"
#include "probes/python/start.h"
#include "probes/sandbox/sandbox.h"

namespace runup {

namespace {

constexpr int kScriptFd = 3;
constexpr const char* kStartReading =
    "exec(compile(open(3, encoding='utf-8').read(), '<runup>', 'exec'), {'__name__': '__main__'})";
// The script bounds its lists; this is far above what they can hold.
constexpr std::uint64_t kMostAnswerBytes = std::uint64_t{64} << 20U;

// To be read from its start.
Result<FileDescriptor> file_of(std::string_view text) {
  auto file = make_memory_file("runup-text");
  if (file) {
    if (const auto written = write_bytes(file->get(), std::as_bytes(std::span(text)), 0); !written) {
      return std::unexpected(written.error());
    }
  }
  return file;
}

Result<Json> answer_in(const FileDescriptor& file) {
  struct stat status{};
  if (::fstat(file.get(), &status) != 0) {
    return std::unexpected(system_error("cannot look at the answer", errno));
  }
  const auto size = static_cast<std::uint64_t>(status.st_size);
  if (size > kMostAnswerBytes) {
    return fail(ErrorCode::limit,
                std::format("the answer has {} bytes; at most {} are read", size, kMostAnswerBytes));
  }
  const auto bytes = read_bytes(file.get(), 0, size);
  if (!bytes) {
    return std::unexpected(bytes.error());
  }
  const auto* text = reinterpret_cast<const char*>(bytes->data());
  return Json::parse(text, text + bytes->size(), nullptr, false);
}

Json question_of(const SourceRequest& request) {
  return {{"root", request.root},
          {"entrypoint", request.entrypoint},
          {"factory", request.factory},
          {"search", request.search},
          {"modules", request.modules}};
}

}  // namespace

Result<SourceFacts> read_source(const SourceRequest& request) {
  // Names that are not UTF-8 cannot be asked for in JSON; no such name can be imported either.
  const std::string question = question_of(request).dump(-1, ' ', false, Json::error_handler_t::replace);
  const auto script = file_of(source_script());
  const auto input = file_of(question);
  const auto answer = file_of("");
  for (const auto* file : {&script, &input, &answer}) {
    if (!*file) {
      return std::unexpected(file->error());
    }
  }
  const auto process = start_interpreter(request.interpreter, {"-I", "-B", "-c", kStartReading},
                                         {{.own = input->get(), .as = 0},
                                          {.own = answer->get(), .as = 1},
                                          {.own = script->get(), .as = kScriptFd}});
  if (!process) {
    return std::unexpected(process.error());
  }
  int status = 0;
  while (::waitpid(*process, &status, 0) < 0 && errno == EINTR) {
  }
  const auto json = answer_in(*answer);
  if (!json) {
    return std::unexpected(json.error());
  }
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0 || json->is_discarded()) {
    return fail(ErrorCode::bad_input,
                std::format("`{}` ended without an answer (wait status {}); expected a Python from 3.8 on",
                            printable(request.interpreter), status));
  }
  return decode<SourceFacts>(*json);
}

int source_probe_main() {
  return serve_probe<SourceRequest>([](Channel& channel, const SourceRequest& request) -> Result<void> {
    enter_sandbox({});
    const auto facts = read_source(request);
    if (!facts) {
      return std::unexpected(facts.error());
    }
    return channel.send(encode(ProbeMessage{.type = MessageType::source, .facts = encode(*facts)}));
  });
}

}  // namespace runup
