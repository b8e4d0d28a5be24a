"""Which words stand near each other and how often: counted in bounded memory, kept as a sorted file of pairs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np

from yeonma.errors import DataError
from yeonma.files import staged_file
from yeonma.pretraining.corpus import Corpus
from yeonma.pretraining.method import Method, choice, setting
from yeonma.pretraining.runs import Run, few, held, merged, read, spill
from yeonma.pretraining.work import Work
from yeonma.records import Progress, silent

PAIR = np.dtype([("row", "<i4"), ("column", "<i4"), ("value", "<f4")])
LARGEST_WINDOW = 255
_CHUNK = 1_000_000  # tokens read at a time


@dataclass(frozen=True, eq=False)
class Cooccurrences:
    """A symmetric matrix X of V words by V words, of which one triangle stands on disk.

    path  the pairs with row ≤ column that were met, of dtype PAIR, by rising row, then column
    size  how many pairs there are
    sums  (V,) float64 the sum of each row of X
    """

    path: Path
    size: int
    sums: np.ndarray

    def blocks(self, size: int) -> Iterator[np.ndarray]:
        """The pairs in order, up to `size` at a time."""
        with self.path.open("rb") as stream:
            while len(block := np.fromfile(stream, PAIR, size)):
                yield block


@dataclass(frozen=True, kw_only=True)
class CountBased(Method):
    """A method whose vectors come from the counts of a corpus and not from its texts."""

    dim: int = setting(100, 1, 1024, "numbers a word has")
    window: int = setting(10, 1, LARGEST_WINDOW, "how far a word of the context may be")
    weighting: str = choice("distance", ("distance", "flat"), "a pair at distance d counts 1/d, or 1")
    memory_mb: int = setting(256, 1, 2**20, "megabytes that counting may take; more than that goes to disk")

    def count(self, corpus: Corpus, work: Work, progress: Progress = silent) -> Cooccurrences:
        """The counts of a corpus; those of a killed training are used again if they were complete.

        Raises: DataError when no two words stand in one text; DiskError.
        """
        distances = np.arange(self.window + 1)
        weights = 1 / np.maximum(distances, 1) if self.weighting == "distance" else np.ones(self.window + 1)
        return cooccurrences(corpus, work.folder, weights, self.memory_mb << 20, progress)


def cooccurrences(
    corpus: Corpus, folder: Path, weights: np.ndarray, memory: int, progress: Progress = silent
) -> Cooccurrences:
    """Count the pairs of words that stand within len(weights) − 1 of each other in a text.

    X_ij is the sum of weights[d] over all pairs of places, d apart, that hold i and j in either order; X_ii counts
    both orders too, as GloVe's own program does (Pennington et al. 2014, section 3.1). The same corpus gives the same
    bits.
    weights  (window + 1,) float64; weights[0] is not read
    memory   bytes; besides, the words need 24 bytes each and a chunk of the corpus 5 MB. Half of it is a table of
             the pairs of frequent words (a · b below a limit, as in GloVe's program), the rest a buffer of other
             pairs, sorted and spilled to `folder` when full: 16 bytes for each different pair.
    A count that was complete is used again; one that was interrupted begins anew.
    Raises: DataError when there is no pair; DiskError.
    """
    pairs, sums = folder / "pairs.bin", folder / "sums.npy"
    if not sums.exists():
        total = _write(pairs, _counted(corpus, folder, weights, memory, progress), len(corpus.words), progress)
        with staged_file(sums) as stage, stage.open("wb") as stream:
            np.save(stream, total)
    size = pairs.stat().st_size // PAIR.itemsize
    if not size:
        raise DataError(
            f"Counting needs texts in which two words stand within {len(weights) - 1} words of each other; the corpus "
            "holds none. Lower min_count or give longer texts."
        )
    return Cooccurrences(pairs, size, np.load(sums, allow_pickle=False))


def _counted(corpus: Corpus, folder: Path, weights: np.ndarray, memory: int, progress: Progress) -> Run:
    """All pairs by rising key, each once."""
    from yeonma.pretraining.cooccurrence_kernel import count_pairs

    window, most = len(weights) - 1, len(corpus.tokens) * (len(weights) - 1)
    limits, offsets, cells = _table(len(corpus.words), min(memory // 16, most))
    table, keys = np.zeros(cells), np.empty(max(window, min(memory * 3 // 64, most)), np.uint64)
    cursor, done = np.zeros(3, np.int64), 0
    files: list[Path] = []
    for first, last in pairwise(corpus.cuts(_CHUNK)):
        tokens, bounds = corpus.stretch(first, last)
        while not count_pairs(tokens, bounds, window, weights, table, offsets, limits, keys, cursor):
            files.append(spill(folder / f"spilled-{len(files)}.bin", _summed(keys[: cursor[2]], weights)))
            cursor[2] = 0
        done += len(tokens)
        progress("count", done, len(corpus.tokens), "tokens")
    size = held(memory // 8)
    runs = [_frequent(table, limits, offsets, size), _summed(keys[: cursor[2]], weights, size)]
    yield from merged([*runs, *(read(path, size) for path in few(files, folder, size))], size)


def _table(words: int, most: int) -> tuple[np.ndarray, np.ndarray, int]:
    """Which pairs of words have a cell in a table of at most so many: (a, b) with (a + 1) · (b + 1) ≤ a limit.

    Returns limits (V,), the first b of each a without a cell, offsets (V,), where the cell of b = 0 would stand, and
    the number of cells.
    """
    rows = np.arange(words)
    low, high = 0, words * words
    while low < high:
        middle = (low + high + 1) // 2
        fits = int(_width(rows, middle).sum()) <= most
        low, high = (middle, high) if fits else (low, middle - 1)
    width = _width(rows, low)
    ends = np.cumsum(width)
    return rows + width, ends - width - rows, int(ends[-1])


def _width(rows: np.ndarray, limit: int) -> np.ndarray:
    """How many cells each row has."""
    width: np.ndarray = np.maximum(0, np.minimum(len(rows), limit // (rows + 1)) - rows)
    return width


def _frequent(table: np.ndarray, limits: np.ndarray, offsets: np.ndarray, size: int) -> Run:
    """The cells of the table that are not 0."""
    from yeonma.pretraining.cooccurrence_kernel import WORD_BITS

    wide = int((limits > np.arange(len(limits))).sum())
    ends = (offsets + limits)[:wide]
    row = 0
    while row < wide:
        start = int(offsets[row]) + row
        last = max(row + 1, int(np.searchsorted(ends, start + size, "right")))
        cells = np.flatnonzero(table[start : ends[last - 1]]) + start
        rows = np.searchsorted(ends, cells, "right")
        yield ((rows << WORD_BITS) + cells - offsets[rows]).astype(np.uint64), table[cells]
        row = last


def _summed(keys: np.ndarray, weights: np.ndarray, size: int = 1 << 12) -> Run:
    """The pairs of a buffer of keys, which is sorted in place."""
    from yeonma.pretraining.cooccurrence_kernel import add_up

    keys.sort()
    start = 0
    while start < len(keys):
        pairs, values = np.empty(size, np.uint64), np.empty(size)
        n, start = add_up(keys, start, weights, pairs, values)
        yield pairs[:n], values[:n]


def _write(path: Path, run: Run, words: int, progress: Progress) -> np.ndarray:
    """Write the pairs; returns the sum of each row of the symmetric matrix."""
    from yeonma.pretraining.cooccurrence_kernel import WORD_BITS

    sums, done = np.zeros(words), 0
    with staged_file(path) as stage, stage.open("wb") as stream:
        for keys, values in run:
            rows, columns = keys >> np.uint64(WORD_BITS), keys & np.uint64((1 << WORD_BITS) - 1)
            same = rows == columns
            block = np.empty(len(keys), PAIR)
            block["row"], block["column"], block["value"] = rows, columns, np.where(same, 2 * values, values)
            block.tofile(stream)
            sums += np.bincount(block["row"], values, words) + np.bincount(block["column"], values, words)
            done += len(keys)
            progress("merge", done, None, "pairs")
    return sums
