"""What flows through the house: frozen records without behaviour."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor


class Span(NamedTuple):
    """Characters start … end−1 of `texts[text]` of an example, with a label."""

    start: int
    end: int
    label: str = ""
    text: int = 0


class Piece(NamedTuple):
    """One token as a tokenizer gives it: its form, and the characters of the original text it stands for.

    The form need not equal `text[start:end]`: a morpheme may be restored (끌려 → 끌리/어), a text may be decomposed.
    """

    form: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Example:
    """One labelled item: its texts, and the gold answer on characters (None where it is unknown)."""

    id: str
    texts: tuple[str, ...]
    gold: str | float | tuple[Span, ...] | None = None


@dataclass(frozen=True, slots=True)
class Tokens:
    """One encoded row (or one window of a long row): what an encoder reads.

    ids      (T,) int64 rows of the encoder's table
    offsets  (T, 2) int32 characters of the original text
    part     (T,) int8 which text of the row a token belongs to; −1 for a special token
    row      which of the tokenized rows this is a window of
    cut      how many tokens of the row were left out
    start    where the window begins among the tokens of the row's last text
    characters  (T, 16) int32 rows of the encoder's table of characters, where it has one
    words       (T, 4) int32 rows of a second table, of words that share a token's characters, where there is one
    states      (T, width) float16 what frozen lower layers made of the tokens, where that is kept
    ngrams      (U, n) int32 rows of a table of n-grams, for each of the tokens that stands for an unknown word
    features    (F,) int32 rows of a table of n-grams, of the whole row, where it is also read by a linear model
    """

    ids: np.ndarray
    offsets: np.ndarray
    part: np.ndarray
    row: int = 0
    cut: int = 0
    start: int = 0
    characters: np.ndarray | None = None
    words: np.ndarray | None = None
    states: np.ndarray | None = None
    ngrams: np.ndarray | None = None
    features: np.ndarray | None = None


@dataclass(frozen=True, slots=True)
class Batch:
    """Rows of one step, padded to the longest: `inputs` for the encoder, `targets` for the task.

    mask   (B, T) bool, True on real tokens
    part   (B, T) int8 as in Tokens, −1 on padding
    items  (B,) int64 which example each row came from
    """

    inputs: Mapping[str, Tensor]
    mask: Tensor
    part: Tensor
    targets: Mapping[str, Tensor]
    items: Tensor


class Encoded(NamedTuple):
    """An encoder's output: tokens (B, T, width) or None, pooled (B, width) or None."""

    tokens: Tensor | None
    pooled: Tensor | None


class Prediction(NamedTuple):
    """A decoded answer.

    value   a label, the number of an ending ("1", "2", …), a number, the text of an answer, or the spans of a tagging
    score   its probability; of a tagging the mean over the tokens of its spans, of a number 1
    scores  the probability of every label or ending, or of the likeliest answers
    spans   the characters that a tagging or an answer stands for
    """

    id: str
    value: str | float | tuple[Span, ...]
    score: float
    scores: Mapping[str, float] = {}
    spans: tuple[Span, ...] = ()


@dataclass(frozen=True, slots=True)
class Stepped:
    """One update was made. Losses are means over the examples since the last such event."""

    step: int
    epoch: int
    loss: float
    learning_rate: float
    grad_norm: float
    examples: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Evaluated:
    """The model was scored on the validation examples; `metric` names the score that chooses between models."""

    step: int
    epoch: int
    scores: Mapping[str, Any]
    best: bool
    seconds: float
    metric: str = "accuracy"


@dataclass(frozen=True, slots=True)
class Saved:
    """A checkpoint stands on disk."""

    step: int
    folder: str


@dataclass(frozen=True, slots=True)
class Finished:
    """Training ended: `reason` is "done", "early stop" or "interrupted"."""

    step: int
    reason: str
    best_step: int
    best_score: float | None
    seconds: float


Event = Stepped | Evaluated | Saved | Finished


@dataclass(frozen=True, slots=True)
class Rejected:
    """A row that was left out, and why."""

    file: str
    line: int
    reason: str
    row: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Dataset:
    """The examples of the splits on hand ("train", "valid", "test"), their labels in order, and the rejected rows.

    sources says for each split where it came from; metric names the score that chooses between models; scale is the
    lowest and highest number of a regression, None where the gold answers are no numbers; from threshold on a number
    counts as positive.
    """

    name: str
    splits: Mapping[str, Sequence[Example]]
    labels: tuple[str, ...] = ()
    rejected: Sequence[Rejected] = ()
    sources: Mapping[str, str] = field(default_factory=dict)
    metric: str = "accuracy"
    scale: tuple[float, float] | None = None
    threshold: float | None = None


Progress = Callable[[str, int, int | None, str], None]
"""How long work reports: (what is being done, how much is done, of how much or None, unit). Must be cheap."""


def silent(what: str, done: int, total: int | None, unit: str) -> None:
    """The Progress that shows nothing."""
