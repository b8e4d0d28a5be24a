"""From files of plain text to a folder of word vectors, or of an encoder."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Literal, overload

import yeonma
from yeonma import plugins
from yeonma.errors import ConfigError, InputError, Interrupted
from yeonma.files import disk_errors, staged_folder
from yeonma.pretraining import request as requests
from yeonma.pretraining.corpora import corpus_key, encoded
from yeonma.pretraining.corpus import Corpus
from yeonma.pretraining.method import Method, Setting, make_method
from yeonma.pretraining.sources import corpus_files, texts
from yeonma.pretraining.work import TRAIN, Work, kept_work, passing_work
from yeonma.records import Progress, silent
from yeonma.text.phrases import Phrases
from yeonma.text.tokenizers import Tokenizer, load_tokenizer, make_tokenizer
from yeonma.vectors import Vectors, is_vectors_folder

TOKENIZER = "tokenizer"


def _never() -> bool:
    return False


@overload
def pretrain(
    method: Literal["mlm"],
    paths: Sequence[str | Path],
    output: str | Path,
    *,
    tokenizer: str | None = None,
    column: str | None = None,
    resume: bool = False,
    given: Sequence[str] = (),
    stop: Callable[[], bool] = _never,
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
    resume: bool = False,
    given: Sequence[str] = (),
    stop: Callable[[], bool] = _never,
    progress: Progress = silent,
    **settings: Setting,
) -> Vectors: ...


def pretrain(
    method: str,
    paths: Sequence[str | Path] = (),
    output: str | Path | None = None,
    *,
    tokenizer: str | Tokenizer | None = None,
    column: str | None = None,
    resume: bool = False,
    given: Sequence[str] = (),
    stop: Callable[[], bool] = _never,
    progress: Progress = silent,
    **settings: Any,
) -> Vectors | Path:
    """Make word vectors from the texts of files, folders and globs, or with "mlm" a transformer encoder.

    Vectors: saved as a vectors folder `output` if given, whole or not at all, in place of an older one. `tokenizer`
    (left out: mecab) that is a subword tokenizer not trained yet is trained on the corpus first. `settings` are those
    of the method; `given` are some as "key=value", which go over the others. What a killed training goes on from
    stands in a hidden folder beside `output` until it is done.
    resume  go on with the training of `output`; what is given must be equal to what was given first, or left out
    stop    asked again and again; when it says True the state is kept and Interrupted is raised
    "mlm": see `pretrain_mlm`; returns `output`, a folder that `encoder.path` and AutoModel read.
    Raises: ConfigError for an unknown name or a setting that does not fit; DataError for the corpus; InputError when
    `output` holds something else; RunError when an unfinished training is there and `resume` is not asked for, or the
    other way round; DiskError; Diverged; Interrupted.
    """
    maker = plugins.load("pretrain", method)
    if isinstance(maker, type) and issubclass(maker, Method):
        chosen = {**settings, **_parsed(given)}
        place = None if output is None else Path(output)
        return _vectors(
            requests.asked(method, paths, tokenizer, column, chosen), place, tokenizer, resume, stop, progress
        )
    made: Path = maker(
        paths, output, tokenizer=tokenizer, column=column, resume=resume, given=given, stop=stop, progress=progress,
        **settings,
    )  # fmt: skip
    return made


def _parsed(given: Sequence[str]) -> dict[str, Any]:
    tree: dict[str, Any] = {}
    for assignment in given:
        from yeonma.config import set_value  # takes seconds

        set_value(tree, assignment)
    return tree


def _vectors(
    given: Mapping[str, Any],
    output: Path | None,
    tokenizer: str | Tokenizer | None,
    resume: bool,
    stop: Callable[[], bool],
    progress: Progress,
) -> Vectors:
    request = _request(given, output, resume)
    maker = make_method(request["method"], **requests.settings_of(request))
    cutter = tokenizer if isinstance(tokenizer, Tokenizer) else make_tokenizer(request["tokenizer"])
    files = corpus_files(request["corpus"])
    if output is not None:
        _check_free(output)

    def watched(what: str, done: int, total: int | None, unit: str) -> None:
        if what != TRAIN and stop():  # the loop of training asks by itself, and keeps its state
            raise Interrupted("Stopped; nothing new was kept.")
        progress(what, done, total, unit)

    with _work(maker, output, resume, stop) as work:
        vectors = _trained(request, maker, cutter, files, work, watched)
        if output is not None:
            vectors.save(output)
    return vectors


def _request(given: Mapping[str, Any], output: Path | None, resume: bool) -> dict[str, Any]:
    if not resume:
        return requests.completed(given)
    if output is None:
        raise ConfigError("A training that goes on needs the folder that it was begun with: -o DIR.")
    return requests.resumed(output, given)


def _work(maker: Method, output: Path | None, resume: bool, stop: Callable[[], bool]) -> AbstractContextManager[Work]:
    if output is None:
        return passing_work()
    return kept_work(output, requests.again(maker.name, output), resume, stop)


def _trained(
    request: Mapping[str, Any], maker: Method, cutter: Tokenizer, files: Sequence[Path], work: Work, progress: Progress
) -> Vectors:
    """The vectors with all they carry; what it takes to go on stands in the folder of `work`."""
    begin = time.perf_counter()
    column = request["column"]
    cutter = _ready(cutter, files, column, work, progress)
    key = corpus_key(files, column, cutter, maker)
    requests.keep(request, work.folder, key)
    corpus = encoded(key, files, column, cutter, maker, progress)
    made = maker.train(corpus, work, progress)
    config = {
        "method": maker.name,
        "settings": maker.settings,
        "tokenizer": {"name": cutter.name, "settings": cutter.settings},
        "corpus": _described(corpus, files, column),
        **made.config,
        "seconds": round(time.perf_counter() - begin, 3),
        "yeonma": yeonma.__version__,
    }
    reader = Phrases(cutter, corpus.pairs) if corpus.pairs else cutter
    return dataclasses.replace(made, config=config, tokenizer=reader)


def _ready(tokenizer: Any, files: Sequence[Path], column: str | None, work: Work, progress: Progress) -> Tokenizer:
    """The tokenizer, trained on the corpus if need be; a training that goes on has it already."""
    if tokenizer.trained:
        ready: Tokenizer = tokenizer
        return ready
    folder = work.folder / TOKENIZER
    if folder.is_dir():
        return load_tokenizer(folder)
    progress("train tokenizer", 0, None, "texts")
    trained: Tokenizer = tokenizer.train(texts(files, column), **tokenizer.settings)
    with staged_folder(folder) as stage:
        trained.save(stage)
    return trained


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


def _described(corpus: Corpus, files: Sequence[Path], column: str | None) -> dict[str, Any]:
    """The corpus for config.json: the names of its files, not where they stood."""
    return {
        "files": [{"name": file.name, "bytes": file.stat().st_size} for file in files],
        "column": column,
        "texts": len(corpus.bounds) - 1,
        "tokens": len(corpus.tokens),
        "tokens_left_out": corpus.dropped,
        "vocabulary": len(corpus.words),
        "phrases": len(corpus.pairs),
    }
