// ONNX graphs by the operators' definitions, tensor by tensor and index by index, in rational numbers. Shares the
// decoding of messages with the reader and nothing else: what the reader makes of a graph is compared with this.
//
//   OnnxDefinitions graph(*DecodeModel(bytes, limits));
//   std::vector<mpq_class> y = graph.Evaluate(x);
//
// Operators: github.com/onnx/onnx/blob/main/docs/Operators.md, and Changelog.md there for older versions.
#pragma once

#include <gmpxx.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <functional>
#include <map>
#include <numeric>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "model/onnx_message.h"

namespace pawl::evaluation {

class OnnxDefinitions {
 public:
  using Index = std::vector<int64_t>;
  struct Tensor {
    Index shape;
    std::vector<mpq_class> values;
  };

  explicit OnnxDefinitions(model::ModelMessage message) : message_(std::move(message)) {}

  // The output's elements. `inexact` then says whether a root or an exponential was taken in double precision.
  std::vector<mpq_class> Evaluate(const std::vector<mpq_class>& input) {
    tensors_.clear();
    inexact = false;
    for (const model::TensorMessage& tensor : message_.initializers) {
      tensors_[std::string(tensor.name)] = Decoded(tensor);
    }
    for (const model::ValueMessage& value : message_.inputs) {
      if (tensors_.contains(std::string(value.name))) continue;
      Tensor x;
      for (const model::DeclaredAxis& axis : *value.shape) x.shape.push_back(axis.value_or(1));
      x.values = input;
      tensors_[std::string(value.name)] = x;
    }
    for (const model::NodeMessage& node : message_.nodes) {
      node_ = &node;
      std::vector<Tensor> outputs = Apply();
      for (size_t i = 0; i < outputs.size(); ++i) tensors_[std::string(node.outputs[i])] = std::move(outputs[i]);
    }
    largest = 1;
    for (const auto& [name, tensor] : tensors_) {
      for (const mpq_class& value : tensor.values) largest = std::max(largest, std::fabs(value.get_d()));
    }
    return tensors_.at(std::string(message_.outputs.front().name)).values;
  }

  bool inexact = false;
  double largest = 1;  // magnitude of all values of the last evaluation

 private:
  static int64_t Count(const Index& shape) {
    return std::accumulate(shape.begin(), shape.end(), int64_t{1}, std::multiplies<>());
  }
  static Tensor Decoded(const model::TensorMessage& message) {
    Tensor tensor{message.dimensions, {}};
    const auto count = static_cast<size_t>(Count(message.dimensions));
    const auto raw = [&]<typename T>(T) {
      for (size_t i = 0; i < count; ++i) {
        T value{};
        std::memcpy(&value, message.raw->data() + i * sizeof(T), sizeof(T));
        tensor.values.emplace_back(value);
      }
    };
    if (message.raw && message.data_type == model::kOnnxFloat) raw(float{});
    if (message.raw && message.data_type == model::kOnnxDouble) raw(double{});
    if (message.raw && message.data_type == model::kOnnxInt64) raw(int64_t{});
    for (const double value : message.floats) tensor.values.emplace_back(value);
    for (const double value : message.doubles) tensor.values.emplace_back(value);
    for (const int64_t value : message.integers) tensor.values.emplace_back(value);
    return tensor;
  }

  // ---- indices ----

  static size_t Flat(const Index& shape, const Index& at) {
    int64_t flat = 0;
    for (size_t i = 0; i < shape.size(); ++i) flat = flat * shape[i] + at[i];
    return static_cast<size_t>(flat);
  }
  // The element that broadcasting puts at `at`.
  static const mpq_class& Broadcast(const Tensor& tensor, const Index& at) {
    Index own;
    for (size_t i = 0; i < tensor.shape.size(); ++i) {
      const int64_t place = at[at.size() - tensor.shape.size() + i];
      own.push_back(tensor.shape[i] == 1 ? 0 : place);
    }
    return tensor.values[Flat(tensor.shape, own)];
  }
  // A tensor by its element at each index.
  static Tensor Make(const Index& shape, const std::function<mpq_class(const Index&)>& element) {
    Tensor tensor{shape, {}};
    Index at(shape.size(), 0);
    for (int64_t n = Count(shape); n > 0; --n) {
      tensor.values.push_back(element(at));
      for (size_t i = at.size(); i > 0 && ++at[i - 1] == shape[i - 1]; --i) at[i - 1] = 0;
    }
    return tensor;
  }
  static Index Positive(Index axes, size_t rank) {
    for (int64_t& axis : axes) axis += axis < 0 ? static_cast<int64_t>(rank) : 0;
    return axes;
  }

  // ---- the node at hand ----

  int64_t opset() const { return *message_.default_opset; }
  bool Has(size_t i) const { return i < node_->inputs.size() && !node_->inputs[i].empty(); }
  const Tensor& In(size_t i) const { return tensors_.at(std::string(node_->inputs[i])); }
  Index Integers(size_t i) const {
    Index list;
    for (const mpq_class& value : In(i).values) list.push_back(value.get_num().get_si());
    return list;
  }
  const model::AttributeMessage* Attribute(std::string_view name) const {
    for (const model::AttributeMessage& attribute : node_->attributes) {
      if (attribute.name == name) return &attribute;
    }
    return nullptr;
  }
  int64_t Integer(std::string_view name, int64_t absent) const {
    const auto* found = Attribute(name);
    return found ? found->i : absent;
  }
  double Float(std::string_view name, double absent) const {
    const auto* found = Attribute(name);
    return found ? found->f : absent;
  }
  Index List(std::string_view name, Index absent) const {
    const auto* found = Attribute(name);
    return found ? found->integers : absent;
  }
  // As an input or, in older versions, an attribute.
  std::optional<Index> ListAt(size_t i, std::string_view name) const {
    if (Has(i)) return Integers(i);
    const auto* found = Attribute(name);
    return found ? std::optional(found->integers) : std::nullopt;
  }

  std::vector<Tensor> Apply() {
    const std::string name(node_->onnx_operator);
    if (name == "Split") return Split();
    return {One(name)};
  }

  Tensor One(const std::string& name) {
    if (name == "Add" || name == "Sub" || name == "Mul" || name == "Div") return Binary(name.front());
    if (name == "MatMul") return MatMul();
    if (name == "Gemm") return Gemm();
    if (name == "Conv") return Conv();
    if (name == "MaxPool" || name == "AveragePool") return Pool(name == "MaxPool");
    if (name == "GlobalAveragePool") return Reduce(SpatialAxes(), true, true);
    if (name == "ReduceMean" || name == "ReduceSum") {
      return Reduce(ListAt(1, "axes").value_or(Index()), Integer("keepdims", 1) != 0, name == "ReduceMean");
    }
    if (name == "BatchNormalization") return Normalise();
    if (name == "Concat") return Concat();
    if (name == "Constant") return ConstantNode();
    if (name == "ConstantOfShape") {
      const auto* value = Attribute("value");
      const mpq_class filler = value ? Decoded(value->tensor).values[0] : mpq_class(0);
      return Make(Integers(0), [&](const Index&) { return filler; });
    }
    return Single(name, In(0));
  }

  // Operators of one tensor and how it is changed.
  Tensor Single(const std::string& name, const Tensor& x) {
    const auto rank = static_cast<int64_t>(x.shape.size());
    if (name == "Identity" || name == "Dropout" || name == "Cast") return x;
    if (name == "Gather") return Gather(x);
    if (name == "Slice") return Slice(x);
    if (name == "Pad") return Pad(x);
    if (name == "Shape") {
      Tensor shape{{rank}, {}};
      for (const int64_t axis : x.shape) shape.values.emplace_back(axis);
      return shape;
    }
    if (name == "Flatten") {
      int64_t axis = Integer("axis", 1);
      if (axis < 0) axis += rank;
      const int64_t rows = Count(Index(x.shape.begin(), x.shape.begin() + axis));
      return {{rows, Count(x.shape) / rows}, x.values};
    }
    if (name == "Reshape") {
      Index to = Integers(1);
      for (size_t i = 0; i < to.size(); ++i) to[i] = to[i] == 0 ? x.shape[i] : to[i];
      for (int64_t& axis : to) axis = axis == -1 ? Count(x.shape) / -Count(to) : axis;
      return {to, x.values};
    }
    if (name == "Squeeze") {
      const std::optional<Index> list = ListAt(1, "axes");
      const Index axes = Positive(list.value_or(Index()), x.shape.size());
      Index to;
      for (int64_t i = 0; i < rank; ++i) {
        const bool drop = list ? std::count(axes.begin(), axes.end(), i) > 0 : x.shape[i] == 1;
        if (!drop) to.push_back(x.shape[i]);
      }
      return {to, x.values};
    }
    if (name == "Unsqueeze") {
      Index axes = *ListAt(1, "axes");
      axes = Positive(axes, x.shape.size() + axes.size());
      Index to;
      size_t taken = 0;
      for (int64_t i = 0; to.size() < x.shape.size() + axes.size(); ++i) {
        to.push_back(std::count(axes.begin(), axes.end(), i) > 0 ? 1 : x.shape[taken++]);
      }
      return {to, x.values};
    }
    if (name == "Transpose") {
      Index order(x.shape.size());
      for (int64_t i = 0; i < rank; ++i) order[i] = rank - 1 - i;
      order = List("perm", order);
      Index to;
      for (const int64_t axis : order) to.push_back(x.shape[axis]);
      return Make(to, [&](const Index& at) {
        Index from(at.size());
        for (size_t i = 0; i < at.size(); ++i) from[order[i]] = at[i];
        return x.values[Flat(x.shape, from)];
      });
    }
    if (name == "Expand") {
      Index to = Integers(1);
      while (to.size() < x.shape.size()) to.insert(to.begin(), 1);
      for (size_t i = 1; i <= x.shape.size(); ++i) {
        int64_t& axis = to[to.size() - i];
        axis = std::max(axis, x.shape[x.shape.size() - i]);
      }
      return Make(to, [&](const Index& at) { return Broadcast(x, at); });
    }
    return Make(x.shape, [&](const Index& at) { return Activate(name, x.values[Flat(x.shape, at)]); });
  }

  mpq_class Activate(const std::string& name, const mpq_class& x) {
    if (name == "Neg") return -x;
    if (name == "Relu") return x > 0 ? x : mpq_class(0);
    if (name == "LeakyRelu") return x >= 0 ? x : mpq_class(mpq_class(Float("alpha", 0.01f)) * x);
    if (name == "Clip") {
      mpq_class y = x;
      const auto limit = [&](size_t i, std::string_view attribute) -> std::optional<mpq_class> {
        if (Has(i)) return In(i).values[0];
        const auto* found = Attribute(attribute);
        return found ? std::optional<mpq_class>(found->f) : std::nullopt;
      };
      if (const auto lower = limit(1, "min")) y = y < *lower ? *lower : y;
      if (const auto upper = limit(2, "max")) y = y > *upper ? *upper : y;
      return y;
    }
    inexact = true;
    if (name == "Sigmoid") return 1 / (1 + std::exp(-x.get_d()));
    if (name == "Tanh") return std::tanh(x.get_d());
    throw std::runtime_error("no definition of " + name);
  }

  Tensor Binary(char operation) {
    const Tensor &a = In(0), &b = In(1);
    Index shape(std::max(a.shape.size(), b.shape.size()), 1);
    for (const Tensor* t : {&a, &b}) {
      for (size_t i = 1; i <= t->shape.size(); ++i) {
        int64_t& axis = shape[shape.size() - i];
        axis = std::max(axis, t->shape[t->shape.size() - i]);
      }
    }
    return Make(shape, [&](const Index& at) -> mpq_class {
      const mpq_class &x = Broadcast(a, at), &y = Broadcast(b, at);
      return operation == 'A'   ? mpq_class(x + y)
             : operation == 'S' ? mpq_class(x - y)
             : operation == 'M' ? mpq_class(x * y)
                                : mpq_class(x / y);
    });
  }

  // Both factors at least of two axes; the leading axes of the longer one are kept.
  Tensor MatMul() {
    Tensor a = In(0), b = In(1);
    const bool row = a.shape.size() == 1, column = b.shape.size() == 1;
    if (row) a.shape.insert(a.shape.begin(), 1);
    if (column) b.shape.push_back(1);
    Index shape = a.shape.size() >= b.shape.size() ? a.shape : b.shape;
    const int64_t inner = a.shape.back();
    shape[shape.size() - 2] = a.shape[a.shape.size() - 2];
    shape.back() = b.shape.back();
    const auto factor = [](const Tensor& t, const Index& at, int64_t i, int64_t j) {
      Index own(at.end() - static_cast<std::ptrdiff_t>(t.shape.size()), at.end());
      own[own.size() - 2] = i;
      own.back() = j;
      return t.values[Flat(t.shape, own)];
    };
    Tensor y = Make(shape, [&](const Index& at) {
      mpq_class sum = 0;
      for (int64_t k = 0; k < inner; ++k) {
        sum += factor(a, at, at[at.size() - 2], k) * factor(b, at, k, at.back());
      }
      return sum;
    });
    if (row) y.shape.erase(y.shape.end() - 2);
    if (column) y.shape.pop_back();
    return y;
  }

  Tensor Gemm() {
    const Tensor &a = In(0), &b = In(1);
    const bool ta = Integer("transA", 0) != 0, tb = Integer("transB", 0) != 0;
    const int64_t inner = a.shape[ta ? 0 : 1];
    return Make({a.shape[ta ? 1 : 0], b.shape[tb ? 0 : 1]}, [&](const Index& at) {
      mpq_class sum = 0;
      for (int64_t k = 0; k < inner; ++k) {
        sum += a.values[Flat(a.shape, ta ? Index{k, at[0]} : Index{at[0], k})] *
               b.values[Flat(b.shape, tb ? Index{at[1], k} : Index{k, at[1]})];
      }
      sum *= mpq_class(Float("alpha", 1));
      if (Has(2)) sum += mpq_class(Float("beta", 1)) * Broadcast(In(2), at);
      return sum;
    });
  }

  // ---- windows ----

  struct Windows {
    Index kernel, strides, dilations, before, output;
  };
  Windows ReadWindows(const Tensor& x, const Index& kernel) const {
    const size_t rank = kernel.size();
    Windows w{kernel, List("strides", Index(rank, 1)), List("dilations", Index(rank, 1)), {}, {}};
    const Index pads = List("pads", Index(2 * rank, 0));
    const auto* automatic = Attribute("auto_pad");
    for (size_t i = 0; i < rank; ++i) {
      const int64_t input = x.shape[i + 2], extent = (kernel[i] - 1) * w.dilations[i] + 1;
      int64_t before = pads[i], padded = input + pads[i] + pads[rank + i];
      if (automatic && automatic->text.starts_with("SAME")) {
        const int64_t output = (input + w.strides[i] - 1) / w.strides[i];
        const int64_t total = std::max<int64_t>(0, (output - 1) * w.strides[i] + extent - input);
        before = automatic->text == "SAME_UPPER" ? total / 2 : total - total / 2;
        padded = input + total;
      }
      const double steps = static_cast<double>(padded - extent) / static_cast<double>(w.strides[i]);
      w.before.push_back(before);
      w.output.push_back(static_cast<int64_t>(Integer("ceil_mode", 0) ? std::ceil(steps) : std::floor(steps)) + 1);
    }
    return w;
  }
  // Calls f(index within the kernel, element) for the window's positions that are not padding.
  template <typename F>
  static void ForWindow(const Tensor& x, const Windows& w, int64_t channel, const Index& at, F f) {
    Make(w.kernel, [&](const Index& k) {
      Index from = {0, channel};
      for (size_t i = 0; i < k.size(); ++i) {
        from.push_back(at[i + 2] * w.strides[i] - w.before[i] + k[i] * w.dilations[i]);
        if (from.back() < 0 || from.back() >= x.shape[i + 2]) return mpq_class(0);
      }
      f(k, x.values[Flat(x.shape, from)]);
      return mpq_class(0);
    });
  }
  static Index OutputShape(int64_t channels, const Windows& w) {
    Index shape = {1, channels};
    shape.insert(shape.end(), w.output.begin(), w.output.end());
    return shape;
  }

  Tensor Conv() {
    const Tensor &x = In(0), &weights = In(1);
    const Windows w = ReadWindows(x, Index(weights.shape.begin() + 2, weights.shape.end()));
    const int64_t groups = Integer("group", 1), channels = weights.shape[1], outputs = weights.shape[0] / groups;
    return Make(OutputShape(weights.shape[0], w), [&](const Index& at) {
      mpq_class sum = Has(2) ? In(2).values[at[1]] : mpq_class(0);
      for (int64_t c = 0; c < channels; ++c) {
        ForWindow(x, w, at[1] / outputs * channels + c, at, [&](const Index& k, const mpq_class& value) {
          Index place = {at[1], c};
          place.insert(place.end(), k.begin(), k.end());
          sum += weights.values[Flat(weights.shape, place)] * value;
        });
      }
      return sum;
    });
  }

  Tensor Pool(bool maximum) {
    const Tensor& x = In(0);
    const Windows w = ReadWindows(x, List("kernel_shape", {}));
    return Make(OutputShape(x.shape[1], w), [&](const Index& at) {
      mpq_class most, sum = 0;
      int64_t count = 0;
      ForWindow(x, w, at[1], at, [&](const Index&, const mpq_class& value) {
        most = count == 0 || value > most ? value : most;
        sum += value;
        ++count;
      });
      if (maximum) return most;
      return mpq_class(sum / mpq_class(Integer("count_include_pad", 0) ? Count(w.kernel) : count));
    });
  }

  Index SpatialAxes() const {
    Index axes(In(0).shape.size() - 2);
    std::iota(axes.begin(), axes.end(), 2);
    return axes;
  }
  Tensor Reduce(Index axes, bool keep, bool mean) {
    const Tensor& x = In(0);
    if (axes.empty()) {
      if (Integer("noop_with_empty_axes", 0)) return x;
      axes.resize(x.shape.size());
      std::iota(axes.begin(), axes.end(), 0);
    }
    axes = Positive(axes, x.shape.size());
    Index shape = x.shape, summed(x.shape.size(), 1);
    for (const int64_t axis : axes) {
      summed[axis] = x.shape[axis];
      shape[axis] = 1;
    }
    Tensor y = Make(shape, [&](const Index& at) {
      mpq_class sum = 0;
      Make(summed, [&](const Index& step) {
        Index from = at;
        for (size_t i = 0; i < from.size(); ++i) from[i] += step[i];
        return sum += x.values[Flat(x.shape, from)];
      });
      return mean ? mpq_class(sum / mpq_class(Count(summed))) : sum;
    });
    std::sort(axes.rbegin(), axes.rend());
    for (const int64_t axis : axes) {
      if (!keep) y.shape.erase(y.shape.begin() + axis);
    }
    return y;
  }

  Tensor Normalise() {
    inexact = true;
    const Tensor& x = In(0);
    return Make(x.shape, [&](const Index& at) {
      const int64_t c = at[1];
      const double root = std::sqrt(In(4).values[c].get_d() + Float("epsilon", 1e-5f));
      return mpq_class(In(1).values[c] * (x.values[Flat(x.shape, at)] - In(3).values[c]) / mpq_class(root) +
                       In(2).values[c]);
    });
  }

  // ---- moving elements ----

  Tensor Concat() {
    const int64_t axis = Positive({Integer("axis", 0)}, In(0).shape.size())[0];
    Index shape = In(0).shape;
    shape[axis] = 0;
    for (size_t i = 0; i < node_->inputs.size(); ++i) shape[axis] += In(i).shape[axis];
    return Make(shape, [&](const Index& at) {
      Index from = at;
      size_t i = 0;
      for (; from[axis] >= In(i).shape[axis]; ++i) from[axis] -= In(i).shape[axis];
      return In(i).values[Flat(In(i).shape, from)];
    });
  }

  std::vector<Tensor> Split() {
    const Tensor& x = In(0);
    const int64_t axis = Positive({Integer("axis", 0)}, x.shape.size())[0];
    const auto outputs = static_cast<int64_t>(node_->outputs.size());
    const int64_t part = (x.shape[axis] + outputs - 1) / outputs;
    Index lengths(outputs, part);
    lengths.back() = x.shape[axis] - part * (outputs - 1);
    lengths = ListAt(1, "split").value_or(lengths);
    std::vector<Tensor> parts;
    int64_t begin = 0;
    for (const int64_t length : lengths) {
      Index shape = x.shape;
      shape[axis] = length;
      parts.push_back(Make(shape, [&](const Index& at) {
        Index from = at;
        from[axis] += begin;
        return x.values[Flat(x.shape, from)];
      }));
      begin += length;
    }
    return parts;
  }

  Tensor Gather(const Tensor& x) const {
    const int64_t axis = Positive({Integer("axis", 0)}, x.shape.size())[0];
    const Tensor& chosen = In(1);
    const Index list = Integers(1);
    Index shape(x.shape.begin(), x.shape.begin() + axis);
    shape.insert(shape.end(), chosen.shape.begin(), chosen.shape.end());
    shape.insert(shape.end(), x.shape.begin() + axis + 1, x.shape.end());
    const auto rank = static_cast<std::ptrdiff_t>(chosen.shape.size());
    return Make(shape, [&](const Index& at) {
      const Index which(at.begin() + axis, at.begin() + axis + rank);
      const int64_t index = list[Flat(chosen.shape, which)];
      Index from(at.begin(), at.begin() + axis);
      from.push_back(index < 0 ? index + x.shape[axis] : index);
      from.insert(from.end(), at.begin() + axis + rank, at.end());
      return x.values[Flat(x.shape, from)];
    });
  }

  // Walks along each axis as Python's slices do.
  Tensor Slice(const Tensor& x) const {
    const Index starts = *ListAt(1, "starts"), ends = *ListAt(2, "ends");
    Index axes(starts.size());
    std::iota(axes.begin(), axes.end(), 0);
    axes = Positive(ListAt(3, "axes").value_or(axes), x.shape.size());
    const Index steps = Has(4) ? Integers(4) : Index(starts.size(), 1);
    std::vector<Index> chosen;
    for (const int64_t length : x.shape) {
      Index all(length);
      std::iota(all.begin(), all.end(), 0);
      chosen.push_back(all);
    }
    for (size_t i = 0; i < axes.size(); ++i) {
      const int64_t length = x.shape[axes[i]], step = steps[i];
      const auto place = [&](int64_t at) {
        at += at < 0 ? length : 0;
        return step > 0 ? std::clamp<int64_t>(at, 0, length) : std::clamp<int64_t>(at, -1, length - 1);
      };
      Index& list = chosen[axes[i]];
      list.clear();
      for (int64_t at = place(starts[i]); step > 0 ? at < place(ends[i]) : at > place(ends[i]); at += step) {
        list.push_back(at);
      }
    }
    Index shape;
    for (const Index& list : chosen) shape.push_back(static_cast<int64_t>(list.size()));
    return Make(shape, [&](const Index& at) {
      Index from;
      for (size_t i = 0; i < at.size(); ++i) from.push_back(chosen[i][at[i]]);
      return x.values[Flat(x.shape, from)];
    });
  }

  Tensor Pad(const Tensor& x) const {
    const Index pads = *ListAt(1, "pads");
    Index axes(x.shape.size());
    std::iota(axes.begin(), axes.end(), 0);
    if (Has(3)) axes = Positive(Integers(3), x.shape.size());
    const mpq_class filler = Has(2) ? In(2).values[0] : mpq_class(Float("value", 0));
    Index shape = x.shape, before(x.shape.size(), 0);
    for (size_t i = 0; i < axes.size(); ++i) {
      before[axes[i]] = pads[i];
      shape[axes[i]] += pads[i] + pads[axes.size() + i];
    }
    return Make(shape, [&](const Index& at) {
      Index from = at;
      for (size_t i = 0; i < from.size(); ++i) {
        from[i] -= before[i];
        if (from[i] < 0 || from[i] >= x.shape[i]) return filler;
      }
      return x.values[Flat(x.shape, from)];
    });
  }

  Tensor ConstantNode() const {
    if (const auto* tensor = Attribute("value")) return Decoded(tensor->tensor);
    if (const auto* number = Attribute("value_float")) return {{}, {mpq_class(number->f)}};
    if (const auto* number = Attribute("value_int")) return {{}, {mpq_class(number->i)}};
    Tensor list;
    if (const auto* floats = Attribute("value_floats"))
      list.values.assign(floats->floats.begin(), floats->floats.end());
    if (const auto* integers = Attribute("value_ints")) {
      for (const int64_t i : integers->integers) list.values.emplace_back(i);
    }
    list.shape = {static_cast<int64_t>(list.values.size())};
    return list;
  }

  model::ModelMessage message_;
  const model::NodeMessage* node_ = nullptr;
  std::map<std::string, Tensor> tensors_;
};

}  // namespace pawl::evaluation
