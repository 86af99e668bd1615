// SPDX-License-Identifier: Apache-2.0
#include "runner/probe_call.h"

#include <sys/socket.h>

#include <cerrno>
#include <format>

#include "base/text.h"

namespace runup {

namespace {

enum class TalkEnd { done, refused, garbled, silent, gone };

struct Talk {
  TalkEnd end = TalkEnd::gone;
  // what the probe said, or what was wrong with it
  std::string words;
  Duration patience;
};

Talk talk(Channel& channel, const ProbeCall& call) {
  // A probe that dies before it has read its request shows itself in receive().
  if (auto sent = channel.send(call.request); !sent && sent.error().code == ErrorCode::limit) {
    return {.end = TalkEnd::refused, .words = sent.error().describe()};
  }
  while (true) {
    const Duration patience = call.patience();
    auto frame = channel.receive(steady_now() + patience);
    if (!frame) {
      const bool silent = frame.error().code == ErrorCode::limit;
      return {.end = silent ? TalkEnd::silent : TalkEnd::garbled,
              .words = frame.error().describe(),
              .patience = patience};
    }
    if (!*frame) {
      return {};
    }
    const auto message = decode<ProbeMessage>(**frame);
    if (!message) {
      return {.end = TalkEnd::garbled, .words = message.error().describe()};
    }
    if (message->type == MessageType::done) {
      return {.end = TalkEnd::done};
    }
    if (message->type == MessageType::refused) {
      return {.end = TalkEnd::refused, .words = read_facts<std::string>(*message).value_or("without words")};
    }
    if (auto taken = call.take(*message); !taken) {
      return {.end = TalkEnd::garbled, .words = taken.error().describe()};
    }
  }
}

}  // namespace

std::optional<Absence> call_probe(RunContext& context, ProbeCall call) {
  int ends[2] = {-1, -1};
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) {
    return Absence{.kind = AbsenceKind::missing,
                   .detail = system_error("cannot make a socket for " + call.who, errno).message};
  }
  Channel channel{FileDescriptor(ends[0])};
  FileDescriptor there(ends[1]);
  call.job.descriptors.insert(call.job.descriptors.begin(), there.get());
  Talk said;
  const JobEnd end = context.supervisor.run(call.job, [&] {
    there = FileDescriptor();
    said = talk(channel, call);
    return said.end == TalkEnd::gone;
  });
  if (said.end == TalkEnd::done) {
    return std::nullopt;
  }
  const std::string doing = call.doing ? call.doing() : "";
  const std::string clause = doing.empty() ? "" : " " + doing;
  // A death that happened while it was being spoken to says more than the broken talk.
  const bool cut_off = !end.ended_by_caller && end.kind != EndKind::exited;
  if (said.end == TalkEnd::gone || (said.end == TalkEnd::garbled && cut_off)) {
    return describe_death({.who = call.who,
                           .doing = doing,
                           .program = call.job.argv.front(),
                           .remedy = call.remedy,
                           .limits = call.job.limits},
                          end);
  }
  if (said.end == TalkEnd::refused) {
    return Absence{
        .kind = AbsenceKind::refused, .detail = call.who + " refused: " + said.words, .log = end.stderr_tail};
  }
  if (said.end == TalkEnd::silent) {
    return Absence{.kind = AbsenceKind::timed_out,
                   .detail = std::format("{} gave no answer within {}{}", call.who,
                                         format_duration(said.patience), clause),
                   .log = end.stderr_tail};
  }
  return Absence{.kind = AbsenceKind::garbled,
                 .detail = std::format("{} answered something else than its protocol{}: {}", call.who, clause,
                                       said.words),
                 .log = end.stderr_tail};
}

}  // namespace runup
