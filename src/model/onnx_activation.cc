// Activations and maxima.
#include <cmath>
#include <limits>

#include "model/onnx_graph.h"

namespace pawl::model {

bool GraphBuilder::AddActivation(NodeContext& context) {
  const Operand* x = ActivationAt(context, 0);
  if (!x) return false;
  Activation activation;
  const std::string_view name = context.message.onnx_operator;
  if (name == "LeakyRelu") {
    activation.form = Activation::Form::kLeakyRelu;
    activation.slope = FloatAttribute(context, "alpha", static_cast<double>(0.01f));
  } else if (name == "Sigmoid") {
    activation.form = Activation::Form::kSigmoid;
  } else if (name == "Tanh") {
    activation.form = Activation::Form::kTanh;
  }
  return Emit(context, activation, {x->index}, x->shape);
}

bool GraphBuilder::AddClip(NodeContext& context) {
  const Operand* x = ActivationAt(context, 0);
  if (!x) return false;
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  Activation activation;
  activation.form = Activation::Form::kClip;
  activation.lower = NumberAt(context, 1, "min", 11, -kInfinity);
  activation.upper = NumberAt(context, 2, "max", 11, kInfinity);
  if (activation.lower > activation.upper) return FailAttribute(context, "has a 'min' above its 'max'");
  return Emit(context, activation, {x->index}, x->shape);
}

bool GraphBuilder::AddMaxPool(NodeContext& context) {
  const Operand* x = ActivationAt(context, 0);
  const std::optional<Shape> kernel = KernelAttribute(context);
  if (!x || !kernel) return FailAttribute(context, "has no 'kernel_shape'");
  if (IntegerAttribute(context, "storage_order", 0) != 0)
    return FailAttribute(context, "has 'storage_order' other than 0");
  const bool round_up = opset_ >= 10 && FlagAttribute(context, "ceil_mode");
  const std::optional<Window> window = ReadWindow(context, x->shape, *kernel, round_up);
  if (!window || !Reserve(Count({x->shape[1], window->OutputSize(), window->KernelSize()}))) return false;
  Maximum maximum;
  maximum.begin.push_back(0);
  std::vector<WindowTap> taps;
  for (uint64_t channel = 0; channel < x->shape[1]; ++channel) {
    for (uint64_t p = 0; p < window->OutputSize(); ++p) {
      window->Taps(p, taps);
      if (taps.empty()) return FailShape(context, "has a window that lies in padding altogether");
      for (const WindowTap& tap : taps) {
        maximum.members.push_back(static_cast<uint32_t>(channel * window->InputSize() + tap.input));
      }
      maximum.begin.push_back(static_cast<uint32_t>(maximum.members.size()));
    }
  }
  return Emit(context, std::move(maximum), {x->index}, WindowShape(*window, x->shape[1]));
}

}  // namespace pawl::model
