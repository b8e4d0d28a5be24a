"""Training that a kill does not undo: the state kept on disk, and the one loop that goes on from it."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from yeonma.errors import Diverged, Interrupted, RunError
from yeonma.files import disk_errors, staged_file
from yeonma.records import Progress, silent

STATE, LOCK = "state.safetensors", ".lock"
EVERY = 60.0
TRAIN = "train"
"""What `descend` calls itself to a `Progress`."""


@dataclass(eq=False)
class Work:
    """A scratch folder that outlives a kill and goes when the training is done.

    folder   spill files of a method may stand here
    every    seconds between two times that the state is kept
    stop     asked after every step; when it says True the state is kept and Interrupted is raised
    again    the command that goes on, for the message
    seconds  how long the steps took that were made before; 0 for a new training
    """

    folder: Path
    every: float = EVERY
    stop: Callable[[], bool] = lambda: False
    again: str = ""
    seconds: float = 0.0
    _kept: float = field(default_factory=lambda: time.monotonic())

    def begun(self, state: Mapping[str, np.ndarray]) -> int:
        """How many steps were made before, 0 for a new training; the arrays of `state` are filled with what was kept.

        Raises: RunError when the kept arrays have other names, shapes or types.
        """
        from safetensors import SafetensorError, safe_open

        path = self.folder / STATE
        if not path.exists():
            return 0
        try:
            with safe_open(path, "np") as kept:
                _must_fit(path, set(kept.keys()) == set(state))
                for name, array in state.items():
                    _fill(array, kept.get_tensor(name), path)
                self.seconds = float(kept.metadata()["seconds"])
                return int(kept.metadata()["step"])
        except (SafetensorError, OSError) as error:
            raise RunError(f"{path} is not whole ({error}). Remove {self.folder} and start afresh.") from error

    def keep(self, step: int, state: Mapping[str, np.ndarray], seconds: float = 0.0) -> None:
        """Keep the state on disk, whole or not at all, when `every` seconds have passed since the last time.

        Raises: DiskError; Interrupted when `stop` says True, after the state was kept.
        """
        stop = self.stop()
        if stop or time.monotonic() - self._kept >= self.every:
            from safetensors.numpy import save_file

            with staged_file(self.folder / STATE) as stage:
                save_file(dict(state), stage, {"step": str(step), "seconds": str(seconds)})
            self._kept = time.monotonic()
        if stop:
            raise Interrupted(f"Saved at step {step}. Continue with: {self.again}")


def descend(
    work: Work,
    state: Mapping[str, np.ndarray],
    steps: int,
    step: Callable[[int], None],
    progress: Progress = silent,
    total: int = 0,
    unit: str = "tokens",
) -> float:
    """Make the steps that are left: `step(number)` changes the arrays of `state` in place, and nothing else lasts.

    total   how many units all steps together take, for the progress
    Returns the seconds that all steps took, those before a kill too. Raises: RunError, DiskError; what `step` raises.
    """
    first = work.begun(state)
    begin = time.perf_counter() - work.seconds
    for number in range(first, steps):
        step(number)
        work.keep(number + 1, state, time.perf_counter() - begin)
        progress(TRAIN, total * (number + 1) // steps, total, unit)
    return time.perf_counter() - begin


@contextmanager
def passing_work() -> Iterator[Work]:
    """A Work for a training that cannot be resumed: a temporary folder, and no state is kept."""
    with TemporaryDirectory(prefix="yeonma-") as folder:
        yield Work(Path(folder), every=float("inf"))


def work_folder(output: Path) -> Path:
    """Where the Work of a training stands: hidden, beside its output."""
    place = Path(os.path.abspath(output))
    return place.with_name(f".{place.name}.work")


@contextmanager
def kept_work(output: Path, again: str, resume: bool, stop: Callable[[], bool] = lambda: False) -> Iterator[Work]:
    """The Work of a training of `output`, which this process alone uses.

    It is removed when the training is done, when it has diverged, and when it failed before any state was kept.
    Raises: RunError when another process trains there; without `resume` when state of an unfinished training is there,
    with it when nothing is; DiskError.
    """
    folder = work_folder(output)
    _must_match(folder, output, resume, again)
    with _locked(folder, output):
        if not resume:
            _empty(folder)
        try:
            yield Work(folder, EVERY, stop, again)
        except BaseException as error:
            if isinstance(error, Diverged) or not (resume or (folder / STATE).exists()):
                shutil.rmtree(folder, ignore_errors=True)
            raise
        shutil.rmtree(folder, ignore_errors=True)


def _must_match(folder: Path, output: Path, resume: bool, again: str) -> None:
    if resume and not folder.is_dir():
        raise RunError(
            f"There is no unfinished training of {output} to resume: {folder} is missing. Leave out --resume to begin."
        )
    if not resume and (folder / STATE).exists():
        raise RunError(
            f"An unfinished training of {output} was kept. Go on with: {again}. Or remove {folder} to start afresh."
        )


@contextmanager
def _locked(folder: Path, output: Path) -> Iterator[None]:
    from filelock import FileLock, Timeout

    with disk_errors(output):
        folder.mkdir(parents=True, exist_ok=True)
        lock = FileLock(folder / LOCK)
        try:
            lock.acquire(timeout=0)
        except Timeout as error:
            raise RunError(f"Another process trains {output}. Wait for it, or choose another place with -o.") from error
    try:
        yield
    finally:
        lock.release()


def _empty(folder: Path) -> None:
    """Remove what a training left that was killed before it kept any state."""
    for path in folder.iterdir():
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        elif path.name != LOCK:
            with suppress(OSError):
                path.unlink()


def _must_fit(path: Path, fits: bool) -> None:
    if not fits:
        raise RunError(
            f"{path} was kept by another training: its arrays differ. Remove {path.parent} and start afresh."
        )


def _fill(array: np.ndarray, kept: np.ndarray, path: Path) -> None:
    _must_fit(path, array.shape == kept.shape and array.dtype == kept.dtype)
    array[...] = kept
