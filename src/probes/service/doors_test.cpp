// SPDX-License-Identifier: Apache-2.0
#include "probes/service/doors.h"

#include <arpa/inet.h>

#include <string>
#include <vector>

#include <catch2/catch_test_macros.hpp>

using namespace runup;

namespace {

in_addr_t address(const char* text) {
  in_addr parsed{};
  REQUIRE(::inet_pton(AF_INET, text, &parsed) == 1);
  return parsed.s_addr;
}

}  // namespace

TEST_CASE("doors: addresses are themselves, names get an address of the loopback") {
  const auto doors = find_doors({"127.0.0.1:6379", "localhost:80", "10.0.0.5:5432"},
                                {"tcp:6380", "tcp:queue:5672", "tcp:queue:15672", "tcp:db.internal:5432"});
  REQUIRE(doors);
  REQUIRE(doors->size() == 7);
  const auto is = [&](std::size_t at, const char* inside, in_addr_t outside, std::uint16_t port) {
    CAPTURE(at);
    CHECK((*doors)[at].inside == address(inside));
    CHECK((*doors)[at].outside == outside);
    CHECK((*doors)[at].port == port);
  };
  is(0, "127.0.0.1", address("127.0.0.1"), 6379);
  is(1, "127.0.0.1", address("127.0.0.1"), 80);
  is(2, "10.0.0.5", address("10.0.0.5"), 5432);
  is(3, "127.0.0.1", 0, 6380);
  is(4, "127.77.0.5", 0, 5672);
  is(5, "127.77.0.5", 0, 15672);
  is(6, "127.77.0.7", 0, 5432);
  CHECK(lines_for_hosts(*doors) == "127.77.0.5 queue\n127.77.0.5 queue\n127.77.0.7 db.internal\n");
}

TEST_CASE("doors: a host that cannot be found is an error, and names are no words for a program") {
  for (const char* text : {"no-such-host.invalid:80", "--help:80", "::1:80", "[::1]:80"}) {
    CAPTURE(text);
    const auto doors = find_doors({text}, {});
    REQUIRE(!doors);
    CHECK(doors.error().message.contains("no IPv4 address"));
    CHECK(doors.error().message.contains(text));
  }
  CHECK(!find_doors(std::vector<std::string>(201, "127.0.0.1:1"), {}));
}
