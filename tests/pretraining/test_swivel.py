"""Swivel: costs and gradients by hand, shards that hold the matrix, what is planted is learned, the same bits again."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from yeonma.errors import ConfigError, DataError
from yeonma.pretraining import Corpus, encode
from yeonma.pretraining.cooccurrence import PAIR, Cooccurrences
from yeonma.pretraining.shards import write_shards
from yeonma.pretraining.swivel import Swivel, log_sums
from yeonma.pretraining.work import Work
from yeonma.text.tokenizers import Whitespace

GROUPS = (["사과", "배", "포도", "딸기", "수박"], ["기차", "버스", "택시", "비행기", "배편"])


MANY = tuple([f"{name}{number}" for number in range(35)] for name in "ab")
"""Words of two groups, in more than two shards of the smallest size."""


def planted(texts: int = 1000, length: int = 8, groups=GROUPS) -> Corpus:
    rng = np.random.default_rng(0)
    both = [word for group in groups for word in group]
    pools = [group * 9 + both for group in groups]
    return encode((" ".join(rng.choice(pools[number % 2], length)) for number in range(texts)), Whitespace())


def train(folder, corpus, **settings):
    folder.mkdir(exist_ok=True)
    return Swivel(**({"dim": 8, "epochs": 100, "seed": 1} | settings)).train(corpus, Work(folder))


def counted(folder, matrix: np.ndarray) -> Cooccurrences:
    """A symmetric matrix as counts on disk."""
    places = [(i, j, matrix[i, j]) for i in range(len(matrix)) for j in range(i, len(matrix)) if matrix[i, j]]
    np.array(places, PAIR).tofile(folder / "pairs.bin")
    return Cooccurrences(folder / "pairs.bin", len(places), matrix.sum(axis=1))


def test_the_costs_of_a_pair_by_hand():
    """Three pairs: never met, met four times and half a time."""
    z = torch.tensor([[0.7, -0.4, 2.0]])
    x = torch.tensor([4.0, 0.5])
    made = Swivel().errors(z.clone(), torch.tensor([1, 2]), x)
    by_hand = [
        1 / (1 + np.exp(-0.7)),  # of log(1 + exp(w·w̃ − pmi*))
        (0.1 + 0.25 * 2) * (-0.4 - np.log(4)),  # of ½ f (w·w̃ − pmi*− log x)²
        (0.1 + 0.25 * np.sqrt(0.5)) * (2 - np.log(0.5)),
    ]
    assert made[0].tolist() == pytest.approx(by_hand)


def costs(products, x, logs, method):
    """The cost of each pair in float64 (equations 2 to 4 of the paper)."""
    star = -(logs[:, None] + logs)
    met = x > 0
    pmi = star + np.log(np.where(met, x, 1))
    squares = 0.5 * (method.base + method.scale * x**method.exponent) * (products - pmi) ** 2
    return np.where(met, squares, np.log1p(np.exp(products - star)))


def test_a_step_on_a_shard_is_adagrad_on_the_gradient_of_its_costs(tmp_path):
    """Against differences of the costs in float64, on a shard off the diagonal and on one below it."""
    rng = np.random.default_rng(0)
    x = np.triu(rng.integers(0, 4, (5, 5)))
    counts = counted(tmp_path, (x + x.T).astype(float))
    shards, logs, method = write_shards(counts, tmp_path, 3), log_sums(counts), Swivel(dim=3, lr=0.7)
    x = (x + x.T).astype(float)
    for row, column in ((0, 1), (1, 0), (1, 1)):
        state = method.begin(5)
        w, v = state["words"].astype(float), state["contexts"].astype(float)
        here, there = slice(row, None, 2), slice(column, None, 2)

        def cost(w, v, here=here, there=there):
            return costs(w @ v.T, x, logs.astype(float), method)[here, there].sum() / len(v[there])

        method._fit(shards, row, column, logs, state)
        for name, place in (("words", 0), ("contexts", 1)):
            g = gradient(
                lambda moved, place=place, w=w, v=v, cost=cost: cost(*((moved, v), (w, moved))[place]), (w, v)[place]
            )
            assert state[f"{name}_squares"] == pytest.approx(0.1 + g * g, abs=1e-5)
            assert state[name] == pytest.approx((w, v)[place] - 0.7 * g / np.sqrt(0.1 + g * g), abs=1e-5)


def gradient(cost, at):
    """Central differences."""
    result = np.zeros_like(at)
    for place in np.ndindex(at.shape):
        ends = []
        for change in (1e-5, -1e-5):
            moved = at.copy()
            moved[place] += change
            ends.append(cost(moved))
        result[place] = (ends[0] - ends[1]) / 2e-5
    return result


@given(st.integers(1, 9), st.integers(1, 5), st.integers(0, 2**32))
@settings(deadline=None, max_examples=30)
def test_the_shards_hold_the_matrix(tmp_path_factory, words, size, seed):
    folder = tmp_path_factory.mktemp("shards")
    x = np.triu(np.random.default_rng(seed).integers(0, 3, (words, words)))
    x = (x + x.T).astype(np.float32)
    shards = write_shards(counted(folder, x), folder, size)
    assert shards.parts == -(-words // size)
    for row in range(shards.parts):
        for column in range(shards.parts):
            expected = x[row :: shards.parts, column :: shards.parts]
            assert max(expected.shape) <= size
            shard = np.zeros(expected.size, np.float32)
            cells, counts = shards.cells(row, column)
            shard[cells] = counts
            assert len(np.unique(cells)) == len(cells)
            assert np.array_equal(shard.reshape(expected.shape), expected)


def test_log_sums_make_the_mutual_information(tmp_path):
    x = np.array([[2.0, 1, 0], [1, 4, 0], [0, 0, 0]])
    logs = log_sums(counted(tmp_path, x))
    assert -(logs[0] + logs[1]) == pytest.approx(np.log(8 / (3 * 5)))
    assert np.isfinite(logs).all()


def test_words_that_stand_together_become_neighbours(tmp_path):
    for groups, shard in ((MANY, 32), (GROUPS, 512)):
        vectors = train(tmp_path / str(shard), planted(groups=groups), shard=shard)
        for group in groups:
            for word in group:
                assert {near for near, _ in vectors.nearest(word, 4)} <= set(group) - {word}


class Killed(Exception):
    """What stops a training in a test."""


def test_a_killed_training_goes_on_to_the_same_bits(tmp_path):
    corpus, method = planted(100, groups=MANY), Swivel(dim=5, epochs=6, seed=3, shard=32)
    for name in ("whole", "killed"):
        (tmp_path / name).mkdir()
    whole = method.train(corpus, Work(tmp_path / "whole"))

    def kill(what, done, total, unit):
        if what == "train" and done > total // 2:
            raise Killed

    with pytest.raises(Killed):
        method.train(corpus, Work(tmp_path / "killed", every=0.0), kill)
    steps = []
    resumed = method.train(corpus, Work(tmp_path / "killed"), lambda what, *_: steps.append(what))
    assert resumed.matrix.tobytes() == whole.matrix.tobytes()
    assert 0 < steps.count("train") < 6 * 9


def test_a_shard_is_never_so_small_that_its_overhead_is_all_there_is():
    with pytest.raises(ConfigError, match="'shard' .* from 32 to"):
        Swivel(shard=31)


def test_the_same_seed_gives_the_same_bits_and_another_seed_others(tmp_path):
    one, two, other = (
        train(tmp_path / str(number), planted(100), seed=seed, epochs=3).matrix for number, seed in enumerate((7, 7, 8))
    )
    assert one.tobytes() == two.tobytes()
    assert not np.array_equal(one, other)


def test_the_threads_of_torch_are_given_back(tmp_path):
    before = torch.get_num_threads()
    train(tmp_path, planted(100), threads=before + 1, epochs=1)
    assert torch.get_num_threads() == before


SETTINGS = {
    "dim": 4, "window": 2, "weighting": "flat", "epochs": 2, "lr": 0.01, "shard": 32, "base": 0.2, "scale": 0.5,
    "exponent": 0.7, "seed": 3,
}  # fmt: skip


@pytest.mark.parametrize("key", SETTINGS)
def test_every_setting_changes_the_result(key, tmp_path):
    corpus = planted(100, groups=MANY)
    one = train(tmp_path / "one", corpus, epochs=3).matrix
    other = train(tmp_path / "other", corpus, **({"epochs": 3} | {key: SETTINGS[key]})).matrix
    assert not np.array_equal(one, other)


def test_a_corpus_without_pairs_is_refused(tmp_path):
    lonely = Corpus(["가", "나"], np.array([5, 5]), np.array([0, 1] * 5, np.int32), np.arange(11))
    with pytest.raises(DataError, match="two words"):
        train(tmp_path, lonely)
