"""Model + examples → predictions → scores, and which of these chooses between models."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from yeonma.batches import Prepared
from yeonma.errors import ConfigError, nearest
from yeonma.model import Model
from yeonma.records import Dataset, Example, Prediction, Progress, silent
from yeonma.tasks import Task


def evaluate(
    model: Model, examples: Sequence[Example], prepared: Prepared | None = None, progress: Progress = silent
) -> tuple[dict[str, Any], list[Prediction]]:
    """Predict every example and score them; `prepared` saves tokenizing them again.

    The scores carry `truncated`, the number of examples that were longer than the model reads.
    """
    prepared = prepared or model.prepare(examples, progress)
    predictions = model.predictions(prepared, examples, progress)
    return {**model.task.scores(predictions, examples), "truncated": prepared.truncated}, predictions


def metric_of(wanted: str | None, dataset: Dataset, task: Task) -> str:
    """The score that chooses between models: the wanted one, else the data set's own, else the task's usual one.

    Raises: ConfigError for a score that the task does not have.
    """
    metric = wanted or (dataset.metric if dataset.metric in task.metrics else task.metrics[0])
    if metric not in task.metrics:
        raise ConfigError(f"train.metric: there is no score called {metric!r}.{nearest(metric, task.metrics)}")
    return metric
