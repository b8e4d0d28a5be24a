"""Static encoders: a table of word vectors under a small network; subclasses say how tokens become one vector."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Literal, Self

import numpy as np
import torch
from pydantic import Field
from torch import Tensor, nn

from yeonma.encoders.encoder import Encoder, Rows, Settings
from yeonma.errors import RunError
from yeonma.optim import RowTable
from yeonma.records import Batch, Encoded, Progress, Tokens, silent
from yeonma.text import Analysed, Tokenizer, analyse, load_tokenizer, make_tokenizer
from yeonma.vectors import Vectors, coverage

PAD, UNKNOWN, SPECIAL = 0, 1, ("<pad>", "<unk>")


class StaticSettings(Settings):
    """Settings that all static encoders share."""

    dim: int = Field(100, ge=1, le=10**15, description="width of the vectors where none are given")
    min_count: int = Field(2, ge=1, description="without vectors: words met less often are unknown")
    max_words: int = Field(50_000, ge=1, description="without vectors: at most so many words, the most frequent")
    padding: Literal["masked", "visible"] = Field("masked", description="visible: the network reads padding as a word")
    dropout: float = Field(0.1, ge=0, lt=1, description="on the word vectors")
    split_digits: bool = Field(False, description="mecab without vectors: digits one by one")
    rows: Literal["lazy", "dense"] = Field("lazy", description="lazy: a step costs what its words cost; same result")


class StaticEncoder(Encoder):
    """A word table and a network over it.

    Row 0 of the table is padding and row 1 stands for every unknown word; both are trained only where the settings let
    the network see them. An empty text is read as one unknown word.
    """

    Settings: ClassVar[type[Settings]] = StaticSettings

    def __init__(self, settings: Any, tokenizer: Tokenizer, vocabulary: Sequence[str], dim: int) -> None:
        super().__init__()
        self.settings, self.tokenizer, self.vocabulary = settings, tokenizer, list(vocabulary)
        self.index = {word: row for row, word in enumerate(self.vocabulary, start=len(SPECIAL))}
        masked = settings.padding == "masked"
        table = RowTable if settings.rows == "lazy" else nn.Embedding
        self.table = table(len(SPECIAL) + len(self.vocabulary), dim, padding_idx=PAD if masked else None)
        self.dropout = nn.Dropout(settings.dropout)
        self._coverage: dict[str, Any] = {}

    @abstractmethod
    def contextualize(self, x: Tensor, mask: Tensor) -> Encoded:
        """Word vectors (B, T, dim) and mask (B, T) → the encoder's output."""

    @classmethod
    def prepare(
        cls,
        settings: Any,
        texts: Sequence[str],
        *,
        vectors: str | None,
        tokenizer: str | None,
        progress: Progress = silent,
    ) -> Self:
        """Take words and rows from the vectors, or the most frequent words of the texts with random rows."""
        known = Vectors.load(Path(vectors)) if vectors else None
        reader = _tokenizer(settings, known, tokenizer)
        counts = word_counts(analyse(texts, reader, progress=progress))
        if known is None:
            frequent = [w for w, n in sorted(counts.items(), key=lambda item: -item[1]) if n >= settings.min_count]
            encoder = cls(settings, reader, frequent[: settings.max_words], settings.dim)
            encoder.start_at_random()
        else:
            dim = known.matrix.shape[1]
            encoder = cls(settings.model_copy(update={"dim": dim}), reader, known.words, dim)
            encoder.start_from(torch.from_numpy(known.matrix))
        facts = coverage(counts, encoder.index)._asdict()
        encoder._coverage = {"vectors": vectors, "rows": len(encoder.index), **facts, "unknown": dict(facts["unknown"])}
        return encoder

    @torch.no_grad()
    def start_at_random(self) -> None:
        """Rows from a normal distribution of deviation 0.5, cut at ±1; masked padding is zero."""
        nn.init.trunc_normal_(self.table.weight, std=0.5, a=-1.0, b=1.0)
        if self.table.padding_idx is not None:
            self.table.weight[PAD].zero_()

    @torch.no_grad()
    def start_from(self, rows: Tensor) -> None:
        """Rows of the vectors; the unknown word starts at their mean (visible padding at random)."""
        self.start_at_random()
        self.table.weight[len(SPECIAL) :] = rows
        self.table.weight[UNKNOWN] = rows.mean(0)

    def tokenize(self, rows: Rows, max_length: int, progress: Progress = silent, cache: bool = True) -> list[Tokens]:
        """The texts of a row one after another, cut at `max_length` tokens."""
        parts = max((len(row) for row in rows), default=1)
        analysed = analyse([text for row in rows for text in row], self.tokenizer, progress, cache)
        ids = self._rows_of(analysed.words)[analysed.ids]
        if parts == 1:
            return _single(analysed, ids, max_length)
        return _joined(rows, analysed, ids, max_length)

    def _rows_of(self, words: Sequence[str]) -> np.ndarray:
        return np.fromiter((self.index.get(word, UNKNOWN) for word in words), np.int64, len(words))

    def collate(self, windows: Sequence[Tokens], length: int) -> Mapping[str, Tensor]:
        """{"ids": (B, length) int64}, padded with row 0."""
        ids = np.zeros((len(windows), length), np.int64)
        for line, window in zip(ids, windows, strict=True):
            line[: len(window.ids)] = window.ids
        return {"ids": torch.from_numpy(ids)}

    def forward(self, batch: Batch) -> Encoded:
        """Look the words up and hand them to the network."""
        mask = batch.mask if self.settings.padding == "masked" else torch.ones_like(batch.mask)
        return self.contextualize(self.dropout(self.table(batch.inputs["ids"])), mask)

    def embeddings(self) -> nn.Embedding:
        """The word table."""
        return self.table

    def words(self) -> list[str]:
        """`<pad>`, `<unk>`, then the vocabulary."""
        return [*SPECIAL, *self.vocabulary]

    def save_assets(self, folder: Path) -> None:
        """Write the tokenizer's files and words.txt."""
        self.tokenizer.save(folder)
        (folder / "words.txt").write_text("\n".join(self.vocabulary), encoding="utf-8")

    @classmethod
    def load_assets(cls, settings: Any, folder: Path) -> Self:
        """Read the tokenizer's files and words.txt; the width comes from the settings."""
        try:
            text = (folder / "words.txt").read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise RunError(
                f"{folder / 'words.txt'} cannot be read. The model folder is not whole; save it again."
            ) from error
        return cls(settings, load_tokenizer(folder), text.split("\n") if text else [], settings.dim)

    def coverage(self) -> dict[str, Any]:
        """Words of the training texts that the table knows, by type and by token."""
        return self._coverage


def _tokenizer(settings: Any, vectors: Vectors | None, name: str | None) -> Tokenizer:
    if name is None and vectors is not None and vectors.tokenizer is not None:
        return vectors.tokenizer
    split = {"split_digits": True} if name in (None, "mecab") and settings.split_digits else {}
    return make_tokenizer(name or "mecab", **split)


def word_counts(analysed: Analysed) -> dict[str, int]:
    """How often each distinct word occurs."""
    counts = np.bincount(analysed.ids, minlength=len(analysed.words))
    return dict(zip(analysed.words, counts.tolist(), strict=True))


_BLANK = (np.array([UNKNOWN]), np.zeros((1, 2), np.int32), np.array([-1], np.int8))


def _single(analysed: Analysed, ids: np.ndarray, max_length: int) -> list[Tokens]:
    ends = np.minimum(analysed.bounds[1:], analysed.bounds[:-1] + max_length)
    cuts = (analysed.bounds[1:] - ends).tolist()
    part = np.zeros(max_length, np.int8)
    return [
        Tokens(ids[a:b], analysed.spans[a:b], part[: b - a], row, cuts[row]) if b > a else Tokens(*_BLANK, row)
        for row, (a, b) in enumerate(zip(analysed.bounds[:-1].tolist(), ends.tolist(), strict=True))
    ]


def _joined(rows: Rows, analysed: Analysed, ids: np.ndarray, max_length: int) -> list[Tokens]:
    result, text = [], 0
    for number, row in enumerate(rows):
        a, b = analysed.bounds[[text, text + len(row)]].tolist()
        part = np.repeat(np.arange(len(row), dtype=np.int8), np.diff(analysed.bounds[text : text + len(row) + 1]))
        end = min(b, a + max_length)
        read = Tokens(ids[a:end], analysed.spans[a:end], part[:max_length], number, b - end)
        result.append(read if b > a else Tokens(*_BLANK, number))
        text += len(row)
    return result
