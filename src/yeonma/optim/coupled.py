"""Rows that a velocity carries on while they sleep: Momentum, NAG."""

from __future__ import annotations

from collections.abc import Mapping
from math import inf, log, sqrt

import numpy as np

from yeonma.errors import ConfigError
from yeonma.optim.memory import Floats, Ints
from yeonma.optim.settings import Settings
from yeonma.optim.sleep import NOTHING, Sleep, Wake, logarithm


class Coupled(Sleep):
    """One slot v and the weight turn into each other, by one 2 × 2 matrix a step for all weights.

    A sleep is the product of its matrices. A product is carried along until it has become a multiple of (1, ρ), the
    direction that weight and velocity keep once v is used up; then it goes on as one factor.
    Columns: log σ (that factor, added up), ρ, the product begun here (4), the step up to which it goes, and how far the
    smaller eigenvalues have fallen behind the larger (logarithms, added up).
    """

    columns = 8
    takes_l2 = True
    SIGMA, RHO, PRODUCT, UNTIL, BEHIND = 0, 1, slice(2, 6), 6, 7
    SLOWEST = 0.9995
    USED_UP = -log(1e-18)

    def restart(self, base: int, history: Floats | None = None) -> None:
        """As every sleep, with a product that begins at the base."""
        super().restart(base, history)
        if history is None:
            self._begin(self._lines[0], base)

    def _begin(self, line: Floats, t: int) -> None:
        line[self.PRODUCT] = (1.0, 0.0, 0.0, 1.0)
        line[self.UNTIL] = t

    def moves(self) -> bool:
        """Always: a velocity carries on."""
        return True

    def check(self, settings: Settings) -> None:
        """As every sleep; and a velocity must be used up faster than the weight decays."""
        super().check(settings)
        if not self._ratio(settings) < self.SLOWEST:
            raise ConfigError(
                f"On a RowTable {self.form.function.__name__} needs a decay that is slow beside its velocity: with "
                f"momentum {settings.hyper['momentum']:g} lr · weight_decay must stay below 1 − momentum, and lr · l2 "
                f"below about (1 − momentum)² / 4; got {1 - settings.shrink:.3g} and {settings.lr * settings.l2:.3g}. "
                f"Momentum itself may be {self.SLOWEST} at most."
            )

    def _matrix(self, settings: Settings) -> tuple[float, float, float, float]:
        (slot,) = self.form.elements
        by_weight, (v_by_weight,) = self.coast(settings.l2, 1, settings, {}, **{slot: 0.0})
        by_slot, (v_by_slot,) = self.coast(0.0, 1, settings, {}, **{slot: 1.0})
        return settings.shrink + by_weight, by_slot, v_by_weight, v_by_slot

    def _ratio(self, settings: Settings) -> float:
        """The smaller eigenvalue of a step over the larger; inf where there is none or the velocity has it."""
        a, b, c, d = self._matrix(settings)
        half, apart = (a + d) / 2, ((a - d) / 2) ** 2 + b * c
        if apart < 0 or a <= d:
            return inf
        return abs(half - sqrt(apart)) / (half + sqrt(apart))

    def record(self, t: int, settings: Settings, scalars: Mapping[str, float]) -> None:
        """Carry the products on by the matrix of the step."""
        a, b, c, d = self._matrix(settings)
        line, before = self._next_line(), self._lines[self.steps - 1]
        sigma = a + b * before[self.RHO]
        line[self.SIGMA] = before[self.SIGMA] + logarithm(sigma)
        line[self.RHO] = (c + d * before[self.RHO]) / sigma
        line[self.BEHIND] = before[self.BEHIND] - logarithm(self._ratio(settings))
        self._begin(line, t)
        carried = self._lines[: self.steps]
        carried = carried[carried[:, self.BEHIND].searchsorted(before[self.BEHIND] - self.USED_UP, side="right") :]
        p, q, r, s = carried[:, self.PRODUCT].T.copy()
        carried[:, self.PRODUCT] = np.stack([a * p + b * r, a * q + b * s, c * p + d * r, c * q + d * s], 1)
        carried[:, self.UNTIL] = t

    def wake(self, starts: Ints) -> Wake:
        """The product of the steps slept: as carried, or its remains along (1, ρ)."""
        lines, now = self._lines[starts - self.base], self._lines[self.steps]
        couple = lines[:, self.PRODUCT].copy()
        until = lines[:, self.UNTIL].astype(np.int64)
        old = until < self.base + self.steps
        since = np.exp(now[self.SIGMA] - self._lines[until[old] - self.base, self.SIGMA])
        couple[old, :2] *= since[:, None]
        couple[old, 2:] = couple[old, :2] * now[self.RHO]
        couple[np.abs(couple) < NOTHING] = 0.0
        return Wake(None, {}, couple)
