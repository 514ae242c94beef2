"""Numbers in label files."""

import math
from typing import Any


def number(value: Any) -> float:
    """A finite number. ValueError or TypeError for anything else, Python's own spellings (1_0, True) included."""
    if isinstance(value, bool) or (isinstance(value, str) and "_" in value):
        raise ValueError(f"{value!r} is no number")
    found = float(value)
    if not math.isfinite(found):
        raise ValueError(f"{value} is not finite")
    return found
