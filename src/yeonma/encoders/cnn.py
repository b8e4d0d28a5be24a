"""Convolutions of several widths over word vectors, the maximum over time (Kim 2014, arXiv 1408.5882)."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional as F

from yeonma.encoders.attend import Alignment, Comparison, TwoTexts
from yeonma.encoders.encoder import Settings
from yeonma.encoders.static import StaticEncoder, StaticSettings
from yeonma.records import Encoded


class CNNSettings(StaticSettings):
    """Settings of the CNN."""

    dropout: float = Field(0.3, ge=0, lt=1, description="on the word vectors")
    widths: tuple[Annotated[int, Field(ge=1, le=1000)], ...] = Field(
        (2, 3, 4), min_length=1, description="words a filter sees"
    )
    filters: int = Field(100, ge=1, description="filters of each width")


class CNN(StaticEncoder):
    """pooled = max over t of ReLU(W · [xₜ … xₜ₊ₖ₋₁]) for every filter of every width k.

    A filter may reach over the end of the text, where it sees zeros: so a text shorter than a filter has a value too,
    and the value does not depend on how far the batch is padded.
    """

    Settings: ClassVar[type[Settings]] = CNNSettings
    kind: ClassVar[str] = "cnn"

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        filters, widths = self.settings.filters, self.settings.widths
        self.convolutions = nn.ModuleList(nn.Conv1d(self.entry, filters, width) for width in widths)
        self.width = filters * len(widths)
        if self.settings.parts == 2:
            self.align, self.relate = Alignment(self.entry, self.entry), Comparison(self.width, self.width)

    def network(self) -> list[nn.Module]:
        """The convolutions; for two texts what aligns below them and what compares above."""
        return [self.align, self.convolutions, self.relate] if self.settings.parts == 2 else [self.convolutions]

    def contextualize(self, x: Tensor, mask: Tensor) -> Encoded:
        """(B, T, entry) → tokens (B, T, filters × widths), pooled (B, filters × widths)."""
        features = self._features(x, mask)
        return Encoded(tokens=features.transpose(1, 2), pooled=features.amax(2))

    def compare(self, x: Tensor, texts: TwoTexts) -> Encoded:
        """The same shapes; each text is convolved by itself, after its words are aligned with the other's."""
        first, second = map(self._features, self.align(texts.apart(x), texts.masks), texts.masks)
        return Encoded(
            tokens=texts.together((first.transpose(1, 2), second.transpose(1, 2))),
            pooled=self.relate(first.amax(2), second.amax(2)),
        )

    def _features(self, x: Tensor, mask: Tensor) -> Tensor:
        """(B, T, entry) → (B, filters × widths, T); zero on padding."""
        x = (x * mask.unsqueeze(-1)).transpose(1, 2)
        seen = [
            F.relu(conv(F.pad(x, (0, width - 1))))
            for conv, width in zip(self.convolutions, self.settings.widths, strict=True)
        ]
        return torch.cat(seen, dim=1) * mask.unsqueeze(1)  # ReLU ≥ 0: a zero never wins over a real value
