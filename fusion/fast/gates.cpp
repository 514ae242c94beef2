// What lies between the products of graph reasoning: gates by sigmoids, for values [pixels, channels] in memory. Torch
// passes the memory once for each of a dozen parts.

#include <algorithm>
#include <cstdint>
#include <cstring>

namespace {

constexpr int64_t NODES = 3, EDGES = 2, TOGETHER = 64;  // pixels whose edges are taken together

// exp of -87..87 within 1e-7 of it: 2^n times a polynomial (Cephes, expf). Without calls and branches, so that loops
// become vectors.
inline float exponential(float x) {
  constexpr float ROUND = 12582912.0f;  // adding it leaves the nearest integer in the last bits
  const float shifted = x * 1.44269504f + ROUND, n = shifted - ROUND;
  uint32_t bits;
  std::memcpy(&bits, &shifted, 4);
  bits = (bits << 23) + (127u << 23);
  float power;
  std::memcpy(&power, &bits, 4);
  const float r = x - n * 0.693359375f + n * 2.12194440e-4f;
  float p = r * 1.9875691500e-4f + 1.3981999507e-3f;
  p = p * r + 8.3334519073e-3f;
  p = p * r + 4.1665795894e-2f;
  p = p * r + 1.6666665459e-1f;
  p = p * r + 5.0000001201e-1f;
  return (p * r * r + r + 1) * power;
}

inline float sigmoid(float x) {
  x = x > 87 ? 87 : x;
  x = x < -87 ? -87 : x;
  return 1 / (1 + exponential(-x));
}

}  // namespace

// sigmoid(first half of gates) * state: [pixels, 2 channels], [pixels, channels] -> to [pixels, channels].
extern "C" void gate_reset(const float* __restrict gates, const float* __restrict state, int64_t pixels,
                           int64_t channels, float* __restrict to) {
  for (int64_t i = 0; i < pixels; i++, gates += 2 * channels, state += channels, to += channels)
    for (int64_t c = 0; c < channels; c++) to[c] = sigmoid(gates[c]) * state[c];
}

// state + gamma * ((1 - u) state + u t), u the sigmoid of the second half of gates, t = 2 sigmoid(candidate) - 1: as
// above; the result takes the candidate's place.
extern "C" void gate_update(const float* __restrict gates, const float* __restrict state, int64_t pixels,
                            int64_t channels, float gamma, float* __restrict candidate) {
  for (int64_t i = 0; i < pixels; i++, gates += 2 * channels, state += channels, candidate += channels)
    for (int64_t c = 0; c < channels; c++) {
      const float update = sigmoid(gates[channels + c]), fresh = 2 * sigmoid(candidate[c]) - 1;
      candidate[c] = state[c] + gamma * (state[c] + update * (fresh - state[c]));
    }
}

// What each of three nodes hears of the two others: their sum, even and odd channels weighted by the sigmoid of what
// the node has more than its first and its second other one.
//   nodes: [pixels, 3, channels], channels even
//   scores: [pixels, 3, 2]: of nodes as a first and as a second one
extern "C" void gate_messages(const float* __restrict nodes, const float* __restrict scores, int64_t pixels,
                              int64_t channels, float* __restrict to) {
  constexpr int64_t OTHERS[NODES][EDGES] = {{1, 2}, {0, 2}, {0, 1}};
  float weights[TOGETHER * NODES * EDGES];
  for (int64_t begin = 0; begin < pixels; begin += TOGETHER) {
    const int64_t count = std::min(TOGETHER, pixels - begin), edges = count * NODES * EDGES;
    for (int64_t i = 0; i < count; i++, scores += NODES * EDGES)
      for (int64_t k = 0; k < NODES; k++)
        for (int64_t e = 0; e < EDGES; e++)
          weights[(i * NODES + k) * EDGES + e] = scores[k * EDGES + e] - scores[OTHERS[k][e] * EDGES + e];
    for (int64_t i = 0; i < edges; i++) weights[i] = sigmoid(weights[i]);
    for (int64_t i = 0; i < count; i++, nodes += NODES * channels)
      for (int64_t k = 0; k < NODES; k++, to += channels) {
        const float *first = nodes + OTHERS[k][0] * channels, *second = nodes + OTHERS[k][1] * channels;
        const float even = weights[(i * NODES + k) * EDGES], odd = weights[(i * NODES + k) * EDGES + 1];
        for (int64_t c = 0; c < channels; c += 2) {
          to[c] = even * (first[c] + second[c]);
          to[c + 1] = odd * (first[c + 1] + second[c + 1]);
        }
      }
  }
}

// Two modalities' pixels [pixels, channels], each with the other added by a gate: the sigmoid of scores [pixels, 2]. The
// first score is the second modality's gate; the other, less than zero, the first's. In place.
extern "C" void gate_interact(float* __restrict first, float* __restrict second, float* __restrict scores,
                              int64_t pixels, int64_t channels) {
  for (int64_t i = 0; i < pixels; i++) scores[2 * i + 1] = -scores[2 * i + 1];
  for (int64_t i = 0; i < 2 * pixels; i++) scores[i] = sigmoid(scores[i]);
  for (int64_t i = 0; i < pixels; i++, first += channels, second += channels, scores += 2)
    for (int64_t c = 0; c < channels; c++) {
      const float a = first[c], b = second[c];
      first[c] = a + b * scores[1];
      second[c] = b + a * scores[0];
    }
}
