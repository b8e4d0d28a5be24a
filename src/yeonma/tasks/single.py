"""Single sentence: one text, one label or number (SST-2, CoLA, NSMC, YNAT); a long text in windows that overlap."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from yeonma.records import Batch, Example, Prediction, Tokens
from yeonma.tasks import rows
from yeonma.tasks.classes import Classes
from yeonma.tasks.heads import TextHead
from yeonma.tasks.number import Number
from yeonma.tasks.task import Target, Task


class Single(Task):
    """A label, or with a `scale` a number, from the vector of a text; of a text in windows from their mean scores."""

    kind: ClassVar[str] = "single"

    def __init__(self, labels: Sequence[str] = (), **settings: Any) -> None:
        super().__init__(labels, **settings)
        self.aim = Number(self.scale, self.threshold) if self.scale else Classes(self.labels)
        self.metrics = self.aim.metrics

    def head(self, width: int) -> nn.Module:
        """Scores of the labels, or one for the number, from the text vector."""
        return TextHead(width, self.aim.outputs, self.hidden, self.dropout)

    def targets(self, example: Example, windows: Sequence[Tokens]) -> list[Target]:
        """{"label": its number} for every row."""
        return [{"label": self.aim.target(example.gold)}] * len(windows)

    def weigh(self, examples: Sequence[Example]) -> None:
        """Rare labels weigh more."""
        self.aim.weigh([example.gold for example in examples])

    def loss(self, out: Tensor, batch: Batch) -> Tensor:
        """Of the mean scores of each example's windows."""
        return self.aim.loss(rows.mean(out, batch.items), rows.first(batch.targets["label"], batch.items))

    def read(self, out: Tensor, batch: Batch) -> list[Any]:
        """The scores of each row."""
        return list(out.float().cpu())

    def answer(self, example: Example, windows: Sequence[Tokens], found: Sequence[Any]) -> Prediction:
        """The most probable label, or the number."""
        return Prediction(example.id, *self.aim.answer(torch.stack([*found]).mean(0)))

    def written(self, example: Example, answer: Any) -> str:
        """A label, or a number with four digits."""
        return super().written(example, answer) if not self.scale or answer is None else f"{float(answer):.4g}"

    def scores(self, predictions: Sequence[Prediction], examples: Sequence[Example]) -> dict[str, Any]:
        """Scores over the examples that have a gold answer."""
        known = [(e.gold, p.value) for p, e in zip(predictions, examples, strict=True) if e.gold is not None]
        return self.aim.scores([gold for gold, _ in known], [value for _, value in known])
