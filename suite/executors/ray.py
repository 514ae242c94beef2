"""Ray executor: the same plan as Ray tasks, on one machine or a cluster that shares OUT.

Dependencies are object references, so a task starts when what it needs has ended. A task whose node dies is tried again
on another one and goes on from what the dead one left in OUT.
"""

import logging
import os
import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from math import inf
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from core.plugins import folders, load_folders
from core.trust import VARIABLE, foreign_code_allowed
from suite.errors import UserError
from suite.executors import Report
from suite.executors.queue import Demand, by_length
from suite.executors.spawn import ALLOCATOR
from suite.stages import Context, Outcome, blocked, execute, find_stage
from suite.unit import Unit, stored_result

RETRIES = 3
# Of a cluster that is started here. Ray takes 127.0.0.1 for the machine's outer address unless it believes that it runs
# where clusters are not supported; its processes then listen on the loopback address.
_CLOSED = {"RAY_AUTH_MODE": "token", "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0"}
STOP = ".cache/stop"  # a file in OUT: what every worker on every node can see


def run_units(units: Sequence[Unit], finished: set[str], *, out: Path, device: str, jobs: int,
              environment: dict[str, Any], report: Report, stop: Callable[[], bool],
              demands: Mapping[str, Demand] | None = None, room: float = inf, address: str | None = None,
              ) -> Iterator[tuple[Unit, Outcome]]:
    """As suite.executors.local.run_units. `jobs` is the number of CPUs of a local start; a cluster has its own.

    Args:
        demands: what each unit asks for; the longest are handed to Ray first. `room`, this machine's, is not looked at.
        address: of an existing cluster ("auto" or host:port); None takes RAY_ADDRESS, else starts one here.
    Raises UserError when ray is not installed or the cluster cannot be reached.
    """
    with connected(address or os.environ.get("RAY_ADDRESS"), jobs) as ray:
        flag = out / STOP
        flag.unlink(missing_ok=True)
        try:
            longest_first = by_length(units, demands or {})
            yield from _run(ray, longest_first, finished, out, device, environment, report, stop, flag)
        finally:
            flag.unlink(missing_ok=True)


@contextmanager
def connected(address: str | None, jobs: int) -> Iterator[Any]:
    """The module ray, connected to the cluster at `address`, or to one that is started on this machine for this block.

    A local one listens on the loopback address alone, has no dashboard, and does nothing for whom lacks its token.
    Raises UserError as `run_units` does.
    """
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    if not address:
        for name, value in _CLOSED.items():
            os.environ.setdefault(name, value)
        os.environ.setdefault("RAY_AUTH_TOKEN", secrets.token_hex(32))
    try:
        import ray
    except ImportError as error:
        raise UserError("--executor ray needs the extra: pip install 'ivfbench[cluster]'") from error
    if not address:
        _read_settings_again()
    variables = {**ALLOCATOR, **({VARIABLE: "1"} if foreign_code_allowed() else {})}
    # Ray's sockets: a path below OUT would be too long for most users, and would be input where OUT is somebody else's
    with TemporaryDirectory(prefix="ivfbench-ray-", ignore_cleanup_errors=True) as folder:
        local: dict[str, Any] = {} if address else {
            "num_cpus": jobs, "include_dashboard": False, "_node_ip_address": "127.0.0.1", "_temp_dir": folder}
        try:
            ray.init(address=address, log_to_driver=False, logging_level=logging.ERROR,
                     runtime_env={"env_vars": variables}, **local)
        except (ConnectionError, ValueError, RuntimeError) as error:
            told = " ".join(str(error).split())[:200]
            raise UserError(f"--address {address}: no Ray cluster answers there ({told}); start one with "
                            "`ray start --head`, or leave the address out") from error
        try:
            yield ray
        finally:
            ray.shutdown()


def _read_settings_again() -> None:
    """A Ray that the program imported before read the environment then, and would go on without the token, and listen
    on the machine's outer address."""
    from ray._private import ray_constants
    from ray._raylet import AuthenticationTokenLoader, Config  # type: ignore[attr-defined]  # compiled, without stubs

    ray_constants.ENABLE_RAY_CLUSTER = os.environ["RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"].lower() in ("1", "true")
    AuthenticationTokenLoader.instance().reset_cache()
    Config.initialize("")


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
