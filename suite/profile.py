"""Profiles: TOML files that say what a run does (suites, data sets, methods, training settings)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from core import records
from core.files import read_toml
from core.names import nearest
from fusion.method import FLOAT32, PRECISIONS, PROTOCOLS
from suite.errors import UserError
from suite.suites import find_suite, suites

PROFILES = Path(__file__).with_name("profiles")


@dataclass(frozen=True)
class Profile:
    """What a run does.

    methods: names; "all": the paper's, "all-known": every registered one. tables: suite -> its table as it stands in
    the file, read by the suite's own settings (`settings_of`). sample: render the embedded sample when no data root is
    named. paper: whose tables are printed, a name or a folder; "" is the default one. titles: method -> as printed.
    ours: the method that tables and figures put last and highlight, instead of the paper's own. limit: pairs of each
    data set, in file-name order, for a quick look; 0 takes all. precision: of networks that fuse, "float32" or "bf16".
    """

    name: str = field(metadata={"read": False}, default="")
    methods: tuple[str, ...] = ()
    suites: tuple[str, ...] = ("ivf", "detection", "segmentation")
    protocol: str = "released"
    precision: str = FLOAT32
    seeds: int = 1
    sample: bool = False
    paper: str = ""
    titles: Mapping[str, str] = field(default_factory=dict)
    ours: str = ""
    limit: int = 0
    tables: Mapping[str, Any] = field(default_factory=dict, metadata={"read": False})

    def __post_init__(self) -> None:
        for name in self.suites:
            find_suite(name)
        if self.protocol not in PROTOCOLS:
            raise UserError(f"unknown protocol {self.protocol!r}{nearest(self.protocol, PROTOCOLS)}")
        if self.precision not in PRECISIONS:
            raise UserError(f"unknown precision {self.precision!r}{nearest(self.precision, PRECISIONS)}")
        if self.seeds < 1:
            raise UserError(f"--seeds {self.seeds}: at least 1")
        if self.limit < 0:
            raise UserError(f"--limit {self.limit}: at least 1 pair, or 0 for all")
        whole = [name for name in self.suites if self.limit and find_suite(name).training is not None]
        if whole:
            raise UserError(f"--limit {self.limit}: {' and '.join(whole)} would train on a part of a split; a quick "
                            "look is for fusion and its metrics: --suite ivf")

    def settings_of(self, suite: str) -> Any:
        """The suite's settings, checked. Raises UserError naming the profile, the table, the key and what is known."""
        return find_suite(suite).read(self.tables.get(suite, {}), f"profile {self.name}, [{suite}]")

    def narrowed(self, datasets: tuple[str, ...] | None) -> "Profile":
        """Only the named data sets, wherever a suite uses them; a suite that scores pictures takes new ones too."""
        if datasets is None:
            return self
        from fusion.pairs import find_dataset

        cards = [find_dataset(name) for name in datasets]
        tables = dict(self.tables)
        for name, suite in suites().items():
            if suite.datasets == "open":
                chosen = [card.name for card in cards if card.task == suite.task]
            elif suite.datasets == "own":
                chosen = [known for known in self.settings_of(name).datasets if known in datasets]
            else:
                continue
            tables[name] = {**tables.get(name, {}), "datasets": chosen}
        return replace(self, tables=tables)

    def with_metrics(self, names: tuple[str, ...] | None, variant: str | None) -> "Profile":
        """The named metrics and variant in every suite that scores pictures and leaves the choice."""
        if names is None and variant is None:
            return self
        changes: dict[str, Any] = {"metrics": list(names)} if names is not None else {}
        if variant is not None:
            changes["variant"] = variant
        tables = dict(self.tables)
        for name, suite in suites().items():
            if {"metrics", "variant"} <= {f.name for f in fields(suite.settings)}:
                # another toolbox's own list, where only its name is given
                kept = {key: value for key, value in tables.get(name, {}).items() if key != "metrics"}
                tables[name] = {**kept, **changes}
        return replace(self, tables=tables)


def load_profile(name: str, **changes: Any) -> Profile:
    """The profile `paper` (what the paper's tables need), `suite/profiles/<name>.toml`, or a TOML file by its path."""
    known = {path.stem: path for path in PROFILES.glob("*.toml")}
    if name == "paper":
        from suite.from_paper import find_paper, profile_of

        return replace(profile_of(find_paper(changes.get("paper"))), **changes)
    path = known.get(name) or Path(name)
    if not path.is_file():
        raise UserError(f"unknown profile {name!r}{nearest(name, [*known, 'paper'])} (a path to a TOML file works too)")
    table = read_toml(path, UserError)
    tables = {suite: table.pop(suite) for suite in suites() if suite in table}
    profile = records.read(Profile, table, str(path), UserError)
    profile = replace(profile, name=path.stem, tables=tables, **changes)
    for suite in tables:  # a typo in any table is an error, also of a suite that does not run now
        profile.settings_of(suite)
    return profile


def choose_profile(name: str | None, *, with_data: bool, suites: Sequence[str] | None, datasets: Sequence[str] | None,
                   metrics: Sequence[str] | None, variant: str | None, **changes: Any) -> Profile:
    """The profile of a command: by default the paper's where data or a paper is named, else the sample's.

    changes: fields of a Profile; None leaves what the profile says.
    """
    given = {key: value for key, value in changes.items() if value is not None}
    if suites is not None:
        given["suites"] = tuple(suites)
    profile = load_profile(name or ("paper" if with_data or "paper" in given else "sample"), **given)
    profile = profile.narrowed(None if datasets is None else tuple(datasets))
    return profile.with_metrics(None if metrics is None else tuple(metrics), variant)
