"""The sandbox that mutations damage, and the list of them: see test_suite_hostile.py.

A mutation is a function (sandbox, random numbers) -> the command line that must refuse it. The sandbox holds data/ (TNO
pairs, M3FD and MFNet in their official layouts), weights/, fused/ (brought pictures) and out/ (a finished run).
"""

import random
import shutil
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
from segmentation_scenes import write_mfnet
from suite_scenes import write_pairs

from fusion import images
from fusion.smfnet import weights as smfnet_weights
from fusion.smfnet.network.smfnet import SMFNet
from fusion.smfnet.settings import NetworkSettings

VOC = """<annotation><size><width>64</width><height>48</height></size>
<object><name>{name}</name><bndbox><xmin>{x}</xmin><ymin>4</ymin><xmax>20</xmax><ymax>30</ymax></bndbox></object>
</annotation>"""
HOSTILE = ("../../../escaped", "/etc/passwd", "<script>alert(1)</script>", "a\nb", "--help", "$(touch escaped)",
           "nul\x01", "x" * 300, "%s%n", "..", "тест", "a/b")

Mutation = Callable[[Path, random.Random], list]
MUTATIONS: list[Mutation] = []


def mutation(function: Mutation) -> Mutation:
    MUTATIONS.append(function)
    return function


def write_sandbox(root: Path) -> Path:
    """Everything but out/."""
    data = write_pairs(root / "data")
    for name in ("Ir", "Vis"):
        (data / "M3FD" / name).mkdir(parents=True)
    (data / "M3FD" / "Annotation").mkdir()
    for number in range(3):
        key = f"{number:05}"
        for name in ("Ir", "Vis"):
            images.write_png(data / "M3FD" / name / f"{key}.png", np.full((48, 64), 40 * number, np.uint8))
        (data / "M3FD" / "Annotation" / f"{key}.xml").write_text(VOC.format(name="People", x=2))
    write_mfnet(data)
    (root / "weights" / "smfnet").mkdir(parents=True)
    smfnet_weights.save(root / "weights" / "smfnet" / "weights.safetensors",
                        SMFNet(NetworkSettings(width=8, heads=2)))
    (root / "fused").mkdir()
    for key in "abc":
        shutil.copy(data / "tno" / "vi" / f"{key}.png", root / "fused" / f"{key}.png")
    return root


def ivf(box: Path, methods: object = "average", *more) -> list:
    return ["--suite", "ivf", "--profile", "paper", "--data", box / "data", "--weights", box / "weights", "--methods",
            methods, "--datasets", "tno", "--out", box / "out", *more]


def training(box: Path, suite: str, dataset: str) -> list:
    return ["--suite", suite, "--profile", "paper", "--data", box / "data", "--weights", box / "weights", "--methods",
            "average", "--datasets", dataset, "--out", box / "out"]


def huge_png(width: int, height: int) -> bytes:
    """A PNG header that declares more pixels than anyone wants to decode."""
    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    body = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(bytes(99))) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body
