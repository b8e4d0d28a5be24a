"""Paths stop where they leave the picture, and arrive where they stay near the minimum."""

import numpy as np
import pytest

from yeonma.optim.surfaces import get_surface, trace
from yeonma.pictures.walks import NEAR, visible, walk, width

BOWL = get_surface("bowl")  # −5 … 5, −4 … 4, minimum at 0


def path(*points):
    return np.array(points, float)


def test_a_path_that_leaves_ends_on_the_edge():
    taken = walk(path((-4, 3), (0, 2), (10, -3), (0, 0)), BOWL)
    assert taken.left == 2
    assert taken.arrived is None
    np.testing.assert_allclose(taken.points, [(-4, 3), (0, 2), (5, -0.5)])


@pytest.mark.parametrize("beyond", [(np.nan, np.nan), (np.inf, 0), (1e300, -1e300)])
def test_a_path_that_diverges_is_cut_and_finite(beyond):
    taken = walk(path((-4, 3), (0, 2), beyond), BOWL)
    assert taken.left == 2
    assert np.isfinite(taken.points).all()
    assert (np.abs(taken.points) <= (5, 4)).all()


def test_a_path_arrives_where_it_stays():
    near = NEAR * width(BOWL)
    inside, outside = (near * 0.9, 0), (near * 1.1, 0)
    assert walk(path((-4, 3), inside, outside, inside, inside), BOWL).arrived == 3
    assert walk(path((-4, 3), inside, outside), BOWL).arrived is None


def test_without_a_minimum_nothing_arrives():
    saddle = get_surface("saddle")
    assert walk(path(saddle.start, (0, 0), (0, 0)), saddle).arrived is None


def test_the_longest_step_counts_the_one_that_leaves():
    assert walk(path((-4, 3), (-4, 2), (-4, -18)), BOWL).longest == 20


def test_visible_points_lie_apart_and_keep_the_start():
    taken = walk(trace("gd", "bowl", steps=300), BOWL)
    seen = visible(taken, BOWL)
    assert 2 < len(seen) < 40
    assert (np.hypot(*np.diff(seen, axis=0).T) > width(BOWL) / 400).all()
    assert tuple(seen[0]) == BOWL.start
