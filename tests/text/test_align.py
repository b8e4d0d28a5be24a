"""Characters → tokens → characters: the guarantees, against a reading of them in sets of characters."""

from __future__ import annotations

import unicodedata

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from yeonma.records import Piece, Span
from yeonma.text import make_tokenizer, spans_to_tokens, tokens_to_spans

LENGTH = 12


def row(*texts: list[Piece]) -> tuple[np.ndarray, np.ndarray]:
    """[CLS] first [SEP] second … as `Tokens` has them: offsets and part, −1 on special tokens."""
    offsets, part = [(0, 0)], [-1]
    for number, pieces in enumerate(texts):
        offsets += [(piece.start, piece.end) for piece in pieces] + [(0, 0)]
        part += [number] * len(pieces) + [-1]
    return np.array(offsets, np.int32).reshape(-1, 2), np.array(part, np.int8)


pieces = st.lists(st.tuples(st.integers(0, LENGTH), st.integers(0, 4)), max_size=8).map(
    lambda made: sorted(Piece("", start, min(start + length, LENGTH)) for start, length in made)
)
span = st.tuples(st.integers(0, LENGTH), st.integers(0, LENGTH), st.integers(0, 1)).map(
    lambda drawn: Span(min(drawn[:2]), max(drawn[:2]), "L", drawn[2])
)


@given(pieces, pieces, st.lists(span, max_size=4))
def test_the_guarantees(first, second, spans):
    offsets, part = row(first, second)
    ranges, lost = spans_to_tokens(spans, offsets, part)
    kept = [span for span in spans if span not in lost]
    back = tokens_to_spans(ranges, offsets, part)
    assert len(kept) == len(ranges) == len(back)
    for span in lost:
        assert not touching(span, offsets, part)
    for span, chosen, again in zip(kept, ranges, back, strict=True):
        touched = touching(span, offsets, part)
        assert (chosen.first, chosen.end, chosen.label) == (touched[0], touched[-1] + 1, "L")
        assert again.text == span.text
        assert again.label == "L"
        assert held(span, offsets, part) <= set(range(again.start, again.end))
        within = [t for t in range(chosen.first, chosen.end) if part[t] == span.text]
        if all(offsets[t, 0] >= span.start and offsets[t, 1] <= span.end for t in within):
            assert span.start <= again.start <= again.end <= span.end
            if {span.start, span.end - 1} <= held(span, offsets, part):
                assert again == span


def touching(span: Span, offsets: np.ndarray, part: np.ndarray) -> list[int]:
    inside = set(range(span.start, span.end))
    return [t for t, (start, end) in enumerate(offsets) if part[t] == span.text and inside & set(range(start, end))]


def held(span: Span, offsets: np.ndarray, part: np.ndarray) -> set[int]:
    return {i for t in touching(span, offsets, part) for i in range(*offsets[t]) if span.start <= i < span.end}


@pytest.mark.parametrize("form", ["NFC", "NFD"])
@pytest.mark.parametrize("name", ["whitespace", "syllable", "jamo", "mecab"])
def test_a_word_of_a_real_sentence_goes_there_and_back(name, form):
    text = unicodedata.normalize(form, "서울특별시 종로구 에서 기념식 이 열렸다")
    word = unicodedata.normalize(form, "종로구")
    span = Span(text.index(word), text.index(word) + len(word), "LOC")
    offsets, part = row(make_tokenizer(name).pieces(text))
    ranges, lost = spans_to_tokens([span], offsets, part)
    assert lost == []
    assert tokens_to_spans(ranges, offsets, part) == [span]


def test_a_border_inside_a_token_moves_outward():
    offsets, part = row([Piece("마음", 0, 2), Piece("이", 2, 3), Piece("끌려", 4, 6)])
    ranges, _ = spans_to_tokens([Span(1, 5, "X")], offsets, part)
    assert ranges == [(1, 4, "X")]
    assert tokens_to_spans(ranges, offsets, part) == [Span(0, 6, "X")]


def test_overlapping_morphemes():
    """끌려 is 끌리(끌려) + 어(려): its characters touch both; 끌 alone touches the stem, which reaches to 려."""
    offsets, part = row([Piece("이", 2, 3), Piece("끌리", 4, 6), Piece("어", 5, 6), Piece("가", 7, 8)])
    ranges, _ = spans_to_tokens([Span(4, 6, "V"), Span(4, 5, "S"), Span(5, 6, "E")], offsets, part)
    assert ranges == [(2, 4, "V"), (2, 3, "S"), (2, 4, "E")]
    assert tokens_to_spans(ranges, offsets, part) == [Span(4, 6, "V"), Span(4, 6, "S"), Span(4, 6, "E")]


def test_spans_of_the_second_text():
    offsets, part = row([Piece("a", 0, 1)], [Piece("b", 0, 1), Piece("c", 1, 2)])
    ranges, lost = spans_to_tokens([Span(0, 2, "Q", 1), Span(1, 2, "Q", 0)], offsets, part)
    assert ranges == [(3, 5, "Q")]
    assert lost == [Span(1, 2, "Q", 0)]
    assert tokens_to_spans(ranges, offsets, part) == [Span(0, 2, "Q", 1)]


def test_blank_empty_and_cut_off_spans_are_reported():
    offsets, part = row([Piece("가", 0, 1), Piece("나", 2, 3)])
    spans = [Span(1, 2), Span(0, 0), Span(3, 9), Span(0, 1)]
    assert spans_to_tokens(spans, offsets, part) == ([(1, 2, "")], spans[:3])


def test_a_range_without_characters_gives_no_span_and_one_over_two_texts_stops():
    offsets, part = row([Piece("가", 0, 1)], [Piece("나", 5, 6)])
    assert tokens_to_spans([(0, 1, "X"), (2, 3, "X"), (1, 1, "X")], offsets, part) == []
    assert tokens_to_spans([(0, 5, "X")], offsets, part) == [Span(0, 1, "X", 0)]


def test_an_empty_row():
    offsets, part = np.empty((0, 2), np.int32), np.empty(0, np.int8)
    assert spans_to_tokens([Span(0, 1)], offsets, part) == ([], [Span(0, 1)])
    assert tokens_to_spans([], offsets, part) == []
