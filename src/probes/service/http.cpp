// SPDX-License-Identifier: Apache-2.0
#include "probes/service/http.h"

#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <boost/asio/buffer.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>
#include <cerrno>
#include <cstring>
#include <exception>
#include <format>
#include <optional>
#include <string_view>

#include "base/bytes.h"
#include "base/text.h"

namespace runup {

namespace {

namespace http = boost::beast::http;

constexpr std::uint32_t kMostHeaderBytes = 64 * 1024;

// A connection with a time by which everything must be done.
class Connection {
 public:
  Connection(std::uint16_t port, Duration patience) : patience_(patience), end_(steady_now() + patience) {
    socket_ = FileDescriptor(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (::connect(socket_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0) {
      return;
    }
    if (errno != EINPROGRESS) {
      fail_with(errno);
    } else if (wait_for(POLLOUT)) {
      int error = 0;
      socklen_t size = sizeof(error);
      ::getsockopt(socket_.get(), SOL_SOCKET, SO_ERROR, &error, &size);
      if (error != 0) {
        fail_with(error);
      }
    }
  }

  bool send(std::string_view text) {
    while (error_.empty() && !text.empty()) {
      const ssize_t count = ::send(socket_.get(), text.data(), text.size(), MSG_NOSIGNAL);
      if (count >= 0) {
        text.remove_prefix(static_cast<std::size_t>(count));
      } else if (errno == EAGAIN) {
        wait_for(POLLOUT);
      } else if (errno == EPIPE || errno == ECONNRESET) {
        // It may have answered before it read everything.
        return true;
      } else if (errno != EINTR) {
        fail_with(errno);
      }
    }
    return error_.empty();
  }

  // What came; empty at the end. Nothing after an error.
  std::optional<std::string_view> receive() {
    while (error_.empty()) {
      const ssize_t count = ::recv(socket_.get(), buffer_.data(), buffer_.size(), 0);
      if (count >= 0) {
        return std::string_view(buffer_.data(), static_cast<std::size_t>(count));
      }
      if (errno == EAGAIN) {
        wait_for(POLLIN);
      } else if (errno != EINTR) {
        fail_with(errno);
      }
    }
    return std::nullopt;
  }

  bool is_late() const { return steady_now() >= end_; }
  const std::string& error() const { return error_; }
  bool refused() const { return refused_; }

 private:
  bool wait_for(short event) {
    pollfd polled{.fd = socket_.get(), .events = event, .revents = 0};
    const double left = (end_ - steady_now()).milliseconds();
    if (left > 0 && ::poll(&polled, 1, static_cast<int>(left) + 1) != 0) {
      return true;
    }
    error_ = std::format("no whole answer within {}", format_duration(patience_));
    return false;
  }
  void fail_with(int error) {
    refused_ = error == ECONNREFUSED;
    error_ = refused_              ? "the connection was refused"
             : error == ECONNRESET ? "the connection was closed before a whole answer"
                                   : std::format("the connection failed: {}", std::strerror(error));
  }

  FileDescriptor socket_;
  Duration patience_;
  Duration end_;
  bool refused_ = false;
  std::string error_;
  std::array<char, 64 * 1024> buffer_{};
};

std::string words_on_wire(const HttpRequest& request) {
  std::string text =
      std::format("{} {} HTTP/1.1\r\nHost: 127.0.0.1:{}\r\nUser-Agent: runup\r\nAccept: */*\r\n",
                  request.method, request.path, request.port);
  if (!request.body.empty() || request.method == "POST") {
    text +=
        std::format("Content-Type: {}\r\nContent-Length: {}\r\n", request.content_type, request.body.size());
  }
  return text + "Connection: close\r\n\r\n" + request.body;
}

using Parser = http::response_parser<http::string_body>;

// Gives the parser what came; the error in words, empty when there is none.
std::string feed(Parser& parser, std::string& waiting) {
  while (!waiting.empty() && !parser.is_done()) {
    boost::system::error_code error;
    const std::size_t used = parser.put(boost::asio::buffer(waiting), error);
    waiting.erase(0, used);
    if (error == http::error::need_more) {
      return "";
    }
    if (error == http::error::body_limit) {
      return std::format("the answer is larger than {}", format_bytes(kMostAnswerBytes));
    }
    if (error == http::error::header_limit) {
      return std::format("the answer's headers are larger than {}", format_bytes(kMostHeaderBytes));
    }
    if (error) {
      return std::format("the answer is no HTTP/1.1: {}", error.message());
    }
    if (used == 0) {
      return "";
    }
  }
  return "";
}

// The error in words, empty for a whole answer.
std::string read_answer(Connection& connection, Parser& parser) {
  std::string waiting;
  while (!parser.is_done()) {
    const auto part = connection.receive();
    if (!part) {
      return connection.error();
    }
    if (connection.is_late()) {
      return "the answer did not end in time";
    }
    if (part->empty()) {
      boost::system::error_code error;
      if (parser.got_some()) {
        parser.put_eof(error);
      }
      return error || !parser.is_done() ? "the connection was closed before a whole answer" : "";
    }
    waiting += *part;
    if (std::string error = feed(parser, waiting); !error.empty()) {
      return error;
    }
  }
  return "";
}

}  // namespace

HttpAnswer ask_http(const HttpRequest& request) {
  HttpAnswer answer;
  Connection connection(request.port, request.patience);
  if (!connection.error().empty() || !connection.send(words_on_wire(request))) {
    answer.error = connection.error();
    answer.refused = connection.refused();
    return answer;
  }
  try {
    Parser parser;
    parser.body_limit(kMostAnswerBytes);
    parser.header_limit(kMostHeaderBytes);
    parser.eager(true);
    parser.skip(request.method == "HEAD");
    answer.error = read_answer(connection, parser);
    if (parser.is_header_done()) {
      // also of an answer that does not end: a stream of events never does
      answer.content_type = std::string(parser.get()[http::field::content_type]);
    }
    if (answer.error.empty()) {
      answer.status = parser.get().result_int();
      answer.location = std::string(parser.get()[http::field::location]);
      answer.body = std::move(parser.get().body());
    }
  } catch (const std::exception& error) {
    answer = {.error = std::format("the answer is no HTTP/1.1: {}", error.what())};
  }
  return answer;
}

}  // namespace runup
