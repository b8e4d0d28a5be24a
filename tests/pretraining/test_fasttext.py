"""fastText: a word is the mean of its rows, and a word nobody has seen stands near its inflections."""

from __future__ import annotations

import numpy as np
import pytest

from yeonma.errors import ConfigError
from yeonma.pretraining import Corpus, encode
from yeonma.pretraining.fasttext import FastText, means, word_parts
from yeonma.pretraining.method import make_method
from yeonma.pretraining.work import passing_work
from yeonma.subwords import Ngrams
from yeonma.text.tokenizers import Whitespace

EAT = ["먹었다", "먹었고", "먹었지만", "먹었는데", "먹었으니"]
RUN = ["달렸다", "달렸고", "달렸지만", "달렸는데", "달렸으니"]


def inflected() -> Corpus:
    """Texts about eating and texts about running."""
    rng = np.random.default_rng(0)
    pools = [*EAT, "밥", "국"], [*RUN, "길", "산"]
    return encode((" ".join(rng.choice(pools[number % 2], 8)) for number in range(1500)), Whitespace())


def train(corpus, **settings):
    with passing_work() as work:
        settings = {"dim": 16, "epochs": 3, "sample": 0.0, "seed": 1, "minn": 2, "maxn": 3} | settings
        return FastText(**settings).train(corpus, work)


@pytest.mark.parametrize("settings", [{}, {"units": "jamo"}, {"threads": 2}])
def test_an_unseen_word_stands_near_its_inflections(settings):
    vectors = train(inflected(), **settings)
    assert "먹었으며" not in vectors.index
    for unseen, group in {"먹었으며": EAT, "달렸으며": RUN}.items():
        assert {word for word, _ in vectors.nearest(unseen, 3)} <= set(group) | {"밥", "국", "길", "산"}
        own, other = (np.mean([vectors.matrix[vectors.index[w]] @ vectors.vector(unseen) for w in g])
                      for g in (group, RUN if group is EAT else EAT))  # fmt: skip
        assert own > other


def test_the_matrix_is_the_mean_of_a_words_own_row_and_its_ngrams():
    words, ngrams = ["밥", "먹었다", "다"], Ngrams(minn=2, maxn=3)
    ids, parts, bounds = word_parts(words, ngrams)
    rows = np.random.default_rng(0).normal(size=(len(words) + len(ids), 5)).astype(np.float32)
    hashed, ends = ngrams.hashed(words)
    for word in range(3):
        own = [word, *(3 + np.searchsorted(ids, hashed[ends[word] : ends[word + 1]]))]
        assert sorted(parts[bounds[word] : bounds[word + 1]]) == sorted(own)
        assert parts[bounds[word]] == word
        assert means(rows, parts, bounds)[word] == pytest.approx(rows[own].mean(0), abs=1e-6)


def test_only_buckets_of_the_vocabulary_have_rows():
    vectors = train(inflected(), epochs=1)
    hashed, _ = vectors.subwords.ngrams.hashed(vectors.words)
    assert vectors.subwords.ids.tolist() == sorted(set(hashed.tolist()))
    assert vectors.config["trained_buckets"] == len(vectors.subwords.ids)


def test_words_shorter_than_every_ngram_have_their_own_row_alone():
    vectors = train(encode(["a b c"] * 20, Whitespace()), minn=4, maxn=5)
    assert len(vectors.subwords.ids) == 0
    assert np.abs(vectors.matrix).max() > 0
    assert not vectors.subwords.known(["abcdef"])[0]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"minn": 5, "maxn": 3}, "minn=5 and maxn=3"),
        ({"units": "jamoo"}, "Did you mean 'jamo'"),
        ({"bucket": 10}, "Did you mean 'buckets'"),
        ({"buckets": 0}, "'buckets'"),
    ],
)
def test_a_setting_that_does_not_fit_is_refused(settings, message):
    with pytest.raises(ConfigError, match=message):
        make_method("fasttext", **settings)


@pytest.mark.parametrize("settings", [{"minn": 3}, {"maxn": 2}, {"units": "jamo"}, {"buckets": 5}])
def test_every_setting_changes_the_result(settings):
    corpus = inflected()
    assert not np.array_equal(train(corpus, epochs=1, **settings).matrix, train(corpus, epochs=1).matrix)
