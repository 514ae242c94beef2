"""Where a printed cell comes from: rows, units, weights and pairs by hash."""

from pathlib import Path

import pandas as pd

from core.names import nearest
from metrics import registry
from reports.columns import Shown, columns
from reports.data import RunData, load
from reports.errors import ReportError
from results.paper import PaperTable


def trace(out: Path, table: str, dataset: str, method: str, metric: str, paper: str | Path | None = None) -> str:
    """Explain one cell of a run's table, e.g. trace(OUT, "table1", "TNO", "SMFNet", "VIF").

    Names are keys or titles, in any case; `metric` is a column: its heading, a metric, or a class.
    Raises ReportError naming what is there instead of what was asked for.
    """
    data = load(out, paper)
    found = _table(data, table)
    rows = data.suite(found.suite)
    dataset = _pick("data set", dataset, {d: data.dataset_title(d) for d in data.table_datasets(found)})
    method = _pick("method", method, {m: data.title(m) for m in rows["method"].unique()})
    rows = rows[(rows["dataset"] == dataset) & (rows["method"] == method)]
    title, rows = _rows(columns(data, found), rows, metric)
    return "\n".join([*_head(data, dataset, method, title, rows), "", *_provenance(data, dataset, method), "",
                      *_lines(rows)])


def _table(data: RunData, name: str) -> PaperTable:
    known = {table.name: table for table in data.tables}
    if name.lower() not in known:
        raise ReportError(f"unknown table {name!r}; known: {', '.join(known) or 'none'}")
    return known[name.lower()]


def _pick(what: str, wanted: str, known: dict[str, str]) -> str:
    for key, title in known.items():
        if wanted.lower() in (key.lower(), title.lower()):
            return key
    raise ReportError(f"no {what} {wanted!r} in this table; known: {', '.join(known.values()) or 'none'}")


def _rows(shown: list[Shown], rows: pd.DataFrame, wanted: str) -> tuple[str, pd.DataFrame]:
    """(what the rows are of, the rows) of a column by its heading, of a printed class, or of any metric."""
    for column in shown:
        item, metric = column.column.item, column.metric
        if wanted.lower() in (column.title.lower(), (metric if item == "-" else item).lower()):
            of_column = rows[rows["metric"] == metric]
            if column.variant:
                of_column = of_column[of_column["variant"] == column.variant]
            elif (of_column["item"] == item).any():
                of_column = of_column[of_column["item"] == item]
            return (metric if item == "-" else item), of_column
    for field in ("metric", "item"):  # what was measured and is not printed
        for name in rows[field].unique():
            if wanted.lower() == name.lower() != "-":
                metric = rows.loc[rows[field] == name, "metric"].iloc[0]
                return name, rows[(rows[field] == name) & (rows["metric"] == metric)]
    names = [column.title for column in shown]
    raise ReportError(f"no metric or class {wanted!r} in this table{nearest(wanted, names)}")


def _head(data: RunData, dataset: str, method: str, metric: str, rows: pd.DataFrame) -> list[str]:
    per_seed = rows.groupby("seed")["value"].mean()
    lines = [f"{data.title(method)}, {data.dataset_title(dataset)}, {metric}: {per_seed.mean():.6f} "
             f"= mean of {len(rows)} rows over {len(per_seed)} seed(s)"]
    for variant in rows["variant"].unique():
        if variant in registry.variants() and metric in registry.names(variant):
            found = registry.get(metric, variant)
            lines.append(f"definition: {metric}, variant {variant} {found.arrow}, {found.source}")
        else:
            lines.append(f"made by: {variant}")
    return lines


def _provenance(data: RunData, dataset: str, method: str) -> list[str]:
    record, pairs = data.method(method), data.dataset(dataset)
    lines = [f"method: {record.title}, protocol {record.protocol or '?'}"]
    if record.code:
        lines.append(f"  version {record.version}, source sha256 {record.code}")
    lines += [f"  weights {weight.file} sha256 {weight.sha256}" for weight in record.weights]
    lines.append(f"pairs: {len(pairs.pairs)}, manifest sha256 {pairs.manifest}")
    if pairs.note:
        lines.append(f"  note: {pairs.note}")
    for unit in data.run.units:
        if unit.method == method and unit.dataset == dataset:
            lines.append(f"unit: {unit.stage} {unit.status}, {unit.folder}, key {unit.key}")
            lines += [f"  {note}" for note in unit.notes]
    return lines


def _lines(rows: pd.DataFrame) -> list[str]:
    width = max((len(str(item)) for item in rows["item"]), default=1)
    return [f"  {row.item:<{width}}  seed {row.seed}  {row.value!r}" for row in rows.itertuples()]
