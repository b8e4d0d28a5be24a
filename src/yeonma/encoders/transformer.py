"""A pretrained transformer encoder of the Hugging Face kind: BERT, RoBERTa, ELECTRA, DeBERTa, ModernBERT and others."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Literal, Self

import numpy as np
import torch
from pydantic import Field
from torch import Tensor, nn

from yeonma.encoders import pretrained
from yeonma.encoders.encoder import Encoder, Rows, Settings
from yeonma.encoders.rows import framed
from yeonma.errors import ConfigError
from yeonma.optim import RowTable
from yeonma.records import Batch, Encoded, Progress, Tokens, silent
from yeonma.text import analyse
from yeonma.text.pretrained import Pretrained


class TransformerSettings(Settings):
    """Settings of a transformer encoder."""

    pooling: Literal["mean", "first"] = Field("mean", description="the text vector: mean over the tokens, or the first")
    rows: Literal["lazy", "dense"] = Field("lazy", description="lazy: a step costs what its pieces cost; same result")
    parts: int = Field(1, ge=1, le=2, description="texts in a row; set by the task")


class Transformer(Encoder):
    """The last layer's token vectors, and their mean or the first of them as the text vector.

    A pooler that the model brings is kept as it is, for others; it is neither read nor trained.
    """

    Settings: ClassVar[type[Settings]] = TransformerSettings
    kind: ClassVar[str] = "transformer"

    def __init__(self, settings: Any, model: Any, tokenizer: Any, path: str = "") -> None:
        super().__init__()
        self.settings, self.model, self.tokenizer, self.path = settings, model, tokenizer, path
        self.width = int(model.config.hidden_size)
        self.reader = Pretrained(tokenizer.backend_tokenizer)
        self.frame = self.reader.frame(settings.parts)
        self.typed = self.frame.second > 0 and "token_type_ids" in inspect.signature(model.forward).parameters
        self.longest = pretrained.longest(model)
        if settings.rows == "lazy":
            model.set_input_embeddings(_lazy(model.get_input_embeddings()))

    @classmethod
    def prepare(
        cls,
        settings: Any,
        texts: Sequence[str],
        *,
        vectors: str | None,
        tokenizer: str | None,
        path: str | None = None,
        parts: int = 1,
        progress: Progress = silent,
    ) -> Self:
        """Load the model and the tokenizer of `path`.

        Raises: ConfigError when there is none, when it has no weights, or for settings of static encoders.
        """
        if path is None:
            raise ConfigError(
                'encoder.path must name a pretrained encoder: a folder, or "hub:NAME". '
                "On the command line: --set encoder.path=FOLDER."
            )
        for name, value in (("vectors", vectors), ("tokenizer", tokenizer)):
            if value is not None:
                raise ConfigError(f"encoder.{name}: a transformer brings its own; got {value!r}. Leave it out.")
        where = pretrained.place(path)
        own = settings.model_copy(update={"parts": parts})
        return cls(own, pretrained.model(where), pretrained.tokenizer(where), path)

    def tokenize(
        self,
        rows: Rows,
        max_length: int,
        stride: int | None = None,
        progress: Progress = silent,
        cache: bool = True,
    ) -> list[Tokens]:
        """Pieces between the model's special tokens, which count in `max_length`.

        Raises: ConfigError for more tokens than the model has positions, or no room for a text.
        """
        room = max_length - len(self.frame)
        if not len(self.frame) < max_length <= self.longest:
            raise ConfigError(
                f"data.max_length must be from {len(self.frame) + 1} to {self.longest}, the positions of this encoder; "
                f"got {max_length}."
            )
        analysed = analyse([text for row in rows for text in row], self.reader, progress, cache)
        ids = np.array(analysed.words, np.int64)[analysed.ids]
        return framed(rows, analysed, ids, self.frame, room, stride)

    def collate(self, windows: Sequence[Tokens], length: int) -> Mapping[str, Tensor]:
        """{"ids": (B, length) int64}; "types" too where the model tells a second text by its type."""
        ids = np.full((len(windows), length), self.tokenizer.pad_token_id or 0, np.int64)
        types = np.zeros((len(windows), length), np.int64)
        for line, kind, window in zip(ids, types, windows, strict=True):
            line[: len(window.ids)] = window.ids
            second = np.flatnonzero(window.part == 1)
            if len(second):
                kind[second[0] : len(window.ids)] = self.frame.second
        found = {"ids": torch.from_numpy(ids)}
        return {**found, "types": torch.from_numpy(types)} if self.typed else found

    def forward(self, batch: Batch) -> Encoded:
        """The last hidden states, and the text vectors."""
        types = {"token_type_ids": batch.inputs["types"]} if self.typed else {}
        tokens = self.model(input_ids=batch.inputs["ids"], attention_mask=batch.mask.long(), **types).last_hidden_state
        if self.settings.pooling == "first":
            return Encoded(tokens, tokens[:, 0])
        weights = batch.mask.unsqueeze(2).to(tokens.dtype)
        return Encoded(tokens, (tokens * weights).sum(1) / weights.sum(1))

    def embeddings(self) -> nn.Embedding:
        """The table of pieces."""
        table: nn.Embedding = self.model.get_input_embeddings()
        return table

    def layers(self) -> list[nn.Module]:
        """The embeddings, then the model's layers."""
        return pretrained.layers(self.model)

    def words(self) -> list[str]:
        """The vocabulary, in order."""
        rows, known = self.embeddings().num_embeddings, len(self.tokenizer)
        names: list[str] = self.tokenizer.convert_ids_to_tokens([*range(min(rows, known))])
        return [*names, *(f"<unused {number}>" for number in range(known, rows))]

    def save_assets(self, folder: Path) -> None:
        """Write the tokenizer's files, as the model's owner does."""
        self.tokenizer.save_pretrained(folder)

    @classmethod
    def load_assets(cls, settings: Any, folder: Path) -> Self:
        """An encoder of the saved shape."""
        return cls(settings, pretrained.empty_model(folder), pretrained.tokenizer(folder), str(folder))

    def public_name(self, name: str) -> str:
        """The name that `AutoModel` looks for."""
        return name.removeprefix("encoder.model.")

    def public_config(self) -> dict[str, Any]:
        """The model's own config."""
        config: dict[str, Any] = self.model.config.to_dict()
        config.pop("yeonma", None)
        return {**config, "dtype": "float32"}

    def coverage(self) -> dict[str, Any]:
        """Where the encoder came from."""
        return {"path": self.path}


def _lazy(table: nn.Embedding) -> RowTable:
    """The same table with rows that cost nothing while they sleep."""
    return RowTable(table.num_embeddings, table.embedding_dim, table.padding_idx, _weight=table.weight.detach())
