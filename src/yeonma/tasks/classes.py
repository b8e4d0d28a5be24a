"""One label of a fixed set: cross-entropy, the most probable label."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from yeonma.errors import ConfigError
from yeonma.tasks.scores import classification
from yeonma.tasks.task import IGNORED


class Classes:
    """What a text or pair of texts is trained towards where gold answers are labels."""

    def __init__(self, labels: Sequence[str]) -> None:
        if len(labels) < 2:
            raise ConfigError(f"Classification needs at least two labels; the training rows have {list(labels)}.")
        self.labels, self.outputs = tuple(labels), len(labels)
        self.metrics = ("accuracy", "macro_f1", "macro_precision", "macro_recall", "mcc") + ("f1",) * (len(labels) == 2)
        self.index = {label: number for number, label in enumerate(labels)}
        self.weights: Tensor | None = None

    def target(self, gold: Any) -> int:
        """The label's number; −100, which the loss ignores, where it is unknown."""
        return IGNORED if gold is None else self.index[str(gold)]

    def weigh(self, golds: Sequence[Any]) -> None:
        """Weight of class k: n / (classes · nₖ), as scikit-learn's "balanced"."""
        counts = Counter(map(str, golds))
        total = sum(counts.values())
        self.weights = torch.tensor([total / (self.outputs * max(1, counts[label])) for label in self.labels])

    def loss(self, scores: Tensor, gold: Tensor) -> Tensor:
        """Mean cross-entropy; with class weights the sum of weighted terms over the number of examples."""
        if self.weights is None:
            return F.cross_entropy(scores, gold)
        # Divided by the examples, not by the sum of their weights: so a step is the mean of its micro-batches exactly.
        return F.cross_entropy(scores, gold, weight=self.weights.to(scores.device), reduction="sum") / len(gold)

    def answer(self, scores: Tensor) -> tuple[str, float, Mapping[str, float]]:
        """The most probable label, its probability, and those of all; scores (labels,)."""
        shares = scores.softmax(0).tolist()
        best = max(range(len(shares)), key=shares.__getitem__)
        return self.labels[best], shares[best], dict(zip(self.labels, shares, strict=True))

    def scores(self, gold: Sequence[Any], predicted: Sequence[Any]) -> dict[str, Any]:
        """Classification scores."""
        return classification([str(g) for g in gold], [str(p) for p in predicted], self.labels)
