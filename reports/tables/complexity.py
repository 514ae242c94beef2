"""Table V: what a method costs."""

from reports.data import RunData
from reports.table import Cell, Header, Line, Table, ranked
from reports.tables.common import cell, notes

# metric of the rows, heading, digits, factor: the paper's three, then what it leaves out
COLUMNS = (
    ("macs_g", "MACs (G)", 1, 1.0),
    ("params_thop", "Params (K, thop)", 0, 1e-3),
    ("time_s", "Time (s)", 3, 1.0),
    ("params", "Params (K, true)", 1, 1e-3),
    ("peak_mib", "Peak memory (MiB)", 0, 1.0),
)


def table5(data: RunData) -> Table:
    """Table V with its conditions: both parameter counts, multiply-accumulates, time, memory."""
    means = data.means("complexity")
    lines = []
    for dataset in data.datasets("complexity"):
        for method in data.methods("complexity"):
            own = data.method(method).note  # weights of another network are not timed
            cells, reason = [], data.reason("complexity", method, dataset) or own
            for metric, _, digits, factor in COLUMNS:
                found = cell(means, (dataset, method, metric), digits, reason)
                cells.append(Cell(found.value * factor, digits) if isinstance(found.value, float) else found)
            if any(c.value is not None for c in cells):
                lines.append(Line(data.network_title(method), tuple(cells)))
    headers = tuple(Header(title, False) for _, title, _, _ in COLUMNS)
    conditions = f"Measured at {', '.join(data.variants('complexity'))}; time is the median after warm-up."
    convention = ("The paper's Params column is thop's count (bare parameters left out, a network used twice counted "
                  "twice); its Flops are multiply-accumulates.")
    return ranked(Table("table5", "Cost of a method", "Method", headers, tuple(lines),
                        notes(data, "complexity", conditions, convention), wide="transposed"))
