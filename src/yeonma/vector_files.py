"""Files of word vectors: the format is seen from what a file holds, not from its name."""

from __future__ import annotations

import codecs
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np

from yeonma import vector_binary, vector_fasttext, vector_text
from yeonma.errors import VectorsError, nearest
from yeonma.subwords import Subwords

_SAMPLE = 1 << 16
_LOOK = 1 << 20  # bytes; the widest rows are longer than a sample
_AS_TEXT = "Load it where it was made and write it as text (gensim: `vectors.save_word2vec_format('vectors.vec')`)."
_PICKLE = f"such a file can hold a pickle, which runs code when it is loaded. {_AS_TEXT}"
_PACKED = "word vectors must not be packed. Unpack the file first."
_PARTED = "the words stand in another file. Give the folder that holds both."
_BY_SUFFIX = {
    ".safetensors": _PARTED,
    **dict.fromkeys((".pkl", ".pickle", ".joblib", ".pt", ".pth", ".ckpt", ".model", ".kv", ".npy", ".npz"), _PICKLE),
    **dict.fromkeys((".gz", ".bz2", ".xz", ".zst", ".zip", ".7z"), _PACKED),
}
_BY_CONTENT = {
    b"\x93NUMPY": _PICKLE,
    **{b"\x80" + bytes([protocol]): _PICKLE for protocol in range(2, 6)},
    **dict.fromkeys((b"\x1f\x8b", b"PK\x03\x04", b"\xfd7zXZ", b"\x28\xb5\x2f\xfd", b"7z\xbc\xaf"), _PACKED),
}


class Parts(NamedTuple):
    """V distinct words and their (V, dim) float32 rows; (V,) int64 counts and subwords where the file has them."""

    words: list[str]
    matrix: np.ndarray
    counts: np.ndarray | None = None
    subwords: Subwords | None = None


WRITERS: Mapping[str, Callable[[Path, Sequence[str], np.ndarray], None]] = {
    "word2vec": lambda path, words, matrix: vector_text.write(path, words, matrix, header=True),
    "word2vec-binary": vector_binary.write,
    "glove": lambda path, words, matrix: vector_text.write(path, words, matrix, header=False),
}
"""Format → what writes such a file. fastText's .vec is "word2vec"."""


def read(path: Path) -> Parts:
    """What a word2vec (text, binary), GloVe or fastText (.vec, .bin) file holds.

    Raises: VectorsError, with the line or the byte.
    """
    kind = kind_of(path)
    if kind == "fasttext":
        return Parts(*vector_fasttext.read(path))
    return Parts(*(vector_binary if kind == "word2vec-binary" else vector_text).read(path))


def write(path: Path, words: Sequence[str], matrix: np.ndarray, format: str) -> None:
    """Write a whole file, or nothing. Reading it gives the same words and float32 numbers.

    Raises: VectorsError for an unknown format or a word that such a file cannot hold; DiskError.
    """
    if format not in WRITERS:
        raise VectorsError(f"There is no format of vector files called {format!r}.{nearest(format, WRITERS)}")
    WRITERS[format](path, words, matrix)


def kind_of(path: Path) -> Literal["text", "word2vec-binary", "fasttext"]:
    """The format of a file. A header of two whole numbers begins a word2vec file, text or binary.

    Raises: VectorsError for what is none of them, with the next step.
    """
    try:
        with path.open("rb") as stream:
            sample = stream.read(_SAMPLE)
    except OSError as error:
        raise VectorsError(f"cannot be read: {error.strerror or error}.", path) from error
    contents = (why for begin, why in _BY_CONTENT.items() if sample.startswith(begin))
    if refused := _BY_SUFFIX.get(path.suffix.lower()) or next(contents, None):
        raise VectorsError(refused, path)
    if sample.startswith(vector_fasttext.MAGIC):
        return "fasttext"
    first, _, rest = sample.removeprefix(codecs.BOM_UTF8).partition(b"\n")
    fields = first.split()
    headed = len(fields) == 2 and all(map(bytes.isdigit, fields))
    return "word2vec-binary" if headed and _is_record(rest, int(fields[1][:20])) else "text"


def begins_as(path: Path, format: str) -> bool:
    """Whether a file begins as one of a format of `WRITERS` does: a look at its beginning, however long it is.

    Lists of words with one number each, and tables without a word, are taken for something else.
    """
    try:
        kind = kind_of(path)
        if format == "word2vec-binary":
            return kind == format and vector_binary.begins(path)
        with path.open("rb") as stream:
            sample = stream.read(_LOOK)
    except (VectorsError, OSError):
        return False
    lines = [line.split() for line in sample.removeprefix(codecs.BOM_UTF8).split(b"\n")]
    if len(sample) == _LOOK or not lines[-1]:
        lines.pop()
    headed = bool(lines) and len(lines[0]) == 2 and all(map(bytes.isdigit, lines[0]))
    return kind == "text" and headed == (format == "word2vec") and _are_rows(lines[headed:], least=1 if headed else 2)


def _are_rows(lines: Sequence[Sequence[bytes]], least: int) -> bool:
    """Whether each line is a word and as many numbers as the first has, `least` or more; some word is no number."""
    width = len(lines[0]) if lines else 0
    if width <= least or any(len(line) != width for line in lines):
        return False
    numbers = all(vector_text.is_number(field) for line in lines for field in line[1:])
    return numbers and not all(vector_text.is_number(line[0]) for line in lines)


def _is_record(rest: bytes, dim: int) -> bool:
    """Whether a word, a blank and `dim` float32 follow a header, and not a word and its numbers in digits."""
    _, *numbers = rest.partition(b"\n")[0].split() or [b""]
    if not rest or (len(numbers) == dim and all(map(vector_text.is_number, numbers))):
        return False
    if any(byte < 32 and byte not in b"\t\r\n" for byte in rest):
        return True
    end = rest.find(b" ") + 1 + 4 * dim
    return rest[end : end + 1] == b"\n" or end == len(rest)
