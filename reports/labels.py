"""The true boxes of the test pictures, as a run keeps them in OUT/labels."""

from math import isfinite

from core.files import read_json
from reports.data import RunData
from reports.errors import ReportError, named_fault


def true_boxes(data: RunData, dataset: str) -> dict[str, list[list[float]]]:
    """Picture -> [class index, x0, y0, x1, y1] in fractions of the picture; empty where the run kept none.

    Raises ReportError naming the file where it is not as a run writes it.
    """
    path = data.out / "labels" / f"{dataset}.json"
    if not path.is_file():
        return {}
    found = read_json(path, ReportError)
    with named_fault(path):
        return {str(item): [_box(*box[:5]) for box in boxes] for item, boxes in found.items()}


def _box(label: float, *corners: float) -> list[float]:
    if len(corners) != 4 or not all(map(isfinite, corners)):
        raise ValueError("not four finite numbers")
    return [int(label), *map(float, corners)]
