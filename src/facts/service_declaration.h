// SPDX-License-Identifier: Apache-2.0
#pragma once

// What the config says of the running service. Its paths are absolute after planning.

#include <array>
#include <map>
#include <optional>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "base/codec.h"
#include "base/schema.h"

namespace runup {

// What the started service may reach: nothing (`none`), or the addresses of `allow`.
struct NetworkDeclaration {
  // HOST:PORT
  std::vector<std::string> allow;
  bool operator==(const NetworkDeclaration&) const = default;
};
Json encode_custom(const NetworkDeclaration& network);
Result<void> decode_custom(const Json& json, NetworkDeclaration& out);
template <>
struct CustomType<NetworkDeclaration> {
  static TypeInfo make();
};

struct PredictDeclaration {
  std::string path;
  std::string body;
  // what the answer must name, one of its JSON strings
  std::string label;
  bool operator==(const PredictDeclaration&) const = default;
  static constexpr auto fields() {
    return std::tuple{
        Field{"path", &PredictDeclaration::path, "the URL path that answers a prediction, such as `/predict`",
              Rule{.required = true, .min = 1}},
        Field{"body", &PredictDeclaration::body,
              "file with a request body that must succeed, relative to this config",
              Rule{.required = true, .min = 1}},
        Field{"label", &PredictDeclaration::label, "the label that the answer to `body` must name"}};
  }
};

// What a service promises to do when its model cannot be loaded.
enum class OnMissingModel { unhealthy, exit, fallback };
constexpr auto enum_names(OnMissingModel) {
  using enum OnMissingModel;
  return std::array<std::pair<OnMissingModel, std::string_view>, 3>{
      {{unhealthy, "unhealthy"}, {exit, "exit"}, {fallback, "fallback"}}};
}

struct ServiceDeclaration {
  std::string command;
  std::map<std::string, std::string> env;
  std::string env_file;
  NetworkDeclaration network;
  // `tcp:6379`, `tcp:redis:6379`: a listener on the service's own loopback that accepts and stays silent, also found by
  // that name
  std::vector<std::string> stubs;
  // a URL path, or `:PORT/PATH` where health is on another port
  std::string liveness;
  std::string readiness;
  std::optional<PredictDeclaration> predict;
  // nothing: either `unhealthy` or `exit` will do
  std::optional<OnMissingModel> on_missing_model;
  bool operator==(const ServiceDeclaration&) const = default;
  static constexpr auto fields() {
    return std::tuple{
        Field{"command", &ServiceDeclaration::command,
              "starts the server; `{host}` and `{port}` are filled in; without it uvicorn with the entry "
              "point's "
              "application"},
        Field{"env", &ServiceDeclaration::env, "environment variables of the server"},
        Field{"env_file", &ServiceDeclaration::env_file, "file of NAME=value lines, relative to this config"},
        Field{"network", &ServiceDeclaration::network,
              "`none`, or {allow: [HOST:PORT, ...]} for what the server needs at start-up"},
        Field{"stubs", &ServiceDeclaration::stubs,
              "`tcp:PORT` or `tcp:HOST:PORT` for what the server connects to at start-up and needs no answer "
              "from"},
        Field{"liveness", &ServiceDeclaration::liveness, "URL path that should stay 200 without a model"},
        Field{"readiness", &ServiceDeclaration::readiness,
              "URL path that must tell whether predictions work"},
        Field{"predict", &ServiceDeclaration::predict, "one prediction that must succeed"},
        Field{"on_missing_model", &ServiceDeclaration::on_missing_model,
              "what the service promises to do without its model"}};
  }
};

extern template struct StructCodec<ServiceDeclaration>;

}  // namespace runup
