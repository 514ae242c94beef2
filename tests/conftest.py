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


def pytest_collection_modifyitems(items):
    """Long tests first: the other workers do the rest meanwhile."""
    items.sort(key=lambda item: item.get_closest_marker("long") is None)
