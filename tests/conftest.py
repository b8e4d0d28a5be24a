"""What all tests share: a cache of their own, and where the real data lies."""

from __future__ import annotations

import os
from pathlib import Path

# Before torch is imported, here and in every command that a test starts: on busy cores a small step on two threads
# takes many times as long as on one.
os.environ.setdefault("OMP_NUM_THREADS", "1")

import pytest


@pytest.fixture(scope="session", autouse=True)
def _own_cache(tmp_path_factory):
    """No test reads or fills the user's cache; processes that test side by side compile the kernels for one another."""
    before, own = os.environ.get("YEONMA_CACHE"), tmp_path_factory.getbasetemp()
    os.environ["YEONMA_CACHE"] = str((own.parent if "PYTEST_XDIST_WORKER" in os.environ else own) / "cache")
    yield
    if before is None:
        del os.environ["YEONMA_CACHE"]
    else:
        os.environ["YEONMA_CACHE"] = before


@pytest.fixture
def real_data() -> Path:
    """The folder of the real data sets, or a skip that says how to name it."""
    folder = os.environ.get("YEONMA_DATA")
    if not folder or not Path(folder).is_dir():
        pytest.skip("real data sets are wanted: set YEONMA_DATA to their folder")
    return Path(folder)
