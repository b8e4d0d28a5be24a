"""What the tests of data share: no data set is found but those a test puts there."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def _own_places(request, monkeypatch, tmp_path):
    """A cache of this test alone, and YEONMA_DATA only where the real data are asked for."""
    monkeypatch.setenv("YEONMA_CACHE", str(tmp_path / "cache"))
    if "real_data" not in request.fixturenames:
        monkeypatch.delenv("YEONMA_DATA", raising=False)


@pytest.fixture
def write(tmp_path):
    """Writes a file under the test's folder, text as UTF-8; returns its path."""

    def write(name: str, content: str | bytes) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return write
