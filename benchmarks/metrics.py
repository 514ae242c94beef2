"""Speed and peak memory of `metrics` against the straightforward evaluator of metrics_reference.py, in one run.

    python benchmarks/metrics.py                      # 640x480, 768x576, 1024x768; one and twelve methods
    python benchmarks/metrics.py --sizes 768x576 --methods 12 --threads 2
    python benchmarks/metrics.py --sizes 640x480 --variants vifb,mefb,liu,tang

Both sides run on the same rendered 8-bit pictures, by default on one thread (the reference cannot use more). The
reference shares nothing, so its time per method is the same for one as for twelve. "differs" is the largest absolute
difference of any value. With --variants the metrics of other toolboxes are timed instead: the formula written plainly,
ours alone and with shared sources, and how much faster that is than the toolbox itself, where its time is known. --cpu
counts processor time of one thread instead of wall-clock time, for a busy machine.
"""

import argparse
import math
import os
import sys
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[0] = str(ROOT)  # as a script, this file's own folder stands first and would hide the package `metrics`


def scene(height: int, width: int, methods: int):
    """Rendered 8-bit pictures: (ir, vi, [fused]), uint8 [H,W]; smooth shading, texture, edges, a saturated spot."""
    import cv2
    import numpy as np

    rng = np.random.default_rng(height * width)

    def texture(*scales: float) -> np.ndarray:
        layers = [cv2.GaussianBlur(rng.standard_normal((height, width)), (0, 0), scale) for scale in scales]
        return sum(layer / layer.std() * scale**0.5 for layer, scale in zip(layers, scales))

    vi = 110 + 22 * texture(1, 4, 20)
    ir = 70 + 12 * texture(2, 30)
    rows, columns = np.mgrid[:height, :width]
    for _ in range(12):
        y, x, radius = rng.integers(height), rng.integers(width), rng.integers(10, 60)
        ir[(rows - y) ** 2 + (columns - x) ** 2 < radius**2] += 140
        vi[max(y - radius, 0):y + radius, max(x - radius, 0):x + radius] -= 40
    share = np.linspace(0.2, 0.8, methods) if methods > 1 else [0.5]
    fused = [np.maximum(ir * part + vi * (1 - part), 0.6 * ir) + 2 * rng.standard_normal(ir.shape) for part in share]

    def to_8bit(image: np.ndarray) -> np.ndarray:
        return np.clip(np.round(image), 0, 255).astype(np.uint8)

    return to_8bit(ir), to_8bit(vi), [to_8bit(image) for image in fused]


clock = time.perf_counter


def seconds(function: Callable[[], object], repeats: int) -> float:
    """Best of several runs, after one that is not counted where there are several."""
    if repeats > 1:
        function()
    times = []
    for _ in range(repeats):
        start = clock()
        function()
        times.append(clock() - start)
    return min(times)


def peak_megabytes(function: Callable[[], object]) -> float:
    """Peak of the memory that numpy and OpenCV arrays take while the function runs."""
    tracemalloc.start()
    try:
        function()
        return tracemalloc.get_traced_memory()[1] / 2**20
    finally:
        tracemalloc.stop()


def measure(width: int, height: int, methods: int, repeats: int) -> None:
    import numpy as np

    import metrics
    from benchmarks.metrics_reference import METRICS

    ir, vi, fused = scene(height, width, methods)
    as_float = [image.astype(np.float64) for image in (fused[0], ir, vi)]
    print(f"\n{width}x{height}\n{'metric':8}{'reference ms':>14}{'ours ms':>10}{'ratio':>8}{'differs':>12}")
    expected, total = {}, 0.0
    for name, function in METRICS.items():
        def plain(name=name, function=function):
            expected[name] = float(function(*as_float))

        reference = seconds(plain, 1 if name == "VIF" else 2)
        total += reference
        ours = seconds(lambda name=name: metrics.evaluate(fused[0], ir, vi, metrics=[name]), repeats)
        differs = abs(metrics.evaluate(fused[0], ir, vi, metrics=[name])[name] - expected[name])
        print(f"{name:8}{reference * 1e3:14.2f}{ours * 1e3:10.2f}{reference / ours:8.1f}{differs:12.1e}")

    def score_all(images):
        scorer = metrics.Scorer(ir, vi)
        return [scorer.score(image) for image in images]

    def reference_all():
        return [function(*as_float) for function in METRICS.values()]

    values = metrics.evaluate(fused[0], ir, vi)
    differs = max(abs(values[name] - value) for name, value in expected.items())
    one = seconds(lambda: metrics.evaluate(fused[0], ir, vi), repeats)
    print(f"{'all, 1':8}{total * 1e3:14.2f}{one * 1e3:10.2f}{total / one:8.1f}{differs:12.1e}")
    if methods > 1:
        many = seconds(lambda: score_all(fused), max(repeats // 2, 2)) / methods
        print(f"{f'all, {methods}':8}{total * 1e3:14.2f}{many * 1e3:10.2f}{total / many:8.1f}   (ms per method)")
    print(f"peak memory: reference {peak_megabytes(reference_all):.0f} MiB, ours one method "
          f"{peak_megabytes(lambda: metrics.evaluate(fused[0], ir, vi)):.0f} MiB, {methods} methods "
          f"{peak_megabytes(lambda: score_all(fused)):.0f} MiB")


# What Octave takes for one picture of the toolbox's own code, in seconds: "about an hour"
TOOLBOX_SECONDS = dict.fromkeys(("FMI", "FMI_pixel", "FMI_dct", "FMI_w"), 3600.0)


def measure_variant(variant: str, width: int, height: int, methods: int) -> None:
    """Every metric of a toolbox: plainly, alone with new sources, and per method with shared ones."""
    import metrics

    ir, vi, fused = scene(height, width, methods)
    as_float = [image.astype(float) for image in (fused[0], ir, vi)]

    def score_all(names: list[str]) -> list[dict[str, float]]:
        scorer = metrics.Scorer(ir, vi, metrics=names, variant=variant)
        return [scorer.score(image) for image in fused]

    print(f"\n{variant}, {width}x{height}\n{'metric':12}{'plain ms':>12}{'alone ms':>11}{'shared ms':>11}{'ratio':>8}"
          f"{'differs':>12}  toolbox")
    for name in metrics.names(variant):
        metric = metrics.get(name, variant)
        expected: list[float] = []
        plain = seconds(lambda: expected.append(metric.function(*as_float)), 1)  # noqa: B023
        alone = seconds(lambda: metrics.evaluate(fused[0], ir, vi, variant=variant, metrics=[name]), 2)  # noqa: B023
        shared = seconds(lambda: score_all([name]), 2) / methods  # noqa: B023
        got = score_all([name])[0][name]
        differs = 0.0 if math.isnan(got) and math.isnan(expected[0]) else abs(got - expected[0])
        toolbox = f"{TOOLBOX_SECONDS[name] / shared:.0f}x" if name in TOOLBOX_SECONDS else ""
        print(f"{name:12}{plain * 1e3:12.1f}{alone * 1e3:11.1f}{shared * 1e3:11.1f}{plain / shared:8.1f}{differs:12.1e}"
              f"  {toolbox}")
    names = list(metrics.names(variant))
    print(f"{'all':12}{'':23}{seconds(lambda: score_all(names), 2) / methods * 1e3:11.1f}   (ms per method)   peak "
          f"memory {peak_megabytes(lambda: score_all(names)):.0f} MiB")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", default="640x480,768x576,1024x768", help="comma-separated WIDTHxHEIGHT")
    parser.add_argument("--methods", type=int, default=12, help="fused images that share their sources")
    parser.add_argument("--variants", default="", help="comma-separated: time these toolboxes' metrics instead")
    parser.add_argument("--repeats", type=int, default=5, help="runs of ours; the best counts")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--cpu", action="store_true", help="processor time instead of wall-clock time")
    options = parser.parse_args()
    if options.cpu:
        if options.threads > 1:
            parser.error("--cpu is for one thread: the time of several would be added up")
        global clock
        clock = time.process_time
    for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ[variable] = str(options.threads)  # read when numpy is first imported, which is why that comes later
    import cv2

    cv2.setNumThreads(options.threads)
    kind = "processor" if options.cpu else "wall-clock"
    print(f"{options.threads} thread(s), {kind} time, best of {options.repeats}")
    for size in options.sizes.split(","):
        width, height = map(int, size.split("x"))
        for variant in filter(None, options.variants.split(",")):
            measure_variant(variant, width, height, options.methods)
        if not options.variants:
            measure(width, height, options.methods, options.repeats)


if __name__ == "__main__":
    main()
