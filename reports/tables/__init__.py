"""Rows -> the paper's tables, in its layout and order, plus the source rows and whatever else ran."""

from reports.data import RunData
from reports.table import Table
from reports.tables.complexity import table5
from reports.tables.downstream import table2, table3
from reports.tables.fusion import table1, table4, table6

BUILDERS = {1: table1, 2: table2, 3: table3, 4: table4, 5: table5, 6: table6}
SUITE_OF = {1: "ivf", 2: "detection", 3: "segmentation", 4: "mif", 5: "complexity", 6: "ablation"}


def build(data: RunData, number: int) -> Table | None:
    """Table `number`, or None when its suite has no rows."""
    return None if data.suite(SUITE_OF[number]).empty else BUILDERS[number](data)
