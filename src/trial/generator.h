// SplitMix64, written out so that an answer that rests on simulation is the same with every standard library.
//
//   Generator generator(/*seed=*/1);
//   const bool heads = generator.Coin();
//
// For simulations and permutations only: it is no source of seeds that somebody must not foresee (seeds.h).
// Source: Steele, Lea, Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014.
//
// Thread safety: none; one object per thread.
#pragma once

#include <cstdint>

namespace pawl::trial {

class Generator {
 public:
  explicit Generator(std::uint64_t seed) : state_(seed) {}

  std::uint64_t Next() {
    state_ += 0x9e3779b97f4a7c15U;
    std::uint64_t z = state_;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9U;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebU;
    return z ^ (z >> 31);
  }
  // In [0, 1), a multiple of 2^-53.
  double Uniform() { return static_cast<double>(Next() >> 11) * 0x1.0p-53; }
  bool Coin() { return (Next() >> 63) != 0; }

 private:
  std::uint64_t state_;
};

}  // namespace pawl::trial
