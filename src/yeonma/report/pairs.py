"""Every two cells of a comparison against each other: differences, and p values corrected over all pairs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from html import escape
from typing import Any

from yeonma.report.charts import Draw, heat
from yeonma.report.html import Cell, fold, note, table
from yeonma.report.leaderboard import probability, signed
from yeonma.report.phrases import say, word

LEVEL = 0.05
TABLED = 12  # cells: of no more there is a table, of more a chart

Result = Mapping[str, Any]
Show = Callable[[str, Draw | None], str]


def pairs(results: Result, show: Show) -> str:
    """A table of all pairs; of many cells a chart of the differences that are shown, and the pairs as a list."""
    found = _by_cells(results["pairs"])
    names = [cell["name"] for cell in results["cells"] if any(cell["name"] in pair for pair in found)]
    if not names:
        return ""
    if len(names) <= TABLED:
        return note("study_pairs_note") + _matrix(names, found)
    values = [[_shown(found.get((row, column))) for column in names] for row in names]
    rows = [f"{place}. {name}" for place, name in enumerate(names, start=1)]
    columns = [str(place) for place in range(1, len(names) + 1)]
    chart = heat(say("study_pairs_chart"), "", "", rows, columns, values, form="+.3f")
    listed = fold(word("study_pairs_all", count=len(results["pairs"])), _list(results["pairs"]))
    return note("study_pairs_level") + show("study-pairs", chart) + listed


def _by_cells(found: Sequence[Result]) -> dict[tuple[str, str], tuple[float | None, float | None]]:
    """Difference and p by (row, column), in both directions."""
    made: dict[tuple[str, str], tuple[float | None, float | None]] = {}
    for pair in found:
        one, other, difference = pair["one"], pair["other"], pair["difference"]
        made[one, other] = difference, pair["p_holm_all"]
        made[other, one] = None if difference is None else -difference, pair["p_holm_all"]
    return made


def _shown(pair: tuple[float | None, float | None] | None) -> float | None:
    """The difference where it is shown."""
    return pair[0] if pair and pair[1] is not None and pair[1] <= LEVEL else None


def _matrix(names: Sequence[str], found: Mapping[tuple[str, str], tuple[float | None, float | None]]) -> str:
    rows = [[escape(row), *(_pair(found.get((row, column))) for column in names)] for row in names]
    return table(["", *map(escape, names)], rows)


def _pair(pair: tuple[float | None, float | None] | None) -> str:
    if pair is None:
        return ""
    said = f"{signed(pair[0])}<small>{probability(pair[1])}</small>"
    return f"<b>{said}</b>" if _shown(pair) is not None else said


def _list(found: Sequence[Result]) -> str:
    head = [word(f"study_{column}") for column in ("one", "other", "delta", "p")]
    rows = [[*(Cell(escape(pair[end]), pair[end]) for end in ("one", "other")), *_numbers(pair)] for pair in found]
    return table(head, rows, sortable=True)


def _numbers(pair: Result) -> list[Cell]:
    difference, p = pair["difference"], pair["p_holm_all"]
    return [
        Cell(signed(difference), "" if difference is None else difference),
        Cell(probability(p), "" if p is None else p),
    ]
