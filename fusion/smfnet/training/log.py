"""What a training run leaves to read: losses.csv (a row per step), validation.csv (a row per epoch), losses.png."""

import csv
import io
from pathlib import Path

from core.files import aside, read_text

TERMS = ("ssim", "gradient", "semantic", "edge", "lovasz", "intensity", "decomposition")
LOSS_COLUMNS = ("step", "epoch", "stage", "learning_rate", "loss", *TERMS)


class CsvLog:
    """A CSV file that is appended to; rows after `step` are cut off when a run is resumed there."""

    def __init__(self, path: Path, columns: tuple[str, ...], step: int):
        self.path, self.columns = Path(path), columns
        kept = [row for row in read(self.path) if int(row["step"]) <= step] if self.path.is_file() else []
        with aside(self.path) as temporary, temporary.open("w", newline="") as handle:
            writer = csv.DictWriter(handle, columns)
            writer.writeheader()
            writer.writerows(kept)

    def add(self, **values: object) -> None:
        with self.path.open("a", newline="") as handle:
            csv.DictWriter(handle, self.columns).writerow(values)


def read(path: Path) -> list[dict[str, str]]:
    """Complete rows of a log (a row cut short by a kill is left out)."""
    lines = io.StringIO(read_text(path), newline="")
    return [row for row in csv.DictReader(lines) if None not in row.values() and row.get("step", "").isdigit()]


def plot(losses: Path, figure: Path) -> None:
    """Loss against step from losses.csv, one line per term, logarithmic; the change of stage is marked."""
    import matplotlib

    rows = read(losses)
    if not rows:
        return
    steps = [int(row["step"]) for row in rows]
    with matplotlib.rc_context():
        matplotlib.rcdefaults()  # a matplotlibrc in the working folder decides nothing
        _draw(rows, steps, figure)


def _draw(rows: list[dict[str, str]], steps: list[int], figure: Path) -> None:
    from matplotlib.figure import Figure

    canvas = Figure(figsize=(7, 4), layout="constrained")
    axes = canvas.add_subplot()
    for name in ("loss", *TERMS):
        values = [float(row[name]) if row[name] else float("nan") for row in rows]
        if any(value > 0 for value in values):
            axes.plot(steps, values, label=name, linewidth=1.6 if name == "loss" else 0.8)
    for step, row, before in zip(steps[1:], rows[1:], rows):
        if row["stage"] != before["stage"]:
            axes.axvline(step, color="grey", linestyle="--", linewidth=0.8)
    axes.set(xlabel="step", ylabel="weighted loss", yscale="log")
    axes.legend(fontsize="small", ncols=2)
    with aside(figure) as temporary:
        canvas.savefig(temporary, format="png", dpi=150)
