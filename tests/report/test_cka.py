"""CKA against Song's formula and its invariances; few texts and wide layers; subspaces of tables."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from builders import config, dataset
from yeonma.finetuning import train
from yeonma.report import cka
from yeonma.report.cka import layers, linear_cka, subspace_overlap
from yeonma.run import Run


def normal(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def rotation(width: int, seed: int) -> np.ndarray:
    return np.linalg.qr(normal(width, width, seed=seed).astype(float))[0]


def song(x: np.ndarray, y: np.ndarray) -> float:
    """CKA of HSIC₁ as Song et al. 2012 write it in equation 5."""

    def hsic(a: np.ndarray, b: np.ndarray) -> float:
        k, m, n = (a @ a.T) * (1 - np.eye(len(a))), (b @ b.T) * (1 - np.eye(len(b))), len(a)
        one = np.ones(n)
        products = (one @ k @ one) * (one @ m @ one) / ((n - 1) * (n - 2)) - 2 / (n - 2) * (one @ k @ m @ one)
        return float(np.trace(k @ m) + products) / (n * (n - 3))

    return hsic(x, y) / np.sqrt(hsic(x, x) * hsic(y, y))


def plain(x: np.ndarray, y: np.ndarray) -> float:
    """CKA by the estimator with a bias (Kornblith et al. 2019)."""
    x, y = x - x.mean(0), y - y.mean(0)
    return float(np.square(x.T @ y).sum() / np.linalg.norm(x.T @ x) / np.linalg.norm(y.T @ y))


@given(st.integers(0, 1000), st.integers(4, 30), st.integers(1, 40), st.integers(1, 40), st.floats(0.01, 100))
@settings(deadline=None, max_examples=50)
def test_it_is_songs_and_stays_under_rotation_shift_and_scale(seed, n, p, q, scale):
    x = normal(n, p, seed=seed).astype(float)
    y = np.hstack([x[:, : q // 2], normal(n, q - min(p, q // 2), seed=seed + 1)])
    found = linear_cka(x, y)
    assert found == pytest.approx(song(x, y), abs=1e-8)
    assert found == pytest.approx(linear_cka(y, x), abs=1e-12)
    turned = scale * y @ rotation(y.shape[1], seed) + normal(y.shape[1], seed=seed + 2)
    assert linear_cka(x, turned) == pytest.approx(found, abs=1e-6)
    assert linear_cka(x, x) == pytest.approx(1, abs=1e-12)
    assert -1 <= found <= 1


def test_few_texts_do_not_make_wide_layers_alike():
    found = [linear_cka(normal(64, 300, seed=seed), normal(64, 300, seed=seed + 1000)) for seed in range(20)]
    assert abs(np.mean(found)) < 0.02
    assert max(map(abs, found)) < 0.1
    assert plain(normal(64, 300), normal(64, 300, seed=1000)) > 0.7


def test_noise_lowers_it_step_by_step():
    x, noise = normal(64, 100), normal(64, 100, seed=1)
    found = [linear_cka(x, x + share * noise) for share in (0, 0.5, 1, 2, 4)]
    assert found == sorted(found, reverse=True)
    assert found[0] == pytest.approx(1) and found[-1] < 0.2


@pytest.mark.parametrize(
    "states",
    [
        np.full((64, 5), 0.1), np.repeat(normal(1, 9), 64, axis=0), np.zeros((64, 3)), np.eye(64), normal(3, 5),
        np.full((64, 3), np.nan), normal(63, 5), np.zeros((0, 3)),
    ],
)  # fmt: skip
def test_where_nothing_varies_there_is_nothing_to_tell(states):
    assert linear_cka(states, normal(64, 5)) is None
    assert linear_cka(normal(64, 5), states) is None


def test_layers_stand_from_the_bottom_up_beside_step_0(tmp_path):
    run = Run.create(tmp_path / "run", config())
    names = ["pooled", "layer 10", "layer 2", "embeddings", "network"]
    start = {name: torch.tensor(normal(16, 6, seed=seed)) for seed, name in enumerate(names)}
    run.save_probe(0, {f"states.{name}": x for name, x in start.items()} | {"path.w": torch.ones(256)})
    run.save_probe(5, {"path.w": torch.ones(256)})
    later = {**start, "layer 2": start["layer 2"] * 3, "pooled": torch.ones(16, 6), "new": start["pooled"]}
    run.save_probe(10, {f"states.{name}": x for name, x in later.items()})
    found = layers(run)
    assert found.columns == ["layer", "step", "cka"]
    order = ["embeddings", "layer 2", "layer 10", "network", "pooled"]
    assert found.select("layer", "step").rows() == [(name, step) for name in order for step in (0, 10)]
    assert found["cka"].to_list() == [pytest.approx(1)] * 9 + [None]
    assert cka.texts(run) == 16


def test_without_states_there_is_an_empty_frame(tmp_path):
    run = Run.create(tmp_path / "run", config())
    assert layers(run).is_empty()
    assert cka.texts(run) == 0
    run.save_probe(0, {"path.w": torch.ones(256)})
    assert layers(run).columns == ["layer", "step", "cka"] and layers(run).is_empty()


def test_a_run_leaves_its_start(tmp_path):
    run = Run.create(tmp_path / "run", config(train__learning_rate=0.05))
    list(train(run.config(), run, dataset()))
    pooled = [row for row in layers(run).rows() if row[0] == "pooled"]
    assert pooled[0] == ("pooled", 0, pytest.approx(1))
    assert pooled[-1][1] > 0 and pooled[-1][2] < 0.99


@given(st.integers(0, 1000), st.integers(2, 12), st.data())
@settings(deadline=None, max_examples=30)
def test_the_overlap_is_that_of_the_singular_vectors(seed, width, data):
    k = data.draw(st.integers(1, width - 1))
    before, after = normal(40, width, seed=seed), normal(40, width, seed=seed + 1)
    spaces = [np.linalg.svd(table.astype(float), full_matrices=False)[2][:k] for table in (before, after)]
    cosines = np.linalg.svd(spaces[0] @ spaces[1].T)[1]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cka, "_ROWS", 16)
        assert subspace_overlap(before, after, k) == pytest.approx(np.mean(cosines**2), abs=1e-6)
    assert subspace_overlap(before, before, k) == pytest.approx(1)


def test_overlap_of_turned_and_of_random_tables():
    axes = np.diag([9, 8, 1, 1, 1, 1]).astype(np.float32)
    swapped = axes[:, [2, 1, 0, 3, 4, 5]]
    assert subspace_overlap(axes, swapped, 2) == pytest.approx(0.5)
    assert subspace_overlap(normal(500, 100), normal(500, 100, seed=1), 10) == pytest.approx(0.1, abs=0.05)


@pytest.mark.parametrize(
    ("table", "k"),
    [(np.zeros((5, 4)), 2), (normal(9, 1) @ normal(1, 4), 2), (normal(9, 4), 4), (normal(9, 4) * np.inf, 2)],
)
def test_a_table_without_so_many_directions(table, k):
    assert subspace_overlap(table, table, k) is None
