"""What each side answered to every scored row, packed small, and whether the one side is worse than the other."""

from __future__ import annotations

import base64
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any

import numpy as np

from yeonma.correlation import pearson, spearman
from yeonma.records import Dataset, Example, Prediction
from yeonma.tasks.scores import answers
from yeonma.tasks.scores.classification import mcc

DRAWS = 4999
RESAMPLES = 999
STEPS = 10_000  # of a number's scale, and of a question's F1

Metric = Callable[[np.ndarray, np.ndarray], float]
"""(gold, answered), one entry of each for every row, → the score."""


def packed(values: np.ndarray) -> str:
    """Small whole numbers as text: little-endian, uint8 or int16 as they came, deflated, in base 85."""
    return base64.b85encode(zlib.compress(values.tobytes(), 9)).decode()


def unpacked(text: str, kind: str, width: int) -> np.ndarray:
    """What was packed: (rows,) or (rows, width)."""
    flat = np.frombuffer(zlib.decompress(base64.b85decode(text)), kind).astype(np.int64)
    return flat.reshape(-1, width) if width > 1 else flat


class Outcomes:
    """How the answers to a task's rows are written as whole numbers, and scored from them by the data set's metric.

    single, pair, choice   the label's or the ending's number, from 0
    a number on a scale    where it stands on the scale, in ten thousandths
    qa                     the F1 of each question by the data set's metric, in ten thousandths
    tagging                for each type how many entities were found, and how many of them were right
    """

    def __init__(self, task: str, metric: str, dataset: Dataset) -> None:
        self.task, self.metric, self.labels, self.scale = task, metric, dataset.labels, dataset.scale
        self.examples: Sequence[Example] = dataset.splits["test"]
        self.kind = "<i2" if self.scale or task == "qa" else "u1"
        self.width = 2 * len(self.labels) if task == "tagging" else 1
        self.gold = np.array([self._gold(example) for example in self.examples])

    def pack(self, predictions: Sequence[Prediction]) -> str:
        """The answers as text."""
        rows = [self._answer(e, p) for e, p in zip(self.examples, predictions, strict=True)]
        return packed(np.array(rows).astype(self.kind))

    def unpack(self, text: str) -> np.ndarray:
        """The answers, one entry for every row."""
        return unpacked(text, self.kind, self.width)

    def _gold(self, example: Example) -> Any:
        if self.task == "qa":
            return 0  # the F1 knows it already
        if self.task == "tagging":
            return [sum(s.label == label for s in example.gold) for label in self.labels]
        if self.scale:
            return float(example.gold)
        return int(str(example.gold)) - 1 if self.task == "choice" else self.labels.index(example.gold)

    def _answer(self, example: Example, prediction: Prediction) -> Any:
        if self.task == "qa":
            return round(STEPS * _f1(self.metric, example, str(prediction.value)))
        if self.task == "tagging":
            return _counts(example, prediction, self.labels)
        if self.scale:
            low, high = self.scale
            return round(STEPS * min(3.0, max(-3.0, (float(prediction.value) - low) / (high - low))))
        value = str(prediction.value)
        return int(value) - 1 if self.task == "choice" else self.labels.index(value)

    def score(self, said: np.ndarray, rows: np.ndarray | slice = slice(None)) -> float:
        """The metric of some rows."""
        gold, said = self.gold[rows], said[rows]
        if self.task == "qa":
            return float(said.mean()) / STEPS
        if self.task == "tagging":
            return _entity_f1(gold.sum(0), said.sum(0), macro=self.metric == "macro_entity_f1")
        if self.scale:
            return pearson(gold, said) if self.metric == "pearson" else spearman(gold, said)
        return _of_labels(gold, said, self.metric, max(2, len(self.labels)))


def _f1(metric: str, example: Example, said: str) -> float:
    golds = [example.texts[1][span.start : span.end] for span in example.gold]
    return float(answers([golds], [said])[metric])


def _counts(example: Example, prediction: Prediction, labels: Sequence[str]) -> list[int]:
    gold = {span[:3] for span in example.gold}
    said = {span[:3] for span in prediction.spans}
    return [sum(span[2] == label for span in found) for found in (said, said & gold) for label in labels]


def _entity_f1(gold: np.ndarray, counts: np.ndarray, macro: bool) -> float:
    said, right = np.split(counts, 2)
    if not macro:
        return float(2 * right.sum() / max(1, said.sum() + gold.sum()))
    there = said + gold > 0
    return float((2 * right[there] / (said + gold)[there]).mean())


def _of_labels(gold: np.ndarray, said: np.ndarray, metric: str, many: int) -> float:
    if metric == "accuracy":
        return float((gold == said).mean())
    table = np.bincount(gold * many + said, minlength=many * many).reshape(many, many)
    if metric == "mcc":
        return mcc(table)
    there = table.sum(0) + table.sum(1)
    each = 2 * np.diag(table) / np.maximum(1, there)
    return float(each[1] if metric == "f1" else each[there > 0].mean())


@dataclass(frozen=True)
class Comparison:
    """The one side against the other, over the same rows.

    difference  mean score of ours over the seeds, less that of the reference
    error       its standard error: rows (paired bootstrap) and seeds (sample variance / seeds, of each side) together
    worse       one-sided p of "ours is worse", these seeds taken as they are: paired randomisation over the rows
    worse_both  the same with rows and seeds both drawn at random: difference / error against the normal distribution
    """

    difference: float
    error: float
    worse: float
    worse_both: float


def compared(outcomes: Outcomes, ours: Sequence[np.ndarray], reference: Sequence[np.ndarray]) -> Comparison:
    """Compare runs of two sides; each run is the answers to the same rows.

    Paired randomisation (Noreen 1989; Yeh 2000): were the sides alike, a row's answers of all seeds could be swapped
    between them; `worse` is the share of 4,999 random swappings whose difference is as low as the one found, which
    itself is counted as one more.
    """
    difference = _difference(outcomes, ours, reference)
    random = np.random.default_rng(4)
    a, b = np.stack([*ours]), np.stack([*reference])
    low = 0
    for _ in range(DRAWS):
        swap = (random.random(a.shape[1]) < 0.5).reshape(1, -1, *[1] * (a.ndim - 2))
        low += _difference(outcomes, np.where(swap, b, a), np.where(swap, a, b)) <= difference + 1e-12
    draws = [random.integers(0, a.shape[1], a.shape[1]) for _ in range(RESAMPLES)]
    of_rows = np.var([_difference(outcomes, a, b, rows) for rows in draws], ddof=1)
    of_seeds = sum(np.var([outcomes.score(run) for run in side], ddof=1) / len(side) for side in (ours, reference))
    error = float(np.sqrt(of_rows + of_seeds))
    both = NormalDist().cdf(difference / error) if error else 0.5
    return Comparison(difference, error, (low + 1) / (DRAWS + 1), both)


def _difference(outcomes: Outcomes, ours: Any, reference: Any, rows: np.ndarray | slice = slice(None)) -> float:
    means = [np.mean([outcomes.score(run, rows) for run in side]) for side in (ours, reference)]
    return float(means[0] - means[1])
