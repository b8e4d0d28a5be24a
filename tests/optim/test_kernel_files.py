"""Kernels as files: made from the rules, never stale, whole after a crash."""

import os
import subprocess
import sys
from importlib import import_module, invalidate_caches, reload

import numpy as np
import pytest
import torch
from torch import nn

from yeonma.files import cache_folder
from yeonma.optim import get, kernel_files, make
from yeonma.optim.registry import RULES

MINE = """
from yeonma.optim import rule
from yeonma.optim.rules import sqrt

@rule("Mine", lr=0.5, parents={"sgd": "…"}, paper="none", n=0.0, i=0.0)
def mine(g, s, t, lr, *, floor=1.0):
    '''Δ = −α g / √(g² + floor)'''
    max = s.n + 1 + 0 * g
    return -lr * FACTOR * g / sqrt(g * g + floor), s._replace(n=max, i=s.i - g)
"""


@pytest.fixture
def own_rule(tmp_path, monkeypatch):
    """Write the rule's file with a factor, import it, and give the weight that one step from 0 along g = 1 leads to.

    The names of its slots and variables are also those that a kernel would use for things of its own.
    """
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setenv("YEONMA_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)

    def stepped(factor):
        RULES.pop("mine", None)
        (tmp_path / "my_rules.py").write_text(MINE.replace("FACTOR", factor), encoding="utf-8")
        invalidate_caches()
        reload(sys.modules["my_rules"]) if "my_rules" in sys.modules else import_module("my_rules")
        weight = nn.Parameter(torch.zeros(3))
        weight.grad = torch.ones(3)
        optimizer = make("mine", [weight], floor=3.0)
        optimizer.step()
        state = optimizer.state[weight]
        assert (state["n"][0], state["i"][0]) == (1, -1)
        return weight[0].item()

    yield stepped
    RULES.pop("mine", None)
    sys.modules.pop("my_rules", None)


def test_an_edited_rule_gives_another_kernel(own_rule):
    assert own_rule("1") == -0.25
    assert own_rule("2") == -0.5
    assert own_rule("1") == -0.25
    files = sorted(path.name for path in (cache_folder() / "kernels").glob("mine-*.py"))
    assert len(files) == 2


def reread(name):
    """The kernel of a rule's deck form as another process would get it, and its numba statistics."""
    kernel = kernel_files.load.__wrapped__(get(name).form("deck"), np.dtype("float32"))
    return kernel, kernel.stats


def works(kernel):
    gradient, weight = np.ones(5, np.float32), np.zeros(5, np.float32)
    clock = np.zeros(2, np.float32)
    table = np.array([[2, gradient.ctypes.data, weight.ctypes.data, clock.ctypes.data]])
    kernel(np.empty(0, np.float32), table, 0, 1, 1.0, 0.0, -0.5, 3.0)
    return weight.tolist() == [-0.5, -0.5, 0, 0, 0] and clock.tolist() == [3, 0]


def test_machine_code_is_read_from_the_disk(monkeypatch, tmp_path):
    monkeypatch.setenv("YEONMA_CACHE", str(tmp_path))
    _, first = reread("sgd")
    kernel, second = reread("sgd")
    assert sum(first.cache_misses.values()) == 1
    assert sum(second.cache_hits.values()) == 1
    assert works(kernel)


@pytest.mark.parametrize("ending", ["*.nbi", "*.nbc", "*.py"])
@pytest.mark.parametrize("left", [0, 20])
def test_a_file_cut_short_by_a_crash_is_made_again(monkeypatch, tmp_path, ending, left):
    monkeypatch.setenv("YEONMA_CACHE", str(tmp_path))
    reread("sgd")
    cut = list((tmp_path / "kernels").rglob(ending))
    assert cut
    for path in cut:
        path.write_bytes(path.read_bytes()[:left])
    kernel, _ = reread("sgd")
    assert works(kernel)


def test_a_cache_that_cannot_be_written_is_done_without(monkeypatch, tmp_path):
    (tmp_path / "file").write_text("in the way", encoding="utf-8")
    monkeypatch.setenv("YEONMA_CACHE", str(tmp_path / "file"))
    kernel, _ = reread("sgd")
    assert works(kernel)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_numbers_are_read_by_address(dtype):
    clockwork = kernel_files.clockwork()
    numbers, found = np.array([3.5, 3.5, 7.0], dtype), np.empty(2, dtype)
    addresses = numbers.ctypes.data + numbers.itemsize * np.arange(3)
    assert clockwork.read(addresses[:2], found)
    assert not clockwork.read(addresses[1:], found)
    assert found.tolist() == [3.5, 7.0]


HEAVY = """
import sys, torch, yeonma.optim
weight = torch.nn.Parameter(torch.ones(2))
optimizer = yeonma.optim.Adam([weight])
assert "numba" not in sys.modules
weight.grad = torch.ones(2)
optimizer.step()
optimizer.load_state_dict(optimizer.state_dict())
optimizer.zero_grad()
assert "torch._dynamo" not in sys.modules
"""


def test_heavy_libraries_wait_until_they_are_needed():
    assert subprocess.run([sys.executable, "-c", HEAVY], env=os.environ, check=False).returncode == 0
