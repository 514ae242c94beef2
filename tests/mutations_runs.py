"""Broken and hostile input: finished runs that were damaged, and wrong commands."""

import json
import shutil

from mutation_sandbox import HOSTILE, ivf, mutation


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
