// What a deployed library may do with a network, drawn at random: sums in any order and grouping, fused or not,
// subnormals flushed as operands and as results or not, factors (of Gemm, averages and normalisations) applied early or
// late, Sigmoid and Tanh as inexact as is assumed. For tests of bounds: none of these evaluations may leave them.
#pragma once

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>
#include <span>
#include <vector>

#include "model/network.h"

namespace pawl::checker {

template <typename T>
class DeployedEvaluation {
 public:
  DeployedEvaluation(const model::Network& network, std::mt19937_64& random) : network_(network), random_(random) {}

  // All values, in the numbering of VectorGraph. Draws a new style for each call.
  std::vector<std::vector<T>> operator()(std::span<const T> input) {
    order_ = static_cast<Order>(Below(4));
    fused_ = Below(2) == 0;
    flush_operands_ = Below(3) == 0;
    flush_results_ = Below(3) == 0;
    alpha_first_ = Below(2) == 0;
    form_ = Below(3);
    std::vector<std::vector<T>> values;
    values.emplace_back(input.begin(), input.end());
    for (const model::VectorNode& node : network_.graph.nodes) {
      std::vector<T> y(node.size);
      std::visit([&](const auto& function) { Apply(function, node, values, y); }, node.function);
      values.push_back(std::move(y));
    }
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

  T At(std::size_t tensor, std::size_t i) const { return static_cast<T>(network_.tensors[tensor].values[i]); }

  struct Term {
    T weight, x;
  };

  // alpha·Σ weight·x + beta·bias.
  T Row(std::vector<Term> terms, T alpha, T beta, const T* bias) {
    if (order_ == Order::kReverse) std::reverse(terms.begin(), terms.end());
    if (order_ == Order::kShuffled) std::shuffle(terms.begin(), terms.end(), random_);
    const bool early = alpha_first_ && alpha != 1;
    for (Term& term : terms)
      if (early) term.weight = Times(alpha, term.weight);
    T sum = 0;
    if (fused_ && order_ != Order::kPairwise && !terms.empty()) {
      sum = Times(terms[0].weight, terms[0].x);
      for (std::size_t k = 1; k < terms.size(); ++k) sum = Out(std::fma(In(terms[k].weight), In(terms[k].x), In(sum)));
    } else {
      std::vector<T> products;
      for (const Term& term : terms) products.push_back(Times(term.weight, term.x));
      // A plain bias may stand anywhere in the sum.
      if (bias != nullptr && beta == 1 && alpha == 1) {
        products.insert(products.begin() + static_cast<std::ptrdiff_t>(Below(products.size() + 1)), *bias);
        return Sum(products);
      }
      sum = products.empty() ? T{0} : Sum(products);
    }
    if (alpha != 1 && !early) sum = Times(alpha, sum);
    if (bias == nullptr) return sum;
    return Plus(sum, beta == 1 ? *bias : Times(beta, *bias));
  }

  using Values = std::vector<std::vector<T>>;

  void Apply(const model::Dense& dense, const model::VectorNode& node, const Values& values, std::vector<T>& y) {
    for (std::size_t i = 0; i < y.size(); ++i) {
      std::vector<Term> terms;
      for (std::size_t j = 0; j < dense.columns; ++j)
        terms.push_back({At(dense.weights, i * dense.row_step + j * dense.column_step), values[node.inputs[0]][j]});
      const bool has_bias = dense.bias != model::kNoConstant;
      const T sign = dense.beta == -1 ? T{-1} : T{1},
              bias = has_bias ? sign * At(dense.bias, i * dense.bias_step) : T{0};
      y[i] = Row(terms, static_cast<T>(dense.alpha), sign * static_cast<T>(dense.beta), has_bias ? &bias : nullptr);
    }
  }

  void Apply(const model::Convolution& c, const model::VectorNode& node, const Values& values, std::vector<T>& y) {
    const std::size_t kernel = c.window.KernelSize(), input = c.window.InputSize(), positions = c.window.OutputSize();
    const std::size_t group_inputs = c.input_channels / c.groups, group_outputs = c.output_channels / c.groups;
    std::vector<model::WindowTap> taps;
    for (std::size_t p = 0; p < positions; ++p) {
      c.window.Taps(p, taps);
      const T divisor = c.divisors.empty() ? T{1} : static_cast<T>(c.divisors[p]), inverse = Out(1 / divisor);
      for (std::size_t m = 0; m < c.output_channels; ++m) {
        std::vector<Term> terms;
        for (std::size_t k = 0; k < group_inputs; ++k) {
          for (const model::WindowTap& tap : taps) {
            T x = values[node.inputs[0]][(m / group_outputs * group_inputs + k) * input + tap.input];
            if (divisor != 1 && alpha_first_) x = form_ == 0 ? Out(In(x) / divisor) : Times(x, inverse);
            terms.push_back({At(c.weights, (m * group_inputs + k) * kernel + tap.kernel), x});
          }
        }
        const T bias = c.bias == model::kNoConstant ? T{0} : At(c.bias, m);
        T& sum = y[m * positions + p] = Row(terms, 1, 1, c.bias == model::kNoConstant ? nullptr : &bias);
        if (divisor != 1 && !alpha_first_) sum = form_ == 0 ? Out(In(sum) / divisor) : Times(sum, inverse);
      }
    }
  }

  void Apply(const model::Elementwise& e, const model::VectorNode& node, const Values& values, std::vector<T>& y) {
    for (std::size_t i = 0; i < y.size(); ++i) {
      const T x = values[node.inputs[0]][i], c = At(e.constant, i * e.constant_step);
      switch (e.form) {
        case model::Elementwise::Form::kAdd:
          y[i] = Plus(x, c);
          break;
        case model::Elementwise::Form::kSubtract:
          y[i] = Plus(x, -c);
          break;
        case model::Elementwise::Form::kSubtractFrom:
          y[i] = Plus(c, -x);
          break;
        case model::Elementwise::Form::kMultiply:
          y[i] = Times(x, c);
          break;
        case model::Elementwise::Form::kDivide:
          y[i] = Out(In(x) / In(c));
          break;
      }
    }
  }

  void Apply(const model::BatchNormalization& n, const model::VectorNode& node, const Values& values,
             std::vector<T>& y) {
    for (std::size_t i = 0; i < y.size(); ++i) {
      const std::size_t c = i / n.channel_size;
      const T x = values[node.inputs[0]][i], scale = At(n.scale, c), mean = At(n.mean, c), bias = At(n.bias, c);
      const T root = Out(std::sqrt(Plus(At(n.variance, c), static_cast<T>(n.epsilon)))), inverse = Out(1 / root);
      if (form_ == 0) {
        y[i] = Plus(Out(Times(scale, Plus(x, -mean)) / root), bias);
      } else if (form_ == 1) {
        y[i] = Plus(Times(scale, Times(Plus(x, -mean), inverse)), bias);
      } else {
        const T weight = alpha_first_ ? Out(In(scale) / root) : Times(scale, inverse);
        const T offset = Plus(bias, -Times(mean, weight));
        y[i] = fused_ ? Out(std::fma(In(x), In(weight), In(offset))) : Plus(Times(x, weight), offset);
      }
    }
  }

  void Apply(const model::Sum& sum, const model::VectorNode& node, const Values& values, std::vector<T>& y) {
    for (std::size_t i = 0; i < y.size(); ++i)
      y[i] = Plus(values[node.inputs[0]][i], static_cast<T>(sum.second_sign) * values[node.inputs[1]][i]);
  }

  void Apply(const model::Select& select, const model::VectorNode& node, const Values& values, std::vector<T>& y) {
    std::vector<T> list;
    for (const std::size_t input : node.inputs) list.insert(list.end(), values[input].begin(), values[input].end());
    for (const std::size_t constant : select.constants)
      for (const double value : network_.tensors[constant].values) list.push_back(static_cast<T>(value));
    for (std::size_t i = 0; i < y.size(); ++i) y[i] = list[select.source[i]];
  }

  void Apply(const model::Maximum& maximum, const model::VectorNode& node, const Values& values, std::vector<T>& y) {
    const std::vector<T>& x = values[node.inputs[0]];
    for (std::size_t i = 0; i < y.size(); ++i) {
      y[i] = In(x[maximum.members[maximum.begin[i]]]);
      for (std::uint32_t k = maximum.begin[i]; k < maximum.begin[i + 1]; ++k)
        y[i] = std::max(y[i], In(x[maximum.members[k]]));
    }
  }

  // Off by nearly as much as is assumed.
  T Inexact(long double exact) {
    const long double error = 15 * (std::numeric_limits<T>::epsilon() / 2) * (1 + std::abs(exact));
    return Out(static_cast<T>(exact + error * (static_cast<long double>(Below(2001)) / 1000 - 1)));
  }

  void Apply(const model::Activation& a, const model::VectorNode& node, const Values& values, std::vector<T>& y) {
    for (std::size_t i = 0; i < y.size(); ++i) {
      const T x = In(values[node.inputs[0]][i]);
      switch (a.form) {
        case model::Activation::Form::kRelu:
          y[i] = Out(x > 0 ? x : T{0});
          break;
        case model::Activation::Form::kLeakyRelu:
          y[i] = x >= 0 ? x : Times(static_cast<T>(a.slope), x);
          break;
        case model::Activation::Form::kClip:
          y[i] = Out(std::min(std::max(x, static_cast<T>(a.lower)), static_cast<T>(a.upper)));
          break;
        case model::Activation::Form::kSigmoid:
          y[i] = Inexact(1 / (1 + std::exp(-static_cast<long double>(x))));
          break;
        case model::Activation::Form::kTanh:
          y[i] = Inexact(std::tanh(static_cast<long double>(x)));
          break;
      }
    }
  }

  const model::Network& network_;
  std::mt19937_64& random_;
  Order order_ = Order::kForward;
  bool fused_ = false, flush_operands_ = false, flush_results_ = false, alpha_first_ = false;
  std::size_t form_ = 0;
};

}  // namespace pawl::checker
