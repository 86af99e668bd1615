// SPDX-License-Identifier: Apache-2.0
#include "artifact/weight_uses.h"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <format>
#include <map>
#include <string_view>

#include "artifact/torch_zip.h"

namespace runup::artifact {

namespace {

constexpr std::uint64_t kMostCode = std::uint64_t{32} << 20U;
constexpr std::size_t kMostCalls = 100'000;
constexpr std::size_t kMostOpen = 200;

bool is_word(char letter) {
  return std::isalnum(static_cast<unsigned char>(letter)) != 0 || letter == '_' || letter == '.';
}

// `linear` of `torch.linear`.
std::string_view last_part(std::string_view name) { return name.substr(name.rfind('.') + 1); }

class ScriptScanner {
 public:
  explicit ScriptScanner(std::string_view code) : code_(code) {}

  std::vector<ScriptCall> scan() {
    for (at_ = 0; at_ < code_.size() && calls_.size() < kMostCalls; ++at_) {
      step(code_[at_]);
    }
    return std::move(calls_);
  }

 private:
  struct Open {
    ScriptCall call;
    std::uint32_t argument = 0;
  };

  void step(char letter) {
    switch (letter) {
      case '"':
        skip_text();
        break;
      case '(':
      case '[':
        if (open_.size() < kMostOpen) {
          open_.push_back({.call = {.function = letter == '(' ? std::string(last_part(word_)) : "[]"}});
        }
        break;
      case ')':
      case ']':
        close();
        break;
      case ',':
        if (!open_.empty()) {
          ++open_.back().argument;
        }
        break;
      case '\n':
        // Statements end with their line; a stray bracket must not swallow the rest.
        open_.clear();
        break;
      default:
        if (is_word(letter)) {
          take_word();
          return;
        }
    }
    word_ = {};
  }

  void skip_text() {
    for (++at_; at_ < code_.size() && code_[at_] != '"'; ++at_) {
      at_ += code_[at_] == '\\' ? 1 : 0;
    }
  }

  void take_word() {
    const std::size_t begin = at_;
    while (at_ + 1 < code_.size() && is_word(code_[at_ + 1])) {
      ++at_;
    }
    word_ = code_.substr(begin, at_ + 1 - begin);
    constexpr std::string_view kConstant = "CONSTANTS.c";
    std::uint64_t number = 0;
    if (!open_.empty() && word_.starts_with(kConstant) &&
        std::from_chars(word_.data() + kConstant.size(), word_.data() + word_.size(), number).ec ==
            std::errc()) {
      open_.back().call.constants.emplace_back(number, open_.back().argument);
    }
  }

  void close() {
    if (open_.empty()) {
      return;
    }
    ScriptCall call = std::move(open_.back().call);
    open_.pop_back();
    if (call.constants.empty()) {
      return;
    }
    // What `linear` became: add(matmul(x, weight), bias).
    if (call.function == "matmul" && !open_.empty() && open_.back().call.function == "add") {
      open_.back().call.function = "matmul";
      open_.back().call.constants = std::move(call.constants);
      return;
    }
    calls_.push_back(std::move(call));
  }

  std::string_view code_;
  std::size_t at_ = 0;
  std::string_view word_;
  std::vector<Open> open_;
  std::vector<ScriptCall> calls_;
};

// Whether the function takes its matrix as the module holds it: [out, in]. A list of tensors is what recurrent
// layers read.
bool reads_as_stored(const ScriptCall& call, std::uint32_t argument) {
  constexpr std::uint32_t kAttentionOutput = 7;
  return (call.function == "linear" && argument == 1) ||
         (call.function == "[]" && call.constants.size() > 1) ||
         (call.function == "_native_multi_head_attention" && argument == kAttentionOutput);
}

void find_script_uses(const WeightSource& source, const WeightPool& pool, WeightUses& uses) {
  std::map<std::string_view, std::size_t> by_name;
  for (std::size_t i = 0; i < pool.tensors.size(); ++i) {
    by_name.emplace(pool.tensors[i].name, i);
  }
  if (!by_name.contains("constants[0]") && by_name.lower_bound("constants[") == by_name.end()) {
    return;
  }
  std::vector<DefectFacts> ignored;
  Defects defects(ignored);
  const ZipArchive zip = ZipArchive::open(source.file, defects, PageRelease());
  const std::string folder = zip.root() + "code/";
  std::uint64_t left = kMostCode;
  for (const ZipMember& member : zip.members()) {
    if (!member.readable || !member.name.starts_with(folder) || !member.name.ends_with(".py") ||
        member.unpacked > left) {
      continue;
    }
    left -= member.unpacked;
    const auto code = zip.read(member, kMostCode);
    if (!code) {
      continue;
    }
    for (const ScriptCall& call : script_calls(as_text(code->view))) {
      WeightCall known{.op = call.function};
      for (const auto& [constant, argument] : call.constants) {
        const auto found = by_name.find(std::format("constants[{}]", constant));
        if (found == by_name.end()) {
          continue;
        }
        known.candidates.push_back(found->second);
        auto& use = uses.uses[found->second];
        if (!use) {
          use = WeightUse{.op = call.function, .input = argument};
        }
        if (reads_as_stored(call, argument)) {
          use->transposed = false;
        }
      }
      uses.calls.push_back(std::move(known));
    }
  }
}

// torch.onnx names what it computed itself `onnx::OPERATOR_7`; a Transpose's result is named after it. Of
// other names nobody knows whether PyTorch's code multiplied by the matrix as it is.
bool was_transposed(std::string_view name) {
  return name.starts_with("onnx::") || name.contains("Transpose") || name.contains("transpose");
}

void find_onnx_uses(const OnnxFacts& onnx, const WeightPool& pool, WeightUses& uses) {
  std::map<std::string_view, std::size_t> by_name;
  for (std::size_t i = 0; i < pool.tensors.size(); ++i) {
    by_name.emplace(pool.tensors[i].name, i);
  }
  std::map<std::string_view, std::vector<std::pair<std::uint32_t, std::size_t>>> nodes;
  std::map<std::string_view, std::string_view> operators;
  for (const OnnxUseFacts& fact : onnx.uses) {
    const auto found = by_name.find(fact.tensor);
    if (found == by_name.end() || uses.uses[found->second]) {
      continue;
    }
    WeightUse use{.op = fact.op, .input = fact.input, .node = fact.node};
    if (fact.input == 1 && (fact.op.ends_with("Gemm") || fact.op.ends_with("MatMul"))) {
      if (fact.transposed) {
        use.transposed = false;
      } else if (was_transposed(fact.tensor)) {
        use.transposed = true;
      }
    }
    uses.uses[found->second] = std::move(use);
    if (!fact.node.empty()) {
      nodes[fact.node].emplace_back(fact.input, found->second);
      operators.emplace(fact.node, fact.op);
    }
  }
  for (auto& [node, inputs] : nodes) {
    std::ranges::sort(inputs);
    WeightCall call{.op = std::string(operators[node])};
    for (const auto& [input, candidate] : inputs) {
      call.candidates.push_back(candidate);
    }
    uses.calls.push_back(std::move(call));
  }
}

}  // namespace

std::vector<ScriptCall> script_calls(std::string_view code) { return ScriptScanner(code).scan(); }

WeightUses find_uses(const WeightSource& source, const WeightPool& pool) {
  WeightUses uses;
  uses.uses.resize(pool.tensors.size());
  if (source.facts->onnx) {
    find_onnx_uses(*source.facts->onnx, pool, uses);
  } else if (source.facts->kind == ArtifactKind::torchscript) {
    find_script_uses(source, pool, uses);
  }
  return uses;
}

}  // namespace runup::artifact
