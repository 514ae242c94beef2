"""Tables II and III: what a detector and a segmenter make of the fused pictures."""

from collections.abc import Sequence
from dataclasses import replace

from reports.data import RunData
from reports.table import Cell, Header, Line, Table, ranked
from reports.tables.common import cell, notes

DIGITS = 3
# The paper's order and short names.
DETECTION_CLASSES = ("People", "Car", "Bus", "Lamp", "Motorcycle", "Truck")
SEGMENTATION_CLASSES = ("Unlabel", "Car", "Person", "Bike", "Curve", "Car stop", "Color cone", "Bump")
SHORT = {"Motorcycle": "Motor", "Car stop": "Stop", "Color cone": "Cone"}


def table2(data: RunData) -> Table:
    """Table II: AP@0.5 per class and mAP@0.5."""
    columns = [*_classes(data, "detection", "AP50", DETECTION_CLASSES), ("mAP50", "-")]
    return _table(data, "detection", "table2", "Object detection, AP@0.5 per class and mAP@0.5", columns)


def table3(data: RunData) -> Table:
    """Table III: IoU of the classes that the paper prints, mAcc and mIoU."""
    present = set(data.suite("segmentation").query("metric == 'IoU'")["item"])
    printed = [name for name in SEGMENTATION_CLASSES if name in present]
    columns = [*(("IoU", name) for name in printed), ("mAcc", "-"), ("mIoU", "-")]
    left_out = sorted(present - set(printed))
    said = f"mIoU and mAcc count {', '.join(left_out)} too, which the table leaves out as the paper does." \
        if left_out else ""
    return _table(data, "segmentation", "table3", "Semantic segmentation, IoU per class", columns, said)


def _made_how(data: RunData, suite: str) -> str:
    """What the trainings say of themselves (network, split, pictures at hand), each sentence once."""
    stages = {"detection": "detect", "segmentation": "segment"}
    said = [note for unit in data.run.units if unit.stage == stages[suite] for note in unit.notes]
    return "; ".join(dict.fromkeys(said)) + "." if said else ""


def _classes(data: RunData, suite: str, metric: str, order: Sequence[str]) -> list[tuple[str, str]]:
    """The paper's classes in its order where a run has them, else the run's own."""
    rows = data.suite(suite)
    present = list(rows.loc[rows["metric"] == metric, "item"].unique())
    known = [name for name in order if name in present]
    return [(metric, name) for name in [*known, *(n for n in present if n not in known)]]


def _cell(values, key: tuple, reason: str) -> Cell:
    """A cell; a class that has no number because no test picture shows it says so."""
    found = cell(values, key, DIGITS, reason)
    absent = found.value is None and key in values.index and key[2] != "-"
    return replace(found, note="no such object in the test pictures") if absent else found


def _printed(metric: str) -> str:
    return metric.replace("AP50", "AP@0.5")


def _table(data: RunData, suite: str, name: str, title: str, columns: Sequence[tuple[str, str]], *more: str) -> Table:
    headers = tuple(Header(SHORT.get(item, item), True, _printed(metric)) if item != "-" else
                    Header(_printed(metric), True) for metric, item in columns)
    lines = []
    several = len(data.datasets(suite)) > 1  # one data set is named in the caption
    for dataset in data.datasets(suite):
        values = data.by_item(suite, dataset)
        for method in data.methods(suite):
            reason = data.reason(suite, method, dataset)
            cells = tuple(_cell(values, (method, metric, item), reason) for metric, item in columns)
            if any(c.value is not None for c in cells) or reason:
                lines.append(Line(data.title(method), cells, data.labelled_title(suite, dataset) if several else "",
                                  data.kind(method) != "source"))
    titles = ", ".join(data.labelled_title(suite, d) for d in data.datasets(suite))
    said = f"Trained: {', '.join(data.variants(suite))}. {_made_how(data, suite)}".rstrip()
    return ranked(Table(name, f"{title}, on {titles}", "Method", headers, tuple(lines),
                        notes(data, suite, said, *more)))
