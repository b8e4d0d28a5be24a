"""What the scores are called, with their units; the ones that matter most first."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

NAMES: Mapping[str, str] = {
    "accuracy": "accuracy",
    "f1": "F1 of the second label",  # of numbers: of those that reach the threshold
    "macro_f1": "macro F1",
    "macro_precision": "macro precision",
    "macro_recall": "macro recall",
    "mcc": "MCC",
    "pearson": "Pearson",
    "spearman": "Spearman",
    "mae": "mean absolute error",
    "mse": "mean squared error",
    "squad_f1": "F1 (SQuAD, words)",
    "squad_em": "exact match (SQuAD)",
    "korquad_f1": "F1 (KorQuAD, characters)",
    "korquad_em": "exact match (KorQuAD)",
    "entity_f1": "entity F1 (micro)",
    "entity_precision": "entity precision",
    "entity_recall": "entity recall",
    "macro_entity_f1": "entity F1 (macro)",
    "character_f1": "character F1 (macro)",
}
"""All are shares of 1, but for correlations (from -1 to 1) and errors (in the unit of the labels)."""


def figures(scores: Mapping[str, Any]) -> dict[str, float]:
    """The scores that are single numbers, in the order of NAMES."""
    return {name: float(scores[name]) for name in NAMES if isinstance(scores.get(name), int | float)}


def baseline(scores: Mapping[str, Any]) -> tuple[str, float] | None:
    """What an answer that reads nothing would have had: the majority class's accuracy."""
    majority = scores.get("majority")
    return (majority["label"], majority["accuracy"]) if majority else None


def classes(scores: Mapping[str, Any]) -> Mapping[str, Mapping[str, float]]:
    """Precision, recall, F1 and support of every class or type of entity, where there are some."""
    found: Mapping[str, Mapping[str, float]] = scores.get("per_class") or scores.get("per_type") or {}
    return found
