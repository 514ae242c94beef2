"""Shared fixtures. IVFBENCH_REFERENCE names the folder with goldens, real data and weights."""

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def reference() -> Path:
    """The reference folder. Not set: the test is skipped and says so. Set but wrong: a failure."""
    value = os.environ.get("IVFBENCH_REFERENCE")
    if not value:
        pytest.skip("IVFBENCH_REFERENCE is not set: goldens, real data and weights are not at hand")
    path = Path(value).resolve()
    assert path.is_dir(), f"IVFBENCH_REFERENCE={value}: no such folder"
    return path


@pytest.fixture(params=["compiled", "torch"])
def way(request, monkeypatch):
    """Both ways of fusion.fast's functions: compiled code, where it runs, and what stands in for it."""
    from fusion.fast import extension, linear, pointwise

    if request.param == "torch":
        for module in (linear, pointwise):
            monkeypatch.setattr(module, "why_no_kernels", lambda: "not here")
    elif extension.why_no_kernels():
        pytest.skip(extension.why_no_kernels())


def pytest_collection_modifyitems(items):
    """Long tests first: the other workers do the rest meanwhile."""
    items.sort(key=lambda item: item.get_closest_marker("long") is None)
