"""Encoded corpora in the cache: texts cut once, for every method that reads them afterwards."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from yeonma.errors import DataError, DiskError
from yeonma.files import abandoned, broken_files, cache_folder, read_json, staged_folder, write_json
from yeonma.pretraining.corpus import Corpus, opened
from yeonma.pretraining.encoding import encode
from yeonma.pretraining.method import Method
from yeonma.pretraining.sources import Place, texts
from yeonma.records import Progress, silent
from yeonma.text.tokenizers import Tokenizer

LIMIT = 20 * 10**9
"""Bytes of corpora that are kept; beyond, those go that were not read for the longest time."""

_LAYOUT = 1
_WORDS, _COUNTS, _ABOUT = "words.txt", "counts.i64", "about.json"


def corpus_key(files: Sequence[Path], column: str | None, tokenizer: Tokenizer, method: Method) -> str:
    """A name for an encoded corpus: other files (by place, size or time), pieces or words have another one.

    Raises: DataError when a file has gone.
    """
    chosen = [column, tokenizer.fingerprint(), method.min_count, method.vocab_size, method.phrases]
    known = json.dumps([_LAYOUT, [_identity(file) for file in files], chosen])
    return hashlib.sha256(known.encode("utf-8", "surrogateescape")).hexdigest()


def encoded(
    key: str,
    files: Sequence[Path],
    column: str | None,
    tokenizer: Tokenizer,
    method: Method,
    progress: Progress = silent,
) -> Corpus:
    """The corpus of files from `cache_folder()/corpora/<key>`, made there first where it is not whole.

    It appears whole or not at all. Its tokens and bounds stay on disk. `LIMIT` bounds what all corpora take.
    Raises: DataError; DiskError.
    """
    folder = cache_folder() / "corpora" / key
    if not (folder / _ABOUT).exists() or broken_files(folder):
        _clear(folder.parent)
        try:
            with staged_folder(folder) as stage:
                _write(_encode(stage, files, column, tokenizer, method, progress), stage)
        except DiskError as error:
            raise DiskError(f"{error} The encoded corpus stands in the cache: YEONMA_CACHE moves it.") from error
    os.utime(folder)
    _evict(folder)
    return _read(folder)


def _identity(file: Path) -> tuple[str, int, int]:
    try:
        facts = file.stat()
    except OSError as error:
        raise DataError(f"cannot be read: {error.strerror or error}.", file) from error
    return str(file.absolute()), facts.st_size, facts.st_mtime_ns


def _encode(
    stage: Path,
    files: Sequence[Path],
    column: str | None,
    tokenizer: Tokenizer,
    method: Method,
    progress: Progress,
) -> Corpus:
    place = Place()
    return encode(
        texts(files, column, place), tokenizer, method.min_count, progress,
        vocab_size=method.vocab_size, phrases=method.phrases, threads=method.threads, folder=stage,
        share=lambda: place.share,
    )  # fmt: skip


def _write(corpus: Corpus, stage: Path) -> None:
    """What stands beside the columns."""
    (stage / _WORDS).write_bytes("".join(f"{word}\n" for word in corpus.words).encode())
    corpus.counts.astype("<i8").tofile(stage / _COUNTS)
    write_json(stage / _ABOUT, {"tokens": len(corpus.tokens), "dropped": corpus.dropped, "pairs": list(corpus.pairs)})


def _read(folder: Path) -> Corpus:
    about = read_json(folder / _ABOUT)
    words = (folder / _WORDS).read_bytes().decode().removesuffix("\n").split("\n")
    counts = np.fromfile(folder / _COUNTS, "<i8").astype(np.int64)
    pairs = [(one, two) for one, two in about["pairs"]]
    return Corpus(words, counts, *opened(folder), about["dropped"], pairs)


def _clear(parent: Path) -> None:
    """Remove what processes left that are no more."""
    for stage in parent.glob(".*.part"):
        if abandoned(stage):
            shutil.rmtree(stage, ignore_errors=True)


def _evict(used: Path) -> None:
    """Remove corpora, the one that was not read for the longest time first, but never the one in use."""
    found = {folder: facts for folder in used.parent.glob("[!.]*") if (facts := _facts(folder))}
    left = sum(size for _, size in found.values())
    for folder in sorted(found.keys() - {used}, key=lambda each: found[each]):
        if left <= LIMIT:
            return
        shutil.rmtree(folder, ignore_errors=True)
        left -= found[folder][1]


def _facts(folder: Path) -> tuple[float, int] | None:
    """When a corpus was read last, and its bytes; None for what is no folder, or goes as another process evicts it."""
    try:
        return folder.stat().st_mtime, sum(path.stat().st_size for path in folder.iterdir())
    except (FileNotFoundError, NotADirectoryError):
        return None
