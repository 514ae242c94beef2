"""A ranking of a run's methods as a page: one table a data set and variant, sorted by average rank.

`reports.write_all` prints a run in the words of a paper, against its method of ours. A leaderboard has no ours: each
column is tested against its best method.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from core.files import read_json, sha256
from metrics import statistics
from metrics.registry import get
from reports.columns import direction
from reports.data import RunData, load
from reports.errors import ReportError
from results.paper import Column, PaperTable
from results.records import FLOAT32

ALPHA = 0.05
INTRODUCTION = """\
# Leaderboard

{methods} methods on {datasets}: textbook rules and networks with released weights, by the definitions of two toolboxes.
Made by

    python run_all.py --paper docs/leaderboard --suite ivf --data DATA --weights WEIGHTS --out OUT
    python tools/leaderboard.py OUT

from the rows of one run: protocol `{protocol}` (each method's [recipe](reproduction.md)){rounded}, {commits},
{devices}. `rows.csv` of that run has sha256 `{rows}`.
What is behind every printed mean (interval, rank, p) is in [summary.csv](leaderboard/summary.csv); what the run is
about in [paper.toml](leaderboard/paper.toml).

How to read it: **bold** is the column's best mean. ° cannot be told from it: the paired Wilcoxon signed-rank test over
the pictures, with Holm's correction over the methods of the column, gives p ≥ {alpha}. All other cells differ from the
best. Rank: the method's place among those of the table for each picture and metric, averaged over the pictures, then
over the metrics; it depends on who takes part. No metric here measures quality: see
[which to report](metrics-calibration.md). Pictures of these sets are in the training data of some methods
(`run_all.py list methods`, trained on).
"""


@dataclass(frozen=True)
class Leaderboard:
    """page: Markdown. summary: what metrics.statistics.summarise says of all tables, digits whole."""

    page: str
    summary: pd.DataFrame


def make(out: Path, paper: str | Path) -> Leaderboard:
    """The leaderboard of a finished run.

    Args:
        out: a run's OUT. paper: the description whose tables of pictures are ranked.
    Raises ReportError when the run has no row of any of these tables.
    """
    data = load(out, paper)
    tables = [table for table in data.paper.tables if data.suite_record(table.suite).kind == "pictures"]
    parts, summaries = [], []
    for table in tables:
        for dataset in table.datasets:
            rows = _rows(data, table, dataset)
            if rows.empty:
                continue
            summary = statistics.summarise(rows)
            summaries.append(summary)
            parts.append(_section(data, table, dataset, summary))
    if not summaries:
        raise ReportError(f"{out}: no row of a table of {data.paper.title}; run its suites first")
    whole = pd.concat(summaries, ignore_index=True)
    page = "\n".join([_introduction(data, whole), *parts, _missing(data, tables), _example(data, whole), _inputs(data)])
    return Leaderboard(page, whole)


def _rows(data: RunData, table: PaperTable, dataset: str) -> pd.DataFrame:
    """Rows of the table's columns on a data set, without the source pictures."""
    rows = data.suite(table.suite)
    wanted = pd.DataFrame([(c.metric, c.variant) for c in table.described], columns=["metric", "variant"])
    rows = rows[rows["dataset"] == dataset].merge(wanted, on=["metric", "variant"])
    return rows[rows["method"].map(data.kind) != "source"]


def _section(data: RunData, table: PaperTable, dataset: str, summary: pd.DataFrame) -> str:
    cells = summary.set_index(["method", "metric"])
    ranks = statistics.overall_rank(summary).set_index("method")["rank"].sort_values(kind="stable")
    columns = [column for column in table.described if column.metric in set(summary["metric"])]
    caption = table.caption.format(datasets=data.dataset_title(dataset), variants=table.variant, how="")
    images = int(summary["images"].max())
    head = ["", "Method", "Rank", *(f"{column.title} {_arrow(column)}" for column in columns)]
    lines = [f"## {data.dataset_title(dataset)}, {table.variant}", "", f"{caption}; means over {images} pictures.", "",
             _line(head), _line(["---:", "---", *["---:"] * (len(head) - 2)])]
    for place, (method, rank) in enumerate(ranks.items(), 1):
        found = [_cell(cells.loc[(method, column.metric)], table.digits) for column in columns]
        lines.append(_line([str(place), data.title(str(method)), f"{rank:.2f}", *found]))
    return "\n".join([*lines, ""])


def _arrow(column: Column) -> str:
    return "↑" if direction(column, column.variant) else "↓"


def _cell(cell: "pd.Series[float]", digits: int) -> str:
    text = f"{cell['mean']:.{digits}f}"
    if cell["best"]:
        return f"**{text}**"
    return f"{text}°" if cell["p_holm"] >= ALPHA else text


def _line(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _introduction(data: RunData, summary: pd.DataFrame) -> str:
    made = read_json(data.out / "provenance.json", ReportError)["units"].values()
    commits = sorted({f"{unit['commit']}{' with changes' if unit['dirty'] else ''}" for unit in made})
    devices = sorted({f"{unit['device']}, torch {unit['packages'].get('torch', '?')}" for unit in made})
    names = list(dict.fromkeys(summary["dataset"]))
    rounded = "" if data.run.precision == FLOAT32 else f", precision `{data.run.precision}`"
    return INTRODUCTION.format(
        methods=summary["method"].nunique(), datasets=" and ".join(map(data.dataset_title, names)),
        protocol=data.run.protocol, rounded=rounded, commits=f"commit {', '.join(f'`{commit}`' for commit in commits)}",
        devices="; ".join(devices), rows=sha256(data.out / "rows.csv"), alpha=ALPHA)


def _missing(data: RunData, tables: list[PaperTable]) -> str:
    """Described methods without a row, and why: one line for each data set and reason."""
    lines = []
    for dataset in dict.fromkeys(name for table in tables for name in table.datasets):
        have = set().union(*(_rows(data, table, dataset)["method"] for table in tables))
        reasons: dict[str, list[str]] = {}
        for name in dict.fromkeys(name for table in tables for name in table.methods):
            if name not in have:
                reasons.setdefault(_why(data, name, dataset), []).append(data.title(name))
        lines += [f"* {data.dataset_title(dataset)}, {', '.join(titles)}: {why}" for why, titles in reasons.items()]
    return "\n".join(["## Not in these tables", "", *(lines or ["Nothing is missing."]), ""])


def _why(data: RunData, method: str, dataset: str) -> str:
    """The first thing that kept a method from having rows; places on the machine of the run are left out."""
    unfinished = [unit for unit in data.run.units
                  if unit.method == method and unit.dataset in (dataset, "-") and unit.status != "done"]
    reason = data.method(method).reason or (unfinished[0].reason if unfinished else "was not part of the run")
    if unfinished and unfinished[0].status == "stopped":
        return "the run was ended before it was through; the same command goes on from there"
    words = reason.partition("Expected at")[0].split()
    return " ".join(word.rpartition("/")[2] if word.startswith("/") else word for word in words)


def _example(data: RunData, summary: pd.DataFrame) -> str:
    """How a cell is traced, on the first best one."""
    best = summary[summary["best"]].iloc[0]
    number = next(table.number for table in data.paper.tables
                  if (best["metric"], best["variant"]) in {(c.metric, c.variant) for c in table.described})
    title = get(best["metric"], best["variant"]).title
    dataset, method, metric = best["dataset"], best["method"], best["metric"]
    return f"""## Where a number comes from

{title} of {data.title(method)} on {data.dataset_title(dataset)}, {best["mean"]:.6f}:
each picture's value, and the hashes of weights, pairs and code:

    python run_all.py trace table{number} {dataset} {method} {metric} OUT --paper docs/leaderboard
"""


def _inputs(data: RunData) -> str:
    return "\n".join(["## Inputs", "", *_pairs(data), "", _line(["Method", "Weights", "sha256"]),
                      _line(["---"] * 3), *_weights(data), ""])


def _pairs(data: RunData) -> Iterator[str]:
    for name, dataset in data.run.datasets.items():
        note = f"; {dataset.note}" if dataset.note else ""
        yield f"* {data.dataset_title(name)}: {len(dataset.pairs)} pairs, manifest sha256 `{dataset.manifest}`{note}"


def _weights(data: RunData) -> Iterator[str]:
    for name, method in data.run.methods.items():
        for weight in method.weights:
            yield _line([data.title(name), weight.file, f"`{weight.sha256}`"])
