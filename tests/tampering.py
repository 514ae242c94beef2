"""Ways of tampering with a finished run, each with what `verify` says of it and why: the table of docs/verify.md.

A way changes a copy of a tiny run. Whoever knows the project well also writes the hashes anew (`reseal`): what is found
then is found by doing the work again.
"""

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from core import records
from core.files import sha256, sha256_of, write_json
from fusion import images
from results.records import ResultRecord, read_result
from suite import seal
from suite.unit import MADE_FROM, result_rows, seal_of


@dataclass(frozen=True)
class Box:
    """A copy of the run and of what it was made from. key, other: two ssh keys."""

    out: Path
    data: Path
    weights: Path
    key: Path
    other: Path

    def result(self, stage: str, method: str) -> Path:
        return next(self.out.glob(f"{stage}/{method}/tno/*/result.json"))

    def picture(self, method: str, name: str = "b") -> Path:
        return self.result("fuse", method).parent / "images" / f"{name}.png"


@dataclass(frozen=True)
class Way:
    """found: part of what is said to be WRONG; "" where nothing can be known. means: by what, or why not.

    everything: only `--all` is sure to find it. signed: the run had a signature, which is asked for.
    """

    name: str
    change: Callable[[Box], None]
    found: str
    means: str
    everything: bool = False
    signed: bool = False


WAYS: list[Way] = []


def way(name: str, found: str, means: str, **more: bool) -> Callable[[Callable[[Box], None]], Callable[[Box], None]]:
    def register(change: Callable[[Box], None]) -> Callable[[Box], None]:
        WAYS.append(Way(name, change, found, means, **more))
        return change

    return register


# --- what a forger does


def edit(path: Path, change: Callable[[Any], None]) -> None:
    content = json.loads(path.read_text())
    change(content)
    write_json(path, content)


def reseal(box: Box) -> None:
    """Every hash that the project keeps, written anew: artefacts, chain, seals, provenance, rows, seal.json."""
    run = json.loads((box.out / "run.json").read_text())
    done = [unit for unit in run["units"] if unit["status"] == "done"]
    results: dict[str, ResultRecord] = {}
    for unit in done:
        path = box.out / unit["folder"] / "result.json"
        result = read_result(path)
        there = {name: (sha256(path.parent / name), 1, 1) for name in result.artefacts if (path.parent / name).exists()}
        left = {key: sha256_of({name: digest for name, (digest, *_) in results[key].artefacts.items()})
                for key in result.upstream if key in results}
        result = replace(result, artefacts=there, details={**result.details, MADE_FROM: left})
        results[unit["key"]] = result = replace(result, seal=seal_of(result))
        write_json(path, records.write(result))
    from results.rows import to_frame, write_csv

    write_csv(box.out / "rows.csv", to_frame(row for result in results.values() for row in result_rows(result)))
    head = ("profile", "paper", "protocol", "precision", "command", "started", "finished")
    edit(box.out / "provenance.json", lambda content: content.update(
        run={**content["run"], **{name: run[name] for name in head}},
        units={unit["folder"]: dict(results[unit["key"]].provenance) for unit in done}))
    seal.write(box.out)


def render(box: Box) -> None:
    """Tables and page of what is there now."""
    from reports.write import write_all

    write_all(box.out)
    seal.write(box.out)


def replace_line(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text, (path, old)
    path.write_text(text.replace(old, new, 1))


def changed_value(values: list[Any]) -> None:
    """The first row's number."""
    values[0][-1] += 0.5


def change_run(box: Box, change: Callable[[Any], None]) -> None:
    """run.json, and everything that hangs on it."""
    edit(box.out / "run.json", change)
    reseal(box)


def exchange(one: Path, other: Path) -> None:
    kept = one.read_bytes()
    one.write_bytes(other.read_bytes())
    other.write_bytes(kept)


def without(box: Box, method: str, *, request: bool) -> None:
    def change(run: Any) -> None:
        run["units"] = [unit for unit in run["units"] if unit["method"] != method]
        del run["methods"][method]
        if request:
            run["request"]["methods"].remove(method)

    edit(box.out / "run.json", change)
    for stage in ("fuse", "score", "measure"):
        shutil.rmtree(box.out / stage / method, ignore_errors=True)  # what is no network is not measured
    reseal(box)
    render(box)


def shifted(box: Box, levels: int) -> None:
    """One fused picture, every second pixel brighter or darker."""
    path = box.picture("average")
    picture = images.read(path).astype(int)
    picture[::2, ::2] += np.where(picture[::2, ::2] > 127, -levels, levels)
    images.write_png(path, picture.astype(np.uint8))


def scored_again(box: Box) -> None:
    """The scores of `average` as the present pictures give them."""
    import metrics
    from suite.threads import one_thread

    path = box.result("score", "average")
    content = json.loads(path.read_text())
    with one_thread():
        for row in content["rows"]:
            sources = [images.read(box.data / "tno" / kind / f"{row[3]}.png") for kind in ("ir", "vi")]
            values = metrics.evaluate(images.read(box.picture("average", row[3])), *sources, metrics=[row[4]],
                                      variant=row[5], undefined="nan")
            row[-1] = float(values[row[4]])
    write_json(path, content)
