"""Which cells of a comparison a chart shows in colour, and which in grey."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from yeonma.report.html import note

ALL, LED = 9, 8  # a chart tells so many lines apart; of more cells so many are told from the others

Result = Mapping[str, Any]


def leading(cells: Sequence[Result]) -> list[tuple[Result, bool]]:
    """The cells in their order, the highest mean test score first, each with whether it is drawn in grey.

    Up to nine have a colour each; of more, the first eight, and the others are grey.
    """
    coloured = len(cells) if len(cells) <= ALL else LED
    return [(cell, place >= coloured) for place, cell in enumerate(cells)]


def led(cells: Sequence[Result]) -> str:
    """What the colours mean, where some cells have none."""
    return note("study_led", count=LED) if len(cells) > ALL else ""
