// SPDX-License-Identifier: Apache-2.0
#include "daemon/http_server.h"

#include <sys/stat.h>
#include <unistd.h>

#include <charconv>
#include <chrono>
#include <format>
#include <optional>
#include <string_view>
#include <utility>

#include <boost/asio/write.hpp>
#include <boost/beast/core/basic_stream.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>

#include "base/codec.h"
#include "base/text.h"

namespace runup {

namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;

using Stream = beast::basic_stream<asio::generic::stream_protocol>;

// Of one connection, so that none is kept for ever.
constexpr int kMostRequests = 1000;

std::string error_body(std::string_view text) { return dump_json(Json{{"error", text}}) + "\n"; }

constexpr std::chrono::milliseconds kRetry{200};

// The whole of sockaddr_un's path, less its end.
constexpr std::size_t kMostSocketPath = 107;

bool somebody_listens(const std::string& path) {
  asio::io_context io;
  asio::local::stream_protocol::socket socket(io);
  boost::system::error_code error;
  socket.connect(asio::local::stream_protocol::endpoint(path), error);
  return !error;
}

}  // namespace

// One connection: reads a request, answers, and again.
class HttpServer::Client : public std::enable_shared_from_this<HttpServer::Client> {
 public:
  Client(HttpServer& server, asio::generic::stream_protocol::socket socket)
      : server_(server), stream_(std::move(socket)) {
    ++server_.clients_;
  }
  ~Client() { --server_.clients_; }
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;
  Client(Client&&) = delete;
  Client& operator=(Client&&) = delete;

  void read() {
    parser_.emplace();
    parser_->header_limit(kMostHeaderBytes);
    parser_->body_limit(kMostBodyBytes);
    stream_.expires_after(std::chrono::nanoseconds(kPatience.nanoseconds));
    http::async_read(
        stream_, buffer_, *parser_,
        [self = shared_from_this()](const beast::error_code& error, std::size_t) { self->answer(error); });
  }

  void refuse(unsigned status, std::string_view text) {
    write({.status = status, .body = error_body(text)}, false, false);
  }

 private:
  void answer(const beast::error_code& error) {
    if (error == http::error::end_of_stream || error == beast::error::timeout ||
        error == asio::error::operation_aborted || error == asio::error::connection_reset) {
      return;
    }
    if (error == http::error::header_limit) {
      return refuse(431, std::format("the header is longer than {}", format_bytes(kMostHeaderBytes)));
    }
    if (error == http::error::body_limit) {
      return refuse(413,
                    std::format("the body is longer than {}; expected none", format_bytes(kMostBodyBytes)));
    }
    if (error) {
      return refuse(400, std::format("no HTTP request: {}", error.message()));
    }
    const auto& request = parser_->get();
    const std::string target(request.target());
    const HttpQuestion question{.method = std::string(request.method_string()),
                                .path = target.substr(0, target.find_first_of("?#")),
                                .from_page = request.find(http::field::origin) != request.end()};
    const bool keep = request.keep_alive() && ++requests_ < kMostRequests;
    write(server_.handler_(question), keep, request.method() == http::verb::head);
  }

  void write(const HttpReply& reply, bool keep, bool head) {
    answer_ = std::format(
        "HTTP/1.1 {} {}\r\nContent-Type: {}\r\nCache-Control: no-store\r\n{}Content-Length: "
        "{}\r\nConnection: {}\r\n\r\n{}",
        reply.status, std::string_view(http::obsolete_reason(static_cast<http::status>(reply.status))),
        reply.content_type, reply.allow.empty() ? "" : std::format("Allow: {}\r\n", reply.allow),
        reply.body.size(), keep ? "keep-alive" : "close", head ? "" : reply.body);
    stream_.expires_after(std::chrono::nanoseconds(kPatience.nanoseconds));
    asio::async_write(stream_, asio::buffer(answer_),
                      [self = shared_from_this(), keep](const beast::error_code& error, std::size_t) {
                        if (!error && keep) {
                          self->read();
                        } else {
                          beast::error_code ignored;
                          self->stream_.socket().shutdown(asio::socket_base::shutdown_send, ignored);
                        }
                      });
  }

  HttpServer& server_;
  Stream stream_;
  beast::flat_buffer buffer_{kMostHeaderBytes + kMostBodyBytes};
  std::optional<http::request_parser<http::string_body>> parser_;
  std::string answer_;
  int requests_ = 0;
};

HttpServer::HttpServer(asio::io_context& io, Handler handler)
    : io_(io), handler_(std::move(handler)), retry_(io) {}

HttpServer::~HttpServer() { close(); }

void HttpServer::close() {
  boost::system::error_code ignored;
  retry_.cancel();
  if (unix_) {
    unix_->close(ignored);
    unix_.reset();
    ::unlink(unix_path_.c_str());
  }
  for (auto& acceptor : tcp_) {
    acceptor.close(ignored);
  }
  tcp_.clear();
}

void HttpServer::take(asio::generic::stream_protocol::socket socket) {
  const bool full = clients_ >= kMostClients;
  const auto client = std::make_shared<Client>(*this, std::move(socket));
  if (full) {
    client->refuse(503, std::format("{} clients are connected; try again", kMostClients));
  } else {
    client->read();
  }
}

template <class Acceptor>
void HttpServer::accept(Acceptor& acceptor) {
  acceptor.async_accept([this, &acceptor](const boost::system::error_code& error, auto socket) {
    if (error == asio::error::operation_aborted || !acceptor.is_open()) {
      return;
    }
    if (!error) {
      take(std::move(socket));
      accept(acceptor);
      return;
    }
    // No descriptor is left, most likely: one is soon, since clients have their time.
    retry_.expires_after(kRetry);
    retry_.async_wait([this, &acceptor](const boost::system::error_code& stopped) {
      if (!stopped && acceptor.is_open()) {
        accept(acceptor);
      }
    });
  });
}

Result<void> HttpServer::listen_unix(const std::string& path) {
  if (path.size() > kMostSocketPath) {
    return fail(ErrorCode::limit, std::format("the socket's path `{}` has {} bytes; a Unix socket takes {}",
                                              path, path.size(), kMostSocketPath));
  }
  struct stat status{};
  if (::lstat(path.c_str(), &status) == 0) {
    if (!S_ISSOCK(status.st_mode)) {
      return fail(ErrorCode::bad_input,
                  std::format("`{}` is there and no socket; give `--socket` another path", path));
    }
    if (somebody_listens(path)) {
      return fail(ErrorCode::bad_input,
                  std::format("somebody listens on `{}` already; is a runupd running?", path));
    }
    ::unlink(path.c_str());
  }
  boost::system::error_code error;
  unix_ = std::make_unique<asio::local::stream_protocol::acceptor>(io_);
  const mode_t before = ::umask(0117);
  unix_->open(asio::local::stream_protocol(), error);
  if (!error) {
    unix_->bind(asio::local::stream_protocol::endpoint(path), error);
  }
  ::umask(before);
  if (!error) {
    unix_->listen(asio::socket_base::max_listen_connections, error);
  }
  if (error) {
    unix_.reset();
    return fail(ErrorCode::system, std::format("cannot listen on `{}`: {}", path, error.message()));
  }
  unix_path_ = path;
  accept(*unix_);
  return {};
}

Result<void> HttpServer::listen_tcp(const std::string& address) {
  const std::size_t colon = address.rfind(':');
  std::string host = address.substr(0, colon == std::string::npos ? 0 : colon);
  if (host.starts_with('[') && host.ends_with(']')) {
    host = host.substr(1, host.size() - 2);
  }
  std::uint16_t port = 0;
  const std::string_view digits =
      colon == std::string::npos ? "" : std::string_view(address).substr(colon + 1);
  const auto [end, wrong] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
  boost::system::error_code error;
  const auto ip = asio::ip::make_address(host == "localhost" ? "127.0.0.1" : host, error);
  if (error || wrong != std::errc{} || end != digits.data() + digits.size()) {
    return fail(ErrorCode::bad_input,
                std::format("`{}` is no address; expected one such as `127.0.0.1:9187`", address));
  }
  if (!ip.is_loopback()) {
    return fail(
        ErrorCode::bad_input,
        std::format(
            "`{}` can be reached from other hosts, and runupd has no passwords; expected a loopback address "
            "such as `127.0.0.1:9187`, with a proxy before it where others shall ask",
            address));
  }
  auto& acceptor = tcp_.emplace_back(io_);
  acceptor.open(ip.is_v6() ? asio::ip::tcp::v6() : asio::ip::tcp::v4(), error);
  if (!error) {
    acceptor.set_option(asio::socket_base::reuse_address(true), error);
    acceptor.bind({ip, port}, error);
  }
  if (!error) {
    acceptor.listen(asio::socket_base::max_listen_connections, error);
  }
  if (error) {
    tcp_.pop_back();
    return fail(ErrorCode::system, std::format("cannot listen on `{}`: {}", address, error.message()));
  }
  accept(acceptor);
  return {};
}

}  // namespace runup
