// SPDX-License-Identifier: Apache-2.0
#include "artifact/python_repr.h"

#include <format>

#include "artifact/numpy_values.h"
#include "artifact/python_text.h"

namespace runup::artifact {

namespace {

constexpr int kDeepestRepr = 4;

class Printer {
 public:
  explicit Printer(const ObjectGraph& graph) : graph_(graph), pickle_(graph.pickle()) {}

  void print(ValueId id, int depth) {
    if (full()) {
      return;
    }
    id = graph_.unwrap(id);
    const Value& value = pickle_.at(id);
    switch (value.kind) {
      case ValueKind::none:
        out_ += "None";
        break;
      case ValueKind::boolean:
        out_ += value.boolean ? "True" : "False";
        break;
      case ValueKind::integer:
        out_ += std::to_string(value.integer);
        break;
      case ValueKind::big_integer:
        out_ += value.text.substr(0, kMostRepr + 1);
        break;
      case ValueKind::real:
        out_ += python_repr(value.real);
        break;
      case ValueKind::text:
        out_ += python_repr_text(value.text, kMostRepr * 2);
        break;
      case ValueKind::bytes:
        out_ += python_repr_bytes(value.text, kMostRepr * 2);
        break;
      case ValueKind::bytearray:
        out_ += std::format("bytearray({})", python_repr_bytes(value.text, kMostRepr * 2));
        break;
      case ValueKind::global:
        out_ += graph_.name(id);
        break;
      case ValueKind::object:
        print_object(id, depth);
        break;
      default:
        print_container(value, depth);
    }
  }

  std::string take() { return cut_text(std::move(out_)); }

 private:
  bool full() const { return out_.size() > kMostRepr; }

  void print_items(std::span<const ValueId> items, int depth) {
    for (std::size_t i = 0; i < items.size() && !full(); ++i) {
      out_ += i == 0 ? "" : ", ";
      print(items[i], depth + 1);
    }
  }

  void print_set(std::span<const ValueId> items, bool frozen, int depth) {
    if (items.empty()) {
      out_ += frozen ? "frozenset()" : "set()";
      return;
    }
    out_ += frozen ? "frozenset({" : "{";
    if (depth >= kDeepestRepr) {
      out_ += "...";
    } else {
      print_items(items, depth);
    }
    out_ += frozen ? "})" : "}";
  }

  void print_container(const Value& value, int depth) {
    std::string_view brackets = "()";
    switch (value.kind) {
      case ValueKind::list:
        brackets = "[]";
        break;
      case ValueKind::set:
      case ValueKind::frozenset:
        print_set(value.items, value.kind == ValueKind::frozenset, depth);
        return;
      case ValueKind::dict:
        brackets = "{}";
        break;
      case ValueKind::tuple:
        break;
      default:
        out_ += "<?>";
        return;
    }
    out_ += brackets[0];
    if (depth >= kDeepestRepr) {
      out_ += value.items.empty() ? "" : "...";
    } else if (value.kind == ValueKind::dict) {
      for (std::size_t i = 0; i + 1 < value.items.size() && !full(); i += 2) {
        out_ += i == 0 ? "" : ", ";
        print(value.items[i], depth + 1);
        out_ += ": ";
        print(value.items[i + 1], depth + 1);
      }
    } else {
      print_items(value.items, depth);
      out_ += value.kind == ValueKind::tuple && value.items.size() == 1 ? "," : "";
    }
    out_ += brackets[1];
  }

  void print_object(ValueId id, int depth) {
    if (const auto bytes = graph_.byte_content(id)) {
      const bool array = graph_.type_name(id) == "bytearray";
      out_ += std::format("{}{}{}", array ? "bytearray(" : "", python_repr_bytes(*bytes, kMostRepr * 2),
                          array ? ")" : "");
      return;
    }
    if (const auto scalar = read_numpy_scalar(graph_, id)) {
      out_ += scalar->repr;
      return;
    }
    const auto object = graph_.instance(id);
    if (object->known == Known::builtin_complex && object->args.size() == 2) {
      out_ += complex_text(object->args);
      return;
    }
    if (object->known == Known::builtin_set || object->known == Known::builtin_frozenset) {
      const auto items =
          object->args.empty() ? std::span<const ValueId>() : pickle_.sequence(object->args[0]);
      print_set(items, object->known == Known::builtin_frozenset, depth);
      return;
    }
    out_ += graph_.type_name(id);
    out_ += '(';
    if (depth < kDeepestRepr) {
      print_items(object->args, depth);
    }
    out_ += ')';
  }

  std::string complex_text(std::span<const ValueId> parts) const {
    const auto number = [&](ValueId id) {
      return pickle_.is(id, ValueKind::real) ? pickle_.at(id).real : 0.0;
    };
    const auto short_form = [](double value) {
      std::string text = python_repr(value);
      return text.ends_with(".0") ? text.substr(0, text.size() - 2) : text;
    };
    const std::string imaginary = short_form(number(parts[1]));
    return std::format("({}{}{}j)", short_form(number(parts[0])), imaginary.starts_with('-') ? "" : "+",
                       imaginary);
  }

  const ObjectGraph& graph_;
  const Pickle& pickle_;
  std::string out_;
};

}  // namespace

std::string value_repr(const ObjectGraph& graph, ValueId id) {
  Printer printer(graph);
  printer.print(id, 0);
  return printer.take();
}

std::string key_step(const ObjectGraph& graph, ValueId key) {
  if (const auto text = graph.pickle().text(key)) {
    return std::format(".{}", *text);
  }
  return std::format("[{}]", value_repr(graph, key));
}

}  // namespace runup::artifact
