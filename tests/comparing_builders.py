"""Made data in files, plans, and studies whose results are written by hand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from builders import examples
from yeonma.comparing.grid import name_of
from yeonma.comparing.rules import Rules
from yeonma.comparing.study import Plan, Study, Task
from yeonma.files import write_json
from yeonma.run import Run

RATES = {"train.learning_rate": "log:1e-5..10"}


def write_data(folder: Path) -> dict[str, Any]:
    """Three files of made data, and a config for them."""
    for seed, (split, count) in enumerate({"train": 60, "valid": 20, "test": 20}.items(), start=1):
        rows = [f"{each.texts[0]}\t{each.gold}\n" for each in examples(count, seed)]
        (folder / f"{split}.tsv").write_text("text\tlabel\n" + "".join(rows), encoding="utf-8")
    return {
        "data": {split: str(folder / f"{split}.tsv") for split in ("train", "valid", "test")},
        "encoder": {"kind": "bag", "tokenizer": "whitespace", "dim": 8, "min_count": 1},
        "train": {"batch_size": 8, "threads": 1},
        "checkpoint": {"every_steps": 5},
    }


def plan(base: dict[str, Any], *cells: dict[str, Any], **rules: Any) -> Plan:
    """A plan by hand; cells are named as always."""
    named: dict[str, dict[str, Any]] = {}
    for cell in cells:
        named[name_of(cell, list(named))] = cell
    ruled = {"trials": 2, "seeds": 3, "examples": 120, "spaces": RATES, **rules}
    return Plan(base, Rules(**ruled), named, {"train": 60, "valid": 20, "sha256": "0"})


def by_hand(folder: Path, cells: dict[str, list[dict[str, Any]]], answers: dict[str, Any] | None = None) -> Study:
    """A study without tuning whose final runs are written down; what is left out of a run is usual."""
    settings = {name: {"head.hidden": i} for i, name in enumerate(cells)}
    study = Study.begin(folder, Plan({"seed": 1}, Rules(0, 3, 100), settings, {"train": 10}))
    for cell, runs in cells.items():
        for number, run in enumerate(runs, start=1):
            usual = {
                "cell": cell, "kind": "seed", "number": number, "seed": 1 + number, "state": "done", "params": {},
                "validation": 0.5, "test": 0.5, "metric": "accuracy", "scores": {"n": 100_000}, "tested_on": "x",
                "curve": [{"step": 1, "examples": 100, "seconds": 1.0, "validation": 0.5}],
                "cpu_seconds": 2.0, "wall_seconds": 1.0,
            }  # fmt: skip
            place = study.place(Task(cell, "seed", number))
            write_json(place / "result.json", {**usual, **run})
            if answers:
                Run(place).save_answers(list("abcd"), list("abcd"), np.array(answers[cell][number - 1], float))
    return study


def results(folder: Path) -> dict[str, dict]:
    """What every run left, without what the clock says."""
    study, found = Study.open(folder), {}
    for task in study.tasks():
        kept = dict(study.result(task))
        kept.pop("cpu_seconds"), kept.pop("wall_seconds")
        kept["curve"] = [{key: value for key, value in point.items() if key != "seconds"} for point in kept["curve"]]
        found[str(task)] = kept
    return found
