"""Results of made-up comparisons, large and small, in the shape of results.json."""

from __future__ import annotations

import math
import random
from typing import Any

from yeonma.comparing.results import to_target
from yeonma.comparing.rules import Rules
from yeonma.comparing.study import Plan, Study

TARGET = 0.7
RATE = "train.learning_rate"
SPACES = {RATE: "log:1e-5..10", "head.dropout": "0..0.6", "train.batch_size": "16,32"}


def study(cells: int = 3, seeds: int = 3, trials: int = 4, metric: str = "accuracy") -> dict[str, Any]:
    """A finished comparison whose first cell is best and whose last one failed; scores follow the cells' order."""
    draw = random.Random(7)
    made = [_cell(f"cell<{i}> & co", i, seeds, trials, draw) for i in range(cells)]
    if cells > 1:
        _fail(made[-1])
    sound = [cell["name"] for cell in made if not cell["failed_runs"]]
    plan = Plan({}, Rules(trials, seeds, 10_000, spaces=SPACES if trials else {}), {c["name"]: {} for c in made}, {})
    return {
        **ruled(Study("", plan)),
        "complete": True,
        "metric": metric,
        "test_examples": 5000,
        "majority": {"label": "긍정", "accuracy": 0.5123},
        "best": sound[0],
        "target": TARGET,
        "cells": made,
        "pairs": [_pair(one, other, draw) for i, one in enumerate(sound) for other in sound[i + 1 :]],
    }


def ruled(study: Study) -> dict[str, Any]:
    """What results.json says of a study's rules."""
    effect = study.rules.effect(len(study.cells))
    seen = effect if math.isfinite(effect) else None
    return {"rules": study.lines(), "plan": study.facts(), "detectable_sd": seen}


def _cell(name: str, place: int, seeds: int, trials: int, draw: random.Random) -> dict[str, Any]:
    mean = 0.85 - 0.006 * place
    runs = [_run(seed, mean + draw.gauss(0, 0.004), draw) for seed in range(1, seeds + 1)]
    return {
        "name": name,
        "settings": {"train.optimizer": name},
        "tuned": {RATE: 0.01},
        "hopeless": False,
        "test": {"mean": mean, "low": mean - 0.01, "high": mean + 0.01, "sd": 0.004, "n": seeds},
        "validation": {"mean": mean, "low": mean - 0.01, "high": mean + 0.01, "sd": 0.004, "n": seeds},
        "failed_trials": {"diverged": 1} if trials else {},
        "failed_runs": {},
        "cpu_seconds": {"tuning": 60.0 * trials, "final": 61.5 * seeds, "steps_of_a_run": 50.0},
        "examples_of_a_run": [10_000],
        "trials": [_trial(number, place, draw) for number in range(1, trials + 1)],
        "runs": runs,
        "against_best": {"difference": -0.006 * place, "p": 0.01, "p_holm": 0.02, "p_these_runs": 0.0001}
        if place
        else None,
        "verdict": "worse" if place else "best on validation",
        "group": "a" if place < 2 else "b",
        "to_target": to_target(runs, TARGET),
    }


def _run(seed: int, score: float, draw: random.Random) -> dict[str, Any]:
    shares = [k / 10 for k in range(1, 11)]
    curve = [
        {
            "step": int(500 * share), "examples": int(10_000 * share), "seconds": 50 * share + draw.random(),
            "validation": score - 0.4 * math.exp(-5 * share), "metric": "accuracy",
        }
        for share in shares
    ]  # fmt: skip
    return {
        "number": seed, "seed": 42 + seed, "state": "done", "params": {}, "validation": score, "cpu_seconds": 61.5,
        "test": score, "curve": curve,
    }  # fmt: skip


def _trial(number: int, place: int, draw: random.Random) -> dict[str, Any]:
    rate, done = 10 ** draw.uniform(-5, 1), number > 1
    params = {RATE: rate, "head.dropout": draw.uniform(0, 0.6), "train.batch_size": draw.choice([16, 32])}
    score = 0.85 - 0.006 * place - 0.03 * (math.log10(rate) + 2) ** 2
    return {
        "number": number, "seed": 42, "state": "done" if done else "diverged", "params": params,
        "validation": score if done else None, "cpu_seconds": 60.0,
    }  # fmt: skip


def _fail(cell: dict[str, Any]) -> None:
    cell["failed_runs"], cell["against_best"], cell["group"] = {"diverged": 1}, None, ""
    cell["verdict"] = "not compared"
    cell["runs"][0].update(state="diverged", validation=None, test=None, curve=cell["runs"][0]["curve"][:1])
    cell["to_target"] = to_target(cell["runs"], TARGET)


def _pair(one: str, other: str, draw: random.Random) -> dict[str, Any]:
    p = draw.random() ** 4
    return {"one": one, "other": other, "seeds": 3, "difference": 0.0123, "p": p / 2, "p_holm_all": p}
