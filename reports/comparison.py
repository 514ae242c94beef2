"""Ours beside the published values: per cell the difference and a status."""

from dataclasses import dataclass, replace
from math import isfinite

import pandas as pd

from reports.data import RunData
from reports.table import Cell, Header, Line, Table
from results.published import published

# table -> (suite, data set -> the paper's name of it, metric columns -> (metric, item) of the rows)
_FUSION = {m: (m, None) for m in ("EN", "SD", "SF", "MI", "VIF", "Qabf", "AG", "SSIM")}
_TABLE2 = {"People": ("AP50", "People"), "Car": ("AP50", "Car"), "Bus": ("AP50", "Bus"), "Lamp": ("AP50", "Lamp"),
           "Motor": ("AP50", "Motorcycle"), "Truck": ("AP50", "Truck"), "mAP50": ("mAP50", "-")}
_TABLE3 = {"Unlabel": ("IoU", "Unlabel"), "Car": ("IoU", "Car"), "Person": ("IoU", "Person"), "Bike": ("IoU", "Bike"),
           "Curve": ("IoU", "Curve"), "Stop": ("IoU", "Car stop"), "Cone": ("IoU", "Color cone"),
           "Bump": ("IoU", "Bump"), "mAcc": ("mAcc", "-"), "mIoU": ("mIoU", "-")}
_TABLE5 = {"flops_g": ("macs_g", None), "params_k": ("params_thop", None), "time_s": ("time_s", None)}
_TABLE6 = {m: (m, None) for m in ("EN", "SD", "VIF", "SSIM")}
_SOURCES = {
    1: ("ivf", {"tno": "TNO", "roadscene": "RoadScene", "msrs": "MSRS"}, _FUSION, 4),
    2: ("detection", {"m3fd": ""}, _TABLE2, 3),
    3: ("segmentation", {"mfnet": ""}, _TABLE3, 3),
    4: ("mif", {"mri_pet": ""}, _FUSION, 4),
    5: ("complexity", {}, _TABLE5, 0),
    6: ("ablation", {"roadscene": ""}, _TABLE6, 4),
}
ROMAN = {1: "I", 2: "II", 3: "III", 4: "IV", 5: "V", 6: "VI"}
# what is known of a whole table; a method's own reasons stand in its card
_OF_TABLE = {
    4: "Table IV's protocol is not known. Its SSIM, .2 to .3 in some rows and 1.5 to 1.7 in others, depends on whether "
       "the black background stays exactly black; our AG is high beside our SF: the paper's is likely another's",
    5: "The paper's Flops are thop's, which misses matrix products and counts normalisation; its times are of another "
       "machine",
}
EXACT, CLOSE, DIFFERS = "exact", "within 1 %", "differs"


@dataclass(frozen=True)
class Compared:
    """One cell. digits: as printed in the paper. reason: what is known of why the method's row differs."""

    table: int
    dataset: str
    method: str
    metric: str
    published: float
    ours: float
    digits: int
    reason: str = ""

    @property
    def difference(self) -> float:
        return self.ours - self.published

    @property
    def status(self) -> str:
        """exact: the same printed digits; within 1 % of the published value; differs."""
        if f"{self.ours:.{self.digits}f}" == f"{self.published:.{self.digits}f}":
            return EXACT
        return CLOSE if abs(self.difference) <= 0.01 * abs(self.published) else DIFFERS

    @property
    def note(self) -> str:
        """The reason, where there is something to explain."""
        return "" if self.status == EXACT else self.reason


def compare(data: RunData) -> list[Compared]:
    """Every cell that both the paper and this run have, under the paper's definitions.

    Runs on rendered data have none, but for what a network costs.
    """
    data = replace(data, rows=data.rows[_defined_as_in_the_paper(data.rows)])
    found = []
    for number, (suite, datasets, columns, digits) in _SOURCES.items():
        if data.suite(suite).empty:
            continue
        table = published(number)
        for dataset in data.datasets(suite):
            if datasets and dataset not in datasets:
                continue
            ours = data.by_item(suite, dataset)["mean"] if number in (2, 3) else data.means(suite)["mean"]
            for method in data.methods(suite):
                row = _published_row(table, datasets.get(dataset, ""), data, method)
                if row is not None:
                    found += _cells(number, data, dataset, method, row, ours, columns, digits)
    return found


def _defined_as_in_the_paper(rows: pd.DataFrame) -> pd.Series:
    """bool per row: the paper's metric definitions (Table VI's SSIM is one of its own); Table V's picture size."""
    of_ablation, variant = rows["suite"] == "ablation", rows["variant"]
    own = of_ablation & (variant == "smfnet-ablation")
    metrics = own | ((variant == "smfnet") & ~(of_ablation & (rows["metric"] == "SSIM")))
    sized = variant.str.startswith("640x480") | ~rows["metric"].isin(["macs_g", "time_s"])
    return (metrics | ~rows["suite"].isin(["ivf", "mif", "ablation"])) & (sized | (rows["suite"] != "complexity"))


def _published_row(table: pd.DataFrame, dataset: str, data: RunData, method: str) -> pd.Series | None:
    rows = table[table["dataset"] == dataset] if dataset else table
    if "id" in rows:
        rows = rows[rows["id"].str.lower() == method.lower()]
    else:
        # a slim or otherwise different network under another title is not the paper's method, but for Table V's counts
        title = data.network_title(method) if "params_k" in rows else data.title(method)
        rows = rows[rows["method"].str.lower() == title.lower()]
    if "trained_on_medical" in rows:
        rows = rows[rows["trained_on_medical"] == int(data.is_medical(method))]
    return rows.iloc[0] if len(rows) else None


def _cells(number: int, data: RunData, dataset: str, method: str, row: pd.Series, ours: pd.Series, columns: dict,
           digits: int) -> list[Compared]:
    found = []
    reason = _reason(number, data, dataset, method)
    for column, (metric, item) in columns.items():
        key = (dataset, method, metric) if item is None else (method, metric, item)
        if column not in row or key not in ours.index or not isfinite(ours[key]):
            continue
        value = float(ours[key]) / (1000 if metric == "params_thop" else 1)
        if isfinite(float(row[column])):
            title = data.network_title(method) if number == 5 else data.title(method)
            found.append(Compared(number, data.dataset_title(dataset), title, column, float(row[column]),
                                  value, _digits(number, column, digits), reason))
    return found


def _reason(number: int, data: RunData, dataset: str, method: str) -> str:
    """Why a row may differ from the paper's: the data, the protocol, the method's card, the table; else its parity."""
    record = data.method(method)
    reasons = [data.dataset_note(dataset)]
    if record.protocol in ("paper", "official"):
        reasons.append(f"run with the protocol {record.protocol}; the paper's rows are those of released")
    else:
        reasons.append(record.differs.get("complexity" if number == 5 else dataset, ""))
    return ". ".join(filter(None, (*reasons, _OF_TABLE.get(number, "")))) or record.parity


def _digits(number: int, column: str, digits: int) -> int:
    return {"time_s": 2, "flops_g": 0, "params_k": 0}.get(column, digits) if number == 5 else digits


def to_frame(cells: list[Compared]) -> pd.DataFrame:
    """One line per cell: table, dataset, method, metric, published, ours, difference, status, note."""
    return pd.DataFrame([{
        "table": c.table, "dataset": c.dataset, "method": c.method, "metric": c.metric, "published": c.published,
        "ours": c.ours, "difference": c.difference, "status": c.status, "note": c.note} for c in cells],
        columns=["table", "dataset", "method", "metric", "published", "ours", "difference", "status", "note"])


def summary_table(cells: list[Compared]) -> Table | None:
    """Per table, data set and method: how many cells are exact, within 1 %, differ, and the largest difference."""
    if not cells:
        return None
    lines = []
    for (number, dataset, method), group in to_frame(cells).groupby(["table", "dataset", "method"], sort=False):
        counts = group["status"].value_counts()
        relative = (group["difference"].abs() / group["published"].abs()).max() * 100
        note = next(filter(None, group["note"]), "")
        lines.append(Line(method, (Cell(ROMAN[number]), Cell(dataset),
                                   *(Cell(float(counts.get(s, 0)), 0) for s in (EXACT, CLOSE, DIFFERS)),
                                   Cell(float(relative), 3, note=note))))
    headers = (Header("Table"), Header("Data set"), Header("exact"), Header("within 1 %"), Header("differs"),
               Header("largest difference (%)"))
    return Table("comparison", "Published and reproduced: cells that agree to the printed digits, within 1 %, or not",
                 "Method", headers, tuple(lines))


def cells_table(cells: list[Compared]) -> Table | None:
    """Cell by cell: published, ours, difference, status. For the page; the CSV has full precision."""
    if not cells:
        return None
    headers = tuple(map(Header, ("Table", "Data set", "Metric", "published", "ours", "difference", "status")))
    lines = tuple(Line(c.method, (Cell(ROMAN[c.table]), Cell(c.dataset), Cell(c.metric), Cell(c.published, c.digits),
                                  Cell(c.ours, c.digits), Cell(c.difference, c.digits + 1), Cell(c.status)))
                  for c in cells)
    return Table("comparison_cells", "Published and reproduced, cell by cell", "Method", headers, lines)
