"""A corpus as numbers: its words by falling frequency, and its texts as one array of their ranks."""

from __future__ import annotations

from array import array
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from yeonma.errors import DataError
from yeonma.records import Progress, silent
from yeonma.text.tokenizers import Tokenizer

_REPORT = 4096
_BLOCK = 1 << 20


@dataclass(frozen=True, eq=False)
class Corpus:
    """The tokens of T texts over V words.

    words    the words that occur often enough, the most frequent first, equals in the order they were met
    counts   (V,) int64 how often each stands in the corpus
    tokens   (N,) int32 rows of `words`, text after text; rare words are left out
    bounds   (T + 1,) int64; the tokens of text i are bounds[i] … bounds[i+1]−1
    dropped  how many tokens were left out because their word is rare
    """

    words: list[str]
    counts: np.ndarray
    tokens: np.ndarray
    bounds: np.ndarray
    dropped: int = 0


def encode(texts: Iterable[str], tokenizer: Tokenizer, min_count: int = 5, progress: Progress = silent) -> Corpus:
    """Read texts once and number their words. Blank texts are skipped; words met less than `min_count` times go.

    Memory: the distinct words and about nine bytes a token, never the texts.
    Raises: DataError when nothing is left.
    """
    index: dict[str, int] = {}
    ids, bounds = array("i"), array("q", [0])
    for done, pieces in enumerate(tokenizer.batch(text for text in texts if text.strip()), start=1):
        ids.extend([index.setdefault(piece.form, len(index)) for piece in pieces])
        bounds.append(len(ids))
        if done % _REPORT == 0:
            progress("read", done, None, "texts")
    progress("read", len(bounds) - 1, len(bounds) - 1, "texts")
    if not ids:
        raise DataError("The corpus holds no word: all its texts are blank. Check the files and the column.")
    return _by_frequency(list(index), np.frombuffer(ids, np.int32), np.array(bounds, np.int64), min_count)


def _by_frequency(words: list[str], ids: np.ndarray, bounds: np.ndarray, min_count: int) -> Corpus:
    """Number the words anew. `ids` is overwritten: it is the largest thing there is."""
    counts = np.bincount(ids, minlength=len(words))
    order = np.argsort(-counts, kind="stable")
    kept = order[: int((counts >= min_count).sum())]
    if not len(kept):
        raise DataError(
            f"No word occurs {min_count} times (the most frequent, {words[order[0]]!r}, {counts[order[0]]} times). "
            "Lower min_count or give more text."
        )
    rank = np.full(len(words), -1, np.int32)
    rank[kept] = np.arange(len(kept), dtype=np.int32)
    for start in range(0, len(ids), _BLOCK):
        ids[start : start + _BLOCK] = rank[ids[start : start + _BLOCK]]
    lost = np.flatnonzero(ids < 0)
    bounds = bounds - np.searchsorted(lost, bounds)
    return Corpus([words[i] for i in kept.tolist()], counts[kept], ids[ids >= 0], bounds, dropped=len(lost))
