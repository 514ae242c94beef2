"""The one door for checkpoints: whoever wrote a file, reading it runs nothing of it.

Every checkpoint that a user, a profile or a foreign OUT names passes here before a library sees it. Read are
safetensors and what torch's restricted unpickler takes (tensors, plain containers). A file that holds a whole network
as a pickle is read with an inert stand-in for each of its classes, so that its tensors can be had.
"""

import re
import warnings
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open

from core.errors import IvfbenchError
from core.files import check_file

MAX_BYTES = 64 * 2**30  # of a checkpoint: several times the largest detector with its optimizer
_HEAD = 2**20  # what a torch archive holds beside its records
# packages whose classes occur in pickled networks; a class of any other is no layer, setting or number
_PACKAGES = frozenset({"torch", "torchvision", "ultralytics", "models", "utils", "numpy", "pathlib", "argparse",
                       "collections", "datetime", "types"})
_BUILTINS = frozenset({"builtins.getattr", "builtins.slice", "builtins.range", "builtins.object"})


def read(path: Path, error: type[IvfbenchError] = IvfbenchError, *, map_location: str = "cpu", remedy: str = "") -> Any:
    """What a checkpoint holds: tensors and plain containers.

    Args:
        remedy: what the user can do about a file that cannot be read; ends the message.
    Raises `error`, naming the file: none or no regular file, too large, damaged, or with anything in it that would
    have to be run.
    """
    path = Path(path)
    _checked(path, error)
    remedy = remedy or "The file is damaged, unsafe or of another kind: delete it and fetch it again"
    try:
        if path.suffix == ".safetensors":
            return tensors(path)[0]
        with warnings.catch_warnings():
            # asks its reader to report the file's kind to PyTorch; what matters to the user is the error that follows
            warnings.filterwarnings("ignore", "Detected pickle protocol", UserWarning)
            return torch.load(path, map_location=map_location, weights_only=True)
    except Exception as fault:  # torch raises a dozen kinds for a damaged file; all mean the same to the user
        raise error(f"{path}: cannot be read as a checkpoint ({reason(fault)}). {remedy}") from fault


def tensors(path: Path) -> tuple[dict[str, torch.Tensor], dict[str, str]]:
    """(tensors, metadata) of a safetensors file. Raises OSError or SafetensorError."""
    if not Path(path).is_file():
        raise OSError(f"{path}: no file")
    with safe_open(path, framework="pt") as handle:
        return {key: handle.get_tensor(key) for key in handle.keys()}, handle.metadata() or {}  # noqa: SIM118


def read_network(path: Path, error: type[IvfbenchError] = IvfbenchError, *, remedy: str = "") -> Any:
    """As `read`, of a file that may hold whole networks: each comes as a `Shell`, whose tensors `state` gives.

    Raises `error` as `read` does, and for a file that names anything which is no part of a network (os.system).
    """
    path = Path(path)
    _checked(path, error)
    try:
        named = torch.serialization.get_unsafe_globals_in_checkpoint(path)
    except Exception:  # no archive of torch.save: an old format, safetensors, or no checkpoint at all
        return read(path, error, remedy=remedy)
    strange = [name for name in sorted(named) if name.partition(".")[0] not in _PACKAGES and name not in _BUILTINS]
    if strange:
        raise error(f"{path}: cannot be read: it names {strange[0]}, which is no part of a network, and loading it "
                    f"could run code of whoever made it. {remedy or 'Take the file from its publisher'}")
    shells: list[Any] = [(type("Shell", (Shell,), {"named": name}), name) for name in named]
    with torch.serialization.safe_globals(shells):
        return read(path, error, remedy=remedy)


class Shell:
    """Stands for a class of a pickled network: keeps what was stored and runs nothing of it.

    named: the class's full name in the file.
    """

    named = ""

    def __init__(self, *_: Any) -> None:
        """Whatever the file would have called its class with."""

    def __setstate__(self, state: Any) -> None:
        if isinstance(state, Mapping):
            self.__dict__.update(state)


def state(module: Shell, path: Path, error: type[IvfbenchError] = IvfbenchError) -> dict[str, torch.Tensor]:
    """Names and tensors of a pickled module in the order of nn.Module.state_dict. Raises `error` where it is none."""
    try:
        return dict(_tensors(module, ""))
    except (AttributeError, KeyError, TypeError, RecursionError) as fault:
        raise error(f"{path}: holds an object that is no network ({fault})") from fault


def _tensors(module: Shell, prefix: str) -> Iterator[tuple[str, torch.Tensor]]:
    stored = vars(module)
    passing = stored.get("_non_persistent_buffers_set", ())
    for kind in ("_parameters", "_buffers"):
        yield from ((prefix + name, tensor.data) for name, tensor in stored[kind].items()
                    if tensor is not None and not (kind == "_buffers" and name in passing))
    for name, child in stored["_modules"].items():
        yield from _tensors(child, f"{prefix}{name}.")


def reason(fault: Exception) -> str:
    """One line of what torch says; of a pickle that it refuses, the line with the cause."""
    text = str(fault).strip()
    told = re.search(r"WeightsUnpickler error:\s*(.*?)(?:\. |$)", text, re.MULTILINE)
    return (told[1] if told else text.splitlines()[0] if text else type(fault).__name__)[:160]


def _checked(path: Path, error: type[IvfbenchError]) -> None:
    """A regular file of bearable size that unpacks to no more than it is: torch.save packs nothing."""
    try:
        size = check_file(path, error, limit=MAX_BYTES)
    except OSError as fault:
        raise error(f"{path}: cannot be read ({fault.strerror}); name an existing checkpoint") from fault
    try:
        if zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as archive:
                unpacked = sum(entry.file_size for entry in archive.infolist())
            if unpacked > size + _HEAD:
                raise error(f"{path}: {size} bytes that unpack to {unpacked}; a checkpoint is not packed: it is "
                            "damaged or meant to fill the memory")
    except (zipfile.BadZipFile, NotImplementedError, ValueError, OSError) as fault:
        if isinstance(fault, error):
            raise
        raise error(f"{path}: cannot be read as a checkpoint ({reason(fault)}). The file is damaged: fetch it again"
                    ) from fault


__all__ = ["Shell", "read", "read_network", "reason", "state", "tensors"]
