"""Choice: a premise and several endings, one of them right (SWAG, HellaSwag, COPA)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from yeonma.errors import ConfigError
from yeonma.records import Batch, Example, Prediction, Tokens
from yeonma.tasks import rows
from yeonma.tasks.heads import TextHead
from yeonma.tasks.scores import classification
from yeonma.tasks.task import IGNORED, Target, Task


class Choice(Task):
    """A row (premise, ending) for each ending; softmax over the scores of an example's rows, as in BERT for SWAG."""

    kind: ClassVar[str] = "choice"
    roles: ClassVar[tuple[str, ...]] = ("premise", "endings")
    parts: ClassVar[int] = 2
    windows: ClassVar[bool | None] = None
    metrics = ("accuracy",)

    def must_fit(self, texts: Sequence[str]) -> None:
        """A premise and two endings or more.

        Raises: ConfigError.
        """
        if len(texts) < 3:
            raise ConfigError(f"A choice reads a premise and at least two endings; came {len(texts)} texts.")

    def inputs(self, example: Example) -> list[tuple[str, ...]]:
        """The premise with each ending."""
        return [(example.texts[0], ending) for ending in example.texts[1:]]

    def head(self, width: int) -> nn.Module:
        """One score for each row."""
        return TextHead(width, 1, self.hidden, self.dropout)

    def targets(self, example: Example, windows: Sequence[Tokens]) -> list[Target]:
        """{"label": which ending is right, from 0} for every row."""
        return [{"label": IGNORED if example.gold is None else int(str(example.gold)) - 1}] * len(windows)

    def loss(self, out: Tensor, batch: Batch) -> Tensor:
        """Mean cross-entropy over the endings of each example."""
        return F.cross_entropy(
            rows.beside(out.squeeze(1), batch.items), rows.first(batch.targets["label"], batch.items)
        )

    def read(self, out: Tensor, batch: Batch) -> list[Any]:
        """The score of each row."""
        scores: list[Any] = out.float().squeeze(1).tolist()
        return scores

    def answer(self, example: Example, windows: Sequence[Tokens], found: Sequence[Any]) -> Prediction:
        """The number of the most probable ending, counted from 1."""
        shares = torch.tensor(found).softmax(0).tolist()
        best = max(range(len(shares)), key=shares.__getitem__)
        return Prediction(
            example.id, str(best + 1), shares[best], {str(n): share for n, share in enumerate(shares, start=1)}
        )

    def row(self, example: Example, prediction: Prediction) -> dict[str, Any]:
        """The premise, the endings, and the number of the right one, counted from 1."""
        row = super().row(example, prediction)
        return {**row, "endings": list(example.texts[1:]), "label": int(str(prediction.value))}

    def scores(self, predictions: Sequence[Prediction], examples: Sequence[Example]) -> dict[str, Any]:
        """Accuracy, beside that of the most frequent number of an ending."""
        known = [(str(e.gold), str(p.value)) for p, e in zip(predictions, examples, strict=True) if e.gold is not None]
        most = max((len(example.texts) - 1 for example in examples), default=2)
        labels = [str(number) for number in range(1, most + 1)]
        return classification([gold for gold, _ in known], [value for _, value in known], labels)
