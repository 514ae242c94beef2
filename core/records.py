"""One reader and one writer for everything that is a frozen dataclass on one side and TOML or JSON on the other.

Settings of profiles, recipes and trainings, descriptions of data sets and papers, and the records of a run are read
here: an unknown key, a missing one or a value of another type is one line that names the file, the key and the nearest
known name. Fields are annotated with bool, int, float, str, Literal, None, tuple[X, ...], tuple[X, Y], Mapping[str, X],
dataclasses, unions of these, or Any.
"""

import dataclasses
import math
import types
from collections.abc import Mapping
from functools import cache
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from core.errors import IvfbenchError
from core.names import nearest

T = TypeVar("T")
_WORDS: dict[Any, str] = {bool: "true or false", int: "a whole number", float: "a number", str: "a text",
                          type(None): "nothing"}


_PLAIN = frozenset({bool, int, float, str, type(None)})  # nothing to look into: a run's records hold millions


class _Mismatch(Exception):
    """A value of another type than its field's; turned into the caller's error."""


def read(cls: type[T], table: Any, where: str, error: type[IvfbenchError] = IvfbenchError) -> T:
    """`table` (of TOML or JSON) as a `cls`, with every value checked against its field's annotation.

    Args:
        cls: a dataclass. Fields with metadata {"read": False} are no keys of a table.
        where: names the table in messages, e.g. "my.toml, [ivf]".
    Raises `error`: no table; an unknown or missing key; a value of another type. ValueErrors of __post_init__ get
    `where` in front and become `error`.
    """
    if not isinstance(table, Mapping):
        raise error(f"{where}: {_shown(table)}; expected a table")
    kind: Any = cls
    hints, fields = _hints(kind), _fields(kind)
    unknown = [key for key in table if key not in fields]
    if unknown:
        raise error(f"{where}: unknown key {unknown[0]!r}{nearest(unknown[0], fields)}")
    values: dict[str, Any] = {}
    for name, field in fields.items():
        if name in table:
            try:
                values[name] = _value(hints[name], table[name], f"{where}, {name}", error)
            except _Mismatch as fault:
                raise error(f"{where}: {name} = {_shown(table[name])}; expected {fault}") from None
        elif field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING:
            raise error(f"{where}: key {name!r} is missing; it has {', '.join(map(str, table)) or 'no keys'}")
    try:
        return cls(**values)
    except ValueError as fault:
        if str(fault).startswith(where):
            raise
        raise error(f"{where}: {fault}") from fault


def write(record: Any) -> Any:
    """A dataclass (or tuple, mapping, value) as JSON-able content; the reverse of `read`. Fields keep their order."""
    if type(record) in _PLAIN:
        return record
    if dataclasses.is_dataclass(record) and not isinstance(record, type):
        return {name: write(getattr(record, name)) for name in _fields(type(record))}
    if isinstance(record, Mapping):
        return {key: value if type(value) in _PLAIN else write(value) for key, value in record.items()}
    if isinstance(record, tuple | list):
        return [value if type(value) in _PLAIN else write(value) for value in record]
    return record


@cache
def _hints(cls: Any) -> dict[str, Any]:
    return get_type_hints(cls)


@cache
def _fields(cls: Any) -> dict[str, "dataclasses.Field[Any]"]:
    return {field.name: field for field in dataclasses.fields(cls) if field.init and field.metadata.get("read", True)}


def _value(hint: Any, value: Any, where: str, error: type[IvfbenchError]) -> Any:
    """`value` as `hint` says. Raises _Mismatch with the words for what is expected."""
    origin = get_origin(hint)
    if hint is Any:
        return value
    if dataclasses.is_dataclass(hint) and isinstance(hint, type):
        if not isinstance(value, Mapping):
            raise _Mismatch("a table")
        return read(hint, value, where, error)
    if origin in (Union, types.UnionType):
        return _one_of(get_args(hint), value, where, error)
    if origin is Literal:
        if not any(value == choice and type(value) is type(choice) for choice in get_args(hint)):
            close = nearest(value, get_args(hint)) if isinstance(value, str) else ""
            raise _Mismatch(f"one of {', '.join(map(repr, get_args(hint)))}{close if 'mean' in close else ''}")
        return value
    if origin is tuple:
        return _tuple(get_args(hint), value, where, error)
    if origin is not None and isinstance(origin, type) and issubclass(origin, Mapping):
        if not isinstance(value, Mapping) or not all(isinstance(key, str) for key in value):
            raise _Mismatch("a table")
        inner = get_args(hint)[1]
        if inner is Any:
            return dict(value)
        types_of = _plain_types(inner)
        return {key: tuple(item) if types_of and type(item) is list and tuple(map(type, item)) == types_of
                else _inner(inner, item, f"{where}.{key}", error) for key, item in value.items()}
    return _plain(hint, value)


@cache
def _plain_types(hint: Any) -> tuple[type, ...]:
    """The types of a tuple of texts and whole numbers, () for any other hint: what fits is then seen at a glance."""
    inner = get_args(hint) if get_origin(hint) is tuple else ()
    return inner if all(one in (str, int) for one in inner) else ()


def _inner(hint: Any, value: Any, where: str, error: type[IvfbenchError]) -> Any:
    try:
        return _value(hint, value, where, error)
    except _Mismatch as fault:
        raise error(f"{where} = {_shown(value)}; expected {fault}") from None


def _one_of(choices: tuple[Any, ...], value: Any, where: str, error: type[IvfbenchError]) -> Any:
    expected = []
    for choice in choices:
        try:
            return _value(choice, value, where, error)
        except _Mismatch as fault:
            expected.append(str(fault))
    raise _Mismatch(" or ".join(dict.fromkeys(expected)))


def _tuple(inner: tuple[Any, ...], value: Any, where: str, error: type[IvfbenchError]) -> tuple[Any, ...]:
    if not isinstance(value, list | tuple):
        raise _Mismatch("a list")
    if inner == (Any, ...):
        return tuple(value)
    if len(inner) == 2 and inner[1] is Ellipsis:
        inner = (inner[0],) * len(value)
    elif len(inner) != len(value):
        raise _Mismatch(f"a list of {len(inner)}")
    return tuple(_inner(hint, item, f"{where}[{place}]", error) for place, (hint, item) in
                 enumerate(zip(inner, value, strict=True)))


def _plain(hint: Any, value: Any) -> Any:
    """A whole number is a number too; true is none of both; nan and infinities are no settings."""
    if hint is float and type(value) is int:
        return float(value)
    if type(value) is not hint or (hint is float and not math.isfinite(value)):
        raise _Mismatch(_WORDS.get(hint, getattr(hint, "__name__", str(hint))))
    return value


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."
