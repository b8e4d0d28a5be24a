"""Two embeddings side by side: a transformer's token vectors, behind each the static vectors of its characters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
import torch
from pydantic import Field
from torch import Tensor, nn

from yeonma.encoders.bag import Bag
from yeonma.encoders.encoder import Encoder, Rows, Settings, Start
from yeonma.encoders.static import PAD, StaticSettings
from yeonma.encoders.transformer import Transformer, TransformerSettings
from yeonma.errors import ConfigError
from yeonma.records import Batch, Encoded, Progress, Tokens, silent
from yeonma.text import Analysed, analyse

MOST = 4  # words that a token is given the mean of
WORDS = "words"  # the folder of the static part, beside the transformer's files


class StackSettings(TransformerSettings):
    """Settings of a stack: those of the transformer, and of the word table behind it."""

    dim: int = Field(100, ge=1, description="width of the word vectors where none are given")
    min_count: int = Field(2, ge=1, description="without vectors: words met less often are unknown")
    max_words: int = Field(50_000, ge=1, description="without vectors: at most so many words, the most frequent")
    dropout: float = Field(0.1, ge=0, lt=1, description="on the word vectors")


class Stack(Encoder):
    """Token vectors [h; s]: h from the transformer, s the mean of the static vectors whose words share its characters.

    Stacked embeddings as in Akbik et al. 2018 (C18-1139), aligned by characters and not by words: the two tokenizers
    need not know of each other. Special tokens and blanks have s = 0. The text vector is the mean of [h; s], or h of
    the first token beside the mean of s.
    """

    Settings: ClassVar[type[Settings]] = StackSettings
    kind: ClassVar[str] = "stack"
    pace: ClassVar[float] = Transformer.pace
    heavy: ClassVar[bool] = True
    batch_tokens: ClassVar[int] = Transformer.batch_tokens

    def __init__(self, settings: Any, contextual: Transformer, static: Bag) -> None:
        super().__init__()
        self.settings, self.contextual, self.static = settings, contextual, static
        self.dropout = nn.Dropout(settings.dropout)
        self.width, self.pass_tokens = contextual.width + static.settings.dim, contextual.pass_tokens

    @classmethod
    def prepare(
        cls, settings: Any, texts: Sequence[str], start: Start, parts: int = 1, progress: Progress = silent
    ) -> Self:
        """Load the transformer of `path` and the vectors, or make a table of the most frequent words of the texts.

        Raises: ConfigError where there is no path, and for `cache`, which keeps the transformer alone.
        """
        if settings.cache:
            raise ConfigError("encoder.cache: a stack keeps nothing of frozen layers. Leave it out.")
        own = settings.model_copy(update={"parts": parts})
        contextual = Transformer.prepare(_of(TransformerSettings, own), texts, Start(path=start.path), parts)
        words = start._replace(path=None)
        static = Bag.prepare(_of(StaticSettings, own, parts=1), texts, words, progress=progress)
        return cls(own.model_copy(update={"dim": static.settings.dim}), contextual, static)

    def tokenize(
        self, rows: Rows, max_length: int, stride: int | None = None, progress: Progress = silent, cache: bool = True
    ) -> list[Tokens]:
        """The transformer's pieces, each with the words that share its characters."""
        windows = self.contextual.tokenize(rows, max_length, stride, progress, cache)
        analysed = analyse([text for row in rows for text in row], self.static.tokenizer, progress, cache)
        ids = self.static.rows_of(analysed.words)[analysed.ids]
        first = np.cumsum([0, *(len(row) for row in rows)])
        return [replace(window, words=_beside(window, analysed, ids, int(first[window.row]))) for window in windows]

    def collate(self, windows: Sequence[Tokens], length: int) -> Mapping[str, Tensor]:
        """The transformer's inputs, and "words" (B, length, 4) int64 rows of the word table, 0 where there is none."""
        words = np.full((len(windows), length, MOST), PAD, np.int64)
        for page, window in zip(words, windows, strict=True):
            if window.words is not None:
                page[: len(window.ids)] = window.words
        return {**self.contextual.collate(windows, length), "words": torch.from_numpy(words)}

    def forward(self, batch: Batch) -> Encoded:
        """Both kinds of vectors of every token, and their means."""
        encoded = self.contextual(batch)
        words = batch.inputs["words"]
        known = (words != PAD).unsqueeze(3)
        static = (self.static.table(words) * known).sum(2) / known.sum(2).clamp(min=1)
        static = self.dropout(static)
        met = known.any(2)
        mean = (static * met).sum(1) / met.sum(1).clamp(min=1)
        return Encoded(torch.cat((encoded.tokens, static), 2), torch.cat((encoded.pooled, mean), 1))

    def depths(self, batch: Batch) -> dict[str, Tensor]:
        """Those of the transformer."""
        return self.contextual.depths(batch)

    def embeddings(self) -> nn.Embedding:
        """The static word table."""
        return self.static.embeddings()

    def words(self) -> list[str]:
        """The words of the static table."""
        return self.static.words()

    def layers(self) -> list[nn.Module]:
        """Both tables with what belongs to the transformer's, then its layers."""
        bottom, *above = self.contextual.layers()
        return [nn.ModuleList((bottom, self.static.table)), *above]

    def save_assets(self, folder: Path) -> None:
        """Write the transformer's tokenizer, and below it the folder `words` of the static part."""
        self.contextual.save_assets(folder)
        (folder / WORDS).mkdir()
        self.static.save_assets(folder / WORDS)

    @classmethod
    def load_assets(cls, settings: Any, folder: Path) -> Self:
        """Read what `save_assets` wrote."""
        contextual = Transformer.load_assets(_of(TransformerSettings, settings), folder)
        return cls(settings, contextual, Bag.load_assets(_of(StaticSettings, settings, parts=1), folder / WORDS))

    def public_name(self, name: str) -> str:
        """The transformer's weights have the names that `AutoModel` looks for."""
        return name.removeprefix("encoder.contextual.model.")

    def public_config(self) -> dict[str, Any]:
        """The transformer's own config."""
        return self.contextual.public_config()

    def unknown(self, window: Tokens) -> int | None:
        """Those of the transformer, whose tokens these are."""
        return self.contextual.unknown(window)

    def coverage(self) -> dict[str, Any]:
        """Which words of the training texts the word table knows, and where the transformer came from."""
        return {**self.contextual.coverage(), **self.static.coverage()}


def _of(schema: type[Settings], settings: Any, **others: Any) -> Any:
    """The settings of one part."""
    shared = schema.model_fields.keys() & type(settings).model_fields.keys()
    return schema(**{name: getattr(settings, name) for name in shared} | others)


def _beside(window: Tokens, analysed: Analysed, ids: np.ndarray, first: int) -> np.ndarray:
    """Rows (T, 4) of the words that share a character with each token; texts of the row are numbered from `first`."""
    found = np.full((len(window.ids), MOST), PAD, np.int32)
    for part in range(int(window.part.max(initial=-1)) + 1):
        start, end = analysed.bounds[first + part], analysed.bounds[first + part + 1]
        spans, rows = analysed.spans[start:end], ids[start:end]
        tokens = np.flatnonzero(window.part == part)
        # Words stand in reading order: those that share a character are from the first that ends behind the token's
        # start to the last that begins before its end.
        lows = np.maximum.accumulate(spans[:, 1]).searchsorted(window.offsets[tokens, 0], side="right")
        highs = spans[:, 0].searchsorted(window.offsets[tokens, 1], side="left")
        for place in range(MOST):
            there = lows + place < highs
            found[tokens[there], place] = rows[(lows + place)[there]]
    return found
