// One double for each of kLanes leaves, and arithmetic on all of them at once.
//
//   Lanes bound = constant - sum;
//   Lanes clipped = Select(bound < 0, 0, bound);     // lane by lane
//   if (Any(bound > 0)) ...
//
// Built on the portable vector type of GCC and clang, which compiles to whatever vectors the machine has. Each
// operation is the IEEE operation in every lane. Comparisons with NaN are false, and so select the last argument.
#pragma once

#include <cstddef>
#include <cstdint>

namespace pawl::checker {

inline constexpr std::size_t kLanes = 8;

// Inlined always: these must take the instruction set of the function they are used in.
#define PAWL_INLINE inline __attribute__((always_inline))
#define PAWL_LAMBDA __attribute__((always_inline))

struct Mask {
  typedef std::int64_t Vector __attribute__((vector_size(8 * kLanes)));
  Vector v;
};

// Aligned by hand: the vector type's own alignment depends on the instruction set of the file it is compiled in.
struct alignas(8 * kLanes) Lanes {
  typedef double Vector __attribute__((vector_size(8 * kLanes)));
  Vector v;

  Lanes() = default;
  PAWL_INLINE Lanes(double all) : v(all - Vector{}) {}  // NOLINT: implicit on purpose
  PAWL_INLINE explicit Lanes(const Vector& lanes) : v(lanes) {}

  PAWL_INLINE double operator[](std::size_t lane) const { return v[lane]; }
  PAWL_INLINE void Set(std::size_t lane, double value) { v[lane] = value; }

  PAWL_INLINE Lanes& operator+=(const Lanes& b) { return v += b.v, *this; }
  PAWL_INLINE Lanes& operator-=(const Lanes& b) { return v -= b.v, *this; }
};
static_assert(sizeof(Lanes) == 8 * kLanes && alignof(Lanes) == 8 * kLanes);

PAWL_INLINE Lanes operator+(const Lanes& a, const Lanes& b) { return Lanes(a.v + b.v); }
PAWL_INLINE Lanes operator-(const Lanes& a, const Lanes& b) { return Lanes(a.v - b.v); }
PAWL_INLINE Lanes operator-(const Lanes& a) { return Lanes(-a.v); }
PAWL_INLINE Lanes operator*(const Lanes& a, const Lanes& b) { return Lanes(a.v * b.v); }
PAWL_INLINE Lanes operator/(const Lanes& a, const Lanes& b) { return Lanes(a.v / b.v); }
PAWL_INLINE Mask operator<(const Lanes& a, const Lanes& b) { return {a.v < b.v}; }
PAWL_INLINE Mask operator>(const Lanes& a, const Lanes& b) { return {a.v > b.v}; }
PAWL_INLINE Mask operator<=(const Lanes& a, const Lanes& b) { return {a.v <= b.v}; }
PAWL_INLINE Mask operator>=(const Lanes& a, const Lanes& b) { return {a.v >= b.v}; }
PAWL_INLINE Mask operator!=(const Lanes& a, const Lanes& b) { return {a.v != b.v}; }
PAWL_INLINE Mask operator&(const Mask& a, const Mask& b) { return {a.v & b.v}; }
PAWL_INLINE Mask operator|(const Mask& a, const Mask& b) { return {a.v | b.v}; }

PAWL_INLINE Lanes Select(const Mask& where, const Lanes& a, const Lanes& b) { return Lanes(where.v ? a.v : b.v); }
PAWL_INLINE Lanes Max(const Lanes& a, const Lanes& b) { return Select(a > b, a, b); }
PAWL_INLINE Lanes Min(const Lanes& a, const Lanes& b) { return Select(a < b, a, b); }
PAWL_INLINE Lanes Abs(const Lanes& a) { return Select(a < 0.0, -a, a); }
PAWL_INLINE bool Any(const Mask& mask) {
  std::int64_t any = 0;
  for (std::size_t l = 0; l < kLanes; ++l) any |= mask.v[l];
  return any != 0;
}

}  // namespace pawl::checker
