"""The leaderboard of a comparison: scores with intervals, groups, tests, verdicts, failures, costs."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from html import escape
from statistics import median
from typing import Any

from yeonma.pictures.words import Both
from yeonma.report.html import Cell, fold, note, number, table
from yeonma.report.phrases import plain, say, word, written
from yeonma.tasks.scores.names import NAMES

COLUMNS = ("cell", "group", "mean", "interval", "difference", "p", "p_runs", "verdict", "failed", "cost")
BAR = 120.0  # the width of an interval's picture
NOTES = ("group", "interval", "p", "runs", "failed", "cost")

Result = Mapping[str, Any]


def leaderboard(results: Result) -> str:
    """The table, what it is about, the majority class, and how to read it."""
    span = _span(results["cells"])
    rows = [_row(cell, span) for cell in results["cells"]]
    head = [word(f"study_{column}") for column in COLUMNS]
    notes = "".join(note(f"study_read_{key}") for key in NOTES)
    return _about(results) + table(head, rows, sortable=True) + _majority(results) + fold(word("study_read"), notes)


def metric(results: Result) -> Both:
    """The name of the score that is compared."""
    name = results["metric"]
    return say(f"score_{name}") if name in NAMES else plain(name or "–")


def _about(results: Result) -> str:
    if results["metric"] is None:
        return ""
    seeds = max(len(cell["runs"]) for cell in results["cells"])
    examples, best = f"{results['test_examples']:,}", results["best"] or "–"
    return f"<p>{word('study_about', metric=metric(results), examples=examples, seeds=seeds, best=best)}</p>"


def _majority(results: Result) -> str:
    found = results["majority"]
    return note("study_majority", label=found["label"], accuracy=f"{found['accuracy']:.4f}") if found else ""


def _row(cell: Result, span: tuple[float, float]) -> list[str | Cell]:
    test, against = cell["test"] or {}, cell["against_best"] or {}
    spent = cell["cpu_seconds"]["tuning"] + cell["cpu_seconds"]["final"]
    failed = failures(cell)
    return [
        Cell(escape(cell["name"]), cell["name"]),
        Cell(escape(cell["group"]), cell["group"]),
        _number(test.get("mean"), f"{number(test.get('mean'))}\u00a0±\u00a0{number(test.get('sd'))}"),
        _number(test.get("low"), interval(test, span)),
        _number(against.get("difference"), signed(against.get("difference"))),
        _number(against.get("p_holm"), probability(against.get("p_holm"))),
        _number(against.get("p_these_runs"), probability(against.get("p_these_runs"))),
        Cell(verdict(cell["verdict"]).html(), cell["verdict"]),
        Cell("<br>".join(each.html() for each in failed) or "–", _failed(cell)),
        Cell(f"{spent:,.0f}", spent),
    ]


def _number(value: float | None, shown: str) -> Cell:
    return Cell("–", "") if value is None else Cell(shown, value)


def signed(value: float | None) -> str:
    """A difference with its sign."""
    return "–" if value is None else written(value, "+.4f")


def probability(p: float | None) -> str:
    """A p value in three digits; what is smaller is said to be."""
    return "–" if p is None else f"{p:.3f}" if p >= 0.0005 else "&lt; 0.001"


def verdict(said: str) -> Both:
    """A verdict of results.json in both languages."""
    return say(f"study_verdict_{_key(said)}")


def failures(cell: Result) -> list[Both]:
    """The trials and final runs that failed, counted by what became of them."""
    return [
        say(f"study_{kind}", count=count, state=state(name))
        for kind in ("failed_trials", "failed_runs")
        for name, count in cell[kind].items()
    ]


def state(name: str) -> Both:
    """What became of a run."""
    return say(f"study_state_{_key(name)}")


def _failed(cell: Result) -> int:
    counts: list[int] = [*cell["failed_trials"].values(), *cell["failed_runs"].values()]
    return sum(counts)


def _key(said: str) -> str:
    return re.sub(r"\W+", "_", said)


def _span(cells: Sequence[Result]) -> tuple[float, float]:
    """What the pictures of the intervals show: all means, and so much around them as the usual interval reaches."""
    tests = [cell["test"] for cell in cells if cell["test"]]
    if not tests:
        return 0.0, 1.0
    reach = median([test["high"] - test["mean"] for test in tests if test["high"] is not None] or [0.0])
    means = [test["mean"] for test in tests]
    low, high = min(means) - 1.2 * reach, max(means) + 1.2 * reach
    return (low, high) if low < high else (low - 0.5, high + 0.5)


def interval(test: Result, span: tuple[float, float]) -> str:
    """The interval as a picture and in numbers; without one (a single seed) the mean alone."""
    if not test:
        return "–"

    def place(value: float) -> str:
        return f"{2 + (BAR - 4) * min(max((value - span[0]) / (span[1] - span[0]), 0.0), 1.0):.1f}"

    bounded = test["low"] is not None
    bar = f'<path d="M{place(test["low"])} 6H{place(test["high"])}" stroke="currentColor"/>' if bounded else ""
    said = f"{number(test['low'])} … {number(test['high'])}" if bounded else "–"
    return (
        f'<svg viewBox="0 0 {BAR:g} 12" width="{BAR:g}" height="12" role="img" aria-label="{said}">{bar}'
        f'<circle cx="{place(test["mean"])}" cy="6" r="3" fill="var(--blue)"/></svg><small>{said}</small>'
    )
