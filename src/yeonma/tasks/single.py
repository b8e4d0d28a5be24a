"""Single-sentence classification: one text, one label (SST-2, CoLA, NSMC, YNAT)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from yeonma.errors import ConfigError
from yeonma.records import Batch, Encoded, Example, Prediction, Tokens
from yeonma.tasks.heads import classifier
from yeonma.tasks.scores import classification
from yeonma.tasks.task import Task


class ClassificationHead(nn.Module):
    """Pooled vectors (B, width) → logits (B, labels)."""

    def __init__(self, width: int, labels: int, hidden: int, dropout: float) -> None:
        super().__init__()
        self.layers = classifier(width, labels, hidden, dropout)

    def forward(self, encoded: Encoded) -> Tensor:
        """Read the text vector only."""
        return self.layers(encoded.pooled)  # type: ignore[no-any-return]


class Single(Task):
    """Cross-entropy over the labels, weighted by class where asked."""

    kind: ClassVar[str] = "single"
    metrics: ClassVar[tuple[str, ...]] = ("accuracy", "macro_f1", "macro_precision", "macro_recall", "mcc")

    def __init__(self, labels: Sequence[str]) -> None:
        super().__init__(labels)
        if len(self.labels) < 2:
            raise ConfigError(f"Classification needs at least two labels; the training rows have {list(self.labels)}.")
        self.index = {label: number for number, label in enumerate(self.labels)}
        self.weights: Tensor | None = None

    def inputs(self, example: Example) -> list[tuple[str, ...]]:
        """One row with the one text."""
        return [example.texts]

    def head(self, width: int, hidden: int, dropout: float) -> nn.Module:
        """A classifier on the text vector."""
        return ClassificationHead(width, len(self.labels), hidden, dropout)

    def targets(self, example: Example, tokens: Tokens) -> Mapping[str, float]:
        """{"label": its number}; −100 (ignored by the loss) where the example has none."""
        return {"label": -100 if example.gold is None else self.index[str(example.gold)]}

    def weigh(self, examples: Sequence[Example]) -> None:
        """Weight of class k: n / (classes · nₖ), as scikit-learn's "balanced"."""
        counts = Counter(str(e.gold) for e in examples)
        total = sum(counts.values())
        self.weights = torch.tensor([total / (len(self.labels) * max(1, counts[label])) for label in self.labels])

    def loss(self, out: Tensor, batch: Batch) -> Tensor:
        """Mean cross-entropy; with class weights the sum of weighted terms over the number of examples."""
        gold = batch.targets["label"]
        if self.weights is None:
            return F.cross_entropy(out, gold)
        # Divided by the examples, not by the sum of their weights: so a step is the mean of its micro-batches exactly.
        weights = self.weights.to(out.device, out.dtype)
        return F.cross_entropy(out, gold, weight=weights, reduction="sum") / len(gold)

    def decode(self, out: Tensor) -> list[tuple[str | float, float, dict[str, float]]]:
        """The most probable label; logits (B, labels)."""
        rows = out.float().softmax(1).tolist()
        best = [max(range(len(row)), key=row.__getitem__) for row in rows]
        return [
            (self.labels[b], row[b], dict(zip(self.labels, row, strict=True)))
            for b, row in zip(best, rows, strict=True)
        ]

    def scores(self, predictions: Sequence[Prediction], examples: Sequence[Example]) -> dict[str, Any]:
        """Classification scores over the examples that have a gold label."""
        known = [(p, e) for p, e in zip(predictions, examples, strict=True) if e.gold is not None]
        return classification([str(e.gold) for _, e in known], [str(p.value) for p, _ in known], self.labels)
