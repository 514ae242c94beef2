"""The ways, first part: numbers, pictures, what is missing, what the run says of itself; see tests/tampering.py."""

import json
import shutil
from collections.abc import Callable
from typing import Any

from tampering import (
    Box,
    change_run,
    changed_value,
    edit,
    exchange,
    render,
    replace_line,
    reseal,
    scored_again,
    shifted,
    way,
    without,
)

from core.files import write_json

COUNTED = "parameters and MACs counted again"
RESULT, PLAN, FUSED, SCORED = "the result's own seal", "the plan made again", "fused again", "scored again"


def change_cost(box: Box, change: Callable[[list[Any]], object], method: str = "smfnet") -> None:
    """Every row of the method's costs, emptied ones left out, and every hash that hangs on them."""
    def edited(content: Any) -> None:
        for row in content["rows"]:
            change(row)
        content["rows"] = [row for row in content["rows"] if row]

    edit(next(box.out.glob(f"measure/{method}/-/*/result.json")), edited)
    reseal(box)


# --- numbers

@way("a value in rows.csv", "rows.csv: differs from the units' rows", "rows against results")
def _(box: Box) -> None:
    line = (box.out / "rows.csv").read_text().splitlines()[1]
    replace_line(box.out / "rows.csv", line, f"{line.rpartition(',')[0]},1.5")


@way("a row taken out of rows.csv", "rows.csv: differs from the units' rows", "rows against results")
def _(box: Box) -> None:
    replace_line(box.out / "rows.csv", (box.out / "rows.csv").read_text().splitlines()[2] + "\n", "")


@way("a value in result.json", "its content was changed after it was written", RESULT)
def _(box: Box) -> None:
    edit(box.result("score", "average"), lambda content: changed_value(content["rows"]))


@way("a value in result.json and rows.csv alike", "its content was changed after it was written", RESULT)
def _(box: Box) -> None:
    path = box.result("score", "average")
    row = json.loads(path.read_text())["rows"][0]
    edit(path, lambda content: changed_value(content["rows"]))
    replace_line(box.out / "rows.csv", repr(row[-1]), repr(row[-1] + 0.5))


@way("the same, every hash written anew", "scored again", f"{SCORED}; by the default sample where it draws the picture",
     everything=True)
def _(box: Box) -> None:
    edit(box.result("score", "average"), lambda content: changed_value(content["rows"]))
    reseal(box)


@way("a row's metric definition renamed, every hash anew", "a row of something else", "rows against their unit")
def _(box: Box) -> None:
    def change(content: Any) -> None:
        content["rows"][0][5] = "tang"

    edit(box.result("score", "average"), change)
    reseal(box)


@way("rows of a picture taken out of a result, every hash anew", "nothing for", "completeness")
def _(box: Box) -> None:
    def change(content: Any) -> None:
        content["rows"] = [row for row in content["rows"] if row[3] != "b"]

    edit(box.result("score", "average"), change)
    reseal(box)


@way("MACs of a method, every hash anew", "macs_g is", COUNTED)
def _(box: Box) -> None:
    change_cost(box, lambda row: row[4] == "macs_g" and row.__setitem__(-1, row[-1] / 2))


@way("parameters of a method taken out, every hash anew", "params is missing", COUNTED)
def _(box: Box) -> None:
    change_cost(box, lambda row: row[4] == "params" and row.clear())


@way("parameters said of a method that is no network, every hash anew", "counted again not at all", COUNTED)
def _(box: Box) -> None:
    change_cost(box, lambda row: row[4] == "time_s" and row.__setitem__(4, "params"), "average")


@way("the time of a picture, every hash anew", "", "measured once, which is said; a signature binds it")
def _(box: Box) -> None:
    change_cost(box, lambda row: row[4] == "time_s" and row.__setitem__(-1, row[-1] / 2), "average")
    render(box)


# --- pictures

@way("a fused picture changed", "gone or not the bytes that were recorded", "hash in result.json")
def _(box: Box) -> None:
    shifted(box, 9)


@way("a fused picture removed", "gone or not the bytes that were recorded", "hash in result.json")
def _(box: Box) -> None:
    box.picture("average").unlink()


@way("a picture put beside the fused ones", "not among what the unit recorded", "list in result.json")
def _(box: Box) -> None:
    shutil.copy(box.picture("average"), box.picture("average").with_name("extra.png"))


@way("two methods' pictures exchanged", "gone or not the bytes that were recorded", "hash in result.json")
def _(box: Box) -> None:
    for name in "abc":
        exchange(box.picture("average", name), box.picture("visible", name))


@way("two methods' pictures exchanged with their records", "the key does not follow", "address and key")
def _(box: Box) -> None:
    for name in "abc":
        exchange(box.picture("average", name), box.picture("visible", name))
    exchange(box.result("fuse", "average"), box.result("fuse", "visible"))


@way("two methods' pictures exchanged, every hash anew", "fused again it differs by",
     f"{FUSED}: a picture of every unit")
def _(box: Box) -> None:
    for name in "abc":
        exchange(box.picture("average", name), box.picture("visible", name))
    reseal(box)


@way("a fused picture changed, every hash anew", "fused again it differs by", FUSED, everything=True)
def _(box: Box) -> None:
    shifted(box, 9)
    reseal(box)


@way("a fused picture changed by one level, every hash anew", "scored again", SCORED, everything=True)
def _(box: Box) -> None:
    shifted(box, 1)
    reseal(box)


@way("a fused picture changed by one level and scored anew, every hash anew", "",
     "a network may differ by one level on another machine", everything=True)
def _(box: Box) -> None:
    shifted(box, 1)
    scored_again(box)
    reseal(box)
    render(box)


@way("scores of pictures that were made again since", "made from other files", "chain of hashes")
def _(box: Box) -> None:
    path = box.result("fuse", "average")
    kept = box.result("score", "average").read_bytes()
    shifted(box, 1)
    reseal(box)
    box.result("score", "average").write_bytes(kept)
    assert path.exists()


# --- what is missing

@way("a method removed everywhere, every hash and report anew", "missing, but the request names it", PLAN)
def _(box: Box) -> None:
    without(box, "visible", request=False)


@way("a method removed everywhere and from the request", "", "that is an honest run without it; a signature tells")
def _(box: Box) -> None:
    without(box, "visible", request=True)


@way("a pair removed everywhere, every hash anew", "pairs is", PLAN)
def _(box: Box) -> None:
    def change(content: Any) -> None:
        content["rows"] = [row for row in content["rows"] if row[3] != "b"]

    edit(box.out / "run.json", lambda run: run["datasets"]["tno"].update(
        pairs=[pair for pair in run["datasets"]["tno"]["pairs"] if pair["id"] != "b"]))
    for method in ("visible", "average", "smfnet"):
        edit(box.result("score", method), change)
        box.picture(method).unlink()
    reseal(box)


@way("a unit called failed, its rows left out", "a whole result of a unit that run.json calls failed",
     "units against OUT")
def _(box: Box) -> None:
    def change(run: Any) -> None:
        for unit in run["units"]:
            if (unit["stage"], unit["method"]) == ("score", "average"):
                unit.update(status="failed", reason="out of memory", seconds=0.0)

    change_run(box, change)


@way("a result removed", "not the result of a unit", "units of run.json")
def _(box: Box) -> None:
    box.result("score", "average").unlink()


@way("a result of another unit in its place", "the key does not follow", "address and key")
def _(box: Box) -> None:
    shutil.copy(box.result("score", "visible"), box.result("score", "average"))


# --- what the run says of itself, every hash anew

@way("the protocol in run.json", "protocol is", PLAN)
def _(box: Box) -> None:
    change_run(box, lambda run: run.update(protocol="official"))


@way("the precision in run.json", "precision is", PLAN)
def _(box: Box) -> None:
    change_run(box, lambda run: run.update(precision="bf16"))


@way("a method's title", "methods: average: title is", PLAN)
def _(box: Box) -> None:
    change_run(box, lambda run: run["methods"]["average"].update(title="Ours"))


@way("a method's note", "methods: smfnet: note is", PLAN)
def _(box: Box) -> None:
    change_run(box, lambda run: run["methods"]["smfnet"].update(note=""))


@way("a method's kind", "methods: average: kind is", PLAN)
def _(box: Box) -> None:
    change_run(box, lambda run: run["methods"]["average"].update(kind="ours"))


@way("the hash of weights", "methods: smfnet: weights", PLAN)
def _(box: Box) -> None:
    change_run(box, lambda run: run["methods"]["smfnet"]["weights"][0].update(sha256="0" * 64))


@way("a data set's manifest", "data sets: tno: manifest is", PLAN)
def _(box: Box) -> None:
    change_run(box, lambda run: run["datasets"]["tno"].update(manifest="0" * 64))


@way("a data set's note", "data sets: tno: note is", PLAN)
def _(box: Box) -> None:
    change_run(box, lambda run: run["datasets"]["tno"].update(note="as in the paper"))


@way("a suite's caption", "suites: ivf: title is", PLAN)
def _(box: Box) -> None:
    change_run(box, lambda run: run["suites"]["ivf"].update(title="Fusion, all data"))


@way("a unit's seconds in run.json", "notes and seconds are not those", "units against results")
def _(box: Box) -> None:
    change_run(box, lambda run: run["units"][0].update(seconds=0.001))


@way("the request taken out of run.json", "", "the plan is not made again, which is said; a signature tells")
def _(box: Box) -> None:
    change_run(box, lambda run: run.update(request={}))


@way("the times of the run", "", "stated by the run; a signature binds them")
def _(box: Box) -> None:
    change_run(box, lambda run: run.update(started="2020-01-01T00:00:00+00:00", finished="2020-01-01T00:01:00+00:00"))


@way("provenance.json emptied", "provenance.json", "against results and run.json")
def _(box: Box) -> None:
    write_json(box.out / "provenance.json", {})


@way("the provenance of results emptied", "its provenance says nothing of", "what a provenance must say")
def _(box: Box) -> None:
    edit(box.result("fuse", "average"), lambda content: content["provenance"].clear())
    reseal(box)


@way("another machine in the provenance", "", "stated by the run; a signature binds it")
def _(box: Box) -> None:
    edit(box.result("fuse", "average"), lambda content: content["provenance"].update(platform="GPU server"))
    reseal(box)
