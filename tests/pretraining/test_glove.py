"""GloVe: its step is the gradient of its cost, what is planted is learned, a resumed training gives the same bits."""

from __future__ import annotations

import numpy as np
import pytest

from yeonma.errors import DataError
from yeonma.pretraining import Corpus, encode
from yeonma.pretraining.cooccurrence import PAIR
from yeonma.pretraining.glove import GloVe
from yeonma.pretraining.work import Work
from yeonma.text.tokenizers import Whitespace

GROUPS = (["사과", "배", "포도", "딸기", "수박"], ["기차", "버스", "택시", "비행기", "배편"])


def planted(texts: int = 1000, length: int = 8) -> Corpus:
    """Texts whose words come from one of two groups, now and then from the other."""
    rng = np.random.default_rng(0)
    both = [word for group in GROUPS for word in group]
    pools = [group * 9 + both for group in GROUPS]
    return encode((" ".join(rng.choice(pools[number % 2], length)) for number in range(texts)), Whitespace())


def train(folder, corpus, **settings):
    folder.mkdir(exist_ok=True)
    return GloVe(**({"dim": 8, "epochs": 40, "seed": 1} | settings)).train(corpus, Work(folder))


def cost(w, v, b, c, x, x_max, alpha):
    """Equation 8 for one pair, halved."""
    return 0.5 * min(1, (x / x_max) ** alpha) * (w @ v + b + c - np.log(x)) ** 2


@pytest.mark.parametrize("x", [0.5, 3.0, 10.0, 700.0])
@pytest.mark.parametrize("dim", [1, 5, 16, 100])
def test_a_step_is_adagrad_on_the_gradient_of_the_cost(x, dim):
    """Both directions of a pair of two words, against differences of the cost in float64."""
    from yeonma.pretraining.glove_kernel import glove

    rng = np.random.default_rng(0)
    rows, biases = rng.uniform(-0.5, 0.5, (2, 3, 2, dim)), rng.uniform(-0.5, 0.5, (2, 3, 2))
    rows[:, :, 1] += 2
    biases[:, :, 1] += 2
    learned = rows.astype(np.float32), biases.astype(np.float32)
    pairs = np.array([(9, 9, 9), (2, 1, x)], PAIR)
    total = glove(pairs, np.array([1]), *learned, 10.0, 0.75, 0.05)
    expected = 0.0
    for i, j in ((2, 1), (1, 2)):
        old = [rows[0, i, 0].copy(), rows[1, j, 0].copy(), biases[0, i, 0], biases[1, j, 0]]
        expected += 2 * cost(*old, x, 10.0, 0.75)
        for place, (array, index) in enumerate([(rows, (0, i)), (rows, (1, j)), (biases, (0, i)), (biases, (1, j))]):
            g = 0.05 * _gradient(old, place, x)
            array[(*index, 0)] = old[place] - g / np.sqrt(array[(*index, 1)])
            array[(*index, 1)] += g * g
    assert learned[0] == pytest.approx(rows, abs=2e-5)
    assert learned[1] == pytest.approx(biases, abs=2e-5)
    assert total == pytest.approx(expected, rel=1e-4)


def _gradient(point, place, x):
    """Central differences of the cost in one of its four arguments."""
    flat = np.atleast_1d(point[place])
    result = np.empty(len(flat))
    for k in range(len(flat)):
        ends = []
        for change in (1e-5, -1e-5):
            moved = flat.copy()
            moved[k] += change
            ends.append(
                cost(*point[:place], moved if np.ndim(point[place]) else moved[0], *point[place + 1 :], x, 10, 0.75)
            )
        result[k] = (ends[0] - ends[1]) / 2e-5
    return result if np.ndim(point[place]) else result[0]


def test_a_word_beside_itself_is_taken_once():
    from yeonma.pretraining.glove_kernel import glove

    rows, biases = np.ones((2, 1, 2, 4), np.float32), np.ones((2, 1, 2), np.float32)
    assert glove(np.array([(0, 0, 20)], PAIR), np.array([0]), rows, biases, 10.0, 0.75, 0.05) == pytest.approx(
        (6 - np.log(20)) ** 2, rel=1e-5
    )


def test_words_that_stand_together_become_neighbours(tmp_path):
    vectors = train(tmp_path, planted())
    for group in GROUPS:
        for word in group:
            assert {near for near, _ in vectors.nearest(word, 4)} == set(group) - {word}


def test_the_cost_falls(tmp_path):
    """The weighted squares of the fit, from the vectors' own parts."""
    from yeonma.pretraining.glove_kernel import glove

    method, corpus = GloVe(dim=8, lr=0.1), planted(200)
    counts = method.count(corpus, Work(tmp_path))
    state, pairs = method.begin(len(corpus.words)), np.concatenate(list(counts.blocks(1000)))
    costs = [glove(pairs, np.arange(len(pairs)), state["rows"], state["biases"], 10.0, 0.75, 0.1) for _ in range(100)]
    assert costs[-1] < 0.05 * costs[0]


def test_the_order_is_a_permutation_in_which_a_tile_stands_together():
    from yeonma.pretraining.glove_kernel import TILE, tiled

    rng = np.random.default_rng(0)
    pairs = np.zeros(5000, PAIR)
    pairs["row"], pairs["column"] = rng.integers(0, 8 * TILE, (2, 5000))
    order = tiled(pairs, np.random.default_rng(1))
    assert np.array_equal(np.sort(order), np.arange(5000))
    assert np.array_equal(order, tiled(pairs, np.random.default_rng(1)))
    tiles = (pairs["row"] // TILE * 100 + pairs["column"] // TILE)[order]
    assert (np.diff(tiles) != 0).sum() == len(np.unique(tiles)) - 1
    assert (np.diff(tiles[np.diff(tiles, prepend=-1) != 0]) < 0).sum() > 10, "tiles at random"
    assert (np.diff(order) < 0).sum() > 2000, "pairs at random"


def test_pairs_are_read_in_blocks_and_each_once_an_epoch(tmp_path, monkeypatch):
    from yeonma.pretraining import glove as module

    monkeypatch.setattr(module, "_RUN", 4)
    monkeypatch.setattr(module, "_BLOCK", 2)
    method, corpus, met = GloVe(dim=2, epochs=3), planted(300), []
    read = module._read
    monkeypatch.setattr(module, "_read", lambda *what: met.append(read(*what)) or met[-1])
    method.train(corpus, Work(tmp_path))
    size = sum(map(len, met)) // 3
    blocks = len(met) // 3
    assert blocks > 5
    epochs = [np.concatenate(met[epoch * blocks : (epoch + 1) * blocks]) for epoch in range(3)]
    whole = np.fromfile(tmp_path / "pairs.bin", PAIR)
    assert all(np.array_equal(np.sort(epoch), whole) for epoch in epochs)
    assert len(whole) == size
    assert not np.array_equal(epochs[0], epochs[1])


class Killed(Exception):
    """What stops a training in a test."""


def test_a_killed_training_goes_on_to_the_same_bits(tmp_path, monkeypatch):
    from yeonma.pretraining import glove as module

    monkeypatch.setattr(module, "_RUN", 8)
    monkeypatch.setattr(module, "_BLOCK", 2)
    corpus, method = planted(300), GloVe(dim=5, epochs=6, seed=3)
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
    assert "count" not in steps
    assert 0 < steps.count("train") < 6 * 4


def test_the_same_seed_gives_the_same_bits_and_another_seed_others(tmp_path):
    one, two, other = (
        train(tmp_path / str(number), planted(100), seed=seed, epochs=3).matrix for number, seed in enumerate((7, 7, 8))
    )
    assert one.tobytes() == two.tobytes()
    assert not np.array_equal(one, other)


def test_two_threads_learn_the_same_groups(tmp_path):
    vectors = train(tmp_path, planted(), threads=2)
    assert {near for near, _ in vectors.nearest("사과", 4)} == set(GROUPS[0]) - {"사과"}


SETTINGS = {
    "dim": 4, "window": 2, "weighting": "flat", "epochs": 2, "lr": 0.01, "x_max": 3.0, "alpha": 0.5, "seed": 3
}  # fmt: skip


@pytest.mark.parametrize("key", SETTINGS)
def test_every_setting_changes_the_result(key, tmp_path):
    corpus = planted(100)
    one = train(tmp_path / "one", corpus, epochs=3).matrix
    other = train(tmp_path / "other", corpus, **({"epochs": 3} | {key: SETTINGS[key]})).matrix
    assert not np.array_equal(one, other)


def test_a_corpus_without_pairs_is_refused(tmp_path):
    lonely = Corpus(["가", "나"], np.array([5, 5]), np.array([0, 1] * 5, np.int32), np.arange(11))
    with pytest.raises(DataError, match="two words stand within 10 words of each other"):
        train(tmp_path, lonely)
