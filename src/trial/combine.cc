#include "trial/combine.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <vector>

namespace pawl::trial {

Result<double> CombineLogEValues(std::span<const std::optional<double>> log_e_values, std::size_t faults) {
  if (faults >= log_e_values.size()) {
    return Refused("combine.faults", "as many faults are to be tolerated as there are evaluators",
                   "have more evaluators");
  }
  std::vector<double> values;
  for (const std::optional<double>& value : log_e_values) {
    values.push_back(value.value_or(-std::numeric_limits<double>::infinity()));
    if (std::isnan(values.back())) return Refused("combine.value", "an e-value is not a number");
  }
  std::sort(values.begin(), values.end());
  values.resize(values.size() - faults);
  // One impossible value makes the product 0, whatever the others; an infinite one beside it must not give NaN.
  if (std::isinf(values.front()) && values.front() < 0) return values.front();
  return std::accumulate(values.begin(), values.end(), 0.0);
}

}  // namespace pawl::trial
