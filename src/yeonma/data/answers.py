"""Rows of question answering: a question, a context, and the accepted answers as spans of the context."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from yeonma.data.labels import Labels
from yeonma.data.lines import BadRow
from yeonma.data.numbers import whole_number
from yeonma.data.shape import Cells, Manner, Read, Shape, text_of
from yeonma.records import Span


def _read(cells: Cells, labels: Labels, manner: Manner) -> Read:
    """Texts (question, context); gold a span of the context for every accepted answer, in the order of the row.

    The answers cell holds {text: […], answer_start: […]}, a list of {text, answer_start}, or one text whose place
    stands in the cell `start`. Blanks around an answer are a part of it.
    """
    question, context = text_of(cells, "question"), text_of(cells, "context")
    impossible = str(cells.get("impossible")).lower() in ("true", "1")
    found = () if impossible else tuple(_span(text, start, context) for text, start in _answers(cells))
    if not found and labels.required:
        raise BadRow('the question has no answer in its context. Leave such rows out with data.on_bad_row = "skip".')
    return Read((question, context), found or None)


def _answers(cells: Cells) -> Iterator[tuple[Any, Any]]:
    """The accepted answers, each with where it should stand."""
    answers = cells.get("answers")
    if isinstance(answers, dict) and isinstance(answers.get("text"), list):
        starts = answers.get("answer_start")
        if not isinstance(starts, list) or len(starts) != len(answers["text"]):
            raise BadRow("answers must have an answer_start for every text.")
        yield from zip(answers["text"], starts, strict=True)
    elif isinstance(answers, list):
        for answer in answers:
            if not isinstance(answer, dict):
                raise BadRow(f"an answer must have a text and an answer_start; came {type(answer).__name__}.")
            yield answer.get("text"), answer.get("answer_start")
    elif isinstance(answers, str) and "start" in cells:
        yield answers, cells["start"]
    elif answers is not None:
        shapes = (
            "{text: […], answer_start: […]}, a list of {text, answer_start}, or a text beside a column answer_start"
        )
        raise BadRow(f"answers must be {shapes}; came {type(answers).__name__} {str(answers)[:40]!r}.")


def _span(text: Any, start: Any, context: str) -> Span:
    place = whole_number(start)
    if not isinstance(text, str) or not text:
        raise BadRow(f"an answer must be text that is not empty; came {type(text).__name__} {str(text)[:40]!r}.")
    if place is None:
        raise BadRow(f"the answer_start of {text[:40]!r} must be a whole number; came {str(start)[:40]!r}.")
    if place < 0 or not context.startswith(text, place):
        there = context[max(0, place) : max(0, place) + len(text)]
        reason = f"the answer {text[:40]!r} must stand in the context at {place}; there stands {there[:40]!r}"
        raise BadRow(f"{reason}. {_nearest(text, place, context)}.")
    return Span(place, place + len(text), "", 1)


def _nearest(text: str, place: int, context: str) -> str:
    """Where an answer stands instead."""
    before, after = context.rfind(text, 0, max(0, place) + len(text)), context.find(text, max(0, place))
    found = [spot for spot in (before, after) if spot >= 0]
    return f"The nearest stands at {min(found, key=lambda spot: abs(spot - place))}" if found else "It stands nowhere"


QA = Shape(
    roles={
        "question": ("question", "질문"),
        "context": ("context", "paragraph", "passage", "text", "지문", "본문"),
        "answers": ("answers", "answer", "answer_text", "답", "정답"),
        "start": ("answer_start", "start"),
        "impossible": ("is_impossible",),
    },
    needed=(("question", "context", "answers"),),
    read=_read,
    gold=("answers", "start", "impossible"),
    metric="squad_f1",
    answer="answer",
    closed=False,
)
