// SPDX-License-Identifier: Apache-2.0
#include "probes/protocol/channel.h"

#include <sys/socket.h>
#include <unistd.h>

#include <thread>

#include <catch2/catch_test_macros.hpp>

namespace runup {
namespace {

struct Pair {
  Channel here{FileDescriptor()};
  FileDescriptor there;
};

Pair make_pair() {
  int ends[2];
  REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0);
  return {Channel(FileDescriptor(ends[0])), FileDescriptor(ends[1])};
}

void put(const FileDescriptor& fd, const std::string& bytes) {
  REQUIRE(::send(fd.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(bytes.size()));
}

Duration in(double seconds) { return steady_now() + Duration::from_seconds(seconds); }

TEST_CASE("a frame is a little-endian length and JSON") {
  Pair pair = make_pair();
  REQUIRE(pair.here.send(Json{{"a", 1}}));
  std::array<char, 64> bytes{};
  REQUIRE(::recv(pair.there.get(), bytes.data(), bytes.size(), 0) == 11);
  CHECK(std::string(bytes.data(), 11) == std::string("\x07\0\0\0", 4) + "{\"a\":1}");
  put(pair.there, std::string("\x02\0\0\0", 4) + "[]" + std::string("\x04\0\0\0", 4) + "null");
  const auto first = pair.here.receive();
  REQUIRE(first);
  CHECK(**first == Json::array());
  const auto second = pair.here.receive();
  REQUIRE(second);
  CHECK((*second)->is_null());
  pair.there = FileDescriptor();
  const auto end = pair.here.receive();
  REQUIRE(end);
  CHECK_FALSE(*end);
}

TEST_CASE("a message larger than the socket's buffer") {
  Pair pair = make_pair();
  const Json large(std::string(5'000'000, 'x'));
  std::jthread sender([&] {
    Channel channel(std::move(pair.there));
    CHECK(channel.send(large));
  });
  const auto received = pair.here.receive();
  REQUIRE(received);
  CHECK(**received == large);
}

TEST_CASE("what is no frame is bad input") {
  const auto code_of = [](const std::string& bytes) {
    Pair pair = make_pair();
    put(pair.there, bytes);
    pair.there = FileDescriptor();
    const auto received = pair.here.receive(in(5));
    REQUIRE_FALSE(received);
    return received.error().code;
  };
  CHECK(code_of(std::string("\x02\0", 2)) == ErrorCode::bad_input);
  CHECK(code_of(std::string("\x09\0\0\0", 4) + "{\"a\":1}") == ErrorCode::bad_input);
  CHECK(code_of(std::string("\x02\0\0\0", 4) + "{[") == ErrorCode::bad_input);
  CHECK(code_of(std::string("\xFF\xFF\xFF\xFF", 4) + "{}") == ErrorCode::bad_input);
  // a promise of 256 MiB, of which nothing comes
  CHECK(code_of(std::string("\0\0\0\x10", 4) + "{}") == ErrorCode::bad_input);
  CHECK(code_of(std::string("\xC8\0\0\0", 4) + std::string(200, '[')) == ErrorCode::bad_input);
  CHECK(code_of(std::string("\x04\0\0\0", 4) + "\"\xFF\" ") == ErrorCode::bad_input);
}

TEST_CASE("a deadline holds for the whole frame") {
  Pair pair = make_pair();
  std::jthread drip([&] {
    put(pair.there, std::string("\x40\0\0\0", 4));
    for (int i = 0; i < 20; ++i) {
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
      [[maybe_unused]] const auto ignored = ::send(pair.there.get(), " ", 1, MSG_NOSIGNAL);
    }
  });
  const Duration start = steady_now();
  const auto received = pair.here.receive(in(0.15));
  REQUIRE_FALSE(received);
  CHECK(received.error().code == ErrorCode::limit);
  CHECK((steady_now() - start).seconds() < 0.4);
}

TEST_CASE("sending to nobody is an error and no signal") {
  Pair pair = make_pair();
  pair.there = FileDescriptor();
  const auto sent = pair.here.send(Json(1));
  REQUIRE_FALSE(sent);
  CHECK(sent.error().code == ErrorCode::system);
}

}  // namespace
}  // namespace runup
