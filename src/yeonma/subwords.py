"""Subwords: the n-grams of a word, the buckets they hash into, and the vector of a word nobody has seen."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from yeonma.errors import VectorsError, nearest

UNITS = ("characters", "jamo")
_OFFSET, _PRIME = np.uint32(2166136261), np.uint32(16777619)


@dataclass(frozen=True, kw_only=True)
class Ngrams:
    """Which n-grams a word has: those of `<word>`, from `minn` to `maxn` units long, each hashed into a bucket.

    units    "characters", or "jamo": a Hangul syllable counts as its letters (NFD: an initial is not a final)
    buckets  how many there are; n-grams that fall into the same one share its row
    The added `<` and `>` alone are no n-grams; the whole `<word>` is one where its length fits (Bojanowski et al.
    2017, "Enriching Word Vectors with Subword Information", §3.2).
    Raises: VectorsError for a setting that does not fit.
    """

    minn: int = 3
    maxn: int = 6
    units: str = "characters"
    buckets: int = 2_000_000

    def __post_init__(self) -> None:
        if self.units not in UNITS:
            raise VectorsError(
                f"The units of n-grams must be known, but {self.units!r} came.{nearest(self.units, UNITS)}"
            )
        if not 1 <= self.minn <= self.maxn:
            raise VectorsError(f"n-grams must have 1 ≤ minn ≤ maxn, but minn={self.minn}, maxn={self.maxn} came.")
        if not 1 <= self.buckets <= 2**31 - 1:
            raise VectorsError(f"There must be 1 to {2**31 - 1} buckets, but {self.buckets} came.")

    @property
    def settings(self) -> dict[str, Any]:
        """The settings this was made with."""
        return asdict(self)

    def of(self, word: str) -> list[str]:
        """The n-grams of one word, the shortest first. Empty where it is too short."""
        text = self._bounded(word)
        found = [text[i : i + 1] for i in range(1, len(text) - 1)] if self.minn == 1 else []
        for n in range(max(2, self.minn), min(self.maxn, len(text)) + 1):
            found += [text[i : i + n] for i in range(len(text) - n + 1)]
        return found

    def hashed(self, words: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
        """The buckets of many words, (N,) int64, and bounds, (n + 1,) int64: word i has bounds[i] … bounds[i+1]−1.

        Memory: a few times N · 8 bytes.
        """
        texts = [self._bounded(word) for word in words]
        owners, hashes = _hashes(texts, self.minn, self.maxn)
        order = np.argsort(owners, kind="stable")
        bounds = np.concatenate([[0], np.cumsum(np.bincount(owners, minlength=len(texts)))]).astype(np.int64)
        return hashes[order].astype(np.int64) % self.buckets, bounds

    def _bounded(self, word: str) -> str:
        return f"<{_letters(word) if self.units == 'jamo' else word}>"


def fnv1a(data: bytes) -> int:
    """32-bit FNV-1a as fastText has it: bytes from 128 on are taken as negative numbers (its `Dictionary::hash`)."""
    value = int(_OFFSET)
    for byte in data:
        value = (value ^ (byte | 0xFFFFFF00 if byte > 127 else byte)) * int(_PRIME) % 2**32
    return value


def _letters(word: str) -> str:
    return "".join(unicodedata.normalize("NFD", each) if "가" <= each <= "힣" else each for each in word)


def _hashes(texts: Sequence[str], minn: int, maxn: int) -> tuple[np.ndarray, np.ndarray]:
    """`fnv1a` of all n-grams at once, and which text each is of: the hash of n units goes on from that of n − 1."""
    characters = np.frombuffer("".join(texts).encode("utf-32-le", "surrogatepass"), np.uint32)
    lengths = np.fromiter(map(len, texts), np.int64, len(texts))
    owner, left = np.repeat(np.arange(len(texts)), lengths), _left(lengths)
    edge = (left == 1) | (left == np.repeat(lengths, lengths))
    starts, values = np.arange(len(characters)), np.full(len(characters), _OFFSET)
    owners, hashes = [owner[:0]], [values[:0]]
    for n in range(1, min(maxn, int(lengths.max(initial=0))) + 1):
        fits = left[starts] >= n
        starts, values = starts[fits], _hash_on(values[fits], characters[starts[fits] + n - 1])
        if n >= minn:
            kept = ~edge[starts] if n == 1 else slice(None)
            owners.append(owner[starts[kept]])
            hashes.append(values[kept])
    return np.concatenate(owners), np.concatenate(hashes)


def _left(lengths: np.ndarray) -> np.ndarray:
    """How many characters are left of each text, from each of its characters on."""
    ends = np.cumsum(lengths)
    return np.repeat(ends, lengths) - np.arange(ends[-1] if len(ends) else 0)


def _hash_on(values: np.ndarray, characters: np.ndarray) -> np.ndarray:
    """Feed the UTF-8 bytes of one character to each hash."""
    size = 1 + (characters >= 0x80) + (characters >= 0x800) + (characters >= 0x10000)
    lead = np.array([0, 0, 0xC0, 0xE0, 0xF0], np.uint32)[size]
    for place in range(4):
        shift = (6 * np.maximum(size - 1 - place, 0)).astype(np.uint32)
        byte = lead | characters >> shift if place == 0 else np.uint32(0x80) | characters >> shift & np.uint32(0x3F)
        signed = byte | (byte > 127) * np.uint32(0xFFFFFF00)
        values = np.where(place < size, (values ^ signed) * _PRIME, values)
    return values


@dataclass(frozen=True, eq=False)
class Subwords:
    """Rows of the buckets of n-grams: what gives a vector to a word that has none of its own.

    ngrams  which n-grams a word has
    ids     (B,) int64 the buckets that have a row, rising
    matrix  (B, dim) float32, finite; row i belongs to bucket ids[i]
    Raises: VectorsError when the parts do not fit each other.
    """

    ngrams: Ngrams
    ids: np.ndarray
    matrix: np.ndarray

    def __post_init__(self) -> None:
        if self.matrix.ndim != 2 or self.matrix.dtype != np.float32 or not np.isfinite(self.matrix).all():
            raise VectorsError("The rows of buckets must be a finite float32 matrix.")
        if self.ids.shape != (len(self.matrix),) or self.ids.dtype != np.int64 or (np.diff(self.ids) <= 0).any():
            raise VectorsError(f"Each of the {len(self.matrix):,} rows needs its own bucket, in rising order (int64).")
        if len(self.ids) and not 0 <= self.ids[0] <= self.ids[-1] < self.ngrams.buckets:
            raise VectorsError(f"Buckets must be 0 to {self.ngrams.buckets - 1}, but {self.ids[-1]} came.")

    @property
    def dim(self) -> int:
        """How many numbers a row has."""
        return int(self.matrix.shape[1])

    def rows(self, words: Sequence[str]) -> np.ndarray:
        """(n, dim) float32: the mean of the rows of a word's n-grams, those without a row left out; 0 if none has one.

        A word's own row is no part of it: for a word of the vocabulary take `Vectors.matrix`.
        """
        places, owners = self._found(words)
        sums = np.zeros((len(words), self.dim), np.float32)
        np.add.at(sums, owners, self.matrix[places])
        counts = np.bincount(owners, minlength=len(words))
        return sums / np.maximum(1, counts, dtype=np.float32)[:, None]

    def known(self, words: Sequence[str]) -> np.ndarray:
        """(n,) bool: whether any n-gram of a word has a row."""
        return np.bincount(self._found(words)[1], minlength=len(words)) > 0

    def _found(self, words: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
        """The rows of the n-grams that have one, and which word each belongs to."""
        buckets, bounds = self.ngrams.hashed(words)
        owners = np.repeat(np.arange(len(words)), np.diff(bounds))
        places = np.minimum(np.searchsorted(self.ids, buckets), max(0, len(self.ids) - 1))
        kept = self.ids[places] == buckets if len(self.ids) else np.zeros(len(buckets), bool)
        return places[kept], owners[kept]
