// 1x1 convolutions: matrix products of the pixels of float32 pictures [N,H,W,C] in memory (torch.channels_last).
//
// The library's are as fast where channels are many. Where they are few, memory decides, and what the library does in
// passes of their own is done here while a pixel's outputs are in registers: pictures that are joined, a map that is
// added, bias and leaky ReLU.

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <vector>

#include "vectors.hpp"

namespace {

constexpr int64_t CACHE = 192 * 1024;  // bytes of the pictures that all outputs are made of before the next

struct Pixels {
  const float* values;
  int64_t channels, step;  // step: values from one pixel to the next
};

struct Layer {
  const float* weight;  // [outputs / PANEL, channels, PANEL], outputs filled up
  const float *bias, *slope;  // filled up
  int64_t channels, outputs;
};

// A vector's first `count` values. Of the counts that networks have the length is a constant: no call, one instruction.
inline Vector load_first(const float* from, int64_t count) {
  Vector v{};
  switch (count) {
    case LANES: return load(from);
    case LANES / 2: std::memcpy(&v, from, sizeof v / 2); return v;
    case LANES / 4: std::memcpy(&v, from, sizeof v / 4); return v;
    default: return load<false>(from, count);
  }
}
inline void store_first(float* to, Vector v, int64_t count) {
  switch (count) {
    case LANES: return store(to, v);
    case LANES / 2: std::memcpy(to, &v, sizeof v / 2); return;
    case LANES / 4: std::memcpy(to, &v, sizeof v / 4); return;
    default: return store<false>(to, v, count);
  }
}

// ROWS pixels from `first` on, outputs o..o+WIDE*LANES-1.
template <int ROWS, int WIDE>
[[gnu::noinline]] void multiply(const std::vector<Pixels>& pictures, const Layer& layer, const float* added, float* out,
                                int64_t first, int64_t o) {
  Vector sums[ROWS][WIDE] = {};
  const float* b = layer.weight + o * layer.channels;
  for (const Pixels& picture : pictures) {
    const int64_t step = picture.step;
    const float *a = picture.values + first * step, *lower = a + ROWS / 2 * step;
    for (const float* end = a + picture.channels; a < end; a++, lower++, b += PANEL) {
      Vector line[WIDE];
#pragma GCC unroll 4
      for (int j = 0; j < WIDE; j++) line[j] = load(b + j * LANES);
#pragma GCC unroll 16
      for (int i = 0; i < ROWS; i++) {
        const float value = i < ROWS / 2 ? a[i * step] : lower[(i - ROWS / 2) * step];
#pragma GCC unroll 4
        for (int j = 0; j < WIDE; j++) sums[i][j] += value * line[j];
      }
    }
  }
#pragma GCC unroll 4
  for (int j = 0; j < WIDE; j++) {
    const int64_t at = o + j * LANES, count = std::min(LANES, layer.outputs - at);
    const Vector bias = load(layer.bias + at), slope = load(layer.slope + at);
#pragma GCC unroll 16
    for (int i = 0; i < ROWS; i++) {
      const int64_t place = (first + i) * layer.outputs + at;
      Vector value = sums[i][j] + bias;
      if (added) value += load_first(added + place, count);
      value = value > 0 ? value : value * slope;
      store_first(out + place, value, count);
    }
  }
}

}  // namespace

// Pixels begin..end-1 of the result, counted through all pictures.
//   pictures: `sources` times (address, channels, pixel step); together they are the channels
//   weight: [ceil(outputs / PANEL), channels, PANEL]
//   bias, slope: [outputs], filled up to a multiple of PANEL; slope is what values below zero are multiplied with
//   added: [pixels, outputs] or null
//   out: [pixels, outputs]
extern "C" void products(const int64_t* pictures_, int64_t sources, const float* weight, const float* bias,
                         const float* slope, const float* added, int64_t outputs, float* out, int64_t begin,
                         int64_t end) {
  std::vector<Pixels> pictures;
  int64_t channels = 0;
  for (int64_t i = 0; i < sources; i++, pictures_ += 3) {
    pictures.push_back({reinterpret_cast<const float*>(pictures_[0]), pictures_[1], pictures_[2]});
    channels += pictures_[1];
  }
  const Layer layer{weight, bias, slope, channels, outputs};
  const int64_t group = std::max<int64_t>(CACHE / (4 * channels) / STRIP, 1) * STRIP;
  for (; begin < end; begin += group) {
    const int64_t last = std::min(begin + group, end);
    for (int64_t o = 0; o < outputs; o += PANEL) {
      const bool narrow = outputs - o <= LANES;
      const auto strip = narrow ? multiply<STRIP, 1> : multiply<STRIP, 2>;
      const auto single = narrow ? multiply<1, 1> : multiply<1, 2>;
      int64_t first = begin;
      for (; first + STRIP <= last; first += STRIP) strip(pictures, layer, added, out, first, o);
      for (; first < last; first++) single(pictures, layer, added, out, first, o);
    }
  }
}
