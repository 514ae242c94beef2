"""Tables of values per picture: one line per method and data set, one column per metric."""

from dataclasses import replace

from reports.columns import Shown, columns
from reports.data import RunData
from reports.significance import marked
from reports.table import Cell, Header, Layout, Line, Table, ranked, with_average_rank
from reports.tables.common import cell, filled, notes
from results.paper import PaperTable

SAID = "{statistic} over the images of each data set; metric definitions: {variants}."
_STATISTIC = {"mean": "Mean", "mean ± std": "Mean ± standard deviation", "median": "Median"}
ALPHA = 0.05
MARK = "*"


def build(data: RunData, table: PaperTable, datasets: list[str]) -> Table:
    """A table of the suite's rows of these data sets, in the description's layout."""
    shown = columns(data, table)
    headers = tuple(Header(column.title, column.higher_is_better, column.column.group) for column in shown)
    lines = [line for dataset in datasets for line in _lines(data, table, shown, dataset)]
    if table.rows == "ablations":
        headers, lines = (Header("Configuration"), *headers), list(map(_with_configuration, lines))
    if len(datasets) == 1 and not table.blocks:  # named in the caption
        lines = [replace(line, block="") for line in lines]
    said = table.said or SAID.replace("{statistic}", _STATISTIC[table.statistic])
    more = [filled(data, table, text, datasets) for text in (said, *_group_notes(data, table), *table.notes)]
    if table.significance:
        more.append(f"{MARK} differs from ours (paired Wilcoxon signed-rank, Holm, {ALPHA:g}).")
    made = ranked(Table(table.name, filled(data, table, table.caption, datasets), table.corner, headers, tuple(lines),
                        notes(data, table, datasets, *more), wide=_layout(table, len(datasets))))
    return with_average_rank(made) if table.average_rank else made


def _layout(table: PaperTable, datasets: int) -> Layout:
    if table.transposed:
        return "transposed"
    return "beside" if 0 < datasets <= table.beside else ""


def _lines(data: RunData, table: PaperTable, shown: list[Shown], dataset: str) -> list[Line]:
    means = data.means(table.suite)
    different = marked(data, table, shown, dataset, ALPHA) if table.significance else {}
    lines = []
    for method in data.methods(table.suite, table):
        reason = data.why(table.suite, method, dataset)
        cells = tuple(replace(cell(means, (dataset, method, column.metric, column.variant), column, reason,
                                   table.statistic),
                              mark=MARK if (method, column.metric, column.variant) in different else "")
                      for column in shown)
        if any(c.value is not None for c in cells) or reason:
            lines.append(Line(label(data, table, dataset, method), cells, data.dataset_title(dataset),
                              data.kind(method) != "source", data.cite(method)))
    return lines


def label(data: RunData, table: PaperTable, dataset: str, method: str) -> str:
    """Sources by what they show; others by their title and their group's mark."""
    sources = dict(zip(("infrared", "visible"), data.source_titles(dataset)))
    return sources.get(method) or data.title(method) + mark(data, table, method)


def mark(data: RunData, table: PaperTable, method: str) -> str:
    return table.groups[data.row_group(table.groups, method)].mark if table.groups else ""


def _group_notes(data: RunData, table: PaperTable) -> list[str]:
    if not table.groups:
        return []
    used = {data.row_group(table.groups, method) for method in data.methods(table.suite, table)}
    return [group.note for number, group in enumerate(table.groups) if number in used and group.note]


def _with_configuration(line: Line) -> Line:
    """An ablation's title is "ID configuration"."""
    name, _, configuration = line.label.partition(" ")
    return replace(line, label=name, cells=(Cell(configuration), *line.cells))
