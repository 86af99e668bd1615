// SPDX-License-Identifier: Apache-2.0
#include "artifact/numpy_values.h"

#include <algorithm>
#include <array>
#include <bit>
#include <charconv>
#include <cmath>
#include <format>
#include <limits>

#include "artifact/python_repr.h"
#include "artifact/python_text.h"
#include "base/text.h"

namespace runup::artifact {

namespace {

// One element in the machine's byte order.
template <class T>
T load_number(std::string_view bytes, bool big_endian) {
  std::array<char, sizeof(T)> raw{};
  bytes.substr(0, sizeof(T)).copy(raw.data(), sizeof(T));
  if (big_endian) {
    std::ranges::reverse(raw);
  }
  return std::bit_cast<T>(raw);
}

double half_to_double(std::uint16_t bits) {
  const int exponent = (bits >> 10U) & 0x1F;
  const int mantissa = bits & 0x3FF;
  const double sign = (bits & 0x8000U) != 0 ? -1 : 1;
  if (exponent == 31) {
    return mantissa == 0 ? sign * std::numeric_limits<double>::infinity()
                         : std::numeric_limits<double>::quiet_NaN();
  }
  return sign * (exponent == 0 ? std::ldexp(mantissa, -24) : std::ldexp(mantissa + 1024, exponent - 25));
}

std::optional<double> read_float(std::string_view bytes, bool big) {
  switch (bytes.size()) {
    case 2:
      return half_to_double(load_number<std::uint16_t>(bytes, big));
    case 4:
      return static_cast<double>(load_number<float>(bytes, big));
    case 8:
      return load_number<double>(bytes, big);
    default:
      return std::nullopt;
  }
}

std::optional<std::string> read_integer(std::string_view bytes, const NumpyType& type) {
  const bool is_signed = type.kind == 'i';
  const bool big = type.big_endian;
  switch (bytes.size()) {
    case 1:
      return is_signed ? std::to_string(load_number<std::int8_t>(bytes, big))
                       : std::to_string(load_number<std::uint8_t>(bytes, big));
    case 2:
      return is_signed ? std::to_string(load_number<std::int16_t>(bytes, big))
                       : std::to_string(load_number<std::uint16_t>(bytes, big));
    case 4:
      return is_signed ? std::to_string(load_number<std::int32_t>(bytes, big))
                       : std::to_string(load_number<std::uint32_t>(bytes, big));
    case 8:
      return is_signed ? std::to_string(load_number<std::int64_t>(bytes, big))
                       : std::to_string(load_number<std::uint64_t>(bytes, big));
    default:
      return std::nullopt;
  }
}

// UCS-4, padded with zeros.
std::string read_unicode(std::string_view bytes, bool big) {
  std::string out;
  std::size_t used = bytes.size() / 4;
  while (used > 0 && load_number<std::uint32_t>(bytes.substr((used - 1) * 4), big) == 0) {
    --used;
  }
  for (std::size_t i = 0; i < used; ++i) {
    const auto code = load_number<std::uint32_t>(bytes.substr(i * 4), big);
    append_utf8(out, code > 0x10FFFF ? 0xFFFD : code);
  }
  return out;
}

std::string_view strip_zeros(std::string_view bytes) {
  const std::size_t last = bytes.find_last_not_of('\0');
  return bytes.substr(0, last == std::string_view::npos ? 0 : last + 1);
}

// As Python prints the element; with `plain`, text without quotes.
std::string element_text(const NumpyType& type, std::string_view bytes, bool plain) {
  switch (type.kind) {
    case 'b':
      return !bytes.empty() && bytes[0] != 0 ? "True" : "False";
    case 'i':
    case 'u':
      return read_integer(bytes, type).value_or("?");
    case 'f': {
      const auto value = read_float(bytes, type.big_endian);
      return value ? python_repr(*value) : "?";
    }
    case 'U': {
      std::string text = read_unicode(bytes, type.big_endian);
      return plain ? text : python_repr_text(text);
    }
    case 'S':
      return plain ? std::string(strip_zeros(bytes)) : python_repr_bytes(strip_zeros(bytes));
    default:
      return std::format("<{} bytes of {}>", bytes.size(), type.name());
  }
}

Read<void> set_shape(NumpyArray& array, const ObjectGraph& graph, ValueId shape, ValueId type) {
  const auto sizes = graph.integers(shape);
  const auto element = read_numpy_type(graph, type);
  const auto count = sizes ? element_count(*sizes) : std::nullopt;
  if (!sizes || !element || !count) {
    return problem(DefectKind::malformed, !element ? "a numpy array has no dtype that is known"
                                                   : "a numpy array has no valid shape");
  }
  array.type = *element;
  array.shape = *sizes;
  array.elements = *count;
  return {};
}

Read<void> set_content(NumpyArray& array, const ObjectGraph& graph, ValueId content) {
  const Pickle& pickle = graph.pickle();
  if (array.type.kind == 'O') {
    const auto items = pickle.sequence(content);
    array.objects.assign(items.begin(), items.end());
    return array.objects.size() == array.elements
               ? Read<void>()
               : problem(DefectKind::malformed, std::format("a numpy array of {} objects holds {}",
                                                            array.elements, array.objects.size()));
  }
  if (content != kNoValue &&
      (pickle.is(content, ValueKind::bytes) || pickle.is(content, ValueKind::bytearray) ||
       pickle.is(content, ValueKind::text))) {
    array.data = pickle.at(content).text;
  } else if (auto bytes = graph.byte_content(content)) {
    array.owned = std::move(*bytes);
  } else {
    return problem(DefectKind::malformed, "a numpy array holds no bytes");
  }
  const std::uint64_t there = array.bytes().size();
  const bool fits = array.type.item_bytes == 0 ? there == 0
                                               : there % array.type.item_bytes == 0 &&
                                                     there / array.type.item_bytes == array.elements;
  return fits ? Read<void>()
              : problem(DefectKind::malformed,
                        std::format("a numpy array `{}` holds {} bytes", array.describe(), there));
}

Read<NumpyArray> from_parts(const ObjectGraph& graph, ValueId shape, ValueId type, bool fortran,
                            ValueId content) {
  NumpyArray array;
  array.fortran = fortran;
  auto ok = set_shape(array, graph, shape, type);
  if (ok) {
    ok = set_content(array, graph, content);
  }
  if (!ok) {
    return std::unexpected(ok.error());
  }
  return array;
}

}  // namespace

std::string NumpyType::name() const {
  const std::uint64_t bits = item_bytes * 8;
  switch (kind) {
    case 'b':
      return "bool";
    case 'i':
      return std::format("int{}", bits);
    case 'u':
      return std::format("uint{}", bits);
    case 'f':
      return std::format("float{}", bits);
    case 'c':
      return std::format("complex{}", bits);
    case 'U':
      return "str";
    case 'S':
      return "bytes";
    case 'O':
      return "object";
    case 'M':
      return "datetime64";
    case 'm':
      return "timedelta64";
    default:
      return "void";
  }
}

std::optional<NumpyType> parse_numpy_type(std::string_view code) {
  NumpyType type;
  if (!code.empty() && std::string_view("<>|=").contains(code.front())) {
    type.big_endian = code.front() == '>';
    code.remove_prefix(1);
  }
  if (code.empty() || !std::string_view("biufcmMOSUV?").contains(code.front())) {
    return std::nullopt;
  }
  type.kind = code.front() == '?' ? 'b' : code.front();
  code =
      code.substr(1, code.find('[') == std::string_view::npos ? std::string_view::npos : code.find('[') - 1);
  std::uint64_t count = type.kind == 'O' || type.kind == 'm' || type.kind == 'M' ? 8
                        : type.kind == 'b'                                       ? 1
                                                                                 : 0;
  if (!code.empty()) {
    const auto [end, error] = std::from_chars(code.data(), code.data() + code.size(), count);
    if (error != std::errc() || end != code.data() + code.size() || count > (std::uint64_t{1} << 31U)) {
      return std::nullopt;
    }
  }
  type.item_bytes = type.kind == 'U' ? count * 4 : count;
  return type;
}

std::optional<NumpyType> read_numpy_type(const ObjectGraph& graph, ValueId id) {
  const Pickle& pickle = graph.pickle();
  const auto call = id == kNoValue ? std::nullopt : graph.instance(id);
  if (!call || call->known != Known::numpy_dtype || call->args.empty()) {
    return std::nullopt;
  }
  const auto code = pickle.text(call->args[0]);
  auto type = code ? parse_numpy_type(*code) : std::nullopt;
  if (!type || call->object->states.empty()) {
    return type;
  }
  // (version, byte order, subarray, names, fields, item size, alignment, flags, ...)
  const auto state = pickle.sequence(call->object->states.back());
  if (state.size() >= 6) {
    type->big_endian = pickle.text(state[1]) == ">";
    const auto size = pickle.integer(state[5]);
    if ((type->kind == 'V' || type->kind == 'U' || type->kind == 'S') && size && *size >= 0 &&
        *size < (1LL << 31)) {
      type->item_bytes = static_cast<std::uint64_t>(*size);
    }
  }
  return type;
}

std::string NumpyArray::describe() const { return std::format("{} {}", type.name(), shape_text(shape)); }

std::optional<Read<NumpyArray>> read_numpy_array(const ObjectGraph& graph, ValueId id) {
  const Pickle& pickle = graph.pickle();
  const auto call = graph.instance(id);
  if (!call) {
    return std::nullopt;
  }
  if (call->known == Known::numpy_frombuffer) {
    // (buffer, dtype, shape, order)
    if (call->args.size() != 4) {
      return problem(DefectKind::malformed, "numpy's _frombuffer needs 4 arguments");
    }
    return from_parts(graph, call->args[2], call->args[1], pickle.text(call->args[3]) == "F", call->args[0]);
  }
  const ValueId state = call->object->states.empty() ? kNoValue : call->object->states.back();
  if (call->known == Known::numpy_reconstruct) {
    // (version, shape, dtype, fortran order, content)
    const auto parts = pickle.sequence(state);
    if (parts.size() != 5) {
      return problem(DefectKind::malformed, "a numpy array has no state");
    }
    return from_parts(graph, parts[1], parts[2], pickle.truth(parts[3]), parts[4]);
  }
  if (call->known == Known::joblib_array) {
    const ValueId payload = call->object->payload;
    // An array of objects is pickled as an ndarray of its own.
    const auto inner = payload == kNoValue ? std::nullopt : graph.instance(payload);
    if (inner && inner->known != Known::joblib_array) {
      return read_numpy_array(graph, payload);
    }
    return from_parts(graph, pickle.entry(state, "shape"), pickle.entry(state, "dtype"),
                      pickle.text(pickle.entry(state, "order")) == "F", payload);
  }
  return std::nullopt;
}

std::optional<NumpyScalar> read_numpy_scalar(const ObjectGraph& graph, ValueId id) {
  const auto call = graph.instance(id);
  if (!call || call->known != Known::numpy_scalar || call->args.empty()) {
    return std::nullopt;
  }
  const auto type = read_numpy_type(graph, call->args[0]);
  if (!type) {
    return std::nullopt;
  }
  NumpyScalar scalar{.type = *type, .repr = "?"};
  if (call->args.size() < 2) {
    return scalar;
  }
  if (type->kind == 'O') {
    // Not entered: the object may hold this very scalar.
    scalar.repr = graph.type_name(call->args[1]);
  } else if (const auto bytes = graph.byte_content(call->args[1]);
             bytes && bytes->size() == type->item_bytes) {
    scalar.repr = element_text(*type, *bytes, false);
  }
  return scalar;
}

std::string numpy_label(const ObjectGraph& graph, const NumpyArray& array, std::uint64_t index) {
  if (array.type.kind == 'O') {
    const ValueId item = array.objects[index];
    const auto text = graph.pickle().text(item);
    return text ? std::string(*text) : value_repr(graph, item);
  }
  return element_text(array.type, array.bytes().substr(index * array.type.item_bytes, array.type.item_bytes),
                      true);
}

std::optional<std::uint64_t> element_count(std::span<const std::int64_t> shape) {
  std::uint64_t count = 1;
  bool empty = false;
  for (const std::int64_t size : shape) {
    if (size < 0) {
      return std::nullopt;
    }
    empty = empty || size == 0;
    if (size != 0 && count > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max() / size)) {
      return std::nullopt;
    }
    count *= size == 0 ? 1 : static_cast<std::uint64_t>(size);
  }
  return empty ? 0 : count;
}

}  // namespace runup::artifact
