"""What every task is: which texts a row reads, the head, the targets, the loss, the decoding and the scores."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from torch import Tensor, nn

from yeonma.records import Batch, Example, Prediction, Tokens


class Task(ABC):
    """One shape of BERT's Figure 4. `labels` are its answers in order, where it has a fixed set of them."""

    kind: ClassVar[str]
    metrics: ClassVar[tuple[str, ...]]

    def __init__(self, labels: Sequence[str]) -> None:
        self.labels = tuple(labels)

    @abstractmethod
    def inputs(self, example: Example) -> list[tuple[str, ...]]:
        """The rows of texts an example is read in."""

    @abstractmethod
    def head(self, width: int, hidden: int, dropout: float) -> nn.Module:
        """The layers from `Encoded` to scores."""

    @abstractmethod
    def targets(self, example: Example, tokens: Tokens) -> Mapping[str, float]:
        """The gold answer in numbers, for one row."""

    @abstractmethod
    def loss(self, out: Tensor, batch: Batch) -> Tensor:
        """The mean loss of a batch's examples."""

    @abstractmethod
    def decode(self, out: Tensor) -> list[tuple[str | float, float, dict[str, float]]]:
        """(value, its probability, the probability of every label) for each row."""

    @abstractmethod
    def scores(self, predictions: Sequence[Prediction], examples: Sequence[Example]) -> dict[str, Any]:
        """The scores of predictions against gold answers, on characters and words, never on tokens."""

    @abstractmethod
    def weigh(self, examples: Sequence[Example]) -> None:
        """Weigh the classes by the inverse of how often they occur.

        Raises: ConfigError where the task has no classes.
        """
