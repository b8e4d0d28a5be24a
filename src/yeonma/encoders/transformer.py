"""A pretrained transformer encoder of the Hugging Face kind: BERT, RoBERTa, ELECTRA, DeBERTa, ModernBERT and others."""

from __future__ import annotations

import inspect
import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar, Literal, Self

import numpy as np
import torch
from pydantic import Field
from torch import Tensor, nn

from yeonma.encoders import pretrained
from yeonma.encoders.encoder import Encoder, Rows, Settings, Start
from yeonma.encoders.lower import lower, states, upper
from yeonma.encoders.recomputed import recomputed
from yeonma.encoders.rows import framed
from yeonma.errors import ConfigError
from yeonma.optim import RowTable
from yeonma.records import Batch, Encoded, Progress, Tokens, silent
from yeonma.text import analyse
from yeonma.text.pretrained import Pretrained

AT_ONCE = 8192 * 6 * 384  # tokens · layers · width of one pass in training: about 3 GiB of activations in float32
LEAST_AT_ONCE = 1024  # tokens: fewer would leave the processor waiting


class TransformerSettings(Settings):
    """Settings of a transformer encoder."""

    pooling: Literal["mean", "first"] = Field("mean", description="the text vector: mean over the tokens, or the first")
    rows: Literal["lazy", "dense"] = Field("lazy", description="lazy: a step costs what its pieces cost; same result")
    cache: bool = Field(False, description="compute what encoder.freeze keeps below once, and train on that")
    parts: int = Field(1, ge=1, le=2, description="texts in a row; set by the task")


class Transformer(Encoder):
    """The last layer's token vectors, and their mean or the first of them as the text vector.

    A pooler that the model brings is kept as it is, for others; it is neither read nor trained.
    """

    Settings: ClassVar[type[Settings]] = TransformerSettings
    kind: ClassVar[str] = "transformer"
    heavy: ClassVar[bool] = True
    batch_tokens: ClassVar[int] = 2048  # what goes through a layer stays in the cache: a fifth faster than 8192
    pace: ClassVar[float] = 0.05  # Adam: 5e-5, as in Devlin et al. 2019, appendix A.3

    def __init__(self, settings: Any, model: Any, tokenizer: Any, path: str = "") -> None:
        super().__init__()
        self.settings, self.model, self.tokenizer, self.path = settings, model, tokenizer, path
        self.width = int(model.config.hidden_size)
        self.reader = Pretrained(tokenizer.backend_tokenizer)
        self.frame = self.reader.frame(settings.parts)
        types = getattr(model.config, "type_vocab_size", 0) or 0
        self.typed = 0 < self.frame.second < types and "token_type_ids" in inspect.signature(model.forward).parameters
        self.longest = pretrained.longest(model)
        layers = int(getattr(model.config, "num_hidden_layers", 12))
        self.pass_tokens = max(LEAST_AT_ONCE, AT_ONCE // (layers * self.width))
        self.above: list[nn.Module] = []  # in a list, for it is no further part of this module
        if settings.rows == "lazy":
            model.set_input_embeddings(_lazy(model.get_input_embeddings()))

    @classmethod
    def prepare(
        cls, settings: Any, texts: Sequence[str], start: Start, parts: int = 1, progress: Progress = silent
    ) -> Self:
        """Load the model and the tokenizer of `path`.

        Raises: ConfigError when there is none, when it has no weights, or for settings of static encoders.
        """
        if start.path is None:
            raise ConfigError(
                'encoder.path must name a pretrained encoder: a folder, or "hub:NAME". '
                "On the command line: --set encoder.path=FOLDER."
            )
        for name, value in (("vectors", start.vectors), ("tokenizer", start.tokenizer)):
            if value is not None:
                raise ConfigError(f"encoder.{name}: a transformer brings its own; got {value!r}. Leave it out.")
        where = pretrained.place(start.path)
        own = settings.model_copy(update={"parts": parts})
        return cls(own, pretrained.model(where), pretrained.tokenizer(where), start.path)

    def tokenize(
        self, rows: Rows, max_length: int, stride: int | None = None, progress: Progress = silent, cache: bool = True
    ) -> list[Tokens]:
        """Pieces between the model's special tokens, which count in `max_length`.

        Raises: ConfigError for more tokens than the model has positions, or no room for a text.
        """
        room, least = max_length - len(self.frame), len(self.frame) + self.settings.parts
        if not least <= max_length <= self.longest:
            raise ConfigError(
                f"data.max_length must be from {least} to {self.longest}, the positions of this encoder; "
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
        if windows[0].states is not None:
            states = torch.zeros(len(windows), length, self.width)
            for line, window in zip(states, windows, strict=True):
                line[: len(window.ids)] = torch.from_numpy(window.states)
            found["states"] = states
        return {**found, "types": torch.from_numpy(types)} if self.typed else found

    def forward(self, batch: Batch) -> Encoded:
        """The last hidden states, and the text vectors."""
        if self.training and torch.is_grad_enabled() and batch.mask.numel() > self.pass_tokens:
            return recomputed(self._encoded, batch, self.pass_tokens)
        return self._encoded(batch)

    def _encoded(self, batch: Batch) -> Encoded:
        mask = batch.mask.long()
        if "states" in batch.inputs:
            tokens = self.above[0](inputs_embeds=batch.inputs["states"], attention_mask=mask).last_hidden_state
        else:
            types = {"token_type_ids": batch.inputs["types"]} if self.typed else {}
            tokens = self.model(input_ids=batch.inputs["ids"], attention_mask=mask, **types).last_hidden_state
        if self.settings.pooling == "first":
            return Encoded(tokens, tokens[:, 0])
        weights = batch.mask.unsqueeze(2).to(tokens.dtype)
        return Encoded(tokens, (tokens * weights).sum(1) / weights.sum(1))

    def depths(self, batch: Batch) -> dict[str, Tensor]:
        """The hidden states: "embeddings", "layer 1", …"""
        types = {"token_type_ids": batch.inputs["types"]} if self.typed else {}
        inputs = {"input_ids": batch.inputs["ids"], "attention_mask": batch.mask.long(), **types}
        found = states(self.model, pretrained.stack(self.model), **inputs)
        return {f"layer {number}" if number else "embeddings": x for number, x in enumerate(found)}

    @torch.no_grad()
    def remember(self, windows: Sequence[Tokens], layers: int, progress: Progress = silent) -> list[Tokens]:
        """The windows with what the embeddings and the first `layers` layers make of them, without dropout, as float16.

        Raises: ConfigError for a model that cannot be cut there without another result.
        """
        _must_fit(2 * self.width * sum(len(window.ids) for window in windows))
        stack = pretrained.stack(self.model)
        below, self.above = lower(self.model, stack, layers), [upper(self.model, stack, layers)]
        was_training = self.training
        self.eval()
        kept = [*windows]
        order = sorted(range(len(windows)), key=lambda number: len(windows[number].ids))
        for done in range(0, len(order), 32):
            chosen = order[done : done + 32]
            inputs, mask = self._inputs([windows[number] for number in chosen])
            found = states(below, stack[: layers + 1], **inputs, attention_mask=mask.long())[layers]
            for number, state in zip(chosen, found, strict=True):
                kept[number] = replace(windows[number], states=state[: len(windows[number].ids)].half().numpy())
            progress("keeping frozen layers", done + len(chosen), len(order), "rows")
        self._must_agree(windows[order[-1]], kept[order[-1]])
        self.train(was_training)
        return kept

    def _inputs(self, windows: Sequence[Tokens]) -> tuple[dict[str, Tensor], Tensor]:
        length = max(len(window.ids) for window in windows)
        columns = self.collate(windows, length)
        lengths = torch.tensor([len(window.ids) for window in windows])
        types = {"token_type_ids": columns["types"]} if self.typed else {}
        return {"input_ids": columns["ids"], **types}, torch.arange(length) < lengths[:, None]

    def _must_agree(self, fresh: Tokens, kept: Tokens) -> None:
        """See that the upper part makes of what was kept what the whole model makes of the text."""
        inputs, mask = self._inputs([fresh])
        whole = self.model(**inputs, attention_mask=mask.long()).last_hidden_state
        states = self.collate([kept], len(kept.ids))["states"]
        parts = self.above[0](inputs_embeds=states, attention_mask=mask.long()).last_hidden_state
        if not float((whole - parts).abs().max()) <= 0.05 * float(whole.abs().max()):  # NaN too
            kind = self.model.config.model_type
            raise ConfigError(
                f"encoder.cache: a model of the type {kind!r} cannot be cut into a lower and an upper part."
            )

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
        for name in ("yeonma", "_name_or_path"):  # the latter is a place on this machine
            config.pop(name, None)
        return {**config, "dtype": "float32"}

    def unknown(self, window: Tokens) -> int | None:
        """Pieces that the tokenizer does not know; None where its vocabulary leaves nothing out."""
        own: int | None = self.tokenizer.unk_token_id
        return None if own is None else int(((window.ids == own) & (window.part >= 0)).sum())

    def coverage(self) -> dict[str, Any]:
        """Where the encoder came from."""
        return {"path": self.path}


def _lazy(table: nn.Embedding) -> RowTable:
    """The same table with rows that cost nothing while they sleep."""
    return RowTable(table.num_embeddings, table.embedding_dim, table.padding_idx, _weight=table.weight.detach())


def _must_fit(wanted: int) -> None:
    """See that so many bytes are less than half of the machine's memory.

    Raises: ConfigError.
    """
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    if wanted > memory / 2:
        raise ConfigError(
            f"encoder.cache would keep {wanted / 2**30:.1f} GiB, more than half of the {memory / 2**30:.1f} GiB of "
            "this machine. Leave it out, or lower data.limit or data.max_length."
        )
