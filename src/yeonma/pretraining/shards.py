"""The shards of Swivel: a symmetric matrix of counts cut into dense pieces, which stand on disk one after the other."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from yeonma.files import disk_errors
from yeonma.pretraining.cooccurrence import Cooccurrences

_CELL = np.dtype([("cell", "<i4"), ("value", "<f4")])
_BLOCK = 1 << 20  # pairs sorted into shards at a time


@dataclass(frozen=True, eq=False)
class Shards:
    """Words i, i + n, i + 2n, … make part i of n, so that each part has its share of frequent words.

    Shard (r, c) holds the counts of the words of part r with those of part c; (c, r) is the same turned round and does
    not stand on disk.
    path    the cells that were met, of dtype (row · width + column, value), shard after shard
    starts  (n · n + 1,) int64 the first cell of shard r · n + c; those with r > c are empty
    parts   n
    words   V
    """

    path: Path
    starts: np.ndarray
    parts: int
    words: int

    def cells(self, row: int, column: int) -> tuple[np.ndarray, np.ndarray]:
        """The places row · width + column that were met in a shard, int64, and their counts, float32."""
        shard = min(row, column) * self.parts + max(row, column)
        start, end = self.starts[shard : shard + 2].tolist()
        met = np.fromfile(self.path, _CELL, end - start, offset=start * _CELL.itemsize)
        i, j = np.divmod(met["cell"].astype(np.int64), self.width(max(row, column)))
        width = self.width(column)
        if row > column:
            return j * width + i, met["value"]
        if row < column:
            return i * width + j, met["value"]
        turned = i != j
        cells = np.concatenate([i * width + j, (j * width + i)[turned]])
        return cells, np.concatenate([met["value"], met["value"][turned]])

    def width(self, part: int) -> int:
        """How many words a part has."""
        return len(range(part, self.words, self.parts))


def write_shards(counts: Cooccurrences, folder: Path, size: int) -> Shards:
    """Cut the counts into shards of at most size × size words.

    Two passes over the pairs; besides a block of pairs, the memory is two numbers a shard.
    Raises: DiskError.
    """
    words = len(counts.sums)
    parts = -(-words // size)
    totals = np.zeros(parts * parts, np.int64)
    for block in counts.blocks(_BLOCK):
        totals += np.bincount(_sorted(block, parts, words)[0], minlength=len(totals))
    starts = np.concatenate([[0], np.cumsum(totals)])
    path, ends = folder / "shards.bin", starts[:-1].copy()
    with disk_errors(path), path.open("wb") as stream:
        for block in counts.blocks(_BLOCK):
            shards, cells = _sorted(block, parts, words)
            met, firsts = np.unique(shards, return_index=True)
            for shard, part in zip(met.tolist(), np.split(cells, firsts[1:]), strict=True):
                stream.seek(int(ends[shard]) * _CELL.itemsize)
                part.tofile(stream)
                ends[shard] += len(part)
    return Shards(path, starts, parts, words)


def _sorted(block: np.ndarray, parts: int, words: int) -> tuple[np.ndarray, np.ndarray]:
    """The shard of each pair, rising, and its cell there."""
    at_row, row = np.divmod(block["row"].astype(np.int64), parts)
    at_column, column = np.divmod(block["column"].astype(np.int64), parts)
    turned = row > column
    row, column = np.where(turned, column, row), np.where(turned, row, column)
    at_row, at_column = np.where(turned, at_column, at_row), np.where(turned, at_row, at_column)
    cells = np.empty(len(block), _CELL)
    cells["cell"], cells["value"] = at_row * ((words - column - 1) // parts + 1) + at_column, block["value"]
    shards = row * parts + column
    order = np.argsort(shards, kind="stable")
    return shards[order], cells[order]
