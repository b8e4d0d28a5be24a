"""Scores of predicted labels against gold ones."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np


def confusion(gold: Sequence[str], predicted: Sequence[str], labels: Sequence[str]) -> np.ndarray:
    """(labels, labels) int64 counts; a row is a gold label, a column a predicted one."""
    index = {label: i for i, label in enumerate(labels)}
    table = np.zeros((len(labels), len(labels)), np.int64)
    np.add.at(table, ([index[g] for g in gold], [index[p] for p in predicted]), 1)
    return table


def mcc(table: np.ndarray) -> float:
    """Matthews' correlation in Gorodkin's form for any number of classes (2004, eq. 8); 0 where it is not defined.

    MCC = (c·n − Σ pₖ gₖ) / √((n² − Σ pₖ²)(n² − Σ gₖ²)), with c right of n, pₖ predicted and gₖ gold counts of class k.
    """
    return float(mcc_of(*(counts.astype(float) for counts in (np.diag(table), table.sum(0), table.sum(1)))))


def mcc_of(right: np.ndarray, said: np.ndarray, gold: np.ndarray) -> np.ndarray:
    """The same of counts by class, (…, classes)."""
    n = gold.sum(-1)
    below = (n * n - (said * said).sum(-1)) * (n * n - (gold * gold).sum(-1))
    found: np.ndarray = (right.sum(-1) * n - (said * gold).sum(-1)) / np.sqrt(np.where(below > 0, below, np.inf))
    return found


def share(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    """The part of a whole; it is 0 where both are."""
    return part / np.where(whole > 0, whole, 1)


def classification(gold: Sequence[str], predicted: Sequence[str], labels: Sequence[str]) -> dict[str, Any]:
    """Accuracy, macro and per-class precision, recall and F1, MCC, the confusion matrix, and the majority class beside.

    With exactly two labels also "f1": F1 of the second one (in GLUE's MRPC and QQP "1", the paraphrase).

    All are shares of 1 (MCC: −1 … 1). A class that is never predicted (or never gold) has precision (recall) 0; macro
    means run over the classes that occur among gold or predicted labels, as scikit-learn's do.
    """
    table = confusion(gold, predicted, labels)
    right, support, said = np.diag(table), table.sum(1), table.sum(0)
    precision, recall = share(right, said), share(right, support)
    f1 = share(2 * right, said + support)
    occurs = (said + support) > 0
    majority, count = Counter(gold).most_common(1)[0] if gold else ("", 0)
    return {
        "n": len(gold),
        "accuracy": float(right.sum() / max(1, len(gold))),
        "macro_precision": float(precision[occurs].mean()) if occurs.any() else 0.0,
        "macro_recall": float(recall[occurs].mean()) if occurs.any() else 0.0,
        "macro_f1": float(f1[occurs].mean()) if occurs.any() else 0.0,
        "mcc": mcc(table),
        **({"f1": float(f1[1])} if len(labels) == 2 else {}),
        "majority": {"label": majority, "accuracy": count / max(1, len(gold))},
        "per_class": {
            label: {"precision": float(p), "recall": float(r), "f1": float(f), "support": int(s)}
            for label, p, r, f, s in zip(labels, precision, recall, f1, support, strict=True)
        },
        "confusion": {"labels": list(labels), "rows_gold_columns_predicted": table.tolist()},
    }
