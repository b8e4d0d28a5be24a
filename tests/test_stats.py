"""Intervals cover, tests reject as rarely as they say: known cases by hand, and simulations with a known truth."""

import itertools
import math

import numpy as np
import pytest
from scipy import stats as reference

from yeonma import stats

DRAWS = 2000


def test_an_interval_by_hand():
    found = stats.interval([1.0, 2.0, 3.0])
    assert found.mean == 2
    assert found.sd == 1
    assert found.high - 2 == pytest.approx(4.302653 / math.sqrt(3), abs=1e-5)  # t with 2 degrees of freedom
    assert 2 - found.low == pytest.approx(found.high - 2)


def test_one_value_says_nothing_of_the_spread():
    found = stats.interval([0.5])
    assert (found.mean, found.low, found.high, found.n) == (0.5, -math.inf, math.inf, 1)
    with pytest.raises(ValueError, match="at least one value"):
        stats.interval([])


def share(successes):
    return sum(successes) / DRAWS


def within(found, expected):
    """Whether a share of DRAWS draws is within four standard errors of what it should be."""
    return abs(found - expected) < 4 * math.sqrt(expected * (1 - expected) / DRAWS)


@pytest.mark.parametrize("n", [2, 3, 5, 10])
def test_the_interval_covers_the_truth_as_often_as_it_says(n):
    rng = np.random.default_rng(n)
    found = [stats.interval(rng.normal(0.8, 0.01, n)) for _ in range(DRAWS)]
    assert within(share(each.low <= 0.8 <= each.high for each in found), 0.95)


def test_the_paired_test_is_scipys():
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(2, 6))
    assert stats.paired_t(a, b) == pytest.approx(reference.ttest_rel(a, b).pvalue)


@pytest.mark.parametrize("n", [3, 5])
def test_the_paired_test_rejects_a_true_null_as_rarely_as_it_says(n):
    rng = np.random.default_rng(n)
    seeds = rng.normal(0.8, 0.02, (DRAWS, n))  # what a seed does to both
    ones, others = seeds + rng.normal(0, 0.005, (2, DRAWS, n))
    assert within(share(stats.paired_t(a, b) <= 0.05 for a, b in zip(ones, others, strict=True)), 0.05)


def test_the_grain_of_a_small_test_set_keeps_equal_differences_from_being_certain():
    assert stats.paired_t([0.75, 0.80], [0.74, 0.79], grain=0.01) == pytest.approx(0.178, abs=0.001)
    assert stats.paired_t([0.5, 0.5], [0.5, 0.5], grain=0.01) == 1
    a, b = [0.3, 0.5, 0.9], [0.1, 0.4, 0.2]
    assert stats.paired_t(a, b, grain=0.01) == stats.paired_t(a, b)


@pytest.mark.parametrize("n", [50, 200])
def test_on_few_examples_and_two_seeds_a_true_null_is_seldom_rejected(n):
    """Shares of n right answers, of two runs that are alike: without a grain about one in n pairs is certain."""
    draw = np.random.default_rng(3)
    shares = draw.binomial(n, 0.8, (2000, 2, 2)) / n
    rejected = [stats.paired_t(one, other, grain=1 / n) <= 0.05 for one, other in shares]
    assert share(rejected) <= 0.06


def test_equal_differences_leave_nothing_to_chance():
    assert stats.paired_t([1, 2, 3], [1, 2, 3]) == 1
    assert stats.paired_t([2, 3, 4], [1, 2, 3]) == 0
    with pytest.raises(ValueError, match="two pairs"):
        stats.paired_t([1], [2])


def test_holm_by_hand():
    assert stats.holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert stats.holm([]) == []
    assert stats.holm([0.9, 0.8]) == [1, 1]


def test_holm_keeps_the_chance_of_any_wrong_rejection():
    rng = np.random.default_rng(1)
    families = rng.random((DRAWS, 8))
    assert within(share(min(stats.holm(list(ps))) <= 0.05 for ps in families), 1 - (1 - 0.05 / 8) ** 8)


def total(sums):
    return sums[..., 0]


def test_the_permutation_test_counts_all_swappings_of_a_small_case():
    p = stats.permutation(np.ones((4, 1)), np.zeros((4, 1)), total, draws=20_000)
    assert p == pytest.approx(2 / 16, abs=0.02)  # all one way, of 2⁴ ways
    assert stats.permutation(np.eye(2), np.eye(2), total) == 1


def test_the_permutation_test_swaps_answers_and_scores_them_again():
    """F1 of counts: all 2⁵ swappings by hand."""
    rng = np.random.default_rng(4)
    ones, others = rng.integers(0, 4, (2, 5, 3)).astype(float)

    def f1(sums):
        return 2 * sums[..., 0] / (sums[..., 1] + sums[..., 2] + 1)

    ways = [np.array(way)[:, None] for way in itertools.product([False, True], repeat=5)]
    apart = [abs(f1(np.where(w, others, ones).sum(0)) - f1(np.where(w, ones, others).sum(0))) for w in ways]
    expected = np.mean(np.array(apart) >= apart[0] * (1 - 1e-12))
    assert stats.permutation(ones, others, f1, draws=20_000) == pytest.approx(expected, abs=0.02)


def test_the_permutation_test_rejects_a_true_null_as_rarely_as_it_says():
    rng = np.random.default_rng(2)
    hard = rng.random((DRAWS, 200))  # how hard an example is, for both runs
    ones, others = rng.random((2, DRAWS, 200)) < hard
    pairs = enumerate(zip(ones[..., None], others[..., None], strict=True))
    found = [stats.permutation(a, b, total, draws=199, seed=i) for i, (a, b) in pairs]
    rejected = share(p <= 0.05 for p in found)
    assert rejected <= 0.05 + 4 * math.sqrt(0.05 * 0.95 / DRAWS)  # ties make it a little shy
    assert rejected > 0.02


def test_what_seeds_can_show_they_show():
    effect = stats.detectable(5, 1)
    rng = np.random.default_rng(3)
    differences = rng.normal(effect, 1, (DRAWS, 5))
    assert within(share(stats.paired_t(d, np.zeros(5)) <= 0.05 for d in differences), 0.8)
    assert stats.detectable(3, 8) > stats.detectable(5, 8) > stats.detectable(5, 1) > stats.detectable(10, 1)
    assert stats.detectable(1, 1) == math.inf


def test_wilsons_interval_by_hand():
    found = stats.wilson(8, 10)
    assert (found.mean, found.n, found.sd) == (0.8, 10, pytest.approx(0.4))
    known = reference.binomtest(8, 10).proportion_ci(0.95, method="wilson")
    assert (found.low, found.high) == pytest.approx((known.low, known.high))
    assert stats.wilson(10, 10).low == pytest.approx(10 / (10 + 1.959964**2))
    assert stats.wilson(10, 10).high == pytest.approx(1)
    assert stats.wilson(0, 10).low == pytest.approx(0)
    with pytest.raises(ValueError, match="at least one example"):
        stats.wilson(0, 0)


@pytest.mark.parametrize(("n", "truth"), [(40, 0.5), (100, 0.9), (1000, 0.97)])
def test_wilsons_interval_covers_the_truth_as_often_as_it_says(n, truth):
    """As often as counting all outcomes says, which is near to 95 %: a share of n has n + 1 values."""
    intervals = [stats.wilson(right, n) for right in range(n + 1)]
    covers = np.array([each.low <= truth <= each.high for each in intervals])
    exact = float(reference.binom.pmf(np.arange(n + 1), n, truth) @ covers)
    assert abs(exact - 0.95) < 0.02
    drawn = np.random.default_rng(n).binomial(n, truth, DRAWS)
    assert within(share(covers[drawn]), exact)


def test_the_bootstrap_is_of_the_mean():
    values = np.random.default_rng(4).normal(3, 1, 400)
    found, student = stats.bootstrap(values), stats.interval(values)
    assert (found.mean, found.sd, found.n) == (student.mean, student.sd, 400)
    assert (found.low, found.high) == pytest.approx((student.low, student.high), abs=0.02)
    assert found == stats.bootstrap(values)
    assert found != stats.bootstrap(values, seed=1)
    assert stats.bootstrap([2.0])[:3] == (2, -math.inf, math.inf)
    with pytest.raises(ValueError, match="at least one value"):
        stats.bootstrap([])


def test_the_bootstrap_covers_the_truth_nearly_as_often_as_it_says():
    rng = np.random.default_rng(5)
    earned = rng.beta(0.6, 0.3, (DRAWS, 60))  # F1 of answers: mostly near 0 or 1
    found = [stats.bootstrap(values, draws=399, seed=i) for i, values in enumerate(earned)]
    assert 0.92 < share(each.low <= 2 / 3 <= each.high for each in found) < 0.96
