"""Claims: one process at a time, also where the other one is on another machine or dead."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time

import pytest

from yeonma.comparing.claims import Claims, newest
from yeonma.errors import RunError
from yeonma.processes import place


def foreign(folder, number: int = 1) -> None:
    """A claim made on another machine."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f".claim-{number:04d}").write_text(json.dumps({"place": "elsewhere", "pid": os.getpid()}))


def test_a_held_run_is_not_taken(tmp_path):
    with Claims().take(tmp_path / "run") as claim:
        assert claim.path.name == ".claim-0001"
        assert Claims().take(tmp_path / "run") is None
    with Claims().take(tmp_path / "run") as claim:
        assert claim.path.name == ".claim-0002"


def test_of_many_at_once_one_wins(tmp_path):
    foreign(tmp_path)
    (tmp_path / ".released-0001").touch()
    barrier, won = threading.Barrier(8), []

    def race():
        barrier.wait()
        won.append(Claims().take(tmp_path))

    threads = [threading.Thread(target=race) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    (claim,) = [one for one in won if one is not None]
    with claim:
        assert claim.path.name == ".claim-0002"


def test_a_process_that_ended_here_holds_nothing(tmp_path):
    done = subprocess.Popen([sys.executable, "-c", ""])
    done.wait()
    (tmp_path / ".claim-0001").write_text(json.dumps({"place": place(), "pid": done.pid}))
    with Claims().take(tmp_path) as claim:
        assert claim.path.name == ".claim-0002"


def test_another_process_of_the_same_number_holds_nothing(tmp_path):
    """Numbers are given again: after a restart of a container, soon."""
    owner = {"place": place(), "pid": os.getpid()}
    (tmp_path / ".claim-0001").write_text(json.dumps({**owner, "started": 1}))
    with Claims().take(tmp_path) as claim:
        assert claim.path.name == ".claim-0002"
        assert Claims().take(tmp_path) is None


def test_the_heart_of_another_machine_is_watched(tmp_path):
    """Its clock does not matter; as long as it beats the run is its own."""
    foreign(tmp_path)
    os.utime(tmp_path / ".claim-0001", (1, 1))
    claims = Claims(stale=0.3)
    assert claims.take(tmp_path) is None
    for beat in range(2, 5):
        time.sleep(0.15)
        os.utime(tmp_path / ".claim-0001", (beat, beat))
        assert claims.take(tmp_path) is None
    time.sleep(0.35)
    with claims.take(tmp_path) as claim:
        assert claim.path.name == ".claim-0002"


def test_a_claim_beats(tmp_path):
    with Claims(stale=0.3).take(tmp_path) as claim:
        before = claim.path.stat().st_mtime_ns
        time.sleep(0.2)
        assert claim.path.stat().st_mtime_ns > before


def test_who_was_taken_for_dead_learns_it(tmp_path):
    with Claims().take(tmp_path) as claim:
        claim.must_hold()
        foreign(tmp_path, 2)
        with pytest.raises(RunError, match="taken over by another process"):
            claim.must_hold()
    assert newest(tmp_path).name == ".claim-0002"
    assert not (tmp_path / ".released-0002").exists()


def test_a_claim_that_is_not_written_yet_is_respected(tmp_path):
    (tmp_path / ".claim-0001").touch()
    assert Claims().take(tmp_path) is None
