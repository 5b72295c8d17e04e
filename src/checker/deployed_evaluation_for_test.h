// What a deployed library may do with a network, drawn at random: sums in any order and grouping, fused or not,
// subnormals flushed as operands and as results or not, Gemm's factors applied early or late. For tests of bounds: none
// of these evaluations may leave them.
#pragma once

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>
#include <span>
#include <vector>

#include "model/vector_program.h"

namespace pawl::checker {

template <typename T>
class DeployedEvaluation {
 public:
  DeployedEvaluation(const model::VectorProgram& program, std::mt19937_64& random)
      : program_(program), random_(random) {}

  // All values, in the numbering of VectorProgram. Draws a new style for each call.
  std::vector<std::vector<T>> operator()(std::span<const T> input) {
    order_ = static_cast<Order>(Below(4));
    fused_ = Below(2) == 0;
    flush_operands_ = Below(3) == 0;
    flush_results_ = Below(3) == 0;
    alpha_first_ = Below(2) == 0;
    std::vector<std::vector<T>> values;
    values.emplace_back(input.begin(), input.end());
    for (const model::Operation& operation : program_.operations) values.push_back(Apply(operation, values));
    return values;
  }

 private:
  enum class Order { kForward, kReverse, kShuffled, kPairwise };

  std::size_t Below(std::size_t n) { return random_() % n; }

  static T Flushed(T value) {
    return std::abs(value) < std::numeric_limits<T>::min() ? std::copysign(T{0}, value) : value;
  }
  T In(T value) const { return flush_operands_ ? Flushed(value) : value; }
  T Out(T value) const { return flush_results_ ? Flushed(value) : value; }
  T Times(T a, T b) const { return Out(In(a) * In(b)); }
  T Plus(T a, T b) const { return Out(In(a) + In(b)); }

  T Sum(std::vector<T> terms) {
    if (order_ == Order::kPairwise) {
      while (terms.size() > 1) {  // any two, until one is left: an arbitrary tree
        std::swap(terms[Below(terms.size())], terms.back());
        const T last = terms.back();
        terms.pop_back();
        T& other = terms[Below(terms.size())];
        other = Plus(other, last);
      }
      return terms[0];
    }
    T sum = terms[0];
    for (std::size_t i = 1; i < terms.size(); ++i) sum = Plus(sum, terms[i]);
    return sum;
  }

  T Row(const model::Operation& o, std::size_t row, const std::vector<T>& x) {
    std::vector<std::size_t> order(o.columns);
    for (std::size_t j = 0; j < o.columns; ++j) order[j] = j;
    if (order_ == Order::kReverse) std::reverse(order.begin(), order.end());
    if (order_ == Order::kShuffled) std::shuffle(order.begin(), order.end(), random_);
    const T alpha = static_cast<T>(o.alpha), beta = static_cast<T>(o.beta);
    const bool early = alpha_first_ && alpha != 1;
    const auto weight = [&](std::size_t j) {
      const T w = static_cast<T>(o.weights[row * o.columns + j]);
      return early ? Times(alpha, w) : w;
    };
    T sum;
    if (fused_ && order_ != Order::kPairwise) {
      sum = Times(weight(order[0]), x[order[0]]);
      for (std::size_t k = 1; k < order.size(); ++k)
        sum = Out(std::fma(In(weight(order[k])), In(x[order[k]]), In(sum)));
    } else {
      std::vector<T> terms;
      for (const std::size_t j : order) terms.push_back(Times(weight(j), x[j]));
      // A plain bias may stand anywhere in the sum.
      if (!o.bias.empty() && beta == 1 && alpha == 1) {
        terms.insert(terms.begin() + static_cast<std::ptrdiff_t>(Below(terms.size() + 1)), static_cast<T>(o.bias[row]));
        return Sum(terms);
      }
      sum = Sum(terms);
    }
    if (alpha != 1 && !early) sum = Times(alpha, sum);
    if (o.bias.empty()) return sum;
    const T bias = static_cast<T>(o.bias[row]);
    return Plus(sum, beta == 1 ? bias : Times(beta, bias));
  }

  std::vector<T> Apply(const model::Operation& o, const std::vector<std::vector<T>>& values) {
    const std::vector<T>& x = values[o.inputs[0]];
    std::vector<T> y(o.size);
    for (std::size_t i = 0; i < o.size; ++i) {
      switch (o.kind) {
        case model::OperationKind::kAffine:
          y[i] = Row(o, i, x);
          break;
        case model::OperationKind::kElementwise: {
          const T scale = o.scale.empty() ? T{1} : static_cast<T>(o.scale[i]);
          const T scaled = scale == 1 ? x[i] : scale == -1 ? -x[i] : Times(scale, x[i]);
          y[i] = o.offset.empty() ? scaled : Plus(scaled, static_cast<T>(o.offset[i]));
          break;
        }
        case model::OperationKind::kRelu:
          y[i] = Out(In(x[i]) > 0 ? x[i] : T{0});
          break;
        case model::OperationKind::kSum:
          y[i] = Plus(x[i], o.subtract ? -values[o.inputs[1]][i] : values[o.inputs[1]][i]);
          break;
      }
    }
    return y;
  }

  const model::VectorProgram& program_;
  std::mt19937_64& random_;
  Order order_ = Order::kForward;
  bool fused_ = false, flush_operands_ = false, flush_results_ = false, alpha_first_ = false;
};

}  // namespace pawl::checker
