"""Phrases: what is counted, scored and joined, in the corpus and later in any text."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from yeonma.pretraining import encode, pretrain
from yeonma.pretraining.phrases import pair_counts, scored
from yeonma.text.phrases import Phrases
from yeonma.text.tokenizers import Syllable, Whitespace, load_tokenizer
from yeonma.vectors import Vectors

letters = st.text("가나다라", min_size=1, max_size=12)
corpora = st.lists(letters, min_size=1, max_size=8)


def words_of(corpus):
    return [[corpus.words[row] for row in corpus.tokens[a:b]] for a, b in pairwise(corpus.bounds)]


def counted(texts, least):
    """Counts of pairs by hand, by their forms."""
    words = Counter("".join(texts))
    pairs = Counter(pair for text in texts for pair in pairwise(text))
    return words, {pair: n for pair, n in pairs.items() if min(words[pair[0]], words[pair[1]]) >= least}


@given(corpora, st.integers(1, 3), st.integers(1, 5))
def test_pairs_are_counted_inside_of_texts(texts, least, block):
    raw = encode(texts, Syllable(), 1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("yeonma.pretraining.phrases._BLOCK", block)
        pairs, counts = pair_counts(raw, least)
    forms = [(raw.words[pair // len(raw.words)], raw.words[pair % len(raw.words)]) for pair in pairs.tolist()]
    assert dict(zip(forms, counts.tolist(), strict=True)) == counted(texts, least)[1]
    assert pairs.tolist() == sorted(set(pairs.tolist()))


@given(corpora, st.integers(1, 3), st.floats(0.01, 5))
def test_the_score_is_the_papers(texts, discount, threshold):
    raw = encode(texts, Syllable(), 1)
    words, pairs = counted(texts, discount)
    expected = {
        (a, b)
        for (a, b), n in pairs.items()
        if (n - discount) / (words[a] * words[b]) * sum(words.values()) > threshold * (1 + 1e-12)
    }
    found = scored(raw, *pair_counts(raw, discount), threshold, discount)
    assert {(raw.words[p // len(raw.words)], raw.words[p % len(raw.words)]) for p in found.tolist()} >= expected


@settings(max_examples=40)
@given(corpora, st.floats(0.01, 3), st.integers(1, 5))
def test_the_corpus_is_what_the_saved_tokenizer_makes_of_the_texts(tmp_path_factory, texts, threshold, block):
    """So vectors and what is fine-tuned with them see the same words."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("yeonma.pretraining.phrases._BLOCK", block)
        corpus = encode(texts, Syllable(), 1, phrases=threshold)
    folder = tmp_path_factory.mktemp("tokenizer")
    Phrases(Syllable(), corpus.pairs).save(folder)
    tokenizer = load_tokenizer(folder)
    assert words_of(corpus) == [[piece.form for piece in tokenizer.pieces(text)] for text in texts]
    found = Counter(word for words in words_of(corpus) for word in words)
    assert corpus.counts.tolist() == [found[word] for word in corpus.words]


def test_a_planted_phrase_is_found_and_frequent_neighbours_are_none():
    rng = np.random.default_rng(0)
    others = ["가", "나", "다", "라"]
    texts = [" ".join([*rng.choice(others, 6), "뉴욕", "타임스", *rng.choice(others, 6)]) for _ in range(300)]
    corpus = encode(texts, Whitespace(), 5, phrases=3.0)
    assert corpus.pairs == [("뉴욕", "타임스")]
    assert corpus.counts[corpus.words.index("뉴욕_타임스")] == 300
    assert not {"뉴욕", "타임스"} & set(corpus.words)


def test_beyond_the_cap_the_rarest_pairs_are_forgotten(monkeypatch):
    monkeypatch.setattr("yeonma.pretraining.phrases.CAP", 3)
    monkeypatch.setattr("yeonma.pretraining.phrases._BLOCK", 8)
    raw = encode(["가 나 가 나 가 나"] * 5 + [f"{n} {n + 1}" for n in range(20)], Whitespace(), 1)
    pairs, counts = pair_counts(raw, 1)
    assert len(pairs) <= 3
    frequent = dict(zip(pairs.tolist(), counts.tolist(), strict=True))
    assert frequent[1] == 15


def test_a_phrase_spans_both_words_and_a_word_is_in_one_at_most():
    tokenizer = Phrases(Whitespace(), [("뉴욕", "타임스"), ("타임스", "기자"), ("기자", "회견")])
    assert tokenizer.pieces("그 뉴욕  타임스 기자 회견") == [("그", 0, 1), ("뉴욕_타임스", 2, 9), ("기자_회견", 10, 15)]
    assert tokenizer.fingerprint() != Phrases(Whitespace(), [("뉴욕", "타임스")]).fingerprint()
    assert tokenizer.fingerprint() != Phrases(Whitespace(lowercase=True), tokenizer.pairs).fingerprint()


def test_vectors_carry_their_phrases(tmp_path):
    (tmp_path / "a.txt").write_text(
        "나는 뉴욕 타임스 보다\n너는 나는 보다 뉴욕 타임스\n보다 나는 너는\n" * 20, encoding="utf-8"
    )
    made = pretrain(
        "word2vec", [tmp_path / "a.txt"], tmp_path / "v", tokenizer="whitespace", dim=4, epochs=1, phrases=2.0
    )
    read = Vectors.load(tmp_path / "v")
    assert "뉴욕_타임스" in read.words
    assert [piece.form for piece in read.tokenizer.pieces("뉴욕 타임스 나는")] == ["뉴욕_타임스", "나는"]
    assert read.tokenizer.fingerprint() == made.tokenizer.fingerprint()
    assert read.config["corpus"]["phrases"] == len(read.tokenizer.pairs)
