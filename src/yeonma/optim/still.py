"""Rows that stay where they are while they sleep, or shrink: GD, SGD, Adagrad, RMSProp, AdaDelta."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from yeonma.optim.memory import Ints
from yeonma.optim.registry import Form
from yeonma.optim.settings import Settings
from yeonma.optim.sleep import NOTHING, Sleep, Wake, logarithm


class Still(Sleep):
    """The weight stays or shrinks, and every slot fades by a factor of its own.

    Columns: the logarithms of the weight's factor and of each slot's, added up over the steps.
    """

    takes_l2 = True

    def __init__(self, form: Form, exact: bool = False) -> None:
        self.columns = 1 + len(form.elements)  # type: ignore[misc]
        self.takes_l2 = not form.slots  # type: ignore[misc]
        super().__init__(form, exact)

    def moves(self) -> bool:
        """Only under decay."""
        return bool(self._lines[self.steps, 0] != 0)

    def record(self, t: int, settings: Settings, scalars: Mapping[str, float]) -> None:
        """Read every factor off one call of the rule."""
        delta, new = self.coast(settings.l2, t, settings, scalars, **dict.fromkeys(self.form.elements, 1.0))
        factors = [settings.shrink + (delta if settings.l2 else 0.0), *(getattr(new, x) for x in self.form.elements)]
        line = self._next_line()
        line[:] = self._lines[self.steps - 1] + np.array([logarithm(factor) for factor in factors])

    def wake(self, starts: Ints) -> Wake:
        """The factors of the steps slept."""
        factors = np.exp(self._lines[self.steps] - self._lines[starts - self.base])
        factors[factors < NOTHING] = 0.0
        fade = {slot: factors[:, k] for k, slot in enumerate(self.form.elements, start=1)}
        changed = {slot: factor for slot, factor in fade.items() if (factor != 1).any()}
        return Wake(factors[:, 0] if self.moves() else None, changed)
