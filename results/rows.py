"""Rows: the only thing tables, figures and the page are made from."""

import math
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from operator import attrgetter
from pathlib import Path
from typing import Any

import pandas as pd

from core.files import MAX_TEXT, aside, check_file
from core.names import is_name


@dataclass(frozen=True)
class Row:
    """One number with its address.

    item: image id, class name, or "-" for a value over the whole set.
    variant: the metric's declared definition ("smfnet", ...), or the engine that was trained ("yolov5xu", ...).
    """

    suite: str
    method: str
    dataset: str
    item: str
    metric: str
    variant: str
    seed: int
    value: float


COLUMNS = [f.name for f in fields(Row)]
ADDRESS = COLUMNS[:-1]  # what a table has once
_values = attrgetter(*COLUMNS)  # dataclasses.astuple copies deeply: 30 times slower, and a run has 100,000 rows


def to_frame(rows: Iterable[Row]) -> pd.DataFrame:
    """Rows -> DataFrame with COLUMNS, in the given order."""
    return pd.DataFrame([_values(row) for row in rows], columns=COLUMNS)


def write_csv(path: Path, frame: pd.DataFrame) -> None:
    """Write rows as CSV with full precision (repr floats), aside and then renamed."""
    write_csv_parts(path, [frame])


def write_csv_parts(path: Path, frames: Iterable[pd.DataFrame]) -> int:
    """Write frames below one another as `write_csv` would write them at once; a million rows are never held together.

    Returns the number of rows.
    """
    number = 0
    with aside(path) as temporary, temporary.open("w", encoding="utf-8", newline="") as stream:
        to_frame(()).to_csv(stream, index=False, columns=COLUMNS, lineterminator="\n")
        for frame in frames:
            frame.to_csv(stream, index=False, header=False, columns=COLUMNS, lineterminator="\n")
            number += len(frame)
    return number


def read_csv(path: Path) -> pd.DataFrame:
    """Read rows.csv. Raises ValueError naming the file when it is no such table, was cut, or has a row twice."""
    text = {"suite": str, "method": str, "dataset": str, "item": str, "metric": str, "variant": str}
    check_file(path, limit=MAX_TEXT)
    # float_precision: what was written is what is read, to the last bit
    try:
        frame = pd.read_csv(path, dtype={**text, "seed": int, "value": float}, keep_default_na=False,
                            na_values={"value": ["", "nan"]}, float_precision="round_trip", index_col=False)
    except FileNotFoundError:
        raise
    except (ValueError, OverflowError) as error:  # no text, no table, no numbers where they belong
        raise ValueError(f"{path}: not readable as a table of rows ({' '.join(str(error).split())})") from error
    missing = [c for c in COLUMNS if c not in frame.columns]
    if missing:
        raise ValueError(f"{path}: column(s) {', '.join(missing)} missing; expected {', '.join(COLUMNS)}")
    for column in ("suite", "method", "dataset"):
        bad = [name for name in frame[column].unique() if not is_name(name) and name != "-"]
        if bad:
            raise ValueError(f"{path}: {column} {bad[0]!r} is no name; they become parts of file names")
    twice = frame[frame.duplicated(ADDRESS)]
    if len(twice):
        address = " ".join(map(str, twice.iloc[0][ADDRESS]))
        raise ValueError(f"{path}: {address} stands twice")
    with Path(path).open("rb") as handle:
        handle.seek(-1, os.SEEK_END)
        if handle.read() != b"\n":
            raise ValueError(f"{path}: the last line is cut")
    return frame[COLUMNS]


def to_json(row: Row) -> list[Any]:
    """A row as a JSON list; nan and infinities as text, since JSON has none."""
    values: list[Any] = list(_values(row))
    if not math.isfinite(values[-1]):
        values[-1] = str(values[-1])
    return values


def from_json(values: Sequence[Any]) -> Row:
    """The reverse of `to_json`. Raises ValueError or TypeError for a list that is no row."""
    suite, method, dataset, item, metric, variant, seed, value = values
    if not all(isinstance(text, str) for text in (suite, method, dataset, item, metric, variant)) or \
            type(seed) is not int or isinstance(value, bool):
        raise TypeError(f"{list(values)!r} is no row")
    return Row(suite, method, dataset, item, metric, variant, seed, float(value))
