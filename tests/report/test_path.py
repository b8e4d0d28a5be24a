"""The path's plane: distances kept, its end at the origin, one plane for runs of the same weights; norms by layer."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from builders import config, dataset
from yeonma.finetuning import train
from yeonma.report.path import norms, plane, principal_axes
from yeonma.run import Run


def written(folder, points, names=("head.weight", "table.weight"), weights=99) -> Run:
    """A run whose probes hold these points, cut into the sketches of some weights."""
    run = Run.create(folder, config())
    run.save_groups([{"name": "head", "weights": weights, "learning_rate": 0.1, "first_epoch": 1}])
    for step, point in enumerate(np.asarray(points, np.float32)):
        parts = np.split(point, len(names))
        run.save_probe(10 * step, {f"path.{name}": torch.tensor(part) for name, part in zip(names, parts, strict=True)})
    return run


def flat(*xy, turn: int = 0) -> np.ndarray:
    """Points of a plane somewhere in 512 dimensions."""
    axes = np.linalg.qr(np.random.default_rng(turn).normal(size=(512, 2)))[0].T
    return np.array(xy, float) @ axes + 3


@given(st.lists(st.tuples(st.integers(-50, 50), st.integers(-50, 50)), min_size=2, max_size=12), st.integers(0, 99))
@settings(deadline=None, max_examples=25)
def test_a_path_in_a_plane_keeps_its_distances(tmp_path_factory, xy, turn):
    run = written(tmp_path_factory.mktemp("run") / "run", flat(*xy, turn=turn))
    found = plane({"a": run})
    if len(set(xy)) == 1:
        assert found is None
        return
    drawn = found.points.select("x", "y").to_numpy()
    given_, seen = (np.linalg.norm(each[:, None] - each[None], axis=2) for each in (np.array(xy), drawn))
    assert np.allclose(given_, seen, atol=1e-4)
    assert drawn[-1].tolist() == [0, 0]
    assert found.points["step"].to_list() == [10 * number for number in range(len(xy))]
    assert sum(found.shares) == pytest.approx(1, abs=1e-6)
    assert np.ptp(drawn[:, 0]) > 0 and found.shares[0] >= found.shares[1]


def test_the_same_points_give_the_same_picture():
    points = np.random.default_rng(0).normal(size=(20, 30))
    axes, shares = principal_axes(points)
    mirrored, same = principal_axes(points[::-1])
    assert np.allclose(axes, mirrored) and shares == pytest.approx(same)
    assert np.allclose(axes @ axes.T, np.eye(2))
    variances = np.linalg.eigvalsh(np.cov(points.T))[::-1]
    assert shares == pytest.approx(variances[:2] / variances.sum())
    assert all(axis[np.abs(axis).argmax()] > 0 for axis in axes)


def test_runs_of_the_same_weights_share_a_plane(tmp_path):
    ways = {"sgd": [(0, 0), (3, 4), (8, 0)], "adam <b>": [(0, 0), (5, 5)]}
    runs = {name: written(tmp_path / str(number), flat(*xy)) for number, (name, xy) in enumerate(ways.items())}
    found = plane(runs).points
    assert found["run"].to_list() == ["sgd"] * 3 + ["adam <b>"] * 2
    x, y = found["x"].to_numpy(), found["y"].to_numpy()
    assert (x[2], y[2]) == (0, 0)
    assert np.allclose((x[0], y[0]), (x[3], y[3]), atol=1e-5)
    assert np.hypot(x[4] - x[2], y[4] - y[2]) == pytest.approx(np.hypot(3, 5), abs=1e-4)


def test_runs_of_other_weights_share_none(tmp_path):
    points = flat((0, 0), (1, 1))
    first = written(tmp_path / "a", points)
    assert plane({"a": first, "b": written(tmp_path / "b", points, names=("head.weight", "other"))}) is None
    assert plane({"a": first, "b": written(tmp_path / "c", points, weights=100)}) is None
    assert plane({"a": first, "b": written(tmp_path / "d", points)}) is not None


def test_a_run_without_a_path_is_left_out(tmp_path):
    empty = Run.create(tmp_path / "empty", config())
    assert plane({"a": empty}) is None
    assert plane({}) is None
    assert plane({"a": written(tmp_path / "one", flat((1, 1)))}) is None
    both = plane({"a": empty, "b": written(tmp_path / "two", flat((1, 1), (2, 5)))})
    assert set(both.points["run"]) == {"b"}


def test_a_point_that_is_not_finite_is_left_out(tmp_path):
    points = flat((0, 0), (1, 2), (9, 9))
    points[2, 7] = np.inf
    assert plane({"a": written(tmp_path / "run", points)}).points["step"].to_list() == [0, 10]


def test_norms_by_layer(tmp_path):
    run = Run.create(tmp_path / "run", config())
    assert norms(run).is_empty() and norms(run).columns == ["step", "layer", "gradient", "update"]
    run.save_probe(0, {"path.w": torch.ones(256)})
    numbers = {
        "grad_norm.head": 1.0,
        "grad_norm.layer 10": 2.0,
        "grad_norm.layer 9": 3.0,
        "grad_norm.embeddings": np.inf,
    }
    numbers |= {"update_norm.head": 0.5, "update_norm.embeddings": 0.25}
    run.save_probe(3, {name: torch.tensor([value]) for name, value in numbers.items()})
    assert norms(run).rows() == [
        (3, "embeddings", None, 0.25), (3, "layer 9", 3, None), (3, "layer 10", 2, None), (3, "head", 1, 0.5)
    ]  # fmt: skip


def test_a_run_has_a_path_and_norms(tmp_path):
    run = Run.create(tmp_path / "run", config(train__epochs=3))
    list(train(run.config(), run, dataset()))
    found = plane({"run": run})
    assert found.points["step"].to_list() == [step for step, _ in run.probes()]
    assert 0.5 < sum(found.shares) <= 1 + 1e-12
    shown = norms(run)
    assert {"head", "embeddings"} <= set(shown["layer"])
    assert shown.filter(layer="head")["gradient"].min() > 0
