"""The map of both ends: equal rows are one point, cosines are kept where the plane has room, words are well chosen."""

from __future__ import annotations

import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from yeonma.errors import ConfigError, MissingExtra
from yeonma.report.drift import Drift
from yeonma.report.projection import chosen, project

COLUMNS = ["word", "x_before", "y_before", "x_after", "y_after", "moved"]


def drift(rows: int = 40, width: int = 6, moved: tuple[int, ...] = (), seed: int = 0) -> Drift:
    """Row i of `moved` goes the further the later it stands there."""
    draw = np.random.default_rng(seed)
    before = draw.normal(size=(rows, width)).astype(np.float32)
    after = before.copy()
    for size, row in enumerate(moved, start=1):
        after[row] += size * draw.normal(size=width).astype(np.float32) / np.float32(width) ** 0.5 * 5
    return Drift(["<pad>", "<unk>", *(f"낱말{row}" for row in range(2, rows))], before, after)


def ends(found):
    points = found.points
    return points.select("x_before", "y_before").to_numpy(), points.select("x_after", "y_after").to_numpy()


@pytest.mark.parametrize("method", ["pca", "tsne"])
def test_what_did_not_move_is_one_point(method):
    if method == "tsne":
        pytest.importorskip("sklearn.manifold")
    for moved in ((), (5, 9, 30)):
        found = project(drift(moved=moved), method)
        assert found.points.columns == COLUMNS
        before, after = ends(found)
        away = [f"낱말{row}" for row in moved]
        still = ~found.points["word"].is_in(away).to_numpy()
        assert np.array_equal(before[still], after[still])
        assert np.linalg.norm(before - after, axis=1)[~still].all() and (~still).sum() == len(moved)
        assert (found.points["moved"].to_numpy() > 0).tolist() == (~still).tolist()
        assert np.isfinite(before).all() and len(np.unique(before, axis=0)) == len(before)
        assert (found.shares is None) == (method == "tsne")


@given(st.integers(0, 500))
@settings(deadline=None, max_examples=20)
def test_in_width_two_the_map_is_the_circle(seed):
    made = drift(20, 2, moved=(4, 7), seed=seed)
    found = project(made)
    unit = np.vstack([x[2:] / np.linalg.norm(x[2:], axis=1, keepdims=True) for x in (made.before, made.after)])
    drawn = np.vstack(ends(found))
    whole, seen = (np.linalg.norm(x[:, None] - x[None], axis=2) for x in (unit, drawn))
    assert np.allclose(whole, seen, atol=1e-5)
    assert sum(found.shares) == pytest.approx(1)


def test_a_word_that_only_grew_stays_on_the_map():
    before = drift().before
    found = project(Drift(drift().words, before, before * 2))
    assert np.allclose(*ends(found), atol=1e-6)
    assert found.points["moved"].to_numpy() == pytest.approx(np.linalg.norm(before[2:], axis=1), rel=1e-6)


def test_half_moved_most_and_half_are_the_first():
    made = drift(moved=(3, 39, 20, 0, 38, 25))
    most = made.furthest(4).tolist()
    assert len(most) == 4 and set(most) <= {3, 39, 20, 38, 25}  # row 0 is padding
    others = [row for row in range(2, 40) if row not in most]
    assert chosen(made, 8).tolist() == sorted(most + others[:4])
    assert len(chosen(made, 7)) == 7
    assert chosen(made, 1000).tolist() == list(range(2, 40))
    assert chosen(drift(), 8).tolist() == list(range(2, 10))


def test_the_same_table_gives_the_same_map():
    pytest.importorskip("sklearn.manifold")
    for method in ("pca", "tsne"):
        first, second = (project(drift(moved=(3, 4)), method) for _ in range(2))
        assert first.points.equals(second.points)


def test_neighbours_stay_together_by_tsne():
    pytest.importorskip("sklearn.manifold")
    draw = np.random.default_rng(0)
    middles = np.eye(10, dtype=np.float32)[[0, 4, 8]].repeat(20, axis=0)
    before = middles + 0.1 * draw.normal(size=middles.shape).astype(np.float32)
    after = before.copy()
    after[0] = before[25]
    found = project(Drift([f"낱말{row}" for row in range(60)], before, after), "tsne")
    first, last = ends(found)
    clumps = first.reshape(3, 20, 2)
    centres = clumps.mean(axis=1)
    nearest = np.linalg.norm(first[:, None] - centres[None], axis=2).argmin(axis=1)
    assert nearest.tolist() == [0] * 20 + [1] * 20 + [2] * 20
    assert np.linalg.norm(last[0] - centres, axis=1).argmin() == 1


@pytest.mark.parametrize("made", [drift(4), drift(40, 1), Drift(["가", "나", "다"], np.ones((3, 4)), np.ones((3, 4)))])
def test_where_there_is_nothing_to_draw(made):
    assert project(made) is None


def test_unknown_methods_are_named():
    with pytest.raises(ConfigError, match="not 'tnse'. Did you mean 'tsne'"):
        project(drift(), "tnse")


@pytest.mark.parametrize(
    ("method", "module", "package"), [("umap", "umap", "umap-learn"), ("tsne", "sklearn.manifold", "scikit-learn")]
)
def test_what_is_not_installed_is_said_with_its_extra(monkeypatch, method, module, package):
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(MissingExtra, match=rf"needs {package}. Install it with: pip install 'yeonma\[maps\]'"):
        project(drift(), method)


def test_umap_where_it_is_installed():
    pytest.importorskip("umap", reason="umap-learn is wanted: pip install 'yeonma[maps]'")
    found = project(drift(), "umap")
    assert np.array_equal(*ends(found))
    assert np.isfinite(ends(found)).all()
