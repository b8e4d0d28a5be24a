"""A worker: takes runs that nobody works on, one after another, until the study is finished."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Literal

from yeonma.comparing.claims import STALE, Claims
from yeonma.comparing.runs import Read, Stop, carry_out, clear, uncleared
from yeonma.comparing.spaces import free
from yeonma.comparing.storage import store
from yeonma.comparing.study import Study, Task
from yeonma.errors import InputError, RunInUse

POLL = 0.5  # seconds between two looks at what others do

Step = Literal["ran", "waits", "finished", "stopped"]


def work(
    study: Study,
    read: Read,
    *,
    storage: str | None = None,
    stale: float = STALE,
    stop: Stop,
    seen: Callable[[], object],
) -> bool:
    """Work until every run of the study has ended, by whomever; False when asked to stop before.

    Raises: YeonmaError of a run that cannot be made at all.
    """
    claims = Claims(stale)
    while not stop():
        done = _one(study, claims, read, storage, stop, seen)
        if done == "finished":
            _mend(study, storage)
            return True
        seen()
        if done == "waits":
            time.sleep(POLL)
    return False


def _mend(study: Study, storage: str | None) -> None:
    """Do what a process that was killed right after a result left undone."""
    for cell in study.cells if study.rules.trials else ():
        store(study, cell, storage)
    for task in study.tasks():
        if uncleared(study, task):
            clear(study, task)


def _one(study: Study, claims: Claims, read: Read, storage: str | None, stop: Stop, seen: Callable[[], object]) -> Step:
    """Make the first run that can be made now."""
    left = open_tasks(study)
    for task in left:
        if not ready(study, task):
            continue
        claim = claims.take(study.place(task))
        if claim is None:
            continue
        with claim:
            if study.finished(task):
                continue
            try:
                ended = carry_out(study, task, claim, read, stop, seen)
            except RunInUse:  # its owner lives, whatever its heart says
                continue
            except InputError as error:
                raise InputError(f"The cell {task.cell}: {error}") from error
            if ended and task.kind == "trial":
                store(study, task.cell, storage)
        return "ran" if ended else "stopped"
    return "waits" if left else "finished"


def open_tasks(study: Study) -> list[Task]:
    """The runs that have not ended. A cell whose trials all failed has no final runs."""
    hopeless = {cell for cell in study.cells if study.hopeless(cell)}
    return [t for t in study.tasks() if not study.finished(t) and not (t.kind == "seed" and t.cell in hopeless)]


def ready(study: Study, task: Task) -> bool:
    """Whether what a run goes by has ended: for a final run all trials, for a late trial those before it."""
    if task.kind == "trial" and task.number <= free(study.rules.trials):
        return True
    needed = study.rules.trials if task.kind == "seed" else task.number - 1
    return all(study.finished(Task(task.cell, "trial", number)) for number in range(1, needed + 1))
