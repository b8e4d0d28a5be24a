"""The few shapes of HTML that the page is made of. What comes from data is escaped by whoever hands it in."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import NamedTuple

from yeonma.report.phrases import word, written


class Cell(NamedTuple):
    """A cell of a table that is sorted by another value than the text it shows."""

    html: str
    value: float | str


def table(head: Sequence[str], rows: Sequence[Sequence[str | Cell]], *, sortable: bool = False) -> str:
    """A table; a sortable one is sorted by a click on its head. Columns that are sorted as words begin at the left."""
    left = [" class=words" if any(map(_of_words, column)) else "" for column in zip(*rows, strict=True)]
    left = left or [""] * len(head)
    top = "".join(f"<th{where}>{cell}</th>" for where, cell in zip(left, head, strict=True))
    body = "".join("<tr>" + "".join(map(_cell, left, row)) + "</tr>" for row in rows)
    kind = " class=sortable" if sortable else ""
    return f"<div class=scroll><table{kind}><thead><tr>{top}</tr></thead><tbody>{body}</tbody></table></div>"


def _of_words(cell: str | Cell) -> bool:
    return isinstance(cell, Cell) and isinstance(cell.value, str) and cell.value != ""


def _cell(where: str, cell: str | Cell) -> str:
    if isinstance(cell, Cell):
        return f'<td{where} data-v="{escape(str(cell.value), quote=True)}">{cell.html}</td>'
    return f"<td{where}>{cell}</td>"


def number(value: float | None, digits: int = 4) -> str:
    """A number with so many digits behind the point; a dash where there is none."""
    return "–" if value is None else written(value, f".{digits}f")


def part(key: str, body: str, level: int = 2) -> str:
    """A body under its heading, one of level 2 with an id to link to; nothing where the body is empty."""
    named = f'id="{key}"' if level == 2 else f'class="{key}"'
    return f"<h{level} {named}>{word(key)}</h{level}>{body}" if body else ""


def fold(summary: str, body: str, *, opened: bool = False) -> str:
    """What is unfolded by a click; nothing where there is nothing inside."""
    return f"<details{' open' * opened}><summary>{summary}</summary>{body}</details>" if body else ""


def note(key: str, **values: object) -> str:
    """A remark in both languages."""
    return f"<p class=note>{word(key, **values)}</p>"
