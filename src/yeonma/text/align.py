"""Characters to tokens and back: where a span of a text lies among the tokens of a row, and what tokens stand for."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from yeonma.records import Span


class TokenRange(NamedTuple):
    """Tokens first … end−1 of a row, with a label."""

    first: int
    end: int
    label: str = ""


class Aligned(NamedTuple):
    """The token ranges of the spans that touch a token, in the order of the spans, and the spans that touch none."""

    ranges: list[TokenRange]
    lost: list[Span]


def spans_to_tokens(spans: Iterable[Span], offsets: np.ndarray, part: np.ndarray) -> Aligned:
    """The tokens from the first to the last that shares a character with each span.

    offsets (T, 2) and part (T,) are those of `Tokens`. Tokens may overlap (끌려 → 끌리/어): all that touch count.
    A span is lost when it is empty, when it is blank, or when its characters were cut off by the row's window.

    With r the range of a span s and s' = `tokens_to_spans([r], …)`:

    - s' holds every character of s that any token of the row holds;
    - s' = s when s begins and ends with a character that a token holds and no touched token reaches out of s,
      that is, when its borders fall on token borders;
    - otherwise s' reaches outward by less than one token at each end, and inward only over characters of s that no
      token holds (blanks, a cut window).
    """
    ranges: list[TokenRange] = []
    lost: list[Span] = []
    for span in spans:
        touched = np.flatnonzero(_holds(offsets, part, span))
        if touched.size:
            ranges.append(TokenRange(int(touched[0]), int(touched[-1]) + 1, span.label))
        else:
            lost.append(span)
    return Aligned(ranges, lost)


def tokens_to_spans(ranges: Iterable[tuple[int, int, str]], offsets: np.ndarray, part: np.ndarray) -> list[Span]:
    """The characters, from the first to the last, that the tokens of each range (first, end, label) hold.

    Special tokens and tokens without characters hold none; a range of nothing else gives no span. A range that reaches
    into another text of the row stops there: a span lies in one text. Offsets are those of the original text, so
    `text[span.start:span.end]` is what the tokens stand for, however they are spelled.
    """
    spans = []
    for first, end, label in ranges:
        begins, ends = offsets[first:end].T
        inside = part[first:end]
        held = (begins < ends) & (inside >= 0)
        if held.any():
            text = int(inside[held][0])
            held &= inside == text
            spans.append(Span(int(begins[held].min()), int(ends[held].max()), label, text))
    return spans


def _holds(offsets: np.ndarray, part: np.ndarray, span: Span) -> np.ndarray:
    """Which tokens share a character with the span."""
    shared = np.minimum(offsets[:, 1], span.end) - np.maximum(offsets[:, 0], span.start)
    held: np.ndarray = (part == span.text) & (shared > 0)
    return held
