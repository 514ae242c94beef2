"""What both rooms' settings share: values come from a profile's TOML, and are of the kind that the defaults show."""

import math
from dataclasses import fields
from typing import Any, ClassVar, Self

_KINDS = {bool: "true or false", int: "a whole number", float: "a number", str: "a text"}


class Settings:
    """Base of a room's frozen settings dataclass: `from_table`, and the checks that its __post_init__ is made of."""

    room: ClassVar[str]  # as messages name it
    error: ClassVar[type[Exception]]
    not_in_tables: ClassVar[tuple[str, ...]] = ()  # fields that no profile sets

    @classmethod
    def from_table(cls, table: dict) -> Self:
        """From a profile's table. Raises `error` for an unknown key."""
        known = [f.name for f in fields(cls) if f.name not in cls.not_in_tables]
        unknown = sorted(set(table) - set(known))
        if unknown:
            raise cls.error(f"unknown {cls.room} setting {', '.join(unknown)}; known: {', '.join(known)}")
        return cls(**table)

    def _require_kinds(self) -> None:
        wrong = wrong_kind(self)
        if wrong:
            self._require(wrong[0], False, wrong[1])

    def _require(self, name: str, holds: bool, expected: str) -> None:
        if not holds:
            raise self.error(f"{self.room} setting {name} = {getattr(self, name)!r}; expected {expected}")


def wrong_kind(settings: Any) -> tuple[str, str] | None:
    """(field, what is expected) for the first value of another kind than its default; None when there is none.

    A whole number is a number, true is none; a default of None stands for an optional text. A tuple may be a list of as
    many values of the first one's kind.
    """
    for field in fields(settings):
        value, default = getattr(settings, field.name), field.default
        if isinstance(default, tuple):
            kind = type(default[0])
            fine = isinstance(value, list | tuple) and len(value) == len(default) and all(_is(v, kind) for v in value)
            expected = f"a list of {len(default)}, each {_KINDS[kind]}"
        else:
            kind = str if default is None else type(default)
            fine = _is(value, kind) or (value is None and default is None)
            expected = _KINDS[kind]
        if not fine:
            return field.name, expected
    return None


def _is(value: Any, kind: type) -> bool:
    if kind is float:
        return type(value) in (int, float) and math.isfinite(value)
    return type(value) is kind
