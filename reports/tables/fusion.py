"""Tables I, IV and VI: fusion metrics."""

from dataclasses import replace

from metrics import registry
from reports.data import RunData
from reports.table import Cell, Header, Line, Table, ranked
from reports.tables.common import cell, notes

DIGITS = 4
MEDICAL_MARK = "†"
# Table IV prints six of the metrics.
MEDICAL_METRICS = ("MI", "SF", "VIF", "Qabf", "AG", "SSIM")
# (metric, variant) of Table VI: its SSIM is another one than Table I's (see docs on metrics).
ABLATION_METRICS = ("EN", "SD", "VIF", "SSIM")


def table1(data: RunData) -> Table:
    """Table I: infrared-visible fusion, one block per data set."""
    return _metrics_table(data, "ivf", "table1", "Infrared-visible image fusion", registry.TABLE_METRICS)


def table4(data: RunData) -> Table:
    """Table IV: medical image fusion; methods trained on medical pictures are marked."""
    marked = f"{MEDICAL_MARK} trained on medical pictures." if any(map(data.is_medical, data.methods("mif"))) else ""
    return _metrics_table(data, "mif", "table4", "Medical image fusion", MEDICAL_METRICS, marked)


def table6(data: RunData) -> Table:
    """Table VI: ablations of SMFNet, each with its configuration."""
    plain = _metrics_table(data, "ablation", "table6", "Ablation of SMFNet", ABLATION_METRICS)
    lines = []
    for line in plain.lines:
        name, _, configuration = line.label.partition(" ")
        lines.append(replace(line, label=name, cells=(Cell(configuration), *line.cells)))
    if len(plain.blocks) == 1:  # named in the caption
        lines = [replace(line, block="") for line in lines]
    return replace(plain, corner="ID", headers=(Header("Configuration"), *plain.headers), lines=tuple(lines), wide="")


def _metrics_table(data: RunData, suite: str, name: str, title: str, metrics: tuple[str, ...], *more: str) -> Table:
    means = data.means(suite)
    variants = data.variants(suite)
    headers = tuple(Header(metric, _direction(metric, variants)) for metric in metrics)
    lines = []
    for dataset in data.datasets(suite):
        for method in data.methods(suite):
            reason = data.reason(suite, method, dataset)
            cells = tuple(cell(means, (dataset, method, metric), DIGITS, reason) for metric in metrics)
            if any(c.value is not None for c in cells) or reason:
                lines.append(Line(_label(data, suite, dataset, method), cells, data.dataset_title(dataset),
                                  data.kind(method) != "source"))
    titles = ", ".join(data.dataset_title(d) for d in data.datasets(suite))
    # as the paper's Table I; several medical sets have sources of different names, whose rows would have gaps
    wide = "beside" if len(data.datasets(suite)) <= (1 if suite == "mif" else 3) else ""
    said = f"Mean over the images of each data set; metric definitions: {', '.join(variants)}."
    return ranked(Table(name, f"{title} on {titles}", "Method", headers, tuple(lines),
                        notes(data, suite, said, *more), wide=wide))


def _direction(metric: str, variants: list[str]) -> bool:
    return next(registry.get(metric, v).higher_is_better for v in variants if metric in registry.names(v))


def _label(data: RunData, suite: str, dataset: str, method: str) -> str:
    """Sources by what they show; methods trained on medical pictures marked in Table IV."""
    sources = dict(zip(("infrared", "visible"), data.source_titles(dataset)))
    marked = suite == "mif" and data.is_medical(method)
    return sources.get(method) or f"{data.title(method)}{MEDICAL_MARK if marked else ''}"
