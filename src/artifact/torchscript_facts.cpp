// SPDX-License-Identifier: Apache-2.0
#include "artifact/torchscript_facts.h"

#include <algorithm>
#include <format>

#include "artifact/fact_lists.h"
#include "artifact/pickle_machine.h"
#include "artifact/python_text.h"
#include "artifact/torch_tensors.h"
#include "artifact/torchscript_run.h"
#include "base/text.h"

namespace runup::artifact {

namespace {

using script::kNothing;

constexpr std::size_t kMostFiles = 20'000;
constexpr std::uint64_t kMostSource = std::uint64_t{16} << 20U;
constexpr std::uint64_t kMostTracedInputs = std::uint64_t{4} << 20U;
constexpr std::size_t kMostArguments = 100;
constexpr std::size_t kMostShapes = 64;
constexpr std::size_t kMostOfAKind = script::Remarks::kMostOfAKind;

class ScriptReader {
 public:
  ScriptReader(const TorchRecords& records, const ObjectGraph* graph, ArtifactFacts& facts)
      : records_(records), graph_(graph), all_(facts), facts_(facts.torchscript.emplace()) {}

  void read() {
    read_sources();
    std::optional<script::Objects> objects;
    if (graph_ != nullptr) {
      objects.emplace(*graph_, code_).walk();
      facts_.root_class = printable(objects->root_class());
      facts_.modules = objects->modules();
      facts_.training_modules = objects->training();
      for (std::string& path : facts_.training_modules) {
        path = printable(path);
      }
    }
    script::Remarks remarks(code_);
    script::Interpreter interpreter(code_, objects ? &*objects : nullptr, remarks);
    interpreter.look_at_functions();
    follow_forward(interpreter);
    facts_.remarks = remarks.take();
    for (CodeRemarkFacts& remark : facts_.remarks) {
      make_printable(remark);
    }
    note_classes();
    tell_incomplete(interpreter.incomplete());
    if (remarks.full()) {
      note_cut(all_, std::format("remarks on the code beyond {} of a kind", kMostOfAKind));
    }
    facts_.traced = records_.find("traced_inputs.pkl") != nullptr || looks_traced();
    read_traced_inputs();
  }

 private:
  void tell_incomplete(const std::string& why) {
    if (facts_.incomplete.empty()) {
      facts_.incomplete = printable(why);
    }
  }

  void read_sources() {
    const std::string folder = records_.root() + "code/";
    for (const ZipMember& member : records_.zip().members()) {
      if (!member.name.starts_with(folder) || !member.name.ends_with(".py")) {
        continue;
      }
      ++facts_.code_files;
      const std::uint64_t room = kMostSource - std::min(kMostSource, facts_.code_bytes);
      if (facts_.code_files > kMostFiles || member.unpacked > room) {
        tell_incomplete(std::format("there is more code than {} files or {} bytes", kMostFiles, kMostSource));
        continue;
      }
      const auto content = records_.zip().read(member, room);
      if (!content) {
        tell_incomplete(std::format("`{}` could not be read", member.name));
        continue;
      }
      facts_.code_bytes += content->view.size();
      script::add_source(code_, member.name.substr(records_.root().size()),
                         std::string(as_text(content->view)));
    }
    if (code_.cut) {
      tell_incomplete("there is more code than is followed");
    }
    if (code_.strange_lines > 0) {
      tell_incomplete(std::format("{} not as PyTorch prints {}, first {}",
                                  count_of(code_.strange_lines, "line is", "lines are"),
                                  code_.strange_lines == 1 ? "it" : "them", code_.first_strange_line));
    }
  }

  // The root's `forward`; of a class with overloads `forward__0`, `forward__1`.
  void follow_forward(script::Interpreter& interpreter) {
    const auto is_forward = [](std::string_view name) {
      return name == "forward" || name.starts_with("forward__");
    };
    const auto owner = code_.classes_by_name.find(facts_.root_class);
    if (owner == code_.classes_by_name.end()) {
      // Archives without a pickled root: all that can be told is whether some class has one.
      facts_.has_forward =
          graph_ == nullptr && std::ranges::any_of(code_.functions, [&](const auto& function) {
            return function.owner != kNothing && is_forward(function.name);
          });
      return;
    }
    std::vector<script::FunctionId> entries;
    for (const auto& [name, function] : code_.classes[owner->second].methods) {
      if (is_forward(name)) {
        entries.push_back(function);
      }
    }
    std::ranges::sort(entries);
    facts_.has_forward = !entries.empty();
    for (const script::FunctionId entry : entries) {
      if (facts_.arguments.empty()) {
        note_arguments(code_.functions[entry]);
      }
      interpreter.follow(entry);
    }
  }

  void note_arguments(const script::Function& function) {
    const auto& parameters = function.parameters;
    for (std::size_t i = 1; i < std::min(parameters.size(), kMostArguments); ++i) {
      const std::string type(parameters[i].type);
      facts_.arguments.push_back(
          cut_text(printable(std::format("{}: {}", parameters[i].name, type.empty() ? "Tensor" : type))));
    }
  }

  static void make_printable(CodeRemarkFacts& remark) {
    for (std::string* text :
         {&remark.file, &remark.function, &remark.what, &remark.op, &remark.text, &remark.module}) {
      *text = cut_text(printable(*text), 500);
    }
  }

  // Objects of C++ classes, which the file needs before any of its code runs.
  void note_classes() {
    for (const GlobalFacts& global : all_.globals) {
      const std::string name = std::format("{}.{}", global.module, global.name);
      const std::string foreign = script::foreign_class(name);
      if (facts_.remarks.size() < 10 * kMostOfAKind && (!foreign.empty() || script::is_engine_class(name))) {
        const auto kind =
            foreign.empty() ? CodeRemarkKind::quantised_engine : CodeRemarkKind::foreign_operator;
        facts_.remarks.push_back({.kind = kind,
                                  .file = global.member,
                                  .what = foreign.empty() ? name : foreign,
                                  .module = global.key_path,
                                  .reached = true});
        make_printable(facts_.remarks.back());
      }
    }
  }

  // What a trace of PyTorch's prints and its compiler does not.
  bool looks_traced() const {
    return std::ranges::any_of(code_.files, [](const script::SourceFile& file) {
      return file.text.contains("ops.prim.NumToTensor(") || file.text.contains(", pin_memory=False)");
    });
  }

  void read_traced_inputs() {
    const ZipMember* member = records_.find("traced_inputs.pkl");
    const auto content = member == nullptr ? problem(DefectKind::missing_part, "")
                                           : records_.zip().read(*member, kMostTracedInputs);
    if (!content) {
      return;
    }
    const Pickle pickle = read_pickle(content->view);
    const ObjectGraph graph(pickle);
    std::vector<StorageFacts> list;
    std::vector<DefectFacts> ignored;
    Defects defects(ignored);
    StorageTable table(list);
    const PersistentObjects persistent = read_persistent_ids(graph, "", table, defects, "");
    const TensorReader tensors(graph, persistent, table, [](std::int64_t) -> Read<StorageContent> {
      return problem(DefectKind::missing_part, "");
    });
    for (ValueId id = 0; id < pickle.values.size() && facts_.traced_shapes.size() < kMostShapes; ++id) {
      const auto call = graph.instance(id);
      if (!call || call->known < Known::rebuild_tensor || call->known > Known::rebuild_tensor_v3) {
        continue;
      }
      const auto tensor = tensors.read(id);
      if (tensor && *tensor) {
        facts_.traced_shapes.push_back((*tensor)->facts.shape);
      }
    }
  }

  const TorchRecords& records_;
  const ObjectGraph* graph_;
  ArtifactFacts& all_;
  TorchScriptFacts& facts_;
  script::Code code_;
};

}  // namespace

void read_torchscript(const TorchRecords& records, const ObjectGraph* graph, ArtifactFacts& facts) {
  ScriptReader(records, graph, facts).read();
}

void note_constants(ArtifactFacts& facts) {
  if (!facts.torchscript) {
    return;
  }
  std::size_t count = 0;
  for (const TensorFacts& tensor : facts.tensors) {
    const bool constant = tensor.storage >= 0 && tensor.path.starts_with("constants[");
    const std::string device =
        constant ? facts.storages[static_cast<std::size_t>(tensor.storage)].device : std::string();
    // The key of its storage tells it from an attribute of that name.
    if (device.empty() || device == "cpu" ||
        !facts.storages[static_cast<std::size_t>(tensor.storage)].key.starts_with("constants/")) {
      continue;
    }
    if (++count > kMostOfAKind) {
      note_cut(facts, std::format("constants with a device beyond {}", kMostOfAKind));
      return;
    }
    facts.torchscript->remarks.push_back({.kind = CodeRemarkKind::device_constant,
                                          .file = "constants.pkl",
                                          .what = device,
                                          .text = tensor.path,
                                          .reached = true});
  }
}

}  // namespace runup::artifact
