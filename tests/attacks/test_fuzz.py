"""Profiles, recipes, papers and data-set files damaged at random: an error of one line, or nothing at all."""

import json
import random
import shutil
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from mutation_sandbox import write_sandbox

from downstream.detection.dataset import open_detection
from downstream.segmentation.dataset import open_segmentation
from fusion.dataset_cards import DATASETS, read_card
from fusion.pairs import open_pairs
from fusion.smfnet import weights
from fusion.smfnet.training.recipe import RECIPES, load_recipe
from results import papers
from results.papers import load_paper
from suite.errors import one_line
from suite.plan import make_plan
from suite.profile import PROFILES, load_profile

VALUES: tuple[Any, ...] = (0, -1, 10**30, 1.5, -0.0, True, "", "x", "../../x", "/dev/zero", "a\nb", "\x00", "тест",
                           "x" * 400, [], [1], ["x"], [["x"]], {}, {"x": 1}, {"": {}}, [{}], "--help", "\u202e", [None])
PAPERS = Path(papers.__file__).with_name("published")
QUICK, LONG = 8, 100  # examples per kind; five kinds

# what stands where, before it is damaged
PROFILE = """
methods = ["average", "visible"]
suites = ["ivf", "detection", "segmentation", "ablation"]
[ivf]
datasets = ["tno"]
metrics = ["EN", "SD"]
[ablation]
datasets = ["tno"]
training = "tno"
recipes = ["ae1"]
overrides = { "network.width" = 8, "network.heads" = 2 }
[detection]
datasets = ["m3fd"]
engine = "yolov5-sample"
epochs = 1
[segmentation]
datasets = ["mfnet"]
depth = 18
"""


def survives(call: Callable[[], object]) -> None:
    """It ends, or raises what the command line turns into one line."""
    try:
        call()
    except Exception as error:
        told = one_line(error)
        if told is None:
            raise
        assert told and "\n" not in told


def toml(value: Any) -> str:
    """TOML with inline tables; None, which it has not, stands for something that is no TOML."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(key)} = {toml(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(toml, value)) + "]"
    return "?" if value is None else json.dumps(value).replace("\x7f", "")


def document(table: dict[str, Any]) -> str:
    return "".join(f"{json.dumps(key)} = {toml(value)}\n" for key, value in table.items())


def damage(value: Any, rng: random.Random) -> Any:
    """The same with one place changed: another value, a key less, a key more, a list longer."""
    if isinstance(value, dict) and value and rng.random() < 0.85:
        key = rng.choice(list(value))
        if rng.random() < 0.1:
            return {name: item for name, item in value.items() if name != key}
        if rng.random() < 0.1:
            return {**value, rng.choice(["x", "", "é", key + "s"]): rng.choice(VALUES)}
        return {**value, key: damage(value[key], rng)}
    if isinstance(value, list) and value and rng.random() < 0.5:
        place = rng.randrange(len(value))
        return [*value[:place], damage(value[place], rng), *value[place + rng.randrange(2):]]
    return rng.choice(VALUES)


def bytes_damaged(data: bytes, rng: random.Random) -> bytes:
    kind, place = rng.randrange(6), rng.randrange(len(data) + 1)
    if kind == 0:
        return data[:place]
    if kind == 1:
        return data[:place] + rng.randbytes(rng.randrange(1, 9)) + data[place + rng.randrange(9):]
    if kind == 2:
        encoding = rng.choice([b"rot13", b"x", b"utf-7", b"idna", b"base64"])
        return b'<?xml version="1.0" encoding="' + encoding + b'"?>' + data
    if kind == 3:
        return rng.choice([b"[", b"{\"a\":", b"<a>", b"a = [", b"- "]) * 100_000
    if kind == 4:
        return data.decode("latin-1").encode("utf-16")
    return b"" if rng.random() < 0.5 else bytes(range(256))


def file_damaged(path: Path, rng: random.Random) -> None:
    """One file cut, changed, replaced by a link to a device, a folder, or a dead link."""
    data = path.read_bytes()
    if rng.random() < 0.8:
        path.write_bytes(bytes_damaged(data, rng))
        return
    path.unlink()
    kind = rng.randrange(3)
    if kind == 0:
        path.symlink_to("/dev/zero")
    elif kind == 1:
        path.mkdir()
    else:
        path.symlink_to("nowhere")


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory):
    return write_sandbox(tmp_path_factory.mktemp("box"))


def text_of(table: dict[str, Any], rng: random.Random) -> bytes:
    for _ in range(rng.randrange(1, 4)):
        table = damage(table, rng)
    text = document(table if isinstance(table, dict) else {"x": table}).encode()
    return bytes_damaged(text, rng) if rng.random() < 0.15 else text


def a_profile(box: Path, work: Path, rng: random.Random) -> None:
    start = tomllib.loads(PROFILE) if rng.random() < 0.8 else tomllib.loads((PROFILES / "sample.toml").read_text())
    path = work / "p.toml"
    path.write_bytes(text_of(start, rng))

    def plan() -> None:
        profile = load_profile(str(path))
        if not set(profile.methods) & {"all", "all-known"}:
            make_plan(profile, data=box / "data", weights=box / "weights", named=None, known_files=KNOWN)

    survives(plan)


def a_recipe(box: Path, work: Path, rng: random.Random) -> None:
    path = work / "r.toml"
    path.write_bytes(text_of(tomllib.loads(rng.choice(sorted(RECIPES.glob("*.toml"))).read_text()), rng))
    overrides = {rng.choice(["network.width", "training", "x.y", ".", "title.x", "losses.ssim"]): rng.choice(VALUES)}
    survives(lambda: load_recipe(path))
    survives(lambda: load_recipe("sample", overrides))


def a_paper(box: Path, work: Path, rng: random.Random) -> None:
    folder = work / "paper"
    shutil.copytree(rng.choice([path.parent for path in sorted(PAPERS.glob("*/paper.toml"))]), folder)
    if rng.random() < 0.3:
        file_damaged(rng.choice(sorted(folder.iterdir())), rng)
    else:
        path = folder / "paper.toml"
        path.write_bytes(text_of(tomllib.loads(path.read_text()), rng))
    survives(lambda: load_paper(folder).published(1))


def a_description(box: Path, work: Path, rng: random.Random) -> None:
    path = work / "tno.toml"
    path.write_bytes(text_of(tomllib.loads(rng.choice(sorted(DATASETS.glob("*.toml"))).read_text()), rng))
    survives(lambda: read_card(path))


def a_data_set(box: Path, work: Path, rng: random.Random) -> None:
    data = work / "data"
    shutil.copytree(box / "data", data)
    file = rng.choice(sorted(path for path in data.rglob("*") if path.is_file()))
    if rng.random() < 0.2:
        hostile = rng.choice([b"\xff\xfe", b"a\nb", b"=1+1", b"\x1b[31m", b"x" * 240])
        file.rename(file.with_name(hostile.decode("utf-8", "surrogateescape") + file.suffix))
    else:
        file_damaged(file, rng)
    survives(lambda: open_pairs("tno", data))
    survives(lambda: open_detection("m3fd", data))
    survives(lambda: open_segmentation("mfnet", data).check({}))
    path = work / "weights.safetensors"
    shutil.copy(box / "weights/smfnet/weights.safetensors", path)
    file_damaged(path, rng)
    survives(lambda: weights.load(path))


KINDS = (a_profile, a_recipe, a_paper, a_description, a_data_set)
KNOWN: dict[str, Any] = {}


def fuzzed(kind: Callable[[Path, Path, random.Random], None], examples: int, box: Path, root: Path) -> None:
    @settings(max_examples=examples, deadline=None, derandomize=True, database=None,
              suppress_health_check=list(HealthCheck))
    @given(st.integers(0, 2**32))
    def once(seed: int) -> None:
        work = root / f"{seed}"
        shutil.rmtree(work, ignore_errors=True)
        work.mkdir()
        try:
            kind(box, work, random.Random(seed))
        finally:
            shutil.rmtree(work)

    once()


@pytest.mark.parametrize("kind", KINDS)
def test_a_few(kind, sandbox, tmp_path):
    fuzzed(kind, QUICK, sandbox, tmp_path)


@pytest.mark.long
@pytest.mark.parametrize("kind", KINDS)
def test_many(kind, sandbox, tmp_path):
    fuzzed(kind, LONG, sandbox, tmp_path)
