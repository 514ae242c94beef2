"""The fast inference path: the released network's weights, the same numbers to float32 noise, a fraction of the time.

Feature maps are [B,H,W,C] (channels last); on a GPU both modalities are one batch of the encoder. What makes it fast:

* streams: a block works off its rows in chunks that fit the cache, every step on one chunk before the next chunk, and
  keeps the few rows that the next chunk needs. That also bounds the memory: only feature maps of C channels (3C for
  the graph's nodes) are ever held whole.
* attention in Gram form: a first pass over the chunks sums the products of q and k head by head, norms among them; the
  softmax is then folded into the output projection: the second pass multiplies v by one C x C matrix (in BFE it
  convolves with it folded in).
* BFE's 1x1 and dense 3x3 convolution, both without bias, are one 3x3 convolution C -> 3C: a third of its cost.
* on CPU dense 3x3 convolutions run on bfloat16 tiles (fusion.fast), or take Winograd's way: half the multiplications.
* batch norms folded into convolutions, layer norms fused, message passing of the three nodes as one matrix product.
"""
