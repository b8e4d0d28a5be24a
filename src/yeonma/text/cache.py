"""Texts analysed once: their pieces as columns, kept on disk by what they were made from."""

from __future__ import annotations

import hashlib
import logging
from array import array
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from pathlib import Path

import numpy as np

from yeonma.errors import DiskError
from yeonma.files import cache_folder, staged_file
from yeonma.records import Progress, silent
from yeonma.text.tokenizers import Tokenizer

_LAYOUT = "1"
_COLUMNS = ("blob", "lengths", "ids", "spans", "bounds")
_CHUNK = 4096


@dataclass(frozen=True, slots=True, eq=False)
class Analysed:
    """The pieces of many texts, in columns; N pieces in all.

    words   the distinct forms, in the order they first appear
    ids     (N,) int32 rows of `words`
    spans   (N, 2) int32 characters of the original text: start, end
    bounds  (texts + 1,) int64; the pieces of text i are bounds[i] … bounds[i+1]−1
    """

    words: list[str]
    ids: np.ndarray
    spans: np.ndarray
    bounds: np.ndarray

    def __len__(self) -> int:
        """How many texts."""
        return len(self.bounds) - 1

    def __getitem__(self, i: int) -> tuple[np.ndarray, np.ndarray]:
        """The ids (n,) and spans (n, 2) of text i, as views.

        Raises: IndexError.
        """
        if not 0 <= i < len(self):
            raise IndexError(f"text {i} of {len(self)}")
        pieces = slice(self.bounds[i], self.bounds[i + 1])
        return self.ids[pieces], self.spans[pieces]


def analyse(texts: Sequence[str], tokenizer: Tokenizer, progress: Progress = silent, cache: bool = True) -> Analysed:
    """The pieces of all texts, from the cache where the same texts went through an equal tokenizer before.

    The cache is `cache_folder()/tokens/<hash of texts and tokenizer>.safetensors`. A broken file is made again; one
    that cannot be written is left out with a warning. `cache=False` neither reads nor writes.
    """
    if not cache:
        return _tokenized(texts, tokenizer, progress)
    path = cache_folder() / "tokens" / f"{_key(texts, tokenizer)}.safetensors"
    found = _read(path)
    if found is not None:
        progress("tokenize", len(texts), len(texts), "texts")
        return found
    made = _tokenized(texts, tokenizer, progress)
    try:
        _write(path, made)
    except (DiskError, OSError) as error:
        logging.getLogger(__name__).warning("The tokens are not kept for the next time: %s", error)
    return made


def _tokenized(texts: Sequence[str], tokenizer: Tokenizer, progress: Progress) -> Analysed:
    index: dict[str, int] = {}
    ids, spans, bounds = array("i"), array("i"), array("q", [0])
    for done, pieces in enumerate(tokenizer.batch(texts), start=1):
        for form, start, end in pieces:
            ids.append(index.setdefault(form, len(index)))
            spans.append(start)
            spans.append(end)
        bounds.append(len(ids))
        if done % _CHUNK == 0:
            progress("tokenize", done, len(texts), "texts")
    progress("tokenize", len(texts), len(texts), "texts")
    columns = np.array(ids, np.int32), np.array(spans, np.int32).reshape(-1, 2), np.array(bounds, np.int64)
    return Analysed(list(index), *columns)


def _key(texts: Sequence[str], tokenizer: Tokenizer) -> str:
    """A hash that knows where one text ends and the next begins: the lengths stand before each run of texts."""
    key = hashlib.sha256(f"{_LAYOUT}\n{tokenizer.fingerprint()}\n{len(texts)}\n".encode())
    for first in range(0, len(texts), _CHUNK):
        run = texts[first : first + _CHUNK]
        key.update(np.fromiter(map(len, run), np.int64, len(run)).tobytes())
        key.update("".join(run).encode("utf-8", "surrogatepass"))
    return key.hexdigest()


def _seal(columns: Mapping[str, np.ndarray]) -> str:
    seal = hashlib.sha256()
    for name in _COLUMNS:
        seal.update(f"{name} {columns[name].dtype} {columns[name].shape}\n".encode())
        seal.update(np.ascontiguousarray(columns[name]).data)
    return seal.hexdigest()


def _write(path: Path, made: Analysed) -> None:
    from safetensors.numpy import save_file

    columns: dict[str, np.ndarray] = {
        "blob": np.frombuffer("".join(made.words).encode("utf-8"), np.uint8),
        "lengths": np.fromiter(map(len, made.words), np.int32, len(made.words)),
        "ids": made.ids,
        "spans": made.spans,
        "bounds": made.bounds,
    }
    with staged_file(path) as stage:
        save_file(columns, stage, {"sha256": _seal(columns)})


def _read(path: Path) -> Analysed | None:
    """What `_write` wrote, or None where there is no file or it is not what was written."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, "np") as stream:
            columns = {name: stream.get_tensor(name) for name in _COLUMNS}
            seal = (stream.metadata() or {}).get("sha256")
    except (OSError, SafetensorError):
        return None
    if seal != _seal(columns):
        return None
    blob = columns["blob"].tobytes().decode("utf-8")
    words = [blob[start:end] for start, end in pairwise(accumulate(columns["lengths"].tolist(), initial=0))]
    return Analysed(words, columns["ids"], columns["spans"], columns["bounds"])
