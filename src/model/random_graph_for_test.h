// Random ONNX graphs over tensors of up to five axes: every supported operator, in the forms of several operator set
// versions, or only the forms that OpenCV reads as well.
#pragma once

#include <algorithm>
#include <cstdint>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "model/onnx_writer_for_test.h"

namespace pawl::model::onnx {

enum class Dialect { kEverything, kOpenCv };

class RandomGraph {
 public:
  RandomGraph(uint64_t seed, Dialect dialect) : random_(seed), opencv_(dialect == Dialect::kOpenCv) {}

  std::string Bytes() {
    constexpr int64_t kOpsets[] = {7, 9, 10, 11, 13, 18};
    opset_ = opencv_ ? 9 : kOpsets[Below(6)];
    wide_ = !opencv_ && Chance(5);
    shape_ = {1, 1 + Below(4)};
    for (int64_t axes = opencv_ ? 2 : Below(4); axes > 0; --axes) shape_.push_back(2 + Below(4));
    const std::vector<int64_t> input = shape_;
    for (int64_t steps = 1 + Below(6); steps > 0; --steps) Step();
    if (opencv_) Step();  // OpenCV wants at least one layer
    return Model(Graph(nodes_, initializers_, {Value("x", input, FloatType())}, {Value(current_, shape_, FloatType())}),
                 opset_);
  }

  std::set<std::string> operators;  // those that Bytes wrote

 private:
  using Axes = std::vector<int64_t>;

  int64_t Below(int64_t n) { return static_cast<int64_t>(random_() % static_cast<uint64_t>(n)); }
  bool Chance(int64_t n) { return Below(n) == 0; }
  int64_t FloatType() const { return wide_ ? 11 : 1; }
  int64_t Rank() const { return static_cast<int64_t>(shape_.size()); }
  static int64_t Count(const Axes& shape) {
    int64_t count = 1;
    for (const int64_t axis : shape) count *= axis;
    return count;
  }
  bool Small() const { return Count(shape_) <= 60; }
  int64_t AnyAxis() { return 1 + Below(Rank() - 1); }  // behind the batch axis
  // Counted from the end now and then.
  int64_t Written(int64_t axis) { return opset_ >= 11 && !opencv_ && Chance(3) ? axis - Rank() : axis; }

  std::string NewName() { return "c" + std::to_string(names_++); }
  std::string Floats(const Axes& axes, double low = -1, double high = 1) {
    std::vector<double> values(static_cast<size_t>(Count(axes)));
    for (double& value : values) value = Chance(9) ? low : std::uniform_real_distribution<double>(low, high)(random_);
    const std::string name = NewName();
    initializers_.push_back(wide_ ? Tensor<double>(name, axes, values)
                                  : Tensor<float>(name, axes, std::vector<float>(values.begin(), values.end())));
    return name;
  }
  std::string Integers(const Axes& values) {
    const std::string name = NewName();
    const Axes axes = {static_cast<int64_t>(values.size())};
    if (opset_ >= 13 && Chance(2)) {
      nodes_.push_back(Node("Constant", {}, {name}, {IntegersAttribute("value_ints", values)}));
    } else if (Chance(2)) {
      nodes_.push_back(Node("Constant", {}, {name}, {TensorAttribute("value", Tensor<int64_t>("", axes, values))}));
    } else {
      initializers_.push_back(Tensor<int64_t>(name, axes, values));
    }
    return name;
  }
  std::string Append(const std::string& name, const std::vector<std::string>& inputs,
                     const std::vector<std::string>& attributes = {}) {
    operators.insert(name);
    const std::string output = "v" + std::to_string(nodes_.size());
    nodes_.push_back(Node(name, inputs, {output}, attributes, "n" + std::to_string(nodes_.size())));
    return output;
  }
  void Apply(const std::string& name, std::vector<std::string> more = {},
             const std::vector<std::string>& attributes = {}) {
    more.insert(more.begin(), current_);
    current_ = Append(name, more, attributes);
  }
  // A list as an attribute, or as an input from version `since` on.
  void ApplyWithList(const std::string& name, const std::string& attribute, int64_t since, const Axes& list,
                     std::vector<std::string> attributes = {}) {
    if (opset_ >= since) return Apply(name, {Integers(list)}, attributes);
    attributes.push_back(IntegersAttribute(attribute, list));
    Apply(name, {}, attributes);
  }

  void Step() {
    static constexpr void (RandomGraph::*kSteps[])() = {
        &RandomGraph::Convolution, &RandomGraph::Convolution, &RandomGraph::Pool,     &RandomGraph::Normalisation,
        &RandomGraph::Elementwise, &RandomGraph::Elementwise, &RandomGraph::Activate, &RandomGraph::Activate,
        &RandomGraph::Residual,    &RandomGraph::Transpose,   &RandomGraph::Slice,    &RandomGraph::SplitAndJoin,
        &RandomGraph::Gather,      &RandomGraph::Pad,         &RandomGraph::Reshape,  &RandomGraph::Axis,
        &RandomGraph::Expand,      &RandomGraph::Reduce,      &RandomGraph::Product,  &RandomGraph::Product,
        &RandomGraph::ByItsShape,  &RandomGraph::Pass};
    (this->*kSteps[Below(std::size(kSteps))])();
  }

  // Kernel, strides, dilations and padding that fit, and the new lengths of the axes behind the channels.
  std::vector<std::string> WindowAttributes(Axes& kernel, Axes& lengths, bool dilate) {
    Axes strides, dilations, before, after;
    const bool automatic = !opencv_ && Chance(4);
    for (size_t i = 0; i < kernel.size(); ++i) {
      const int64_t length = shape_[i + 2];
      kernel[i] = 1 + Below(std::min<int64_t>(3, length));
      strides.push_back(1 + Below(2));
      dilations.push_back(dilate && !opencv_ ? 1 + Below(2) : 1);
      const int64_t extent = (kernel[i] - 1) * dilations[i] + 1;
      if (extent > length) dilations[i] = 1;
      before.push_back(Below(kernel[i]));
      after.push_back(opencv_ ? before[i] : Below(kernel[i]));
      const int64_t covered = (kernel[i] - 1) * dilations[i] + 1;
      lengths.push_back(automatic ? (length + strides[i] - 1) / strides[i]
                                  : (length + before[i] + after[i] - covered) / strides[i] + 1);
    }
    std::vector<std::string> attributes = {IntegersAttribute("kernel_shape", kernel),
                                           IntegersAttribute("strides", strides)};
    if (dilate) attributes.push_back(IntegersAttribute("dilations", dilations));
    if (automatic) {
      attributes.push_back(TextAttribute("auto_pad", Chance(2) ? "SAME_UPPER" : "SAME_LOWER"));
    } else {
      before.insert(before.end(), after.begin(), after.end());
      attributes.push_back(IntegersAttribute("pads", before));
    }
    return attributes;
  }
  bool IsImage() const { return Rank() >= 3 && shape_[0] == 1; }
  void SetImage(int64_t channels, const Axes& lengths) {
    shape_ = {1, channels};
    shape_.insert(shape_.end(), lengths.begin(), lengths.end());
  }

  void Convolution() {
    if (!IsImage()) return Product();
    const int64_t groups = Chance(3) ? shape_[1] : 1, outputs = groups * (1 + Below(3));
    Axes kernel(shape_.size() - 2), lengths;
    std::vector<std::string> attributes = WindowAttributes(kernel, lengths, true);
    attributes.push_back(IntegerAttribute("group", groups));
    Axes weights = {outputs, shape_[1] / groups};
    weights.insert(weights.end(), kernel.begin(), kernel.end());
    std::vector<std::string> inputs = {Floats(weights)};
    if (Chance(2)) inputs.push_back(Floats({outputs}));
    Apply("Conv", inputs, attributes);
    SetImage(outputs, lengths);
  }

  void Pool() {
    if (!IsImage()) return Activate();
    if (Chance(6)) {
      Apply("GlobalAveragePool");
      return SetImage(shape_[1], Axes(shape_.size() - 2, 1));
    }
    Axes kernel(shape_.size() - 2), lengths;
    std::vector<std::string> attributes = WindowAttributes(kernel, lengths, false);
    if (Chance(2)) {
      Apply("MaxPool", {}, attributes);
    } else {
      if (!opencv_ && Chance(2)) attributes.push_back(IntegerAttribute("count_include_pad", 1));  // OpenCV ignores it
      Apply("AveragePool", {}, attributes);
    }
    SetImage(shape_[1], lengths);
  }

  void Normalisation() {
    if (Rank() < 2 || shape_[0] != 1) return Elementwise();
    const Axes c = {shape_[1]};
    Apply("BatchNormalization", {Floats(c), Floats(c), Floats(c), Floats(c, 0.1, 2)},
          {FloatAttribute("epsilon", 1e-3f), FloatAttribute("momentum", 0.9f)});
  }

  void Elementwise() {
    Axes constant = shape_;
    for (int64_t& axis : constant) {
      if (Chance(3)) axis = 1;
    }
    if (!opencv_) constant.erase(constant.begin(), constant.begin() + Below(Rank()));
    if (opencv_) constant = Chance(2) ? Axes{1} : shape_;
    constexpr const char* kNames[] = {"Add", "Sub", "Mul", "Div"};
    const std::string name = kNames[Below(4)];
    const std::string c = name == "Div" ? Floats(constant, 0.5, 2) : Floats(constant);
    if (name == "Div" || opencv_ || Chance(2)) return Apply(name, {c});
    current_ = Append(name, {c, current_});
  }

  void Activate() {
    switch (Below(6)) {
      case 0:
        return Apply("LeakyRelu", {}, {FloatAttribute("alpha", 0.1f)});
      case 1:
        return Apply("Sigmoid");
      case 2:
        return Apply("Tanh");
      case 3:
        if (opset_ < 11) return Apply("Clip", {}, {FloatAttribute("min", -0.5f), FloatAttribute("max", 0.75f)});
        return Apply("Clip", {Floats({}, -1, 0), Floats({}, 0, 1)});
      case 4:
        return Apply("Neg");
      default:
        return Apply("Relu");
    }
  }

  void Residual() {
    const std::string before = current_;
    if (!opencv_ && Chance(2)) {  // stretched
      Apply("ReduceMean", {}, {});
      return Apply(Chance(2) ? "Add" : "Sub", {before});
    }
    Apply("Relu");
    Apply("Add", {before});
  }

  void Transpose() {
    Axes order(shape_.size()), to;
    for (int64_t i = 0; i < Rank(); ++i) order[static_cast<size_t>(i)] = i;
    std::shuffle(order.begin() + (opencv_ || !Chance(4) ? 1 : 0), order.end(), random_);
    for (const int64_t axis : order) to.push_back(shape_[static_cast<size_t>(axis)]);
    Apply("Transpose", {}, {IntegersAttribute("perm", order)});
    shape_ = to;
  }

  void Slice() {
    const int64_t axis = AnyAxis(), length = shape_[static_cast<size_t>(axis)];
    const int64_t start = Below(length), end = start + 1 + Below(length - start);
    int64_t& kept = shape_[static_cast<size_t>(axis)];
    if (opset_ < 10) {
      Apply(
          "Slice", {},
          {IntegersAttribute("starts", {start}), IntegersAttribute("ends", {end}), IntegersAttribute("axes", {axis})});
      kept = end - start;
    } else if (opencv_ || Chance(2)) {
      Apply("Slice", {Integers({start}), Integers({end}), Integers({axis}), Integers({1})});
      kept = end - start;
    } else if (Chance(2)) {
      Apply("Slice", {Integers({0}), Integers({INT64_MAX}), Integers({Written(axis)}), Integers({2})});
      kept = (length + 1) / 2;
    } else {
      Apply("Slice", {Integers({-1}), Integers({INT64_MIN}), Integers({Written(axis)}), Integers({-1})});
    }
  }

  void SplitAndJoin() {
    const int64_t axis = AnyAxis(), length = shape_[static_cast<size_t>(axis)];
    if (length < 2) return Pass();
    const Axes parts = {1, length - 1};
    const std::string name = "s" + std::to_string(nodes_.size());
    std::vector<std::string> inputs = {current_}, attributes = {IntegerAttribute("axis", Written(axis))};
    if (opset_ >= 13) {
      inputs.push_back(Integers(parts));
    } else {
      attributes.push_back(IntegersAttribute("split", parts));
    }
    operators.insert("Split");
    nodes_.push_back(Node("Split", inputs, {name + "a", name + "b"}, attributes));
    std::vector<std::string> joined = {name + "b", name + "a"};
    if (!opencv_ && Chance(2)) {
      Axes constant = shape_;
      constant[static_cast<size_t>(axis)] = 1;
      joined.push_back(Floats(constant));
      ++shape_[static_cast<size_t>(axis)];
    }
    current_ = Append("Concat", joined, {IntegerAttribute("axis", axis)});
  }

  void Gather() {
    if (opencv_) return Transpose();
    const int64_t axis = AnyAxis(), length = shape_[static_cast<size_t>(axis)];
    Axes chosen(static_cast<size_t>(1 + Below(3)));
    for (int64_t& index : chosen) index = Below(length) - (opset_ >= 11 && Chance(3) ? length : 0);
    Apply("Gather", {Integers(chosen)}, {IntegerAttribute("axis", axis)});
    shape_[static_cast<size_t>(axis)] = static_cast<int64_t>(chosen.size());
  }

  void Pad() {
    if (!Small()) return Pool();
    Axes pads(2 * shape_.size(), 0);
    for (size_t i = opencv_ ? 2 : 1; i < shape_.size(); ++i) {
      pads[i] = Below(3) - (shape_[i] > 1 && !opencv_ ? 1 : 0);
      pads[shape_.size() + i] = Below(2);
      shape_[i] += pads[i] + pads[shape_.size() + i];
    }
    if (opset_ < 11) {
      return Apply("Pad", {}, {IntegersAttribute("pads", pads), FloatAttribute("value", Chance(2) ? 0 : 0.25f)});
    }
    std::vector<std::string> inputs = {Integers(pads)};
    if (!opencv_ && Chance(2)) inputs.push_back(Floats({}));
    Apply("Pad", inputs, {TextAttribute("mode", "constant")});
  }

  void Reshape() {
    if (Chance(3)) {
      Apply("Flatten");
      shape_ = {shape_[0], Count(shape_) / shape_[0]};
      return;
    }
    Axes to = {shape_[0], -1};
    if (!opencv_ && Chance(2)) to = {0, -1, shape_.back()};
    Apply("Reshape", {Integers(to)});
    const int64_t rest = Count(shape_) / shape_[0];
    shape_ = to.size() == 2 ? Axes{shape_[0], rest} : Axes{shape_[0], rest / shape_.back(), shape_.back()};
  }

  void Axis() {
    if (opencv_) return Reshape();
    const auto one = std::find(shape_.begin() + 1, shape_.end(), 1);
    if (one != shape_.end() && Rank() > 2) {
      const int64_t axis = one - shape_.begin();
      ApplyWithList("Squeeze", "axes", 13, {Written(axis)});
      shape_.erase(one);
    } else if (Rank() < 5) {
      const int64_t axis = 1 + Below(Rank());
      ApplyWithList("Unsqueeze", "axes", 13, {axis});
      shape_.insert(shape_.begin() + axis, 1);
    }
  }

  void Expand() {
    const auto one = std::find(shape_.begin() + 1, shape_.end(), 1);
    if (opencv_ || opset_ < 8 || !Small() || one == shape_.end()) return Elementwise();
    Axes to = shape_;
    to[static_cast<size_t>(one - shape_.begin())] = 2;
    Apply("Expand", {Integers(to)});
    shape_ = to;
  }

  void Reduce() {
    if (opencv_ || Rank() < 3) return Activate();
    const int64_t axis = AnyAxis();
    const bool mean = Chance(2), keep = Chance(2);
    ApplyWithList(mean ? "ReduceMean" : "ReduceSum", "axes", mean ? 18 : 13, {Written(axis)},
                  {IntegerAttribute("keepdims", keep)});
    if (keep) {
      shape_[static_cast<size_t>(axis)] = 1;
    } else {
      shape_.erase(shape_.begin() + axis);
    }
  }

  void Product() {
    const int64_t to = 1 + Below(5);
    if (opencv_ && Rank() > 2) {
      Apply("Flatten");
      shape_ = {1, Count(shape_)};
    }
    if (Rank() == 2 && Chance(2)) {
      const bool transposed = opencv_ || Chance(2), left = !opencv_ && Chance(4);
      if (left) {  // constant · x
        current_ = Append("Gemm", {Floats(transposed ? Axes{shape_[0], to} : Axes{to, shape_[0]}), current_},
                          {IntegerAttribute("transA", transposed)});
        shape_[0] = to;
        return;
      }
      std::vector<std::string> inputs = {Floats(transposed ? Axes{to, shape_[1]} : Axes{shape_[1], to})};
      if (Chance(2) || opencv_) inputs.push_back(Floats(opencv_ || Chance(2) ? Axes{to} : Axes{1}));
      std::vector<std::string> attributes = {IntegerAttribute("transB", transposed)};
      if (!opencv_ && shape_[0] == 1 && Chance(2)) attributes.push_back(FloatAttribute("alpha", 0.5f));
      Apply("Gemm", inputs, attributes);
      shape_[1] = to;
      return;
    }
    if (!opencv_ && Chance(4) && Count(shape_) == shape_[shape_.size() - 2] * shape_.back()) {
      current_ = Append("MatMul", {Floats({to, shape_[shape_.size() - 2]}), current_});
      shape_[shape_.size() - 2] = to;
      return;
    }
    Apply("MatMul", {Floats({shape_.back(), to})});
    shape_.back() = to;
    if (Chance(2)) Apply(Chance(2) || opencv_ ? "Add" : "Sub", {Floats({to})});
  }

  // What exporters write for x.view(x.size(0), -1).
  void ByItsShape() {
    if (opencv_) return Reshape();
    const std::string shape = Append("Shape", {current_}), zero = NewName();
    nodes_.push_back(Node("Constant", {}, {zero}, {TensorAttribute("value", Tensor<int64_t>("", {}, {0}))}));
    const std::string batch = Append("Gather", {shape, zero}, {IntegerAttribute("axis", 0)}), rows = NewName();
    if (opset_ >= 13) {
      nodes_.push_back(Node("Unsqueeze", {batch, Integers({0})}, {rows}));
    } else {
      nodes_.push_back(Node("Unsqueeze", {batch}, {rows}, {IntegersAttribute("axes", {0})}));
    }
    const std::string rest = Append("Mul", {Integers({1}), Integers({-1})});
    const std::string list = Append("Concat", {rows, rest}, {IntegerAttribute("axis", 0)});
    Apply("Reshape", {Append("Cast", {list}, {IntegerAttribute("to", 7)})});
    shape_ = {shape_[0], Count(shape_) / shape_[0]};
  }

  void Pass() {
    if (Chance(2)) return Apply("Dropout");
    Apply("Identity");
  }

  std::mt19937_64 random_;
  bool opencv_, wide_ = false;
  int64_t opset_ = 0, names_ = 0;
  Axes shape_;
  std::string current_ = "x";
  std::vector<std::string> nodes_, initializers_;
};

}  // namespace pawl::model::onnx
