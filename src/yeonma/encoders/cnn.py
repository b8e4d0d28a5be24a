"""Convolutions of several widths over word vectors, the maximum over time (Kim 2014, arXiv 1408.5882)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, ClassVar

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional as F

from yeonma.encoders.encoder import Settings
from yeonma.encoders.static import StaticEncoder, StaticSettings
from yeonma.records import Encoded
from yeonma.text import Tokenizer


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

    def __init__(self, settings: Any, tokenizer: Tokenizer, vocabulary: Sequence[str], dim: int) -> None:
        super().__init__(settings, tokenizer, vocabulary, dim)
        self.convolutions = nn.ModuleList(nn.Conv1d(dim, settings.filters, width) for width in settings.widths)
        self.width = settings.filters * len(settings.widths)

    def contextualize(self, x: Tensor, mask: Tensor) -> Encoded:
        """(B, T, dim) → tokens (B, T, filters × widths), pooled (B, filters × widths)."""
        x = (x * mask.unsqueeze(-1)).transpose(1, 2)
        seen = [
            F.relu(conv(F.pad(x, (0, width - 1))))
            for conv, width in zip(self.convolutions, self.settings.widths, strict=True)
        ]
        features = torch.cat(seen, dim=1) * mask.unsqueeze(1)  # ReLU ≥ 0: a zero never wins over a real value
        return Encoded(tokens=features.transpose(1, 2), pooled=features.amax(2))
