// What networks spend their time with, for pictures [N,H,W,C] in memory (torch.channels_last): dense convolutions, and
// batch norm with the pictures' own statistics.
//
// A convolution of float32 pictures is made of bfloat16 matrix products with float32 sums (AMX tiles).
// A float32 value is nearly the sum of two bfloat16 values of 8 significant bits each, and is the sum of three. Of the
// products of two such sums those are taken that count: two parts give three products, with an error below 2^-16 of
// each product; three parts give six, with float32's own error; one part is plain bfloat16. A row of the result is one matrix product [W, kernel_width * kernel_height * C] for each of these
// products: the pixels below the kernel's width are neighbours in memory and need no copy.
//
// No header of torch is read, which makes this a matter of a second to compile; the matrix product is torch's own.

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <vector>

#include "pictures.hpp"

namespace c10 {
struct alignas(2) BFloat16 {
  uint16_t bits;
};
}  // namespace c10

namespace at::native::cpublas {
// C [M,N] (+)= A [M,K] B [K,N], B as [K / 2, N, 2]; torch/include/ATen/native/CPUBlas.h
void brgemm(int64_t M, int64_t N, int64_t K, int64_t ld_a, int64_t ld_b, int64_t ld_c, bool add_C,
            const c10::BFloat16* A, const c10::BFloat16* B, float* C, bool is_vnni);
void brgemm_release(bool is_vnni);
}  // namespace at::native::cpublas

namespace {

using c10::BFloat16;

struct Kernel {
  int64_t height, width, dilation, channels, padded_outputs, parts;
  const BFloat16* weight;  // [rotation, part, width, height, channels / 2, padded_outputs, 2], rotation below height

  int64_t column() const { return height * channels; }  // values below one column of the kernel
  const BFloat16* at(int64_t rotation, int64_t part, int64_t x) const {
    return weight + ((rotation * parts + part) * width + x) * column() * padded_outputs;
  }
};

// count floats -> their parts, part by part `distance` apart. Rounded to the nearest, ties to even.
template <int PARTS>
void split(const float* __restrict from, int64_t count, uint16_t* __restrict to, int64_t distance) {
  for (int64_t i = 0; i < count; i++) {
    float rest = from[i];
    for (int p = 0; p < PARTS; p++) {
      uint32_t bits;
      std::memcpy(&bits, &rest, 4);
      const uint32_t rounded = bits + 0x7fff + ((bits >> 16) & 1);
      to[p * distance + i] = static_cast<uint16_t>(rounded >> 16);
      const uint32_t kept = rounded & 0xffff0000;
      float value;
      std::memcpy(&value, &kept, 4);
      rest -= value;
    }
  }
}

void split(const float* from, int64_t count, BFloat16* to, int64_t distance, int64_t parts) {
  auto* bits = reinterpret_cast<uint16_t*>(to);
  if (parts == 1) return split<1>(from, count, bits, distance);
  if (parts == 2) return split<2>(from, count, bits, distance);
  split<3>(from, count, bits, distance);
}

// The rows of one picture that lie below the kernel, in parts: [part, column, slot, channel]. A new row takes the slot
// of the one that is no longer needed, so the rows lie there rotated; the weights, rotated alike, follow.
// Dilated rows have a ring for each remainder.
class Rows {
 public:
  Rows(const std::vector<Channels>& pictures, int64_t index, const Kernel& kernel, const Frame& frame)
      : pictures_(pictures), index_(index), kernel_(kernel), frame_(frame),
        part_((frame.width + 2 * frame.left) * kernel.column()),
        memory_(kernel.dilation * kernel.parts * part_, BFloat16{0}) {}

  // One part of all rows from row y on, first column.
  const BFloat16* at(int64_t y, int64_t part) const { return memory_.data() + ring(y) + part * part_; }
  int64_t slot(int64_t row) const { return (counted(row) / kernel_.dilation) % kernel_.height; }

  void load(int64_t row) {
    BFloat16* to = memory_.data() + ring(row) + frame_.left * kernel_.column() + slot(row) * kernel_.channels;
    const int64_t from = source(row, frame_.height, frame_.borders);
    if (from < 0) return clear(to);
    int64_t offset = 0;
    for (const Channels& x : pictures_) {
      const float* pixel = x.values + index_ * x.picture + from * x.row;
      for (int64_t i = 0; i < frame_.width; i++)
        split(pixel + i * x.pixel, x.count, to + i * kernel_.column() + offset, part_, kernel_.parts);
      offset += x.count;
    }
    if (frame_.borders == ZEROS) return;
    for (int64_t part = 0; part < kernel_.parts; part++)
      for (int64_t i = 1; i <= frame_.left; i++) {
        copy(to + part * part_, -i);
        copy(to + part * part_, frame_.width - 1 + i);
      }
  }

 private:
  int64_t counted(int64_t row) const { return row + frame_.top; }
  int64_t ring(int64_t row) const { return counted(row) % kernel_.dilation * kernel_.parts * part_; }
  void clear(BFloat16* to) const {
    for (int64_t part = 0; part < kernel_.parts; part++)
      for (int64_t i = 0; i < frame_.width; i++)
        std::fill_n(to + part * part_ + i * kernel_.column(), kernel_.channels, BFloat16{0});
  }
  void copy(BFloat16* first, int64_t column) const {
    const BFloat16* from = first + source(column, frame_.width, frame_.borders) * kernel_.column();
    std::copy_n(from, kernel_.channels, first + column * kernel_.column());
  }

  const std::vector<Channels>& pictures_;
  int64_t index_;
  const Kernel& kernel_;
  Frame frame_;
  int64_t part_;
  std::vector<BFloat16> memory_;
};

// Sums [width, padded_outputs] of the rows from `first` on.
void convolve_row(const Rows& rows, const Kernel& kernel, int64_t first, int64_t width, float* sums) {
  const bool joined = kernel.dilation == 1;
  const int64_t calls = joined ? 1 : kernel.width, depth = kernel.column() * (joined ? kernel.width : 1);
  const int64_t rotation = rows.slot(first);
  bool add = false;
  for (int64_t i = 0; i < kernel.parts; i++)
    for (int64_t j = 0; i + j < kernel.parts; j++)
      for (int64_t u = 0; u < calls; u++) {
        at::native::cpublas::brgemm(width, kernel.padded_outputs, depth, kernel.column(), kernel.padded_outputs,
                                    kernel.padded_outputs, add,
                                    rows.at(first, i) + u * kernel.dilation * kernel.column(),
                                    kernel.at(rotation, j, u), sums, true);
        add = true;
      }
}

// Bias and leaky ReLU of sums [width, step] to [width, outputs]; may be in place.
void finish(const float* sums, int64_t step, int64_t width, int64_t outputs, const float* bias, const float* slope,
            float* to) {
  for (int64_t i = 0; i < width; i++, sums += step, to += outputs)
    for (int64_t o = 0; o < outputs; o++) {
      const float value = sums[o] + bias[o];
      to[o] = value > 0 ? value : value * slope[o];
    }
}

}  // namespace

// Rows begin..end-1 of the result, counted through all pictures.
//   pictures: `sources` times (address, channels, picture step, row step, pixel step); together they are the channels
//   kernel: height, width, dilation, channels (even), padded outputs (a multiple of 16), parts
//   frame: the pictures' height and width, rows and columns added on either side, borders
//   bias, slope: [outputs]; slope is what values below zero are multiplied with
//   out: [N, height, width, outputs]
extern "C" void convolve(const int64_t* pictures, int64_t sources, const void* weight, const int64_t* kernel_,
                         const int64_t* frame_, const float* bias, const float* slope, int64_t outputs, float* out,
                         int64_t begin, int64_t end) {
  const std::vector<Channels> channels = channels_of(pictures, sources);
  const Kernel kernel{kernel_[0], kernel_[1], kernel_[2], kernel_[3], kernel_[4], kernel_[5],
                      static_cast<const BFloat16*>(weight)};
  const Frame frame = frame_of(frame_);
  const int64_t reach = (kernel.height - 1) * kernel.dilation;
  const int64_t height = frame.height + 2 * frame.top - reach;
  const int64_t width = frame.width + 2 * frame.left - (kernel.width - 1) * kernel.dilation;
  const bool whole = outputs == kernel.padded_outputs;  // the sums can be made where the result is to lie
  std::vector<float> scratch(whole ? 0 : width * kernel.padded_outputs);
  while (begin < end) {
    const int64_t index = begin / height, top = begin % height, bottom = std::min(height, top + end - begin);
    Rows rows(channels, index, kernel, frame);
    for (int64_t row = top - frame.top; row < top - frame.top + reach; row++) rows.load(row);
    for (int64_t y = top; y < bottom; y++) {
      rows.load(y - frame.top + reach);
      float* line = out + (index * height + y) * width * outputs;
      float* sums = whole ? line : scratch.data();
      convolve_row(rows, kernel, y - frame.top, width, sums);
      finish(sums, kernel.padded_outputs, width, outputs, bias, slope, line);
    }
    begin += bottom - top;
  }
  at::native::cpublas::brgemm_release(true);
}

// Sums of values and of squares of each channel: values [pixels, channels] -> sums [2, channels].
extern "C" void moments(const float* __restrict values, int64_t pixels, int64_t channels, double* __restrict sums) {
  std::fill_n(sums, 2 * channels, 0.0);
  for (int64_t i = 0; i < pixels; i++, values += channels)
    for (int64_t c = 0; c < channels; c++) {
      const double value = values[c];
      sums[c] += value;
      sums[channels + c] += value * value;
    }
}

// values [pixels, channels] * scale + shift, then leaky ReLU, to `to`, whose pixels are `step` values apart.
extern "C" void affine(const float* __restrict values, int64_t pixels, int64_t channels, const float* __restrict scale,
                       const float* __restrict shift, const float* __restrict slope, float* __restrict to,
                       int64_t step) {
  for (int64_t i = 0; i < pixels; i++, values += channels, to += step)
    for (int64_t c = 0; c < channels; c++) {
      const float value = values[c] * scale[c] + shift[c];
      to[c] = value > 0 ? value : value * slope[c];
    }
}
