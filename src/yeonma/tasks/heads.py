"""The layers between an encoder and a task's scores."""

from __future__ import annotations

from torch import Tensor, nn

from yeonma.records import Encoded


def scorer(width: int, outputs: int, hidden: int, dropout: float) -> nn.Sequential:
    """Dropout → [linear → ReLU → dropout] → linear; (…, width) → (…, outputs). The middle stands where hidden > 0."""
    middle = [nn.Linear(width, hidden), nn.ReLU(), nn.Dropout(dropout)] if hidden else []
    return nn.Sequential(nn.Dropout(dropout), *middle, nn.Linear(hidden or width, outputs))


class TextHead(nn.Module):
    """Vectors of texts (B, width) → scores (B, outputs)."""

    def __init__(self, width: int, outputs: int, hidden: int, dropout: float) -> None:
        super().__init__()
        self.layers = scorer(width, outputs, hidden, dropout)

    def forward(self, encoded: Encoded) -> Tensor:
        """Read the text vector only."""
        return self.layers(encoded.pooled).float()  # type: ignore[no-any-return]


class TokenHead(nn.Module):
    """Vectors of tokens (B, T, width) → scores (B, T, outputs)."""

    def __init__(self, width: int, outputs: int, hidden: int, dropout: float) -> None:
        super().__init__()
        self.layers = scorer(width, outputs, hidden, dropout)

    def forward(self, encoded: Encoded) -> Tensor:
        """Read the token vectors only."""
        return self.layers(encoded.tokens).float()  # type: ignore[no-any-return]
