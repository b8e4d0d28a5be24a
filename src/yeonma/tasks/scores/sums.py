"""Scores as functions of sums over examples: what each answer adds, and the score of such sums. So answers can swap."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from yeonma.correlation import ranks
from yeonma.records import Example, Prediction
from yeonma.tasks.scores.answers import NAMES as QUESTIONS
from yeonma.tasks.scores.answers import answers
from yeonma.tasks.scores.classification import mcc_of, share
from yeonma.tasks.scores.entities import character_tags

if TYPE_CHECKING:
    from yeonma.tasks.task import Task

CORRELATIONS = ("pearson", "spearman")
OF_SPANS = ("entity_f1", "entity_precision", "entity_recall", "macro_entity_f1")
OF_CLASSES = ("macro_f1", "macro_precision", "macro_recall", "mcc", "f1")
OF_TAGS = ("character_f1",)
COUNTED = (*OF_CLASSES, *OF_SPANS, *OF_TAGS)
"""What follows from how many answers of each kind (a class, a type, a tag) are right, are said and are gold."""


def added(metric: str, task: Task, examples: Sequence[Example], predictions: Sequence[Prediction]) -> np.ndarray:
    """What each answer adds to the sums of a metric of the task, (examples, sums); nothing where no gold one is known.

    Spearman's ranks are those within these answers.
    """
    unknown = (None, ()) if metric in QUESTIONS else (None,)
    known = np.array([example.gold not in unknown for example in examples])
    pairs = [pair for pair, there in zip(zip(examples, predictions, strict=True), known, strict=True) if there]
    if metric in CORRELATIONS:
        rows = _moments(metric, pairs)
    elif metric in COUNTED:
        rows = _counts(metric, task, pairs)
    else:
        rows = np.array([[_earned(metric, task, e, p), 1.0] for e, p in pairs])
    made = np.zeros((len(examples), *rows.shape[1:]))
    made[known] = rows
    return made.reshape(len(examples), -1)


def _earned(metric: str, task: Task, example: Example, prediction: Prediction) -> float:
    """1 or 0 for right or wrong; of a question the score of its answer."""
    if metric == "accuracy":
        return float(task.right(example, prediction))
    golds: Any = example.gold
    context = example.texts[-1]
    return float(answers([[context[span.start : span.end] for span in golds]], [str(prediction.value)])[metric])


def _moments(metric: str, pairs: Sequence[tuple[Example, Prediction]]) -> np.ndarray:
    """1, g, g², p, p² and g·p of each pair of numbers."""
    gold, said = np.array([[float(e.gold), float(p.value)] for e, p in pairs]).T  # type: ignore[arg-type]
    if metric == "spearman":
        gold, said = ranks(gold), ranks(said)
    # Smaller sums lose fewer digits, and a correlation is the same; of a constant nothing may be left.
    gold = gold - gold.mean() if np.ptp(gold) else np.zeros(len(gold))
    return np.stack([np.ones(len(gold)), gold, gold**2, said, said**2, gold * said], axis=1)


def _counts(metric: str, task: Task, pairs: Sequence[tuple[Example, Prediction]]) -> np.ndarray:
    """How many right, said and gold answers of each kind every example has, (examples, 3, kinds)."""
    tags = ["O", *(f"{border}-{label}" for label in task.labels for border in "BI")]
    index = {kind: i for i, kind in enumerate(tags if metric in OF_TAGS else task.labels)}
    table = np.zeros((len(pairs), 3, len(index) + 1))  # the last kind: one that the task does not know
    for row, (example, prediction) in enumerate(pairs):
        gold, said = _marks(metric, example, example.gold), _marks(metric, example, prediction.value)
        for place, marks in enumerate((gold & said, said, gold)):
            np.add.at(table[row, place], [index.get(kind, len(index)) for kind, *_ in marks], 1)
    return table


def _marks(metric: str, example: Example, answer: Any) -> set[tuple[Any, ...]]:
    """An answer as a set of kinds, each with its place."""
    if metric in OF_SPANS:
        return {(span.label, span.start, span.end) for span in answer}
    if metric in OF_TAGS:
        return {(tag, place) for place, tag in enumerate(character_tags([answer], example.texts))}
    return {(str(answer),)}


def score(metric: str, sums: np.ndarray) -> np.ndarray:
    """The metric of sums (…, sums)."""
    if metric in CORRELATIONS:
        return _correlation(*np.moveaxis(sums, -1, 0))
    if metric not in COUNTED:
        return share(sums[..., 0], sums[..., 1])
    right, said, gold = np.moveaxis(sums.reshape(*sums.shape[:-1], 3, -1), -2, 0)
    if metric == "mcc":
        return mcc_of(right, said, gold)
    below = {"precision": said, "recall": gold}.get(metric.rpartition("_")[2], (said + gold) / 2)
    if metric == "f1":
        return share(right[..., 1], below[..., 1])
    if metric.startswith("entity_"):
        return share(right.sum(-1), below.sum(-1))
    return share(share(right, below).sum(-1), ((said + gold) > 0).sum(-1))


def _correlation(n: Any, g: Any, gg: Any, p: Any, pp: Any, gp: Any) -> np.ndarray:
    """Pearson's r of sums; 0 where numbers lie closer than a millionth of their size: float32 has no more digits."""
    gold, said = n * gg - g * g, n * pp - p * p
    varies = (gold > 1e-12 * n * gg) & (said > 1e-12 * n * pp)
    below = np.sqrt(np.where(varies, gold, np.inf)) * np.sqrt(np.where(varies, said, np.inf))
    found: np.ndarray = (n * gp - g * p) / below
    return found
