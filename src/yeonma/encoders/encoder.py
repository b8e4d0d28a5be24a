"""What every encoder is: a module that turns texts into windows of tokens, and batches of them into vectors."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, NamedTuple, Self

from pydantic import BaseModel, ConfigDict
from torch import Tensor, nn

from yeonma.errors import ConfigError
from yeonma.records import Batch, Encoded, Progress, Tokens, silent

Rows = Sequence[tuple[str, ...]]


class Settings(BaseModel):
    """An encoder's own settings: the further keys of the config's [encoder] table."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Start(NamedTuple):
    """What an encoder starts from: keys of the config's [encoder] table that all kinds know; None where left out."""

    vectors: str | None = None  # static vectors, a folder or a file
    tokenizer: str | None = None  # the name of a tokenizer
    path: str | None = None  # a pretrained encoder, its folder or hub name


class Encoder(nn.Module, ABC):
    """Texts → tokens → vectors. `width` is the size of what it gives to a head."""

    Settings: ClassVar[type[Settings]] = Settings
    kind: ClassVar[str]
    pace: ClassVar[float] = 1.0  # the learning rate where none is given, as a share of the rule's own default
    heavy: ClassVar[bool] = False  # whether products take the time: then predictions are computed as training is
    batch_tokens: ClassVar[int] = 8192  # in a batch of predictions
    pass_tokens: int = 1 << 16  # at once in training: a batch of more is trained on in parts
    width: int
    settings: Any

    @classmethod
    def train_defaults(cls, given: Mapping[str, Any]) -> Mapping[str, Any]:
        """The settings of [train] beside those given, where this encoder has defaults of its own."""
        return {}

    @classmethod
    @abstractmethod
    def prepare(
        cls, settings: Any, texts: Sequence[str], start: Start, parts: int = 1, progress: Progress = silent
    ) -> Self:
        """Build an encoder for training; vocabulary and weights come from `start` or from the training texts.

        parts  how many texts a row has
        """

    @abstractmethod
    def tokenize(
        self, rows: Rows, max_length: int, stride: int | None = None, progress: Progress = silent, cache: bool = True
    ) -> list[Tokens]:
        """Rows of texts as tokens, at most `max_length` each, in the order of the rows.

        stride  tokens that windows over the last text share where a row is too long; None: one window, the rest is cut
        cache   whether the tokens are kept on disk for the next time
        """

    @abstractmethod
    def collate(self, windows: Sequence[Tokens], length: int) -> Mapping[str, Tensor]:
        """The inputs of a batch, padded to `length` tokens."""

    @abstractmethod
    def forward(self, batch: Batch) -> Encoded:
        """Vectors of tokens (B, T, width), of texts (B, width), or both."""

    def depths(self, batch: Batch) -> dict[str, Tensor]:
        """The vectors (B, T, …) of the tokens after the embeddings and each layer that has some, from the bottom up.

        What pages show of the layers is made from them; {} for an encoder that has none.
        """
        return {}

    @abstractmethod
    def embeddings(self) -> nn.Embedding:
        """The table of word vectors: what freezing, drift and export are about."""

    def layers(self) -> list[nn.Module]:
        """The layers from the bottom up, the embeddings first; each weight stands in exactly one of them.

        Freezing, unfreezing and learning rates by layer go by this list. Default: the table, then all the rest.
        """
        table = self.embeddings()
        rest = nn.ParameterList(weight for weight in self.parameters() if weight is not table.weight)
        return [table, rest] if len(rest) else [table]

    @abstractmethod
    def words(self) -> list[str]:
        """The names of the table's rows, in order."""

    @abstractmethod
    def save_assets(self, folder: Path) -> None:
        """Write what the weights need beside them: tokenizer and words."""

    @classmethod
    @abstractmethod
    def load_assets(cls, settings: Any, folder: Path) -> Self:
        """An encoder of the saved shape; the caller loads its weights."""

    def coverage(self) -> dict[str, Any]:
        """How the starting vectors know the training texts; empty where that has no meaning."""
        return {}

    def unknown(self, window: Tokens) -> int | None:
        """How many of the tokens have no row of their own; None for an encoder that has no such tokens."""
        return None

    def remember(self, windows: Sequence[Tokens], layers: int, progress: Progress = silent) -> list[Tokens]:
        """The windows with the output of the embeddings and the first `layers` layers, which no step changes.

        Raises: ConfigError for an encoder that cannot be read from the middle.
        """
        raise ConfigError(f"encoder.cache: {self.kind!r} keeps nothing of frozen layers. Leave it out.")

    def public_name(self, name: str) -> str:
        """What a weight of the model is called in model.safetensors; others may look for it under that name."""
        return name

    def public_config(self) -> dict[str, Any]:
        """What config.json holds beside ours, for those who load the encoder alone."""
        return {}
