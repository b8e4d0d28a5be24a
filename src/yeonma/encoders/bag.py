"""The mean of a text's word vectors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from torch import Tensor

from yeonma.encoders.static import StaticEncoder
from yeonma.records import Encoded
from yeonma.text import Tokenizer


class Bag(StaticEncoder):
    """pooled = Σ xₜ / T over the real tokens."""

    kind: ClassVar[str] = "bag"

    def __init__(self, settings: Any, tokenizer: Tokenizer, vocabulary: Sequence[str], dim: int) -> None:
        super().__init__(settings, tokenizer, vocabulary, dim)
        self.width = dim

    def contextualize(self, x: Tensor, mask: Tensor) -> Encoded:
        """(B, T, dim) → pooled (B, dim)."""
        weights = mask.to(x.dtype).unsqueeze(-1)
        return Encoded(tokens=x, pooled=(x * weights).sum(1) / weights.sum(1))
