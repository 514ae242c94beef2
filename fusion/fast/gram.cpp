// Products of channels with one another, summed over pixels: what attention between channels is made of.

#include <algorithm>
#include <cstdint>
#include <cstring>

#include "vectors.hpp"

namespace {

typedef float HalfVector __attribute__((vector_size(LANES * 2)));
typedef float QuarterVector __attribute__((vector_size(LANES)));
constexpr int64_t TOGETHER = 256;  // pixels that are summed in float32

// Of `pixels` pixels, `step` values apart: sums [ROWS, lanes of V] of ROWS channels from `left` on times a vector of
// channels from `right` on, added to rows of `to` that are `side` apart.
template <typename V, int ROWS>
[[gnu::noinline]] void add_products(const float* left, const float* right, int64_t pixels, int64_t step, double* to,
                                    int64_t side) {
  constexpr int64_t ALL = sizeof(V) / 4;
  V sums[ROWS] = {};
  for (int64_t i = 0; i < pixels; i++, left += step, right += step) {
    V line;
    std::memcpy(&line, right, sizeof line);
#pragma GCC unroll 8
    for (int r = 0; r < ROWS; r++) sums[r] += left[r] * line;
  }
  for (int r = 0; r < ROWS; r++)
    for (int64_t j = 0; j < ALL; j++) to[r * side + j] += sums[r][j];
}

}  // namespace

// Products of each head's `side` channels, a multiple of 4 and of a quarter vector, summed over pixels.
//   values: [pixels, heads * side]
//   sums: [heads, side, side]; they are added to
extern "C" void gram(const float* values, int64_t pixels, int64_t heads, int64_t side, double* sums) {
  const int64_t lanes = side % LANES == 0 ? LANES : side % (LANES / 2) == 0 ? LANES / 2 : LANES / 4;
  const int64_t rows = side % 8 == 0 ? 8 : 4;
  constexpr decltype(&add_products<Vector, 8>) ADD[][2] = {
      {add_products<Vector, 8>, add_products<Vector, 4>},
      {add_products<HalfVector, 8>, add_products<HalfVector, 4>},
      {add_products<QuarterVector, 8>, add_products<QuarterVector, 4>}};
  const auto add = ADD[lanes == LANES ? 0 : lanes == LANES / 2 ? 1 : 2][rows == 8 ? 0 : 1];
  for (int64_t first = 0; first < pixels; first += TOGETHER, values += TOGETHER * heads * side) {
    const int64_t count = std::min(TOGETHER, pixels - first);
    for (int64_t h = 0; h < heads; h++)
      for (int64_t i = 0; i < side; i += rows)
        for (int64_t j = 0; j < side; j += lanes)
          add(values + h * side + i, values + h * side + j, count, heads * side, sums + (h * side + i) * side + j,
              side);
  }
}
