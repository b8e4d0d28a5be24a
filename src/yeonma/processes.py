"""Processes by name: which one wrote something, and whether it is still there."""

from __future__ import annotations

import os
import platform
import zlib
from contextlib import suppress
from functools import cache
from pathlib import Path


def lives(pid: int, since: int | None = None) -> bool:
    """Whether the process that had this number, and started then, is still there: numbers are given again."""
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        pass
    now = started(pid)
    return now is None or (now != 0 and since in (None, now))


def started(pid: int) -> int | None:
    """When a process started, in ticks since the machine did; 0 for one that has ended, None where nothing says so."""
    try:
        state, *facts = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return 0 if state == "Z" else int(facts[18])  # a zombie has ended, and its parent has not looked yet


@cache
def place() -> str:
    """Where numbers of processes mean the same: this machine since it was started, and this container."""
    parts = [platform.node()]
    with suppress(OSError):
        parts.append(Path("/proc/sys/kernel/random/boot_id").read_text().strip())
        parts.append(os.readlink("/proc/self/ns/pid"))
    return " ".join(parts)


def signature(pid: int | None = None) -> str:
    """A process, this one if none is given, as a part of a file's name without dots."""
    return f"{zlib.crc32(place().encode()):08x}-{os.getpid() if pid is None else pid}"


def gone(name: str) -> bool:
    """Whether a `signature` is of a process of this place that has ended; of other places nothing is known."""
    where, _, pid = name.partition("-")
    return pid.isdecimal() and signature(0).startswith(f"{where}-") and not lives(int(pid))
