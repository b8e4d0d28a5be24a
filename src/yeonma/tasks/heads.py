"""The layers between an encoder and a task's scores."""

from __future__ import annotations

from torch import nn


def classifier(width: int, labels: int, hidden: int, dropout: float) -> nn.Sequential:
    """Dropout → [linear → ReLU → dropout] → linear; (B, width) → (B, labels). The middle stands where hidden > 0."""
    middle = [nn.Linear(width, hidden), nn.ReLU(), nn.Dropout(dropout)] if hidden else []
    return nn.Sequential(nn.Dropout(dropout), *middle, nn.Linear(hidden or width, labels))
