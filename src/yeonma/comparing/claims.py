"""Who works on a run: claims with a heartbeat in its folder, which also hold between machines that share a disk."""

from __future__ import annotations

import json
import os
import threading
import time
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from yeonma.errors import RunError
from yeonma.files import disk_errors
from yeonma.processes import lives, place, started

STALE = 120.0
"""Seconds without a heartbeat after which a claim is taken over; longer than a network disk remembers a file's time."""
BEATS = 12  # heartbeats in that time


class Claim:
    """The right to work on a run, until it is released or its heart stops.

    Claims are files .claim-0001, .claim-0002, …, made exclusively; the highest number holds. Taking a dead one over is
    making the next number, which only one process can.
    """

    def __init__(self, path: Path, stale: float) -> None:
        self.path, self.stale = path, stale
        self._ended = threading.Event()
        self._heart = threading.Thread(target=self._beat, daemon=True)
        self._heart.start()

    def _beat(self) -> None:
        while not self._ended.wait(self.stale / BEATS):
            with suppress(OSError):
                os.utime(self.path)

    def must_hold(self) -> None:
        """Raise a RunError where another process has taken this claim over."""
        if newest(self.path.parent) != self.path:
            raise RunError(
                f"{self.path.parent} was taken over by another process: this one gave no sign for {self.stale:g} "
                "seconds. Start it again; it goes on with what is open."
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """Let go: where the run is not finished, others may continue it at once."""
        self._ended.set()
        self._heart.join()
        with suppress(OSError):
            self.path.with_name(self.path.name.replace("claim", "released")).touch()


def newest(folder: Path) -> Path | None:
    """The claim that holds, or held last."""
    return max(folder.glob(".claim-*"), default=None)


class Claims:
    """Makes claims for this process, and watches those of others."""

    def __init__(self, stale: float = STALE) -> None:
        self.stale = stale
        self._seen: dict[Path, tuple[int, float]] = {}

    def take(self, folder: Path) -> Claim | None:
        """The claim on a run, or None where another process holds it."""
        last = newest(folder)
        if last and not self.dead(last):
            return None
        number = int(last.name.rpartition("-")[2]) + 1 if last else 1
        path = folder / f".claim-{number:04d}"
        with disk_errors(folder):
            folder.mkdir(parents=True, exist_ok=True)
            try:
                handle = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY)
            except FileExistsError:
                return None
            with os.fdopen(handle, "w", encoding="utf-8") as stream:
                json.dump({"place": place(), "pid": os.getpid(), "started": started(os.getpid())}, stream)
        return Claim(path, self.stale)

    def dead(self, claim: Path) -> bool:
        """Whether its process let go of it, has ended on this machine, or has given no sign for too long.

        The clocks of two machines need not agree: what counts is how long this process has seen no change.
        """
        if claim.with_name(claim.name.replace("claim", "released")).exists():
            return True
        try:
            beat, owner = claim.stat().st_mtime_ns, _owner(claim)
        except FileNotFoundError:
            return True
        if owner.get("place") == place():
            return not lives(int(owner["pid"]), owner.get("started"))
        before, since = self._seen.get(claim, (None, 0.0))
        if before != beat:
            self._seen[claim] = (beat, time.monotonic())
            return False
        return time.monotonic() - since > self.stale


def _owner(claim: Path) -> dict[str, Any]:
    """Who made a claim; empty for a file that is not written yet."""
    try:
        found = json.loads(claim.read_text(encoding="utf-8"))
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
