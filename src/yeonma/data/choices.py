"""Rows of choice: a premise and its endings, in a list or in columns of their own, one of which is the right one."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from yeonma.data.labels import Labels
from yeonma.data.lines import BadRow
from yeonma.data.numbers import is_missing, whole_number
from yeonma.data.shape import Cells, Manner, Read, Shape, Texts, text_of
from yeonma.errors import DataError, nearest


def rows_of(texts: Texts) -> Iterable[Texts]:
    """The rows a model reads: the premise with each ending."""
    return [(texts[0], ending) for ending in texts[1:]]


def _read(cells: Cells, labels: Labels, manner: Manner) -> Read:
    """Texts (premise, ending 1, …); gold the number of the right ending, counted from 1, as a string.

    question  a cell of its own (KoBEST's COPA: 원인 or 결과) stands behind the premise, a blank between them: as it is,
              or in the words that manner.wording has for it
    opening   how every ending begins (SWAG's sent2): it stands before each, a blank between them
    """
    endings = _endings(cells.get("endings"))
    if "opening" in cells:
        opening = text_of(cells, "opening")
        endings = [f"{opening} {ending}" for ending in endings]
    gold = _gold(cells.get("label"), len(endings), manner.first, labels.required)
    return Read((_premise(cells, manner), *endings), gold)


def _premise(cells: Cells, manner: Manner) -> str:
    premise = text_of(cells, "premise")
    if "question" not in cells:
        return premise
    question = text_of(cells, "question").strip()
    if manner.wording and question not in manner.wording:
        raise BadRow(f"the question {question!r} is not a known one.{nearest(question, manner.wording)}")
    return f"{premise} {manner.wording.get(question, question)}"


def _endings(cell: Any) -> list[str]:
    """The endings; empty ones behind the last are left out, as rows may have fewer than there are columns."""
    if not isinstance(cell, list):
        raise BadRow(f"the endings must be a list; came {type(cell).__name__} {str(cell)[:40]!r}.")
    endings = list(cell)
    while endings and (endings[-1] is None or endings[-1] == ""):
        endings.pop()
    for number, ending in enumerate(endings, 1):
        if not isinstance(ending, str) or not ending:
            came = f"came {type(ending).__name__} {str(ending)[:40]!r}" if ending else "it is missing"
            raise BadRow(f"ending {number} of {len(endings)} must be text; {came}.")
    if len(endings) < 2:
        raise BadRow(f"there must be at least 2 endings; came {len(endings)}.")
    return endings


def _gold(cell: Any, endings: int, first: int, required: bool) -> str | None:
    number = whole_number(cell)
    if is_missing(cell) or number == -1:
        if required:
            raise BadRow("the label is missing." if number is None else "the label is withheld (-1).")
        return None
    last = first + endings - 1
    must = f"the label must be the number of the right ending, {first} to {last}"
    if number is None:
        raise BadRow(f"{must}; came {type(cell).__name__} {str(cell)[:40]!r}.")
    if number == (last + 1 if first == 0 else 0):
        # No row of such a file can be trusted, the ones that seem right least of all: skipping this one would hide it.
        other = 1 - first
        raise DataError(f"{must}; came {number}. If the file counts them from {other}, say data.first = {other}.")
    if not first <= number <= last:
        raise BadRow(f"{must}; came {number}.")
    return str(number - first + 1)


CHOICE = Shape(
    roles={
        "premise": ("premise", "context", "ctx", "sent1", "passage", "text", "question", "전제"),
        "endings": ("endings", "choices", "options", "alternatives"),
        "label": ("label", "answer", "gold", "correct", "라벨", "정답"),
        "question": ("question",),
        "opening": ("sent2",),
    },
    needed=(("premise", "endings", "label"),),
    read=_read,
    answer="ending",
    closed=False,
    several=("endings",),
    rows=rows_of,
)
