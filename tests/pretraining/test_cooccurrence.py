"""Counting pairs: what counting by hand gives, however little memory there is, and the same bits every time."""

from __future__ import annotations

import tracemalloc
from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from yeonma.errors import DataError
from yeonma.pretraining import cooccurrence, runs
from yeonma.pretraining.cooccurrence import PAIR, cooccurrences
from yeonma.pretraining.corpus import Corpus
from yeonma.pretraining.runs import merged


def made(texts: list[list[int]], words: int = 0) -> Corpus:
    """A corpus of texts given as numbers of words."""
    tokens = np.array([token for text in texts for token in text], np.int32)
    words = words or int(tokens.max(initial=0)) + 1
    bounds = np.cumsum([0, *map(len, texts)])
    return Corpus([str(word) for word in range(words)], np.bincount(tokens, minlength=words), tokens, bounds)


def harmonic(window: int) -> np.ndarray:
    return 1 / np.maximum(np.arange(window + 1), 1)


def by_hand(texts: list[list[int]], weights: np.ndarray) -> Counter[tuple[int, int]]:
    """Every ordered pair of places, d apart, adds weights[d] to its two words."""
    counts: Counter[tuple[int, int]] = Counter()
    for text in texts:
        for p, word in enumerate(text):
            for q, other in enumerate(text):
                if 0 < abs(p - q) < len(weights):
                    counts[word, other] += weights[abs(p - q)]
    return counts


def read(counts) -> dict[tuple[int, int], float]:
    """Both triangles."""
    pairs = [pair for block in counts.blocks(3) for pair in block.tolist()]
    assert [pair[:2] for pair in pairs] == sorted({pair[:2] for pair in pairs}), "each pair once, in order"
    assert len(pairs) == counts.size
    return {place: x for row, column, x in pairs for place in ((row, column), (column, row))}


corpora = st.lists(st.lists(st.integers(0, 12), max_size=30), min_size=1, max_size=8)


@given(corpora, st.integers(1, 12), st.booleans(), st.sampled_from([0, 300, 2000, 1 << 20]))
@settings(deadline=None, max_examples=40)
def test_the_same_counts_as_by_hand(texts, window, flat, memory):
    weights = np.ones(window + 1) if flat else harmonic(window)
    expected = by_hand(texts, weights)
    with TemporaryDirectory() as folder:
        if not expected:
            with pytest.raises(DataError, match="two words"):
                cooccurrences(made(texts), Path(folder), weights, memory)
            return
        counts = cooccurrences(made(texts), Path(folder), weights, memory)
        assert read(counts) == pytest.approx(dict(expected), rel=1e-6)
        sums = [sum(x for (row, _), x in expected.items() if row == word) for word in range(len(counts.sums))]
        assert counts.sums == pytest.approx(sums)


def random_texts(texts: int) -> list[list[int]]:
    rng = np.random.default_rng(0)
    return np.minimum(rng.geometric(0.08, (texts, 25)), 59).tolist()


def test_little_memory_spills_to_disk_and_changes_no_bit(tmp_path, monkeypatch):
    spilled = []
    spill = cooccurrence.spill
    monkeypatch.setattr(cooccurrence, "spill", lambda path, run: spilled.append(path) or spill(path, run))
    monkeypatch.setattr(runs, "_FILES", 5)
    texts = random_texts(200)
    plenty = cooccurrences(made(texts), _folder(tmp_path / "plenty"), np.ones(6), 1 << 24)
    assert not spilled
    little = cooccurrences(made(texts), _folder(tmp_path / "little"), np.ones(6), 4000)
    assert len(spilled) > 40
    assert sorted(path.name for path in (tmp_path / "little").iterdir()) == ["pairs.bin", "sums.npy"]
    assert little.path.read_bytes() == plenty.path.read_bytes()
    assert read(little) == pytest.approx(dict(by_hand(texts, np.ones(6))))
    again = cooccurrences(made(texts), _folder(tmp_path / "again"), harmonic(5), 4000)
    twice = cooccurrences(made(texts), _folder(tmp_path / "twice"), harmonic(5), 4000)
    assert again.path.read_bytes() == twice.path.read_bytes()


def _folder(path: Path) -> Path:
    path.mkdir()
    return path


def test_memory_is_bounded_whatever_the_corpus(tmp_path, monkeypatch):
    """Five times the texts, the same peak: what is asked for, and a chunk of the corpus."""
    monkeypatch.setattr(cooccurrence, "_CHUNK", 2000)
    monkeypatch.setattr(runs, "_FILES", 4)
    memory = 1 << 20
    cooccurrences(made(random_texts(2)), _folder(tmp_path / "compile"), harmonic(10), memory)
    peaks = []
    for times in (1, 5):
        corpus = made(np.random.default_rng(0).integers(0, 2000, (300 * times, 25)).tolist())
        tracemalloc.start()
        cooccurrences(corpus, _folder(tmp_path / str(times)), harmonic(10), memory)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 1.1 * peaks[0]
    assert max(peaks) < 1.3 * memory


def test_a_whole_count_is_used_again_and_a_half_one_is_not(tmp_path):
    texts = [[0, 1, 2], [2, 1]]
    first = cooccurrences(made(texts), tmp_path, harmonic(2), 1 << 20)
    other = cooccurrences(made([[0, 1]]), tmp_path, harmonic(2), 1 << 20)
    assert read(other) == read(first)
    (tmp_path / "sums.npy").unlink()  # as if it had been killed after the pairs
    assert read(cooccurrences(made([[0, 1]]), tmp_path, harmonic(2), 1 << 20)) == {(0, 1): 1, (1, 0): 1}


def test_a_window_stays_inside_its_text_and_a_word_beside_itself_counts_in_both_orders(tmp_path):
    counts = cooccurrences(made([[0, 0], [1], [2, 1]]), tmp_path, harmonic(5), 1 << 20)
    assert read(counts) == {(0, 0): 2, (1, 2): 1, (2, 1): 1}
    assert counts.sums.tolist() == [2, 1, 1]


def test_chunks_of_the_corpus_change_nothing(tmp_path, monkeypatch):
    texts = random_texts(50)
    whole = cooccurrences(made(texts), _folder(tmp_path / "whole"), np.ones(4), 1 << 20)
    monkeypatch.setattr(cooccurrence, "_CHUNK", 100)
    told: list[tuple] = []
    parts = cooccurrences(
        made(texts), _folder(tmp_path / "parts"), np.ones(4), 1 << 20, lambda *what: told.append(what)
    )
    assert parts.path.read_bytes() == whole.path.read_bytes()
    counted = [what for what in told if what[0] == "count"]
    assert len(counted) > 5
    assert counted[-1] == ("count", 1250, 1250, "tokens")
    assert told[-1] == ("merge", whole.size, None, "pairs")


@given(st.lists(st.dictionaries(st.integers(0, 40), st.integers(1, 9), max_size=15), max_size=5), st.integers(1, 4))
def test_sorted_runs_are_merged(counted, size):
    def run(pairs):
        keys = np.array(sorted(pairs), np.uint64)
        values = np.array([float(pairs[key]) for key in sorted(pairs)])
        for start in range(0, len(keys), size):
            yield keys[start : start + size], values[start : start + size]

    expected: Counter[int] = Counter()
    for pairs in counted:
        expected.update(pairs)
    parts = list(merged([run(pairs) for pairs in counted], size))
    assert [int(key) for keys, _ in parts for key in keys] == sorted(expected)
    assert [value for _, values in parts for value in values] == [expected[key] for key in sorted(expected)]


def test_the_largest_numbers_of_words_and_distances_fit_into_a_key(tmp_path):
    """The last of 2²⁸ words, 255 places from the first."""
    from yeonma.pretraining.cooccurrence_kernel import add_up, count_pairs

    tokens = np.array([0, *[1] * 254, 2**28 - 1], np.int32)
    keys, cursor, none = np.empty(256 * 255, np.uint64), np.zeros(3, np.int64), np.zeros(2**28, np.int8)
    assert count_pairs(tokens, np.array([0, 256]), 255, np.arange(256.0), np.zeros(1), none, none, keys, cursor)
    used = np.sort(keys[: cursor[2]])
    pairs, values = np.empty(9, np.uint64), np.empty(9)
    n, _ = add_up(used, 0, np.arange(256.0), pairs, values)
    assert dict(zip(pairs[:n].tolist(), values.tolist(), strict=False))[2**28 - 1] == 255
    assert pairs[n - 1] == (1 << 28) | (2**28 - 1)


def test_pairs_have_twelve_bytes():
    assert PAIR.itemsize == 12
