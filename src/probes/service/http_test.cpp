// SPDX-License-Identifier: Apache-2.0
#include "probes/service/http.h"

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <string>
#include <string_view>
#include <thread>

#include <catch2/catch_test_macros.hpp>

#include "base/bytes.h"
#include "probes/service/questions.h"

using namespace runup;

namespace {

// Answers each connection with the same bytes, whatever is asked, and closes it.
class CannedServer {
 public:
  explicit CannedServer(std::string answer, bool closes = true)
      : answer_(std::move(answer)), closes_(closes) {
    socket_ = FileDescriptor(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof(address);
    REQUIRE(::bind(socket_.get(), reinterpret_cast<const sockaddr*>(&address), size) == 0);
    REQUIRE(::listen(socket_.get(), 8) == 0);
    ::getsockname(socket_.get(), reinterpret_cast<sockaddr*>(&address), &size);
    port_ = ntohs(address.sin_port);
    thread_ = std::jthread([this] { serve(); });
  }
  ~CannedServer() { ::shutdown(socket_.get(), SHUT_RDWR); }
  CannedServer(const CannedServer&) = delete;
  CannedServer& operator=(const CannedServer&) = delete;

  std::uint16_t port() const { return port_; }
  HttpAnswer ask(Duration patience = Duration::from_seconds(5)) const {
    return ask_http({.port = port_, .path = "/x", .patience = patience});
  }

 private:
  void serve() {
    while (true) {
      const FileDescriptor peer(::accept4(socket_.get(), nullptr, nullptr, SOCK_CLOEXEC));
      if (!peer) {
        return;
      }
      std::string asked(4096, '\0');
      [[maybe_unused]] const ssize_t got = ::recv(peer.get(), asked.data(), asked.size(), 0);
      std::string_view rest = answer_;
      while (!rest.empty()) {
        const ssize_t sent = ::send(peer.get(), rest.data(), rest.size(), MSG_NOSIGNAL);
        if (sent <= 0) {
          break;
        }
        rest.remove_prefix(static_cast<std::size_t>(sent));
      }
      if (!closes_) {
        // Until the other side is tired of waiting.
        while (::recv(peer.get(), asked.data(), asked.size(), 0) > 0) {
        }
      }
    }
  }

  std::string answer_;
  bool closes_;
  FileDescriptor socket_;
  std::uint16_t port_ = 0;
  std::jthread thread_;
};

}  // namespace

TEST_CASE("http: an answer with a length, one in chunks and one that ends with the connection") {
  const CannedServer plain(
      "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 4\r\n\r\ntrue");
  CHECK(plain.ask().status == 200);
  CHECK(plain.ask().body == "true");
  CHECK(plain.ask().content_type == "application/json");
  const CannedServer chunks(
      "HTTP/1.1 503 Service Unavailable\r\nTransfer-Encoding: "
      "chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n");
  CHECK(chunks.ask().status == 503);
  CHECK(chunks.ask().body == "abcde");
  const CannedServer open("HTTP/1.0 200 OK\r\n\r\nuntil the end");
  CHECK(open.ask().body == "until the end");
}

TEST_CASE("http: what is no whole answer says why") {
  CHECK(CannedServer("").ask().error == "the connection was closed before a whole answer");
  CHECK(CannedServer("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc").ask().error ==
        "the connection was closed before a whole answer");
  CHECK(CannedServer("SSH-2.0-OpenSSH\r\n\r\n").ask().error.starts_with("the answer is no HTTP/1.1"));
  const HttpAnswer silent = CannedServer("", false).ask(Duration::from_milliseconds(200));
  CHECK(silent.status == 0);
  CHECK(silent.error == "no whole answer within 200 ms");
  // The port that a closed socket had.
  std::uint16_t port = 0;
  {
    port = CannedServer("").port();
  }
  CHECK(ask_http({.port = port, .path = "/"}).refused);
}

TEST_CASE("http: an answer that is too large is not kept") {
  const std::string much(std::size_t{17} << 20U, 'x');
  const HttpAnswer answer = CannedServer("HTTP/1.1 200 OK\r\n\r\n" + much).ask();
  CHECK(answer.status == 0);
  CHECK(answer.error == "the answer is larger than 16.0 MiB");
}

TEST_CASE("questions: a redirect in a circle ends") {
  const CannedServer server("HTTP/1.1 307 Temporary Redirect\r\nLocation: /x\r\nContent-Length: 0\r\n\r\n");
  const AnswerFacts answer =
      ask({.path = "/x", .patience = Duration::from_seconds(5)}, server.port(), steady_now());
  CHECK(answer.status == 0);
  CHECK(answer.error == "redirected 6 times, the last time to `/x`");
}

TEST_CASE("questions: JSON is strict") {
  const auto answer_to = [](const std::string& body) {
    const CannedServer server("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n" + body);
    return ask({.path = "/x", .patience = Duration::from_seconds(5)}, server.port(), steady_now());
  };
  CHECK(answer_to(R"({"score": 0.5})").not_json.empty());
  CHECK_FALSE(answer_to(R"({"score": NaN})").not_json.empty());
  CHECK_FALSE(answer_to("{'ok': True}").not_json.empty());
}

TEST_CASE("questions: paths on another port") {
  CHECK(read_url_path("/health").port == 0);
  CHECK(read_url_path("/health").path == "/health");
  CHECK(read_url_path(":9090/live").port == 9090);
  CHECK(read_url_path(":9090/live").path == "/live");
}

TEST_CASE("questions: the GET routes of an OpenAPI document that need nothing") {
  constexpr std::string_view kDocument = R"({"openapi": "3.1.0", "paths": {
    "/status": {"get": {}}, "/items/{id}": {"get": {}}, "/predict": {"post": {}},
    "/search": {"get": {"parameters": [{"name": "q", "in": "query", "required": true}]}},
    "/page": {"get": {"parameters": [{"name": "n", "in": "query", "required": false}]}}}})";
  CHECK(routes_of_openapi(kDocument, 10) == std::vector<std::string>{"/status", "/page"});
  CHECK(routes_of_openapi(kDocument, 1).size() == 1);
  CHECK(routes_of_openapi("<html>", 10).empty());
  CHECK(routes_of_openapi("[]", 10).empty());
}
