"""Made data and what is compared on it."""

from __future__ import annotations

from typing import Any

import pytest

from comparing_builders import write_data


@pytest.fixture
def base(tmp_path) -> dict[str, Any]:
    return write_data(tmp_path)
