"""Linear n-grams: each n-gram of characters or words has a number for each class; a text's scores are their sum."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional as F

from yeonma.encoders import ngram_features as features
from yeonma.encoders.encoder import Encoder, Rows, Settings, Start
from yeonma.encoders.ngram_features import Features, Shape, Slots
from yeonma.errors import ConfigError, RunError
from yeonma.records import Batch, Encoded, Progress, Tokens, silent
from yeonma.text import Tokenizer, load_tokenizer, make_tokenizer

EPOCHS, STRETCH = 2, 1024  # the defaults of train.epochs and train.batch_size
RATES: Mapping[str, float] = {
    "gd": 1e2, "sgd": 1.0, "momentum": 0.3, "nag": 0.3, "adagrad": 0.2, "rmsprop": 0.02, "adadelta": 1.0, "adam": 0.003,
    "nadam": 0.003,
}  # fmt: skip
ARGUMENTS: Mapping[str, Mapping[str, float]] = {"adagrad": {"eps": 0.01}}  # as if there had been gradients before
FILE, BIAS, WORDS_WITHOUT = "ngrams.safetensors", "<bias>", ("none", "whitespace")


class NgramSettings(Settings):
    """Settings of the linear n-grams."""

    characters: int = Field(5, ge=0, le=15, description="n-grams of 1 to so many characters; 0 = none")
    words: str = Field("none", description="what words are: none, whitespace, or a tokenizer, e.g. mecab")
    word_length: int = Field(3, ge=1, le=9, description="n-grams of 1 to so many words")
    min_count: int = Field(2, ge=1, description="n-grams of fewer training texts are left out")
    bits: int = Field(24, ge=8, le=28, description="n-grams are hashed into 2^bits slots")
    start: float = Field(0.5, ge=0, description="first weights, as a share of naive Bayes' log ratios")
    outputs: int = Field(1, ge=1, description="scores of a text; set by the task")
    parts: int = Field(1, ge=1, le=2, description="texts in a row; set by the task")

    def shape(self) -> Shape:
        """Which n-grams are read."""
        return Shape(self.characters, 0 if self.words == "none" else self.word_length, self.parts, self.bits)


class Ngram(Encoder):
    """pooled = w₀ + Σ wᵢ / √n over the n different n-grams of a text (fastText, Joulin et al. 2017, without its
    hidden layer; naive-Bayes start and presence as in Wang & Manning 2012).

    Of two texts each has n-grams of its own, and those that both have count once more. Row 0 of the table is the bias.
    A text's tokens are its features: they have no place in it.
    """

    Settings: ClassVar[type[Settings]] = NgramSettings
    kind: ClassVar[str] = "ngram"
    batch_tokens: ClassVar[int] = 1 << 18

    def __init__(
        self, settings: Any, tokenizer: Tokenizer | None, vocabulary: np.ndarray, names: Sequence[str]
    ) -> None:
        super().__init__()
        self.settings, self.tokenizer, self.vocabulary, self.names = settings, tokenizer, vocabulary, list(names)
        self.rows = features.table_of(vocabulary, settings.bits)
        self.width = settings.outputs
        rows = 1 + len(vocabulary), settings.outputs
        self.table = nn.Embedding(*rows, _weight=torch.zeros(rows))

    @classmethod
    def train_defaults(cls, given: Mapping[str, Any]) -> Mapping[str, Any]:
        """Adagrad for two epochs, no warm-up, no clipping; each rule has a learning rate for steps of one text."""
        rule = str(given.get("optimizer", "adagrad")).lower()
        usual = {"optimizer": rule, "epochs": EPOCHS, "batch_size": STRETCH, "warmup_ratio": 0.0, "max_grad_norm": 0.0}
        if rule in RATES:
            usual["learning_rate"] = RATES[rule]
        return usual if "optimizer_args" in given else {**usual, "optimizer_args": dict(ARGUMENTS.get(rule, {}))}

    @classmethod
    def learn(cls, settings: Any, texts: Sequence[str]) -> tuple[Self, Features]:
        """The vocabulary of training texts, rows of `settings.parts` of them, and what they are in it; weights are 0.

        Raises: ConfigError where neither characters nor words are read.
        """
        shape = settings.shape()
        if not (shape.characters or shape.words):
            raise ConfigError('encoder.characters = 0 and encoder.words = "none" leave no n-grams. Give one of them.')
        tokenizer = _tokenizer(settings)
        slots = features.slots_of(texts, shape, tokenizer)
        vocabulary = features.vocabulary(slots, shape, settings.min_count)
        encoder = cls(settings, tokenizer, vocabulary, [])
        encoder.names = features.names(slots, encoder.rows, len(vocabulary), shape.parts)
        return encoder, features.features(slots, encoder.rows)

    @classmethod
    def prepare(
        cls, settings: Any, texts: Sequence[str], start: Start, parts: int = 1, progress: Progress = silent
    ) -> Self:
        """Take the n-grams of the texts; all weights are 0.

        Raises: ConfigError as `must_have_none` and `learn` do.
        """
        cls.must_have_none(start)
        return cls.learn(settings.model_copy(update={"parts": parts}), texts)[0]

    @staticmethod
    def must_have_none(start: Start) -> None:
        """Raise a ConfigError for vectors, a tokenizer or a path: this encoder has no use for them."""
        for name, given in start._asdict().items():
            if given is not None:
                advice = f'write encoder.words = "{given}"' if name == "tokenizer" else "it learns from the texts alone"
                raise ConfigError(f"encoder.{name} is not for the encoder 'ngram': {advice}. It got {given!r}.")

    def read(self, texts: Sequence[str]) -> Features:
        """What rows of `settings.parts` texts are in the vocabulary."""
        return features.features(self.slots(texts), self.rows)

    def slots(self, texts: Sequence[str]) -> Slots:
        """The slots of rows of texts."""
        return features.slots_of(texts, self.settings.shape(), self.tokenizer)

    @torch.no_grad()
    def begin(self, data: Features, golds: np.ndarray, classes: int) -> None:
        """Start from the naive-Bayes log ratios of the training rows."""
        first = features.naive_bayes(data, golds, classes, len(self.table.weight), self.settings.start)
        self.table.weight.copy_(torch.from_numpy(first))

    def logits(self, data: Features) -> np.ndarray:
        """`forward` for rows that are not in batches: (R, outputs) float32."""
        from yeonma.encoders.ngram_kernels import logits

        scores = np.empty((len(data), self.width), np.float32)
        logits(data.ids, data.starts, self.table.weight.detach().numpy(), scores)
        return scores

    def tokenize(
        self, rows: Rows, max_length: int, stride: int | None = None, progress: Progress = silent, cache: bool = True
    ) -> list[Tokens]:
        """The features of each row. It is read whole, however long: nothing is cut.

        Raises: ConfigError for a stride.
        """
        must_be_whole(stride)
        data = self.read([text for row in rows for text in row])
        nowhere, nobody = np.zeros((1, 2), np.int32), np.full(1, -1, np.int8)
        return [
            Tokens(data.ids[a:b], np.broadcast_to(nowhere, (b - a, 2)), np.broadcast_to(nobody, (b - a,)), row)
            for row, (a, b) in enumerate(zip(data.starts[:-1].tolist(), data.starts[1:].tolist(), strict=True))
        ]

    def collate(self, windows: Sequence[Tokens], length: int) -> Mapping[str, Tensor]:
        """{"ids": (B, length) int64}, padded with row 0."""
        ids = np.zeros((len(windows), length), np.int64)
        for line, window in zip(ids, windows, strict=True):
            line[: len(window.ids)] = window.ids
        return {"ids": torch.from_numpy(ids)}

    def forward(self, batch: Batch) -> Encoded:
        """Pooled (B, outputs)."""
        return Encoded(tokens=None, pooled=self.sums(batch.inputs["ids"][batch.mask], batch.mask.sum(1)))

    def sums(self, ids: Tensor, counts: Tensor) -> Tensor:
        """The formula, for rows whose features stand one after another, (Σ counts,), counts (B,): (B, outputs)."""
        first = counts.cumsum(0) - counts
        values = (counts - 1).clamp(min=1).rsqrt().repeat_interleave(counts).index_fill(0, first, 1.0)
        return F.embedding_bag(ids, self.table.weight, first.to(ids.dtype), mode="sum", per_sample_weights=values)

    def embeddings(self) -> nn.Embedding:
        """The table: a row for each n-gram, a number for each output."""
        return self.table

    def words(self) -> list[str]:
        """The bias and the most frequent n-grams, those whose text is kept: names of the first rows of the table."""
        return [BIAS, *self.names]

    def heaviest(self, count: int = 20, output: int = 0) -> list[tuple[str, float]]:
        """The named n-grams whose weights are furthest from 0, and these weights."""
        weights = self.table.weight.detach()[1 : 1 + len(self.names), output]
        order = weights.abs().argsort(descending=True)[:count].tolist()
        return [(self.names[i], float(weights[i])) for i in order]

    def save_assets(self, folder: Path) -> None:
        """Write ngrams.safetensors (the slot of each row), words.txt, and the files of the tokenizer of words."""
        from safetensors.numpy import save_file

        save_file({"slots": self.vocabulary}, folder / FILE)
        (folder / "words.txt").write_text("\n".join(self.names), encoding="utf-8", errors="replace")
        if self.tokenizer is not None:
            self.tokenizer.save(folder)

    @classmethod
    def load_assets(cls, settings: Any, folder: Path) -> Self:
        """Read what `save_assets` wrote.

        Raises: RunError for slots that are none.
        """
        slots = _saved_slots(folder / FILE, settings.bits)
        try:
            names = (folder / "words.txt").read_text(encoding="utf-8").split("\n")
        except (OSError, UnicodeDecodeError) as error:
            raise RunError(f"{folder / 'words.txt'} cannot be read. The folder is not whole; save it again.") from error
        return cls(settings, load_tokenizer(folder) if _tokenizer(settings) else None, slots, names[: len(slots)])

    def coverage(self) -> dict[str, Any]:
        """How many n-grams have a row."""
        return {"rows": len(self.vocabulary)}


def must_be_whole(stride: int | None) -> None:
    """Raise a ConfigError where texts are to be read in windows."""
    if stride is not None:
        raise ConfigError("data.stride: linear n-grams are those of the whole text, however long. Leave it out.")


def _tokenizer(settings: Any) -> Tokenizer | None:
    return None if settings.words in WORDS_WITHOUT else make_tokenizer(settings.words)


def _saved_slots(path: Path, bits: int) -> np.ndarray:
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    try:
        slots: np.ndarray = load_file(path)["slots"]
    except (OSError, SafetensorError, KeyError) as error:
        raise RunError(f"{path} cannot be read: {error}. The folder is not whole; save it again.") from error
    if slots.dtype != np.int32 or slots.ndim != 1 or (len(slots) and not 0 <= slots.min() <= slots.max() < 1 << bits):
        raise RunError(f"{path} must hold slots, int32 numbers below 2^{bits}; it holds others. Save the model again.")
    return slots
