"""Where a printed cell comes from: rows, units, weights and pairs by hash."""

from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from core.names import nearest
from metrics import registry
from reports.columns import Shown, columns
from reports.comparison import compare
from reports.data import RunData, load
from reports.errors import ReportError
from results.paper import Column, PaperTable


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
    title, rows, column = _rows(columns(data, found), rows, metric)
    return "\n".join([*_head(data, dataset, method, title, rows), *_published(data, found, dataset, method, column), "",
                      *_provenance(data, dataset, method), "", *_lines(rows, _fused(data, dataset, method))])


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


def _rows(shown: list[Shown], rows: pd.DataFrame, wanted: str) -> tuple[str, pd.DataFrame, Column | None]:
    """(what the rows are of, the rows, the column) by heading, printed class, or any metric; None: not printed."""
    for column in shown:
        item, metric = column.column.item, column.metric
        if wanted.lower() in (column.title.lower(), (metric if item == "-" else item).lower()):
            of_column = rows[rows["metric"] == metric]
            if column.variant:
                of_column = of_column[of_column["variant"] == column.variant]
            elif (of_column["item"] == item).any():
                of_column = of_column[of_column["item"] == item]
            return (metric if item == "-" else item), of_column, column.column
    for field in ("metric", "item"):  # what was measured and is not printed
        for name in rows[field].unique():
            if wanted.lower() == name.lower() != "-":
                metric = rows.loc[rows[field] == name, "metric"].iloc[0]
                return name, rows[(rows[field] == name) & (rows["metric"] == metric)], None
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


def _published(data: RunData, table: PaperTable, dataset: str, method: str, column: Column | None) -> list[str]:
    """The paper's own cell beside ours, where it prints one for what ran here."""
    if column is None:
        return []
    for cell in compare(data):
        if (cell.table, cell.dataset, cell.metric) == (table.number, data.dataset_title(dataset), column.source) and \
                cell.method in (data.title(method), data.network_title(method)):
            why = f"; {cell.note}" if cell.note else ""
            return [f"published: {cell.published:.{cell.digits}f} ({data.paper.title}, table {table.number}): "
                    f"{cell.status}, difference {cell.difference:+.{cell.digits + 2}f}{why}"]
    return [f"published: no such cell for this method in {data.paper.title}, table {table.number}"]


def _fused(data: RunData, dataset: str, method: str) -> dict[str, str]:
    """Picture id -> sha256 of the fused picture that was scored, from the unit's own record."""
    found: dict[str, str] = {}
    for unit in data.run.units:
        if (unit.stage, unit.method, unit.dataset, unit.status) == ("fuse", method, dataset, "done"):
            result = data.result(unit)  # where there is none `verify` says why; the cell's rows are still to be seen
            if result is not None:
                found |= {Path(name).stem: digest for name, (digest, *_) in result.artefacts.items()}
    return found


def _provenance(data: RunData, dataset: str, method: str) -> list[str]:
    record, pairs = data.method(method), data.dataset(dataset)
    lines = [f"method: {record.title}, protocol {record.protocol or '?'}, precision {record.precision}"]
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


def _lines(rows: pd.DataFrame, fused: Mapping[str, str]) -> list[str]:
    width = max((len(str(item)) for item in rows["item"]), default=1)
    return [f"  {row.item:<{width}}  seed {row.seed}  {row.value!r}"
            + (f"  fused picture sha256 {fused[row.item]}" if row.item in fused else "") for row in rows.itertuples()]
