"""A number on a scale: squared error between 0 and 1, answered within the scale."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from torch import Tensor
from torch.nn import functional as F

from yeonma.errors import ConfigError
from yeonma.tasks.scores import regression


class Number:
    """What a text or pair of texts is trained towards where gold answers are numbers from `low` to `high`."""

    metrics = ("pearson", "spearman")
    outputs = 1

    def __init__(self, scale: tuple[float, float], threshold: float | None = None) -> None:
        (self.low, self.high), self.threshold = scale, threshold
        if not self.low < self.high:
            raise ConfigError(f"data.scale must be two numbers, the lowest first; got {list(scale)}.")

    def target(self, gold: Any) -> float:
        """Where the number stands on the scale, from 0 to 1; NaN where it is unknown."""
        return math.nan if gold is None else (float(gold) - self.low) / (self.high - self.low)

    def weigh(self, golds: Sequence[Any]) -> None:
        """Numbers are no classes.

        Raises: ConfigError.
        """
        raise ConfigError("train.class_weights: a number has no classes to weigh. Leave it out.")

    def loss(self, scores: Tensor, gold: Tensor) -> Tensor:
        """Mean squared error on the scale from 0 to 1."""
        return F.mse_loss(scores.squeeze(1), gold.to(scores.dtype))

    def answer(self, scores: Tensor) -> tuple[float, float, Mapping[str, float]]:
        """The number within its scale; a number has no probability."""
        share = min(1.0, max(0.0, float(scores[0])))
        return self.low + share * (self.high - self.low), 1.0, {}

    def scores(self, gold: Sequence[Any], predicted: Sequence[Any]) -> dict[str, Any]:
        """Correlations and errors; with a threshold the F1 of the numbers that reach it."""
        return regression([float(g) for g in gold], [float(p) for p in predicted], self.threshold)
