// A network as a graph of vector nodes in evaluation order: the form that bounds are computed over.
//
//   const VectorGraph& graph = network.graph;
//   std::vector<std::vector<double>> value(graph.nodes.size() + 1);
//   value[0] = x;                                                      // the network's input, flattened row-major
//   for (size_t i = 0; i < graph.nodes.size(); ++i) {
//     const VectorNode& node = graph.nodes[i];
//     if (const auto* dense = std::get_if<Dense>(&node.function)) ...  // or std::visit with one overload a function
//   }
//   return value[graph.output];
//
// Value 0 is the network's input, value i + 1 is what node i computes from values before it. Every value is a vector of
// fixed size. All ONNX operators become the eight functions below; the mathematical function is exactly the graph's.
//
// Constants are not copied: a function names a tensor of the network (an index into Network::tensors) and says how to
// walk through it. Their values are the file's own numbers; nothing is multiplied, added or rounded on reading.
//
// Rounding, for whoever charges it. A vector node stands for one ONNX node, except that
// - a MatMul whose only use is an Add or Sub of a constant (on the right of Sub) takes that constant as its bias;
// - Select stands for any number of relabelling nodes and never rounds.
// What a deployed evaluation may compute for each function is said there: n products and sums in any order.
//
// Thread safety: values.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <variant>
#include <vector>

namespace pawl::model {

// In place of an index into Network::tensors: there is no such constant.
inline constexpr size_t kNoConstant = static_cast<size_t>(-1);

// y_i = alpha·Σ_j W_ij·x_j + beta·b_i, with W_ij = weights[i·row_step + j·column_step] and b_i = bias[i·bias_step].
// Rounding: `columns` products and sums, the addition of b, and one product each with alpha and beta where they are
// neither 1 nor −1 (a Sub is beta = −1).
struct Dense {
  size_t weights = kNoConstant;
  uint64_t rows = 0, columns = 0, row_step = 0, column_step = 0;
  size_t bias = kNoConstant;
  uint64_t bias_step = 0;  // 0: one number for all rows
  double alpha = 1, beta = 1;
  friend bool operator==(const Dense&, const Dense&) = default;
};

// Where windows lie over the axes behind the channel axis. Position p of an axis covers the operand's positions
// p·stride − pad + k·dilation for k = 0 … kernel − 1; those outside 0 … input − 1 are padding.
struct WindowAxis {
  uint64_t input = 0, output = 0, kernel = 1, stride = 1, dilation = 1, pad = 0;
  friend bool operator==(const WindowAxis&, const WindowAxis&) = default;
};

struct WindowTap {
  uint64_t kernel = 0, input = 0;  // flat positions within a kernel and within a channel of the operand
  friend bool operator==(const WindowTap&, const WindowTap&) = default;
};

struct Window {
  std::vector<WindowAxis> axes;  // from slowest to fastest

  uint64_t KernelSize() const;
  uint64_t InputSize() const;   // of one channel
  uint64_t OutputSize() const;  // of one channel
  // The operand positions that the window at flat output position `output` covers, padding left out; ascending.
  void Taps(uint64_t output, std::vector<WindowTap>& taps) const;
  friend bool operator==(const Window&, const Window&) = default;
};

// A cross-correlation, as in ONNX Conv; the batch axis is 1. With G groups, channel m of the result belongs to group
// g = m / (output_channels / G), which reads the channels g·C' … g·C' + C' − 1, C' = input_channels / G:
//   y[m][p] = (Σ_{c < C'} Σ_{(k, q) in Taps(p)} weights[(m·C' + c)·KernelSize() + k] · x[g·C' + c][q] + bias[m]) / d_p
// d_p is divisors[p], 1 where `divisors` is empty. AveragePool and GlobalAveragePool have G = input_channels, weights
// that are all 1, no bias, and divisors: whole numbers from 1 to 2^24.
// Rounding: C'·|Taps(p)| products and sums, the addition of the bias; of an average one division more, or a rounded
// reciprocal and products with it, before or after summing.
struct Convolution {
  Window window;
  uint64_t input_channels = 0, output_channels = 0, groups = 1;
  size_t weights = kNoConstant;
  size_t bias = kNoConstant;
  std::vector<double> divisors;
  friend bool operator==(const Convolution&, const Convolution&) = default;
};

// y_i from x_i and c_i = constant[i·constant_step]: one rounding an element.
struct Elementwise {
  enum class Form {
    kAdd,           // x + c
    kSubtract,      // x − c
    kSubtractFrom,  // c − x
    kMultiply,      // x·c
    kDivide,        // x / c; no c_i is 0
  };
  Form form = Form::kAdd;
  size_t constant = kNoConstant;
  uint64_t constant_step = 1;  // 0: one number for all elements
  friend bool operator==(const Elementwise&, const Elementwise&) = default;
};

// y_i = scale_c·(x_i − mean_c) / sqrt(variance_c + epsilon) + bias_c, c = i / channel_size; variance_c + epsilon > 0.
// Deployed evaluations differ in which factors they multiply or divide first (spec/certificate.md).
struct BatchNormalization {
  size_t scale = kNoConstant, bias = kNoConstant, mean = kNoConstant, variance = kNoConstant;
  double epsilon = 0;         // a float32 value, exact
  uint64_t channel_size = 1;  // elements of a channel
  friend bool operator==(const BatchNormalization&, const BatchNormalization&) = default;
};

// y_i = x_i ± x'_i; two inputs. One rounding an element.
struct Sum {
  double second_sign = 1;  // 1 or −1
  friend bool operator==(const Sum&, const Sum&) = default;
};

// Relabelling: y_i is element source[i] of the list that begins with all elements of input 0, goes on with those of
// input 1 and so on, and ends with all elements of the tensors that `constants` names. Exact.
struct Select {
  std::vector<uint32_t> source;
  std::vector<size_t> constants;
  friend bool operator==(const Select&, const Select&) = default;
};

// y_i = max of x[members[k]], k = begin[i] … begin[i + 1] − 1; at least one. Exact. MaxPool.
struct Maximum {
  std::vector<uint32_t> begin;  // size + 1
  std::vector<uint32_t> members;
  friend bool operator==(const Maximum&, const Maximum&) = default;
};

// y_i = f(x_i).
struct Activation {
  enum class Form {
    kRelu,       // max(x, 0): exact
    kLeakyRelu,  // x where x ≥ 0, else slope·x: one rounding
    kClip,       // min(max(x, lower), upper), lower ≤ upper, either may be infinite: exact
    kSigmoid,    // 1 / (1 + e^−x): no standard fixes its rounding
    kTanh,       // likewise
  };
  Form form = Form::kRelu;
  double slope = 0;             // of kLeakyRelu; finite, a float32 value
  double lower = 0, upper = 0;  // of kClip
  friend bool operator==(const Activation&, const Activation&) = default;
};

using Function = std::variant<Dense, Convolution, Elementwise, BatchNormalization, Sum, Select, Maximum, Activation>;

struct VectorNode {
  Function function;
  std::vector<size_t> inputs;  // values read: two for Sum, at least one for Select, else one
  size_t size = 0;             // elements of the result
  // "Gemm node 'fc1'", for messages; the last one of those that the vector node stands for.
  std::string description;
  friend bool operator==(const VectorNode&, const VectorNode&) = default;
};

struct VectorGraph {
  std::vector<VectorNode> nodes;
  size_t input_size = 0;
  size_t output = 0;  // the value that is the network's output

  // Elements of value v, 0 ≤ v ≤ nodes.size().
  size_t SizeOf(size_t v) const { return v == 0 ? input_size : nodes[v - 1].size; }
  friend bool operator==(const VectorGraph&, const VectorGraph&) = default;
};

}  // namespace pawl::model
