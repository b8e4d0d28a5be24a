"""A text with what stands in it marked, as HTML: gold and predicted spans, or the words that carried an answer."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from itertools import pairwise
from typing import Any, NamedTuple

from yeonma.records import Span

Spans = Iterable[Span | Mapping[str, Any]]
"""Spans, or rows {start, end, label, text} of predictions.parquet."""


class _Said(NamedTuple):
    """The spans of one side that lie in a text: "gold" or "predicted"."""

    side: str
    spans: list[Span]

    def labels(self, start: int) -> set[str]:
        """Those that hold a character."""
        return {span.label for span in self.spans if span.start <= start < span.end}

    def ending(self, end: int) -> set[str]:
        """Those of the spans that end before a character, where they have some."""
        return {span.label for span in self.spans if span.end == end and span.label}


def spans(text: str, gold: Spans | None, predicted: Spans | None, number: int = 0) -> str:
    """The text, escaped; what gold spans hold in <mark class="gold">, what predicted ones hold in class "predicted".

    number  which of the example's texts this is: spans of others are passed over
    What both hold has class "both", and "both differs" where the labels there are not the same. Marks are cut at every
    border, so they never overlap. Where a span ends its label stands in a <sup> of the same classes; without these
    elements the characters are those of the text.
    """
    sides = [_Said("gold", _inside(gold, text, number)), _Said("predicted", _inside(predicted, text, number))]
    borders = {0, len(text)}.union(*({span.start, span.end} for side in sides for span in side.spans))
    return "".join(_piece(text, start, end, sides) for start, end in pairwise(sorted(borders)))


def carried(text: str, words: Sequence[tuple[int, int, int, float]], number: int = 0) -> str:
    """The text, escaped; each word (text, start, end, weight) in <span class="word"> with its weight as title.

    words   those of all texts of an example, sorted and not overlapping, as `yeonma.explaining` gives them
    number  which of the texts this is
    The CSS property --w is the weight divided by the largest of all, from −1 to 1; 0 where all weights are 0.
    """
    largest = max((abs(weight) for *_, weight in words), default=0.0) or 1.0
    parts, done = [], 0
    for _, start, end, weight in (word for word in words if word[0] == number):
        shade = f'<span class="word" style="--w:{weight / largest:.3f}" title="{weight:+.4g}">'
        parts += [escape(text[done:start]), shade, escape(text[start:end]), "</span>"]
        done = end
    return "".join([*parts, escape(text[done:])])


def _inside(given: Spans | None, text: str, number: int) -> list[Span]:
    """The spans of this text, cut to its characters; empty ones are left out."""
    every = [each if isinstance(each, Span) else Span(**each) for each in given or ()]
    cut = [each._replace(start=max(0, each.start), end=min(len(text), each.end)) for each in every]
    return [each for each in cut if each.text == number and each.start < each.end]


def _piece(text: str, start: int, end: int, sides: Sequence[_Said]) -> str:
    """Characters between two borders that follow one another."""
    held = [side.labels(start) for side in sides]
    labels = [side.ending(end) for side in sides]
    kind = _kind(sides, held)
    shown = escape(text[start:end])
    return f'<mark class="{kind}">{shown}{_labels(sides, labels)}</mark>' if kind else shown


def _kind(sides: Sequence[_Said], held: Sequence[set[str]]) -> str:
    if all(held):
        return "both" if held[0] == held[1] else "both differs"
    return "".join(side.side for side, labels in zip(sides, held, strict=True) if labels)


def _labels(sides: Sequence[_Said], ending: Sequence[set[str]]) -> str:
    """One label where both sides end alike, else those of each."""
    kinds = [("both", ending[0] & ending[1]), *((s.side, own) for s, own in zip(sides, ending, strict=True))]
    shown = [
        (kind, label) for kind, own in kinds for label in sorted(own) if kind == "both" or label not in kinds[0][1]
    ]
    return "".join(f'<sup class="{kind}">{escape(label)}</sup>' for kind, label in shown)
