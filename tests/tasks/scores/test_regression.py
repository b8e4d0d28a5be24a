"""Correlations and errors against a case worked by hand and against scipy's on random numbers with ties."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from yeonma.tasks.scores import regression

# Few values, so that ties are common; quarters, so that means are exact and nothing is nearly constant.
NUMBERS = st.lists(st.tuples(st.integers(0, 20), st.integers(0, 20)), min_size=2, max_size=40)


def test_a_case_worked_by_hand():
    s = regression([0, 2, 4, 4], [1, 2, 3, 6], threshold=3.0)
    assert s["n"] == 4
    # gold − 2.5 = (−2.5, −.5, 1.5, 1.5), predicted − 3 = (−2, −1, 0, 3): 10 / √(11 · 14)
    assert s["pearson"] == pytest.approx(10 / np.sqrt(11 * 14))
    # ranks (1, 2, 3.5, 3.5) and (1, 2, 3, 4), both less 2.5: 4.5 / √(4.5 · 5)
    assert s["spearman"] == pytest.approx(4.5 / np.sqrt(4.5 * 5))
    assert s["mse"] == (1 + 0 + 1 + 4) / 4
    assert s["mae"] == (1 + 0 + 1 + 2) / 4
    assert s["f1"] == 1.0
    assert s["mean"] == {"value": 2.5, "mse": 11 / 4}


def test_f1_counts_from_the_threshold_itself():
    # gold above: 2nd and 3rd; predicted: 3rd and 4th; one in common
    assert regression([1, 3.0, 5, 2], [1, 2.9, 3.0, 4], threshold=3.0)["f1"] == 0.5
    assert regression([1, 2], [1, 2], threshold=3.0)["f1"] == 0.0
    assert "f1" not in regression([1, 2], [1, 2])


@pytest.mark.parametrize("constant", [0.1, 1e9 + 0.1])
def test_a_constant_correlates_with_nothing(constant):
    s = regression([1, 2, 4], [constant] * 3)
    assert (s["pearson"], s["spearman"]) == (0.0, 0.0)
    assert regression([constant] * 3, [1, 2, 4])["pearson"] == 0.0


def test_one_and_none():
    assert regression([3], [4]) == {
        **{"n": 1, "pearson": 0.0, "spearman": 0.0, "mse": 1.0, "mae": 1.0},
        "mean": {"value": 3.0, "mse": 0.0},
    }
    nothing = regression([], [], threshold=1.0)
    assert (nothing["n"], nothing["mse"], nothing["f1"]) == (0, 0.0, 0.0)


def test_more_predictions_than_gold_is_refused():
    with pytest.raises(ValueError, match="shape"):
        regression([1, 2], [1, 2, 3])


@settings(deadline=None)  # scipy is imported inside
@given(NUMBERS)
def test_it_equals_scipy(pairs):
    stats = pytest.importorskip("scipy.stats")
    gold, predicted = (np.array(side) / 4 for side in zip(*pairs, strict=True))
    assume(np.ptp(gold) > 0 and np.ptp(predicted) > 0)
    s = regression(gold.tolist(), predicted.tolist())
    assert s["pearson"] == pytest.approx(stats.pearsonr(gold, predicted)[0])
    assert s["spearman"] == pytest.approx(stats.spearmanr(gold, predicted)[0])
    assert s["mean"]["mse"] == pytest.approx(np.mean((gold - gold.mean()) ** 2))
