"""A bidirectional LSTM over word vectors, pooled by additive attention."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from yeonma.encoders.attend import Alignment, Comparison, TwoTexts, attended, highest, turned
from yeonma.encoders.encoder import Settings
from yeonma.encoders.static import StaticEncoder, StaticSettings
from yeonma.records import Encoded


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

    Two texts are read each by itself; [x; h] of the one is aligned with [x; h] of the other; and a second BiLSTM reads
    what was found, in place of h, as in ESIM (Chen et al. 2017). What attention and the maximum take from each text is
    compared. The word vector stands beside h so that equal words find each other before anything is learned.
    """

    Settings: ClassVar[type[Settings]] = BiLSTMSettings
    kind: ClassVar[str] = "bilstm-attention"

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        units, attention = self.settings.units, self.settings.attention
        both = units * (2 if self.settings.merge == "concat" else 1)
        self.onward = nn.LSTM(self.entry, units, batch_first=True)
        self.inverse = nn.LSTM(self.entry, units, batch_first=True)
        self.project = nn.Linear(both, attention)
        self.score = nn.Linear(attention, 1)
        self.width = attention
        if self.settings.parts == 2:
            self.align = Alignment(self.entry + both, units)
            self.again = nn.ModuleList(nn.LSTM(units, units, batch_first=True) for _ in range(2))
            self.relate = Comparison(2 * attention, attention)
        if self.settings.init == "glorot":
            self._start_glorot()

    @torch.no_grad()
    def _start_glorot(self) -> None:
        for name, weight in self.named_parameters():
            if name.startswith(("table", "spelling")):
                continue
            if weight.ndim == 2:
                for gate in weight.chunk(4) if "weight_ih" in name or "weight_hh" in name else (weight,):
                    nn.init.xavier_uniform_(gate)
            else:
                weight.zero_()
                if "bias_ih" in name:  # gates stand in the order input, forget, cell, output
                    weight[self.settings.units : 2 * self.settings.units] = 1

    def network(self) -> list[nn.Module]:
        """The two LSTMs, the attention; for two texts the alignment and its LSTMs between them, what compares above."""
        reading, attention = nn.ModuleList((self.onward, self.inverse)), nn.ModuleList((self.project, self.score))
        if self.settings.parts == 1:
            return [reading, attention]
        return [reading, self.align, self.again, attention, self.relate]

    def contextualize(self, x: Tensor, mask: Tensor) -> Encoded:
        """(B, T, entry) → tokens (B, T, attention), pooled (B, attention)."""
        u = torch.tanh(self.project(self._directions(x, mask)))
        a = self.score(u).squeeze(-1).masked_fill(~mask, float("-inf")).softmax(1)
        return Encoded(tokens=u, pooled=(a.unsqueeze(1) @ u).squeeze(1))

    def compare(self, x: Tensor, texts: TwoTexts) -> Encoded:
        """(B, T, entry) → tokens (B, T, attention), pooled (B, attention)."""
        first, second = map(self._beside, texts.apart(x), texts.masks)
        u, v = map(self._read_again, self.align((first, second), texts.masks), texts.masks)
        pooled = self.relate(*map(self._summary, (u, v), texts.masks))
        return Encoded(tokens=texts.together((u, v)), pooled=pooled)

    def _beside(self, x: Tensor, mask: Tensor) -> Tensor:
        return torch.cat((x, self._directions(x, mask)), dim=2)

    def _read_again(self, x: Tensor, mask: Tensor) -> Tensor:
        return torch.tanh(self.project(self._merged(self.again[0], self.again[1], self.dropout(x), mask)))

    def _summary(self, u: Tensor, mask: Tensor) -> Tensor:
        """(B, T, attention) → what attention takes and the maximum, (B, 2 · attention)."""
        weighed = attended(self.score(u).transpose(1, 2), u, mask).squeeze(1)
        return torch.cat((weighed, highest(u, mask)), dim=1)

    def _directions(self, x: Tensor, mask: Tensor) -> Tensor:
        return self._merged(self.onward, self.inverse, x, mask)

    def _merged(self, onward: nn.Module, inverse: nn.Module, x: Tensor, mask: Tensor) -> Tensor:
        turn = reversal(mask)
        forth, back = onward(x)[0], turned(inverse(turned(x, turn))[0], turn)
        return forth + back if self.settings.merge == "sum" else torch.cat((forth, back), dim=2)


def reversal(mask: Tensor) -> Tensor:
    """(B, T) int64: where each place looks so that the real tokens stand in reverse and padding stays behind them."""
    places, lengths = torch.arange(mask.shape[1], device=mask.device), mask.sum(1, keepdim=True)
    return torch.where(mask, lengths - 1 - places, places)
