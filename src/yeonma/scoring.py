"""Model + examples → predictions → scores."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from yeonma.batches import Prepared
from yeonma.model import Model
from yeonma.records import Example, Prediction, Progress, silent


def evaluate(
    model: Model, examples: Sequence[Example], prepared: Prepared | None = None, progress: Progress = silent
) -> tuple[dict[str, Any], list[Prediction]]:
    """Predict every example and score them; `prepared` saves tokenizing them again.

    The scores carry `truncated`, the number of examples that were longer than the model reads.
    """
    prepared = prepared or model.prepare(examples, progress)
    predictions = model.predictions(prepared, examples, progress)
    return {**model.task.scores(predictions, examples), "truncated": prepared.truncated}, predictions
