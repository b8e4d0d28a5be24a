"""Rows of tagging: tokens with their tags, or a text with the spans of its entities."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from yeonma.data.bio import entities
from yeonma.data.labels import Labels
from yeonma.data.lines import BadRow
from yeonma.data.numbers import whole_number
from yeonma.data.shape import Cells, Manner, Read, Shape, text_of
from yeonma.errors import nearest
from yeonma.records import Span


def _read(cells: Cells, labels: Labels, manner: Manner) -> Read:
    """Texts (sentence,); gold its entities, sorted, none overlapping another.

    With `tokens` the sentence is the tokens with manner.join between them, and `tags` are BIO (see bio.entities), by
    name or by number in manner.tags. Else the sentence is `text`, and `spans` holds [start, end, label] or {start, end,
    label} for each entity.
    """
    if "tokens" in cells:
        return _from_tags(_tokens(cells["tokens"]), cells.get("tags"), labels, manner)
    text, spans = text_of(cells, "text"), cells.get("spans")
    if spans is None and not labels.required:
        return Read((text,), None)
    if not isinstance(spans, list):
        raise BadRow(f"spans must be a list of [start, end, label]; came {type(spans).__name__} {str(spans)[:40]!r}.")
    return Read((text,), _apart(sorted(_span(span, text, labels) for span in spans), text))


def _from_tags(tokens: list[str], tags: Any, labels: Labels, manner: Manner) -> Read:
    if tags is None and not labels.required:
        return Read((manner.join.join(tokens),), None)
    if not isinstance(tags, list) or len(tags) != len(tokens):
        came = f"{len(tags)}" if isinstance(tags, list) else f"{type(tags).__name__} {str(tags)[:40]!r}"
        raise BadRow(f"tags must be a list as long as the {len(tokens)} tokens; came {came}.")
    found = entities(tokens, [_tag(tag, manner.tags) for tag in tags], manner.join)
    return Read((found.text,), tuple(_named(span, labels) for span in found.spans), found.stray)


def _tokens(cell: Any) -> list[str]:
    if not isinstance(cell, list) or not cell:
        raise BadRow(f"tokens must be a list of words; came {type(cell).__name__} {str(cell)[:40]!r}.")
    for number, token in enumerate(cell, 1):
        if not isinstance(token, str) or not token:
            raise BadRow(f"token {number} must be text that is not empty; came {type(token).__name__} {token!r}.")
    return cell


def _tag(tag: Any, names: Sequence[str]) -> str:
    if isinstance(tag, str):
        return tag
    number = whole_number(tag)
    if number is None or not 0 <= number < len(names):
        known = f"a number from 0 to {len(names) - 1}" if names else "a name such as B-PER"
        raise BadRow(f"a tag must be {known}; came {type(tag).__name__} {str(tag)[:40]!r}.")
    return names[number]


def _span(span: Any, text: str, labels: Labels) -> Span:
    parts = [span.get(key) for key in ("start", "end", "label")] if isinstance(span, dict) else span
    if not isinstance(parts, list) or len(parts) != 3:
        raise BadRow(f"a span must be [start, end, label]; came {str(span)[:40]!r}.")
    start, end = whole_number(parts[0]), whole_number(parts[1])
    if start is None or end is None or not 0 <= start < end <= len(text):
        must = f"a span must hold characters of the text, which has {len(text)}"
        raise BadRow(f"{must}; came {parts[0]!r} to {parts[1]!r}.")
    return _named(Span(start, end, str(parts[2])), labels)


def _named(span: Span, labels: Labels) -> Span:
    """The span with the name of its label."""
    if not span.label.strip():
        raise BadRow(f"the span from {span.start} to {span.end} has no label.")
    name = labels.read(span.label)
    if name is None:
        raise BadRow(f"label {span.label!r} is not a known one.{nearest(span.label, labels.names or ())}")
    return span._replace(label=name)


def _apart(spans: list[Span], text: str) -> tuple[Span, ...]:
    for earlier, later in pairwise(spans):
        if later.start < earlier.end:
            one, other = (f"{text[s.start : s.end]!r} ({s.start} to {s.end})" for s in (earlier, later))
            raise BadRow(f"spans must not overlap; {one[:60]} and {other[:60]} do.")
    return tuple(spans)


TAGGING = Shape(
    roles={
        "tokens": ("tokens", "words", "characters"),
        "tags": ("ner_tags", "tags", "labels", "ner"),
        "text": ("text", "sentence", "document", "문장"),
        "spans": ("spans", "entities"),
    },
    needed=(("tokens", "tags"), ("text", "spans")),
    read=_read,
    gold=("tags", "spans"),
    metric="entity_f1",
    answer="set of spans",
)
