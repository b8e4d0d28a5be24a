"""What the tests of the optimizers share: one cache of kernels, and both ways to make a step."""

import pytest
import torch


@pytest.fixture(scope="session")
def kernel_cache(tmp_path_factory):
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(autouse=True)
def _one_cache(kernel_cache, monkeypatch):
    monkeypatch.setenv("YEONMA_CACHE", str(kernel_cache))


@pytest.fixture(params=["kernels", "torch ops"])
def engine(request, monkeypatch):
    monkeypatch.setenv("YEONMA_KERNELS", "on" if request.param == "kernels" else "off")
    return request.param


@pytest.fixture
def double():
    """Float64 as torch's default: torch.optim then keeps its own scalar state in float64 too."""
    torch.set_default_dtype(torch.float64)
    yield torch.float64
    torch.set_default_dtype(torch.float32)
