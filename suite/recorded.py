"""What a run was asked for, as run.json keeps it, and the plan that follows from it."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from core import records
from fusion.method import Method
from suite.errors import UserError
from suite.plan import make_plan
from suite.planning import Planning
from suite.profile import Profile

_NOT_READ = ("name", "tables")  # fields of a profile that are no keys of its file


def recorded(profile: Profile, methods: tuple[str | Method, ...] | None, data: Path, weights: Path,
             out: Path) -> dict[str, Any]:
    """JSON-able. Paths inside OUT are relative to it: OUT may be moved."""
    return {"profile": {**records.write(profile), "name": profile.name, "tables": records.write(profile.tables)},
            "methods": None if methods is None else [m if isinstance(m, str) else f"object:{m.name}" for m in methods],
            "data": _path(data, out), "weights": _path(weights, out)}


def _path(path: Path, out: Path) -> str:
    path = Path(path).absolute()
    return path.relative_to(out).as_posix() if path.is_relative_to(out) else str(path)


def planned_again(out: Path, request: Mapping[str, Any], data: Path | None, weights: Path | None) -> Planning:
    """The plan that the recorded request gives now, with every file looked at anew.

    Args:
        data, weights: where they lie here; None: where they lay then.
    Raises UserError where run.json says too little, IvfbenchError where the plan cannot be made here.
    """
    where = f"{out}/run.json, request"
    try:
        table, methods = request["profile"], request["methods"]
        profile = records.read(Profile, {name: value for name, value in table.items() if name not in _NOT_READ}, where,
                               UserError)
        profile = replace(profile, name=table["name"], tables=table["tables"])
        if methods is not None:
            objects = [name for name in methods if name.startswith("object:")]
            if objects:
                raise UserError(f"{objects[0].removeprefix('object:')} was an object of a Python program")
            # as the profile's: one whose weights are not here is skipped, not an error
            profile = replace(profile, methods=tuple(methods))
        data, weights = data or out / request["data"], weights or out / request["weights"]
    except (KeyError, TypeError, AttributeError) as error:
        raise UserError(f"{where}: says too little to plan the run again ({error})") from error
    return make_plan(profile, data=data, weights=weights, named=None, known_files={})
