"""A bidirectional LSTM over word vectors, pooled by additive attention."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from yeonma.encoders.encoder import Settings
from yeonma.encoders.static import StaticEncoder, StaticSettings
from yeonma.records import Encoded
from yeonma.text import Tokenizer


class BiLSTMSettings(StaticSettings):
    """Settings of the BiLSTM with attention."""

    dropout: float = Field(0.3, ge=0, lt=1, description="on the word vectors")
    units: int = Field(100, ge=1, description="LSTM units of each direction")
    merge: Literal["concat", "sum"] = Field("concat", description="how the two directions become one")
    attention: int = Field(256, ge=1, description="units of the layer that attention reads and sums")
    init: Literal["torch", "glorot"] = Field("torch", description="glorot: uniform, forget bias 1")


class BiLSTMAttention(StaticEncoder):
    """hₜ = BiLSTM(x)ₜ;  uₜ = tanh(W hₜ + b);  aₜ = softmaxₜ(v · uₜ);  pooled = Σ aₜ uₜ.

    The second direction reads each text reversed by itself, so that masked padding stands behind the text for both and
    neither ever reads it. Packed sequences would do the same, at a cost that grows with the square of the length.
    """

    Settings: ClassVar[type[Settings]] = BiLSTMSettings
    kind: ClassVar[str] = "bilstm-attention"

    def __init__(self, settings: Any, tokenizer: Tokenizer, vocabulary: Sequence[str], dim: int) -> None:
        super().__init__(settings, tokenizer, vocabulary, dim)
        self.onward = nn.LSTM(dim, settings.units, batch_first=True)
        self.inverse = nn.LSTM(dim, settings.units, batch_first=True)
        self.project = nn.Linear(settings.units * (2 if settings.merge == "concat" else 1), settings.attention)
        self.score = nn.Linear(settings.attention, 1)
        self.width = settings.attention
        if settings.init == "glorot":
            self._start_glorot()

    @torch.no_grad()
    def _start_glorot(self) -> None:
        for name, weight in self.named_parameters():
            if name.startswith("table"):
                continue
            if weight.ndim == 2:
                for gate in weight.chunk(4) if "weight_ih" in name or "weight_hh" in name else (weight,):
                    nn.init.xavier_uniform_(gate)
            else:
                weight.zero_()
                if "bias_ih" in name:  # gates stand in the order input, forget, cell, output
                    weight[self.settings.units : 2 * self.settings.units] = 1

    def layers(self) -> list[nn.Module]:
        """The word table, the two LSTMs, the attention."""
        return [self.table, nn.ModuleList((self.onward, self.inverse)), nn.ModuleList((self.project, self.score))]

    def contextualize(self, x: Tensor, mask: Tensor) -> Encoded:
        """(B, T, dim) → tokens (B, T, attention), pooled (B, attention)."""
        u = torch.tanh(self.project(self._directions(x, mask)))
        a = self.score(u).squeeze(-1).masked_fill(~mask, float("-inf")).softmax(1)
        return Encoded(tokens=u, pooled=(a.unsqueeze(1) @ u).squeeze(1))

    def _directions(self, x: Tensor, mask: Tensor) -> Tensor:
        turn = reversal(mask)
        onward, backward = self.onward(x)[0], turned(self.inverse(turned(x, turn))[0], turn)
        return onward + backward if self.settings.merge == "sum" else torch.cat((onward, backward), dim=2)


def reversal(mask: Tensor) -> Tensor:
    """(B, T) int64: where each place looks so that the real tokens stand in reverse and padding stays behind them."""
    places, lengths = torch.arange(mask.shape[1], device=mask.device), mask.sum(1, keepdim=True)
    return torch.where(mask, lengths - 1 - places, places)


def turned(x: Tensor, turn: Tensor) -> Tensor:
    """Rows of x (B, T, width) in the order of `turn` (B, T)."""
    return x.gather(1, turn.unsqueeze(2).expand(-1, -1, x.shape[2]))
