"""The mean of a text's word vectors."""

from __future__ import annotations

from typing import Any, ClassVar

from torch import Tensor, nn

from yeonma.encoders.attend import Alignment, Comparison, TwoTexts
from yeonma.encoders.static import StaticEncoder
from yeonma.records import Encoded


class Bag(StaticEncoder):
    """pooled = Σ xₜ / T over the real tokens.

    Two texts are aligned first, as in the decomposable attention model (Parikh et al. 2016), and their means compared.
    """

    kind: ClassVar[str] = "bag"

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.width = self.entry
        if self.settings.parts == 2:
            self.align, self.relate = Alignment(self.entry, self.entry), Comparison(self.entry, self.entry)

    def network(self) -> list[nn.Module]:
        """Nothing for one text; what aligns and what compares for two."""
        return [self.align, self.relate] if self.settings.parts == 2 else []

    def contextualize(self, x: Tensor, mask: Tensor) -> Encoded:
        """(B, T, entry) → pooled (B, entry)."""
        return Encoded(tokens=x, pooled=mean(x, mask))

    def compare(self, x: Tensor, texts: TwoTexts) -> Encoded:
        """(B, T, entry) → tokens (B, T, entry), pooled (B, entry)."""
        first, second = self.align(texts.apart(x), texts.masks)
        return Encoded(
            tokens=texts.together((first, second)),
            pooled=self.relate(mean(first, texts.masks[0]), mean(second, texts.masks[1])),
        )


def mean(x: Tensor, mask: Tensor) -> Tensor:
    """The mean over the real tokens: (B, T, w) → (B, w); zero where there are none."""
    weights = mask.to(x.dtype).unsqueeze(-1)
    return (x * weights).sum(1) / weights.sum(1).clamp(min=1)
