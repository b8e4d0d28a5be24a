"""Sorted runs of counted pairs: spilled to disk and merged, with a stretch of each in memory."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from yeonma.files import disk_errors

_PAIR = np.dtype([("key", "<u8"), ("value", "<f8")])
_FILES = 64  # merged at a time
_LEAST = 16  # pairs of each of them in memory, however little there is
_MERGED = 160  # bytes that merging takes for each of those

Run = Iterator[tuple[np.ndarray, np.ndarray]]
"""Rising uint64 keys of pairs with their float64 values, a stretch at a time."""


def held(memory: int) -> int:
    """How many pairs of each run merging may hold in so many bytes."""
    return max(_LEAST, memory // _MERGED // (_FILES + 2))


def spill(path: Path, run: Run) -> Path:
    """Write a run to a file.

    Raises: DiskError.
    """
    with disk_errors(path), path.open("wb") as stream:
        for keys, values in run:
            block = np.empty(len(keys), _PAIR)
            block["key"], block["value"] = keys, values
            block.tofile(stream)
    return path


def read(path: Path, size: int) -> Run:
    """The pairs of a file, which goes when they are read."""
    with path.open("rb") as stream:
        while len(block := np.fromfile(stream, _PAIR, size)):
            yield block["key"].copy(), block["value"].copy()
    path.unlink()


def merged(runs: Sequence[Run], size: int) -> Run:
    """Sorted runs as one; the values of equal keys are added in the order of the runs.

    At least `size` pairs of every run are held while it has as many: so all of them move on at about the same pace.
    What is not above the last key of a run that has more to come can be given out.
    """
    heads = [(run, np.empty(0, np.uint64), np.empty(0)) for run in runs]
    while heads := [_filled(*head, size) for head in heads]:
        lasts = [keys[-1] for _, keys, _ in heads if len(keys) >= size]
        ends = [int(np.searchsorted(keys, min(lasts), "right")) if lasts else len(keys) for _, keys, _ in heads]
        cut = list(zip(heads, ends, strict=True))
        keys = np.concatenate([keys[:end] for (_, keys, _), end in cut])
        if len(keys):
            yield _added(keys, np.concatenate([values[:end] for (_, _, values), end in cut]))
        heads = [(run, keys[end:], values[end:]) for (run, keys, values), end in cut] if lasts else []


def _filled(run: Run, keys: np.ndarray, values: np.ndarray, size: int) -> tuple[Run, np.ndarray, np.ndarray]:
    """A run with at least `size` of its next pairs in memory, or all that are left."""
    while len(keys) < size and (part := next(run, None)):
        keys, values = np.concatenate([keys, part[0]]), np.concatenate([values, part[1]])
    return run, keys, values


def _added(keys: np.ndarray, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    order = np.argsort(keys, kind="stable")
    keys, values = keys[order], values[order]
    starts = np.flatnonzero(np.diff(keys, prepend=keys[:1] + np.uint64(1)))
    return keys[starts], np.add.reduceat(values, starts)


def few(spilled: list[Path], folder: Path, size: int) -> list[Path]:
    """Files merged until so few are left that one pass can merge them."""
    number = len(spilled)
    while len(spilled) > _FILES:
        whole = spill(folder / f"spilled-{number}.bin", merged([read(path, size) for path in spilled[:_FILES]], size))
        spilled, number = [*spilled[_FILES:], whole], number + 1
    return spilled
