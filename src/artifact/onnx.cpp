// SPDX-License-Identifier: Apache-2.0
#include "artifact/onnx.h"

#include "artifact/onnx_graph.h"
#include "artifact/python_text.h"
#include "base/text.h"

namespace runup::artifact {

namespace {

// Models before this IR version import the first operator set without saying so.
constexpr std::int64_t kFirstWithImports = 3;
constexpr std::size_t kMostProperties = 1'000;
constexpr std::size_t kMostImports = 1'000;
constexpr std::size_t kMostFunctions = 100'000;

struct Function {
  std::string_view message;
  std::string_view name;
  std::string_view domain;
  std::string_view overload;
  OnnxImports imports;
};

class ModelReader {
 public:
  explicit ModelReader(OnnxReading& reading) : reading_(reading) {}

  void read(std::string_view message) {
    reading_.each_field(message, {}, [&](const ProtobufField& field) { part(field); });
    if (imports_.empty()) {
      if (reading_.onnx.ir_version >= kFirstWithImports && graph_) {
        reading_.defects.add(
            DefectKind::missing_part,
            "no `opset_import` says which operators its nodes mean; since IR version 3 every "
            "model must have one");
      } else {
        imports_.emplace("", 1);
      }
    }
    std::set<OnnxFunctionId> known;
    for (const Function& function : functions_) {
      known.insert({function.domain, function.name, function.overload});
    }
    OnnxGraphReader graphs(reading_, known);
    if (graph_) {
      graphs.read_model_graph(*graph_, imports_);
    }
    for (const Function& function : functions_) {
      graphs.read_function(function.message, function.imports.empty() ? imports_ : function.imports,
                           OnnxReading::name(function.name));
      // What a function imports must fit the model's own imports, which need not name it again.
      for (const auto& [domain, version] : function.imports) {
        if (imports_.size() < kMostImports) {
          imports_.try_emplace(domain, version);
        }
      }
    }
    graphs.finish(imports_);
  }

 private:
  // Fields of ModelProto that sniffing has not read.
  void part(const ProtobufField& field) {
    OnnxFacts& onnx = reading_.onnx;
    if (field.is(1, Wire::varint)) {
      onnx.ir_version = static_cast<std::int64_t>(field.value);
    } else if (field.is(5, Wire::varint) && field.value != 0) {
      model_version_ = static_cast<std::int64_t>(field.value);
      add_metadata("model_version", "int", std::to_string(model_version_));
    } else if (field.is(7, Wire::counted)) {
      graph(field);
    } else if (field.is(8, Wire::counted)) {
      import(field.content, imports_, {});
    } else if (field.is(14, Wire::counted)) {
      const auto [key, value] = read_onnx_pair(reading_, field.content, "metadata_props");
      add_metadata("metadata_props." + OnnxReading::name(key), "str", python_repr_text(value));
    } else if (field.is(20, Wire::counted)) {
      note_cut(reading_.facts, "the graphs for training (`training_info`)");
    } else if (field.is(25, Wire::counted)) {
      function(field.content);
    }
  }

  void graph(const ProtobufField& field) {
    if (!graph_) {
      graph_ = field.content;
      return;
    }
    reading_.defects.add(
        DefectKind::contradiction,
        "the model has two graphs; some readers put them together and others take the last one", "graph",
        reading_.offset_of(field.content));
  }

  void add_metadata(std::string path, std::string type, std::string value) {
    if (reading_.facts.metadata.size() >= kMostProperties || !reading_.may_add(path.size() + value.size())) {
      note_cut(reading_.facts, std::format("metadata beyond {}", kMostProperties));
    } else {
      reading_.facts.metadata.push_back(
          {.path = std::move(path), .type = std::move(type), .value = std::move(value)});
    }
  }

  // OperatorSetIdProto.
  void import(std::string_view message, OnnxImports& imports, const std::string& where) {
    std::string_view domain;
    std::int64_t version = 0;
    reading_.each_field(message, where, [&](const ProtobufField& field) {
      if (field.is(1, Wire::counted)) {
        domain = onnx_domain(field.content);
      } else if (field.is(2, Wire::varint)) {
        version = static_cast<std::int64_t>(field.value);
      }
    });
    if (imports.size() < kMostImports) {
      // The last one counts, as in ONNX Runtime.
      imports.insert_or_assign(OnnxReading::name(domain), version);
    }
  }

  // FunctionProto, but for its nodes.
  void function(std::string_view message) {
    if (functions_.size() >= kMostFunctions) {
      note_cut(reading_.facts, std::format("functions beyond {}", kMostFunctions));
      return;
    }
    ++reading_.onnx.functions;
    Function function{.message = message};
    reading_.each_field(message, "functions", [&](const ProtobufField& field) {
      if (field.is(1, Wire::counted)) {
        function.name = field.content;
      } else if (field.is(9, Wire::counted)) {
        import(field.content, function.imports, "functions");
      } else if (field.is(10, Wire::counted)) {
        function.domain = onnx_domain(field.content);
      } else if (field.is(13, Wire::counted)) {
        function.overload = field.content;
      }
    });
    functions_.push_back(std::move(function));
  }

  OnnxReading& reading_;
  OnnxImports imports_;
  std::optional<std::string_view> graph_;
  std::vector<Function> functions_;
  std::int64_t model_version_ = 0;
};

}  // namespace

void read_onnx(Bytes file, ArtifactFacts& facts, Defects& defects) {
  const bool truncated = !defects.empty();
  facts.onnx.emplace();
  // `raw_data` is little-endian by the format's rules.
  facts.byte_order = "little";
  OnnxReading reading(file, facts, defects, truncated);
  ModelReader(reading).read(as_text(file));
}

}  // namespace runup::artifact
