"""Where a printed cell comes from: rows, units, weights and pairs by hash."""

from metrics import registry
from reports.data import RunData, load
from reports.errors import ReportError
from reports.tables import SUITE_OF
from reports.tables.complexity import COLUMNS
from reports.tables.downstream import SHORT

# heading in lower case -> metric or item of the rows
_PRINTED = {"map@0.5": "mAP50", **{short.lower(): name for name, short in SHORT.items()},
            **{heading.lower(): metric for metric, heading, _, _ in COLUMNS}}


def trace(out, table: str, dataset: str, method: str, metric: str) -> str:
    """Explain one cell of a run's table, e.g. trace(OUT, "table1", "TNO", "SMFNet", "VIF").

    Names are keys or titles, in any case; `metric` is a column: a metric, or a class of Tables II and III.
    Raises ReportError naming what is there instead of what was asked for.
    """
    data = load(out)
    suite = _suite(table)
    rows = data.suite(suite)
    dataset = _pick("data set", dataset, {d: data.dataset_title(d) for d in data.datasets(suite)})
    method = _pick("method", method, {m: data.title(m) for m in rows["method"].unique()})
    rows = rows[(rows["dataset"] == dataset) & (rows["method"] == method)]
    columns = {**{c: c for c in rows["metric"].unique()},
               **{i: i for i in rows.loc[rows["metric"].isin(["AP50", "IoU"]), "item"].unique()}}
    column = _pick("metric or class", _PRINTED.get(metric.lower(), metric), columns)
    rows = rows[rows["metric"] == column] if column in set(rows["metric"]) else \
        rows[(rows["item"] == column) & rows["metric"].isin(["AP50", "IoU"])]
    return "\n".join([*_head(data, suite, dataset, method, column, rows), "", *_provenance(data, dataset, method), "",
                      *_lines(rows)])


def _suite(table: str) -> str:
    names = {f"table{n}": suite for n, suite in SUITE_OF.items()}
    if table.lower() not in names:
        raise ReportError(f"unknown table {table!r}; known: {', '.join(names)}")
    return names[table.lower()]


def _pick(what: str, wanted: str, known: dict[str, str]) -> str:
    for key, title in known.items():
        if wanted.lower() in (key.lower(), title.lower()):
            return key
    raise ReportError(f"no {what} {wanted!r} in this table; known: {', '.join(known.values()) or 'none'}")


def _head(data: RunData, suite: str, dataset: str, method: str, metric: str, rows) -> list[str]:
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
    lines += [f"  weights {w.file} sha256 {w.sha256}" for w in record.weights]
    lines.append(f"pairs: {len(pairs.pairs)}, manifest sha256 {pairs.manifest}")
    if pairs.note:
        lines.append(f"  note: {pairs.note}")
    for unit in data.run.units:
        if unit.method == method and unit.dataset == dataset:
            lines.append(f"unit: {unit.stage} {unit.status}, {unit.folder}, key {unit.key}")
            lines += [f"  {note}" for note in unit.notes]
    return lines


def _lines(rows) -> list[str]:
    width = max((len(str(item)) for item in rows["item"]), default=1)
    return [f"  {row.item:<{width}}  seed {row.seed}  {row.value!r}" for row in rows.itertuples()]
