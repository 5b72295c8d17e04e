#include "model/vector_graph.h"

namespace pawl::model {

uint64_t Window::KernelSize() const {
  uint64_t size = 1;
  for (const WindowAxis& axis : axes) size *= axis.kernel;
  return size;
}

uint64_t Window::InputSize() const {
  uint64_t size = 1;
  for (const WindowAxis& axis : axes) size *= axis.input;
  return size;
}

uint64_t Window::OutputSize() const {
  uint64_t size = 1;
  for (const WindowAxis& axis : axes) size *= axis.output;
  return size;
}

void Window::Taps(uint64_t output, std::vector<WindowTap>& taps) const {
  taps.assign(1, {0, 0});
  std::vector<WindowTap> before;
  uint64_t rest = OutputSize();
  for (const WindowAxis& axis : axes) {
    rest /= axis.output;
    const uint64_t start = output / rest % axis.output * axis.stride;  // in the padded operand
    before.swap(taps);
    taps.clear();
    for (const WindowTap& tap : before) {
      for (uint64_t k = 0; k < axis.kernel; ++k) {
        const uint64_t padded = start + k * axis.dilation;
        if (padded < axis.pad || padded - axis.pad >= axis.input) continue;
        taps.push_back({tap.kernel * axis.kernel + k, tap.input * axis.input + (padded - axis.pad)});
      }
    }
  }
}

}  // namespace pawl::model
