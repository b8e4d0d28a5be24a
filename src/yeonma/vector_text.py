"""Word vectors as text (word2vec, GloVe, fastText .vec): read with every line checked, and written."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import chain
from pathlib import Path
from typing import BinaryIO, NamedTuple

import numpy as np

from yeonma.errors import VectorsError
from yeonma.files import staged_file

_BOM = b"\xef\xbb\xbf"
_BLOCK = 1 << 20


class Shape(NamedTuple):
    """What a file must hold: `rows` lines of a word and `dim` numbers after `before` header lines."""

    rows: int
    dim: int
    before: int


def read(path: Path) -> tuple[list[str], np.ndarray]:
    """The words and their (V, dim) float32 rows of a text file: `word number number …`, one word a line.

    A first line of two whole numbers is a header (words, dimension): word2vec and fastText write one, GloVe does not.
    Memory is bounded by the size of the file, whatever its header claims.
    Raises: VectorsError, with the line.
    """
    try:
        with path.open("rb") as stream:
            lines, size = _count_lines(stream), stream.tell()
            stream.seek(0)
            first = stream.readline().removeprefix(_BOM)
            shape = _shape(first, lines, size, path)
            return _rows(stream if shape.before else chain([first], stream), shape, size, path)
    except OSError as error:
        raise VectorsError(f"cannot be read: {error.strerror or error}.", path) from error


def write(path: Path, words: Sequence[str], matrix: np.ndarray, header: bool) -> None:
    """Write one word a line, with the nine digits that give every float32 back; `header`: the sizes before them.

    Raises: VectorsError for a word that such a file cannot hold; DiskError.
    """
    check_words(words)
    numbers = " ".join(["%.9g"] * matrix.shape[1])
    with staged_file(path) as stage, stage.open("w", encoding="utf-8", newline="") as stream:
        if header:
            stream.write(f"{len(words)} {matrix.shape[1]}\n")
        stream.writelines(f"{word} {numbers % tuple(row.tolist())}\n" for word, row in zip(words, matrix, strict=True))


def check_words(words: Iterable[str]) -> None:
    """Refuse a word that a file without quotes cannot hold.

    Raises: VectorsError.
    """
    for word in words:
        if word.encode("utf-8", "replace").split() != [word.encode("utf-8", "surrogatepass")]:
            raise VectorsError(
                f"A word in a file of vectors must be free of blanks and be writable as UTF-8, but {word!r} is not. "
                "Save a vectors folder instead."
            )


def _count_lines(stream: BinaryIO) -> int:
    """How many lines an open file has; an unfinished last one counts. Reads to its end."""
    lines, last = 0, b"\n"
    while block := stream.read(_BLOCK):
        lines += block.count(b"\n")
        last = block[-1:]
    return lines + (last != b"\n")


def _least_bytes(dim: int) -> int:
    """A word, a blank and a digit for each number, and the line's end."""
    return 2 * dim + 2


def _shape(first: bytes, lines: int, size: int, path: Path) -> Shape:
    """The shape that the first line asks for, if the file can have it."""
    if not lines:
        raise VectorsError("the file is empty; word vectors were expected.", path)
    fields = first.split()
    if not fields:
        raise VectorsError(_misfit(fields, 0), path, 1)
    if len(fields) != 2 or not (fields[0].isdigit() and fields[1].isdigit()):
        return Shape(lines, len(fields) - 1, 0)
    rows, dim = (int(field[:20]) for field in fields)  # Python refuses to read a number of many thousand digits
    if rows < 1 or dim < 1:
        raise VectorsError(f"the header must claim at least one word and one number; it claims {rows} {dim}.", path, 1)
    if rows * _least_bytes(dim) > size + 1:  # the last line may lack its end
        raise VectorsError(
            f"the header claims {rows:,} words of {dim:,} numbers, which cannot stand in a file of {size:,} bytes. "
            "The file is cut or its header is wrong: get it again or correct the header.",
            path,
            1,
        )
    if rows != lines - 1:
        raise VectorsError(
            f"the header claims {rows:,} words, but {lines - 1:,} lines follow it. Get the file again or correct it.",
            path,
            min(lines, rows + 2),
        )
    return Shape(rows, dim, 1)


def _rows(lines: Iterable[bytes], shape: Shape, size: int, path: Path) -> tuple[list[str], np.ndarray]:
    # A file with fewer bytes than its lines ask for has a short line, which is found before the matrix is full.
    matrix = np.empty((min(shape.rows, (size + 1) // _least_bytes(shape.dim)), shape.dim), np.float32)
    index: dict[str, int] = {}
    with np.errstate(over="ignore"):
        for number, line in enumerate(lines, start=shape.before + 1):
            word, values = _row(line.split(), shape.dim, path, number)
            if (first := index.setdefault(word, number)) != number:
                raise VectorsError(f"{word!r} stands here for the second time; line {first} has it too.", path, number)
            matrix[number - shape.before - 1] = values
    finite = np.isfinite(matrix).all(axis=1)
    if not finite.all():
        row = int(finite.argmin())
        word = list(index)[row]
        raise VectorsError(f"the numbers of {word!r} must be finite float32; one is not.", path, row + shape.before + 1)
    return list(index), matrix


def _row(fields: list[bytes], dim: int, path: Path, number: int) -> tuple[str, list[float]]:
    if len(fields) != dim + 1 or dim < 1:
        raise VectorsError(_misfit(fields, dim), path, number)
    try:
        if b"_" in b" ".join(fields[1:]):  # Python reads 1_0 as 10
            raise ValueError
        return fields[0].decode("utf-8"), list(map(float, fields[1:]))
    except UnicodeDecodeError as error:
        raise VectorsError(
            "the word must be UTF-8. Is this a binary file, or text in another encoding? "
            "The latter can be converted with `iconv -f CP949 -t UTF-8`.",
            path,
            number,
        ) from error
    except ValueError:
        wrong = next(field for field in fields[1:] if not is_number(field))
        raise VectorsError(
            f"a word and {dim} numbers were expected, but {_shown(wrong)} is not a number.", path, number
        ) from None


def _misfit(fields: list[bytes], dim: int) -> str:
    """Why a line has another number of fields than it should."""
    if not fields:
        return "the line is blank; a word and its numbers were expected."
    surplus = fields[1 : len(fields) - dim]
    if dim > 0 and surplus and not all(map(is_number, surplus)):
        word = _shown(b" ".join(fields[: len(surplus) + 1]))
        return f"a word must not hold a blank, but this line begins with {word}. Join or remove it."
    wanted = f"a word and {dim} numbers" if dim > 0 else "a word and its numbers"
    return f"{wanted} were expected, but {_shown(fields[0])} has {len(fields) - 1}."


def is_number(field: bytes) -> bool:
    """Whether a field of a line is a number as such files write it."""
    try:
        float(field)
    except ValueError:
        return False
    return b"_" not in field


def _shown(field: bytes) -> str:
    """A field for an error message, cut where it is long."""
    return repr(field[:60].decode("utf-8", "replace"))
