"""The n-grams of unknown words: rows that are trained with the rest, and what a word without a row of its own gets."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch
from torch import Tensor, nn

from yeonma.errors import RunError
from yeonma.files import read_json
from yeonma.optim import RowTable
from yeonma.subwords import Ngrams, Subwords

FILE = "ngrams.json"
LONGEST = 128
"""N-grams of a word that count; what follows in a longer word is left out."""
PAD = 0


class Spelling(nn.Module):
    """mean over the n-grams of a word that have a row; row 0 of the table is none.

    ngrams   which n-grams a word has, and their buckets
    buckets  how many of the buckets have a row; which ones, in rising order, stands in `ids` (int64)
    """

    ids: Tensor

    def __init__(self, ngrams: Ngrams, buckets: int, dim: int, lazy: bool) -> None:
        super().__init__()
        self.ngrams = ngrams
        self.register_buffer("ids", torch.arange(buckets))
        self.table = (RowTable if lazy else nn.Embedding)(1 + buckets, dim, padding_idx=PAD)
        nn.init.zeros_(self.table.weight)

    @torch.no_grad()
    def start_from(self, subwords: Subwords) -> None:
        """Take over the buckets and their rows."""
        self.ids.copy_(torch.from_numpy(subwords.ids))
        self.table.weight[1:] = torch.from_numpy(subwords.matrix)

    def rows(self, words: Sequence[str]) -> np.ndarray:
        """(n + 1, most) int32: the table's rows of each word's n-grams, padded with 0; one line more, of zeros."""
        buckets, bounds = self.ngrams.hashed(words)
        known = self.ids.numpy()
        places = np.minimum(np.searchsorted(known, buckets), max(0, len(known) - 1))
        found = known[places] == buckets if len(known) else np.zeros(len(buckets), bool)
        owner = np.repeat(np.arange(len(words)), np.diff(bounds))[found]
        first = np.concatenate([[0], np.cumsum(np.bincount(owner, minlength=len(words)))])
        column = np.arange(len(owner)) - first[owner]
        result = np.zeros((len(words) + 1, min(LONGEST, int(column.max(initial=0)) + 1)), np.int32)
        kept = column < result.shape[1]
        result[owner[kept], column[kept]] = 1 + places[found][kept]
        return result

    def forward(self, rows: Tensor) -> Tensor:
        """Rows of the table (n, most) → (n, dim); zero where a word has none."""
        counts = (rows != PAD).sum(1, keepdim=True)
        return self.table(rows).sum(1) / counts.clamp(min=1)  # type: ignore[no-any-return]

    def save(self, folder: Path) -> None:
        """Write ngrams.json; the buckets that have a row stand among the weights."""
        described = {"ngrams": self.ngrams.settings, "rows": len(self.ids)}
        (folder / FILE).write_text(json.dumps(described, indent=2), encoding="utf-8")

    @classmethod
    def load(cls, folder: Path, dim: int, lazy: bool) -> Self:
        """Of the shape that was saved; the caller loads the weights.

        Raises: RunError.
        """
        described = read_json(folder / FILE)
        try:
            return cls(Ngrams(**described["ngrams"]), int(described["rows"]), dim, lazy)
        except (KeyError, TypeError, ValueError) as error:
            raise RunError(f"{folder / FILE} does not describe n-grams: {error!r}. Save the model again.") from error


def new_spelling(settings: Any, subwords: Subwords | None, dim: int) -> Spelling | None:
    """What makes unknown words of their n-grams: the vectors' subwords, or buckets that are zero at first.

    settings  those of a static encoder; None where unknown words are something else
    """
    if settings.unknown != "subwords":
        return None
    lazy = settings.rows == "lazy"
    if subwords is None:
        return Spelling(Ngrams(minn=1, maxn=3, buckets=settings.unknown_buckets), settings.unknown_buckets, dim, lazy)
    spelled = Spelling(subwords.ngrams, len(subwords.ids), dim, lazy)
    spelled.start_from(subwords)
    return spelled


def trimmed(rows: np.ndarray) -> np.ndarray:
    """Rows of n-grams (n, most) without the columns that are padding throughout, but one."""
    return np.ascontiguousarray(rows[:, : max(1, int(rows.any(0).sum()))])


def stacked(tables: Sequence[np.ndarray]) -> np.ndarray:
    """Rows of n-grams one after the other, padded to the widest, and a line of zeros behind them: int64."""
    result = np.zeros((sum(map(len, tables)) + 1, max((rows.shape[1] for rows in tables), default=1)), np.int64)
    place = 0
    for rows in tables:
        result[place : place + len(rows), : rows.shape[1]] = rows
        place += len(rows)
    return result
