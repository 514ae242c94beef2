// Pictures [N,H,W,C] in memory and their borders, as convolutions read them.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

enum Borders : int64_t { ZEROS, REFLECT, REPLICATE };

// float32 channels of pictures: values of one pixel are neighbours.
struct Channels {
  const float* values;
  int64_t count, picture, row, pixel;  // channels; steps in memory
};

inline std::vector<Channels> channels_of(const int64_t* numbers, int64_t sources) {
  std::vector<Channels> found;
  for (int64_t i = 0; i < sources; i++, numbers += 5)
    found.push_back({reinterpret_cast<const float*>(numbers[0]), numbers[1], numbers[2], numbers[3], numbers[4]});
  return found;
}

// Where a kernel lies over its pictures.
struct Frame {
  int64_t height, width;       // of the pictures
  int64_t top, left, borders;  // rows and columns added on either side, and what they hold
};

inline Frame frame_of(const int64_t* numbers) { return {numbers[0], numbers[1], numbers[2], numbers[3], numbers[4]}; }

// Where the value of place i, which may lie outside 0..size-1, is taken from; -1: it is zero.
inline int64_t source(int64_t i, int64_t size, int64_t borders) {
  if (i >= 0 && i < size) return i;
  if (borders == ZEROS) return -1;
  if (borders == REPLICATE) return std::clamp<int64_t>(i, 0, size - 1);
  return i < 0 ? -i : 2 * (size - 1) - i;
}
