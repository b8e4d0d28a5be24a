"""The kernels: made from the rules, never stale, whole after a crash, exact about NaN, equal on every thread count."""

import os
import subprocess
import sys
from importlib import import_module, invalidate_caches, reload

import pytest
import torch
from torch import nn

from yeonma.files import cache_folder
from yeonma.optim import get, kernels, make
from yeonma.optim.registry import RULES

MINE = """
from yeonma.optim import rule
from yeonma.optim.rules import sqrt

@rule("Mine", lr=0.5, parents={"sgd": "…"}, paper="none", n=0.0)
def mine(g, s, t, lr, *, floor=1.0):
    '''Δ = −α g / √(g² + floor)'''
    n = s.n + 1 + 0 * g
    return -lr * FACTOR * g / sqrt(g * g + floor), s._replace(n=n)
"""


@pytest.fixture
def own_rule(tmp_path, monkeypatch):
    """Write the rule's file with a factor, import it, and give the weight that one step from 0 along g = 1 leads to."""
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
        make("mine", [weight], floor=3.0).step()
        return weight[0].item()

    yield stepped
    RULES.pop("mine", None)
    sys.modules.pop("my_rules", None)


def test_an_edited_rule_gives_another_kernel(own_rule):
    assert own_rule("1") == -0.25
    assert own_rule("2") == -0.5
    assert own_rule("1") == -0.25
    files = sorted(path.name for path in (cache_folder() / "kernels").glob("*.py"))
    assert len(files) == 2
    assert all(name.startswith("mine-") for name in files)


def reread(name):
    """The kernel of a rule's deck form as another process would get it, and its numba statistics."""
    kernel = kernels.load.__wrapped__(get(name).form("deck"), "float32")
    return kernel, kernel.stats


def works(kernel):
    import numpy as np

    weight = np.zeros(2, np.float32)
    kernel(np.array([1, 0, -0.5], np.float32), weight, np.ones(2, np.float32))
    return weight.tolist() == [-0.5, -0.5]


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


@pytest.mark.parametrize("name", ["sgd", "adagrad", "adam"])
def test_nan_and_infinity_are_seen_in_the_weights(name, monkeypatch):
    def run():
        weight = nn.Parameter(torch.ones(40))
        weight.grad = torch.full((40,), 0.5)
        weight.grad[:4] = torch.tensor([float("nan"), float("inf"), -float("inf"), 0.0])
        make(name, [weight]).step()
        return weight.detach()

    by_kernel = run()
    monkeypatch.setenv("YEONMA_KERNELS", "off")
    assert torch.equal(by_kernel.isfinite(), run().isfinite())
    assert by_kernel[0].isnan()
    assert not by_kernel[1:3].isfinite().any()
    assert by_kernel[3:].isfinite().all()


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_threads_change_no_bit(dtype):
    def run(threads):
        torch.set_num_threads(threads)
        torch.manual_seed(0)
        weight = nn.Parameter(torch.randn(3 * kernels.SHARE + 77, dtype=dtype))
        optimizer = make("adam", [weight], weight_decay=0.1)
        for _ in range(2):
            weight.grad = weight.detach().sin()
            optimizer.step()
        return weight.detach()

    before = torch.get_num_threads()
    try:
        assert torch.equal(run(1), run(3))
    finally:
        torch.set_num_threads(before)


def test_switched_off_means_not_taken(monkeypatch):
    weight, form = torch.zeros(3), get("sgd").form("deck")
    assert kernels.takes(form, weight, weight, {})
    assert not kernels.takes(form, weight.half(), weight.half(), {})
    assert not kernels.takes(form, weight.to("meta"), weight.to("meta"), {})
    monkeypatch.setenv("YEONMA_KERNELS", "off")
    assert not kernels.takes(form, weight, weight, {})


def test_numba_is_not_imported_before_the_first_step():
    program = "import sys, yeonma.optim; sys.exit('numba' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], env=os.environ, check=False).returncode == 0
