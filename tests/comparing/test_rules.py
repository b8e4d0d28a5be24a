"""The rules, in numbers and in words."""

from __future__ import annotations

import pytest

from yeonma.comparing.rules import Rules
from yeonma.errors import ConfigError

SPACES = {"train.learning_rate": "log:1e-5..10"}


@pytest.mark.parametrize(
    "wrong",
    [
        {"examples": None}, {"cpu_seconds": 3.0}, {"examples": 0}, {"seeds": 0}, {"trials": -1}, {"evaluations": 0},
        {"examples": None, "cpu_seconds": float("inf")},
    ],
)  # fmt: skip
def test_rules_that_cannot_be_kept_are_refused(wrong):
    with pytest.raises(ConfigError, match=r"A study (has one budget|needs)"):
        Rules(**{"trials": 4, "seeds": 3, "examples": 100, **wrong})


def test_the_words_say_the_numbers():
    said = "\n".join(Rules(12, 5, 20_000, spaces=SPACES).lines(9, 42))
    for words in ("20,000 training examples", "12 trials", "1e-05 … 10, log-uniform", "seeds 43 … 47", "80 %",
                  "Trials 1 … 6", "none is pruned", "read once"):  # fmt: skip
        assert words in said, words
    assert "3 CPU seconds" in "\n".join(Rules(12, 5, None, 3.0, spaces=SPACES).lines(9, 42))


def test_too_few_seeds_are_named_before_anything_runs():
    assert Rules(4, 1, 100).sight(3).startswith("TOO FEW SEEDS")
    assert Rules(4, 3, 100).sight(9).startswith("TOO FEW SEEDS")
    assert Rules(4, 10, 100).sight(2).startswith("10 seeds")
    assert "nothing is compared" in Rules(4, 5, 100).sight(1)


def test_without_tuning_no_space_is_named():
    said = "\n".join(Rules(0, 3, 100).lines(2, 1))
    assert "Tuning: none" in said
    assert "Search space" not in said
