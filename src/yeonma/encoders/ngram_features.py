"""The n-grams of texts as numbers of a vocabulary: hashed in one pass, then numbered by falling frequency."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np

from yeonma.errors import InputError
from yeonma.text import Tokenizer, analyse

NAMED = 20_000  # rows, the most frequent, whose n-gram is kept as text
SPOTTED = 1 << 22  # features, the first, among which their n-grams are looked up
MOST = 1 << 33  # code points in one call: a spot has 35 bits for its place


class Shape(NamedTuple):
    """Which n-grams: of 1 to `characters` characters, of 1 to `words` words; `parts` texts a row; 2^bits slots."""

    characters: int
    words: int
    parts: int
    bits: int


class Features(NamedTuple):
    """Features of R rows: those of row i are ids[starts[i]:starts[i+1]], of which the first is 0, the bias.

    ids     int32 rows of the table, each at most once in a row      starts  (R + 1,) int64
    """

    ids: np.ndarray
    starts: np.ndarray

    def __len__(self) -> int:
        """How many rows."""
        return len(self.starts) - 1


class Slots(NamedTuple):
    """As Features, of slots of the hash; the first of them with their spots in the lines (see `ngram_kernels`)."""

    found: np.ndarray
    bounds: np.ndarray
    at: np.ndarray
    lines: np.ndarray


def lines_of(texts: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    """The texts as code points, composed (NFC), whitespace squeezed, blanks around: lines uint32, ends (texts + 1,)."""
    from yeonma.encoders import ngram_kernels as kernels

    together = "".join(texts)
    if not unicodedata.is_normalized("NFC", together):
        texts = [unicodedata.normalize("NFC", text) for text in texts]
        together = "".join(texts)
    bounds = np.zeros(len(texts) + 1, np.int64)
    np.cumsum(np.fromiter(map(len, texts), np.int64, len(texts)), out=bounds[1:])
    codes = np.frombuffer(together.encode("utf-32-le", "surrogatepass"), np.uint32)
    if len(codes) > MOST:
        raise InputError(f"The texts must hold at most {MOST:,} characters at a time; they hold {len(codes):,}.")
    lines, ends = np.empty(len(codes) + 2 * len(texts), np.uint32), np.empty_like(bounds)
    filled = kernels.squeeze(codes, bounds, lines, ends)
    return lines[:filled], ends


def slots_of(texts: Sequence[str], shape: Shape, tokenizer: Tokenizer | None) -> Slots:
    """The slots of the n-grams of rows of `shape.parts` texts each, one row after another.

    tokenizer  makes the words; None: what stands between blanks
    """
    from yeonma.encoders import ngram_kernels as kernels

    lines, ends = lines_of(texts)
    word_ends = ends
    if tokenizer is not None and shape.words:
        word_lines, word_ends = lines_of(spaced(texts, tokenizer))
        lines, word_ends = np.concatenate((lines, word_lines)), word_ends + len(lines)
    each = int(ends[-1]) * shape.characters + int(word_ends[-1] - word_ends[0]) * shape.words
    most = each * shape.parts + len(texts)
    found, at = np.empty(most, np.int32), np.empty(min(most, SPOTTED), np.int64)
    bounds = np.empty(len(texts) // shape.parts + 1, np.int64)
    seen = np.zeros((2, 1 << shape.bits), np.int32)
    sizes = np.array([shape.characters, shape.words, 64 - shape.bits])
    filled = kernels.slots(lines, ends, word_ends, shape.parts, sizes, seen, found, at, bounds)
    return Slots(found[:filled], bounds, at[: min(filled, len(at))], lines)


def spaced(texts: Sequence[str], tokenizer: Tokenizer) -> list[str]:
    """The pieces of each text with blanks between; a blank inside a piece is left out."""
    analysed = analyse(texts, tokenizer)
    words = ["".join(word.split()) for word in analysed.words]
    pieces, bounds = analysed.ids.tolist(), analysed.bounds.tolist()
    return [" ".join([words[i] for i in pieces[a:b]]) for a, b in pairwise(bounds)]


def vocabulary(slots: Slots, shape: Shape, min_count: int) -> np.ndarray:
    """The slots (V,) int32 that at least `min_count` rows have, the most frequent first, equal ones by their number."""
    from yeonma.encoders import ngram_kernels as kernels

    counts = np.zeros(1 << shape.bits, np.int32)
    kernels.count(slots.found, counts)
    kept = np.flatnonzero(counts >= min_count)
    most = np.iinfo(np.uint16).max
    order = np.argsort(
        most - np.minimum(counts[kept], most).astype(np.uint16), kind="stable"
    )  # so few bits: in one pass
    often = int((counts[kept] >= most).sum())
    order[:often] = order[:often][np.argsort(-counts[kept[order[:often]]], kind="stable")]
    vocabulary: np.ndarray = kept[order].astype(np.int32)
    return vocabulary


def table_of(vocabulary: np.ndarray, bits: int) -> np.ndarray:
    """Slot → row of the table, (2^bits,) int32: rows from 1 on; 0 where a slot has none."""
    table = np.zeros(1 << bits, np.int32)
    table[vocabulary] = np.arange(1, len(vocabulary) + 1, dtype=np.int32)
    return table


def features(slots: Slots, table: np.ndarray) -> Features:
    """The rows of the table that rows of texts have; they take the memory of the slots, which are gone."""
    from yeonma.encoders import ngram_kernels as kernels

    starts = np.empty_like(slots.bounds)
    left = kernels.renumber(slots.found, slots.bounds, table, starts)
    return Features(slots.found[:left], starts)


def names(slots: Slots, table: np.ndarray, rows: int, parts: int) -> list[str]:
    """The n-grams of rows 1 … of the table, at most NAMED of them: one of words in brackets, with what it is part of.

    Where two n-grams share a slot it is the first one met; one that the first texts lack is called by its number.
    """
    from yeonma.encoders import ngram_kernels as kernels

    spots = np.full(min(rows, NAMED) + 1, -1, np.int64)
    kernels.first_spots(slots.found, slots.at, table, spots)
    places = enumerate(spots[1:].tolist(), start=1)
    return [_name(spot, slots.lines, parts) if spot >= 0 else f"#{row}" for row, spot in places]


def _name(spot: int, lines: Any, parts: int) -> str:
    place, length, kind = spot >> 28, (spot >> 4) % (1 << 24), spot % 16
    text = lines[place : place + length].tobytes().decode("utf-32-le", "replace")
    whose = ("text 1: ", "text 2: ", "both: ")[kind % 4] if parts == 2 else ""
    return f"{whose}[{text}]" if kind & 4 else f"{whose}{text}"


def naive_bayes(data: Features, golds: np.ndarray, classes: int, rows: int, factor: float) -> np.ndarray:
    """The first weights (rows, outputs) float32: `factor` times the log ratio of a class against all others.

    log (pᵢ / qᵢ), pᵢ = (1 + rows of the class with feature i) / (the same, summed over all features), qᵢ the same of
    the rows of the other classes (Wang & Manning 2012, Baselines and Bigrams, eq. 1); of the bias it is the log ratio
    of their numbers. Two classes need one output, that of the second.
    """
    from yeonma.encoders import ngram_kernels as kernels

    counts = np.zeros((classes, rows), np.int32)
    kernels.by_class(data.ids, data.starts, golds, counts)
    own = counts[1:] if classes == 2 else counts
    total = counts.sum(0)
    start = np.empty((rows, len(own)), np.float32)
    for output, with_it in enumerate(own):
        inside, outside = with_it + np.float32(1), total - with_it + np.float32(1)
        start[0, output] = np.log(inside[0] / outside[0])
        start[1:, output] = np.log(
            inside[1:] / outside[1:] * (outside[1:].sum(dtype=float) / inside[1:].sum(dtype=float))
        )
    return start * np.float32(factor)
