"""The audit's edges: the table and the pictures read, the findings written."""

import re
from collections.abc import Callable, Mapping
from pathlib import Path

from baselines.precomputed import Precomputed, open_precomputed
from core.files import write_text
from fusion.method import methods
from fusion.pairs import PairSet, find_dataset, open_pairs
from results.audit import AuditedCell, named, write_audit
from suite.audit.claimed import Cell, read_claimed, rows_of
from suite.audit.definitions import Candidate, mean, values
from suite.audit.judge import Column, Judged, cell_said, columns, judge, sentence
from suite.errors import UserError


def audit(claimed: Path, folders: Mapping[str, Path], data: Path, datasets: tuple[str, ...], out: Path | None,
          say: Callable[[str], None]) -> bool:
    """Audit a table. folders: method -> fused pictures. Returns whether one definition per column gives every cell."""
    table = read_claimed(claimed)
    rows = {row: _match(row, folders) for row in rows_of(table.cells)}
    lacking = [name for name in folders if name not in rows.values()]
    if lacking:
        raise UserError(f"{claimed}: no row for --images {lacking[0]}; it has {', '.join(rows)}")
    chosen = [(cell, name, of) for cell in table.cells if (name := rows[cell.row]) and (of := _set(cell, datasets))]
    if not chosen:
        raise UserError(f"{claimed}: no row of the data sets {', '.join(datasets)}; name the table's with --datasets")
    opened = {of: open_pairs(of, data) for of in dict.fromkeys(of for _, _, of in chosen)}
    known: dict[tuple[str, str, str], dict[Candidate, float]] = {}
    judged = []
    for cell, name, of in chosen:
        key = (name, of, cell.metric)
        if key not in known:
            say(f"scoring {name} {of} {cell.metric}")
            known[key] = _score(cell.metric, _brought(name, folders[name], opened[of]), opened[of])
        judged.append(judge(cell, known[key]))
    found = columns(judged)
    notes = [f"row {row}: no pictures, not checked" for row, name in rows.items() if not name]
    notes += [f"column {heading}: no metric of that name here, not checked" for heading in table.unknown]
    whole = all(column.one_definition for column in found)
    lines = [f"{column.heading}: {sentence(column)}" for column in found] + notes
    answer = _answer(judged, whole)
    for line in (*lines, answer):
        say(line)
    if out is not None:
        _write(out, claimed, found, [*notes, answer])
    return whole


def _answer(judged: list[Judged], whole: bool) -> str:
    given = sum(bool(of.reproduced) for of in judged)
    return (f"{given} of {len(judged)} cells reproduced" +
            ("; one definition per column gives them all" if whole else "; not by one definition per column"))


def _match(row: str, folders: Mapping[str, Path]) -> str:
    """The method of a row, by its name or its registered title; "" for a row without pictures."""
    def folded(text: str) -> str:
        return re.sub(r"\W|_", "", text).casefold()

    for name in folders:
        known = methods().get(name)
        if folded(re.sub(r"\(.*?\)|\[.*?\]", "", row)) in (folded(name), folded(known.title) if known else ""):
            return name
    return ""


def _set(cell: Cell, datasets: tuple[str, ...]) -> str:
    """The data set of a cell; a table without a column of data sets is about the only one named."""
    if not cell.dataset:
        if len(datasets) != 1:
            raise UserError(f"--datasets {','.join(datasets)}: no column 'dataset' in the table; name its one data set")
        return datasets[0]
    wanted = cell.dataset.casefold()
    return next((name for name in datasets if wanted in (name.casefold(), find_dataset(name).title.casefold())), "")


def _brought(name: str, folder: Path, pairs: PairSet) -> Precomputed:
    inside = folder / pairs.name
    return open_precomputed(name, inside if inside.is_dir() else folder, [pair.id for pair in pairs.pairs],
                            [(pair.height, pair.width) for pair in pairs.pairs])


def _score(metric: str, brought: Precomputed, pairs: PairSet) -> dict[Candidate, float]:
    return mean([values(metric, (brought.read(pair.id), *pair.read8())) for pair in pairs.pairs])


def _write(out: Path, claimed: Path, found: list[Column], notes: list[str]) -> None:
    out.mkdir(parents=True, exist_ok=True)
    lines = [f"# Audit of {claimed.name}", "", "| column | metric | verdict |", "|---|---|---|"]
    lines += [f"| {column.heading} | {column.metric} | {sentence(column)} |" for column in found]
    write_text(out / "audit.md", "\n".join([*lines, "", *(f"* {note}" for note in notes)]) + "\n")
    write_audit(out, (AuditedCell(
        column.heading, column.metric, of.cell.row, of.cell.dataset, of.cell.text, named(of.reproduced),
        named([of.nearest]), repr(of.value), cell_said(of)) for column in found for of in column.cells))
