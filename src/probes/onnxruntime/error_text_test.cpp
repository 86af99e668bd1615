// SPDX-License-Identifier: Apache-2.0
// Messages are those of ONNX Runtime 1.21.0 (Debian 13), as its Python module gave them.
#include "probes/onnxruntime/error_text.h"

#include <catch2/catch_test_macros.hpp>

using namespace runup;

TEST_CASE("a failing node's message is told without its source, and the node is named") {
  CHECK(first_words_of_ort(
            "Non-zero status code returned while running Reshape node. Name:'/Reshape_1' Status Message: "
            "./onnxruntime/core/providers/cpu/tensor/reshape_helper.h:45 "
            "onnxruntime::ReshapeHelper::ReshapeHelper(const onnxruntime::TensorShape&, "
            "onnxruntime::TensorShapeVector&, bool) input_shape_size == size was false. The input tensor "
            "cannot be reshaped to the requested shape. Input shape:{2,4}, requested shape:{1,4}\n") ==
        "The input tensor cannot be reshaped to the requested shape. Input shape:{2,4}, requested "
        "shape:{1,4}, in a `Reshape` node (`/Reshape_1`)");
  CHECK(first_words_of_ort("Non-zero status code returned while running MatMul node. Name:'/MatMul' Status "
                           "Message: matmul_helper.h:59 Compute MatMul dimension mismatch") ==
        "MatMul dimension mismatch, in a `MatMul` node (`/MatMul`)");
  CHECK(first_words_of_ort(
            "Non-zero status code returned while running Add node. Name:'' Status Message: "
            "./onnxruntime/core/providers/cpu/math/element_wise_ops.h:540 void "
            "onnxruntime::BroadcastIterator::Init(ptrdiff_t, ptrdiff_t) axis == 1 || axis == largest was "
            "false. Attempting to broadcast an axis by a dimension other than 1. 3 by 4\n") ==
        "Attempting to broadcast an axis by a dimension other than 1. 3 by 4, in a `Add` node");
  CHECK(first_words_of_ort("Non-zero status code returned while running Gather node. Name:'/emb' Status "
                           "Message: indices element out of data bounds, idx=7 must be within the inclusive "
                           "range [-5,4]") ==
        "indices element out of data bounds, idx=7 must be within the inclusive range [-5,4], in a `Gather` "
        "node (`/emb`)");
}

TEST_CASE("refused inputs keep what was got and expected, on one line") {
  CHECK(first_words_of_ort("Got invalid dimensions for input: x for the following indices\n index: 0 Got: 2 "
                           "Expected: 1\n Please fix either the inputs/outputs or the model.") ==
        "Got invalid dimensions for input: x for the following indices index: 0 Got: 2 Expected: 1");
  CHECK(first_words_of_ort("Unexpected input data type. Actual: (tensor(double)) , expected: "
                           "(tensor(float))") ==
        "Unexpected input data type. Actual: (tensor(double)) , expected: (tensor(float))");
}

TEST_CASE("a model that does not load is told without its path") {
  CHECK(first_words_of_ort("Load model from /srv/m.onnx failed:Protobuf parsing failed.") ==
        "Protobuf parsing failed");
  CHECK(first_words_of_ort(
            "Load model from /srv/m.onnx failed:./onnxruntime/core/graph/model.cc:180 "
            "onnxruntime::Model::Model(onnx::ModelProto&&, const onnxruntime::PathString&, const "
            "onnxruntime::IOnnxRuntimeOpSchemaRegistryList*, const onnxruntime::logging::Logger&, const "
            "onnxruntime::ModelOptions&) Unsupported model IR version: 99, max supported IR version: 10\n") ==
        "Unsupported model IR version: 99, max supported IR version: 10");
}

TEST_CASE("a failing initialisation is told without its source") {
  CHECK(first_words_of_ort(
            "Exception during initialization: ./onnxruntime/core/providers/cpu/rnn/rnn.h:44 "
            "onnxruntime::RNN<T>::RNN(const onnxruntime::OpKernelInfo&) [with T = float] layout_ == 0 was "
            "false. Batchwise recurrent operations (layout == 1) are not supported.") ==
        "Batchwise recurrent operations (layout == 1) are not supported");
  CHECK(first_words_of_ort("Exception during initialization: filesystem error: cannot get file size: No such "
                           "file or directory [/srv/weights.bin]") ==
        "filesystem error: cannot get file size: No such file or directory [/srv/weights.bin]");
}

TEST_CASE("what another ONNX Runtime may have is told apart from what is wrong with the model") {
  CHECK(is_lack_of_ort("Unsupported model IR version: 99, max supported IR version: 10"));
  CHECK(is_lack_of_ort("Fatal error: my:Foo(-1) is not a registered function/op"));
  CHECK(is_lack_of_ort("Could not find an implementation for Abs(13) node with name ''"));
  CHECK(is_lack_of_ort("Opset 30 is under development and support for this is limited."));
  CHECK_FALSE(is_lack_of_ort("Protobuf parsing failed."));
  CHECK_FALSE(is_lack_of_ort("Error No Op registered for Foo with domain_version of 21"));
  CHECK_FALSE(is_lack_of_ort("Got invalid dimensions for input: x"));
}

TEST_CASE("hostile messages give bounded words") {
  CHECK(first_words_of_ort("").empty());
  CHECK(first_words_of_ort("x.h:1 ").empty());
  CHECK(first_words_of_ort("x.h:1 f(((").size() <= 1024);
  CHECK(first_words_of_ort(std::string(100'000, '(')).size() <= 1024);
  CHECK(first_words_of_ort("while running " + std::string(5000, 'a') + " node. Name:'b' Status Message: c")
            .size() <= 1024);
}
