"""Columns of numbers on disk: written as they come, read a slice at a time."""

from __future__ import annotations

import os
import weakref
from pathlib import Path
from typing import BinaryIO, Protocol

import numpy as np


class Column(Protocol):
    """Numbers in memory or on disk: `len` and slices, which are arrays."""

    def __len__(self) -> int:
        """How many."""

    def __getitem__(self, part: slice, /) -> np.ndarray:
        """Those from part.start to part.stop."""


class OnDisk:
    """The numbers of a file; a slice is read into a fresh array, by several threads at once if need be.

    The file stays open, so that it can be read to the end though its name has gone.
    """

    def __init__(self, path: Path, dtype: type[np.generic]) -> None:
        self._handle = os.open(path, os.O_RDONLY)
        weakref.finalize(self, os.close, self._handle)
        self._dtype = np.dtype(dtype).newbyteorder("<")
        self._length = os.fstat(self._handle).st_size // self._dtype.itemsize

    def __len__(self) -> int:
        return self._length

    def __getitem__(self, part: slice) -> np.ndarray:
        start, stop, _ = part.indices(self._length)
        made = np.empty(max(0, stop - start), self._dtype)
        space, done = made.view(np.uint8), 0
        while done < made.nbytes:
            read = os.preadv(self._handle, [space[done:].data], start * self._dtype.itemsize + done)
            if not read:
                raise OSError("the file has become shorter while it was read")
            done += read
        return made


def append(stream: BinaryIO, numbers: np.ndarray, dtype: type[np.generic]) -> None:
    """Write numbers to the end of a file that `OnDisk` reads."""
    stream.write(np.ascontiguousarray(numbers, np.dtype(dtype).newbyteorder("<")).data)
