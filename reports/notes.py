"""Notes below several tables of one document: each is printed once, with the first table that has it."""

from collections.abc import Sequence
from dataclasses import replace

from reports.table import Table
from reports.tables.common import ROUNDED, SAMPLE_NOTE

ALWAYS = (SAMPLE_NOTE, ROUNDED)  # how the notes begin that stand below each table


def once(tables: Sequence[Table], names: Sequence[str]) -> list[Table]:
    """The tables without the notes that stand below an earlier one, which is named instead.

    names: as the document numbers the tables. That numbers are those of a rendered sample, or of bfloat16, is said
    below each table: nobody must take one that was pasted alone for more.
    """
    said: dict[str, str] = {}
    found = []
    for table, name in zip(tables, names):
        kept = [note for note in table.notes if note.startswith(ALWAYS) or note not in said]
        elsewhere = dict.fromkeys(said[note] for note in table.notes if note not in kept)
        said |= dict.fromkeys(kept, name)
        more = [f"Further notes: {', '.join(elsewhere)}."] if elsewhere else []
        found.append(replace(table, notes=(*kept, *more)))
    return found
