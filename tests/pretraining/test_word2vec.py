"""Word2Vec: what is planted is learned, the same seed gives the same bits, and the parts hold their formulas."""

from __future__ import annotations

import numpy as np
import pytest

from yeonma.errors import ConfigError
from yeonma.pretraining import Corpus, encode
from yeonma.pretraining.method import make_method
from yeonma.pretraining.negative_sampling import keep_probabilities, negative_table
from yeonma.pretraining.word2vec import Word2Vec
from yeonma.pretraining.work import passing_work
from yeonma.text.tokenizers import Whitespace

GROUPS = (["사과", "배", "포도", "딸기", "수박"], ["기차", "버스", "택시", "비행기", "배편"])


def planted(texts: int = 2000, length: int = 8, seed: int = 0) -> Corpus:
    """Texts whose words all come from one of two groups."""
    rng = np.random.default_rng(seed)
    return encode((" ".join(rng.choice(GROUPS[number % 2], length)) for number in range(texts)), Whitespace())


def separated(vectors) -> bool:
    """Whether the four nearest neighbours of every word are the others of its group."""
    return all(
        {near for near, _ in vectors.nearest(word, 4)} == set(group) - {word} for group in GROUPS for word in group
    )


def train(corpus, **settings):
    with passing_work() as work:
        return Word2Vec(**({"dim": 16, "epochs": 3, "sample": 0.0, "seed": 1} | settings)).train(corpus, work)


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"model": "cbow"},
        {"model": "cbow", "negative": 8},
        {"threads": 2},
        {"negative": 2},
        {"negative": 8},
        {"window": 1},
        {"window": 100},
        {"dim": 3},
        {"dim": 100},
    ],
)
def test_words_that_stand_together_become_neighbours(settings):
    assert separated(train(planted(), **settings))


def test_one_long_text_is_learned_like_many_short_ones():
    """Past ten thousand tokens a text is handled in pieces, and all of them."""
    rng = np.random.default_rng(0)
    words = [word for number in range(3000) for word in rng.choice(GROUPS[number % 2], 8)]
    corpus = encode([" ".join(words[:40]), " ".join(words)], Whitespace())
    assert separated(train(corpus, window=2, epochs=5))
    late = encode(["처음 처음 처음 처음 처음 " + "쉼 " * 30_000 + " ".join(words)], Whitespace())
    assert separated(train(late, window=2, epochs=5))


def test_the_same_seed_gives_the_same_bits_and_another_seed_others():
    one, two, other = (train(planted(200), seed=seed, sample=1e-2).matrix for seed in (7, 7, 8))
    assert one.tobytes() == two.tobytes()
    assert not np.array_equal(one, other)


SETTINGS = {"model": "cbow", "dim": 8, "window": 2, "negative": 3, "epochs": 2, "lr": 0.01, "sample": 1e-2, "seed": 3}


@pytest.mark.parametrize("key", SETTINGS)
def test_every_setting_changes_the_result(key):
    """A setting that changes no digit is not connected."""
    corpus = planted(100)
    assert not np.array_equal(train(corpus, **{key: SETTINGS[key]}).matrix, train(corpus).matrix)


def test_words_counts_and_shape_are_those_of_the_corpus():
    corpus = planted(50)
    vectors = train(corpus, dim=7)
    assert vectors.words == corpus.words
    assert vectors.counts is corpus.counts
    assert vectors.matrix.shape == (len(corpus.words), 7)
    assert vectors.config["tokens_per_second"] > 0


def test_texts_without_context_teach_nothing():
    lonely = Corpus(["가", "나"], np.array([5, 5]), np.array([0, 1] * 5, np.int32), np.arange(11))
    start = (np.random.default_rng(1).random((2, 16), np.float32) - np.float32(0.5)) / np.float32(16)
    assert np.array_equal(train(lonely).matrix, start)


@pytest.mark.parametrize("threads", [1, 3])
def test_every_token_is_taken_once_an_epoch_at_a_falling_rate(threads, monkeypatch):
    """What the kernel is asked to do, in the order of each thread's random numbers."""
    asked: dict[int, list] = {}

    def kernel(tokens, bounds, *rest):
        asked.setdefault(rest[-1].ctypes.data, []).append((tokens, *rest[-3:-1]))

    monkeypatch.setattr("yeonma.pretraining.skipgram.skipgram", kernel)
    bounds = np.array([0, 0, 7, 250_000, 250_001, 999_000, 1_000_000, 1_000_000])
    corpus = Corpus(["가"], np.array([1_000_000]), np.arange(1_000_000, dtype=np.int32), bounds)
    with passing_work() as work:
        Word2Vec(dim=1, epochs=2, threads=threads, lr=0.1).train(corpus, work)
    calls = [calls for calls in asked.values() if calls[0][1]]  # but not the one that compiles
    taken = np.concatenate([tokens for thread in calls for tokens, *_ in thread])
    assert np.array_equal(np.sort(taken), np.repeat(np.arange(1_000_000), 2))
    rates = [[rate for _, *pair in thread for rate in pair] for thread in calls]
    assert max(map(max, rates)) == 0.1
    assert min(map(min, rates)) == pytest.approx(1e-5)
    assert all(np.diff(thread).max() <= 0 for thread in rates)


def test_keep_probabilities_are_word2vecs():
    counts = np.array([9000, 900, 99, 1])
    share = counts / 10_000
    expected = np.minimum(1, np.sqrt(1e-3 / share) + 1e-3 / share)
    assert keep_probabilities(counts, 1e-3) == pytest.approx(expected)
    assert keep_probabilities(counts, 1e-3)[2:].tolist() == [pytest.approx(0.41887, rel=1e-4), 1]
    assert keep_probabilities(counts, 0.0).tolist() == [1, 1, 1, 1]


def test_negatives_follow_the_power_of_the_counts():
    counts = np.array([10_000, 625, 16, 1])
    times = np.bincount(negative_table(counts))
    assert times / times.sum() == pytest.approx(counts**0.75 / (counts**0.75).sum(), abs=1e-5)
    assert np.bincount(negative_table(np.array([10**9, 1]))).tolist()[1] == 1


def test_progress_counts_every_token_of_every_epoch():
    told = []
    corpus = planted(20_000, 10)
    with passing_work() as work:
        Word2Vec(dim=4, epochs=2).train(corpus, work, lambda *what: told.append(what))
    assert told == [("train", done, 400_000, "tokens") for done in (200_000, 400_000)]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"dim": 0}, r"'dim' of 'word2vec' \(numbers a word has\) must be a whole number from 1 to 1024 .*; 0 came"),
        ({"dim": 10.0}, "must be a whole number"),
        ({"dim": True}, "must be a whole number"),
        ({"window": 0}, "'window'"),
        ({"negative": 0}, "'negative'"),
        ({"negative": 101}, "from 1 to 100"),
        ({"min_count": 0}, "'min_count'"),
        ({"epochs": 0}, "'epochs'"),
        ({"lr": 0.0}, "'lr'"),
        ({"lr": float("nan")}, "'lr'"),
        ({"lr": "0.1"}, "must be a number"),
        ({"sample": -1e-3}, "'sample'"),
        ({"threads": 0}, "'threads'"),
        ({"seed": -1}, "'seed'"),
        ({"model": "cbwo"}, "'model'.*cannot be 'cbwo'. Did you mean 'cbow'"),
        ({"dimm": 100}, r"no setting 'dimm'\. Did you mean 'dim'\?"),
    ],
)
def test_a_setting_that_does_not_fit_is_refused(settings, message):
    with pytest.raises(ConfigError, match=message):
        make_method("word2vec", **settings)


def test_an_unknown_method_names_the_nearest():
    with pytest.raises(ConfigError, match=r"no pretrain called 'word2vce'. Did you mean 'word2vec'\?"):
        make_method("word2vce")


def test_settings_are_told():
    assert make_method("word2vec", dim=7, lr=1).settings == {
        "min_count": 5, "vocab_size": 0, "phrases": 0.0, "seed": 42,
        "dim": 7, "window": 5, "negative": 5, "epochs": 5, "lr": 1, "sample": 1e-3, "threads": 1, "model": "skipgram",
    }  # fmt: skip
