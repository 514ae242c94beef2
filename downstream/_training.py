"""What detection and segmentation training share: seeds, the cost estimate and the state a killed run resumes from.

How a resumed run ends bit for bit like an uninterrupted one (on a CPU): an epoch must depend on nothing but the state
saved at the end of the epoch before. So every epoch starts with `seed_epoch`, draws nothing from a stream that began
earlier, and ends with `save_state` of weights, their moving average and the optimizer in full precision.
"""

import hashlib
import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from core.errors import IvfbenchError
from core.files import aside, read_json, write_json

# called after every epoch with: epochs done, epochs in all, the epoch's mean training loss
Progress = Callable[[int, int, float], None]


class TrainingError(IvfbenchError):
    """A training that cannot start, cannot resume or diverged; the message names the remedy."""


def seed_epoch(seed: int, epoch: int) -> int:
    """Seed python, numpy and torch for one epoch (0-based; -1 for building the network). Returns the number used."""
    import torch

    number = int.from_bytes(hashlib.sha256(f"{seed}/{epoch}".encode()).digest()[:4], "big") >> 1
    random.seed(number)
    np.random.seed(number)  # noqa: NPY002 - the libraries' augmentations draw from the global stream
    torch.manual_seed(number)
    return number


def identity(**parts: Any) -> str:
    """sha256 of everything that decides a training's numbers; a state with another identity is never resumed."""
    return hashlib.sha256(json.dumps(parts, sort_keys=True, default=str).encode()).hexdigest()


def save_state(path: Path, state: dict, identity: str) -> None:
    """torch.save `state` under `path`, aside and then renamed; tensors must be full precision to resume exactly."""
    import torch

    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    with aside(path) as temporary:
        torch.save({"identity": identity, "state": state}, temporary)


def load_state(path: Path, identity: str, map_location: str = "cpu") -> dict | None:
    """The state saved under `path`; None where there is none. Holds tensors and plain values only (weights_only).

    Raises TrainingError when the file belongs to a training with other settings, data or seed, or cannot be read.
    """
    from fusion import checkpoints  # loads torch

    path = Path(path)
    if not path.is_file():
        return None
    anew = "Delete it to train from the first epoch"
    saved = checkpoints.read(path, TrainingError, map_location=map_location, remedy=anew)
    try:
        found, state = saved["identity"], saved["state"]
    except (TypeError, KeyError, IndexError) as error:
        raise TrainingError(f"{path}: no state of a training. {anew}") from error
    if found != identity:
        raise TrainingError(f"{path}: belongs to a training with other settings, data or seed "
                            f"({str(found)[:12]}, now {identity[:12]}); choose another folder or delete this one")
    return state


def estimate_cost(out: Path, *, seconds: float, epochs: int, device: str, first: int = 1) -> dict:
    """Predict a training's cost from its timed first epoch(s) and write it to `out`/cost.json before it goes on.

    Args:
        seconds: wall time of the first `first` epochs, validation included.
        epochs: epochs in all.
        device: "cpu" or "cuda..."; decides whether the hours are called CPU or GPU hours.
    Returns: the written dict: unit, device, threads, epochs, seconds_per_epoch, predicted_hours. Where cost.json
    exists already (a resumed run) it is returned as it is.
    """
    import torch

    path = Path(out) / "cost.json"
    if path.is_file():
        return read_json(path, TrainingError)
    per_epoch = seconds / first
    on_gpu = str(device).startswith("cuda")
    cost = {
        "unit": "GPU hours" if on_gpu else "CPU hours",
        "device": torch.cuda.get_device_name(device) if on_gpu else "cpu",
        "threads": torch.get_num_threads(),
        "epochs": epochs,
        "seconds_per_epoch": round(per_epoch, 3),
        "predicted_hours": round(per_epoch * epochs / 3600, 6),
    }
    write_json(path, cost)
    return cost
