"""What a comparison found, as a part of the page: who leads, by which rules, how fast, and how sure that is."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from html import escape
from typing import Any

import numpy as np

from yeonma.report.charts import Draw, Line, lines
from yeonma.report.html import Cell, fold, note, number, part, table
from yeonma.report.leaderboard import leaderboard
from yeonma.report.pairs import pairs
from yeonma.report.phrases import say, word
from yeonma.report.rulebook import rules
from yeonma.report.sensitivity import sensitivity
from yeonma.report.standing import leading, led

COSTS = {"steps": "step", "examples": "examples", "seconds": "seconds"}  # of reaching the target, as points say

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
    drawn = [show(f"study-reached-{cost}", _reached(results, cells, cost)) for cost in ("examples", "seconds")]
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


def _reached(results: Result, cells: Sequence[Result], cost: str) -> Draw | None:
    """The share of a cell's final runs that had reached the target; a failed or slow run keeps it below 1."""
    taken = {cell["name"]: _costs(cell, results["target"], COSTS[cost]) for cell in cells}
    known = [value for each in taken.values() for value in each]
    if not known:
        return None
    log = min(known) > 0 and max(known) > 20 * min(known)
    start, end = (min(known) / 1.3, max(known) * 1.3) if log else (0.0, max(known) * 1.05)
    drawn = [
        Line(cell["name"], *_stairs(taken[cell["name"]], len(cell["runs"]), start, end), faint=faint, stairs=True)
        for cell, faint in leading(cells)
    ]
    return lines(say(f"study_share_{cost}"), say(f"study_{cost}"), say("study_share"), drawn, log_x=log)


def _costs(cell: Result, target: float, name: str) -> list[float]:
    """What each run that reached the target had spent when it first stood there, in order."""
    firsts = (next((p for p in run["curve"] if _at_least(p, target)), None) for run in cell["runs"])
    return sorted(float(point[name]) for point in firsts if point is not None)


def _at_least(point: Result, target: float) -> bool:
    return point["validation"] is not None and point["validation"] >= target


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
    """The mean of the runs that ended well, between their lowest and highest, where all of them were scored.

    Scores between two evaluations are interpolated where the runs were not scored at the same places.
    """
    points = [run["curve"] for run in cell["runs"] if run["state"] == "done" and run["curve"]]
    if not points:
        return Line(cell["name"], [], [], faint=faint)
    xs = [np.array([point["examples"] for point in curve], float) for curve in points]
    ys = [np.array([point["validation"] for point in curve], float) for curve in points]
    first, last = max(each[0] for each in xs), min(each[-1] for each in xs)
    grid = np.unique(np.concatenate(xs))
    grid = grid[(grid >= first) & (grid <= last)]
    scores = np.array([np.interp(grid, x, y) for x, y in zip(xs, ys, strict=True)])
    if faint or len(points) == 1:
        return Line(cell["name"], grid.tolist(), scores.mean(0).tolist(), faint=faint)
    mean, low, high = (each.tolist() for each in (scores.mean(0), scores.min(0), scores.max(0)))
    return Line(cell["name"], grid.tolist(), mean, low, high)
