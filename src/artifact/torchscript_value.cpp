// SPDX-License-Identifier: Apache-2.0
#include "artifact/torchscript_value.h"

#include <algorithm>
#include <format>

namespace runup::artifact::script {

namespace {

constexpr int kDeepestInKey = 4;
constexpr std::size_t kMostInKey = 64;

bool same(const Fact& a, const Fact& b) {
  if (a.kind != b.kind || a.boolean != b.boolean || a.owner != b.owner || a.object != b.object ||
      a.integer != b.integer || a.text() != b.text()) {
    return false;
  }
  return a.kind == Known::real ? a.real == b.real : a.items == b.items;
}

}  // namespace

Fact joined(const Fact& a, const Fact& b) {
  if (same(a, b)) {
    return a;
  }
  return a.may_be_none() || b.may_be_none() ? Fact{} : Fact::something();
}

void append_key(std::string& key, const Fact& fact, int depth) {
  key += std::format("{}", static_cast<int>(fact.kind));
  switch (fact.kind) {
    case Known::boolean:
      key += fact.boolean ? 't' : 'f';
      break;
    case Known::integer:
      key += std::format(":{}", fact.integer);
      break;
    case Known::real:
      key += std::format(":{}", fact.real);
      break;
    case Known::text:
    case Known::global:
      key += std::format(":{}:{}", fact.text().size(), fact.text());
      break;
    case Known::object:
    case Known::closure:
      key += std::format(":{}.{}", fact.owner, fact.object);
      break;
    case Known::list:
      key += '[';
      for (std::size_t i = 0; depth < kDeepestInKey && i < std::min(fact.items->size(), kMostInKey); ++i) {
        append_key(key, (*fact.items)[i], depth + 1);
      }
      key += ']';
      break;
    default:
      break;
  }
  key += ' ';
}

}  // namespace runup::artifact::script
