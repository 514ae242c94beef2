// 3x3 convolutions of float32 pictures [N,H,W,C] in memory (torch.channels_last) by Winograd's F(4x4,3x3): 16 pixels of
// the result from 36 products of sums of 36 pixels, where the direct way takes 144.
//
// Source: Lavin & Gray, Fast Algorithms for Convolutional Neural Networks, CVPR 2016. They interpolate at 0, 1, -1, 2, -2
// and infinity. At 0, 3/4, -3/4, 3/2, -3/2 and infinity all constants are exact and the error is half of that, some twice
// a direct convolution's (benchmarks.convolutions; Barabasz et al., Error Analysis and Improving the Accuracy of Winograd
// Convolution for Deep Neural Networks, ACM TOMS 2020, on the choice of points).
//
// A row of tiles is taken a few tiles at a time, so that what lies between the three steps stays in the cache.

#include <algorithm>
#include <cstdint>
#include <vector>

#include "pictures.hpp"
#include "vectors.hpp"

namespace {

constexpr int64_t TILE = 4, SIDE = 6, POINTS = SIDE * SIDE;
constexpr int64_t CACHE = 192 * 1024;   // bytes that a group of tiles may take between the steps

constexpr float A = 0.75f, B = 1.5f;    // the points, beside 0 and infinity, are A, -A, B, -B
constexpr float A2 = A * A, B2 = B * B;

// Six values on a line, from(0..5) -> their six sums, to(0..5, sum).
template <typename From, typename To>
inline void interpolate(From from, To to) {
  const Vector d1 = from(1), d2 = from(2), d3 = from(3), d4 = from(4);
  const Vector even_a = d4 - B2 * d2, odd_a = A * (d3 - B2 * d1);
  const Vector even_b = d4 - A2 * d2, odd_b = B * (d3 - A2 * d1);
  to(0, A2 * B2 * from(0) - (A2 + B2) * d2 + d4);
  to(1, even_a + odd_a);
  to(2, even_a - odd_a);
  to(3, even_b + odd_b);
  to(4, even_b - odd_b);
  to(5, A2 * B2 * d1 - (A2 + B2) * d3 + from(5));
}

// The products of a line's six sums, from(0..5) -> four values of the result, to(0..3, value).
template <typename From, typename To>
inline void evaluate(From from, To to) {
  const Vector a = from(1), minus_a = from(2), b = from(3), minus_b = from(4);
  const Vector even_a = a + minus_a, odd_a = a - minus_a, even_b = b + minus_b, odd_b = b - minus_b;
  to(0, from(0) + even_a + even_b);
  to(1, A * odd_a + B * odd_b);
  to(2, A2 * even_a + B2 * even_b);
  to(3, A2 * A * odd_a + B2 * B * odd_b + from(5));
}

// c [STRIP, WIDE * LANES] = a [STRIP, depth] b [depth, WIDE * LANES], rows of b PANEL apart. Not inlined, and rows of a
// from two addresses, so that addresses stay in registers.
template <int WIDE>
[[gnu::noinline]] void multiply(const float* __restrict a, int64_t step_a, const float* __restrict b, int64_t depth,
                                float* __restrict c, int64_t step_c) {
  constexpr int HALF = STRIP / 2;
  Vector sums[STRIP][WIDE] = {};
  const float* lower = a + HALF * step_a;
  for (const float* end = a + depth; a < end; a++, lower++, b += PANEL) {
    Vector line[WIDE];
#pragma GCC unroll 4
    for (int j = 0; j < WIDE; j++) line[j] = load(b + j * LANES);
#pragma GCC unroll 16
    for (int i = 0; i < STRIP; i++) {
      const float value = i < HALF ? a[i * step_a] : lower[(i - HALF) * step_a];
#pragma GCC unroll 4
      for (int j = 0; j < WIDE; j++) sums[i][j] += value * line[j];
    }
  }
#pragma GCC unroll 16
  for (int i = 0; i < STRIP; i++)
#pragma GCC unroll 4
    for (int j = 0; j < WIDE; j++) store(c + i * step_c + j * LANES, sums[i][j]);
}

// The first pixels of tiles along one side of the result: of each of `dilation` remainders every fourth.
std::vector<int64_t> firsts(int64_t size, int64_t dilation) {
  std::vector<int64_t> found;
  for (int64_t phase = 0; phase < dilation; phase++)
    for (int64_t i = phase; i < size; i += TILE * dilation) found.push_back(i);
  return found;
}

struct Layer {
  const float* weight;  // [POINTS, outputs / PANEL, channels, PANEL], outputs filled up
  const float *bias, *slope;
  int64_t channels, outputs, dilation;
};

// What lies between the steps, for a group of tiles.
struct Group {
  std::vector<float> sums, products;  // [POINTS, tiles, step]
  int64_t tiles, sum_step, product_step;

  Group(const Layer& layer)
      : sum_step(layer.channels + LANES), product_step(up(layer.outputs, PANEL)) {
    tiles = std::clamp<int64_t>(CACHE / (POINTS * 4 * (sum_step + product_step)) / STRIP, 1, 16) * STRIP;
    sums.resize(POINTS * tiles * sum_step);
    products.resize(POINTS * tiles * product_step);
  }
};

// A tile's 36 pixels of a vector of channels -> its sums, `step` apart; beyond the last channel zeros are written.
template <bool WHOLE>
inline void gather(const float* const* pixels, int64_t c, int64_t count, float* to, int64_t step) {
  Vector half[POINTS];
  for (int64_t i = 0; i < SIDE; i++)
    interpolate([&](int64_t j) { return load<WHOLE>(pixels[j * SIDE + i] + c, count); },
                [&](int64_t j, Vector sum) { half[j * SIDE + i] = sum; });
  for (int64_t i = 0; i < SIDE; i++)
    interpolate([&](int64_t j) { return half[i * SIDE + j]; },
                [&](int64_t j, Vector sum) { store(to + (i * SIDE + j) * step, sum); });
}

// A tile of all channels -> its sums.
void gather(const std::vector<Channels>& pictures, const Frame& frame, const Layer& layer, int64_t index, int64_t y,
            int64_t x, const float* zeros, Group& group, int64_t tile) {
  int64_t rows[SIDE], columns[SIDE];
  for (int64_t i = 0; i < SIDE; i++) {
    // A tile's pixels beyond the result may lie anywhere outside; whatever they are, nothing is made of them.
    rows[i] = std::min(source(y + i * layer.dilation - frame.top, frame.height, frame.borders), frame.height - 1);
    columns[i] = std::min(source(x + i * layer.dilation - frame.left, frame.width, frame.borders), frame.width - 1);
  }
  float* to = group.sums.data() + tile * group.sum_step;
  const int64_t step = group.tiles * group.sum_step;
  for (const Channels& picture : pictures) {
    const float* pixels[POINTS];
    for (int64_t i = 0; i < POINTS; i++) {
      const int64_t row = rows[i / SIDE], column = columns[i % SIDE];
      pixels[i] = row < 0 || column < 0
                      ? zeros : picture.values + index * picture.picture + row * picture.row + column * picture.pixel;
    }
    const int64_t whole = picture.count / LANES * LANES;
    for (int64_t c = 0; c < whole; c += LANES) gather<true>(pixels, c, LANES, to + c, step);
    if (whole < picture.count) gather<false>(pixels, whole, picture.count - whole, to + whole, step);
    to += picture.count;  // the next picture's channels overwrite the zeros
  }
}

// Sums [tiles, channels] -> products [tiles, outputs], at each of the points.
void multiply(const Layer& layer, Group& group, int64_t tiles) {
  for (int64_t point = 0; point < POINTS; point++) {
    const float* a = group.sums.data() + point * group.tiles * group.sum_step;
    float* c = group.products.data() + point * group.tiles * group.product_step;
    const float* b = layer.weight + point * layer.channels * group.product_step;
    for (int64_t o = 0; o < group.product_step; o += PANEL) {
      const auto product = layer.outputs - o <= LANES ? multiply<1> : multiply<2>;
      for (int64_t t = 0; t < tiles; t += STRIP)
        product(a + t * group.sum_step, group.sum_step, b + o * layer.channels, layer.channels,
                c + t * group.product_step + o, group.product_step);
    }
  }
}

// One tile's products of `count` outputs from `from` on -> its pixels, bias and leaky ReLU; rows and columns beyond the
// result are left out.
template <bool WHOLE>
void scatter(const Layer& layer, const float* from, int64_t step, int64_t o, int64_t count, int64_t rows,
             int64_t columns, float* out, int64_t row_step, int64_t column_step) {
  Vector half[TILE * SIDE];
  for (int64_t i = 0; i < SIDE; i++)
    evaluate([&](int64_t j) { return load(from + (j * SIDE + i) * step); },
             [&](int64_t j, Vector value) { half[j * SIDE + i] = value; });
  const Vector bias = load<WHOLE>(layer.bias + o, count), slope = load<WHOLE>(layer.slope + o, count);
  for (int64_t i = 0; i < rows; i++)
    evaluate([&](int64_t j) { return half[i * SIDE + j]; },
             [&](int64_t j, Vector value) {
               if (j >= columns) return;
               value += bias;
               value = value > 0 ? value : value * slope;
               store<WHOLE>(out + i * row_step + j * column_step, value, count);
             });
}

void scatter(const Layer& layer, const Group& group, int64_t tile, int64_t rows, int64_t columns, float* out,
             int64_t row_step, int64_t column_step) {
  const float* from = group.products.data() + tile * group.product_step;
  const int64_t step = group.tiles * group.product_step, whole = layer.outputs / LANES * LANES;
  for (int64_t o = 0; o < whole; o += LANES)
    scatter<true>(layer, from + o, step, o, LANES, rows, columns, out + o, row_step, column_step);
  if (whole < layer.outputs)
    scatter<false>(layer, from + whole, step, whole, layer.outputs - whole, rows, columns, out + whole, row_step,
                   column_step);
}

// How many of a tile's pixels, `dilation` apart from `first` on, lie within the result.
int64_t inside(int64_t first, int64_t size, int64_t dilation) {
  return std::min(TILE, (size - first + dilation - 1) / dilation);
}

}  // namespace

// Rows of tiles begin..end-1 of the result, counted through all pictures; a picture has as many as `firsts` finds.
//   pictures: `sources` times (address, channels, picture step, row step, pixel step); together they are the channels
//   weight: [36, ceil(outputs / PANEL), channels, PANEL]
//   frame: the pictures' height and width, rows and columns added on either side, borders
//   bias, slope: [outputs]; slope is what values below zero are multiplied with
//   out: [N, height, width, outputs]
extern "C" void winograd(const int64_t* pictures, int64_t sources, const float* weight, int64_t dilation,
                         const int64_t* frame_, const float* bias, const float* slope, int64_t channels,
                         int64_t outputs, float* out, int64_t begin, int64_t end) {
  const std::vector<Channels> joined = channels_of(pictures, sources);
  const Frame frame = frame_of(frame_);
  const Layer layer{weight, bias, slope, channels, outputs, dilation};
  const int64_t height = frame.height + 2 * (frame.top - dilation), width = frame.width + 2 * (frame.left - dilation);
  const std::vector<int64_t> rows = firsts(height, dilation), columns = firsts(width, dilation);
  const std::vector<float> zeros(channels + LANES);
  Group group(layer);
  const int64_t count = columns.size(), groups = (count + group.tiles - 1) / group.tiles;
  for (; begin < end; begin++) {
    const int64_t index = begin / rows.size(), y = rows[begin % rows.size()], lines = inside(y, height, dilation);
    for (int64_t g = 0; g < groups; g++) {
      const int64_t first = count * g / groups, last = count * (g + 1) / groups;
      for (int64_t i = first; i < last; i++)
        gather(joined, frame, layer, index, y, columns[i], zeros.data(), group, i - first);
      multiply(layer, group, last - first);
      for (int64_t i = first; i < last; i++)
        scatter(layer, group, i - first, lines, inside(columns[i], width, dilation),
                out + ((index * height + y) * width + columns[i]) * outputs, width * dilation * outputs,
                dilation * outputs);
    }
  }
}

// Outputs that lie together in the weights, on this CPU.
extern "C" int64_t panel() { return PANEL; }
extern "C" int64_t strip() { return STRIP; }
