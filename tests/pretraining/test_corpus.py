"""A corpus as numbers: words by frequency, rare ones gone, texts where they were."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from yeonma.errors import DataError
from yeonma.pretraining import Corpus, encode
from yeonma.text.tokenizers import Syllable, Whitespace, make_tokenizer


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
    monkeypatch.setattr("yeonma.pretraining.encoding._BLOCK", 7)
    corpus = encode([f"가 {number} 나" for number in range(50)], Whitespace(), min_count=2)
    assert words_of(corpus) == [["가", "나"]] * 50


def test_nothing_to_read_is_an_error_that_says_why():
    with pytest.raises(DataError, match="no word: all its texts are blank"):
        encode(["", "  "], Whitespace())
    with pytest.raises(DataError, match=r"No word occurs 5 times \(the most frequent, '가', 2 times\)"):
        encode(["가 가 나"], Whitespace())


def test_progress_tells_words_and_how_many_there_will_be():
    told = []
    shares = iter([0.25, 0.25, 0.5, 0.5, *[0.75] * 100])
    encode(["가 나"] * 1500, Whitespace(), 1, lambda *what: told.append(what), share=lambda: next(shares))
    assert told[0] == ("read", 1024, 4096, "words")
    assert told[1] == ("read", 2048, 4096, "words")
    assert told[-1] == ("read", 3000, 3000, "words")


def test_a_vocabulary_by_size_keeps_the_most_frequent():
    corpus = encode(["가 나 가 다 나 가 라"], Whitespace(), 1, vocab_size=2)
    assert corpus.words == ["가", "나"]
    assert corpus.counts.tolist() == [3, 2]
    assert corpus.dropped == 2
    assert encode(["가 나 가"], Whitespace(), 2, vocab_size=2).words == ["가"]


@given(st.lists(letters.filter(str.strip), min_size=1, max_size=8), st.integers(1, 3))
def test_on_disk_it_is_the_same_as_in_memory(tmp_path_factory, texts, block):
    folder = tmp_path_factory.mktemp("corpus")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("yeonma.pretraining.encoding._BLOCK", block)
        here, there = encode(texts, Syllable(), 1), encode(texts, Syllable(), 1, folder=folder)
    assert here.words == there.words
    assert here.tokens.tolist() == there.tokens[:].tolist()
    assert here.bounds.tolist() == there.bounds[:].tolist()
    assert sorted(path.name for path in folder.iterdir()) == ["bounds.i64", "tokens.i32"]


@pytest.mark.parametrize("name", ["whitespace", "mecab"])
def test_any_number_of_processes_gives_the_same_corpus(name):
    texts = [f"{number % 7}번 영화 정말 좋다 {number}" for number in range(1500)]
    one, two = (encode(texts, make_tokenizer(name), 2, threads=threads) for threads in (1, 2))
    assert one.words == two.words
    assert one.tokens.tobytes() == two.tokens.tobytes()
    assert one.bounds.tobytes() == two.bounds.tobytes()


@given(st.lists(st.integers(0, 5), min_size=1, max_size=30).filter(any), st.integers(1, 12), st.integers(1, 4))
def test_chunks_hold_every_text_once_and_none_is_without_a_token(lengths, size, block):
    bounds = np.concatenate([[0], np.cumsum(lengths)])
    corpus = Corpus(["가"], bounds[-1:], np.arange(bounds[-1], dtype=np.int32), bounds)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("yeonma.pretraining.corpus._BLOCK", block)
        cuts = corpus.cuts(size)
    assert (cuts[0], cuts[-1]) == (0, len(lengths))
    stretches = [corpus.stretch(*pair) for pair in pairwise(cuts)]
    assert all(len(tokens) and ends[0] == 0 and ends[-1] == len(tokens) for tokens, ends in stretches)
    assert np.concatenate([tokens for tokens, _ in stretches]).tolist() == corpus.tokens.tolist()
    assert max(len(tokens) for tokens, _ in stretches) < size * 2 + max(lengths)


def test_a_stretch_is_fresh_and_its_long_texts_are_cut():
    bounds = np.array([0, 5, 5, 25_005, 25_010])
    corpus = Corpus(["가"], np.array([25_010]), np.zeros(25_010, np.int32), bounds)
    tokens, ends = corpus.stretch(1, 4)
    assert ends.tolist() == [0, 10_000, 20_000, 25_000, 25_005]
    tokens[:] = 9
    assert not corpus.tokens.any()


MEASURE = """
import re, sys, tempfile
from itertools import pairwise
from pathlib import Path
from yeonma.pretraining import encode
from yeonma.text.tokenizers import Whitespace

lines = [" ".join(f"w{(number * place) % 5000}" for place in range(1, 41)) for number in range(2500)]
texts = (lines[number % 2500] for number in range(int(sys.argv[1])))
with tempfile.TemporaryDirectory() as folder:
    corpus = encode(texts, Whitespace(), 1, folder=Path(folder))
    for pair in pairwise(corpus.cuts(100_000)):
        corpus.stretch(*pair)
peak = re.search(r"VmHWM:\\s*(\\d+)", Path("/proc/self/status").read_text())[1]  # ru_maxrss would count the parent too
print(len(corpus.words), len(corpus.tokens), peak)
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the peak is read from Linux")
def test_ten_times_the_text_takes_no_more_memory():
    """Ten times as many tokens of the same words; held in memory they would take a fifth more."""
    found = []
    for texts in (8_000, 80_000):
        done = subprocess.run(
            [sys.executable, "-c", MEASURE, str(texts)], capture_output=True, text=True, check=True, env=os.environ
        )
        found.append([int(number) for number in done.stdout.split()])
    (words, tokens, peak), (same, many, more) = found
    assert (same, many) == (words, 10 * tokens)
    assert more < 1.1 * peak
