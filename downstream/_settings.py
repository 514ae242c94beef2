"""What both rooms' settings share: values come from a profile's TOML, and are of the kind that the defaults show."""

import math
from dataclasses import fields
from typing import Any

_KINDS = {bool: "true or false", int: "a whole number", float: "a number", str: "a text"}


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
