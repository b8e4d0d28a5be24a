"""Several processes on one study: the same command for each, the machine's threads shared out among them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from yeonma.comparing.claims import STALE
from yeonma.comparing.study import Study
from yeonma.comparing.work import open_tasks
from yeonma.errors import InputError, YeonmaError

LOOK = 1.0  # seconds between two looks
THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS", "POLARS_MAX_THREADS")


def command(study: Study, storage: str | None, stale: float) -> list[str]:
    """A worker's command: the study holds the rest."""
    argv = [sys.executable, "-m", "yeonma", "compare", "-o", str(study.folder), "--json"]
    argv += ["--stale", str(stale)] if stale != STALE else []
    return [*argv, "--storage", storage] if storage else argv


def threads(workers: int) -> int:
    """Threads of each worker: the processors this process may use (where the system says: Linux), shared out."""
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, allowed // workers)


def supervise(
    study: Study,
    workers: int,
    *,
    storage: str | None = None,
    stale: float = STALE,
    stop: Callable[[], bool],
    seen: Callable[[], object],
) -> bool:
    """Start workers and wait; False when asked to stop, which they are told too.

    Where one dies the others go on with what it left.
    Raises: InputError with what a worker said that could not go on, YeonmaError where none is left before the end.
    """
    share = dict.fromkeys(THREADS, str(threads(workers)))
    logs = [study.folder / f"worker-{number}.log" for number in range(1, workers + 1)]
    crew = [_start(command(study, storage, stale), {**os.environ, **share}, log) for log in logs]
    told = False
    try:
        while any(process.poll() is None for process in crew):
            if stop() and not told:
                told = True
                _tell(crew, signal.SIGTERM)
            seen()
            time.sleep(LOOK)
    finally:
        _tell(crew, signal.SIGTERM)
        for process in crew:
            process.wait()
    seen()
    if told:
        return False
    if open_tasks(study):
        raise _failure(crew, logs, study)
    return True


def _start(argv: list[str], environment: dict[str, str], log: Path) -> subprocess.Popen[bytes]:
    with log.open("wb") as stream:  # a signal from the keyboard goes to the parent alone, which passes it on
        return subprocess.Popen(argv, env=environment, stdout=subprocess.DEVNULL, stderr=stream, start_new_session=True)


def _tell(crew: Sequence[subprocess.Popen[bytes]], number: signal.Signals) -> None:
    for process in crew:
        if process.poll() is None:
            process.send_signal(number)


def _failure(crew: Sequence[subprocess.Popen[bytes]], logs: Sequence[Path], study: Study) -> YeonmaError:
    """What the first worker said that ended with an error."""
    for process, log in zip(crew, logs, strict=True):
        said = [line for line in log.read_text("utf-8", "replace").splitlines() if line.startswith("error: ")]
        if process.returncode == InputError.exit_code and said:
            return InputError(said[-1].removeprefix("error: "))
    codes = ", ".join(str(process.returncode) for process in crew)
    return YeonmaError(
        f"The workers ended before the study did (exit codes {codes}); what they said stands in {logs[0].parent}/"
        f"worker-*.log. Go on with: yeonma compare -o {study.folder}"
    )
