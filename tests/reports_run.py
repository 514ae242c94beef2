"""A small synthetic OUT: six suites, two seeds, a failed unit and a skipped method; nothing is fused or trained.

    make_run(tmp_path) -> tmp_path with rows.csv, run.json and 48x64 pictures
"""

import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import Image

from results.records import (
    SCHEMA,
    DatasetRecord,
    MethodRecord,
    PairRecord,
    RunRecord,
    SuiteRecord,
    UnitRecord,
    WeightRecord,
    write_run,
)
from results.rows import Row, to_frame, write_csv

SUITES = ("ivf", "detection", "segmentation", "mif", "complexity", "ablation")
RECORDS = {
    "ivf": SuiteRecord("Infrared-visible image fusion", "pictures"),
    "detection": SuiteRecord("Object detection", "items"),
    "segmentation": SuiteRecord("Semantic segmentation", "items"),
    "mif": SuiteRecord("Medical image fusion", "pictures", "mif"),
    "complexity": SuiteRecord("Cost of a method", "cost"),
    "ablation": SuiteRecord("Ablation", "pictures"),
}
TITLES = {"smfnet": ("SMFNet", "ours"), "u2fusion": ("U2Fusion", "baseline"), "average": ("Average", "classic"),
          "infrared": ("Infrared", "source"), "densefuse": ("DenseFuse", "baseline"), "visible": ("Visible", "source"),
          "cddfuse": ("CDDFuse", "baseline")}
METHODS = tuple(m for m in TITLES if m != "cddfuse")  # cddfuse is skipped: its weights are not there
ABLATIONS = tuple(f"ae{n}" for n in range(1, 9))
METRICS = {"EN": 7, "SD": 40, "SF": 10, "MI": 2, "VIF": 0.7, "Qabf": 0.5, "AG": 5, "SSIM": 1.3, "SCD": 1.5}
PAPERS = dict.fromkeys(METRICS, "smfnet")  # metric -> variant
OF_ABLATION = {"EN": "smfnet", "SD": "smfnet", "VIF": "smfnet", "SSIM": "smfnet-ablation"}
CLASSES = ("People", "Car", "Bus", "Lamp", "Motorcycle", "Truck")
LABELS = ("Unlabel", "Car", "Person", "Bike", "Curve", "Car stop", "Guardrail", "Color cone", "Bump")
DATASETS = {"tno": ("ivf", "TNO"), "roadscene": ("ivf", "RoadScene"), "mri_pet": ("mif", "MRI-PET"),
            "m3fd": ("ivf", "M3FD"), "mfnet": ("ivf", "MFNet"), "msrs": ("ivf", "MSRS"), "sample": ("ivf", "Sample")}
ITEMS = ("00001", "00002", "00003")
FAILED = ("u2fusion", "roadscene", "RuntimeError: out of memory at picture 00002")
SKIPPED = ("cddfuse", "no weights: run `run_all.py fetch cddfuse`")
HEIGHT, WIDTH = 48, 64


def make_run(out: Path, suites=SUITES, *, fused=("tno", "roadscene"), pictures: bool = True, hostile: str = "") -> Path:
    """Write the run. fused: data sets of the suite ivf. hostile: text put into a title, a picture's id and a reason."""
    rng = np.random.default_rng(8)
    items = (*ITEMS[:2], re.sub(r"[/\\]", "|", hostile) or ITEMS[2])  # a file has no separators in its name
    out.mkdir(parents=True, exist_ok=True)
    rows: list[Row] = []
    units: list[UnitRecord] = []
    for suite in suites:
        maker = _fusion("ivf", fused, METHODS, PAPERS) if suite == "ivf" else _MAKERS[suite]
        rows += maker(rng, units, items)
    used = dict.fromkeys(row.dataset for row in rows)
    methods = {m: _method(*TITLES[m]) for m in TITLES}
    methods[SKIPPED[0]] = replace(methods[SKIPPED[0]], reason=SKIPPED[1] + hostile,
                                  suites=tuple(suite for suite in suites if suite != "ablation"))
    if "ablation" in suites:
        methods |= {m: _method(f"{m.upper()} without part {m[2:]}", "ablation") for m in ABLATIONS}
    if hostile:
        methods["average"] = replace(methods["average"], title=f"Average {hostile}")
    datasets = {name: DatasetRecord(title, task, "ab" * 32, rendered=name == "sample", pairs=tuple(
        PairRecord(item, f"source/{name}/ir{n}.png", f"source/{name}/vi{n}.png") for n, item in enumerate(items)))
                for name, (task, title) in DATASETS.items() if name in used}
    write_csv(out / "rows.csv", to_frame(rows))
    write_run(out, RunRecord(SCHEMA, "synthetic", "", "released", "--suite all", "2026-01-01T00:00:00+00:00",
                             "2026-01-01T00:01:00+00:00", {suite: RECORDS[suite] for suite in suites}, datasets,
                             methods, tuple(units)))
    if pictures:
        _pictures(out, rng, datasets, units)
    return out


def _method(title: str, kind: str) -> MethodRecord:
    return MethodRecord(title, title, kind, protocol="released", parity="synthetic",
                        weights=(WeightRecord("weights.pth", "cd" * 32),))


def _unit(suite: str, stage: str, method: str, dataset: str, seed: int = 0, status: str = "done",
          reason: str = "") -> UnitRecord:
    key = f"{stage}{method}{dataset}{seed}".encode().hex()[:12]
    return UnitRecord(stage, method, dataset, seed, key, f"{stage}/{method}/{dataset}/{key}", status, reason, 1.5,
                      (suite,))


def _fusion(suite: str, datasets: tuple[str, ...], methods: tuple[str, ...], variants: dict[str, str]):
    """variants: metric -> its variant."""
    def make(rng, units: list[UnitRecord], items) -> list[Row]:
        rows = []
        for dataset in datasets:
            for place, method in enumerate(methods):
                failed = (method, dataset) == FAILED[:2] and suite == "ivf"
                state = {"status": "failed", "reason": FAILED[2]} if failed else {}
                units += [_unit(suite, stage, method, dataset, **state) for stage in ("fuse", "score")]
                if not failed:
                    rows += [Row(suite, method, dataset, item, metric, variant, 0,
                                 METRICS[metric] * (1 + 0.02 * place + 0.05 * rng.random()))
                             for item in items for metric, variant in variants.items()]
        return rows
    return make


def _trained(suite: str, stage: str, dataset: str, metric: str, classes, means: tuple[str, ...]):
    def make(rng, units: list[UnitRecord], items) -> list[Row]:
        rows = []
        for place, method in enumerate(METHODS):
            if not any((u.stage, u.method, u.dataset) == ("fuse", method, dataset) for u in units):
                units.append(_unit(suite, "fuse", method, dataset))
            for seed in (0, 1):
                units.append(_unit(suite, stage, method, dataset, seed))
                values = 0.3 + 0.03 * place + 0.3 * rng.random(len(classes))
                rows += [Row(suite, method, dataset, name, metric, "engine", seed, float(v))
                         for name, v in zip(classes, values)]
                rows += [Row(suite, method, dataset, "-", mean, "engine", seed, float(values.mean())) for mean in means]
        return rows
    return make


def _cost(rng, units: list[UnitRecord], items) -> list[Row]:
    values = {"macs_g": 90, "params_thop": 3e5, "params": 3.1e5, "time_s": 0.2, "peak_mib": 700}
    found = []
    for method in ("average", "densefuse", "u2fusion", "smfnet"):
        units.append(_unit("complexity", "measure", method, "msrs"))
        found += [Row("complexity", method, "msrs", "-", metric, "640x480, cpu", 0, typical * (1 + rng.random()))
                  for metric, typical in values.items()]
    return found


_MAKERS = {
    "mif": _fusion("mif", ("mri_pet",), ("densefuse", "u2fusion", "smfnet"), PAPERS),
    "ablation": _fusion("ablation", ("roadscene",), ABLATIONS, OF_ABLATION),
    "detection": _trained("detection", "detect", "m3fd", "AP50", CLASSES, ("mAP50",)),
    "segmentation": _trained("segmentation", "segment", "mfnet", "IoU", LABELS, ("mAcc", "mIoU")),
    "complexity": _cost,
}


def _pictures(out: Path, rng, datasets: dict[str, DatasetRecord], units: list[UnitRecord]) -> None:
    def save(path: Path, picture) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(picture).save(path)

    for record in datasets.values():
        for pair in record.pairs:
            save(out / pair.ir, rng.integers(0, 256, (HEIGHT, WIDTH), dtype=np.uint8))
            save(out / pair.vi, rng.integers(0, 256, (HEIGHT, WIDTH, 3), dtype=np.uint8))
    for unit in units:
        folder = out / unit.folder
        ids = [p.id for p in datasets[unit.dataset].pairs if "/" not in p.id]
        if unit.status != "done":
            continue
        if unit.stage == "fuse":
            for item in ids:
                save(folder / "images" / f"{item}.png", rng.integers(0, 256, (HEIGHT, WIDTH), dtype=np.uint8))
        elif unit.stage == "detect":
            boxes = {i: {"height": HEIGHT, "width": WIDTH, "boxes": [[4, 6, 30, 40, 0.9, 1], [35, 10, 60, 30, 0.5, 0],
                                                                     [0, 0, 9, 9, 0.1, 2]]} for i in ids}
            folder.mkdir(parents=True, exist_ok=True)
            (folder / "predictions.json").write_text(json.dumps(
                {"engine": "synthetic", "classes": list(CLASSES), "images": boxes}), encoding="utf-8")
        elif unit.stage == "segment":
            for item in ids:
                ids_map = np.zeros((HEIGHT, WIDTH), np.uint8)
                ids_map[10:30, 8:24], ids_map[12:34, 40:56] = 1, 2
                save(folder / "predictions" / f"{item}.png", ids_map)
