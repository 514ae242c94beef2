"""Single convolutions: torch's own beside the fast path's kinds, on this CPU.

    python -m benchmarks.convolutions [--size 240x320] [--rounds 5] [--markdown FILE]

One thread, one picture [1,C,H,W] of normal noise in channels_last, weights of normal noise, zeros around the picture.
The kinds take turns; G/s are 10^9 products of the direct way (C x outputs x kernel x pixels) a CPU second, of the
fastest round. Errors are the root mean square of the difference from float64, over that of the result. This table is
what `fusion.fast.choice` goes by.
"""

import argparse
import time
from collections.abc import Callable
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from fusion.fast.extension import why_no_kernels, why_no_tiles
from fusion.fast.narrow import NarrowConvolution
from fusion.fast.products import ProductConvolution
from fusion.fast.tiles import TileConvolution
from fusion.fast.winograd import WinogradConvolution

# (channels, outputs, side of the kernel)
SHAPES = ((2, 16, 3), (4, 1, 3), (8, 8, 3), (16, 1, 3), (192, 1, 3), (32, 1, 5), (16, 2, 3), (32, 8, 3), (16, 16, 3),
          (32, 32, 3), (64, 64, 3), (128, 128, 3), (32, 32, 5), (8, 32, 1), (16, 16, 1), (32, 8, 1), (64, 64, 1),
          (192, 64, 1), (256, 1024, 1))
HEADER = "| channels | outputs | kernel | kind | G/s | times torch | error |\n|---:|---:|---:|---|---:|---:|---:|\n"


def kinds(weight: Tensor) -> dict[str, Callable[[Tensor], Tensor]]:
    """Name -> the convolution, of those that this machine has for the kernel."""
    side = weight.shape[2] // 2
    lasting = weight.contiguous(memory_format=torch.channels_last)
    found: dict[str, Callable[[Tensor], Tensor]] = {"torch": lambda x: F.conv2d(x, lasting, padding=side)}
    if weight.shape[2] == 3 and not why_no_kernels():
        found["Winograd"] = WinogradConvolution(weight, padding=(side, side))
    if weight.shape[2] == 1 and not why_no_kernels():
        found["product"] = ProductConvolution(weight)
    if weight.shape[0] < 4:
        found["narrow"] = NarrowConvolution(weight, padding=(side, side))
    if not why_no_tiles():
        found["tiles"] = TileConvolution(weight, padding=(side, side))
    return found


def measured(channels: int, outputs: int, side: int, size: tuple[int, int],
             rounds: int) -> dict[str, tuple[float, float]]:
    """Kind -> (CPU seconds of the fastest round, relative error)."""
    generator = torch.Generator().manual_seed(0)
    weight = torch.randn(outputs, channels, side, side, generator=generator)
    x = torch.randn(1, channels, *size, generator=generator).contiguous(memory_format=torch.channels_last)
    exact = F.conv2d(x.double(), weight.double(), padding=side // 2)
    ways = kinds(weight)
    errors = {kind: float((way(x) - exact).square().mean().sqrt() / exact.square().mean().sqrt())
              for kind, way in ways.items()}
    seconds = {kind: float("inf") for kind in ways}
    for _ in range(rounds):
        for kind, way in ways.items():
            begun = time.process_time()
            way(x)
            seconds[kind] = min(seconds[kind], time.process_time() - begun)
    return {kind: (seconds[kind], errors[kind]) for kind in ways}


def table(size: tuple[int, int], rounds: int) -> str:
    lines = [HEADER]
    for channels, outputs, side in SHAPES:
        found = measured(channels, outputs, side, size, rounds)
        products = channels * outputs * side**2 * size[0] * size[1]
        for kind, (seconds, error) in found.items():
            lines.append(f"| {channels} | {outputs} | {side}x{side} | {kind} | {products / seconds / 1e9:.3g} "
                         f"| {found['torch'][0] / seconds:.2f} | {error:.1e} |\n")
    return "".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", default="240x320", help="height x width")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--markdown", type=Path, help="where the table goes beside the screen")
    given = parser.parse_args()
    height, width = map(int, given.size.split("x"))
    torch.set_num_threads(1)
    with torch.inference_mode():
        text = table((height, width), given.rounds)
    print(text)
    if given.markdown:
        given.markdown.write_text(text)


if __name__ == "__main__":
    main()
