"""Schedules: their shape, their ends, and what they refuse."""

import math
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from yeonma.errors import ConfigError
from yeonma.optim import SCHEDULES, multiplier, warmup_steps


@given(st.sampled_from(sorted(SCHEDULES)), st.integers(1, 300), st.data())
def test_rises_then_falls_and_never_stands_still_at_zero(schedule, total, data):
    warmup = data.draw(st.integers(0, total))
    values = [multiplier(schedule, step, total, warmup) for step in range(total + 3)]
    assert all(0 < value <= 1 for value in values)
    assert all(a < b for a, b in pairwise(values[:warmup]))
    assert all(a >= b for a, b in pairwise(values[warmup:total]))
    assert values[total - 1] == values[total] == values[total + 2]
    if warmup < total:
        assert values[warmup] == 1


def test_known_values():
    assert [multiplier("linear", step, 6, 2) for step in range(6)] == [1 / 3, 2 / 3, 1, 0.75, 0.5, 0.25]
    assert multiplier("cosine", 5, 8, 2) == pytest.approx(0.5)
    assert multiplier("cosine", 7, 8) == pytest.approx((1 + math.cos(math.pi * 7 / 8)) / 2)
    assert multiplier("constant", 99, 100) == 1


def test_warmup_ratio():
    assert [warmup_steps(ratio, 50) for ratio in (0, 0.1, 0.06, 1)] == [0, 5, 3, 50]
    with pytest.raises(ConfigError, match=r"0 to 1; got 1\.5"):
        warmup_steps(1.5, 10)


@pytest.mark.parametrize("arguments", [(-1, 10, 0), (0, 0, 0), (0, 10, 11), (0, 10, -1)])
def test_steps_that_do_not_fit_are_refused(arguments):
    with pytest.raises(ConfigError, match="0 ≤ warmup ≤ total"):
        multiplier("linear", *arguments)


def test_an_unknown_schedule_names_the_nearest():
    with pytest.raises(ConfigError, match="Did you mean 'cosine'"):
        multiplier("cosin", 0, 10)
