#include "prover/dual_rows.h"

#include <algorithm>
#include <cmath>

namespace pawl::prover {
namespace {

constexpr float kMargin = 1e-5f;

}  // namespace

std::size_t ReluLayers(const FlatNetwork& network) {
  return static_cast<std::size_t>(
      std::count_if(network.layers.begin(), network.layers.end(), [](const FlatLayer& layer) { return layer.relu; }));
}

bool HasDualRows(const FlatNetwork& network, const RowSet& rows) {
  return network.layers[0].relu && std::all_of(rows.input_coefficient.begin(), rows.input_coefficient.end(),
                                               [](float coefficient) { return coefficient == 0; });
}

std::vector<DualRow> MakeDualRows(const DualBounds& bounds, const FlatNetwork& network, const RowSet& set) {
  const FlatLayer& last = network.layers.back();
  std::vector<DualRow> rows(set.count());
  for (std::size_t r = 0; r < rows.size(); ++r) {
    DualRow& row = rows[r];
    row.margin = kMargin * (1 + std::abs(set.threshold[r]));
    const float* outputs = &set.coefficient[r * set.outputs];
    double constant = -static_cast<double>(set.threshold[r]);
    if (last.relu) {
      row.coefficients.assign(outputs, outputs + set.outputs);
    } else {
      std::vector<double> sums(last.inputs, 0.0);
      for (std::size_t o = 0; o < last.outputs; ++o) {
        if (outputs[o] == 0) continue;
        const double a = static_cast<double>(outputs[o]);
        for (std::size_t j = 0; j < last.inputs; ++j)
          sums[j] += a * static_cast<double>(last.weight[o * last.inputs + j]);
        constant += a * static_cast<double>(last.bias[o]) -
                    std::abs(a) * static_cast<double>(bounds.Radius(network.layers.size() - 1, o));
      }
      row.coefficients.assign(sums.begin(), sums.end());
    }
    row.constant = static_cast<float>(constant);
  }
  return rows;
}

float RoundedDown(double value) {
  const float rounded = static_cast<float>(value);
  return static_cast<double>(rounded) > value ? std::nextafter(rounded, -HUGE_VALF) : rounded;
}

float RoundedUp(double value) { return -RoundedDown(-value); }

}  // namespace pawl::prover
