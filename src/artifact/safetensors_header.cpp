// SPDX-License-Identifier: Apache-2.0
#include "artifact/safetensors_header.h"

#include <format>
#include <unordered_set>

#include <nlohmann/json.hpp>

#include "base/text.h"

namespace runup::artifact {

namespace {

constexpr std::size_t kMostHeaderTensors = 200'000;
constexpr std::size_t kMostHeaderAxes = 64;

// Receives the parser's events; each answer `false` ends the parse with `why`.
class HeaderEvents {
 public:
  SafetensorsHeader header;
  Problem why;

  bool null() { return refuse("null"); }
  bool boolean(bool) { return refuse("true or false"); }
  bool number_integer(std::int64_t value) { return refuse(std::to_string(value)); }
  bool number_float(double value, const std::string&) { return refuse(std::to_string(value)); }
  bool binary(nlohmann::json::binary_t&) { return refuse("binary data"); }

  bool number_unsigned(std::uint64_t value) {
    if (place_ != Place::shape && place_ != Place::offsets) {
      return refuse(std::to_string(value));
    }
    std::vector<std::uint64_t>& list = place_ == Place::shape ? entry().shape : entry().offsets;
    if (list.size() >= kMostHeaderAxes) {
      return refuse("a list of too many numbers");
    }
    list.push_back(value);
    return true;
  }

  bool string(std::string& value) {
    if (place_ == Place::metadata) {
      header.metadata.emplace_back(key_, value);
      return true;
    }
    if (place_ != Place::tensor || key_ != "dtype") {
      return refuse("a text");
    }
    entry().dtype = value;
    return true;
  }

  bool start_object(std::size_t) {
    if (place_ == Place::nothing) {
      place_ = Place::root;
      return true;
    }
    if (place_ != Place::root) {
      return refuse("an object");
    }
    if (key_ == "__metadata__") {
      place_ = Place::metadata;
      return true;
    }
    if (header.tensors.size() >= kMostHeaderTensors) {
      why = {.kind = DefectKind::over_limit,
             .message = std::format("more than {} tensors", kMostHeaderTensors)};
      return false;
    }
    place_ = Place::tensor;
    members_.clear();
    header.tensors.push_back({.name = key_});
    return true;
  }

  bool key(std::string& value) {
    auto& known = place_ == Place::root ? names_ : place_ == Place::metadata ? metadata_names_ : members_;
    if (!known.insert(value).second) {
      why = {.message = std::format("`{}` stands twice in the header", printable(value))};
      return false;
    }
    if (place_ == Place::tensor && value != "dtype" && value != "shape" && value != "data_offsets") {
      why = {.message =
                 std::format("`{}` is no member of a tensor: dtype, shape, data_offsets", printable(value))};
      return false;
    }
    key_ = value;
    return true;
  }

  bool end_object() {
    if (place_ == Place::tensor && members_.size() != 3) {
      return refuse("a tensor without dtype, shape or data_offsets");
    }
    place_ = place_ == Place::root ? Place::nothing : Place::root;
    return true;
  }

  bool start_array(std::size_t) {
    if (place_ != Place::tensor || key_ == "dtype") {
      return refuse("a list");
    }
    place_ = key_ == "shape" ? Place::shape : Place::offsets;
    return true;
  }

  bool end_array() {
    place_ = Place::tensor;
    return true;
  }

  bool parse_error(std::size_t position, const std::string&, const nlohmann::detail::exception&) {
    why = {.message = std::format("the header is no valid JSON at byte {}", position)};
    return false;
  }

  // The tensor whose description was being read when it ended.
  std::string current() const {
    return header.tensors.empty() || place_ == Place::root ? "" : header.tensors.back().name;
  }

 private:
  enum class Place { nothing, root, metadata, tensor, shape, offsets };

  SafetensorsEntry& entry() { return header.tensors.back(); }

  bool refuse(std::string_view what) {
    const std::string where = current().empty() ? key_ : current();
    why = {.message = std::format("the header has {} in `{}`, where none may stand", what, printable(where))};
    return false;
  }

  Place place_ = Place::nothing;
  std::string key_;
  std::unordered_set<std::string> names_;
  std::unordered_set<std::string> metadata_names_;
  std::unordered_set<std::string> members_;
};

}  // namespace

Read<SafetensorsHeader> read_safetensors_header(std::string_view json) {
  HeaderEvents events;
  if (!nlohmann::json::sax_parse(json, &events)) {
    return std::unexpected(events.why);
  }
  return std::move(events.header);
}

}  // namespace runup::artifact
