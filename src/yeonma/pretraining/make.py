"""From files of plain text to a folder of word vectors, or of an encoder."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal, overload

import yeonma
from yeonma import plugins
from yeonma.errors import InputError
from yeonma.files import disk_errors
from yeonma.pretraining.corpus import Corpus, encode
from yeonma.pretraining.method import Method, Setting, make_method
from yeonma.pretraining.sources import corpus_files, texts
from yeonma.records import Progress, silent
from yeonma.text.tokenizers import Tokenizer, make_tokenizer
from yeonma.vectors import Vectors, is_vectors_folder


@overload
def pretrain(
    method: Literal["mlm"],
    paths: Sequence[str | Path],
    output: str | Path,
    *,
    tokenizer: str | None = None,
    column: str | None = None,
    progress: Progress = silent,
    **settings: Any,
) -> Path: ...


@overload
def pretrain(
    method: str,
    paths: Sequence[str | Path],
    output: str | Path | None = None,
    *,
    tokenizer: str | Tokenizer | None = None,
    column: str | None = None,
    progress: Progress = silent,
    **settings: Setting,
) -> Vectors: ...


def pretrain(
    method: str,
    paths: Sequence[str | Path],
    output: str | Path | None = None,
    *,
    tokenizer: str | Tokenizer | None = None,
    column: str | None = None,
    progress: Progress = silent,
    **settings: Any,
) -> Vectors | Path:
    """Make word vectors from the texts of files, folders and globs, or with "mlm" a transformer encoder.

    Vectors: saved as a vectors folder `output` if given, whole or not at all, in place of an older one. `tokenizer`
    (left out: mecab) that is a subword tokenizer not trained yet is trained on the corpus first. `settings` are those
    of the method.
    "mlm": see `pretrain_mlm`; returns `output`, a folder that `encoder.path` and AutoModel read.
    Raises: ConfigError for an unknown name or a setting that does not fit; DataError for the corpus; InputError when
    `output` holds something else; DiskError; Diverged.
    """
    maker = plugins.load("pretrain", method)
    if isinstance(maker, type) and issubclass(maker, Method):
        cutter = "mecab" if tokenizer is None else tokenizer
        return _vectors(make_method(method, **settings), paths, output, cutter, column, progress)
    made: Path = maker(paths, output, tokenizer=tokenizer, column=column, progress=progress, **settings)
    return made


def _vectors(
    maker: Method,
    paths: Sequence[str | Path],
    output: str | Path | None,
    tokenizer: str | Tokenizer,
    column: str | None,
    progress: Progress,
) -> Vectors:
    cutter = make_tokenizer(tokenizer) if isinstance(tokenizer, str) else tokenizer
    files = corpus_files(paths)
    if output is not None:
        _check_free(Path(output))
    begin = time.perf_counter()
    if not cutter.trained:
        progress("train tokenizer", 0, None, "texts")
        cutter = _trained(cutter, files, column)
    corpus = encode(texts(files, column), cutter, maker.min_count, progress)
    made = maker.train(corpus, progress)
    config = {
        "method": maker.name,
        "settings": maker.settings,
        "tokenizer": {"name": cutter.name, "settings": cutter.settings},
        "corpus": _described(corpus, files, column),
        **made.config,
        "seconds": round(time.perf_counter() - begin, 3),
        "yeonma": yeonma.__version__,
    }
    vectors = dataclasses.replace(made, config=config, tokenizer=cutter)
    if output is not None:
        vectors.save(output)
    return vectors


def _check_free(output: Path) -> None:
    """Refuse a place that holds something else, before the work is done and not after."""
    taken = output.is_dir() and any(output.iterdir()) and not is_vectors_folder(output)
    if taken or (output.exists() and not output.is_dir()):
        raise InputError(
            f"The output must be a new folder, an empty one or an older vectors folder, but {output} holds something "
            "else. Choose another place with -o."
        )
    with disk_errors(output):
        output.parent.mkdir(parents=True, exist_ok=True)


def _trained(tokenizer: Any, files: Sequence[Path], column: str | None) -> Tokenizer:
    trained: Tokenizer = tokenizer.train(texts(files, column), **tokenizer.settings)
    return trained


def _described(corpus: Corpus, files: Sequence[Path], column: str | None) -> dict[str, Any]:
    """The corpus for config.json: the names of its files, not where they stood."""
    return {
        "files": [{"name": file.name, "bytes": file.stat().st_size} for file in files],
        "column": column,
        "texts": len(corpus.bounds) - 1,
        "tokens": len(corpus.tokens),
        "tokens_left_out": corpus.dropped,
        "vocabulary": len(corpus.words),
    }
