"""Learning rates are the best of the grid by the criterion that the pictures state."""

from itertools import pairwise

import numpy as np
import pytest

from yeonma.optim.rules import rules
from yeonma.optim.surfaces import SURFACES, get_surface, trace
from yeonma.pictures.tuning import LIMIT, RATES, STEPS, tune


def test_every_rule_walks_every_surface(chosen):
    assert list(chosen) == list(SURFACES)
    assert all(list(paths) == list(rules()) for paths in chosen.values())


def test_the_grid_is_even_on_a_log_scale_and_no_rate_lies_at_its_edge(chosen):
    assert (RATES[0], RATES[-1], len(RATES)) == (1e-4, 1e3, 57)
    np.testing.assert_allclose(np.diff(np.log10(RATES)), 1 / 8, atol=2e-3)
    rates = {path.rate for paths in chosen.values() for path in paths.values()}
    assert rates <= set(RATES[1:-1])


@pytest.mark.parametrize(("rule", "surface"), [("momentum", "ravine"), ("adam", "beale"), ("gd", "saddle")])
def test_no_rate_of_the_grid_does_better(chosen, rule, surface):
    """The criterion written again, on one path at a time."""
    ground = get_surface(surface)
    left, right, low, high = ground.box
    costs = {}
    for rate in RATES:
        points = list(trace(rule, surface, lr=rate, steps=STEPS))
        out = [i for i, (x, y) in enumerate(points) if not (left <= x <= right and low <= y <= high)]
        end = out[0] if out else STEPS
        if max(np.hypot(*(b - a)) for a, b in pairwise(points[: end + 1])) > LIMIT * (right - left):
            continue
        kept = points[:end] + [np.clip(points[end], (left, low), (right, high))] * (STEPS + 1 - end)
        heights = [ground.value(*point) for point in kept]
        away = [np.hypot(*(point - (ground.minimum or (0, 0)))) for point in kept]
        costs[rate] = np.mean(away if ground.minimum else heights)
    assert costs[chosen[surface][rule].rate] == pytest.approx(min(costs.values()), rel=0.01)


def test_a_step_is_never_a_leap(chosen):
    for name, paths in chosen.items():
        left, right, *_ = get_surface(name).box
        assert all(path.walk.longest <= LIMIT * (right - left) for path in paths.values())


def test_several_rates_walk_as_each_alone():
    rates = [0.01, 0.1, 1.0]
    for rule in rules():
        together = trace(rule, "beale", lr=rates, steps=20)
        assert together.shape == (3, 21, 2)
        for rate, path in zip(rates, together, strict=True):
            alone = trace(rule, "beale", lr=rate, steps=20)
            finite = np.isfinite(alone).all(axis=1) & (np.abs(alone).max(axis=1) < 1e3)
            np.testing.assert_allclose(path[finite], alone[finite], rtol=1e-9)


def test_a_newcomer_is_tuned_like_the_others(newcomer):
    path = tune(newcomer, get_surface("bowl"))
    assert path.rate in RATES
    assert path.walk.arrived is not None or path.walk.points[-1] == pytest.approx((0, 0), abs=0.5)
