"""Broken and hostile input: each mutation damages a sandbox and gives the command line that must refuse it.

A mutation is a function (sandbox, random numbers) -> arguments. The sandbox holds data/ (TNO pairs, M3FD and MFNet in
their official layouts), weights/, fused/ (brought pictures) and out/ (a finished run).
"""

import json
import random
import shutil
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from PIL import Image
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


def some_picture(box: Path, rng: random.Random) -> Path:
    return box / "data" / "tno" / rng.choice(["ir", "vi"]) / f"{rng.choice('abc')}.png"


def huge_png(width: int, height: int) -> bytes:
    """A PNG header that declares more pixels than anyone wants to decode."""
    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    body = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(bytes(99))) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


@mutation
def truncated_picture(box, rng):
    path = some_picture(box, rng)
    path.write_bytes(path.read_bytes()[:rng.randrange(0, path.stat().st_size - 40)])
    return ivf(box)


@mutation
def picture_of_noise(box, rng):
    some_picture(box, rng).write_bytes(rng.randbytes(rng.randrange(0, 3000)))
    return ivf(box)


@mutation
def picture_of_another_type(box, rng):
    path = some_picture(box, rng)
    path.write_bytes(rng.choice([b"GIF89a", b"%PDF-1.7\n", b"<svg/>", b"\xff\xd8\xff\xe0", b"BM", b"RIFF0000WEBP",
                                 b"II*\0"]))
    return ivf(box)


@mutation
def picture_of_another_size(box, rng):
    images.write_png(some_picture(box, rng), np.zeros((rng.randrange(1, 47), rng.randrange(1, 63)), np.uint8))
    return ivf(box)


@mutation
def picture_with_a_huge_header(box, rng):
    some_picture(box, rng).write_bytes(huge_png(rng.randrange(20_000, 2**31 - 1), rng.randrange(20_000, 2**31 - 1)))
    return ivf(box)


@mutation
def picture_of_other_samples(box, rng):
    kind, dtype = rng.choice([("I;16", np.uint16), ("RGBA", np.uint8)])
    shape = (48, 64, 4) if kind == "RGBA" else (48, 64)
    Image.fromarray(np.zeros(shape, dtype)).save(some_picture(box, rng))
    return ivf(box)


@mutation
def folder_or_dead_link_for_a_picture(box, rng):
    path = some_picture(box, rng)
    path.unlink()
    if rng.random() < 0.5:
        path.mkdir()
    else:
        path.symlink_to(box / "nowhere.png")
    return ivf(box)


@mutation
def picture_without_counterpart(box, rng):
    name = rng.choice(["d.png", "ü.png", "-.png", "a b.png", "'.png"])
    some_picture(box, rng).rename(box / "data" / "tno" / "ir" / name)
    return ivf(box)


@mutation
def hostile_method_name(box, rng):
    name = rng.choice(HOSTILE)
    return ivf(box, rng.choice([name, f"{name}={box / 'fused'}", f"mine={name}", f"average,{name}"]))


@mutation
def hostile_option(box, rng):
    option = rng.choice(["--datasets", "--suite", "--profile", "--protocol", "--executor", "--device", "--data",
                         "--jobs", "--seeds", "--weights"])
    value = rng.choice([name for name in HOSTILE if name != "--help"])
    return [*ivf(box), option, value]


@mutation
def profile_of_the_wrong_shape(box, rng):
    text = rng.choice([
        "methods = 3", 'suites = "ivf"', "seeds = 'many'", "datasets = 5", "ivf = 7", "[ivf]\ndatasets = 9",
        "[ivf]\ndatasets = ['../../x']", "[ivf]\nvariant = 'none'", "protocol = 4", "unknown = 1",
        "[detection]\nepochs = 'x'", "[detection]\ndatasets = ['m3fd']\nepochs = -1", "methods = ['average'",
        "[segmentation]\ndatasets = ['mfnet']\ndepth = 7", "\x00", "[complexity]\nheight = 'tall'",
        "sample = 'yes'", "seeds = 1.5", "methods = [1, 2]", "suites = [3]"])
    path = box / "profile.toml"
    path.write_text(("" if "methods" in text else 'methods = ["average"]\n') + text + "\n")
    return ["--profile", path, "--data", box / "data", "--weights", box / "weights", "--out", box / "out"]


@mutation
def checkpoint_truncated_or_noise(box, rng):
    path = box / "weights" / "smfnet" / "weights.safetensors"
    content = path.read_bytes()
    path.write_bytes(rng.choice([content[:rng.randrange(len(content))], rng.randbytes(500), b"",
                                 struct.pack("<Q", 2**60) + content[8:], content.replace(b'"F32"', b'"F99"')]))
    return ivf(box, "smfnet")


@mutation
def checkpoint_with_nan(box, rng):
    network = SMFNet(NetworkSettings(width=8, heads=2))
    with torch.no_grad():
        rng.choice(list(network.parameters())).view(-1)[0] = rng.choice([float("nan"), float("inf")])
    smfnet_weights.save(box / "weights" / "smfnet" / "weights.safetensors", network)
    return ivf(box, "smfnet")


@mutation
def checkpoint_of_another_network(box, rng):
    from safetensors.torch import save_file

    metadata = rng.choice([{"settings": "{"}, {"settings": '{"width": "wide"}'}, {"settings": '{"width": -8}'}, {},
                           {"settings": '{"width": 100000000}'}, {"settings": "[]"},
                           {"settings": '{"width": 16, "heads": 2}'}])
    save_file({"a": torch.zeros(3)}, box / "weights" / "smfnet" / "weights.safetensors", metadata=metadata)
    return ivf(box, "smfnet")


class _Bomb:
    def __reduce__(self):
        import os

        return os.system, ("touch escaped",)


@mutation
def checkpoint_that_runs_code(box, rng):
    content = rng.choice([_Bomb(), {"DIDF_Encoder": _Bomb()}, {"DIDF_Encoder": {"x": torch.zeros(2)}}, [1, 2], "text"])
    torch.save(content, box / "weights" / "smfnet" / "model_VIF.pth")
    return ivf(box, "smfnet")


@mutation
def released_file_with_a_wrong_hash(box, rng):
    from fusion.method import methods

    pinned = [card for card in methods().values() if any(w.sha256 and not w.optional for w in card.weights)]
    card = rng.choice(pinned)
    folder = box / "weights" / card.name
    folder.mkdir(exist_ok=True)
    for item in card.weights:
        (folder / item.file).write_bytes(rng.randbytes(rng.randrange(200)))
    return ivf(box, card.name)


@mutation
def brought_pictures_that_do_not_fit(box, rng):
    path = box / "fused" / f"{rng.choice('abc')}.png"
    how = rng.randrange(5)
    if how == 0:
        path.unlink()
    elif how == 1:
        images.write_png(path, np.zeros((9, 9), np.uint8))
    elif how == 2:
        path.write_bytes(path.read_bytes()[:60])
    elif how == 3:
        path.write_bytes(huge_png(10**6, 10**6))
    else:
        path.with_suffix(".jpg").write_bytes(path.read_bytes())
    return ivf(box, f"mine={box / 'fused'}")


@mutation
def boxes_that_cannot_be_read(box, rng):
    path = box / "data" / "M3FD" / "Annotation" / "00001.xml"
    path.write_bytes(rng.choice([
        VOC.format(name="Dragon", x=2).encode(), VOC.format(name="People", x="nan").encode(), b"<annotation>",
        b"\xff\xfe\x00",
        VOC.format(name="People", x="1e999").encode(), VOC.format(name="<b>", x=2).encode(), rng.randbytes(99), b"",
        b'<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><annotation><size><width>&x;</width></size></annotation>',
        VOC.format(name="People", x=2).replace("48", "0").encode()]))
    return training(box, "detection", "m3fd")


@mutation
def box_lists_that_are_none(box, rng):
    m3fd = box / "data" / "M3FD"
    shutil.rmtree(m3fd / "Annotation")
    (m3fd / "annotations_coco").mkdir()
    (m3fd / "annotations_coco" / "a.json").write_bytes(rng.choice([
        b"{", b"[]", b"3", b'{"images": 1}', b"\xff\xff", b'{"images": [], "annotations": [], "categories": []}',
        b'{"images": [{"id": 1}], "annotations": [], "categories": []}',
        b'{"images": [{"id": 1, "file_name": 7, "width": 1, "height": 1}], "annotations": [], "categories": []}',
        b'{"images": {}, "annotations": {"a": 1}, "categories": [{}]}', b"[" * 100_000]))
    return training(box, "detection", "m3fd")


@mutation
def numbers_that_are_no_boxes(box, rng):
    m3fd = box / "data" / "M3FD"
    shutil.rmtree(m3fd / "Annotation")
    (m3fd / "labels").mkdir()
    names = rng.choice([None, b"People\nCar\n", b"\xff\xfe"])
    if names:
        (m3fd / "labels" / "classes.txt").write_bytes(names)
    for number in range(3):
        (m3fd / "labels" / f"0000{number}.txt").write_bytes(rng.choice([
            b"0 0.5 0.5 nan 0.1\n", b"9 0.5 0.5 0.1 0.1\n", b"x\n", b"\xff\xfe\x00", b"0 0.5\n", b"-1 .5 .5 .1 .1\n"]))
    return training(box, "detection", "m3fd")


@mutation
def label_picture_that_does_not_fit(box, rng):
    path = sorted((box / "data" / "mfnet" / "labels").iterdir())[rng.randrange(8)]
    how = rng.randrange(5)
    if how == 0:
        Image.fromarray(np.full((40, 48), rng.randrange(9, 255), np.uint8)).save(path)
    elif how == 1:
        Image.fromarray(np.zeros((20, 48), np.uint8)).save(path)
    elif how == 2:
        path.write_bytes(rng.choice([huge_png(10**6, 10**6), rng.randbytes(80), b""]))
    elif how == 3:
        path.unlink()
    else:
        Image.fromarray(np.zeros((40, 48, 3), np.uint8)).save(path.parent.parent / "images" / path.name)
    return training(box, "segmentation", "mfnet")


@mutation
def hostile_list(box, rng):
    for name in ("images", "labels"):  # what a name that leads out of the data set would find
        shutil.copy(next((box / "data" / "mfnet" / name).iterdir()), box / "data" / "mfnet" / "outside.png")
    names = rng.choice([b"../outside\n", b"\xff\xfe\n", b"a\x00b\n", b"/etc/passwd\n", b"nowhere\n", b"\n\n",
                        b"..\n", ("x" * 300).encode(), b"<script>\n"])
    listed = box / "data" / "mfnet" / rng.choice(["train.txt", "test.txt"])
    listed.write_bytes(names if rng.random() < 0.5 else listed.read_bytes() + names if names.strip() else names)
    return training(box, "segmentation", "mfnet")


@mutation
def damaged_run(box, rng):
    """report, trace and verify of a copy of the finished run whose files were damaged."""
    copy = box / "copy"
    shutil.copytree(box / "out", copy, ignore=shutil.ignore_patterns("figures", ".cache"))
    path = copy / rng.choice(["run.json", "rows.csv"])
    content = path.read_bytes()
    broken = [content[:rng.randrange(1, len(content) // 2)], b"", b"\xff\xfe\x00", b"[]", b"{}", rng.randbytes(300)]
    if path.name == "run.json":
        broken += [json.dumps({**json.loads(content), key: value}).encode() for key, value in
                   (("units", 3), ("datasets", []), ("methods", "x"), ("schema", 99))]
    else:
        broken += [content.replace(b"value", b"valeu", 1), content.replace(b"average", b"average,", 1)]
    path.write_bytes(rng.choice(broken))
    return rng.choice([["report", copy], ["trace", "table1", "tno", "average", "EN", copy], ["verify", copy]])


@mutation
def stored_results_that_were_changed(box, rng):
    """verify of a copy in which a unit's own files were damaged."""
    copy = box / "copy"
    shutil.copytree(box / "out", copy, ignore=shutil.ignore_patterns("figures", ".cache"))
    result = rng.choice(sorted(copy.glob("*/*/*/*/result.json")))
    content = json.loads(result.read_text())
    how = rng.randrange(4)
    if how == 0:
        result.write_text(rng.choice(["", "{}", "[]", "{", json.dumps({**content, "rows": 3})]))
    elif how == 1:
        result.write_text(json.dumps({**content, "settings": {**content["settings"], "extra": 1}}))
    elif how == 2:
        result.unlink()
    else:
        picture = rng.choice(sorted(copy.glob("fuse/*/*/*/images/*.png")))
        picture.write_bytes(rng.choice([b"", picture.read_bytes()[:-9], rng.randbytes(50)]))
    return ["verify", copy, "--weights", box / "weights", "--pictures", "0"]


@mutation
def wrong_command(box, rng):
    return rng.choice([
        ["fetch", "nobody"], ["fetch", rng.choice(HOSTILE)], ["train", "didfuse", "--data", box / "data"],
        ["train", "smfnet", "--data", box / "nowhere", "--out", box / "out"],
        ["train", "smfnet", "--data", box / "data", "--recipe", "ae99", "--out", box / "out"],
        ["train", "smfnet", "--data", box / "data", "--set", "training.batch=-1", "--out", box / "out"],
        ["train", "smfnet", "--data", box / "data", "--set", "nothing", "--out", box / "out"],
        ["train", "smfnet", "--data", box / "data", "--set", "network.width='wide'", "--out", box / "out"],
        ["trace", "table9", "tno", "average", "EN", box / "out"],
        ["trace", "table1", rng.choice(HOSTILE), "average", "EN", box / "out"],
        ["report", box / "nowhere"], ["report", box / "out", "--digits", "99"], ["verify", box / "nowhere"],
        ["nonsense"], ["check", "--weights", box / "nowhere"], [*ivf(box), "--unknown"],
        [*ivf(box), "--jobs", "-1"], [*ivf(box), "--address", "nowhere:1"], [*ivf(box), "--out",
        "/proc/nowhere"], [*ivf(box), "--seeds", "-3"]])


