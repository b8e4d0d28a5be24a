"""nfc: the text is what unicodedata composes, and every character knows the original characters it stands for."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from yeonma.text import nfc

# Letters that compose, marks of several classes, jamo old and new, characters whose NFC is longer or another one.
PARTS = [
    *"가한각ㄱaeq 1",
    *"\u1112\u1161\u11ab\u119e",
    *"\u0301\u0302\u0307\u0323\u0328\u0344",
    *"\u212b\u0958\uf900\u0f73",
]
mixed = st.lists(st.sampled_from(PARTS), max_size=12).map("".join) | st.text(max_size=12)


def decomposed(text: str) -> str:
    return unicodedata.normalize("NFD", text)


@given(mixed)
@example("a\u0f73\u0323")  # a Tibetan vowel of class 0 made of marks: U+0323 passes it to join the letter
def test_text_is_what_unicode_says(text):
    assert nfc(text).text == unicodedata.normalize("NFC", text.replace("\0", "\ufffd"))


@given(mixed)
def test_ranges_run_over_the_whole_original_without_holes(text):
    normal = nfc(text)
    ranges = list(zip(normal.starts, normal.ends, strict=True))
    assert len(ranges) == len(normal.text)
    assert ranges == sorted(ranges)
    assert {i for start, end in ranges for i in range(start, end)} == set(range(len(text)))


@given(mixed, st.data())
def test_a_range_holds_the_characters_it_was_composed_from(text, data):
    normal = nfc(text)
    start, end = sorted(data.draw(st.tuples(*[st.integers(0, len(normal.text))] * 2)))
    first, last = normal.to_original(start, end)
    assert 0 <= first <= last <= len(text)
    assert normal.text[start:end] in nfc(text[first:last]).text


@given(st.text(alphabet=st.characters(min_codepoint=0xAC00, max_codepoint=0xD7A3), max_size=8))
def test_decomposed_hangul_maps_to_its_jamo(text):
    normal = nfc(decomposed(text))
    assert normal.text == text
    for i, syllable in enumerate(text):
        first, last = normal.to_original(i, i + 1)
        assert decomposed(text)[first:last] == decomposed(syllable)


def test_three_jamo_stand_behind_one_syllable():
    normal = nfc("a" + decomposed("한글") + "b")
    assert normal.text == "a한글b"
    assert normal.to_original(1, 2) == (1, 4)
    assert normal.to_original(1, 3) == (1, 7)
    assert normal.to_original(3, 4) == (7, 8)
    assert not normal.in_place


def test_composed_text_stays_in_place():
    normal = nfc("한글 abc")
    assert normal.in_place
    assert normal.to_original(1, 4) == (1, 4)


def test_rearranged_marks_stand_for_their_whole_cluster():
    normal = nfc("q\u0307\u0323x")
    assert normal.text == "q\u0323\u0307x"
    assert [normal.to_original(i, i + 1) for i in range(4)] == [(0, 3), (0, 3), (0, 3), (3, 4)]


@pytest.mark.parametrize("text", ["한\0글", "한\ud800글"])
def test_what_no_file_can_carry_is_replaced(text):
    assert nfc(text) == ("한\ufffd글", range(3), range(1, 4))


def test_empty_ranges_stay_empty():
    normal = nfc(decomposed("한"))
    assert [normal.to_original(i, i) for i in (0, 1)] == [(0, 0), (3, 3)]
    assert nfc("").to_original(0, 0) == (0, 0)
