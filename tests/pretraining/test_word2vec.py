"""Word2Vec: what is planted is learned, the same seed gives the same bits, and the parts hold their formulas."""

from __future__ import annotations

import numpy as np
import pytest

from yeonma.errors import ConfigError
from yeonma.pretraining.corpus import Corpus, encode
from yeonma.pretraining.method import make_method
from yeonma.pretraining.word2vec import Word2Vec, _short_texts, keep_probabilities, negative_table
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
    return Word2Vec(**({"dim": 16, "epochs": 3, "sample": 0.0, "seed": 1} | settings)).train(corpus)


@pytest.mark.parametrize(
    "settings",
    [{}, {"threads": 2}, {"negative": 2}, {"negative": 13}, {"window": 1}, {"window": 100}, {"dim": 3}, {"dim": 100}],
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


SETTINGS = {"dim": 8, "window": 2, "negative": 3, "epochs": 2, "lr": 0.01, "sample": 1e-2, "seed": 3}


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


def one_text(tokens, inputs, outputs, negative, rate, negatives):
    """The kernel on one text, with a reach of one word to each side and a rate that stays."""
    from yeonma.pretraining.skipgram import skipgram

    keep, state = np.ones(len(inputs), np.float32), np.array([12345], np.uint64)
    skipgram(tokens, np.array([0, len(tokens)]), keep, negatives, inputs, outputs, 1, negative, rate, rate, state)


def by_formula(tokens, inputs, outputs, negative, rate):
    """The same with numpy, one context word after the other, where every drawn word is the last one.

    Six output rows are taken at a time: the next six see the input row as the six before left it.
    """
    for place, centre in enumerate(tokens):
        rows = [centre] + [len(inputs) - 1] * negative
        fetched, gradient = outputs[rows], np.zeros((len(rows), inputs.shape[1]))
        for context in [*tokens[max(0, place - 1) : place], *tokens[place + 1 : place + 2]]:
            for six in range(0, len(rows), 6):
                part = slice(six, six + 6)
                z = np.clip(np.floor(fetched[part] @ inputs[context] * 64 + 0.5) / 64, -8, 8)  # as the table of σ
                g = rate * ((np.arange(len(rows)) == 0)[part] - 1 / (1 + np.exp(-z)))
                gradient[part] += np.outer(g, inputs[context])
                inputs[context] += g @ fetched[part]
        np.add.at(outputs, rows, gradient)


@pytest.mark.parametrize("tokens", [[0, 1], [0, 1, 0], [0, 1, 2, 2, 2, 1]])
@pytest.mark.parametrize("negative", [1, 5, 6, 14])
@pytest.mark.parametrize("dim", [1, 16, 100])
def test_a_text_is_the_formula(tokens, negative, dim):
    """An odd word out, the same word on both sides, and a further six rows among them."""
    inputs, outputs = np.random.default_rng(0).normal(size=(2, 4, dim)).astype(np.float32) * 0.5
    expected = inputs.astype(float), outputs.astype(float)
    by_formula(tokens, *expected, negative, 0.1)
    one_text(np.array(tokens, np.int32), inputs, outputs, negative, 0.1, np.array([3], np.int32))
    assert inputs == pytest.approx(expected[0], abs=1e-5)
    assert outputs == pytest.approx(expected[1], abs=1e-5)


def test_a_drawn_word_that_is_the_centre_word_is_left_out():
    """All negatives are word 0: when it is the centre there is nothing to tell it from."""
    inputs, outputs = np.ones((2, 2, 4), np.float32)
    one_text(np.array([0, 1], np.int32), inputs, outputs, 5, 0.1, np.array([0], np.int32))
    g = 0.1 * (1 - 1 / (1 + np.exp(-4.0)))
    assert inputs[1] == pytest.approx(1 + g, abs=1e-3)


def test_the_rate_falls_from_text_to_text():
    """Of two equal texts of other words the second has half the rate."""
    from yeonma.pretraining.skipgram import skipgram

    inputs, outputs = np.zeros((5, 1), np.float32), np.array([[1], [1], [1], [1], [0]], np.float32)
    keep, state = np.ones(5, np.float32), np.array([1], np.uint64)
    tokens, bounds = np.array([0, 1, 2, 3], np.int32), np.array([0, 2, 4])
    skipgram(tokens, bounds, keep, np.array([4], np.int32), inputs, outputs, 1, 1, 0.2, 0.0, state)
    assert inputs[1::2, 0] == pytest.approx([0.1, 0.05])


def test_the_reach_is_uniform():
    """Only the third word as a centre, with a reach of two of three, can teach the first one anything."""
    from yeonma.pretraining.skipgram import skipgram

    keep, state, met = np.ones(4, np.float32), np.array([1], np.uint64), 0
    tokens, bounds, drawn = np.array([0, 1, 2], np.int32), np.array([0, 3]), np.array([3], np.int32)
    for _ in range(3000):
        inputs, outputs = np.zeros((4, 1), np.float32), np.array([[0], [0], [1], [0]], np.float32)
        skipgram(tokens, bounds, keep, drawn, inputs, outputs, 3, 1, 0.1, 0.1, state)
        met += inputs[0, 0] > 0
    assert met / 3000 == pytest.approx(2 / 3, abs=0.03)


@pytest.mark.parametrize("threads", [1, 3])
def test_every_token_is_taken_once_an_epoch_at_a_falling_rate(threads, monkeypatch):
    """What the kernel is asked to do, in the order of each thread's random numbers."""
    asked: dict[int, list] = {}

    def kernel(tokens, texts, *rest):
        state = rest[-1]
        asked.setdefault(state.ctypes.data, []).append((texts[0], texts[-1], *rest[-3:-1]))

    monkeypatch.setattr("yeonma.pretraining.skipgram.skipgram", kernel)
    tokens = np.zeros(1_000_000, np.int32)
    bounds = np.array([0, 0, 7, 250_000, 250_001, 999_000, 1_000_000, 1_000_000])
    Word2Vec(dim=1, epochs=2, threads=threads, lr=0.1).train(Corpus(["가"], np.array([1_000_000]), tokens, bounds))
    calls = [[call for call in calls if call[2]] for calls in asked.values()]
    assert len(calls) == threads
    for epoch in range(2):
        halves = [thread[: len(thread) // 2] if epoch == 0 else thread[len(thread) // 2 :] for thread in calls]
        covered = [place for thread in halves for start, end, *_ in thread for place in (start, end)]
        assert covered[0] == 0
        assert covered[-1] == 1_000_000
        assert covered[1:-1:2] == covered[2::2]
        assert max(end - start for thread in halves for start, end, *_ in thread) <= 110_000
    for thread in calls:
        assert thread[0][2] == 0.1
        assert [call[3] for call in thread[:-1]] == [call[2] for call in thread[1:]]
        assert thread[-1][3] == pytest.approx(1e-5)
        assert np.diff([call[2] for call in thread]) == pytest.approx((1e-5 - 0.1) / len(thread))


def test_keep_probabilities_are_word2vecs():
    counts = np.array([9000, 900, 99, 1])
    share = counts / 10_000
    expected = np.minimum(1, np.sqrt(1e-3 / share) + 1e-3 / share)
    assert keep_probabilities(counts, 1e-3) == pytest.approx(expected)
    assert keep_probabilities(counts, 1e-3)[2:].tolist() == [pytest.approx(0.41887, rel=1e-4), 1]
    assert keep_probabilities(counts, 0.0).tolist() == [1, 1, 1, 1]


def test_tokens_are_kept_as_often_as_asked():
    from yeonma.pretraining.skipgram import _subsample

    text, kept = np.repeat([0, 1, 2], 100_000).astype(np.int32), np.empty(300_000, np.int32)
    n = _subsample(text, np.array([0.1, 0.5, 1], np.float32), kept, np.array([1], np.uint64))
    assert np.bincount(kept[:n]) / 100_000 == pytest.approx([0.1, 0.5, 1], abs=5e-3)
    assert np.bincount(kept[:n])[2] == 100_000


def test_random_numbers_below_a_limit_are_uniform():
    from yeonma.pretraining.skipgram import _below

    state = np.array([1], np.uint64)
    drawn = np.array([_below(7, state) for _ in range(70_000)])
    assert np.bincount(drawn) / 10_000 == pytest.approx(np.ones(7), abs=0.05)


def test_sigmoid_table():
    from yeonma.pretraining.skipgram import _sigmoid

    z = np.linspace(-20, 20, 999, dtype=np.float32)
    assert [_sigmoid(value) for value in z] == pytest.approx(1 / (1 + np.exp(-z)), abs=2.1e-3)


def test_negatives_follow_the_power_of_the_counts():
    counts = np.array([10_000, 625, 16, 1])
    times = np.bincount(negative_table(counts))
    assert times / times.sum() == pytest.approx(counts**0.75 / (counts**0.75).sum(), abs=1e-5)
    assert np.bincount(negative_table(np.array([10**9, 1]))).tolist()[1] == 1


def test_long_texts_are_cut_into_pieces_and_none_is_lost():
    bounds = _short_texts(np.array([0, 5, 5, 25_005, 25_010]))
    assert bounds.tolist() == [0, 5, 10_005, 20_005, 25_005, 25_010]


def test_progress_counts_every_token_of_every_epoch():
    told = []
    corpus = planted(20_000, 10)
    Word2Vec(dim=4, epochs=2).train(corpus, lambda *what: told.append(what))
    assert told == [("train", done, 400_000, "tokens") for done in (100_000, 200_000, 300_000, 400_000)]


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
        "min_count": 5, "seed": 42,
        "dim": 7, "window": 5, "negative": 5, "epochs": 5, "lr": 1, "sample": 1e-3, "threads": 1,
    }  # fmt: skip
