"""What every task is: which texts a row reads, the head, the targets, the loss, the decoding and the scores."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
from torch import Tensor, nn

from yeonma.errors import ConfigError
from yeonma.records import Batch, Example, Prediction, Tokens

Target = Mapping[str, float | np.ndarray]
"""What one row is trained towards: numbers, or arrays (T,) with one for each token."""

IGNORED = -100
"""The target of what the loss must not see: an unknown label, a special token, padding."""


class Task(ABC):
    """One shape of BERT's Figure 4.

    An example is read in one row or several (the endings of a choice, the windows of a long text), which stand in one
    batch when it is trained on. `labels` are the answers in order where there is a fixed set of them.

    roles    what the texts of an example are        parts  how many of them are read in one row
    windows  whether a long text is read in windows where the config names no stride, and not cut off; None: it never is
    metrics  the scores that can choose a model, the usual one first
    """

    kind: ClassVar[str]
    roles: ClassVar[tuple[str, ...]] = ("text",)
    parts: ClassVar[int] = 1
    windows: ClassVar[bool | None] = False
    metrics: tuple[str, ...]

    def __init__(
        self,
        labels: Sequence[str] = (),
        *,
        scale: tuple[float, float] | None = None,
        threshold: float | None = None,
        hidden: int = 0,
        dropout: float = 0.1,
        crf: bool = False,
        answer_tokens: int = 30,
    ) -> None:
        self.labels, self.scale, self.threshold = tuple(labels), scale, threshold
        self.hidden, self.dropout, self.crf, self.answer_tokens = hidden, dropout, crf, answer_tokens

    def settings(self) -> dict[str, Any]:
        """What the constructor takes beside the labels."""
        return {
            "scale": list(self.scale) if self.scale else None,
            "threshold": self.threshold,
            "hidden": self.hidden,
            "dropout": self.dropout,
            "crf": self.crf,
            "answer_tokens": self.answer_tokens,
        }

    def inputs(self, example: Example) -> list[tuple[str, ...]]:
        """The rows of texts an example is read in: one with all its texts."""
        return [example.texts]

    @abstractmethod
    def head(self, width: int) -> nn.Module:
        """The layers from `Encoded` to float32 scores."""

    @abstractmethod
    def targets(self, example: Example, windows: Sequence[Tokens]) -> list[Target]:
        """The gold answer in numbers, for each row of an example."""

    @abstractmethod
    def loss(self, out: Any, batch: Batch) -> Tensor:
        """The mean loss of a batch's examples."""

    @abstractmethod
    def read(self, out: Any, batch: Batch) -> list[Any]:
        """What the head says of each row, as plain numbers."""

    @abstractmethod
    def answer(self, example: Example, windows: Sequence[Tokens], found: Sequence[Any]) -> Prediction:
        """The answer to an example from what was read of its rows."""

    @abstractmethod
    def scores(self, predictions: Sequence[Prediction], examples: Sequence[Example]) -> dict[str, Any]:
        """The scores of predictions against gold answers, on characters and words, never on tokens."""

    def must_fit(self, texts: Sequence[str]) -> None:
        """See that these are the texts of an example.

        Raises: ConfigError.
        """
        if len(texts) != len(self.roles):
            came = f"{len(texts)} text{'s' * (len(texts) != 1)}"
            how = " On the command line a tab stands between them." if len(self.roles) > 1 else ""
            raise ConfigError(f"The task {self.kind!r} reads {' and '.join(self.roles)}; came {came}.{how}")

    def written(self, example: Example, answer: Any) -> str:
        """A gold or predicted answer as one line of text; "" where it is unknown."""
        return "" if answer is None else str(answer)

    def right(self, example: Example, prediction: Prediction) -> bool:
        """Whether the answer is the gold one."""
        return self.written(example, prediction.value) == self.written(example, example.gold)

    def row(self, example: Example, prediction: Prediction) -> dict[str, Any]:
        """An answered example as `yeonma predict` writes it."""
        texts = dict(zip((role.replace(" ", "_") for role in self.roles), example.texts, strict=False))
        return {**texts, "label": prediction.value, "score": prediction.score, "scores": dict(prediction.scores)}

    def weigh(self, examples: Sequence[Example]) -> None:
        """Weigh the classes by the inverse of how often they occur.

        Raises: ConfigError where the task has no classes.
        """
        raise ConfigError(f"train.class_weights: the task {self.kind!r} has no classes to weigh. Leave it out.")
