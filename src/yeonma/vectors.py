"""Static word vectors: words, their rows, and the tokenizer that made the words; in and out of folders and files."""

from __future__ import annotations

import json
from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple, Self

import numpy as np

from yeonma import vector_files
from yeonma.errors import RunError, VectorsError
from yeonma.files import MANIFEST, beside, broken_files, read_json, staged_folder
from yeonma.neighbours import nearest_rows, unit_rows
from yeonma.subwords import Ngrams, Subwords
from yeonma.text.normalize import nfc
from yeonma.text.tokenizers import CONFIG_FILE as TOKENIZER_CONFIG
from yeonma.text.tokenizers import Tokenizer, load_tokenizer

TENSORS = "vectors.safetensors"
WORDS = "words.txt"
CONFIG = "config.json"
CARD = "README.md"
NGRAMS = "subwords"  # in config.json


class Coverage(NamedTuple):
    """How much of a text's words the vectors know: distinct words (types), running words (tokens).

    known     stand in the vocabulary
    composed  further ones to which their n-grams give a vector
    unknown   the twenty most frequent of those that do not stand in the vocabulary, with their counts
    """

    known_types: int
    types: int
    known_tokens: int
    tokens: int
    unknown: list[tuple[str, int]]
    composed_types: int = 0
    composed_tokens: int = 0


def coverage(counts: Mapping[str, int], known: Container[str], subwords: Subwords | None = None) -> Coverage:
    """How many of the counted words are known, and how many others `subwords` compose."""
    unknown = {word: count for word, count in counts.items() if word not in known}
    made = [] if subwords is None else np.flatnonzero(subwords.known(list(unknown))).tolist()
    rest, tokens = list(unknown.values()), sum(counts.values())
    frequent = sorted(unknown.items(), key=lambda item: -item[1])[:20]
    return Coverage(
        len(counts) - len(unknown), len(counts), tokens - sum(rest), tokens, frequent,
        composed_types=len(made), composed_tokens=sum(rest[i] for i in made),
    )  # fmt: skip


@dataclass(frozen=True, eq=False)
class Vectors:
    """Word vectors.

    words      V distinct words
    matrix     (V, dim) float32, finite; row i belongs to words[i]
    counts     (V,) int64 how often each word stood in the corpus, or None where it is not known
    config     how they were made: method, settings, corpus; values that JSON can hold
    tokenizer  what cut the texts into these words, or None where it is not known
    subwords   what gives a vector to a word that is not among them, or None where nothing does
    Raises: VectorsError when the parts do not fit each other.
    """

    words: Sequence[str]
    matrix: np.ndarray
    counts: np.ndarray | None = None
    config: Mapping[str, Any] = field(default_factory=dict)
    tokenizer: Tokenizer | None = None
    subwords: Subwords | None = None

    def __post_init__(self) -> None:
        if problem := _misfit(self):
            raise VectorsError(problem)

    @property
    def dim(self) -> int:
        """How many numbers a word has."""
        return int(self.matrix.shape[1])

    @cached_property
    def index(self) -> Mapping[str, int]:
        """The row of each word."""
        return {word: row for row, word in enumerate(self.words)}

    def vector(self, word: str) -> np.ndarray:
        """(dim,) float32: the row of a word as it is or composed (NFC), or for an unknown one what its subwords give.

        Raises: VectorsError where there is neither, naming words written like it.
        """
        form = word if word in self.index else nfc(word).text
        if form in self.index:
            row: np.ndarray = self.matrix[self.index[form]]
            return row
        if self.subwords is None or not self.subwords.known([form])[0]:
            raise VectorsError(_unknown(word, self.words))
        composed: np.ndarray = self.subwords.rows([form])[0]
        return composed

    def nearest(self, word: str, k: int = 10) -> list[tuple[str, float]]:
        """The k words of the greatest cosine with a word, the nearest first; a word is not its own neighbour.

        Raises: VectorsError for a word without a vector, naming words written like it.
        """
        own = self.index.get(word, self.index.get(nfc(word).text, -1))
        return self.nearest_to(self.vector(word), k, without=own)

    def nearest_to(self, row: np.ndarray, k: int = 10, without: int = -1) -> list[tuple[str, float]]:
        """The k words of the greatest cosine with a vector (dim,), the nearest first, but the word of row `without`."""
        if k < 1:
            return []
        places, cosines = nearest_rows(self.matrix, unit_rows(row[None]), np.array([[without]]), k)
        found = zip(places[0].tolist(), cosines[0].tolist(), strict=True)
        return [(self.words[place], cosine) for place, cosine in found if place >= 0]

    def coverage(self, counts: Mapping[str, int]) -> Coverage:
        """How many of the counted words stand in the vocabulary, and how many others the subwords compose."""
        return coverage(counts, self.index, self.subwords)

    def save(self, folder: str | Path) -> None:
        """Write a vectors folder: vectors.safetensors words.txt config.json README.md and the tokenizer's files.

        It appears whole or not at all, in place of an older one.
        Raises: VectorsError for a word that words.txt cannot hold; DiskError.
        """
        from safetensors.numpy import save_file

        lines = _word_lines(self.words)
        tensors = {"embeddings": np.ascontiguousarray(self.matrix)}
        if self.counts is not None:
            tensors["counts"] = np.ascontiguousarray(self.counts)
        if self.subwords is not None:
            tensors["buckets"] = np.ascontiguousarray(self.subwords.matrix)
            tensors["bucket_ids"] = np.ascontiguousarray(self.subwords.ids)
        with staged_folder(Path(folder)) as stage:
            save_file(tensors, stage / TENSORS)
            (stage / WORDS).write_bytes(lines)
            ngrams = {} if self.subwords is None else {NGRAMS: self.subwords.ngrams.settings}
            text = json.dumps({**self.config, **ngrams}, indent=2, ensure_ascii=False, allow_nan=False)
            (stage / CONFIG).write_text(text + "\n", encoding="utf-8")
            (stage / CARD).write_text(_card(self), encoding="utf-8")
            if self.tokenizer is not None:
                self.tokenizer.save(stage)

    @classmethod
    def load(cls, path: str | Path) -> Self:
        """The vectors of a vectors folder, or of a file as `read_file` reads it.

        Raises: VectorsError, with the line where there is one.
        """
        path = Path(path)
        if not path.exists():
            raise VectorsError(_missing(path), path)
        return cls._load_folder(path) if path.is_dir() else cls.read_file(path)

    @classmethod
    def _load_folder(cls, folder: Path) -> Self:
        _check_whole(folder)
        tensors = _tensors(folder / TENSORS)
        try:
            tokenizer = load_tokenizer(folder) if (folder / TOKENIZER_CONFIG).exists() else None
            config = read_json(folder / CONFIG) if (folder / CONFIG).exists() else {}
        except RunError as error:
            raise VectorsError(str(error)) from error
        try:
            subwords = _subwords(tensors, config.pop(NGRAMS, None))
            words, rows, counts = _words(folder / WORDS), tensors["embeddings"], tensors.get("counts")
            return cls(words, rows, counts, config, tokenizer, subwords)
        except VectorsError as error:
            raise error if error.file else VectorsError(error.message, folder) from error

    @classmethod
    def read_file(cls, path: str | Path) -> Self:
        """The vectors of a word2vec (text or binary), GloVe or fastText (.vec or .bin) file, told by its content.

        A first line of two whole numbers is taken for the header of word2vec and fastText.
        Raises: VectorsError, with the line or the byte.
        """
        path = Path(path)
        words, matrix, counts, subwords = vector_files.read(path)
        return cls(words, matrix, counts, {"source": path.name}, subwords=subwords)

    def write_file(self, path: str | Path, format: str = "word2vec") -> None:
        """Write one file: "word2vec" (text, which fastText's .vec is too), "word2vec-binary" or "glove" (no header).

        Reading it gives the same float32 numbers. Counts, config, tokenizer and subwords are left out.
        Raises: VectorsError for another format or a word with a blank; DiskError.
        """
        vector_files.write(Path(path), self.words, self.matrix, format)


def _missing(path: Path) -> str:
    """What to do where nothing stands; an older folder may have been moved aside by a process that was killed."""
    if aside := [each.name for each in beside(path) if each.suffix == ".old"]:
        return f"is not there; a process was killed while it wrote it. Rename {aside[0]} beside it to {path.name}."
    return "there is no such folder or file. Give a vectors folder or a file of vectors."


def is_vectors_folder(path: Path) -> bool:
    """Whether a folder holds what `Vectors.save` writes."""
    return (path / TENSORS).is_file() and (path / WORDS).is_file()


def _misfit(vectors: Vectors) -> str | None:
    """What is wrong between the parts, in words."""
    words, matrix, counts = vectors.words, vectors.matrix, vectors.counts
    if matrix.ndim != 2 or matrix.dtype != np.float32:
        return f"the rows must be a float32 matrix, but {matrix.dtype} of shape {matrix.shape} came."
    if len(words) != len(matrix) or not matrix.size:
        return f"every word must have one row of numbers, but there are {len(words):,} words and shape {matrix.shape}."
    if counts is not None and (counts.shape != (len(words),) or counts.dtype != np.int64):
        return f"counts must be int64, one for each of {len(words):,} words, but {counts.dtype} {counts.shape} came."
    if len(vectors.index) != len(words):
        word, row = next((word, row) for row, word in enumerate(words) if vectors.index[word] != row)
        return f"every word must stand once, but {word!r} is word {row + 1} and word {vectors.index[word] + 1}."
    if not np.isfinite(matrix).all():
        row = int(np.isfinite(matrix).all(axis=1).argmin())
        return f"the numbers must be finite, but those of {words[row]!r} (word {row + 1}) are not."
    if vectors.subwords is not None and vectors.subwords.dim != vectors.dim:
        return f"the rows of subwords must have {vectors.dim} numbers as the words do, but have {vectors.subwords.dim}."
    return None


def _unknown(word: str, words: Sequence[str]) -> str:
    import difflib

    close = ", ".join(map(repr, difflib.get_close_matches(word, words, n=3)))
    return f"{word!r} must be one of the {len(words):,} words, and is not." + (
        f" Written like it: {close}." if close else ""
    )


def _word_lines(words: Sequence[str]) -> bytes:
    """words.txt: one word a line, so that line i names row i."""
    for word in words:
        if not word or "\n" in word:
            raise VectorsError(f"A word must not be empty or hold a line break, but {word!r} came.")
    try:
        return "".join(f"{word}\n" for word in words).encode("utf-8")
    except UnicodeEncodeError as error:
        raise VectorsError(f"A word must be writable as UTF-8, but {error.object[error.start]!r} is not.") from error


def _check_whole(folder: Path) -> None:
    """Refuse a folder of something else, and one whose files are not what was written."""
    if not is_vectors_folder(folder):
        raise VectorsError(f"a vectors folder must hold {TENSORS} and {WORDS}; this one does not.", folder)
    if (folder / MANIFEST).exists():
        broken = [problem for problem in broken_files(folder) if not problem.startswith(CARD)]
        if broken:
            raise VectorsError(f"the folder is not whole ({', '.join(broken)}). Make it again or get it again.", folder)


def _tensors(path: Path) -> dict[str, np.ndarray]:
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    try:
        tensors: dict[str, np.ndarray] = load_file(path)
    except (SafetensorError, OSError, KeyError, TypeError) as error:  # the last two: a dtype that numpy lacks
        raise VectorsError(
            f"is not a whole safetensors file ({error}). Make it again or get it again.", path
        ) from error
    if "embeddings" not in tensors:
        raise VectorsError(f"a tensor called 'embeddings' was expected; found: {', '.join(tensors) or 'none'}.", path)
    return tensors


def _subwords(tensors: Mapping[str, np.ndarray], settings: Any) -> Subwords | None:
    """The subwords of a folder, if it has any."""
    names = ("buckets", "bucket_ids")
    if settings is None and not any(name in tensors for name in names):
        return None
    if not isinstance(settings, dict) or not all(name in tensors for name in names):
        raise VectorsError(
            f"subwords need the tensors 'buckets' and 'bucket_ids', and {NGRAMS!r} in {CONFIG}. Make the folder again."
        )
    try:
        return Subwords(Ngrams(**settings), tensors["bucket_ids"], tensors["buckets"])
    except TypeError as error:
        raise VectorsError(
            f"{NGRAMS!r} in {CONFIG} must hold minn, maxn, units and buckets, but holds {settings}."
        ) from error


def _words(path: Path) -> list[str]:
    words = []
    for number, line in enumerate(path.read_bytes().removesuffix(b"\n").split(b"\n"), start=1):
        try:
            words.append(line.decode("utf-8"))
        except UnicodeDecodeError as error:
            raise VectorsError("the word must be UTF-8.", path, number) from error
    return words


def _card(vectors: Vectors) -> str:
    """README.md: what this folder is, in the words of a model card."""
    config = vectors.config
    tokenizer = vectors.tokenizer.name if vectors.tokenizer else "unknown"
    return f"""# Word vectors

{len(vectors.words):,} words of {vectors.dim} numbers, made by {config.get("method", "an unknown method")}. \
Tokenizer: {tokenizer}.

`{TENSORS}` holds the tensor `embeddings`, whose row i belongs to line i of `{WORDS}`. \
`{CONFIG}` says how they were made.

```python
from yeonma.vectors import Vectors

vectors = Vectors.load("this folder")
vectors.nearest({vectors.words[0]!r})
```
"""
