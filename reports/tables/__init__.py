"""Rows -> tables: those of the paper's description in its layout and order, and one for every other suite."""

from dataclasses import replace

from reports.data import RunData
from reports.table import Table
from reports.tables import cost, items, pictures
from results.paper import PaperTable

_BUILDERS = {"pictures": pictures.build, "items": items.build, "cost": cost.build}


def build_all(data: RunData) -> list[Table]:
    """Every table that the run has rows for: the paper's by number, then the suites that it does not describe."""
    return [built for table in data.tables for built in build_split(data, table)]


def build_split(data: RunData, table: PaperTable) -> list[Table]:
    """The table, or one per data set where its description wants that: "table1_<data set>"."""
    datasets = data.table_datasets(table)
    builder = _BUILDERS[data.suite_record(table.suite).kind]
    parts = [[name] for name in datasets] if table.split and len(datasets) > 1 else [datasets]
    return [replace(builder(data, table, part), name="_".join([table.name, *part]) if len(parts) > 1 else table.name,
                    single_column=table.width == "column", colour=table.colour) for part in parts]


def build(data: RunData, number: int) -> Table | None:
    """The paper's table `number`, or None when it has no rows."""
    table = data.paper.table(number)
    return build_split(data, replace(table, split=False))[0] if data.table_datasets(table) else None
