"""Out of a finished run: its tuned word vectors, as vectors again."""

from __future__ import annotations

from collections.abc import Container, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from yeonma import __version__, vector_files
from yeonma.encoders.static import SPECIAL, UNKNOWN, StaticEncoder
from yeonma.encoders.wide_deep import WideDeep
from yeonma.errors import ConfigError, InputError, RunError, VectorsError
from yeonma.model import Model
from yeonma.records import Progress, silent
from yeonma.run import Run
from yeonma.subwords import Subwords
from yeonma.text import analyse
from yeonma.vectors import Vectors, is_vectors_folder

FORMATS = {"folder": "", "word2vec": ".vec", "word2vec-binary": ".bin", "glove": ".txt"}
"""Format → the suffix of a file of it."""


def tuned_vectors(model: Model, run: Run | None = None, seen: Container[str] | None = None) -> Vectors:
    """The word table of a model as vectors: all its words, float32 as trained, with its tokenizer.

    Words that training never met stand there too. Only weight decay and l2 move them: where `seen` names the words
    that training met, the others are as they were before it. Where unknown words are made of n-grams, these come along;
    the vector of all unknown words, and buckets of them, are no words and are left out.
    Raises: ConfigError for an encoder without a word table.
    """
    encoder = _static(model)
    words = encoder.vocabulary
    rows = encoder.table.weight.detach().cpu().numpy()[len(SPECIAL) : len(SPECIAL) + len(words)].copy()
    if seen is not None and run is not None:
        kept = np.array([word not in seen for word in words])
        rows[kept] = _before(run, len(rows), encoder.buckets)[kept]
    return Vectors(words, rows, None, _config(model, run), encoder.tokenizer, _subwords(encoder))


def words_met(model: Model, texts: Sequence[str], progress: Progress = silent) -> set[str]:
    """The words of texts, as the model's tokenizer cuts them.

    Raises: ConfigError for an encoder without a word table.
    """
    return set(analyse(texts, _static(model).tokenizer, progress).words)


def write(vectors: Vectors, output: Path, format: str) -> None:
    """Write a vectors folder or a file, whole or not at all, in place of an older one.

    Raises: InputError when `output` holds something else, a file of another format too; VectorsError, DiskError.
    """
    if format == "folder":
        if output.exists() and not is_vectors_folder(output) and (output.is_file() or any(output.iterdir())):
            raise InputError(f"{output} holds something else than word vectors. Choose another place with -o.")
        vectors.save(output)
        return
    if output.is_file() and output.stat().st_size and not vector_files.begins_as(output, format):
        raise InputError(
            f"{output} is there and holds no word vectors in the format {format!r}. "
            "Choose another place with -o, or remove it first."
        )
    vectors.write_file(output, format)


def decays(run: Run) -> bool:
    """Whether training moved words that it never met: with weight decay or l2 on a table that was not frozen."""
    config = run.config()
    decay = config.train.weight_decay, float(config.train.optimizer_args.get("l2", 0))
    return max(decay) > 0 and config.encoder.freeze not in ("embeddings", "all")


def _static(model: Model) -> StaticEncoder:
    encoder = model.encoder.deep if isinstance(model.encoder, WideDeep) else model.encoder
    if not isinstance(encoder, StaticEncoder):
        raise ConfigError(
            "Vectors can be exported of an encoder over a word table (bag, cnn, bilstm-attention, wide-deep), and "
            f"{model.encoder.kind!r} has none. Its model folder is read by `yeonma.load`."
        )
    return encoder


def _before(run: Run, words: int, buckets: int) -> np.ndarray:
    """The rows of the words as they were before training."""
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    path = run.folder / "embeddings" / "before.safetensors"
    try:
        table: np.ndarray = load_file(path)["embeddings"]
    except (OSError, SafetensorError, KeyError) as error:
        raise RunError(f"{path} cannot be read ({error}). Without it the words never met are not known.") from error
    if len(table) != len(SPECIAL) + words + buckets:
        raise RunError(f"{path} has {len(table):,} rows, and the model {len(SPECIAL) + words + buckets:,}.")
    return table[len(SPECIAL) : len(SPECIAL) + words]


def _subwords(encoder: StaticEncoder) -> Subwords | None:
    """The tuned n-grams, the vector of all unknown words in each: the mean over a word's has it once."""
    if encoder.ngrams is None:
        return None
    rows = encoder.ngrams.table.weight.detach().cpu().numpy()[1:]
    unknown = encoder.table.weight.detach().cpu().numpy()[UNKNOWN]
    return Subwords(encoder.ngrams.ngrams, encoder.ngrams.ids.cpu().numpy().copy(), rows + unknown)


def _config(model: Model, run: Run | None) -> dict[str, Any]:
    """How the vectors were made: their start, the task and the data that tuned them."""
    made = {"method": "fine-tuning", "encoder": model.encoder.kind, "task": model.task.kind, "yeonma": __version__}
    if run is None:
        return made
    config = run.config()
    start = config.encoder.vectors
    data = config.data.name or Path(str(config.data.train)).name
    return {**made, "data": data, "optimizer": config.train.optimizer, "start": Path(start).name if start else None}


def with_counts(vectors: Vectors, start: str | Path) -> Vectors:
    """The vectors with the counts of those they began with, where these are still there and have the same words.

    Raises: VectorsError where they are not.
    """
    first = Vectors.load(start)
    if list(first.words) != list(vectors.words):
        raise VectorsError("these are not the vectors that training began with: their words differ.", start)
    return replace(vectors, counts=first.counts)
