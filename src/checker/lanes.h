// One double for each of kLanes leaves, and arithmetic on all of them at once.
//
//   Lanes bound = constant - sum;
//   Lanes clipped = Select(bound < 0, 0, bound);     // lane by lane
//   if (Any(bound > 0)) ...
//
// Two halves of the portable vector type of GCC and clang, each as large as what most machines have: of a type that is
// larger than the machine's vectors, GCC compares and selects number by number. Each operation is the IEEE operation in
// every lane. Comparisons with NaN are false, and so select the last argument.
#pragma once

#include <cstddef>
#include <cstdint>

namespace pawl::checker {

inline constexpr std::size_t kLanes = 8;

// Inlined always: these must take the instruction set of the function they are used in.
#define PAWL_INLINE inline __attribute__((always_inline))
#define PAWL_LAMBDA __attribute__((always_inline))

struct Mask {
  typedef std::int64_t Half __attribute__((vector_size(4 * kLanes)));
  Half low, high;
};

// Aligned by hand: the vector type's own alignment depends on the instruction set of the file it is compiled in.
struct alignas(8 * kLanes) Lanes {
  typedef double Half __attribute__((vector_size(4 * kLanes)));
  Half low, high;

  Lanes() = default;
  PAWL_INLINE Lanes(double all) : low{all, all, all, all}, high{low} {}  // NOLINT: implicit on purpose
  PAWL_INLINE Lanes(const Half& first, const Half& second) : low(first), high(second) {}

  PAWL_INLINE double operator[](std::size_t i) const { return (i < kLanes / 2 ? low : high)[i % (kLanes / 2)]; }
  PAWL_INLINE void Set(std::size_t i, double value) { (i < kLanes / 2 ? low : high)[i % (kLanes / 2)] = value; }

  PAWL_INLINE Lanes& operator+=(const Lanes& b) { return low += b.low, high += b.high, *this; }
  PAWL_INLINE Lanes& operator-=(const Lanes& b) { return low -= b.low, high -= b.high, *this; }
};
static_assert(sizeof(Lanes) == 8 * kLanes && alignof(Lanes) == 8 * kLanes);

#define PAWL_EACH_HALF(Result, op) \
  PAWL_INLINE Result operator op(const Lanes& a, const Lanes& b) { return {a.low op b.low, a.high op b.high}; }
PAWL_EACH_HALF(Lanes, +)
PAWL_EACH_HALF(Lanes, -)
PAWL_EACH_HALF(Lanes, *)
PAWL_EACH_HALF(Lanes, /)
PAWL_EACH_HALF(Mask, <)
PAWL_EACH_HALF(Mask, >)
PAWL_EACH_HALF(Mask, <=)
PAWL_EACH_HALF(Mask, >=)
PAWL_EACH_HALF(Mask, !=)
PAWL_INLINE Lanes operator-(const Lanes& a) { return {-a.low, -a.high}; }
PAWL_INLINE Mask operator&(const Mask& a, const Mask& b) { return {a.low & b.low, a.high & b.high}; }
PAWL_INLINE Mask operator|(const Mask& a, const Mask& b) { return {a.low | b.low, a.high | b.high}; }

PAWL_INLINE Lanes Select(const Mask& where, const Lanes& a, const Lanes& b) {
  return {where.low ? a.low : b.low, where.high ? a.high : b.high};
}
PAWL_INLINE Lanes Max(const Lanes& a, const Lanes& b) { return Select(a > b, a, b); }
PAWL_INLINE Lanes Min(const Lanes& a, const Lanes& b) { return Select(a < b, a, b); }
PAWL_INLINE Lanes Abs(const Lanes& a) { return Select(a < 0.0, -a, a); }
PAWL_INLINE bool Any(const Mask& mask) {
  const Mask::Half any = mask.low | mask.high;
  static_assert(kLanes == 8);
  return (any[0] | any[1] | any[2] | any[3]) != 0;
}

}  // namespace pawl::checker
