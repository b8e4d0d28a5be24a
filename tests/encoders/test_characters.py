"""Characters of tokens: their numbers against a plain loop, the convolution against its formula."""

from __future__ import annotations

import unicodedata

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st

from yeonma.encoders.characters import LONGEST, PAD, SPECIAL, UNKNOWN, CharacterCNN, alphabet, character_ids
from yeonma.text import Whitespace, analyse, nfc

TEXTS = ["서울 Seoul 2024", "", "좋다!", "𝒳 " + "가" * 20]


def numbered(characters, texts):
    analysed = analyse(texts, Whitespace(), cache=False)
    return character_ids(characters, texts, analysed.spans, analysed.bounds), analysed


def test_the_alphabet_holds_what_is_frequent_and_no_blanks():
    assert alphabet(["가나 가다", "가나"], 2) == ["가", "나"]
    assert alphabet(["나가"], 1) == ["가", "나"]
    assert alphabet([" \n", ""], 1) == []
    assert alphabet([unicodedata.normalize("NFD", "각")], 1) == ["각"]


@given(st.lists(st.text(st.characters(exclude_categories=("Cs",)), max_size=30), max_size=4))
def test_every_token_has_its_characters(texts):
    texts = [*TEXTS, *texts]
    characters = alphabet(TEXTS, 1)
    found, analysed = numbered(characters, texts)
    assert found.shape == (len(analysed.ids), LONGEST) and found.dtype == np.int32
    number = {character: row for row, character in enumerate(characters, start=SPECIAL)}
    for i, text in enumerate(texts):
        tokens = slice(analysed.bounds[i], analysed.bounds[i + 1])
        for (start, end), row in zip(analysed.spans[tokens], found[tokens], strict=True):
            word = nfc(text[start:end]).text[:LONGEST]
            assert row.tolist() == [number.get(c, UNKNOWN) for c in word] + [PAD] * (LONGEST - len(word))


def test_both_writings_of_a_word_have_the_same_characters():
    decomposed = [unicodedata.normalize("NFD", text) for text in TEXTS]
    assert numbered(alphabet(TEXTS, 1), decomposed)[0].tolist() == numbered(alphabet(TEXTS, 1), TEXTS)[0].tolist()


def test_the_convolution_agrees_with_the_formula():
    torch.manual_seed(0)
    network = CharacterCNN(5, 4, 3)
    ids = torch.tensor([[[2, 3, 6, 0, 0], [4, 0, 0, 0, 0], [0, 0, 0, 0, 0], [5, 5, 5, 5, 5]]])
    mask = torch.tensor([[True, True, True, False]])
    found = network(ids, mask)[0]
    weight, bias = network.convolution.weight, network.convolution.bias
    for t, word in enumerate([[2, 3, 6], [4]]):
        c = torch.cat((torch.zeros(1, 4), network.table.weight[word], torch.zeros(1, 4)))
        seen = torch.stack([torch.relu((weight * c[i : i + 3].T).sum((1, 2)) + bias) for i in range(len(word))])
        assert torch.allclose(found[t], seen.amax(0), atol=1e-6)
    assert not found[2:].any()  # a token without characters, and padding
    assert torch.allclose(network(ids[:, :3, :3], mask[:, :3])[0], found[:3], atol=1e-6)
