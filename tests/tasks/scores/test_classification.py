"""Classification scores against hand-counted cases and against scikit-learn's formulas on random ones."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from yeonma.tasks.scores import classification, confusion, mcc

LABELS = ("a", "b", "c")
PAIRS = st.lists(st.tuples(st.sampled_from(LABELS), st.sampled_from(LABELS)), min_size=1, max_size=60)


def test_a_case_counted_by_hand():
    gold, predicted = ["a", "a", "a", "b"], ["a", "a", "b", "b"]
    s = classification(gold, predicted, ("a", "b"))
    assert s["n"] == 4
    assert s["accuracy"] == 0.75
    assert s["per_class"]["a"] == {"precision": 1.0, "recall": 2 / 3, "f1": 0.8, "support": 3}
    assert s["per_class"]["b"] == {"precision": 0.5, "recall": 1.0, "f1": pytest.approx(2 / 3), "support": 1}
    assert s["macro_f1"] == pytest.approx((0.8 + 2 / 3) / 2)
    assert s["mcc"] == pytest.approx((2 * 1 - 0 * 1) / np.sqrt(2 * 3 * 1 * 2))  # (TP·TN − FP·FN)/√…
    assert s["majority"] == {"label": "a", "accuracy": 0.75}
    assert s["f1"] == s["per_class"]["b"]["f1"]  # of the second of two labels
    assert s["confusion"]["rows_gold_columns_predicted"] == [[2, 1], [0, 1]]


def test_f1_of_the_second_label_stands_only_where_there_are_two():
    assert classification(["a", "b"], ["a", "a"], ("a", "b"))["f1"] == 0.0
    assert classification(["a", "b"], ["b", "b"], ("b", "a"))["f1"] == 0.0
    assert "f1" not in classification(["a", "b"], ["a", "b"], LABELS)


def test_one_class_only_and_nothing():
    assert classification(["a", "a"], ["a", "a"], ("a", "b"))["mcc"] == 0.0
    assert classification([], [], ("a", "b"))["accuracy"] == 0.0


@pytest.mark.filterwarnings("ignore:A single label was found")
@settings(deadline=None)  # scikit-learn is imported inside
@given(PAIRS)
def test_it_equals_scikit_learn(pairs):
    metrics = pytest.importorskip("sklearn.metrics")
    gold, predicted = zip(*pairs, strict=True)
    s = classification(gold, predicted, LABELS)
    present = sorted(set(gold) | set(predicted))
    p, r, f, _ = metrics.precision_recall_fscore_support(
        gold, predicted, labels=present, average="macro", zero_division=0
    )
    assert s["accuracy"] == pytest.approx(metrics.accuracy_score(gold, predicted))
    assert (s["macro_precision"], s["macro_recall"], s["macro_f1"]) == pytest.approx((p, r, f))
    assert mcc(confusion(gold, predicted, LABELS)) == pytest.approx(metrics.matthews_corrcoef(gold, predicted))
