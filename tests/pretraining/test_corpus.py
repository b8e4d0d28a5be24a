"""A corpus as numbers: words by frequency, rare ones gone, texts where they were."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from yeonma.errors import DataError
from yeonma.pretraining.corpus import encode
from yeonma.text.tokenizers import Syllable, Whitespace


def words_of(corpus):
    """Each text as the words it still has."""
    return [
        [corpus.words[row] for row in corpus.tokens[start:end]]
        for start, end in zip(corpus.bounds, corpus.bounds[1:], strict=False)
    ]


def test_words_by_falling_frequency_and_texts_in_order():
    corpus = encode(["나 가 다", "", "가 나 가", " \t ", "라"], Whitespace(), min_count=1)
    assert corpus.words == ["가", "나", "다", "라"]
    assert corpus.counts.tolist() == [3, 2, 1, 1]
    assert words_of(corpus) == [["나", "가", "다"], ["가", "나", "가"], ["라"]]
    assert (corpus.tokens.dtype, corpus.bounds.dtype, corpus.counts.dtype) == (np.int32, np.int64, np.int64)
    assert corpus.dropped == 0


def test_rare_words_are_left_out_of_texts_and_counts():
    corpus = encode(["가 나 가", "다 나", "라"], Whitespace(), min_count=2)
    assert corpus.words == ["가", "나"]
    assert words_of(corpus) == [["가", "나", "가"], ["나"], []]
    assert corpus.dropped == 2


letters = st.text("가나다라마 ", max_size=12)


@given(st.lists(letters, min_size=1, max_size=8), st.integers(1, 4))
def test_the_same_words_as_counting_by_hand(texts, least):
    cut = [[piece.form for piece in Syllable().pieces(text)] for text in texts if text.strip()]
    counts = Counter(word for words in cut for word in words)
    expected = [[word for word in words if counts[word] >= least] for words in cut]
    if not any(expected):
        with pytest.raises(DataError):
            encode(texts, Syllable(), least)
        return
    corpus = encode(texts, Syllable(), least)
    assert words_of(corpus) == expected
    assert dict(zip(corpus.words, corpus.counts.tolist(), strict=True)) == {
        word: count for word, count in counts.items() if count >= least
    }
    assert corpus.counts.tolist() == sorted(corpus.counts.tolist(), reverse=True)


def test_many_texts_go_through_the_blocks(monkeypatch):
    monkeypatch.setattr("yeonma.pretraining.corpus._BLOCK", 7)
    corpus = encode([f"가 {number} 나" for number in range(50)], Whitespace(), min_count=2)
    assert words_of(corpus) == [["가", "나"]] * 50


def test_nothing_to_read_is_an_error_that_says_why():
    with pytest.raises(DataError, match="no word: all its texts are blank"):
        encode(["", "  "], Whitespace())
    with pytest.raises(DataError, match=r"No word occurs 5 times \(the most frequent, '가', 2 times\)"):
        encode(["가 가 나"], Whitespace())


def test_progress_is_told():
    told = []
    encode(["가"] * 10_000, Whitespace(), 1, lambda *what: told.append(what))
    assert told == [
        ("read", 4096, None, "texts"),
        ("read", 8192, None, "texts"),
        ("read", 10_000, 10_000, "texts"),
    ]
