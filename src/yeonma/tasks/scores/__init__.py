"""The scores of every task: pure functions of gold and predicted answers, each figure with its unit."""

from __future__ import annotations

from yeonma.tasks.scores.answers import answers
from yeonma.tasks.scores.classification import classification, confusion, mcc
from yeonma.tasks.scores.entities import entities, spans_of, tags_of
from yeonma.tasks.scores.regression import regression

__all__ = ["answers", "classification", "confusion", "entities", "mcc", "regression", "spans_of", "tags_of"]
