"""Intervals and tests for the scores of a few seeds, and for two models' answers to the same examples."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from statistics import NormalDist
from typing import NamedTuple

import numpy as np

DRAWS = 9999
_BLOCK = 1 << 21  # signs drawn at a time


class Interval(NamedTuple):
    """A mean and the interval around it; both ends are ±∞ where one value says nothing of the spread."""

    mean: float
    low: float
    high: float
    sd: float
    n: int


def interval(values: Sequence[float], level: float = 0.95) -> Interval:
    """Student's t interval for the mean over seeds: x̄ ± t · s / √n, s the sample standard deviation (Student 1908).

    It covers the mean of all seeds in a share `level` of all experiments, if scores are about normal.
    Raises: ValueError for no value.
    """
    from scipy.stats import t

    def ends(xs: np.ndarray) -> tuple[float, float]:
        reach = float(t.ppf(0.5 + level / 2, len(xs) - 1)) * xs.std(ddof=1) / math.sqrt(len(xs))
        return float(xs.mean() - reach), float(xs.mean() + reach)

    return _around_mean(values, ends)


def wilson(right: int, n: int, level: float = 0.95) -> Interval:
    """Wilson's interval for a share of examples (1927): all p with |right/n − p| ≤ z · √(p (1 − p) / n).

    It lies within 0 and 1, and says something of the spread where all are right, too. `mean` is right / n, `sd` that of
    one example, √(mean (1 − mean)).
    Raises: ValueError for no example.
    """
    if n < 1:
        raise ValueError("a share needs at least one example")
    mean, z = right / n, NormalDist().inv_cdf(0.5 + level / 2)
    middle, scale = mean + z * z / (2 * n), 1 + z * z / n
    reach = z * math.sqrt(mean * (1 - mean) / n + (z / (2 * n)) ** 2)
    return Interval(mean, (middle - reach) / scale, (middle + reach) / scale, math.sqrt(mean * (1 - mean)), n)


def bootstrap(values: Sequence[float], draws: int = 1999, seed: int = 0, level: float = 0.95) -> Interval:
    """The percentile interval of a mean over examples (Efron 1979; Efron & Tibshirani 1993, ch. 13).

    values  what each example earned: F1, an absolute error
    Between quantiles of the means of `draws` samples of n values, drawn with replacement. For few or very skewed values
    it is somewhat too narrow; one value says nothing of the spread, so both ends are ±∞ then.
    Raises: ValueError for no value.
    """

    def ends(xs: np.ndarray) -> tuple[float, float]:
        rng, step = np.random.default_rng(seed), max(1, _BLOCK // len(xs))
        sizes = [min(step, draws - start) for start in range(0, draws, step)]
        means = np.concatenate([xs[rng.integers(0, len(xs), (size, len(xs)))].mean(1) for size in sizes])
        low, high = np.quantile(means, [0.5 - level / 2, 0.5 + level / 2]).tolist()
        return low, high

    return _around_mean(values, ends)


def _around_mean(values: Sequence[float], ends: Callable[[np.ndarray], tuple[float, float]]) -> Interval:
    """The mean of values and the ends that two or more of them give."""
    xs = np.asarray(values, np.float64)
    if not len(xs):
        raise ValueError("an interval needs at least one value")
    if len(xs) == 1:
        return Interval(float(xs[0]), -math.inf, math.inf, math.nan, 1)
    return Interval(float(xs.mean()), *ends(xs), float(xs.std(ddof=1)), len(xs))


def paired_t(ones: Sequence[float], others: Sequence[float], grain: float = 0.0) -> float:
    """Two-sided p of Student's paired t-test; scores of one seed stand at one place of both.

    grain  the smallest difference that two scores can have: 1 / n for the share of n examples that are right. The
           sample deviation counts as at least grain / √6, that of the difference of two rounded numbers: few seeds on a
           small test set often give the very same difference, which does not mean that nothing is left to chance
    p is 1 where all differences are 0, and without a grain 0 where they are equal and not 0.
    Raises: ValueError for unequal lengths or fewer than two pairs.
    """
    from scipy.stats import t

    differences = np.subtract(ones, others, dtype=np.float64)
    n = len(differences)
    if n < 2:
        raise ValueError("a paired test needs at least two pairs")
    mean = float(differences.mean())
    error = max(float(differences.std(ddof=1)), grain / math.sqrt(6)) / math.sqrt(n)
    if error <= 1e-12 * abs(mean):
        return 0.0 if mean else 1.0
    return float(2 * t.sf(abs(mean) / error, n - 1))


def holm(ps: Sequence[float]) -> list[float]:
    """Holm's adjusted p-values (1979): of the i-th smallest (m − i + 1) · p, at least those before it, at most 1.

    Rejecting what is at most α after it keeps the chance of any wrong rejection at α, however the tests hang together.
    """
    adjusted, highest = [0.0] * len(ps), 0.0
    for place, i in enumerate(sorted(range(len(ps)), key=ps.__getitem__)):
        highest = max(highest, min(1.0, (len(ps) - place) * ps[i]))
        adjusted[i] = highest
    return adjusted


def permutation(
    ones: np.ndarray,
    others: np.ndarray,
    score: Callable[[np.ndarray], np.ndarray],
    draws: int = DRAWS,
    seed: int = 0,
) -> float:
    """Two-sided p of the paired permutation test over examples, for these runs (Fisher 1935; Noreen 1989; Yeh 2000).

    ones, others  (examples, sums): what each run's answer to each example adds to the sums that its score follows from
    score         sums (…, sums) → scores (…)
    Were the runs alike, their answers to an example could be swapped. p is the share of `draws` random swappings after
    which the scores are as far apart as those found, which themselves are counted as one more.
    Raises: ValueError for unequal lengths.
    """
    half = np.subtract(ones, others, dtype=np.float64) / 2
    middle = np.add(ones, others, dtype=np.float64).sum(0) / 2
    half = half[(half != 0).any(1)]  # the others cannot tell
    if not len(half):
        return 1.0

    def apart(moved: np.ndarray) -> np.ndarray:
        distance: np.ndarray = np.abs(score(middle + moved) - score(middle - moved))
        return distance

    found, rng, extreme = apart(half.sum(0)), np.random.default_rng(seed), 0
    step = max(1, _BLOCK // len(half))
    for start in range(0, draws, step):
        signs = rng.integers(0, 2, (min(step, draws - start), len(half)), np.int8) * 2.0 - 1.0
        extreme += int((apart(signs @ half) >= found * (1 - 1e-12)).sum())
    return (extreme + 1) / (draws + 1)


def detectable(seeds: int, comparisons: int, level: float = 0.05, power: float = 0.8) -> float:
    """The difference that `seeds` pairs show with a chance of `power`, in standard deviations of a pair's difference.

    For a two-sided paired t-test at level / comparisons, what Holm asks of the smallest p; infinite for one seed. From
    the noncentral t distribution (Cohen 1988, ch. 2).
    """
    from scipy.optimize import brentq
    from scipy.stats import nct, t

    if seeds < 2:
        return math.inf
    critical = float(t.ppf(1 - level / comparisons / 2, seeds - 1))

    def missing(effect: float) -> float:
        return float(nct.sf(critical, seeds - 1, effect * math.sqrt(seeds))) - power

    high = 1.0
    while missing(high) < 0:
        high *= 2
    return float(brentq(missing, 0.0, high))
