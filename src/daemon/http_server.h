// SPDX-License-Identifier: Apache-2.0
#pragma once

// A small HTTP/1.1 server on one thread. Clients may be slow, wrong or many: a request has kMostHeaderBytes and
// kMostBodyBytes, kPatience to arrive and as long to be taken, and kMostClients at a time; all else is answered with an
// error and closed.

#include <cstddef>
#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <string>

#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/steady_timer.hpp>

#include "base/duration.h"
#include "base/result.h"

namespace runup {

struct HttpQuestion {
  // `GET`
  std::string method;
  // without the query; as it was sent, not decoded
  std::string path;
  // a web page of somebody asked (it has an `Origin`)
  bool from_page = false;
};

struct HttpReply {
  unsigned status = 200;
  std::string body;
  std::string content_type = "application/json";
  // of 405
  std::string allow;
};

class HttpServer {
 public:
  static constexpr std::size_t kMostHeaderBytes = 8 * 1024;
  static constexpr std::size_t kMostBodyBytes = 4 * 1024;
  static constexpr std::size_t kMostClients = 64;
  static constexpr Duration kPatience = Duration::from_milliseconds(10'000);

  using Handler = std::function<HttpReply(const HttpQuestion&)>;
  HttpServer(boost::asio::io_context& io, Handler handler);
  ~HttpServer();
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;
  HttpServer(HttpServer&&) = delete;
  HttpServer& operator=(HttpServer&&) = delete;

  // A socket of mode 0660. One that is left over from a process that is gone is replaced; one that somebody listens on
  // is an error.
  Result<void> listen_unix(const std::string& path);
  // `127.0.0.1:9187`, `[::1]:9187`; addresses that others can reach are an error.
  Result<void> listen_tcp(const std::string& address);
  // Closes all, and removes the socket.
  void close();

 private:
  class Client;
  template <class Acceptor>
  void accept(Acceptor& acceptor);
  void take(boost::asio::generic::stream_protocol::socket socket);

  boost::asio::io_context& io_;
  Handler handler_;
  std::size_t clients_ = 0;
  boost::asio::steady_timer retry_;
  std::string unix_path_;
  std::unique_ptr<boost::asio::local::stream_protocol::acceptor> unix_;
  std::list<boost::asio::ip::tcp::acceptor> tcp_;
};

}  // namespace runup
