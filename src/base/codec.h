// SPDX-License-Identifier: Apache-2.0
#pragma once

// The one JSON encoding of this project: facts, reports and plugins all use it.
//
// - non-finite numbers are the strings "NaN", "Infinity", "-Infinity" (JSON has no others)
// - text that is not valid UTF-8, and text that starts with "bytes:", is written as "bytes:" and
//   the text with each invalid byte, and each '%', as %NN; reading undoes it exactly
// - 64-bit integers are exact; durations are seconds; byte sizes are integers
// - std::optional without a value is left out of its object, and null reads as no value
// - unknown members are ignored on reading, so that a newer writer can be read

#include <cmath>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "base/duration.h"
#include "base/fields.h"
#include "base/result.h"

// compiled once, in codec.cpp
extern template class nlohmann::basic_json<nlohmann::ordered_map>;

namespace runup {

using Json = nlohmann::ordered_json;

std::string encode_text(std::string_view raw);
Result<std::string> decode_text(std::string_view encoded);
Json encode_number(double value);
Result<double> decode_number(const Json& json);

// Parses bounded JSON: at most `max_bytes` long and 100 levels deep, invalid UTF-8 refused.
Result<Json> parse_json(std::string_view text, std::size_t max_bytes);
// Compact unless `indent` >= 0. Never throws: every text in a Json made by encode() is valid UTF-8.
std::string dump_json(const Json& json, int indent = -1);

namespace codec_detail {

template <class T>
struct IsVector : std::false_type {};
template <class T>
struct IsVector<std::vector<T>> : std::true_type {};
template <class T>
struct IsOptional : std::false_type {};
template <class T>
struct IsOptional<std::optional<T>> : std::true_type {};
template <class T>
struct IsMap : std::false_type {};
template <class T>
struct IsMap<std::map<std::string, T>> : std::true_type {};

std::unexpected<Error> wrong_type(const Json& json, std::string_view expected);

}  // namespace codec_detail

// Types that have a form of their own give `Json encode_custom(const T&)` and
// `Result<void> decode_custom(const Json&, T&)`, found by ADL.
template <class T>
concept CustomCodec = requires(const T& value, T& out, const Json& json) {
  { encode_custom(value) } -> std::same_as<Json>;
  { decode_custom(json, out) } -> std::same_as<Result<void>>;
};

template <class T>
Json encode(const T& value);
template <class T>
Result<void> decode_into(const Json& json, T& out);

// The JSON form of a struct with a table. That of a large one is thousands of functions: where many sources need it,
// its header says `extern template struct StructCodec<T>;` and one source file `template struct StructCodec<T>;`.
template <class T>
struct StructCodec {
  static Json write(const T& value);
  static Result<void> read(const Json& json, T& out);
};

template <class T>
Result<T> decode(const Json& json) {
  T value{};
  if (auto ok = decode_into(json, value); !ok) {
    return std::unexpected(ok.error());
  }
  return value;
}

template <class T>
Json encode(const T& value) {
  using namespace codec_detail;
  if constexpr (CustomCodec<T>) {
    return encode_custom(value);
  } else if constexpr (std::is_same_v<T, Json> || std::is_same_v<T, bool>) {
    return value;
  } else if constexpr (std::is_same_v<T, Duration>) {
    return value.seconds();
  } else if constexpr (std::is_same_v<T, ByteSize>) {
    return value.bytes;
  } else if constexpr (NamedEnum<T>) {
    return std::string(enum_name(value));
  } else if constexpr (std::is_integral_v<T>) {
    return value;
  } else if constexpr (std::is_floating_point_v<T>) {
    return encode_number(value);
  } else if constexpr (std::is_same_v<T, std::string>) {
    return encode_text(value);
  } else if constexpr (IsOptional<T>::value) {
    return value ? encode(*value) : Json(nullptr);
  } else if constexpr (IsVector<T>::value) {
    Json array = Json::array();
    for (const auto& item : value) {
      array.push_back(encode(item));
    }
    return array;
  } else if constexpr (IsMap<T>::value) {
    Json object = Json::object();
    for (const auto& [key, item] : value) {
      object[encode_text(key)] = encode(item);
    }
    return object;
  } else {
    static_assert(Described<T>, "give this type a fields() table");
    return StructCodec<T>::write(value);
  }
}

template <class T>
Result<void> decode_into(const Json& json, T& out) {
  using namespace codec_detail;
  if constexpr (CustomCodec<T>) {
    return decode_custom(json, out);
  } else if constexpr (std::is_same_v<T, Json>) {
    out = json;
    return {};
  } else if constexpr (std::is_same_v<T, bool>) {
    if (!json.is_boolean()) {
      return wrong_type(json, "true or false");
    }
    out = json.get<bool>();
    return {};
  } else if constexpr (std::is_same_v<T, Duration>) {
    auto seconds = decode_number(json);
    if (!seconds || !std::isfinite(*seconds)) {
      return wrong_type(json, "a number of seconds");
    }
    out = Duration::from_seconds(*seconds);
    return {};
  } else if constexpr (std::is_same_v<T, ByteSize>) {
    return decode_into(json, out.bytes);
  } else if constexpr (NamedEnum<T>) {
    if (json.is_string()) {
      for (const auto& [candidate, name] : enum_names(T{})) {
        if (name == json.template get_ref<const std::string&>()) {
          out = candidate;
          return {};
        }
      }
    }
    return wrong_type(json, "one of the names of this enum");
  } else if constexpr (std::is_integral_v<T>) {
    if (json.is_number_unsigned() && std::in_range<T>(json.get<std::uint64_t>())) {
      out = static_cast<T>(json.get<std::uint64_t>());
      return {};
    }
    if (json.is_number_integer() && !json.is_number_unsigned() &&
        std::in_range<T>(json.get<std::int64_t>())) {
      out = static_cast<T>(json.get<std::int64_t>());
      return {};
    }
    return wrong_type(json, "an integer in range");
  } else if constexpr (std::is_floating_point_v<T>) {
    auto number = decode_number(json);
    if (!number) {
      return std::unexpected(number.error());
    }
    out = static_cast<T>(*number);
    return {};
  } else if constexpr (std::is_same_v<T, std::string>) {
    if (!json.is_string()) {
      return wrong_type(json, "text");
    }
    auto text = decode_text(json.template get_ref<const std::string&>());
    if (!text) {
      return std::unexpected(text.error());
    }
    out = std::move(*text);
    return {};
  } else if constexpr (IsOptional<T>::value) {
    if (json.is_null()) {
      out.reset();
      return {};
    }
    return decode_into(json, out.emplace());
  } else if constexpr (IsVector<T>::value) {
    if (!json.is_array()) {
      return wrong_type(json, "a list");
    }
    out.clear();
    out.reserve(json.size());
    for (const auto& item : json) {
      typename T::value_type value{};
      if (auto ok = decode_into(item, value); !ok) {
        return wrap(ok.error(), "in item " + std::to_string(out.size()));
      }
      out.push_back(std::move(value));
    }
    return {};
  } else if constexpr (IsMap<T>::value) {
    if (!json.is_object()) {
      return wrong_type(json, "an object");
    }
    out.clear();
    for (const auto& [key, item] : json.items()) {
      auto name = decode_text(key);
      if (!name) {
        return std::unexpected(name.error());
      }
      if (auto ok = decode_into(item, out[*name]); !ok) {
        return wrap(ok.error(), "in `" + key + "`");
      }
    }
    return {};
  } else {
    static_assert(Described<T>, "give this type a fields() table");
    return StructCodec<T>::read(json, out);
  }
}

template <class T>
Json StructCodec<T>::write(const T& value) {
  Json object = Json::object();
  for_each_field<T>([&](const auto& field) {
    const auto& member = value.*field.member;
    if constexpr (codec_detail::IsOptional<std::remove_cvref_t<decltype(member)>>::value) {
      if (!member) {
        return;
      }
    }
    object[std::string(field.name)] = encode(member);
  });
  return object;
}

template <class T>
Result<void> StructCodec<T>::read(const Json& json, T& out) {
  using namespace codec_detail;
  if (!json.is_object()) {
    return wrong_type(json, "an object");
  }
  Result<void> outcome;
  for_each_field<T>([&](const auto& field) {
    if (!outcome) {
      return;
    }
    auto found = json.find(std::string(field.name));
    if (found == json.end()) {
      if (field.rule.required) {
        outcome = fail(ErrorCode::bad_input, "`" + std::string(field.name) + "` is missing");
      }
      // Left out means "no value" for an optional, whatever its default is.
      if constexpr (IsOptional<std::remove_cvref_t<decltype(out.*field.member)>>::value) {
        (out.*field.member).reset();
      }
      return;
    }
    if (auto ok = decode_into(*found, out.*field.member); !ok) {
      outcome = wrap(ok.error(), "in `" + std::string(field.name) + "`");
    }
  });
  return outcome;
}

}  // namespace runup
