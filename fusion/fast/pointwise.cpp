// Steps that see one pixel at a time or one row and column, for values [pixels, channels] in memory: layer norm, GELU,
// weights by row and column. torch's own need 2 to 4 times as long where a pixel has few channels, or send a map
// through the memory once for each of their parts.

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <numeric>
#include <utility>
#include <vector>

#include "vectors.hpp"

namespace {

// A pixel's channels as whole vectors and, where these leave some out, one more that ends with them: it begins within
// the whole ones, or holds zeros behind the channels where they do not fill a vector.
struct Span {
  int64_t channels, whole, start, count;  // values in whole vectors; where the last begins, and what it holds
  Vector fresh{};                         // 1 in lanes of the last that no other vector has, else 0

  explicit Span(int64_t channels)
      : channels(channels), whole(channels / LANES * LANES), start(std::max<int64_t>(channels - LANES, 0)),
        count(std::min(channels, LANES)) {
    for (int64_t i = whole - start; i < count; i++) fresh[i] = 1;
  }

  bool more() const { return whole < channels; }
  Vector last(const float* row) const {
    return whole ? load(row + start) : load<false>(row, count);
  }
  void last(float* row, Vector value) const {
    whole ? store(row + start, value) : store<false>(row, value, count);
  }
};

// The sum of `count` values in a vector of as many, by halves.
template <int64_t COUNT, typename V>
inline float sum(V v) {
  if constexpr (COUNT == 2) {
    return v[0] + v[1];
  } else {
    typedef float Half __attribute__((vector_size(COUNT * 2)));
    Half halves[2];
    std::memcpy(halves, &v, sizeof v);
    return sum<COUNT / 2>(halves[0] + halves[1]);
  }
}
inline float sum(Vector v) { return sum<LANES>(v); }

template <int64_t DISTANCE, size_t... I>
inline Vector swapped(Vector v, std::index_sequence<I...>) {
  return Vector{v[I ^ DISTANCE]...};
}

// In every lane the sum of its group of COUNT lanes.
template <int64_t COUNT>
inline Vector group_sums(Vector v) {
  if constexpr (COUNT > 1) {
    v = group_sums<COUNT / 2>(v);
    v += swapped<COUNT / 2>(v, std::make_index_sequence<LANES>());
  }
  return v;
}

// Values of a channel each, again and again until they fill `count`.
std::vector<float> repeated(const float* values, int64_t channels, int64_t count) {
  std::vector<float> all(count);
  for (int64_t i = 0; i < count; i++) all[i] = values[i % channels];
  return all;
}

// Pixels whose channels fill whole vectors together.
inline int64_t pixels_in_vectors(int64_t channels) { return LANES / std::gcd(channels, LANES); }

// erf(x / sqrt 2) of |x| < 4 sqrt 2 as an odd polynomial over an even one; beyond it is 1 or -1.
inline Vector normal_erf(Vector x) {
  constexpr float END = 4, ROOT = 0.70710678118654752f;
  x *= ROOT;
  x = x > END ? Vector{} + END : x;
  x = x < -END ? Vector{} - END : x;
  const Vector s = x * x;
  Vector above = s * -2.72614225801306e-10f + 2.77068142495902e-08f;
  above = above * s - 2.10102402082508e-06f;
  above = above * s - 5.69250639462346e-05f;
  above = above * s - 7.34990630326855e-04f;
  above = above * s - 2.95459980854025e-03f;
  above = above * s - 1.60960333262415e-02f;
  Vector below = s * -1.45660718464996e-05f - 2.13374055278905e-04f;
  below = below * s - 1.68282697438203e-03f;
  below = below * s - 7.37332916720468e-03f;
  below = below * s - 1.42647390514189e-02f;
  return x * above / below;
}

inline Vector gelu(Vector x) {
  const Vector half = 0.5f * x;
  return half + half * normal_erf(x);
}

// Layer norm of pixels of COUNT channels, several in a vector: `vectors` of them.
template <int64_t COUNT>
void norm_few(const float* values, int64_t vectors, const float* weight_, const float* bias_, float eps, float* to) {
  const Vector weight = load(repeated(weight_, COUNT, LANES).data()), bias = load(repeated(bias_, COUNT, LANES).data());
  constexpr float SHARE = 1.0f / COUNT;
  for (int64_t i = 0; i < vectors; i++, values += LANES, to += LANES) {
    const Vector value = load(values), centred = value - group_sums<COUNT>(value) * SHARE;
    float deviations[LANES];
    store(deviations, group_sums<COUNT>(centred * centred) * SHARE + eps);
    for (float& deviation : deviations) deviation = std::sqrt(deviation);
    store(to, centred / load(deviations) * weight + bias);
  }
}

// The same of any number of channels.
void norm_many(const float* values, int64_t pixels, int64_t channels, const float* weight, const float* bias, float eps,
               float* to) {
  const Span span(channels);
  const Vector last_weight = span.last(weight), last_bias = span.last(bias);
  const float share = 1.0f / channels;
  for (int64_t i = 0; i < pixels; i++, values += channels, to += channels) {
    const Vector last = span.last(values);
    Vector total = last * span.fresh;
    for (int64_t c = 0; c < span.whole; c += LANES) total += load(values + c);
    const float mean = sum(total) * share;
    Vector squares = (last - mean) * span.fresh;
    squares *= squares;
    for (int64_t c = 0; c < span.whole; c += LANES) {
      const Vector off = load(values + c) - mean;
      squares += off * off;
    }
    const float scale = 1 / std::sqrt(sum(squares) * share + eps);
    for (int64_t c = 0; c < span.whole; c += LANES)
      store(to + c, (load(values + c) - mean) * scale * load(weight + c) + load(bias + c));
    if (span.more()) span.last(to, (last - mean) * scale * last_weight + last_bias);
  }
}

// GELU(values + bias), times `factor` unless that is null: [pixels, channels] -> to.
void gelu_many(const float* values, int64_t pixels, int64_t channels, const float* bias, const float* factor,
               float* to) {
  const Span span(channels);
  const Vector last_bias = span.last(bias), ones = Vector{} + 1;
  const int64_t step = factor ? channels : 0;
  for (int64_t i = 0; i < pixels; i++, values += channels, to += channels, factor += step) {
    const Vector last = span.last(values), last_factor = factor ? span.last(factor) : ones;
    for (int64_t c = 0; c < span.whole; c += LANES) {
      const Vector value = gelu(load(values + c) + load(bias + c));
      store(to + c, factor ? value * load(factor + c) : value);
    }
    if (span.more()) span.last(to, gelu(last + last_bias) * last_factor);
  }
}

}  // namespace

// Layer norm of each pixel's channels: values [pixels, channels] -> to, which may be the same.
extern "C" void layer_norm(const float* values, int64_t pixels, int64_t channels, const float* weight,
                           const float* bias, float eps, float* to) {
  const auto few = channels == LANES       ? norm_few<LANES>
                   : channels == LANES / 2 ? norm_few<LANES / 2>
                   : channels == LANES / 4 ? norm_few<LANES / 4> : nullptr;
  const int64_t vectors = few ? pixels * channels / LANES : 0, done = vectors * LANES / channels;
  if (few) few(values, vectors, weight, bias, eps, to);
  norm_many(values + done * channels, pixels - done, channels, weight, bias, eps, to + done * channels);
}

// GELU(values + bias), times `factor` unless that is null: [pixels, channels] -> to, which may be either of the two.
extern "C" void gelu(const float* values, int64_t pixels, int64_t channels, const float* bias, const float* factor,
                     float* to) {
  const int64_t together = pixels_in_vectors(channels), groups = pixels / together;
  const int64_t done = groups * together * channels;
  gelu_many(values, groups, together * channels, repeated(bias, channels, together * channels).data(), factor, to);
  gelu_many(values + done, pixels % together, channels, bias, factor ? factor + done : nullptr, to + done);
}

// x * (weights of its pixels + weights of its channels): x [pixels, channels] -> to [channels, pixels], of which pixels
// begin..end-1 are made.
extern "C" void weighted_apart(const float* __restrict x, int64_t pixels, int64_t channels,
                               const float* __restrict of_pixels, const float* __restrict of_channels,
                               float* __restrict to, int64_t begin, int64_t end) {
  for (int64_t first = begin; first < end; first += LANES) {
    const int64_t last = std::min(first + LANES, end);
    for (int64_t c = 0; c < channels; c++)
      for (int64_t i = first; i < last; i++)
        to[c * pixels + i] = x[i * channels + c] * (of_pixels[i] + of_channels[c]);
  }
}

// Sums of x * rows * columns along either axis, for lines of x [height, width, channels].
//   rows [height, channels], columns [width, channels]: weights
//   row_sums [height, channels], column_sums [width, channels]; the second are added to
extern "C" void axis_sums(const float* __restrict x, int64_t height, int64_t width, int64_t channels,
                          const float* __restrict rows, const float* __restrict columns, double* __restrict row_sums,
                          double* __restrict column_sums) {
  for (int64_t y = 0; y < height; y++, rows += channels, row_sums += channels) {
    std::fill_n(row_sums, channels, 0.0);
    for (int64_t i = 0; i < width; i++, x += channels)
      for (int64_t c = 0; c < channels; c++) {
        const float value = x[c] * rows[c] * columns[i * channels + c];
        row_sums[c] += value;
        column_sums[i * channels + c] += value;
      }
  }
}

// x + x * rows * columns -> to, for lines as above.
extern "C" void axis_weighted(const float* __restrict x, int64_t height, int64_t width, int64_t channels,
                              const float* __restrict rows, const float* __restrict columns, float* __restrict to) {
  for (int64_t y = 0; y < height; y++, rows += channels)
    for (int64_t i = 0; i < width; i++, x += channels, to += channels)
      for (int64_t c = 0; c < channels; c++) to[c] = x[c] + x[c] * rows[c] * columns[i * channels + c];
}
