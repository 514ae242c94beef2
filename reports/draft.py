"""A description to start one's own paper from: what a run printed, as a commented paper.toml."""

import json
from collections.abc import Iterable
from pathlib import Path

from core.files import write_text
from reports.columns import Shown, columns
from reports.data import RunData, load
from reports.errors import ReportError
from results.paper import FILE, PaperTable

_HEAD = """# A paper as data: edit, then `run_all.py report OUT --paper {folder}`. docs/papers.md explains every key.
title = "My paper"
citation = "" # as a reader would cite it
numerals = "arabic" # or "roman": of the tables
metric = {metric} # by which figures choose what to show
cite = false # true: labels carry \\cite{{...}} in LaTeX, for methods that have a `cite` below

# Every method of every table, in the order of legends. Further keys: cite = "BibTeX key", reference = "its entry",
# pictures = "folder of fused pictures", ours = true, colour = "#rrggbb", dashed = true.
"""
_TABLE = """
[[tables]]
number = {number}
suite = {suite}
caption = {caption} # may hold {{datasets}}
# csv = "table{number}.csv" # printed values to compare with, beside this file
datasets = {datasets} # name = "as printed"
columns = [ # in the printed order; a metric may stand more than once, under different variants
{columns}
]
digits = {digits}
{rest}# statistic = "mean ± std" # or "median"
# transposed = true
# split = true # one table per data set
# width = "column" # LaTeX: one column instead of the page
# average_rank = true
# significance = true # marks what a paired Wilcoxon test with Holm's correction tells from ours
# colour = false # bold and underlined only
[[tables.groups]] # the rows, in the printed order
methods = {methods}
"""


def new_paper(out: Path, folder: Path) -> Path:
    """Write FOLDER/paper.toml from the run in OUT. Returns the file.

    Raises ReportError for an OUT that is no run or has no rows, or a folder that has a description already.
    """
    path = Path(folder) / FILE
    if path.exists():
        raise ReportError(f"{path}: exists already; name another folder")
    data = load(Path(out))
    if not data.tables:
        raise ReportError(f"{out}: nothing was measured; a description needs a run with rows")
    Path(folder).mkdir(parents=True, exist_ok=True)
    return write_text(path, _description(data, path.parent))


def _description(data: RunData, folder: Path) -> str:
    names = data.ordered(name for table in data.tables for name in _rows(data, table)
                         if table.rows == "methods")
    text = _HEAD.format(folder=folder.name, metric=_text(data.paper.metric))
    text += "".join(_method(data, name) for name in names)
    return text + "".join(_table(data, table, number) for number, table in enumerate(data.tables, 1))


def _rows(data: RunData, table: PaperTable) -> list[str]:
    """Fused methods; the sources stand first in every table anyway."""
    return [name for name in data.methods(table.suite) if data.kind(name) != "source"]


def _method(data: RunData, name: str) -> str:
    ours = "ours = true\n" if data.is_ours(name) else ""
    return f"[[methods]]\nname = {_text(name)}\ntitle = {_text(data.title(name))}\n{ours}"


def _table(data: RunData, table: PaperTable, number: int) -> str:
    shown = columns(data, table)
    caption = table.caption or data.suite_record(table.suite).title
    rest = [f"{key} = {_value(getattr(table, key))}\n" for key in (
        "variant", "rows", "left_out", "left_out_note", "said", "corner", "blocks", "beside", "transposed", "ours")
            if getattr(table, key) != getattr(PaperTable(0, ""), key)]
    datasets = ", ".join(f"{_text(name)} = {_text(data.dataset_title(name))}" for name in data.table_datasets(table)
                         if name in data.run.datasets)
    return _TABLE.format(
        number=number, suite=_text(table.suite), caption=_text(caption), digits=table.digits, rest="".join(rest),
        datasets=f"{{ {datasets} }}" if datasets else "{}", methods=_list(_rows(data, table)),
        columns="\n".join(_column(column, table) for column in shown))


def _column(shown: Shown, table: PaperTable) -> str:
    """A column as an inline table of what differs from the defaults and from what the table says for all."""
    column = shown.column
    values = {"metric": column.metric, "item": column.item, "variant": shown.variant, "condition": column.condition,
              "heading": column.heading, "group": column.group, "digits": column.digits, "factor": column.factor,
              "better": column.better}
    plain = {"item": "-", "variant": table.variant, "condition": "", "heading": "", "group": "", "better": "",
             "factor": 1.0, "digits": table.digits, "metric": None}
    said = ", ".join(f"{key} = {_value(value)}" for key, value in values.items() if value != plain[key])
    return f"    {{ {said} }},"


def _value(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return _list(value) if isinstance(value, tuple) else _text(value) if isinstance(value, str) else repr(value)


def _list(values: Iterable[object]) -> str:
    return f"[{', '.join(_value(value) for value in values)}]"


def _text(value: str) -> str:
    """A TOML basic string: JSON's escapes are all TOML's too, but for DEL."""
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
