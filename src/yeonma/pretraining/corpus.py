"""A corpus as numbers: its words by falling frequency, and its texts as one column of their ranks."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from yeonma.pretraining.columns import Column, OnDisk, append

_BLOCK = 1 << 17  # bounds handled at a time
_LONGEST = 10_000  # tokens of a text handled at a time; only a window across such a border is cut
TOKENS, BOUNDS = "tokens.i32", "bounds.i64"


@dataclass(frozen=True, eq=False)
class Corpus:
    """The tokens of T texts over V words.

    words    the words that are kept, the most frequent first, equals in the order they were met
    counts   (V,) int64 how often each stands in the corpus
    tokens   (N,) int32 rows of `words`, text after text; rare words are left out
    bounds   (T + 1,) int64; the tokens of text i are bounds[i] … bounds[i+1]−1
    dropped  how many tokens were left out because their word is rare
    pairs    the phrases: words a, b that stand in `words` as one, a_b

    Tokens and bounds lie in memory or on disk; both know only `len` and slices.
    """

    words: list[str]
    counts: np.ndarray
    tokens: Column
    bounds: Column
    dropped: int = 0
    pairs: Sequence[tuple[str, str]] = ()

    def cuts(self, size: int) -> np.ndarray:
        """(K + 1,) int64 numbers of texts: chunk k is the texts cuts[k] … cuts[k+1]−1, about `size` tokens.

        No text is split and no chunk is without a token. Only a block of bounds is held.
        """
        texts, tokens = len(self.bounds) - 1, len(self.tokens)
        aims = np.linspace(0, tokens, max(1, round(tokens / size)) + 1)[1:]
        found = np.zeros(len(aims), np.int64)  # where the first text begins at or behind each aim
        for start in range(0, texts + 1, _BLOCK):
            found += np.searchsorted(self.bounds[start : start + _BLOCK], aims)
        return np.unique(np.concatenate([[0], found[found < found[-1]], [texts]]))

    def stretch(self, first: int, last: int) -> tuple[np.ndarray, np.ndarray]:
        """The texts first … last−1 as fresh arrays: tokens (n,) int32 and bounds (m + 1,) int64 from 0.

        A text longer than 10,000 tokens comes as several.
        """
        tokens, bounds = self.texts(first, last)
        return tokens.copy(), _short_texts(bounds)

    def texts(self, first: int, last: int) -> tuple[np.ndarray, np.ndarray]:
        """The texts first … last−1 as they are; tokens may be a view."""
        bounds = self.bounds[first : last + 1]
        return self.tokens[bounds[0] : bounds[-1]], bounds - bounds[0]


def written(folder: Path, prefix: str, chunks: Iterable[tuple[np.ndarray, np.ndarray]]) -> tuple[Column, Column]:
    """Write chunks (tokens (n,), lengths of texts (m,)) as the columns of a corpus and open them."""
    paths = folder / f"{prefix}{TOKENS}", folder / f"{prefix}{BOUNDS}"
    with ExitStack() as stack:
        tokens, bounds = (stack.enter_context(path.open("wb")) for path in paths)
        end = 0
        append(bounds, np.zeros(1, np.int64), np.int64)
        for ids, lengths in chunks:
            append(tokens, ids, np.int32)
            append(bounds, end + np.cumsum(lengths), np.int64)
            end += len(ids)
    return opened(folder, prefix)


def opened(folder: Path, prefix: str = "") -> tuple[Column, Column]:
    """The columns that `written` wrote."""
    return OnDisk(folder / f"{prefix}{TOKENS}", np.int32), OnDisk(folder / f"{prefix}{BOUNDS}", np.int64)


def remove(folder: Path, prefix: str) -> None:
    """Take the names of columns away; those that are open can still be read."""
    for name in (TOKENS, BOUNDS):
        (folder / f"{prefix}{name}").unlink()


class Counted:
    """Words numbered in the order they are met, and how often each was met."""

    def __init__(self, words: Sequence[str] = ()) -> None:
        self.index = {word: row for row, word in enumerate(words)}
        self._counts = np.zeros(max(1024, len(words)), np.int64)

    def rows(self, words: Sequence[str]) -> np.ndarray:
        """(len(words),) int32 the number of each; new words get one."""
        index = self.index
        return np.array([index.setdefault(word, len(index)) for word in words], np.int32)

    def count(self, ids: np.ndarray) -> None:
        """Words with these numbers were met."""
        if len(self.index) > len(self._counts):
            self._counts = np.concatenate([self._counts, np.zeros(len(self.index), np.int64)])
        found, times = np.unique(ids, return_counts=True)
        self._counts[found] += times

    @property
    def counts(self) -> np.ndarray:
        """(V,) int64"""
        return self._counts[: len(self.index)]


def _short_texts(bounds: np.ndarray) -> np.ndarray:
    """Bounds of texts none of which is longer than `_LONGEST`; a text without a token is no text."""
    long = np.flatnonzero(np.diff(bounds) > _LONGEST).tolist()
    between = [np.arange(bounds[i], bounds[i + 1], _LONGEST) for i in long]
    return np.unique(np.concatenate([bounds, *between]))
