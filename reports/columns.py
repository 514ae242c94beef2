"""Which columns a table prints: those that the paper describes and the rows have, then what else was scored."""

from collections.abc import Sequence
from dataclasses import dataclass

from metrics import registry
from reports.data import RunData
from results.paper import Column, PaperTable


@dataclass(frozen=True)
class Shown:
    """A printed column. variant: of the rows shown, which may be another than the described one."""

    column: Column
    variant: str
    higher_is_better: bool | None

    @property
    def metric(self) -> str:
        return self.column.metric

    @property
    def title(self) -> str:
        return self.column.title

    @property
    def arrow(self) -> str:
        return {True: " ↑", False: " ↓", None: ""}[self.higher_is_better]

    @property
    def digits(self) -> int:
        return 4 if self.column.digits is None else self.column.digits


def columns(data: RunData, table: PaperTable) -> list[Shown]:
    """The columns of any table of the run, in their printed order."""
    kind = data.suite_record(table.suite).kind
    if kind == "pictures":
        return _of_pictures(data, table)
    found = _of_items(data, table) if kind == "items" else _of_cost(data, table)
    higher = kind == "items"
    return [Shown(column, "", {"higher": True, "lower": False}.get(column.better, higher)) for column in found]


def scored(data: RunData, suite: str) -> list[tuple[str, str]]:
    """(metric, variant) of a suite's rows: the registry's order within a variant, variants as they appear."""
    pairs = list(data.suite(suite)[["metric", "variant"]].drop_duplicates().itertuples(index=False, name=None))
    order = {(name, variant): place for variant in dict.fromkeys(v for _, v in pairs) if variant in registry.variants()
             for place, name in enumerate(registry.names(variant))}
    variants = list(dict.fromkeys(variant for _, variant in pairs))
    return sorted(pairs, key=lambda pair: (variants.index(pair[1]), order.get(pair, len(order))))


def all_of_pictures(data: RunData, suite: str) -> list[Shown]:
    """Everything that was scored per picture, printed or not: for figures of values."""
    pairs = scored(data, suite)
    return [_shown(Column(m, variant=v, heading=_heading(m, v, pairs)), v) for m, v in pairs]


def _of_pictures(data: RunData, table: PaperTable) -> list[Shown]:
    pairs = scored(data, table.suite)
    described = {(c.metric, c.variant) for c in table.described}
    found: list[Shown] = []
    used: set[tuple[str, str]] = set()
    for column in table.described:
        elsewhere = [v for m, v in pairs if m == column.metric and (m, v) not in described | used]
        variant = column.variant if (column.metric, column.variant) in pairs else next(iter(elsewhere), "")
        if variant:
            used.add((column.metric, variant))
            found.append(_shown(column, variant))
    # what the paper leaves out stays out only where all that it prints was scored: else the user chose the metrics
    left_out = table.left_out if len(found) == len(table.columns) else ()
    elsewhere_printed = {(c.metric, c.variant) for c in _of_siblings(data, table)}
    for metric, variant in pairs:
        skipped = (metric in left_out and variant == table.variant) or (metric, variant) in elsewhere_printed
        if (metric, variant) not in used and not skipped:
            used.add((metric, variant))
            heading = metric if all(shown.title != metric for shown in found) else f"{metric} ({variant})"
            found.append(_shown(Column(metric, variant=variant, heading=heading, digits=table.digits), variant))
    return found


def _of_siblings(data: RunData, table: PaperTable) -> list[Column]:
    """Columns of the paper's other tables of the same suite: they are printed there."""
    return [c for other in data.paper.tables if other.suite == table.suite and other.number != table.number
            for c in other.described]


def _heading(metric: str, variant: str, pairs: Sequence[tuple[str, str]]) -> str:
    return metric if sum(m == metric for m, _ in pairs) == 1 else f"{metric} ({variant})"


def _shown(column: Column, variant: str) -> Shown:
    return Shown(column, variant, direction(column, variant))


def direction(column: Column, variant: str) -> bool | None:
    """Whether higher is better; None where neither the description nor the registry says so."""
    if column.better:
        return column.better == "higher"
    if variant in registry.variants() and column.metric in registry.names(variant):
        return registry.get(column.metric, variant).higher_is_better
    return None


def _of_items(data: RunData, table: PaperTable) -> list[Column]:
    """Classes that the paper does not print stand behind its own, before what is over all classes."""
    rows = data.suite(table.suite)
    pairs = list(rows[["metric", "item"]].drop_duplicates().itertuples(index=False, name=None))
    found = [c for c in table.described if (c.metric, c.item) in pairs]
    groups = {c.metric: c.group for c in table.described if c.item != "-"}
    elsewhere = _of_siblings(data, table)
    for metric, item in pairs:
        printed = any((c.metric, c.item) == (metric, item) for c in (*found, *elsewhere))
        if printed or {metric, item} & set(table.left_out):
            continue
        new = Column(metric, item, group=groups.get(metric, metric) if item != "-" else "", digits=table.digits)
        found.insert(len(found) if item == "-" else _after_classes(found, metric), new)
    return found


def _after_classes(found: Sequence[Column], metric: str) -> int:
    """Where a class goes: behind the metric's last class, else before what is over all classes."""
    behind = [n + 1 for n, c in enumerate(found) if c.metric == metric and c.item != "-"]
    means = [n for n, c in enumerate(found) if c.item == "-"]
    return max(behind) if behind else min(means, default=len(found))


def item_titles(data: RunData, suite: str, names: Sequence[str]) -> list[str]:
    """Classes as the suite's table heads them; one that it does not print by its own name."""
    headings = {c.column.item: c.title for c in columns(data, data.table_of(suite))}
    return [headings.get(name, name) for name in names]


def left_out(data: RunData, table: PaperTable) -> list[str]:
    """Classes of the printed metrics that were measured and are not printed, by name."""
    rows = data.suite(table.suite)
    printed = {c.metric for c in table.described if c.item != "-"}
    return sorted(set(rows.loc[rows["metric"].isin(printed), "item"]) & set(table.left_out))


def _of_cost(data: RunData, table: PaperTable) -> list[Column]:
    metrics = list(data.suite(table.suite)["metric"].unique())
    described = [c for c in table.described if c.metric in metrics]
    known = {c.metric for c in (*described, *_of_siblings(data, table))}
    return [*described, *(Column(m, digits=table.digits) for m in metrics
                          if m not in known and m not in table.left_out)]
