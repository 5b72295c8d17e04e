// Builds a Network from decoded ONNX messages: names become operands, shapes are inferred and checked, and each
// operator becomes a vector function, a relabelling, or a refusal that names it.
//
// The operators' rules are grouped by what they are: onnx_affine.cc (sums of products), onnx_activation.cc (activations
// and maxima), onnx_relabel.cc (relabelling and whole-number constants); onnx_reader.cc holds the table of them all.
// Operators: github.com/onnx/onnx/blob/main/docs/Operators.md, and Changelog.md there for older versions.
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "model/network.h"
#include "model/onnx_message.h"

namespace pawl::model {

// What a name of the graph stands for.
struct Operand {
  enum class Kind {
    kActivation,  // value `index` of the vector graph
    kConstant,    // tensor `index` of the network, in this shape
    kIntegers,    // whole numbers, known while reading
  };
  Kind kind = Kind::kActivation;
  Shape shape;
  size_t index = 0;
  std::vector<int64_t> integers;
};

// A node, its operands (null where an optional one is left out) and the attributes that its rule has asked for.
struct NodeContext {
  const NodeMessage& message;
  std::vector<const Operand*> operands;
  std::set<std::string_view> asked;
};

// Positions are 32-bit numbers.
inline constexpr uint64_t kElementsMax = uint64_t{1} << 31;

std::string ShapeText(const Shape& shape);
std::string Quoted(std::string_view name);

// The first failure sticks: later steps see it and do nothing more, and Build returns it.
class GraphBuilder {
 public:
  // `file` is what the model was decoded from.
  GraphBuilder(const ModelMessage& model, std::span<const uint8_t> file, const NetworkLimits& limits)
      : model_(model), file_(file), opset_(model.default_opset.value_or(0)), limits_(limits) {
    limits_.elements_max = std::min(limits_.elements_max, kElementsMax);
  }

  Result<Network> Build();

 private:
  struct Rule {
    std::string_view name;
    size_t operands_min, operands_max, outputs_max;
    bool (GraphBuilder::*add)(NodeContext&);
  };
  static const Rule kRules[];

  // ---- failure: all return false, so that a step can end with them ----
  bool Fail(const char* rule, std::string message);
  bool Fail(const NodeContext& context, const char* rule, const std::string& what);
  bool FailShape(const NodeContext& context, const std::string& what) { return Fail(context, "onnx.shape", what); }
  bool FailOperator(const NodeContext& context, const std::string& what) {
    return Fail(context, "onnx.unsupported-operator", what);
  }
  bool FailAttribute(const NodeContext& context, const std::string& what) {
    return Fail(context, "onnx.unsupported-attribute", what);
  }
  bool FailLimit(const std::string& message);

  // ---- the graph's own parts (onnx_reader.cc) ----
  void CheckVersions();
  std::optional<Operand> ReadConstant(std::string_view name, const TensorMessage& message);
  std::optional<std::vector<double>> ReadFloats(std::string_view name, const TensorMessage& message, uint64_t count);
  ElementType FloatType(const ValueMessage& value);
  bool CheckDeclaration(const ValueMessage& value, ElementType type, const Shape& shape);
  bool AddInput();
  bool SetOutput();
  void DropUnusedNodes();
  bool AddNode(const NodeMessage& message);
  bool Resolve(NodeContext& context, std::string_view name);

  // ---- sizes and names ----
  // The product of the axes; fails and returns 1 where one is 0 or the product above the limit.
  uint64_t Count(const Shape& shape);
  // Takes `count` elements from the budget of the whole graph.
  bool Reserve(uint64_t count);
  // Gives an operand its name, which must be new; takes its elements from the budget.
  bool Define(std::string_view name, Operand operand);
  // A new constant; origin is empty for numbers that are not the file's. Its elements must have been reserved.
  size_t AddTensor(std::string_view name, Shape shape, std::vector<double> values, std::string_view origin);

  // ---- what rules begin with ----
  static bool Has(const NodeContext& context, size_t i) {
    return i < context.operands.size() && context.operands[i] != nullptr;
  }
  // Operand i as an activation, as a constant of the file, as a list of whole numbers; null, having failed, where it is
  // something else. Operand i must be there.
  const Operand* ActivationAt(const NodeContext& context, size_t i);
  const Tensor* ConstantAt(const NodeContext& context, size_t i, uint64_t count);
  const std::vector<int64_t>* IntegersAt(const NodeContext& context, size_t i);
  // The list that an operator takes as operand i or, before operator set `since`, as an attribute. Null where it is
  // left out, and after a failure.
  const std::vector<int64_t>* ListAt(NodeContext& context, size_t i, std::string_view attribute, int64_t since);
  // Likewise one float.
  double NumberAt(NodeContext& context, size_t i, std::string_view attribute, int64_t since, double absent);

  const AttributeMessage* Find(NodeContext& context, std::string_view name, AttributeType type);
  int64_t IntegerAttribute(NodeContext& context, std::string_view name, int64_t absent);
  bool FlagAttribute(NodeContext& context, std::string_view name);
  double FloatAttribute(NodeContext& context, std::string_view name, double absent);
  std::string_view TextAttribute(NodeContext& context, std::string_view name, std::string_view absent);

  // An axis counted from the end where negative, as an index below `rank`; `rank` itself after a failure.
  size_t ResolveAxis(const NodeContext& context, int64_t axis, size_t rank);
  // The same for a list, each at most once; nothing after a failure.
  std::optional<std::vector<size_t>> ResolveAxes(const NodeContext& context, const std::vector<int64_t>& list,
                                                 size_t rank);

  // ---- what rules end with ----
  // A new value of the vector graph, and its number.
  size_t Append(const NodeContext& context, Function function, std::vector<size_t> inputs, uint64_t size);
  // The same as the node's output.
  bool Emit(const NodeContext& context, Function function, std::vector<size_t> inputs, Shape shape);

  // Elements of `operands` in a new order and shape: element i of the result is number source[i] of all their elements,
  // counted through. Stays constant where all of them are. `source` must have been reserved.
  std::optional<Operand> Relabelled(const NodeContext& context, std::span<const Operand* const> operands, Shape shape,
                                    const std::vector<uint32_t>& source);
  std::optional<Operand> RelabelledConstant(const NodeContext& context, std::span<const Operand* const> operands,
                                            Shape shape, const std::vector<uint32_t>& source);
  size_t AppendSelect(const NodeContext& context, std::span<const Operand* const> operands,
                      const std::vector<uint32_t>& source);
  // Ends a rule: operand 0 relabelled, and operand 0 in another shape with its elements in the same order.
  bool DefineRelabelled(const NodeContext& context, Shape shape, const std::vector<uint32_t>& source,
                        size_t output = 0);
  bool DefineReshaped(const NodeContext& context, Shape shape);
  // The operand stretched to `shape` by ONNX's (NumPy's) broadcasting.
  std::optional<Operand> Stretched(const NodeContext& context, const Operand& operand, const Shape& shape);
  std::optional<Shape> BroadcastShape(const NodeContext& context, const Shape& a, const Shape& b);
  // Row-major positions of `shape`, one step along axis i being step[i] elements; takes them from the budget.
  std::vector<uint32_t> Positions(const Shape& shape, const std::vector<int64_t>& step, int64_t start = 0);

  // ---- sums of products (onnx_affine.cc) ----
  bool AddElementwise(NodeContext& context);
  bool AddNegation(NodeContext& context);
  bool AddMatMul(NodeContext& context);
  bool AddGemm(NodeContext& context);
  bool AddConvolution(NodeContext& context);
  bool AddAveragePool(NodeContext& context);
  bool AddGlobalAveragePool(NodeContext& context);
  bool AddReduction(NodeContext& context);
  bool AddBatchNormalization(NodeContext& context);
  // How the vectors of a matrix lie in a tensor: upright ones are columns.
  struct VectorLayout {
    uint64_t positions = 1;
    bool input_upright = false, output_upright = false;
  };
  bool AddProduct(NodeContext& context, const Operand& x, Dense dense, const VectorLayout& layout, Shape shape);
  bool EmitAverage(const NodeContext& context, size_t value, const Window& window, uint64_t channels,
                   std::vector<double> divisors, Shape shape);
  bool FuseBias(NodeContext& context, const Operand& constant, double sign, const Shape& shape);
  // The windows of a Conv or pool over the axes behind the channel axis.
  std::optional<Window> ReadWindow(NodeContext& context, const Shape& operand, const Shape& kernel, bool round_up);
  bool PlaceWindow(NodeContext& context, WindowAxis& axis, std::string_view automatic, uint64_t pad_end, bool round_up);
  std::optional<Shape> KernelAttribute(NodeContext& context);
  // [1, channels, …] of the result.
  static Shape WindowShape(const Window& window, uint64_t channels);

  // ---- activations and maxima (onnx_activation.cc) ----
  bool AddActivation(NodeContext& context);
  bool AddClip(NodeContext& context);
  bool AddMaxPool(NodeContext& context);

  // ---- relabelling and whole numbers (onnx_relabel.cc) ----
  bool AddIdentity(NodeContext& context);
  bool AddDropout(NodeContext& context);
  bool AddCast(NodeContext& context);
  bool AddFlatten(NodeContext& context);
  bool AddReshape(NodeContext& context);
  bool AddSqueeze(NodeContext& context);
  bool AddUnsqueeze(NodeContext& context);
  bool AddTranspose(NodeContext& context);
  bool AddExpand(NodeContext& context);
  bool AddConcat(NodeContext& context);
  bool AddGather(NodeContext& context);
  bool AddSlice(NodeContext& context);
  bool AddSplit(NodeContext& context);
  bool AddPad(NodeContext& context);
  bool AddConstantNode(NodeContext& context);
  bool AddConstantOfShape(NodeContext& context);
  bool AddShape(NodeContext& context);
  bool FoldIntegers(NodeContext& context);
  std::optional<Shape> ReadShape(const NodeContext& context, const std::vector<int64_t>& list);

  const ModelMessage& model_;
  const std::span<const uint8_t> file_;
  const int64_t opset_;
  NetworkLimits limits_;
  std::optional<Error> error_;
  Network network_;
  std::map<std::string, Operand, std::less<>> operands_;
  std::map<std::string_view, size_t> uses_;      // how many nodes and outputs read each name
  std::map<std::string_view, size_t> products_;  // outputs of MatMul nodes: the Dense value, which may take a bias
  std::set<std::string> operators_;
  uint64_t elements_ = 0;
};

}  // namespace pawl::model
