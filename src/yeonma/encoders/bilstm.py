"""A bidirectional LSTM over word vectors, pooled by additive attention."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, Literal

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

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

    The LSTM runs over packed sequences, so neither direction reads masked padding.
    """

    Settings: ClassVar[type[Settings]] = BiLSTMSettings
    kind: ClassVar[str] = "bilstm-attention"

    def __init__(self, settings: Any, tokenizer: Tokenizer, vocabulary: Sequence[str], dim: int) -> None:
        super().__init__(settings, tokenizer, vocabulary, dim)
        self.lstm = nn.LSTM(dim, settings.units, batch_first=True, bidirectional=True)
        self.project = nn.Linear(settings.units * (2 if settings.merge == "concat" else 1), settings.attention)
        self.score = nn.Linear(settings.attention, 1)
        self.width = settings.attention
        if settings.init == "glorot":
            self._start_glorot()

    @torch.no_grad()
    def _start_glorot(self) -> None:
        for name, weight in self.named_parameters():
            if weight.ndim == 2 and not name.startswith("table"):
                gates = weight.chunk(4) if name.startswith("lstm") else (weight,)
                for gate in gates:
                    nn.init.xavier_uniform_(gate)
            elif weight.ndim == 1:
                weight.zero_()
                if "bias_ih" in name:  # gates stand in the order input, forget, cell, output
                    weight[self.lstm.hidden_size : 2 * self.lstm.hidden_size] = 1

    def contextualize(self, x: Tensor, mask: Tensor) -> Encoded:
        """(B, T, dim) → tokens (B, T, attention), pooled (B, attention)."""
        h = self._directions(x, mask)
        if self.settings.merge == "sum":
            h = h[..., : self.lstm.hidden_size] + h[..., self.lstm.hidden_size :]
        u = torch.tanh(self.project(h))
        a = self.score(u).squeeze(-1).masked_fill(~mask, float("-inf")).softmax(1)
        return Encoded(tokens=u, pooled=(a.unsqueeze(1) @ u).squeeze(1))

    def _directions(self, x: Tensor, mask: Tensor) -> Tensor:
        if bool(mask.all()):
            return self.lstm(x)[0]  # type: ignore[no-any-return]
        lengths = mask.sum(1).cpu()
        packed = pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False)
        return pad_packed_sequence(self.lstm(packed)[0], batch_first=True, total_length=x.shape[1])[0]
