"""What happened to one word table: how far each row moved, and which words are near it before and after."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple, Self

import numpy as np

from yeonma.errors import VectorsError
from yeonma.neighbours import nearest_rows, unit_rows
from yeonma.run import Run

if TYPE_CHECKING:
    import polars as pl

# <pad> <unk> <bucket 7> </s> <|endoftext|> [CLS] [unused12]: rows that stand for no word; [영화] may well be one
_SPECIAL = re.compile(r"|<[|/]?[A-Za-z_]+ ?\d*\|?>|\[[A-Za-z]+ ?\d*\]")
_ROWS = 4096  # read at once: of width 300, three pieces in float64 take 30 MB, whatever the vocabulary


class Neighbours(NamedTuple):
    """The words of the greatest cosine with a word and these cosines, the nearest first, in the table at both ends."""

    before: list[tuple[str, float]]
    after: list[tuple[str, float]]


@dataclass(frozen=True, eq=False)
class Drift:
    """A word table at both ends of fine-tuning.

    words   the V names of the rows; a row that stands for no word has a name in brackets, or an empty one
    before  (V, width) the table at the start       after  (V, width) the table at the end
    Lengths are Euclidean, in the units of the table; they are summed in float64.
    Raises: VectorsError when the parts do not fit each other.
    """

    words: Sequence[str]
    before: np.ndarray
    after: np.ndarray

    def __post_init__(self) -> None:
        shapes = self.before.shape, self.after.shape
        if shapes[0] != shapes[1] or self.before.ndim != 2 or not self.before.size or len(self.words) != shapes[0][0]:
            raise VectorsError(
                "Both tables must have a row for each word and the same width, but there are "
                f"{len(self.words):,} words and shapes {shapes[0]} and {shapes[1]}."
            )

    @classmethod
    def of(cls, run: Run) -> Self | None:
        """That of a run; None where a table was not kept (an unfinished run), or words and rows do not fit each other.

        Raises: RunError for a broken file.
        """
        before, after = run.embeddings("before"), run.embeddings("after")
        if before is None or after is None:
            return None
        try:
            return cls(run.words(), before, after)
        except VectorsError:
            return None

    @property
    def distance(self) -> np.ndarray:
        """(V,) float64 ‖after − before‖ of each row."""
        found: np.ndarray = self._sums[3]
        return found

    @property
    def norms(self) -> tuple[np.ndarray, np.ndarray]:
        """(V,) float64 ‖before‖ and (V,) ‖after‖."""
        return np.sqrt(self._sums[0]), np.sqrt(self._sums[1])

    @cached_property
    def relative(self) -> np.ndarray:
        """(V,) float64 ‖after − before‖ / ‖before‖; NaN where a row began as zeros."""
        start = self.norms[0]
        found: np.ndarray = np.divide(self.distance, start, out=np.full(len(start), np.nan), where=start > 0)
        return found

    @cached_property
    def cosine(self) -> np.ndarray:
        """(V,) float64 cosine of each row's two vectors; NaN where one of them is zero or not finite."""
        first, last, product, _ = self._sums
        lengths = np.sqrt(first * last)  # of equal rows exactly the product
        told = (lengths > 0) & np.isfinite(lengths)
        found: np.ndarray = np.divide(product, lengths, out=np.full(len(lengths), np.nan), where=told)
        return found.clip(-1, 1)

    @cached_property
    def touched(self) -> np.ndarray:
        """(V,) bool: whether any bit of the row differs."""
        found = np.zeros(len(self.words), bool)
        for rows in self._pieces():
            found[rows] = (_bytes(self.before[rows]) != _bytes(self.after[rows])).any(axis=1)
        return found

    @property
    def untouched(self) -> float:
        """The share of all rows that are the same, bit for bit: 1 for a frozen table."""
        return 1 - float(self.touched.mean())

    @cached_property
    def named(self) -> np.ndarray:
        """(V,) bool: whether the row stands for one word; not padding, unknown words, marks of a tokenizer."""
        return np.array([_SPECIAL.fullmatch(word) is None for word in self.words])

    @cached_property
    def comparable(self) -> np.ndarray:
        """(V,) bool: whether the row stands for a word that had a place before: its vector was not zero."""
        first, last, *_ = self._sums
        usable: np.ndarray = self.named & (first > 0) & np.isfinite(first) & np.isfinite(last)
        return usable

    def furthest(self, count: int) -> np.ndarray:
        """The rows (≤ count,) of the comparable words that were touched and moved most, the furthest first."""
        rows = np.flatnonzero(self.comparable & self.touched)
        return rows[np.argsort(-self.distance[rows], kind="stable")[:count]]

    def most_moved(self, count: int = 50, k: int = 8) -> pl.DataFrame:
        """The words that moved most, the furthest first, and where they went; no row where nothing moved.

        word, distance, relative (distance / ‖before‖), cosine (of the word's two vectors)
        before, after  lists of the k nearest words at both ends (see `neighbours`)
        gone, come     what is only in the first, only in the second of them

        Rows that stand for no word and words that began as zeros, which had no neighbours, are left out.
        """
        import polars as pl

        rows = self.furthest(count)
        before, after = ([[word for word, _ in each] for each in near] for near in self.near(rows, k))
        pairs = list(zip(before, after, strict=True))
        columns: dict[str, Any] = {
            "word": [self.words[row] for row in rows.tolist()],
            "distance": self.distance[rows],
            "relative": self.relative[rows],
            "cosine": self.cosine[rows],
            "before": before,
            "after": after,
            "gone": [[word for word in old if word not in new] for old, new in pairs],
            "come": [[word for word in new if word not in old] for old, new in pairs],
        }
        numbers = dict.fromkeys(("distance", "relative", "cosine"), pl.Float64())
        lists = dict.fromkeys(("before", "after", "gone", "come"), pl.List(pl.String()))
        return pl.DataFrame(columns, schema={"word": pl.String(), **numbers, **lists}, nan_to_null=True)

    def neighbours(self, word: str, k: int = 8) -> Neighbours:
        """The k nearest words before and after; the word itself and rows that stand for no word are left out.

        Words at a right angle or further are not near: there may be fewer than k, and a zero vector has none. A table
        of width 1 has none either, for there all cosines are 1 or −1.
        Raises: VectorsError for a word that is not in the table, naming words written like it.
        """
        if word not in self.words:
            close = ", ".join(map(repr, difflib.get_close_matches(word, self.words, n=3)))
            hint = f" Written like it: {close}." if close else ""
            raise VectorsError(f"{word!r} must be one of the {len(self.words):,} words of the table, and is not.{hint}")
        before, after = self.near(np.array([self.words.index(word)]), k)
        return Neighbours(before[0], after[0])

    def near(self, rows: np.ndarray, k: int) -> tuple[list[list[tuple[str, float]]], list[list[tuple[str, float]]]]:
        """The k nearest words of each of some rows (n,), with their cosines, in the table before and after."""
        return self._near(self.before, rows, k), self._near(self.after, rows, k)

    def histogram(self, bins: int = 40) -> pl.DataFrame:
        """How far the rows that moved did: low, high (the ends of `bins` equal steps from 0), rows.

        No row where nothing moved; rows that stayed are told by `untouched`.
        """
        import polars as pl

        far = self.distance[np.isfinite(self.distance) & (self.distance > 0)]
        counts, edges = np.histogram(far, bins if len(far) else 1, range=(0, far.max() if len(far) else 1))
        found = pl.DataFrame({"low": edges[:-1], "high": edges[1:], "rows": counts})
        return found if len(far) else found.clear()

    def _pieces(self) -> Iterator[slice]:
        return (slice(begin, begin + _ROWS) for begin in range(0, len(self.words), _ROWS))

    @cached_property
    def _sums(self) -> np.ndarray:
        """(4, V) float64: ‖before‖², ‖after‖², before · after, ‖after − before‖."""
        found = np.empty((4, len(self.words)))
        with np.errstate(invalid="ignore", over="ignore"):  # a table that is not finite gives what is not finite
            for rows in self._pieces():
                before, after = self.before[rows].astype(np.float64), self.after[rows].astype(np.float64)
                pairs = (before, before), (after, after), (before, after), (after - before,) * 2
                found[:, rows] = [np.einsum("ij,ij->i", x, y) for x, y in pairs]
        found[3] = np.sqrt(found[3])
        return found

    @cached_property
    def _span(self) -> slice:
        """From the first to the last row of a word: special rows stand mostly at the ends."""
        named = np.flatnonzero(self.named)
        return slice(named[0], named[-1] + 1) if named.size else slice(0, 0)

    def _near(self, table: np.ndarray, rows: np.ndarray, k: int) -> list[list[tuple[str, float]]]:
        """For each of the rows the k nearest words of one table, with their cosines."""
        if table.shape[1] == 1 or not rows.size:
            return [[] for _ in rows]
        begin, others = self._span.start, np.flatnonzero(~self.named[self._span])
        left_out = np.hstack([rows[:, None] - begin, np.broadcast_to(others, (len(rows), len(others)))])
        with np.errstate(invalid="ignore"):  # a row that is not finite is near nothing
            places, cosines = nearest_rows(table[self._span], unit_rows(table[rows]), left_out, k)
        return [
            [(self.words[begin + place], cosine) for place, cosine in zip(*each, strict=True) if cosine > 0]
            for each in zip(places.tolist(), cosines.tolist(), strict=True)
        ]


def _bytes(rows: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(rows).view(np.uint8)
