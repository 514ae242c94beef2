// Attention within windows of 64 tokens, and the windows of pictures.
//
// The vectors' lanes are queries: products then need no filling up where a head has few channels (SwinFusion's have
// ten), and largest and sum of a query's scores no step across lanes. Queries are transposed for that, results back,
// all heads of a window at once; the scores of PANEL queries stay in the core's first cache.

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <vector>

#include "vectors.hpp"

namespace {

constexpr int64_t TOKENS = 64, SIDE = 8;  // of a window
constexpr int KEYS = 4, ROWS = 5;         // that are summed in registers at a time, for PANEL queries each

typedef int32_t Integers __attribute__((vector_size(LANES * 4)));

struct Rows {
  const float* values;
  int64_t step;  // values from one token to the next
};

inline Vector larger(Vector a, Vector b) { return a > b ? a : b; }

// e^x for x <= 0, within 2 units in the last place (where the CPU has no fused multiply-add: 2^-17 of it); below -86 as
// it is there, 2^-124.
inline Vector exponential(Vector x) {
  constexpr float LOG2_E = 1.44269504f, MORE = 1.92596299e-8f;  // its digits behind float32's
  constexpr float WHOLE = 3 << 22;                              // added, it leaves the nearest integer in the last bits
  x = larger(x, Vector{} - 86.0f);
  const Vector shifted = x * LOG2_E + WHOLE;
  const Vector rest = x * MORE + (x * LOG2_E - (shifted - WHOLE));
  Vector y = rest * 1.53533620e-4f + 1.33988750e-3f;  // 2^rest, from -1/2 to 1/2
  y = y * rest + 9.61843692e-3f;
  y = y * rest + 5.55033237e-2f;
  y = y * rest + 2.40226477e-1f;
  y = y * rest + 6.93147182e-1f;
  y = y * rest + 1.0f;
  return (Vector)((Integers)y + ((Integers)shifted << 23));
}

// A square of LANES rows becomes its columns: each round deals the rows of the lower half between those of the upper.
inline void transpose(Vector (&rows)[LANES]) {
  Integers first, second;
#pragma GCC unroll 16
  for (int i = 0; i < LANES; i++) {
    first[i] = i / 2 + i % 2 * LANES;
    second[i] = first[i] + LANES / 2;
  }
#pragma GCC unroll 4
  for (int64_t round = 1; round < LANES; round *= 2) {
    Vector dealt[LANES];
#pragma GCC unroll 8
    for (int i = 0; i < LANES / 2; i++) {
      dealt[2 * i] = __builtin_shuffle(rows[i], rows[i + LANES / 2], first);
      dealt[2 * i + 1] = __builtin_shuffle(rows[i], rows[i + LANES / 2], second);
    }
#pragma GCC unroll 16
    for (int i = 0; i < LANES; i++) rows[i] = dealt[i];
  }
}

// from [rows, columns] * factor -> to [columns, rows]. Squares at the end begin within those before.
void transposed(const float* from, int64_t from_step, int64_t rows, int64_t columns, float factor, float* to,
                int64_t to_step) {
  if (std::min(rows, columns) < LANES) {
    for (int64_t i = 0; i < rows; i++)
      for (int64_t j = 0; j < columns; j++) to[j * to_step + i] = from[i * from_step + j] * factor;
    return;
  }
  for (int64_t row = 0; row < rows; row += LANES)
    for (int64_t column = 0; column < columns; column += LANES) {
      const int64_t i = std::min(row, rows - LANES), j = std::min(column, columns - LANES);
      Vector square[LANES];
#pragma GCC unroll 16
      for (int k = 0; k < LANES; k++) square[k] = load(from + (i + k) * from_step + j) * factor;
      transpose(square);
#pragma GCC unroll 16
      for (int k = 0; k < LANES; k++) store(to + (j + k) * to_step + i, square[k]);
    }
}

// Scores of KEYS keys for PANEL queries: queries [width, TOKENS], bias and mask [KEYS, TOKENS], mask or null
// -> scores [KEYS, PANEL].
inline void score(const float* queries, Rows keys, int64_t width, const float* bias, const float* mask, float* scores,
                  Vector (&largest)[2]) {
  Vector sums[KEYS][2];
#pragma GCC unroll 8
  for (int i = 0; i < KEYS; i++)
    for (int j = 0; j < 2; j++) {
      sums[i][j] = load(bias + i * TOKENS + j * LANES);
      if (mask) sums[i][j] += load(mask + i * TOKENS + j * LANES);
    }
  for (int64_t c = 0; c < width; c++, queries += TOKENS) {
    const Vector line[2] = {load(queries), load(queries + LANES)};
#pragma GCC unroll 8
    for (int i = 0; i < KEYS; i++) {
      const float value = keys.values[i * keys.step + c];
      for (int j = 0; j < 2; j++) sums[i][j] += value * line[j];
    }
  }
#pragma GCC unroll 8
  for (int i = 0; i < KEYS; i++)
    for (int j = 0; j < 2; j++) {
      store(scores + i * PANEL + j * LANES, sums[i][j]);
      largest[j] = larger(largest[j], sums[i][j]);
    }
}

// e^(score - largest) in the scores' place, [TOKENS, PANEL] -> 1 / their sums, by query.
inline void exponentials(float* scores, const Vector (&largest)[2], Vector (&shares)[2]) {
  Vector sums[2] = {};
  for (int64_t i = 0; i < TOKENS; i++, scores += PANEL)
#pragma GCC unroll 2
    for (int j = 0; j < 2; j++) {
      const Vector power = exponential(load(scores + j * LANES) - largest[j]);
      store(scores + j * LANES, power);
      sums[j] += power;
    }
  for (int j = 0; j < 2; j++) shares[j] = 1.0f / sums[j];
}

// COUNT channels of the values' sums, weighted for PANEL queries: weights [TOKENS, PANEL] -> to [COUNT, TOKENS].
template <int COUNT>
inline void weigh(const float* weights, Rows values, const Vector (&shares)[2], float* to) {
  Vector sums[COUNT][2] = {};
  for (int64_t key = 0; key < TOKENS; key++, weights += PANEL, values.values += values.step) {
    const Vector line[2] = {load(weights), load(weights + LANES)};
#pragma GCC unroll 8
    for (int i = 0; i < COUNT; i++)
      for (int j = 0; j < 2; j++) sums[i][j] += values.values[i] * line[j];
  }
#pragma GCC unroll 8
  for (int i = 0; i < COUNT; i++)
    for (int j = 0; j < 2; j++) store(to + i * TOKENS + j * LANES, sums[i][j] * shares[j]);
}

// One head of a window: queries [width, TOKENS], in whose place the result comes; keys, values: rows of `width` values.
void attend(float* queries, Rows keys, Rows values, int64_t width, const float* bias, const float* mask) {
  alignas(64) float scores[TOKENS * PANEL];
  for (int64_t first = 0; first < TOKENS; first += PANEL, queries += PANEL, bias += PANEL) {
    Vector largest[2], shares[2];
    for (Vector& value : largest) value = Vector{} - __builtin_inff();
    for (int64_t key = 0; key < TOKENS; key += KEYS)
      score(queries, {keys.values + key * keys.step, keys.step}, width, bias + key * TOKENS,
            mask ? mask + first + key * TOKENS : nullptr, scores + key * PANEL, largest);
    exponentials(scores, largest, shares);
    if (width < ROWS)
      for (int64_t c = 0; c < width; c++)
        weigh<1>(scores, {values.values + c, values.step}, shares, queries + c * TOKENS);
    else
      for (int64_t c = 0; c < width; c += ROWS) {
        const int64_t at = std::min(c, width - ROWS);
        weigh<ROWS>(scores, {values.values + at, values.step}, shares, queries + at * TOKENS);
      }
  }
}

}  // namespace

// softmax(q k^T * scale + bias + mask) v of windows begin..end-1, each of TOKENS rows.
//   sources: (address, step from row to row) of q, k and v, rows [heads * width]
//   bias: [heads, TOKENS, TOKENS], of keys and queries in this order, like masks
//   masks: [any, TOKENS, TOKENS]; which: the mask of each window, -1 where it has none; null if none has one
//   out: [windows, TOKENS, heads * width]
extern "C" void attention(const int64_t* sources, int64_t heads, int64_t width, float scale, const float* bias,
                          const float* masks, const int64_t* which, float* out, int64_t begin, int64_t end) {
  constexpr int64_t SQUARE = TOKENS * TOKENS;
  Rows rows[3];
  for (int i = 0; i < 3; i++) rows[i] = {reinterpret_cast<const float*>(sources[2 * i]), sources[2 * i + 1]};
  const int64_t channels = heads * width;
  std::vector<float> queries(channels * TOKENS);
  for (int64_t window = begin; window < end; window++) {
    const auto at = [&](Rows from, int64_t channel) {
      return Rows{from.values + window * TOKENS * from.step + channel, from.step};
    };
    const float* mask = which && which[window] >= 0 ? masks + which[window] * SQUARE : nullptr;
    transposed(at(rows[0], 0).values, rows[0].step, TOKENS, channels, scale, queries.data(), TOKENS);
    for (int64_t head = 0; head < heads; head++)
      attend(queries.data() + head * width * TOKENS, at(rows[1], head * width), at(rows[2], head * width), width,
             bias + head * SQUARE, mask);
    transposed(queries.data(), TOKENS, channels, TOKENS, 1, out + window * TOKENS * channels, channels);
  }
}

// Windows begin..end-1 of pictures [pictures, height, width, channels] whose rows and columns go round: the first one
// begins at pixel (shift, shift). to_pictures is 0 or 1: whether tokens [end-begin, TOKENS, channels] are made or read.
extern "C" void windows(float* pictures, int64_t height, int64_t width, int64_t channels, int64_t shift, int64_t begin,
                        int64_t end, float* tokens, int64_t to_pictures) {
  const int64_t across = width / SIDE, each = height / SIDE * across;
  const auto move = [&](int64_t picture, int64_t row, int64_t column, int64_t count) {
    float* pixels = pictures + ((picture * height + row) * width + column) * channels;
    to_pictures ? std::memcpy(pixels, tokens, count * channels * 4) : std::memcpy(tokens, pixels, count * channels * 4);
    tokens += count * channels;
  };
  for (int64_t window = begin; window < end; window++) {
    const int64_t picture = window / each, top = window % each / across * SIDE + shift;
    const int64_t left = window % across * SIDE + shift, count = std::min(SIDE, width - left);
    for (int64_t i = top; i < top + SIDE; i++) {
      move(picture, i % height, left, count);
      if (count < SIDE) move(picture, i % height, 0, SIDE - count);
    }
  }
}
