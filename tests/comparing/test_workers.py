"""Two real processes on one study, one of them killed half-way: no run twice, none lost, the same results."""

from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from rich.console import Console

import yeonma
from comparing_builders import by_hand, results
from yeonma.cli.standing import table, time_left
from yeonma.comparing import Standing, Study
from yeonma.comparing.work import open_tasks
from yeonma.comparing.workers import threads
from yeonma.errors import InputError, Interrupted
from yeonma.run import Run

STUDY = {"optimizers": ["adam", "sgd"], "tune": 2, "seeds": 1, "budget_examples": 240}


def worker(folder: Path) -> subprocess.Popen:
    command = [sys.executable, "-m", "yeonma", "compare", "-o", str(folder), "--json"]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)


def busy(folder: Path, pid: int) -> Path | None:
    """The run a process is in the middle of: a checkpoint stands."""
    for status in (folder / "cells").glob("*/*/status.json"):
        run = Run(status.parent)
        state = run.status()
        if state["state"] == "running" and state["pid"] == pid and run.checkpoints.folders():
            return run.folder
    return None


def test_one_of_two_workers_is_killed(tmp_path, base):
    with pytest.raises(Interrupted):  # the folder alone
        yeonma.compare(base, output=tmp_path / "two", stop=lambda: True, **STUDY)
    crew = [worker(tmp_path / "two"), worker(tmp_path / "two")]
    victim, limit = None, time.monotonic() + 120
    while victim is None:
        assert time.monotonic() < limit
        assert crew[0].poll() is None, crew[0].communicate()[1]
        if found := busy(tmp_path / "two", crew[0].pid):
            crew[0].send_signal(signal.SIGSTOP)  # it must not end between the look and the kill
            victim = found if busy(tmp_path / "two", crew[0].pid) == found else None
            crew[0].send_signal(signal.SIGKILL if victim else signal.SIGCONT)
        time.sleep(0.002)
    crew[0].communicate()
    _, said = crew[1].communicate(timeout=200)
    assert crew[1].returncode == 0, said

    study = Study.open(tmp_path / "two")
    assert open_tasks(study) == []
    assert len(list(victim.glob(".claim-*"))) == 2
    begun = list((tmp_path / "two/cells").glob("*/*"))
    assert len(begun) == 6
    for folder in begun:
        log = (folder / "train.log").read_text(encoding="utf-8")
        assert log.count("done at step") <= 1 + (folder == victim), folder
        assert len(list(folder.glob(".claim-*"))) == 1 + (folder == victim), folder
    yeonma.compare(base, output=tmp_path / "one", **STUDY)
    assert results(tmp_path / "two") == results(tmp_path / "one")


def test_workers_share_the_machine_and_the_work(tmp_path, base):
    found = yeonma.compare(
        base, output=tmp_path / "s", workers=2, optimizers=["adam"], tune=2, seeds=1, budget_examples=80
    )
    assert found.results["complete"]
    assert {path.name for path in (tmp_path / "s").glob("worker-*.log")} == {"worker-1.log", "worker-2.log"}
    assert threads(1) >= threads(2) >= 1
    standing = Standing(Study.open(tmp_path / "s"))
    (row,) = standing.look()
    assert (row.trials, row.finals, row.failed, row.running) == (2, 1, 0, 0)
    assert standing.done() == (3, 3)
    assert standing.seconds_left(2) == 0


def test_a_system_that_does_not_say_which_processors_are_ours_has_them_all(monkeypatch):
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    assert threads(1) == os.cpu_count()


def test_what_a_worker_cannot_do_is_said(tmp_path, base):
    rules = {"vectors": ["nowhere"], "tune": 1, "seeds": 1, "budget_examples": 50}
    with pytest.raises(InputError, match="The cell nowhere: .*nowhere"):
        yeonma.compare(base, output=tmp_path / "s", workers=2, **rules)


def test_the_live_table_shows_every_cell(tmp_path):
    study = by_hand(tmp_path / "s", {"a": [{"test": 0.5}, {"state": "diverged"}], "b": []})
    console = Console(record=True, width=120, file=io.StringIO())
    console.print(table(Standing(study).look(), study, "2 of 6 runs"))
    lines = console.export_text().splitlines()
    assert lines[1].split() == ["a", "0/0", "–", "2/3", "0.5000", "1"]
    assert lines[2].split() == ["b", "0/0", "–", "0/3", "–"]
    assert lines[3].strip() == "2 of 6 runs"


def test_the_time_left_is_said_in_words():
    assert time_left(None) == "time left not known yet"
    assert time_left(65) == "about 1 min 05 s left"
    assert time_left(3 * 3600 + 300) == "about 3 h 05 min left"
