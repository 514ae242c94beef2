"""What the tests of compiled code share: where they run, and the same call by several numbers of threads."""

from collections.abc import Callable
from typing import Any

import pytest
import torch

from fusion.fast import extension

needs_kernels = pytest.mark.skipif(bool(extension.why_no_kernels()), reason=extension.why_no_kernels() or "it runs")


def by_threads(call: Callable[[], Any], *counts: int) -> list[Any]:
    """What it makes by each number of threads."""
    before, found = torch.get_num_threads(), []
    try:
        for count in counts:
            torch.set_num_threads(count)
            found.append(call())
    finally:
        torch.set_num_threads(before)
    return found
