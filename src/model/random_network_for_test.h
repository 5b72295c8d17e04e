// Random small ONNX networks for tests: every supported operator in its forms, or only the plain ones that other
// libraries read as well.
#pragma once

#include <random>
#include <string>
#include <vector>

#include "model/onnx_writer_for_test.h"

namespace pawl::model::onnx {

enum class Variety {
  kEverything,  // all operators and forms; float32 or float64
  kPlain,       // Gemm, MatMul, Add, Sub, Mul, Relu, Flatten in the forms that common exporters write; float32
};

class RandomNetwork {
 public:
  RandomNetwork(uint64_t seed, Variety variety) : random_(seed), variety_(variety) {}

  std::string Bytes() {
    wide_ = variety_ == Variety::kEverything && Chance(4);
    size_ = input_size_ = 1 + Below(7);
    const bool has_channel = Chance(3);
    const std::vector<int64_t> input = has_channel ? std::vector<int64_t>{1, size_, 1} : std::vector<int64_t>{1, size_};
    current_ = "x";
    if (has_channel) Append("Flatten", {current_});
    const size_t steps = 1 + Below(8);
    for (size_t i = 0; i < steps; ++i) Step();
    Affine();  // the output is computed whatever the steps were
    return Model(Graph(nodes_, initializers_, {Value("x", input, Type())}, {Value(current_, {1, size_}, Type())}), 13);
  }

  int64_t input_size() const { return input_size_; }

 private:
  size_t Below(size_t n) { return random_() % n; }
  bool Chance(size_t n) { return Below(n) == 0; }
  int64_t Type() const { return wide_ ? 11 : 1; }

  std::string Constant(const std::vector<int64_t>& axes) {
    const std::string name = "c" + std::to_string(initializers_.size());
    size_t count = 1;
    for (const int64_t axis : axes) count *= static_cast<size_t>(axis);
    std::normal_distribution<double> normal(0, 1);
    std::vector<double> values(count);
    for (double& value : values) value = Chance(9) ? 0 : normal(random_);
    initializers_.push_back(wide_ ? Tensor<double>(name, axes, values)
                                  : Tensor<float>(name, axes, std::vector<float>(values.begin(), values.end())));
    return name;
  }
  std::string Shape(const std::vector<int64_t>& axes) {
    const std::string name = "c" + std::to_string(initializers_.size());
    initializers_.push_back(Tensor<int64_t>(name, {static_cast<int64_t>(axes.size())}, axes));
    return name;
  }

  void Append(const std::string& onnx_operator, const std::vector<std::string>& inputs,
              const std::vector<std::string>& attributes = {}) {
    const std::string output = "v" + std::to_string(nodes_.size());
    nodes_.push_back(Node(onnx_operator, inputs, {output}, attributes, "n" + std::to_string(nodes_.size())));
    current_ = output;
  }

  void Affine() {
    const int64_t to = 1 + static_cast<int64_t>(Below(7));
    if (Chance(2)) {
      Append("MatMul", {current_, Constant({size_, to})});
      if (!Chance(3)) Append(Chance(4) ? "Sub" : "Add", {current_, Constant({to})});
    } else if (variety_ == Variety::kPlain) {
      Append("Gemm", {current_, Constant({to, size_}), Constant({to})}, {IntegerAttribute("transB", 1)});
    } else {
      std::vector<std::string> attributes;
      const bool transpose = Chance(2);
      if (transpose) attributes.push_back(IntegerAttribute("transB", 1));
      if (Chance(3)) attributes.push_back(FloatAttribute("alpha", 0.7f));
      if (Chance(3)) attributes.push_back(FloatAttribute("beta", -1.3f));
      std::vector<std::string> inputs = {current_, transpose ? Constant({to, size_}) : Constant({size_, to})};
      if (!Chance(4)) inputs.push_back(Constant(Chance(4) ? std::vector<int64_t>{1} : std::vector<int64_t>{1, to}));
      Append("Gemm", inputs, attributes);
    }
    size_ = to;
  }

  // The constant on the left: the activation stands upright.
  void LeftAffine() {
    const int64_t to = 1 + static_cast<int64_t>(Below(7));
    Append("Transpose", {current_});
    if (Chance(2)) {
      Append("MatMul", {Constant({to, size_}), current_});
    } else {
      Append("Gemm", {Constant({size_, to}), current_, Constant({to, 1})}, {IntegerAttribute("transA", 1)});
    }
    Append("Reshape", {current_, Shape({1, -1})});
    size_ = to;
  }

  void Step() {
    const size_t kind = Below(variety_ == Variety::kPlain ? 7 : 12);
    const std::string before = current_;
    switch (kind) {
      case 0:
      case 1:
        Affine();
        break;
      case 2:
      case 3:
        Append("Relu", {current_});
        break;
      case 4:
        Append("Mul", {current_, Constant({1, size_})});
        break;
      case 5:
        Append("Sub", {current_, Constant({1, size_})});
        break;
      case 6:  // residual
        Append("Relu", {current_});
        Append("Add", {before, current_});
        break;
      case 7:
        Append("Sub", {Constant({size_}), current_});
        break;
      case 8:
        Append("Mul", {Constant({1}), current_});
        break;
      case 9:
        LeftAffine();
        break;
      case 10:
        Append("Relu", {current_});
        Append("Sub", {current_, before});
        break;
      default:
        Append("Unsqueeze", {current_, Shape({0})});
        Append("Add", {current_, Constant({1, 1, size_})});
        Append("Squeeze", {current_, Shape({0})});
        Append("Identity", {current_});
        break;
    }
  }

  std::mt19937_64 random_;
  Variety variety_;
  bool wide_ = false;
  int64_t size_ = 0, input_size_ = 0;
  std::string current_;
  std::vector<std::string> nodes_, initializers_;
};

}  // namespace pawl::model::onnx
