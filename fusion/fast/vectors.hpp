// Vectors of floats, as many as this CPU's registers hold.
#pragma once

#include <cstdint>
#include <cstring>

#if defined(__AVX512F__)
constexpr int64_t LANES = 16;
#elif defined(__AVX__)
constexpr int64_t LANES = 8;
#else
constexpr int64_t LANES = 4;
#endif
typedef float Vector __attribute__((vector_size(LANES * 4)));

constexpr int64_t STRIP = 6, PANEL = 2 * LANES;  // rows and columns of a product that are summed in registers

inline Vector load(const float* from) {
  Vector v;
  std::memcpy(&v, from, sizeof v);
  return v;
}
inline void store(float* to, Vector v) { std::memcpy(to, &v, sizeof v); }

// `count` values, the rest zeros. WHOLE: count is LANES, which makes it one instruction.
template <bool WHOLE>
inline Vector load(const float* from, int64_t count) {
  Vector v{};
  std::memcpy(&v, from, WHOLE ? sizeof v : count * 4);
  return v;
}
template <bool WHOLE>
inline void store(float* to, Vector v, int64_t count) {
  std::memcpy(to, &v, WHOLE ? sizeof v : count * 4);
}

inline int64_t up(int64_t value, int64_t multiple) { return (value + multiple - 1) / multiple * multiple; }
