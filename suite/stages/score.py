"""Stage score: fusion metrics of the fused pictures, one row per picture and metric; resumed picture by picture."""

import json
from pathlib import Path

import metrics
from fusion import images
from results.rows import Row, from_json, to_json
from suite.stages import Context, Made
from suite.stages.fuse import image_path
from suite.unit import Unit

VERSION = 1


def run(unit: Unit, context: Context) -> Made:
    fuse_unit, pairs = unit.upstream[0], unit.inputs["pairs"].pairs
    variant, names = unit.settings["variant"], unit.settings["metrics"]
    partial = context.out / unit.folder / "partial.jsonl"
    done = _read_partial(partial)
    rows = []
    with partial.open("a", encoding="utf-8") as record:
        for number, pair in enumerate(pairs, 1):
            if pair.id not in done:
                ir, vi = pair.read_grey()
                fused = images.grey8(images.read(image_path(context.out, fuse_unit, pair.id)))
                values = metrics.evaluate(fused, ir, vi, metrics=names, variant=variant)
                done[pair.id] = [Row(unit.settings["suite"], unit.method, unit.dataset, pair.id, name, variant,
                                     unit.seed, float(value)) for name, value in values.items()]
                record.write(json.dumps([to_json(row) for row in done[pair.id]]) + "\n")
                record.flush()
            rows += done[pair.id]
            context.checkpoint(number, len(pairs))
    return Made(rows)


def _read_partial(path: Path) -> dict[str, list[Row]]:
    """Rows of the pictures scored before a kill; a line that was cut is scored again."""
    if not path.exists():
        return {}
    done, whole = {}, []
    for line in path.read_text(encoding="utf-8").splitlines(keepends=True):
        try:
            rows = [from_json(values) for values in json.loads(line)] if line.endswith("\n") else []
        except (ValueError, TypeError):
            rows = []
        if not rows:  # cut or damaged: this picture and the following ones are scored again
            break
        done[rows[0].item] = rows
        whole.append(line)
    path.write_text("".join(whole), encoding="utf-8")  # drop the cut line before appending
    return done
