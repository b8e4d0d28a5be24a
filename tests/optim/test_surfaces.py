"""Surfaces and the paths on them."""

import re

import numpy as np
import pytest
import torch

from yeonma.errors import ConfigError
from yeonma.optim import SURFACES, get_surface, make, trace
from yeonma.optim.rules import rules

surfaces = pytest.mark.parametrize("surface", SURFACES.values(), ids=lambda s: s.name)


@surfaces
def test_gradient_equals_finite_differences(surface):
    x, y = np.random.default_rng(0).uniform(-1.5, 1.5, (2, 50))
    step = 1e-6
    along_x = (surface.value(x + step, y) - surface.value(x - step, y)) / (2 * step)
    along_y = (surface.value(x, y + step) - surface.value(x, y - step)) / (2 * step)
    np.testing.assert_allclose(surface.gradient(x, y), (along_x, along_y), rtol=1e-6, atol=1e-6)


@surfaces
def test_minimum_is_flat_and_lowest_in_the_picture(surface):
    left, right, low, high = surface.box
    assert left <= surface.start[0] <= right
    assert low <= surface.start[1] <= high
    if surface.minimum is not None:
        np.testing.assert_allclose(surface.gradient(*surface.minimum), 0, atol=1e-12)
        grid = surface.value(*np.meshgrid(np.linspace(left, right, 101), np.linspace(low, high, 101)))
        assert surface.value(*surface.minimum) == pytest.approx(0, abs=1e-15)
        assert grid.min() >= 0


@pytest.mark.parametrize("name", list(rules()))
@pytest.mark.parametrize("form", ["deck", "torch"])
def test_a_path_is_the_optimizer_s(name, form):
    surface = get_surface("beale")
    path = trace(name, surface, lr=1e-3, steps=30, form=form)
    weight = torch.nn.Parameter(torch.tensor(surface.start, dtype=torch.float64))
    optimizer = make(name, [weight], lr=1e-3, form=form)
    assert path.shape == (31, 2)
    for point in path[1:]:
        weight.grad = torch.tensor(surface.gradient(*weight.tolist()), dtype=torch.float64)
        optimizer.step()
        np.testing.assert_allclose(point, weight.tolist(), rtol=1e-11)


def test_start_and_settings_may_be_given():
    path = trace("momentum", "bowl", start=(2, 1), lr=0.5, steps=2, m=0.5)
    # v = −(1, 0.5), w = (1, 0.5); v = −(0.5, 0.25) − (0.5, 0.25), w = (0, 0)
    assert path.tolist() == [[2, 1], [1, 0.5], [0, 0]]


def test_a_path_that_diverges_says_so_without_a_warning():
    path = trace("gd", "rosenbrock", lr=1.0, steps=50)
    assert not np.isfinite(path[-1]).all()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: trace("adam", "bowls"), "Did you mean 'bowl'?"),
        (lambda: trace("adam", "bowl", weight_decay=0.1), "no weight_decay"),
        (lambda: trace("adam", "bowl", bta1=0.1), "Did you mean 'beta1'?"),
        (lambda: trace("adams", "bowl"), "Did you mean 'adam'?"),
    ],
)
def test_what_is_unknown_is_refused(call, message):
    with pytest.raises(ConfigError, match=re.escape(message)):
        call()
