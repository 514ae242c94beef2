"""The benchmark from Python: `from suite import run`. The same plan, stages and reports as the command line."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from suite.objects import as_method
from suite.profile import choose_profile
from suite.runner import Request
from suite.runner import run as run_request


def run(*, suites: Sequence[str] | None = None, methods: Sequence[Any] | None = None,
        datasets: Sequence[str] | None = None, metrics: Sequence[str] | None = None, variant: str | None = None,
        data: Path | str | None = None, weights: Path | str | None = None, out: Path | str = "out",
        profile: str | None = None, paper: str | None = None, protocol: str | None = None,
        precision: str | None = None, seeds: int | None = None, limit: int | None = None, device: str = "cpu",
        jobs: int = 0, memory: float | None = None, force: bool = False, plugins: Iterable[Path | str] = ()) -> Any:
    """Run suites and return the run.

    Args:
        suites, datasets, metrics: names; None: the profile's.
        methods: names, "NAME=FOLDER" of fused pictures, functions (ir, vi) -> fused, or objects with `fuse` (see
            fusion.method.Method for shapes and ranges). Objects and functions need jobs=0.
        paper: whose tables, a name or a folder with paper.toml.
        data: root of the data sets; None: the embedded sample. weights: root of released weights.
        out: everything is written there; what is done is not done again.
        precision: of networks that fuse: "float32", or "bf16", which is faster and gives other numbers.
        limit: only so many pairs of each data set, for a quick look.
        jobs: worker processes; 0 works in this process and thread (no main guard is needed either way).
        memory: GiB that fusing on the CPU may take; None: what is free. A unit that needs more is not begun.
    Returns: reports.run.Run with `rows` (DataFrame), `table(number)`, `comparison`, `ok`, `failures`.
    Raises IvfbenchError for anything that cannot be begun.
    """
    from baselines.weights import chosen_root
    from reports.run import Run
    from suite.plugins import load

    load(map(Path, plugins))
    chosen = choose_profile(profile, with_data=data is not None, suites=suites, datasets=datasets, metrics=metrics,
                            variant=variant, paper=paper, protocol=protocol, precision=precision, seeds=seeds,
                            limit=limit)
    given = None if methods is None else tuple(m if isinstance(m, str) else as_method(m) for m in methods)
    run_request(Request(
        profile=chosen, out=Path(out), data=Path(data) if data is not None else None,
        weights=chosen_root(weights), methods=given, device=device, jobs=jobs, memory=memory, force=force,
        command="suite.run(...)", show=False))
    return Run(Path(out))
