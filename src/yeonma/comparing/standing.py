"""How far a study is, read from its folder: what each cell has, and how long the rest will take."""

from __future__ import annotations

import statistics
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from yeonma.comparing.study import DONE, Study, Task
from yeonma.comparing.work import open_tasks
from yeonma.errors import RunError
from yeonma.run import Run

ALIVE = 60.0  # seconds since the last sign of a run that counts as running


@dataclass(frozen=True)
class Row:
    """A cell: how many runs have ended, its best trial, the scores of its final runs, what runs just now."""

    cell: str
    trials: int
    best: float | None
    rate: Any
    finals: int
    scores: tuple[float, ...]
    failed: int
    running: int


@dataclass
class Standing:
    """How far a study is."""

    study: Study
    known: Mapping[Task, Mapping[str, Any]] = field(default_factory=dict)
    running: set[Task] = field(default_factory=set)

    def look(self) -> list[Row]:
        """A row for each cell."""
        tasks = list(self.study.tasks())
        self.known = {task: found for task in tasks if (found := self.study.result(task)) is not None}
        self.running = {task for task in tasks if task not in self.known and self._runs(task)}
        return [self._row(cell) for cell in self.study.cells]

    def _runs(self, task: Task) -> bool:
        try:
            status = Run(self.study.place(task)).status()
        except RunError:
            return False
        return status.get("state") == "running" and time.time() - status["heartbeat"] < ALIVE

    def _row(self, cell: str) -> Row:
        mine = [(task, found) for task, found in self.known.items() if task.cell == cell]
        trials = [found for task, found in mine if task.kind == "trial"]
        finals = [found for task, found in mine if task.kind == "seed"]
        best = max((t for t in trials if t["state"] == DONE), key=lambda t: float(t["validation"]), default=None)
        return Row(
            cell=cell,
            trials=len(trials),
            best=best["validation"] if best else None,
            rate=best["params"].get("train.learning_rate") if best else None,
            finals=len(finals),
            scores=tuple(found["test"] for found in finals if found["state"] == DONE),
            failed=sum(found["state"] != DONE for _, found in mine),
            running=sum(task.cell == cell for task in self.running),
        )

    def done(self) -> tuple[int, int]:
        """How many runs have ended, of how many."""
        return len(self.known), len(self.known) + len(open_tasks(self.study))

    def seconds_left(self, workers: int) -> float | None:
        """What the open runs will take if they take as long as their cell's others, else as all; None: not known."""
        by_cell: dict[str, list[float]] = {}
        for task, found in self.known.items():
            by_cell.setdefault(task.cell, []).append(found["wall_seconds"])
        if not by_cell:
            return None
        usual = statistics.mean(s for each in by_cell.values() for s in each)
        left = [statistics.mean(by_cell.get(task.cell, [usual])) for task in open_tasks(self.study)]
        return sum(left) / max(1, workers)
