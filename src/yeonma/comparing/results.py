"""The verdict of a study: scores with intervals, tests, groups, time to a target, costs; from the run folders alone."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from functools import partial
from itertools import combinations
from typing import Any

import numpy as np

from yeonma import stats
from yeonma.comparing.study import DONE, Study, Task
from yeonma.comparing.work import open_tasks
from yeonma.errors import RunError
from yeonma.tasks.scores.sums import score

LEVEL = 0.05
NEAR = 0.99  # of the best cell's validation score: the usual target
COSTS = {"steps": "step", "examples": "examples", "seconds": "seconds"}  # of reaching it, as points of a curve say

Result = dict[str, Any]


def gather(study: Study, target: float | None = None) -> Result:
    """What is known so far, as JSON takes it: unknown and infinite numbers are None.

    target  a validation score; left out: the study's, or 0.99 × the best cell's mean (of a negative one: 1 % below it)
    Raises: RunError where runs were scored on different test data.
    """
    runs = {cell: _runs(study, cell) for cell in study.cells}
    _must_match([run for each in runs.values() for run in each])
    cells = {cell: _cell(study, cell, each) for cell, each in runs.items()}
    best = _best(cells)
    target = study.target if target is None else target
    if target is None and best:
        mean = cells[best]["validation"]["mean"]
        target = mean - (1 - NEAR) * abs(mean)
    pairs = _pairs(runs, cells)
    ended = [run for each in runs.values() for run in each if run["state"] == DONE]
    metric = ended[0]["metric"] if ended else None
    _against(study, metric, best, cells, pairs)
    for cell, letters in groups(list(cells), pairs, lambda name: _mean(cells[name])).items():
        cells[cell]["group"] = letters
    for cell, each in runs.items():
        cells[cell]["to_target"] = to_target(each, target)
    return {
        "rules": study.lines(),
        "plan": study.facts(),
        "complete": not open_tasks(study),
        "metric": metric,
        "test_examples": ended[0]["scores"]["n"] if ended else None,
        "majority": ended[0]["scores"].get("majority") if ended else None,
        "detectable_sd": _plain(study.rules.effect(len(cells))),
        "best": best,
        "target": target,
        "cells": sorted(cells.values(), key=lambda cell: (-_mean(cell), cell["name"])),
        "pairs": pairs,
    }


def _runs(study: Study, cell: str) -> list[Result]:
    tasks = (Task(cell, "seed", number) for number in range(1, study.rules.seeds + 1))
    return [found for task in tasks if (found := study.result(task)) is not None]


def _must_match(runs: Sequence[Result]) -> None:
    """Raise a RunError where two runs answered different test examples."""
    if len({run["tested_on"] for run in runs if run["state"] == DONE}) > 1:
        raise RunError("The final runs were scored on different test data: it changed while the study ran. Begin anew.")


def _cell(study: Study, cell: str, runs: Sequence[Result]) -> Result:
    trials, ended = study.trials(cell), [run for run in runs if run["state"] == DONE]
    return {
        "name": cell,
        "settings": dict(study.cells[cell]),
        "tuned": study.chosen(cell) if len(trials) == study.rules.trials else {},
        "hopeless": study.hopeless(cell),
        "test": _interval([run["test"] for run in ended]),
        "validation": _interval([run["validation"] for run in ended]),
        "failed_trials": _counted(trials),
        "failed_runs": _counted(runs),
        "cpu_seconds": {
            "tuning": sum(each["cpu_seconds"] for each in trials),
            "final": sum(each["cpu_seconds"] for each in runs),
            "steps_of_a_run": _median([run["curve"][-1]["seconds"] for run in ended]),
        },
        "examples_of_a_run": sorted({run["curve"][-1]["examples"] for run in ended}),
        "trials": [_brief(each) for each in trials],
        "runs": [{**_brief(run), "test": run.get("test"), "curve": run["curve"]} for run in runs],
    }


def _brief(run: Result) -> Result:
    return {key: run[key] for key in ("number", "seed", "state", "params", "validation", "cpu_seconds")}


def _counted(runs: Sequence[Result]) -> dict[str, int]:
    states = [run["state"] for run in runs if run["state"] != DONE]
    return {state: states.count(state) for state in sorted(set(states))}


def _interval(values: Sequence[float]) -> Result | None:
    if not values:
        return None
    return {key: _plain(value) for key, value in stats.interval(values)._asdict().items()}


def _plain(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _median(values: Sequence[float]) -> float | None:
    return _plain(statistics.median(values)) if values else None


def _mean(cell: Result) -> float:
    return float(cell["test"]["mean"]) if cell["test"] else -math.inf


def _best(cells: Mapping[str, Result]) -> str | None:
    """The cell with the highest mean validation score, among those of which no final run failed."""
    sound = [name for name, cell in cells.items() if cell["validation"] and not cell["failed_runs"]]
    return max(sound, key=lambda name: cells[name]["validation"]["mean"], default=None)


def _pairs(runs: Mapping[str, Sequence[Result]], cells: Mapping[str, Result]) -> list[Result]:
    """Every two cells that can be compared, with the paired t-test over seeds, Holm over all of them.

    A cell with a failed run is in no pair: leaving the seed out would flatter it.
    """
    sound = [name for name, cell in cells.items() if cell["test"] and not cell["failed_runs"]]
    made: list[Result] = []
    for one, other in combinations(sound, 2):
        scores = [{run["seed"]: run["test"] for run in runs[name]} for name in (one, other)]
        seeds = sorted(scores[0].keys() & scores[1].keys())
        a, b = ([each[seed] for seed in seeds] for each in scores)
        grain = 1 / max(1, runs[one][0]["scores"]["n"])
        p = stats.paired_t(a, b, grain) if len(seeds) > 1 else None
        difference = float(np.subtract(a, b).mean()) if seeds else None
        made.append({"one": one, "other": other, "seeds": len(seeds), "difference": difference, "p": p})
    adjusted = iter(stats.holm([pair["p"] for pair in made if pair["p"] is not None]))
    for pair in made:
        pair["p_holm_all"] = None if pair["p"] is None else next(adjusted)
    return made


def _these_runs(study: Study, metric: str, one: str, other: str) -> float | None:
    """The permutation test over test examples, the answers of a cell's final runs taken together."""
    ones, others = added(study, one), added(study, other)
    if ones is None or others is None:
        return None
    return stats.permutation(ones, others, partial(score, metric))


def added(study: Study, cell: str) -> np.ndarray | None:
    """What each test example adds to the sums of the score, over a cell's final runs; None where there is none yet."""
    import polars as pl

    places = [study.place(Task(cell, "seed", number)) for number in range(1, study.rules.seeds + 1)]
    files = [place / "eval" / "answers.parquet" for place in places if (place / "result.json").exists()]
    columns = [pl.read_parquet(file, columns=["added"])["added"].to_numpy() for file in files if file.exists()]
    return np.stack(columns).mean(0) if columns else None


def _against(
    study: Study, metric: str | None, best: str | None, cells: Mapping[str, Result], pairs: Sequence[Result]
) -> None:
    """Each cell's test against the best one, Holm over these alone."""
    rows = [pair for pair in pairs if best in (pair["one"], pair["other"])]
    tested = [row for row in rows if row["p"] is not None]
    adjusted = {id(row): p for row, p in zip(tested, stats.holm([row["p"] for row in tested]), strict=True)}
    for cell in cells.values():
        cell["against_best"] = None
        cell["verdict"] = "best on validation" if cell["name"] == best else _unfit(cell)
    for row in rows:
        name, sign = (row["other"], -1.0) if row["one"] == best else (row["one"], 1.0)
        p = adjusted.get(id(row))
        difference = None if row["difference"] is None else sign * row["difference"]
        shuffled = _these_runs(study, str(metric), row["one"], row["other"])
        cells[name]["against_best"] = {"difference": difference, "p": row["p"], "p_holm": p, "p_these_runs": shuffled}
        cells[name]["verdict"] = _verdict(p, difference)


def _unfit(cell: Result) -> str:
    return "not compared" if cell["test"] or cell["failed_runs"] or cell["hopeless"] else "not finished"


def _verdict(p: float | None, difference: float | None) -> str:
    if p is None or difference is None:
        return "no difference can be shown: one seed"
    if p > LEVEL:
        return "no difference shown"
    return "worse" if difference < 0 else "better on test"


def groups(names: Sequence[str], pairs: Sequence[Result], height: Any) -> dict[str, str]:
    """Letters: two cells share one where no difference between them is shown (Holm over all pairs).

    Each letter is a largest set of cells without a shown difference (Piepho 2004), "a" for the highest: the maximal
    cliques of that graph (Bron & Kerbosch 1973, with the pivot of Tomita et al. 2006).
    """
    known = {name for pair in pairs for name in (pair["one"], pair["other"]) if pair["p"] is not None}
    alike = {name: {name} for name in known}
    for pair in pairs:
        if pair["p"] is not None and pair["p_holm_all"] > LEVEL:
            alike[pair["one"]].add(pair["other"])
            alike[pair["other"]].add(pair["one"])
    sets: list[set[str]] = []

    def grow(chosen: set[str], open_: set[str], closed: set[str]) -> None:
        if not open_ and not closed:
            sets.append(chosen)
            return
        pivot = max(sorted(open_ | closed), key=lambda name: len(alike[name] & open_))  # its own come with it
        for name in sorted(open_ - (alike[pivot] - {pivot})):
            near = alike[name] - {name}
            grow(chosen | {name}, open_ & near, closed & near)
            open_, closed = open_ - {name}, closed | {name}

    if known:
        grow(set(), known, set())
    sets.sort(key=lambda each: sorted(-height(name) for name in each))
    return {name: "".join(_letter(i) for i, each in enumerate(sets) if name in each) for name in names}


def _letter(number: int) -> str:
    return chr(ord("a") + number) if number < 26 else f"({number + 1})"


def to_target(runs: Sequence[Result], target: float | None) -> Result | None:
    """What it took a cell's final runs to reach a validation score, each and their medians; None stands for ∞.

    A run that never reached it, or failed before, took infinitely long. Between two evaluations nothing is known: what
    counts is the first one at which the score stood.
    """
    if target is None or not runs:
        return None
    points = [next((point for point in run["curve"] if point["validation"] >= target), None) for run in runs]
    spent = [None if p is None else {key: p[name] for key, name in COSTS.items()} for p in points]
    medians = {key: _median([each[key] if each else math.inf for each in spent]) for key in COSTS}
    return {"reached": sum(each is not None for each in spent), "of": len(runs), **medians, "runs": spent}
