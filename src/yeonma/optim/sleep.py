"""What a row does while it sleeps: the steps of a rule without a gradient, many at once.

A row that was last current after step s is needed as it stands after step `now`. The k = now − s steps between had no
gradient for it, and what a rule does then is simpler than the rule:

    still    W ← c W          each slot ← f · slot        GD, SGD, Adagrad, RMSProp, AdaDelta
    coupled  [W, v] ← M [W, v]                            Momentum, NAG
    rooted   W ← c W − m Σ a f(b √v), m ← f₁ m, v ← f₂ v  Adam, Nadam        f(y) = 1/√(y² + ε) or 1/(y + ε)

The numbers c, f, M, a, b are not written down again: they are read off the rule's own function by calling it without a
gradient on states of 0 and 1 (`record`, once a step, in double precision). Decoupled decay is in all three; coupled
decay (`l2`) gives a sleeping row the gradient l2 · W, which still and coupled rows can take and a root cannot.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from math import log
from typing import Any, ClassVar, NamedTuple

import numpy as np

from yeonma.errors import ConfigError
from yeonma.optim.memory import Floats, Ints
from yeonma.optim.registry import Form
from yeonma.optim.settings import Settings

NOTHING = 1e-30  # a factor below this is 0: no weight of any precision sees it, and subnormal numbers are slow


class Wake(NamedTuple):
    """What waking does to U rows; None: nothing of that kind.

    scale   (U,) on the weight            fade   slot → (U,) on the slot
    couple  (U, 4) [a, b, c, d]: W ← a W + b v, v ← c W + d v
    root    the sum over the steps slept
    """

    scale: Floats | None
    fade: Mapping[str, Floats]
    couple: Floats | None = None
    root: Root | None = None


class Root(NamedTuple):
    """W ← scale W − m Σᵢ weights[i] f(nodes[i] √v); row r reads i from first[r] to first[r] + counts[r], times tail[r].

    inside   f(y) = 1/√(y² + eps), else 1/(y + eps)
    """

    first: Ints
    counts: Ints
    tail: Floats
    nodes: Floats
    weights: Floats
    eps: float
    inside: bool


class Sleep(ABC):
    """The steps taken so far, as a sleeping row sees them.

    `history` is (steps + 1, columns) float64: line n − base is what step n did; `base` is the step at which every row
    was awake. `exact` asks for sums to the last digit of double precision instead of single.
    """

    columns: ClassVar[int]
    takes_l2: ClassVar[bool] = False

    def __init__(self, form: Form, exact: bool = False) -> None:
        self.form, self.exact = form, exact
        self.restart(0)

    def restart(self, base: int, history: Floats | None = None) -> None:
        """Forget the steps up to `base`: no row slept through them. Or take up a history that was saved."""
        self.base = base
        self.steps = 0 if history is None else len(history) - 1
        self._lines = np.zeros((64, self.columns)) if history is None else np.array(history, np.float64)

    @property
    def history(self) -> Floats:
        """(steps + 1, columns), what must be saved."""
        return self._lines[: self.steps + 1]

    def _next_line(self) -> Floats:
        if self.steps + 1 >= len(self._lines):
            self._lines = np.concatenate([self._lines, np.zeros_like(self._lines)])
        self.steps += 1
        line: Floats = self._lines[self.steps]
        return line

    def check(self, settings: Settings) -> None:
        """Refuse settings under which no sum over the steps slept exists.

        Raises: ConfigError.
        """
        if settings.l2 and not self.takes_l2:
            raise ConfigError(
                f"l2 is not exact on a RowTable under {self.form.function.__name__}: the gradient l2 · W of a "
                "sleeping row goes through a square, and its steps have no sum. Use weight_decay (decoupled), or an "
                'nn.Embedding in place of the RowTable (in a config: encoder.rows = "dense").'
            )
        if settings.shrink - settings.lr * settings.l2 <= 0:
            raise ConfigError(
                "On a RowTable lr · (weight_decay + l2) must be below 1, or the weights turn over; "
                f"got {1 - settings.shrink + settings.lr * settings.l2:.3g}."
            )

    def goes_on(self, settings: Settings) -> bool:
        """Whether rows may sleep on through a step with these settings; else they are all woken before it."""
        return True

    def coast(self, g: float, t: int, settings: Settings, scalars: Mapping[str, float], **slots: float) -> Any:
        """The rule itself on one number: (delta, new state)."""
        state = self.form.State(**slots, **scalars)
        return self.form.function(g, state, t, settings.lr, **settings.hyper)

    @abstractmethod
    def moves(self) -> bool:
        """Whether any weight that slept may stand elsewhere than where it was left."""

    @abstractmethod
    def record(self, t: int, settings: Settings, scalars: Mapping[str, float]) -> None:
        """Step `t` has been taken; `scalars` are the scalar slots before it."""

    @abstractmethod
    def wake(self, starts: Ints) -> Wake:
        """What brings rows that were current after the steps `starts` (U,) to the last step."""


def logarithm(factor: float) -> float:
    """The log of a factor; of 0 one that is below NOTHING, and no lower, so that sums of it keep their digits."""
    return log(factor) if factor > 0 else -80.0
