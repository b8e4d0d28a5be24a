"""Learning rates found once for all tests, the texts of a figure, and a rule that was registered a moment ago."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from yeonma.optim.registry import RULES, Rule, rule
from yeonma.pictures.tuning import Choices, tune_all


@pytest.fixture(scope="session")
def chosen() -> Choices:
    return tune_all()


@pytest.fixture
def newcomer() -> Iterator[Rule]:
    """The sign of the gradient, registered for one test."""

    @rule("Newcomer", lr=0.1, parents={"sgd": "looks at the sign alone"}, paper="Riedmiller 1993")
    def newcomer(g, s, t, lr):
        """Δ = −α g / |g|

        Riedmiller 1993, Rprop.
        """
        return -lr * g / (abs(g) + 1e-30), s

    yield RULES["newcomer"]
    del RULES["newcomer"]
