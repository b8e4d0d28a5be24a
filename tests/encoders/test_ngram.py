"""The n-grams of texts: hashed, counted, numbered, named; the first weights; the encoder over them."""

from __future__ import annotations

import math
import unicodedata
from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from builders import examples
from yeonma.encoders import Start
from yeonma.encoders import ngram_features as features
from yeonma.encoders.ngram import BIAS, Ngram
from yeonma.encoders.ngram_features import Features, Shape
from yeonma.errors import ConfigError
from yeonma.records import Batch

TEXTS = st.lists(st.text(st.sampled_from("가나다라 \t\n a1!😀"), max_size=12), min_size=1, max_size=8)
SHAPE = Shape(characters=3, words=2, parts=1, bits=26)


def rows_of(slots):
    bounds = slots.bounds.tolist()
    return [slots.found[a:b].tolist() for a, b in pairwise(bounds)]


def ngrams(text, shape):
    """The n-grams of a text as Python sees them."""
    words = text.split()
    line = f" {' '.join(words)} " if words else ""
    found = {("c", line[i : i + n]) for n in range(1, shape.characters + 1) for i in range(len(line) - n + 1)}
    found |= {("w", *words[i : i + n]) for n in range(1, shape.words + 1) for i in range(len(words) - n + 1)}
    return found - {("c", " ")}


@given(st.lists(st.text(st.sampled_from("가각e \u1112\u1161\u11ab\u0301\ud800"), max_size=8), min_size=1, max_size=6))
@settings(max_examples=60, deadline=None)
def test_both_writings_of_a_text_have_the_same_features(texts):
    """한 as one character and as three jamo (NFC and NFD), alone and among texts of the other kind."""
    composed = [unicodedata.normalize("NFC", text) for text in texts]
    apart = [unicodedata.normalize("NFD", text) for text in texts]
    both = [rows_of(features.slots_of(each, SHAPE, None)) for each in (composed, apart, [*texts, *apart])]
    assert both[0] == both[1] == both[2][: len(texts)]


@given(TEXTS)
@settings(max_examples=60, deadline=None)
def test_a_text_has_the_same_features_alone_and_among_others(texts):
    together = rows_of(features.slots_of(texts, SHAPE, None))
    alone = [rows_of(features.slots_of([text], SHAPE, None))[0] for text in texts]
    assert together == alone


@given(TEXTS)
@settings(max_examples=60, deadline=None)
def test_each_ngram_counts_once(texts):
    for text, slots in zip(texts, rows_of(features.slots_of(texts, SHAPE, None)), strict=True):
        assert slots[0] == -1  # room for the bias
        assert len(slots[1:]) == len(set(slots[1:])) == len(ngrams(text, SHAPE))


def test_blanks_are_squeezed_whatever_they_are():
    same = ["좋은 영화", "  좋은\t\n 영화 ", "좋은\u3000영화\u2028"]
    first, *others = rows_of(features.slots_of(same, SHAPE, None))
    assert all(row == first for row in others)


def test_a_blank_text_has_the_bias_alone():
    assert rows_of(features.slots_of(["", " \n"], SHAPE, None)) == [[-1], [-1]]


def test_the_ngrams_of_two_texts_are_told_apart_and_those_of_both_count_once_more():
    pairs = SHAPE._replace(parts=2)
    texts = ["가나 다", "가나 라", "다", "가나"]  # two rows
    first, second = rows_of(features.slots_of(texts, pairs, None))
    assert len(first) - 1 == sum(len(ngrams(t, SHAPE)) for t in texts[:2]) + len(
        ngrams(texts[0], SHAPE) & ngrams(texts[1], SHAPE)
    )
    assert len(second) - 1 == sum(len(ngrams(t, SHAPE)) for t in texts[2:])  # nothing in common
    (swapped,) = rows_of(features.slots_of(texts[1::-1], pairs, None))
    assert set(swapped) != set(first)


def test_the_vocabulary_is_counted_in_texts_and_sorted_by_falling_frequency():
    texts = ["나 나 나", "나", "가 나", "가", "다"]
    shape = Shape(characters=0, words=1, parts=1, bits=20)
    slots = features.slots_of(texts, shape, None)
    found = features.vocabulary(slots, shape, 2)
    named = features.names(slots, features.table_of(found, 20), len(found), 1)
    assert named == ["[나]", "[가]"]  # three texts, two texts; the third has too few
    data = features.features(slots, features.table_of(found, 20))
    assert data.ids.tolist() == [0, 1, 0, 1, 0, 2, 1, 0, 2, 0]
    assert data.starts.tolist() == [0, 2, 4, 7, 9, 10]


def test_the_first_weights_are_naive_bayes_log_ratios():
    data = Features(np.array([0, 1, 2, 0, 1, 0, 2], np.int32), np.array([0, 3, 5, 7]))
    golds = np.array([1, 1, 0])
    (bias, one, two) = features.naive_bayes(data, golds, 2, 3, 0.5)[:, 0]
    inside, outside = {1: 3, 2: 2}, {1: 1, 2: 2}  # texts of the class that have it and of the others, one added
    assert bias == pytest.approx(0.5 * math.log(3 / 2))
    assert one == pytest.approx(0.5 * math.log((inside[1] / 5) / (outside[1] / 3)))
    assert two == pytest.approx(0.5 * math.log((inside[2] / 5) / (outside[2] / 3)))
    three = features.naive_bayes(data, np.array([0, 1, 2]), 3, 3, 1.0)
    assert three.shape == (3, 3)
    assert three[0] == pytest.approx([math.log(2 / 3)] * 3)


def learned(**changes):
    texts = [e.texts[0] for e in examples(40)]
    chosen = Ngram.Settings(**{"bits": 18, "words": "whitespace", "outputs": 2, **changes})
    encoder, data = Ngram.learn(chosen, texts)
    with torch.no_grad():
        encoder.table.weight.normal_(generator=torch.Generator().manual_seed(0))
    return encoder, data, texts


def batch_of(encoder, texts):
    windows = encoder.tokenize([(text,) for text in texts], 128)
    lengths = np.array([len(window.ids) for window in windows])
    mask = torch.from_numpy(np.arange(lengths.max()) < lengths[:, None])
    return Batch(encoder.collate(windows, lengths.max()), mask, torch.empty(0), {}, torch.arange(len(texts)))


def test_training_texts_are_read_as_they_were_counted():
    encoder, data, texts = learned()
    again = encoder.read(texts)
    assert np.array_equal(again.ids, data.ids)
    assert np.array_equal(again.starts, data.starts)


def test_torch_and_the_kernel_give_the_same_scores():
    encoder, _, texts = learned()
    texts = [*texts[:5], "", "새 말 xyz"]
    out = encoder(batch_of(encoder, texts)).pooled
    assert torch.allclose(out, torch.from_numpy(encoder.logits(encoder.read(texts))), atol=1e-5)
    assert torch.equal(out[5], encoder.table.weight[0])  # blank: the bias


def test_assets_come_back(tmp_path):
    encoder, _, texts = learned()
    encoder.save_assets(tmp_path)
    again = Ngram.load_assets(encoder.settings, tmp_path)
    assert again.words() == encoder.words()
    assert again.words()[0] == BIAS
    assert np.array_equal(again.read(texts[:3]).ids, encoder.read(texts[:3]).ids)


def test_the_heaviest_ngrams_have_names():
    encoder, _, _ = learned()
    name, weight = encoder.heaviest(1)[0]
    weights = encoder.table.weight.detach()[:, 0]
    assert weight == float(weights[encoder.words().index(name)])
    assert abs(weight) == float(weights[1:].abs().max())


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"vectors": "v"}, "encoder.vectors"),
        ({"tokenizer": "mecab"}, 'encoder.words = "mecab"'),
        ({"path": "p"}, "path"),
    ],
)
def test_what_it_has_no_use_for_is_refused(given, said):
    with pytest.raises(ConfigError, match=said):
        Ngram.prepare(Ngram.Settings(), ["가"], Start(**given))


def test_no_ngrams_at_all_are_refused():
    with pytest.raises(ConfigError, match="no n-grams"):
        Ngram.learn(Ngram.Settings(characters=0, words="none"), ["가"])


def test_a_stride_is_refused():
    encoder, _, _ = learned()
    with pytest.raises(ConfigError, match=r"data\.stride"):
        encoder.tokenize([("가",)], 128, stride=8)
