"""Profiles: TOML files that say what a run does (suites, data sets, methods, training settings)."""

import tomllib
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from core.files import read_text
from core.names import nearest
from fusion.method import PROTOCOLS
from suite.errors import UserError

PROFILES = Path(__file__).with_name("profiles")
SUITES = ("ivf", "mif", "detection", "segmentation", "complexity", "ablation")


@dataclass(frozen=True)
class Profile:
    """What a run does.

    datasets: suite -> data sets. methods: names, or ("all",). settings: suite -> table handed to its stage.
    """

    name: str
    methods: tuple[str, ...]
    datasets: dict[str, tuple[str, ...]]
    settings: dict[str, dict[str, Any]] = field(default_factory=dict)
    suites: tuple[str, ...] = ("ivf", "detection", "segmentation")
    protocol: str = "released"
    seeds: int = 1
    sample: bool = False  # render the embedded sample when no data root is named

    def __post_init__(self):
        for name in self.suites:
            if name not in SUITES:
                raise UserError(f"unknown suite {name!r}{nearest(name, SUITES)}")
        if self.protocol not in PROTOCOLS:
            raise UserError(f"unknown protocol {self.protocol!r}{nearest(self.protocol, PROTOCOLS)}")
        if self.seeds < 1:
            raise UserError(f"--seeds {self.seeds}: at least 1")

    def narrowed(self, datasets: list[str] | None) -> "Profile":
        """Only the named data sets, wherever a suite uses them; an ivf or mif data set may also be a new one."""
        if datasets is None:
            return self
        from fusion.pairs import find_dataset

        cards = [find_dataset(name) for name in datasets]
        chosen = {suite: tuple(c.name for c in cards if c.task == suite) for suite in ("ivf", "mif")}
        for suite in ("detection", "segmentation"):
            chosen[suite] = tuple(n for n in self.datasets.get(suite, ()) if n in datasets)
        return replace(self, datasets={**self.datasets, **chosen})


def load_profile(name: str, **changes) -> Profile:
    """Read `suite/profiles/<name>.toml`, or a TOML file of the user's own when `name` is a path."""
    known = {path.stem: path for path in PROFILES.glob("*.toml")}
    path = known.get(name) or Path(name)
    if not path.is_file():
        raise UserError(f"unknown profile {name!r}{nearest(name, known)} (a path to a TOML file also works)")
    try:
        table = tomllib.loads(read_text(path, UserError))
    except tomllib.TOMLDecodeError as error:
        raise UserError(f"{path}: {error}") from error
    settings = {suite: table.pop(suite) for suite in SUITES if suite in table}
    for suite, section in settings.items():
        if not isinstance(section, dict):
            raise UserError(f"{path}: {suite} = {section!r}; expected a table, [{suite}]")
    table["datasets"] = {suite: section.pop("datasets", []) for suite, section in settings.items()}
    names = {"methods": table.get("methods", []), "suites": table.get("suites", [])}
    for key, value in {**names, **{f"{suite}.datasets": v for suite, v in table["datasets"].items()}}.items():
        if not isinstance(value, list) or not all(isinstance(name, str) for name in value):
            raise UserError(f"{path}: {key} = {value!r}; expected a list of names")
    for key, kind in (("seeds", int), ("sample", bool), ("protocol", str)):
        if type(table.get(key, kind())) is not kind:
            raise UserError(f"{path}: {key} = {table[key]!r}; expected {kind.__name__}")
    table |= {key: tuple(value) for key, value in names.items() if key in table}
    table["datasets"] = {suite: tuple(value) for suite, value in table["datasets"].items()}
    try:
        return replace(Profile(name=path.stem, settings=settings, **table), **changes)
    except TypeError as error:
        raise UserError(f"{path}: {error}") from error
