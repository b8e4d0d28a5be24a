"""LSA: what a dense decomposition gives, neighbours of what is planted, and the same bits on any number of threads."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from yeonma.errors import DataError
from yeonma.pretraining import Corpus, encode
from yeonma.pretraining.lsa import LSA, MutualInformation
from yeonma.pretraining.work import Work
from yeonma.text.tokenizers import Whitespace

GROUPS = (["사과", "배", "포도", "딸기", "수박"], ["기차", "버스", "택시", "비행기", "배편"])


def planted(texts: int = 1000, length: int = 8) -> Corpus:
    rng = np.random.default_rng(0)
    both = [word for group in GROUPS for word in group]
    pools = [group * 9 + both for group in GROUPS]
    return encode((" ".join(rng.choice(pools[number % 2], length)) for number in range(texts)), Whitespace())


def varied(words: int = 60, texts: int = 300) -> Corpus:
    """Texts whose words follow one another with unequal chances."""
    rng = np.random.default_rng(0)
    likely = rng.dirichlet(np.full(words, 0.1), words)
    made = []
    for _ in range(texts):
        text = [int(rng.integers(words))]
        for _ in range(9):
            text.append(int(rng.choice(words, p=likely[text[-1]])))
        made.append(" ".join(f"말{word}" for word in text))
    return encode(made, Whitespace(), min_count=1)


def train(folder, corpus, **settings):
    folder.mkdir(exist_ok=True)
    return LSA(**({"dim": 4, "seed": 1} | settings)).train(corpus, Work(folder))


def dense(counts, smoothing: float) -> np.ndarray:
    """The positive mutual information as a full matrix, from probabilities (Levy et al. 2015, section 3.2)."""
    x = np.zeros((len(counts.sums), len(counts.sums)))
    for row, column, value in np.concatenate(list(counts.blocks(100))).tolist():
        x[row, column] = x[column, row] = value
    joint, smooth = x / x.sum(), x.sum(axis=0) ** smoothing
    with np.errstate(divide="ignore"):
        return np.maximum(0, np.log(joint / (x.sum(axis=1)[:, None] / x.sum()) / (smooth / smooth.sum())))


@pytest.mark.parametrize("smoothing", [0.75, 1.0, 0.0])
def test_the_sparse_matrix_is_the_formula(tmp_path, smoothing):
    counts = LSA(window=3).count(varied(), Work(tmp_path))
    matrix, expected = MutualInformation.of(counts, smoothing), dense(counts, smoothing)
    unit = np.eye(len(expected), dtype=np.float32)
    with ThreadPoolExecutor(1) as pool:
        assert matrix.times(unit, pool) == pytest.approx(expected, abs=1e-5)
        assert matrix.transposed().times(unit, pool) == pytest.approx(expected.T, abs=1e-5)
    assert 0 < (expected > 0).sum() < expected.size


@pytest.mark.parametrize("power", [0.5, 0.0, 1.0])
def test_the_vectors_are_those_of_a_dense_decomposition(tmp_path, power):
    corpus = varied()
    vectors = train(tmp_path, corpus, dim=6, window=3, power=power, iterations=20)
    u, sigma, _ = np.linalg.svd(dense(LSA(window=3).count(corpus, Work(tmp_path)), 0.75))
    expected = u[:, :6] * sigma[:6] ** power
    expected *= np.sign(expected[np.abs(expected).argmax(axis=0), range(6)])
    assert vectors.matrix == pytest.approx(expected, abs=2e-4 * np.abs(expected).max())


def test_numbers_past_the_rank_are_zero(tmp_path):
    vectors = train(tmp_path, planted(), dim=20)
    assert vectors.matrix.shape == (10, 20)
    assert vectors.matrix[:, :10].any(axis=0).all()
    assert not vectors.matrix[:, 10:].any()


def test_words_that_stand_together_become_neighbours(tmp_path):
    vectors = train(tmp_path, planted())
    for group in GROUPS:
        for word in group:
            assert {near for near, _ in vectors.nearest(word, 4)} == set(group) - {word}


def test_threads_change_no_bit_and_neither_does_a_second_time(tmp_path):
    one, two, many = (
        train(tmp_path / str(number), varied(), threads=threads).matrix for number, threads in enumerate((1, 1, 3))
    )
    assert one.tobytes() == two.tobytes() == many.tobytes()


class Killed(Exception):
    """What stops a training in a test."""


def test_a_killed_training_goes_on_to_the_same_bits(tmp_path):
    def kill(what, done, total, unit):
        if what == "train" and done == 3:
            raise Killed

    whole = train(tmp_path / "whole", varied())
    (tmp_path / "killed").mkdir()
    with pytest.raises(Killed):
        LSA(dim=4, seed=1).train(varied(), Work(tmp_path / "killed", every=0.0), kill)
    steps = []
    resumed = LSA(dim=4, seed=1).train(varied(), Work(tmp_path / "killed"), lambda *what: steps.append(what))
    assert resumed.matrix.tobytes() == whole.matrix.tobytes()
    assert [what[1] for what in steps if what[0] == "train"] == [4, 5]


SETTINGS = {
    "dim": 3, "window": 2, "weighting": "flat", "smoothing": 1.0, "power": 1.0, "iterations": 0, "seed": 3
}  # fmt: skip


@pytest.mark.parametrize("key", SETTINGS)
def test_every_setting_changes_the_result(key, tmp_path):
    corpus = varied()
    one = train(tmp_path / "one", corpus).matrix
    assert not np.array_equal(train(tmp_path / "other", corpus, **{key: SETTINGS[key]}).matrix, one)


def test_a_corpus_without_pairs_is_refused(tmp_path):
    lonely = Corpus(["가", "나"], np.array([5, 5]), np.array([0, 1] * 5, np.int32), np.arange(11))
    with pytest.raises(DataError, match="two words"):
        train(tmp_path, lonely)
