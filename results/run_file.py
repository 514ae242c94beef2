"""run.json: what a run consisted of. Written by the suite, read by the reports and by `verify`."""

import json
from pathlib import Path

SCHEMA = 1
_UNIT = {"stage": str, "method": str, "dataset": str, "seed": int, "key": str, "folder": str, "status": str,
         "reason": str, "seconds": (int, float)}


def read_run(out: Path) -> dict:
    """OUT/run.json, checked.

    Raises FileNotFoundError, or ValueError that names the file and what is wrong with it.
    """
    path = Path(out) / "run.json"
    try:
        run = json.loads(path.read_text(encoding="utf-8"))
    except (json.JSONDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ValueError(f"{path}: not readable as JSON ({error})") from error
    fault = _fault(run)
    if fault:
        raise ValueError(f"{path}: {fault}")
    return run


def _fault(run) -> str:
    """What is wrong with the content, or ''."""
    if not isinstance(run, dict):
        return f"holds a {type(run).__name__}, not a run"
    if run.get("schema") != SCHEMA:
        return f"schema {run.get('schema')!r}, this version reads {SCHEMA}"
    for name in ("datasets", "methods"):
        table = run.get(name)
        if not isinstance(table, dict) or not all(isinstance(entry, dict) for entry in table.values()):
            return f"no table of {name}"
    if not isinstance(run.get("units"), list):
        return "no list of units"
    for number, unit in enumerate(run["units"]):
        if not isinstance(unit, dict) or not all(isinstance(unit.get(key), kind) for key, kind in _UNIT.items()):
            return f"units[{number}] lacks one of {', '.join(_UNIT)}, or it is of another type"
        notes = unit.get("notes", [])
        if not isinstance(notes, list) or not all(isinstance(note, str) for note in notes):
            return f"units[{number}]: notes {notes!r}; expected a list of sentences"
        if Path(unit["folder"]).is_absolute() or ".." in Path(unit["folder"]).parts:
            return f"units[{number}]: folder {unit['folder']!r} leads out of the run"
    return ""
