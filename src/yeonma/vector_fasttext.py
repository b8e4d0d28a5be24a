"""fastText's own binary files (.bin): words, counts, and the buckets of their n-grams, with every claim checked."""

from __future__ import annotations

import mmap
import struct
from itertools import pairwise
from pathlib import Path

import numpy as np

from yeonma.errors import VectorsError
from yeonma.subwords import Ngrams, Subwords

MAGIC = struct.pack("<i", 793712314)
_VERSION = 12
_ARGUMENTS = struct.Struct("<12id")  # dim ws epoch minCount neg wordNgrams loss model bucket minn maxn lrUpdateRate t
_DICTIONARY = struct.Struct("<3iqq")  # size nwords nlabels ntokens pruneidx_size
_ENTRY = struct.Struct("<qb")  # count type
_MATRIX = struct.Struct("<?qq")  # quantised rows columns
_END_OF_LINE = "</s>"  # it has no n-grams (fastText's Dictionary::initNgrams)
_CHUNK = 10_000
Found = tuple[list[str], np.ndarray, np.ndarray, Subwords | None]


class _Reader:
    """A place in the file, and what may be read from there."""

    def __init__(self, content: mmap.mmap, path: Path) -> None:
        self.content, self.path, self.place = content, path, len(MAGIC)

    def take(self, form: struct.Struct) -> tuple[int, ...]:
        """The next numbers."""
        if self.place + form.size > len(self.content):
            raise self.error("the file ends here; it is cut")
        values = form.unpack_from(self.content, self.place)
        self.place += form.size
        return values

    def entry(self, number: int) -> tuple[str, int]:
        """The next word and its count."""
        end = self.content.find(b"\0", self.place)
        if end < 0:
            raise self.error(f"word {number} has no end; the file is cut")
        written = self.content[self.place : end]
        if written.split() != [written]:
            raise self.error(f"word {number} must not be empty or hold a blank or line end; {written[:60]!r} came")
        try:
            word = written.decode("utf-8")
        except UnicodeDecodeError as error:
            raise self.error(f"word {number} must be UTF-8") from error
        self.place = end + 1
        return word, self.take(_ENTRY)[0]

    def error(self, problem: str) -> VectorsError:
        """A problem at this place."""
        return VectorsError(f"byte {self.place:,}: {problem}. Get the file again or write it again.", self.path)


def read(path: Path) -> Found:
    """The words of `fasttext skipgram` or `cbow`, their rows and counts, and the subwords of unknown words, if any.

    A word's row is the mean of its own and of those of its n-grams, as fastText's `getWordVector` gives it.
    The file's size bounds the memory, whatever its header claims.
    Raises: VectorsError, with the byte: cut, of another version, supervised, quantised (.ftz), or with numbers that do
    not fit each other.
    """
    try:
        with path.open("rb") as stream, mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as content:
            return _parts(_Reader(content, path))
    except OSError as error:
        raise VectorsError(f"cannot be read: {error.strerror or error}.", path) from error


def _parts(reader: _Reader) -> Found:
    if (version := reader.take(struct.Struct("<i"))[0]) != _VERSION:
        raise reader.error(f"the version must be {_VERSION}, but is {version}")
    dim, bucket, minn, maxn = _shape(reader)
    index, counts = _dictionary(reader)
    rows = _rows(reader, len(index), bucket, dim)  # buckets may be there for n-grams of words alone
    words = list(index)
    if maxn < max(1, minn) or bucket == 0:
        return words, rows[: len(words)].copy(), counts, None
    try:
        ngrams = Ngrams(minn=max(1, minn), maxn=maxn, buckets=bucket)
        subwords = Subwords(ngrams, np.arange(bucket), rows[len(words) :])
    except VectorsError as error:
        raise VectorsError(error.message, reader.path) from error
    return words, _composed(words, rows, ngrams), counts, subwords


def _shape(reader: _Reader) -> tuple[int, int, int, int]:
    """The dimension, the number of buckets, and the lengths of n-grams."""
    start = reader.place
    arguments = reader.take(_ARGUMENTS)
    for what, number, least in (("dimension", 0, 1), ("number of buckets", 8, 0)):
        if arguments[number] < least:
            reader.place = start + 4 * number
            raise reader.error(f"the {what} must be at least {least}, but is {arguments[number]}")
    return arguments[0], arguments[8], arguments[9], arguments[10]


def _dictionary(reader: _Reader) -> tuple[dict[str, int], np.ndarray]:
    """The words with their numbers, and their counts."""
    size, _, labels, _, pruned = reader.take(_DICTIONARY)
    if labels or pruned > 0:
        raise reader.error("word vectors were expected, but this is a supervised or a pruned model")
    if not 1 <= size <= (len(reader.content) - reader.place) // (_ENTRY.size + 1):
        raise reader.error(f"the header claims {size:,} words, which cannot stand in a file of this size")
    index: dict[str, int] = {}
    counts = np.zeros(size, np.int64)
    for number in range(size):
        word, counts[number] = reader.entry(number + 1)
        if (first := index.setdefault(word, number)) != number:
            raise reader.error(f"{word!r} is word {first + 1} and word {number + 1}")
    return index, counts


def _rows(reader: _Reader, words: int, bucket: int, dim: int) -> np.ndarray:
    """The (words + bucket, dim) rows of the input matrix."""
    quantised, rows, columns = reader.take(_MATRIX)
    if quantised:
        raise reader.error("the numbers are quantised (.ftz); give the .bin file they were made from")
    if columns != dim or rows != words + bucket:
        raise reader.error(
            f"a matrix of {words + bucket:,} × {dim} was expected ({words:,} words, {bucket:,} buckets), but "
            f"{rows:,} × {columns:,} came"
        )
    if reader.place + 4 * rows * columns > len(reader.content):
        raise reader.error(f"the matrix claims {rows:,} × {columns:,} numbers, more than the file holds; it is cut")
    values = np.frombuffer(reader.content[reader.place : reader.place + 4 * rows * columns], "<f4")
    matrix = values.astype(np.float32, copy=False).reshape(rows, columns)
    if not np.isfinite(matrix).all():
        raise reader.error(f"row {int(np.isfinite(matrix).all(axis=1).argmin()) + 1} of the matrix must be finite")
    return matrix


def _composed(words: list[str], rows: np.ndarray, ngrams: Ngrams) -> np.ndarray:
    """The mean of each word's own row and those of its n-grams; of the end of a line its own row."""
    matrix = np.empty((len(words), rows.shape[1]), np.float32)
    for begin in range(0, len(words), _CHUNK):
        chunk = words[begin : begin + _CHUNK]
        buckets, bounds = ngrams.hashed(chunk)
        for row, (word, (start, end)) in enumerate(zip(chunk, pairwise(bounds.tolist()), strict=True), start=begin):
            own = buckets[start:end] if word != _END_OF_LINE else buckets[:0]
            matrix[row] = rows[np.append(own + len(words), row)].mean(axis=0)
    return matrix
