"""What `--precision bf16` does to a network's pictures, their scores and its time, beside float32.

    python -m benchmarks.precision [--methods smfnet,densefuse] [--data DIR --weights DIR] [--dataset tno] [--pairs 4]
                                   [--device cpu] [--markdown FILE]

Without --data the pairs are those of the embedded sample; without weights of its own SMFNet is the slim network. Every
pair is fused in both precisions, the two taking turns, by the methods that the suite would load. Scores are means over
the pairs of the paper's nine metrics (variant smfnet) of the 8-bit pictures. Moved are pixels, of colour pictures their
channels, by levels. CPU s are of one pair, all threads together, without a method's first.
"""

import argparse
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

import metrics
from fusion.method import PRECISIONS, Method, load_method, weights_of
from fusion.pairs import Pair, open_pairs
from fusion.sample import write_sample

VARIANT = "smfnet"
NAMES = metrics.TEXT_METRICS


@dataclass(frozen=True)
class Measured:
    """One method.

    path: how it ran in bf16. seconds, scores: by precision. moved: shares of pixels, by 1, 2 and more levels. worst:
    the largest move.
    """

    name: str
    path: str
    seconds: dict[str, float]
    scores: dict[str, dict[str, float]]
    moved: tuple[float, float, float]
    worst: int


def measured(name: str, pairs: list[Pair], weights: Path, device: str) -> Measured:
    """Fuse the pairs in both precisions, in turns."""
    ready = {precision: load_method(name, weights=weights_of(name, weights), device=device, precision=precision)
             for precision in PRECISIONS}
    canvas = max(pair.height for pair in pairs), max(pair.width for pair in pairs)
    size = ready[PRECISIONS[0]].batch_size
    batches = [pairs[start:start + size] for start in range(0, len(pairs), size)]
    seconds = dict.fromkeys(PRECISIONS, 0.0)
    pictures: dict[str, list[np.ndarray]] = {precision: [] for precision in PRECISIONS}
    for method in ready.values():
        _fused(method, batches[0][:1], canvas)  # compiles, and makes the network's fast form
    for batch in batches:
        for precision, method in ready.items():
            begun = time.process_time()
            pictures[precision] += _fused(method, batch, canvas)
            seconds[precision] += (time.process_time() - begun) / len(pairs)
    off = np.concatenate([np.abs(one.astype(int) - other).ravel() for one, other in zip(*pictures.values())])
    scores = {precision: _scores(found, pairs) for precision, found in pictures.items()}
    moved = tuple(float(np.mean(which)) for which in (off == 1, off == 2, off > 2))
    return Measured(name, ready["bf16"].path, seconds, scores, moved, int(off.max()))


def _fused(method: Method, batch: list[Pair], canvas: tuple[int, int]) -> list[np.ndarray]:
    """The 8-bit pictures that the suite would write."""
    fused = method.fuse_batch([pair.read() for pair in batch], canvas)
    return [method.written(picture, pair.vi) for picture, pair in zip(fused, batch)]


def _scores(pictures: list[np.ndarray], pairs: list[Pair]) -> dict[str, float]:
    found = [metrics.evaluate_pair(picture, *pair.read8(), metrics=NAMES, variant=VARIANT)
             for picture, pair in zip(pictures, pairs)]
    return {name: float(np.mean([values[name] for values in found])) for name in NAMES}


def markdown(rows: list[Measured]) -> Iterator[str]:
    """One table: three lines a method, the precisions and their difference."""
    yield f"| method | | {' | '.join(NAMES)} | moved by 1, 2, more (largest) | CPU s |"
    yield f"|---|---|{'---:|' * len(NAMES)}---:|---:|"
    for row in rows:
        for precision in PRECISIONS:
            values = " | ".join(f"{row.scores[precision][name]:.4f}" for name in NAMES)
            yield f"| {row.name} | {precision} | {values} | | {row.seconds[precision]:.2f} |"
        one, other = (row.scores[precision] for precision in PRECISIONS)
        changes = " | ".join(f"{other[name] - one[name]:+.4f}" for name in NAMES)
        few, some, many = (f"{100 * share:.3g}" for share in row.moved)
        ratio = row.seconds[PRECISIONS[0]] / row.seconds[PRECISIONS[1]]
        yield f"| | difference | {changes} | {few}, {some}, {many} % ({row.worst}) | ratio {ratio:.2f} |"


@contextmanager
def _pairs(options: argparse.Namespace) -> Iterator[list[Pair]]:
    """The pairs to fuse; the sample's files are there inside the block only."""
    with tempfile.TemporaryDirectory() as folder:
        if options.data is None:
            write_sample(Path(folder))
        dataset = options.dataset or ("sample" if options.data is None else "tno")
        yield list(open_pairs(dataset, options.data or Path(folder)).pairs[:options.pairs])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--methods", default="smfnet", help="comma-separated")
    parser.add_argument("--data", type=Path, help="root of the data sets; default: the embedded sample")
    parser.add_argument("--weights", type=Path, default=Path("weights"), help="root of the weights, <method>/<file>")
    parser.add_argument("--dataset", help="default: tno, of the sample: sample")
    parser.add_argument("--pairs", type=int, default=4, help="at most so many, in file-name order")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--markdown", type=Path, help="write the table there, anew after every method")
    options = parser.parse_args()

    rows: list[Measured] = []
    with _pairs(options) as pairs:
        for name in options.methods.split(","):
            rows.append(measured(name, pairs, options.weights, options.device))
            print("\n".join(list(markdown(rows[-1:]))[0 if len(rows) == 1 else 2:]), flush=True)
            if options.markdown:
                options.markdown.write_text("\n".join(markdown(rows)) + "\n", encoding="utf-8")
    for row in rows:
        print(f"{row.name}: {row.path}")


if __name__ == "__main__":
    main()
