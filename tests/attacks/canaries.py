"""Hostile checkpoints whose code, if anything ran it, would leave a canary: a folder that must not be there."""

import io
import os
import pickle
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path

import torch


class Canary:
    """Unpickled by a loader that runs what it reads, it leaves `path`."""

    def __init__(self, path: Path):
        self.path = str(path)

    def __reduce__(self) -> tuple[Callable, tuple]:
        return os.mkdir, (self.path,)


def _plain(canary: Canary) -> bytes:
    return pickle.dumps(canary)


def _protocol_two(canary: Canary) -> bytes:
    return pickle.dumps(canary, protocol=2)


def _saved(canary: Canary) -> bytes:
    buffer = io.BytesIO()
    torch.save({"model": canary, "epoch": 1}, buffer)
    return buffer.getvalue()


def _legacy(canary: Canary) -> bytes:
    buffer = io.BytesIO()
    torch.save({"state_dict": canary}, buffer, _use_new_zipfile_serialization=False)
    return buffer.getvalue()


def _nested(canary: Canary) -> bytes:
    """In an attribute of a network, where nothing but unpickling finds it."""
    network = torch.nn.Sequential(torch.nn.Conv2d(1, 1, 1))
    network.extra = canary
    buffer = io.BytesIO()
    torch.save({"ema": None, "model": network}, buffer)
    return buffer.getvalue()


def _with_getattr(canary: Canary) -> bytes:
    """getattr(getattr(torch.hub, "os"), "mkdir")(path): the way round a list of allowed packages."""
    def text(value: str) -> bytes:
        return b"X" + struct.pack("<I", len(value)) + value.encode()

    module = b"cbuiltins\ngetattr\n(ctorch\nhub\n" + text("os") + b"tR"
    call = b"cbuiltins\ngetattr\n(" + module + text("mkdir") + b"tR(" + text(canary.path) + b"tR"
    return _zipped(b"\x80\x02" + call + b".")


def _zipped(program: bytes) -> bytes:
    """A pickle program as torch.save would store it."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("archive/data.pkl", program)
        archive.writestr("archive/version", "3\n")
        archive.writestr("archive/byteorder", "little")
    return buffer.getvalue()


# name -> what makes a hostile checkpoint
CHECKPOINTS: dict[str, Callable[[Canary], bytes]] = {
    "plain pickle": _plain, "protocol 2": _protocol_two, "torch.save": _saved, "legacy": _legacy,
    "in a network": _nested, "getattr": _with_getattr}
