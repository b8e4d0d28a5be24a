"""Wide and deep: the scores of linear n-grams and of a network over word vectors, added with a weight."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar, Literal, Self

import numpy as np
import torch
from pydantic import Field
from torch import Tensor, nn

from yeonma.encoders.bilstm import BiLSTMAttention, BiLSTMSettings
from yeonma.encoders.cnn import CNN, CNNSettings
from yeonma.encoders.encoder import Encoder, Rows, Settings, Start
from yeonma.encoders.ngram import Ngram, NgramSettings
from yeonma.encoders.static import StaticEncoder
from yeonma.records import Batch, Encoded, Progress, Tokens, silent

WIDE = "wide"  # the folder of the n-grams, beside the files of the network
NETWORKS: Mapping[str, tuple[str, type[StaticEncoder]]] = {
    "cnn": ("cnn", CNN),
    "bilstm-attention": ("bilstm", BiLSTMAttention),
}
"""The kind of a network → where its settings stand, and its class."""


class WideDeepSettings(Settings):
    """Settings of the sum, and those of its parts."""

    deep: Literal["cnn", "bilstm-attention"] = Field("cnn", description="the network beside the n-grams")
    share: float | None = Field(
        None, ge=0, le=1, description="the network's in the sum; left out: chosen on validation from 0, 0.1 … 1"
    )
    wide_epochs: int = Field(
        2, ge=1, description="passes of the n-grams over the training examples, before the network"
    )
    wide_learning_rate: float | None = Field(None, gt=0, description="of the n-grams (Adagrad); left out: 0.2")
    ngram: NgramSettings = Field(NgramSettings(), description="those of the n-grams")
    cnn: CNNSettings = Field(CNNSettings(), description="those of the network, where it is the CNN")
    bilstm: BiLSTMSettings = Field(BiLSTMSettings(), description="those of the network, where it is the BiLSTM")
    deviations: tuple[float, float] = Field((1.0, 1.0), description="of the scores of both; set by training")


class WideDeep(Encoder):
    """pooled = σ · ((1 − s) · w / σ_w + s · d / σ_d), a score for each label; σ = (1 − s) σ_w + s σ_d.

    w are the scores of the linear n-grams, d those of the network, each less their mean over the labels; σ_w and σ_d
    their standard deviations on validation texts, and s the network's share: s = 0 gives w itself, and s = 1 gives d.
    The sum of a wide and a deep part as in Cheng et al. 2016 (arXiv 1606.07792), but of parts that were trained apart.
    """

    Settings: ClassVar[type[Settings]] = WideDeepSettings
    kind: ClassVar[str] = "wide-deep"
    mix: Tensor

    def __init__(self, settings: Any, wide: Ngram, deep: StaticEncoder, scores: nn.Linear | None = None) -> None:
        """`scores` turns the network's vector of a text into scores of labels; None: a new layer."""
        super().__init__()
        parts = {"ngram": wide.settings, NETWORKS[settings.deep][0]: deep.settings}
        self.settings, self.wide, self.deep = settings.model_copy(update=parts), wide, deep
        self.width = max(2, wide.width)
        self.scores = scores or nn.Linear(deep.width, self.width)
        self.register_buffer("mix", torch.tensor([*settings.deviations, settings.share or 0.0]))

    @classmethod
    def prepare(
        cls, settings: Any, texts: Sequence[str], start: Start, parts: int = 1, progress: Progress = silent
    ) -> Self:
        """The n-grams of the texts, all their weights 0, and the network on the vectors.

        Raises: ConfigError as both of them do.
        """
        name, network = NETWORKS[settings.deep]
        wide = Ngram.prepare(settings.ngram, texts, Start(), parts)
        deep = network.prepare(getattr(settings, name), texts, start, parts, progress)
        return cls(settings, wide, deep)

    def set_mix(self, wide: float, deep: float, share: float) -> None:
        """Take the deviations of both parts' scores, and the network's share."""
        self.mix.copy_(torch.tensor([max(wide, 1e-6), max(deep, 1e-6), share]))

    def settle(self) -> None:
        """Put the mix that stands among the weights into the settings, where people read it."""
        wide, deep, share = (round(number, 6) for number in self.mix.tolist())
        self.settings = self.settings.model_copy(update={"deviations": (wide, deep), "share": share})

    def tokenize(
        self, rows: Rows, max_length: int, stride: int | None = None, progress: Progress = silent, cache: bool = True
    ) -> list[Tokens]:
        """The network's tokens, at most `max_length`; with them the n-grams of the whole row.

        Raises: ConfigError for a stride.
        """
        features = self.wide.tokenize(rows, max_length, stride)
        windows = self.deep.tokenize(rows, max_length, stride, progress, cache)
        return [replace(window, features=features[window.row].ids) for window in windows]

    def collate(self, windows: Sequence[Tokens], length: int) -> Mapping[str, Tensor]:
        """The network's inputs; the n-grams of the rows one after another, and how many each has (B,)."""
        found = [window.features for window in windows if window.features is not None]
        features = torch.from_numpy(np.concatenate(found))
        counts = torch.tensor([len(each) for each in found])
        return {**self.deep.collate(windows, length), "features": features, "features_each": counts}

    def forward(self, batch: Batch) -> Encoded:
        """Pooled (B, labels)."""
        wide = by_label(self.wide.sums(batch.inputs["features"], batch.inputs["features_each"]))
        return Encoded(None, mixed(wide, self.scores(self.deep(batch).pooled), self.mix))

    def embeddings(self) -> nn.Embedding:
        """The network's word table."""
        return self.deep.embeddings()

    def words(self) -> list[str]:
        """The words of the network."""
        return self.deep.words()

    def layers(self) -> list[nn.Module]:
        """The network's layers; above them its scores and the n-grams."""
        return [*self.deep.layers(), nn.ModuleList((self.scores, self.wide))]

    def save_assets(self, folder: Path) -> None:
        """Write the tokenizer and words of the network, and below them the folder `wide` of the n-grams."""
        self.deep.save_assets(folder)
        (folder / WIDE).mkdir()
        self.wide.save_assets(folder / WIDE)

    @classmethod
    def load_assets(cls, settings: Any, folder: Path) -> Self:
        """Read what `save_assets` wrote."""
        name, network = NETWORKS[settings.deep]
        wide = Ngram.load_assets(settings.ngram, folder / WIDE)
        return cls(settings, wide, network.load_assets(getattr(settings, name), folder))

    def unknown(self, window: Tokens) -> int | None:
        """Those of the network."""
        return self.deep.unknown(window)

    def coverage(self) -> dict[str, Any]:
        """Which words of the training texts the network knows, and how many n-grams have a row."""
        return {**self.deep.coverage(), "ngrams": len(self.wide.vocabulary)}


def by_label(sums: Tensor) -> Tensor:
    """The n-grams' sums (B, outputs) as scores of labels; one sum z as −z/2 and z/2, whose softmax is z's sigmoid."""
    return torch.cat((-sums / 2, sums / 2), 1) if sums.shape[1] == 1 else sums


def centred(scores: Tensor) -> Tensor:
    """Scores (B, labels) less their mean over the labels, of which a softmax knows nothing."""
    return scores - scores.mean(1, keepdim=True)


def deviation(scores: Tensor) -> float:
    """The standard deviation of centred scores (B, labels) over the texts: the root of its labels' mean variance."""
    return float(centred(scores).var(0, correction=0).mean().sqrt())


def mixed(wide: Tensor, deep: Tensor, mix: Tensor) -> Tensor:
    """The formula of `WideDeep`: scores (B, labels) of both parts, mix = (σ_w, σ_d, s)."""
    wide_deviation, deep_deviation, share = mix.unbind()
    whole = (1 - share) * wide_deviation + share * deep_deviation
    wide_weight, deep_weight = (1 - share) * whole / wide_deviation, share * whole / deep_deviation
    return wide_weight * centred(wide) + deep_weight * centred(deep)
