"""Broken and hostile input: pictures, names, profiles, checkpoints."""

import random
import struct
from pathlib import Path

import numpy as np
import torch
from mutation_sandbox import HOSTILE, huge_png, ivf, mutation
from PIL import Image

from fusion import images
from fusion.smfnet import weights as smfnet_weights
from fusion.smfnet.network.smfnet import SMFNet
from fusion.smfnet.settings import NetworkSettings


def some_picture(box: Path, rng: random.Random) -> Path:
    return box / "data" / "tno" / rng.choice(["ir", "vi"]) / f"{rng.choice('abc')}.png"


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
