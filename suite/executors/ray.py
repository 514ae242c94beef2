"""Ray executor: the same plan as Ray tasks, on one machine or a cluster that shares OUT.

Dependencies are object references, so a task starts when what it needs has ended. A task whose node dies is tried again
on another one and goes on from what the dead one left in OUT.
"""

import logging
import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from core.plugins import folders, load_folders
from suite.errors import UserError
from suite.executors import Report
from suite.executors.local import ALLOCATOR
from suite.stages import Context, Outcome, blocked, execute, find_stage
from suite.unit import Unit, stored_result

RETRIES = 3
STOP = ".cache/stop"  # a file in OUT: what every worker on every node can see


def run_units(units: Sequence[Unit], finished: set[str], *, out: Path, device: str, jobs: int,
              environment: dict[str, Any], report: Report, stop: Callable[[], bool], address: str | None = None,
              ) -> Iterator[tuple[Unit, Outcome]]:
    """As suite.executors.local.run_units. `jobs` is the number of CPUs of a local start; a cluster has its own.

    Args:
        address: of an existing cluster ("auto" or host:port); None takes RAY_ADDRESS, else starts one here.
    Raises UserError when ray is not installed or the cluster cannot be reached.
    """
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    try:
        import ray
    except ImportError as error:
        raise UserError("--executor ray needs the extra: pip install 'ivfbench[cluster]'") from error
    address = address or os.environ.get("RAY_ADDRESS")
    local: dict[str, Any] = {} if address else {
        "num_cpus": jobs, "include_dashboard": False, "_temp_dir": str(out / ".cache" / "ray")}
    try:
        ray.init(address=address, log_to_driver=False, logging_level=logging.ERROR, runtime_env={"env_vars": ALLOCATOR},
                 **local)
    except (ConnectionError, ValueError) as error:
        raise UserError(f"--address {address}: no Ray cluster answers there ({' '.join(str(error).split())[:200]}); "
                        "start one with `ray start --head`, or leave the address out") from error
    flag = out / STOP
    flag.unlink(missing_ok=True)
    try:
        yield from _run(ray, units, finished, out, device, environment, report, stop, flag)
    finally:
        flag.unlink(missing_ok=True)
        ray.shutdown()


def _run(ray: Any, units: Sequence[Unit], finished: set[str], out: Path, device: str,
         environment: dict[str, Any], report: Report, stop: Callable[[], bool], flag: Path,
         ) -> Iterator[tuple[Unit, Outcome]]:
    task = ray.remote(max_retries=RETRIES, retry_exceptions=False)(_task)
    on_gpu = device.startswith("cuda")
    references: dict[str, object] = {}
    pending: dict[object, Unit] = {}
    for unit in units:
        needs = [references[up.key] for up in unit.upstream if up.key in references]
        gpus = find_stage(unit.stage).gpus if on_gpu else 0
        reference = task.options(num_cpus=1, num_gpus=gpus, name=str(unit)).remote(
            unit, out, "cuda" if on_gpu else device, environment, folders(), *needs)
        references[unit.key], pending[reference] = reference, unit
        report(unit, 0, 0, "")
    while pending:
        if stop():
            flag.touch()
        ready, _ = ray.wait(list(pending), timeout=0.5)
        for reference in ready:
            unit = pending.pop(reference)
            try:
                outcome = ray.get(reference)
            except ray.exceptions.RayError as error:
                reason = (str(error).strip().splitlines() or [""])[0]
                outcome = Outcome("failed", f"{type(error).__name__} after {RETRIES} retries: {reason}")
            if outcome is None:  # not begun: the user had asked to stop
                continue
            if outcome.status == "done" and stored_result(out, unit) is None:
                outcome = Outcome("failed", f"a node wrote the result elsewhere; {out} must be one shared folder, "
                                            "under the same path on every node")
            if outcome.status == "done":
                finished.add(unit.key)
            yield unit, outcome


def _task(unit: Unit, out: Path, device: str, environment: dict[str, Any], plugins: tuple[Path, ...],
          *needed: Outcome | None) -> Outcome | None:
    """One unit in a Ray worker; None when it was not begun because the user had asked to stop."""
    load_folders(plugins)
    stopping = (out / STOP).exists
    if stopping():
        return None
    for outcome in needed:
        if outcome is None:
            return None
        if outcome.status != "done":
            return blocked(outcome)
    from downstream.guard import prepare

    prepare(out / ".cache" / "ultralytics")
    import torch

    return execute(unit, Context(out=out, device=device, stop_requested=stopping,
                                 environment={**environment, "threads": torch.get_num_threads()}))
