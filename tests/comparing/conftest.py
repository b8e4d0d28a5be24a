"""Made data and what is compared on it."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from comparing_builders import write_data


@pytest.fixture(scope="module", autouse=True)
def _one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def base(tmp_path) -> dict[str, Any]:
    return write_data(tmp_path)
