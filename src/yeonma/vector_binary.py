"""Word vectors in word2vec's binary format: read with every record checked, and written."""

from __future__ import annotations

import codecs
import mmap
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from yeonma.errors import VectorsError
from yeonma.files import staged_file
from yeonma.vector_text import check_words

_LONGEST = 10_000
"""Bytes: where a word has no end within so many, this is no word."""


class _Header(NamedTuple):
    rows: int
    dim: int
    end: int


def read(path: Path) -> tuple[list[str], np.ndarray]:
    """The words and their (V, dim) float32 rows: a line `V dim`, then for each word `word`, a blank, dim float32.

    Numbers are little-endian, as word2vec and gensim write them; a line end before a word is passed over. The file's
    size bounds the memory, whatever its header claims.
    Raises: VectorsError, with the byte.
    """
    try:
        with path.open("rb") as stream, mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as content:
            return _records(content, _header(content, path), path)
    except OSError as error:
        raise VectorsError(f"cannot be read: {error.strerror or error}.", path) from error


def begins(path: Path) -> bool:
    """Whether the header of a binary file fits its size, and a word follows it."""
    try:
        with path.open("rb") as stream, mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as content:
            _word(content, _header(content, path).end, 0, path)
    except (OSError, VectorsError):
        return False
    return True


def write(path: Path, words: Sequence[str], matrix: np.ndarray) -> None:
    """Write the header and a record for each word, each ended by a line end.

    Raises: VectorsError for a word that such a file cannot hold; DiskError.
    """
    check_words(words)
    with staged_file(path) as stage, stage.open("wb") as stream:
        stream.write(f"{len(words)} {matrix.shape[1]}\n".encode())
        rows = matrix.astype("<f4", copy=False)
        stream.writelines(word.encode() + b" " + row.tobytes() + b"\n" for word, row in zip(words, rows, strict=True))


def _header(content: mmap.mmap, path: Path) -> _Header:
    end = content.find(b"\n") + 1
    rows, dim = (int(field[:20]) for field in content[:end].removeprefix(codecs.BOM_UTF8).split())
    if rows < 1 or dim < 1:
        raise VectorsError(f"the header must claim at least one word and one number; it claims {rows} {dim}.", path, 1)
    if end + rows * (4 * dim + 2) > len(content):
        raise VectorsError(
            f"the header claims {rows:,} words of {dim:,} float32 numbers, which cannot stand in a file of "
            f"{len(content):,} bytes. The file is cut or its header is wrong: get it again.",
            path,
            1,
        )
    return _Header(rows, dim, end)


def _records(content: mmap.mmap, header: _Header, path: Path) -> tuple[list[str], np.ndarray]:
    matrix = np.empty((header.rows, header.dim), np.float32)
    index: dict[str, int] = {}
    place = header.end
    for row in range(header.rows):
        place += content[place : place + 1] == b"\n"
        word, begin = _word(content, place, row, path)
        if (first := index.setdefault(word, row)) != row:
            raise _error(f"{word!r} is word {first + 1} and word {row + 1}.", place, path)
        place = begin + 4 * header.dim
        if place > len(content):
            raise _error(f"the file ends within the numbers of {word!r} (word {row + 1}); it is cut.", begin, path)
        matrix[row] = np.frombuffer(content[begin:place], "<f4")
        if not np.isfinite(matrix[row]).all():
            raise _error(f"the numbers of {word!r} (word {row + 1}) must be finite float32; one is not.", begin, path)
    if content[place:] not in (b"", b"\n"):
        rest = len(content) - place
        raise _error(f"{rest:,} bytes follow the {header.rows:,} words that the header claims.", place, path)
    return list(index), matrix


def _word(content: mmap.mmap, place: int, row: int, path: Path) -> tuple[str, int]:
    """The word that begins at a byte, and the byte where its numbers begin."""
    end = content.find(b" ", place, place + _LONGEST)
    if end <= place:
        raise _error(f"word {row + 1} and a blank were expected; the file is cut or is something else.", place, path)
    try:
        word = content[place:end].decode("utf-8")
    except UnicodeDecodeError as error:
        raise _error(f"word {row + 1} must be UTF-8. Is its header's dimension wrong?", place, path) from error
    if "\n" in word:
        raise _error(f"word {row + 1} holds a line end. Is the header's dimension wrong?", place, path)
    return word, end + 1


def _error(problem: str, place: int, path: Path) -> VectorsError:
    return VectorsError(f"byte {place:,}: {problem} Get the file again or write it again.", path)
