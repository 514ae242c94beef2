"""Method objects handed over in Python: any object with fuse(ir, vi), or a function, becomes a method of the run."""

import inspect
import pickle
import sys
import uuid
from collections.abc import Callable
from typing import Any

import numpy as np

from core.files import sha256_of
from core.names import is_name
from core.source import ROOMS, source_hash
from fusion.method import Card, Method
from suite.errors import UserError


class FunctionMethod(Method):
    """A function (ir, vi) -> fused, or another object's `fuse`, as a method. Arrays as in `Method.fuse`."""

    def __init__(self, name: str, fuse: Callable[[np.ndarray, np.ndarray], np.ndarray], origin: Any):
        self.card = Card(name=name, title=name, kind="brought", task=("ivf", "mif"), paper="",
                         recipe={"released": f"object of {type(origin).__module__}.{type(origin).__qualname__}"},
                         parity="as it was handed over")
        self._fuse, self.origin = fuse, origin
        super().__init__()

    def fuse(self, ir: np.ndarray, vi: np.ndarray) -> np.ndarray:
        return np.asarray(self._fuse(ir, vi), dtype=np.float32)


def as_method(thing: Any) -> Method:
    """`thing` as a method: a Method as it is; else an object with `fuse` or a function, named by its `name` or itself.

    Raises UserError for anything else, and for a name that cannot be part of a path.
    """
    if isinstance(thing, Method):
        return thing
    fuse = getattr(thing, "fuse", thing)
    if not callable(fuse):
        raise UserError(f"methods: {thing!r} is no name, no NAME=FOLDER and has no fuse(ir, vi)")
    name = getattr(thing, "name", None) or getattr(thing, "__name__", None) or type(thing).__name__.lower()
    if not is_name(str(name)):
        raise UserError(f"methods: {name!r} cannot name a method: letters, digits, '_', '-', '.' or '+' only; give the "
                        "object a `name`")
    return FunctionMethod(str(name), fuse, thing)


def code_of(method: Method) -> str:
    """Hash of a method object's source and state; a new one every time where they cannot be told.

    Results of an object whose source or state is unknown are never taken for done.
    """
    origin = method.origin if isinstance(method, FunctionMethod) else method
    try:
        return sha256_of([_source(origin), _state(origin)])
    except (OSError, TypeError, AttributeError, pickle.PicklingError, RecursionError):
        return uuid.uuid4().hex


def _source(origin: Any) -> str:
    thing = origin if inspect.isroutine(origin) else type(origin)
    module = sys.modules.get(thing.__module__)
    if thing.__module__.partition(".")[0] in ROOMS:
        return source_hash([thing.__module__])
    # a notebook's or interpreter's module has no file: the thing itself is its source
    return inspect.getsource(module if module is not None and getattr(module, "__file__", None) else thing)


def _state(origin: Any) -> str:
    if inspect.isfunction(origin):
        cells = [cell.cell_contents for cell in origin.__closure__ or ()]
        return pickle.dumps([cells, origin.__defaults__]).hex()
    return pickle.dumps(vars(origin) if hasattr(origin, "__dict__") else None).hex()
