"""The wiring: plan (which units), stages (how one is done), executors (where), command line; `run` in Python."""

from typing import Any

__all__ = ["run"]


def __getattr__(name: str) -> Any:
    """`suite.run`, imported when asked for: a worker or `--help` need not load every room."""
    if name == "run":
        from suite.api import run

        return run
    raise AttributeError(f"module 'suite' has no attribute {name!r}")
