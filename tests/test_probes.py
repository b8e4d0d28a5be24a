"""The sketch of the weights' path: linear, repeatable, and true to distances."""

from __future__ import annotations

import torch

from yeonma import probes


def test_it_is_linear_and_repeatable():
    a, b = torch.randn(37, 11), torch.randn(37, 11)
    together = probes.sketch("w", a + 2 * b)
    assert torch.allclose(together, probes.sketch("w", a) + 2 * probes.sketch("w", b), atol=1e-5)
    assert not torch.equal(probes.sketch("w", a.repeat(20, 1)), probes.sketch("v", a.repeat(20, 1)))


def test_small_weights_are_kept_whole():
    w = torch.arange(5.0)
    assert probes.sketch("bias", w)[:5].tolist() == w.tolist()


def test_squared_lengths_are_kept_on_average():
    torch.manual_seed(0)
    w = torch.randn(400, 256)
    ratios = [float(probes.sketch(f"name{i}", w).square().sum() / w.square().sum()) for i in range(50)]
    assert 0.9 < sum(ratios) / 50 < 1.1


def test_about_so_many_points_over_a_run():
    assert 30 <= sum(probes.due(step, 1000) for step in range(1, 1001)) <= 40
    assert probes.due(7, 7)
