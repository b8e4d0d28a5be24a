"""What a comparison found, as a part of the page: who leads, by which rules, how fast, and how sure that is."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from html import escape
from typing import Any

from yeonma.report.charts import Draw, Line, lines
from yeonma.report.html import Cell, fold, note, number, part, table
from yeonma.report.leaderboard import leaderboard
from yeonma.report.pairs import pairs
from yeonma.report.phrases import say, word
from yeonma.report.rulebook import rules
from yeonma.report.sensitivity import sensitivity
from yeonma.report.standing import leading, led
from yeonma.report.training import banded

COSTS = ("steps", "examples", "seconds")  # of reaching the target

Result = Mapping[str, Any]
Show = Callable[[str, Draw | None], str]
"""Puts a picture of that name into the page."""


def section(results: Result, show: Show) -> str:
    """All that a comparison found.

    results  as results.json holds them
    """
    parts = {
        "study_leaderboard": leaderboard(results),
        "study_targets": targets(results, show),
        "study_curves": curves(results, show),
        "study_sensitivity": sensitivity(results, show),
        "study_pairs": pairs(results, show),
    }
    body = "".join(part(key, body, level=3) for key, body in parts.items())
    return part("study", fold(word("study_rules"), rules(results)) + body)


def targets(results: Result, show: Show) -> str:
    """What it took to reach the target: a table, and the share of runs that had reached it by then."""
    cells = [cell for cell in results["cells"] if cell["to_target"]]
    if results["target"] is None or not cells:
        return ""
    head = [word(f"study_{column}") for column in ("cell", "reached", *COSTS)]
    drawn = [show(f"study-reached-{cost}", _reached(cells, cost)) for cost in ("examples", "seconds")]
    charts = f"<div class=charts>{''.join(drawn)}</div>" if any(drawn) else ""
    said = note("study_target", target=number(results["target"]))
    return said + table(head, [_taken(cell) for cell in cells], sortable=True) + charts + led(cells)


def _taken(cell: Result) -> list[str | Cell]:
    found = cell["to_target"]
    reached = Cell(f"{found['reached']}\u00a0/\u00a0{found['of']}", found["reached"])
    digits = {"steps": ",.0f", "examples": ",.0f", "seconds": ",.2f"}
    costs = [
        Cell("∞", math.inf) if found[cost] is None else Cell(format(found[cost], form), found[cost])
        for cost, form in digits.items()
    ]
    return [Cell(escape(cell["name"]), cell["name"]), reached, *costs]


def _reached(cells: Sequence[Result], cost: str) -> Draw | None:
    """The share of a cell's final runs that had reached the target; a failed or slow run keeps it below 1."""
    taken = {cell["name"]: sorted(run[cost] for run in cell["to_target"]["runs"] if run) for cell in cells}
    known = [value for each in taken.values() for value in each]
    if not known:
        return None
    log = min(known) > 0 and max(known) > 20 * min(known)
    start, end = (min(known) / 1.3, max(known) * 1.3) if log else (0.0, max(known) * 1.05)
    drawn = [
        Line(cell["name"], *_stairs(taken[cell["name"]], len(cell["runs"]), start, end), faint=faint, stairs=True)
        for cell, faint in leading(cells)
    ]
    return lines(say(f"study_share_{cost}"), say(f"study_{cost}"), say("study_share"), drawn, log_x=log, shares=True)


def _stairs(values: Sequence[float], count: int, start: float, end: float) -> tuple[list[float], list[float]]:
    """The share of `count` runs that had reached it, from start to end."""
    shares = [reached / count for reached in range(len(values) + 1)]
    return [start, *values, end], [*shares, shares[-1]]


def curves(results: Result, show: Show) -> str:
    """Validation scores by examples seen: the mean over a cell's final runs, and the range between them."""
    drawn = [_mean_curve(cell, faint) for cell, faint in leading(results["cells"])]
    found = [line for line in drawn if len(line.xs)]
    if not found:
        return ""
    chart = lines(say("study_curve"), say("study_examples"), say("study_validation"), found)
    return show("study-curves", chart) + note("study_curves_note") + led(results["cells"])


def _mean_curve(cell: Result, faint: bool) -> Line:
    """The mean of the runs that ended well, between their lowest and highest."""
    ended = [run["curve"] for run in cell["runs"] if run["state"] == "done"]
    points = [([point["examples"] for point in curve], [point["validation"] for point in curve]) for curve in ended]
    line = banded(cell["name"], points)
    return replace(line, faint=True, low=None, high=None) if faint else line
